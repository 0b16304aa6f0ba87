/* Rules about the subject and its alternative names. */
#include "config.h"

#include "pki/lint_rules.h"
#include "pki/name.h"

#include "common/text.h"

#define ID_CN      3 /* of id-at, 2.5.4 */
#define ID_COUNTRY 6

static const uint8_t id_at[] = {0x55, 0x04};
/* domainComponent and emailAddress are IA5Strings (RFC 4519 2.4, RFC 5280 A.1). */
static const uint8_t domain_component[] = {0x09, 0x92, 0x26, 0x89, 0x93,
                                           0xf2, 0x2c, 0x64, 0x01, 0x19};
static const uint8_t email_address[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x01};

/* Which flaw of an attribute is which rule. */
static const struct {
    enum name_flaw flaw;
    enum lint_id rule;
    bool of_leaf_cn; /* alone */
} flaw_rules[] = {
    {NAME_EMPTY, LINT_NAME_EMPTY_VALUE, false},
    {NAME_NOT_UTF8, LINT_NAME_LATIN1, false},
    {NAME_CONTROL, LINT_NAME_NOT_PRINTABLE, false},
    {NAME_INVISIBLE, LINT_NAME_NOT_PRINTABLE, false},
    {NAME_UNASSIGNED, LINT_NAME_NOT_PRINTABLE, false},
    {NAME_BLANK_FIRST, LINT_NAME_LEADING_BLANK, false},
    {NAME_BLANK_LAST, LINT_NAME_TRAILING_BLANK, false},
    {NAME_NOT_COMPOSED, LINT_NAME_NOT_NFC, false},
    {NAME_STAR, LINT_CN_UNFIT, true},
    {NAME_SLASH, LINT_CN_UNFIT, true},
    {NAME_MARK_FIRST, LINT_CN_UNFIT, true},
    {NAME_DOT_FIRST, LINT_CN_UNFIT, true},
};

/* The number of an id-at attribute; -1 = another OID. */
static int attribute_id(struct bytes oid)
{
    return oid.len == 3 && memcmp(oid.ptr, id_at, sizeof id_at) == 0 ? oid.ptr[2] : -1;
}

static bool is_printable(struct bytes text)
{
    for (size_t i = 0; i < text.len; i++)
        if (!g_ascii_isalnum(text.ptr[i]) &&
            (text.ptr[i] == '\0' || strchr(" '()+,-./:=?", text.ptr[i]) == NULL))
            return false;
    return true;
}

static bool takes_ia5(struct bytes oid)
{
    return bytes_equal(oid, bytes_of(domain_component, sizeof domain_component)) ||
           bytes_equal(oid, bytes_of(email_address, sizeof email_address));
}

static void check_string(struct lint_run *run, struct bytes oid, const struct der_item *value)
{
    bool is_cn = attribute_id(oid) == ID_CN, leaf_cn = is_cn && run->context->use != LINT_CA;
    struct bytes judged = value->content;
    unsigned flaws;

    if (value->tag != DER_UTF8_STRING && value->tag != DER_PRINTABLE_STRING &&
        !(value->tag == DER_IA5_STRING && takes_ia5(oid))) {
        lint_strike(run, LINT_NAME_STRING_TYPE);
        return;
    }
    if (attribute_id(oid) == ID_COUNTRY && value->tag != DER_PRINTABLE_STRING)
        lint_strike(run, LINT_NAME_COUNTRY);
    if (value->tag == DER_PRINTABLE_STRING && !is_printable(value->content)) {
        lint_strike(run, LINT_NAME_BAD_ALPHA);
        return;
    }
    /* A server may be called "*.example.com". */
    if (leaf_cn && run->context->use == LINT_SERVER && judged.len > 2 &&
        memcmp(judged.ptr, "*.", 2) == 0)
        judged = bytes_of(judged.ptr + 2, judged.len - 2);
    flaws = name_flaws(judged);
    for (size_t i = 0; i < G_N_ELEMENTS(flaw_rules); i++)
        if ((flaws & 1u << flaw_rules[i].flaw) != 0 && (leaf_cn || !flaw_rules[i].of_leaf_cn))
            lint_strike(run, flaw_rules[i].rule);
    if (is_cn && value->content.len > NAME_ROLE_MAX)
        lint_strike(run, LINT_CN_LONG);
}

/* Walks the subject; false when it is no Name.  The last CN, and how many there are. */
static bool check_subject(struct lint_run *run, struct bytes name, struct bytes *cn, size_t *cns)
{
    struct der_item whole, set, pair, oid, value;

    if (!der_next_of(&name, DER_SEQUENCE, &whole))
        return false;
    while (whole.content.len > 0) {
        if (!der_next_of(&whole.content, DER_SET, &set) || set.content.len == 0)
            return false;
        while (set.content.len > 0) {
            if (!der_next_of(&set.content, DER_SEQUENCE, &pair) ||
                !der_next_of(&pair.content, DER_OID, &oid) || !der_next(&pair.content, &value) ||
                pair.content.len > 0)
                return false;
            check_string(run, oid.content, &value);
            if (attribute_id(oid.content) == ID_CN) {
                *cn = value.content;
                ++*cns;
            }
        }
    }
    return true;
}

/* Is it one of the alternative names?  Host names are compared regardless of case, addresses by their octets. */
static bool is_among(struct bytes cn, struct bytes names)
{
    struct der_item item;
    uint8_t octets[16];
    size_t len = 0;
    char *text = g_strndup((const char *)cn.ptr, cn.len);
    bool is_ip = strlen(text) == cn.len && name_ip_octets(text, octets, &len), found = false;

    while (!found && der_next(&names, &item)) {
        if (item.tag == DER_CONTEXT + 2)
            found = item.content.len == cn.len &&
                    g_ascii_strncasecmp((const char *)item.content.ptr, text, cn.len) == 0;
        else if (item.tag == DER_CONTEXT + 7)
            found = is_ip && bytes_equal(item.content, bytes_of(octets, len));
    }
    g_free(text);
    return found;
}

void lint_names_check(struct lint_run *run, const struct lint_parts *parts)
{
    const struct lint_extension *san = lint_find(&parts->extensions, ID_SAN);
    struct bytes cn = {0}, names;
    size_t cns = 0;
    struct der_item list = {0};

    if (!check_subject(run, parts->subject, &cn, &cns)) {
        lint_strike(run, LINT_NAME_MALFORMED);
        return;
    }
    if (run->context->use == LINT_CA) {
        if (parts->subject.len == 2)
            lint_strike(run, LINT_SUBJECT_EMPTY);
        return;
    }
    if (cns != 1)
        lint_strike(run, LINT_CN_COUNT);
    if (run->context->use != LINT_SERVER || cns != 1 || san == NULL)
        return;
    names = san->value;
    if (der_next_of(&names, DER_SEQUENCE, &list) && list.content.len > 0 &&
        !is_among(cn, list.content))
        lint_strike(run, LINT_CN_NOT_IN_SAN);
}

/* Is the text, as people write it, one of that kind and in its one form? */
static bool is_san(const char *prefix, enum name_kind kind, struct bytes text)
{
    GString *whole = g_string_new(prefix);
    struct name_san san = {0};
    bool is;

    g_string_append_len(whole, (const char *)text.ptr, (gssize)text.len);
    is = name_san_parse(bytes_of(whole->str, whole->len), &san) == NULL && san.kind == kind &&
         bytes_equal(bytes_str(san.text), text);
    name_san_clear(&san);
    g_string_free(whole, TRUE);
    return is;
}

static void check_dns(struct lint_run *run, struct bytes text)
{
    const uint8_t *star = text.len > 0 ? memchr(text.ptr, '*', text.len) : NULL;
    char *copy = g_strndup((const char *)text.ptr, text.len);
    uint8_t octets[16];
    size_t len;

    if (name_ip_octets(copy, octets, &len))
        lint_strike(run, LINT_SAN_DNS_IS_IP);
    else if (text.len > 0 && memchr(text.ptr, '_', text.len) != NULL)
        lint_strike(run, LINT_SAN_UNDERSCORE);
    else if (star != NULL && (star != text.ptr || text.len < 3 || text.ptr[1] != '.' ||
                              memchr(text.ptr + 1, '*', text.len - 1) != NULL))
        lint_strike(run, LINT_SAN_BARE_WILDCARD);
    else if (!is_san("DNS:", NAME_DNS, text))
        lint_strike(run, LINT_SAN_DNS_SYNTAX);
    g_free(copy);
}

static void check_san(struct lint_run *run, const struct der_item *item)
{
    switch (item->tag) {
    case DER_CONTEXT + 2:
        check_dns(run, item->content);
        break;
    case DER_CONTEXT + 6:
        if (!is_san("URI:", NAME_URI, item->content))
            lint_strike(run, LINT_SAN_URI_SYNTAX);
        return;
    case DER_CONTEXT + 7:
        if (item->content.len != 4 && item->content.len != 16)
            lint_strike(run, LINT_SAN_IP_OCTETS);
        break;
    default:
        lint_strike(run, LINT_SAN_OTHER_KIND);
        return;
    }
    if (run->context->use == LINT_CLIENT)
        lint_strike(run, LINT_SAN_OF_CLIENT);
}

void lint_san_check(struct lint_run *run, const struct lint_parts *parts)
{
    const struct lint_extension *san = lint_find(&parts->extensions, ID_SAN);
    struct bytes rest;
    struct der_item list, item;

    if (san == NULL) {
        if (run->context->use == LINT_SERVER)
            lint_strike(run, LINT_SAN_MISSING);
        return;
    }
    if (san->critical && parts->subject.len > 2)
        lint_strike(run, LINT_SAN_CRITICAL);
    rest = san->value;
    if (!der_next_of(&rest, DER_SEQUENCE, &list) || rest.len > 0) {
        lint_strike(run, LINT_EXTENSION_MALFORMED);
        return;
    }
    if (list.content.len == 0)
        lint_strike(run, LINT_SAN_EMPTY);
    for (rest = list.content; rest.len > 0;) {
        struct bytes before = bytes_of(list.content.ptr, list.content.len - rest.len);
        struct der_item other;

        if (!der_next(&rest, &item)) {
            lint_strike(run, LINT_EXTENSION_MALFORMED);
            return;
        }
        check_san(run, &item);
        while (der_next(&before, &other))
            if (bytes_equal(other.whole, item.whole))
                lint_strike(run, LINT_SAN_DUPLICATE);
    }
}
