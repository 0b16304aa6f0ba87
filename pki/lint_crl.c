/* The lint of a complete CRL (RFC 5280 5).  One walk; nothing is allocated for an entry. */
#include "config.h"

#include "pki/lint_rules.h"

#define VERSION_2 1

static const struct lint_signature_rules signature_rules = {
    .mismatch = LINT_CRL_ALGORITHM_MISMATCH,
    .sha1 = LINT_CRL_SHA1,
    .unknown = LINT_CRL_ALGORITHM_UNKNOWN,
    .parameters = LINT_CRL_ALGORITHM_PARAMETERS,
    .not_of_issuer = LINT_CRL_ALGORITHM_NOT_OF_ISSUER,
    .malformed = LINT_CRL_SIGNATURE_MALFORMED,
};

struct crl_parts {
    bool has_version, has_next, has_entries, has_extensions;
    struct bytes version, inner, outer, issuer, signature;
    struct der_item this_update, next_update;
    struct bytes entries; /* content */
    struct lint_extensions extensions;
    bool extensions_malformed, extensions_empty;
};

static bool is_time(struct bytes rest)
{
    return der_is(rest, DER_UTC_TIME) || der_is(rest, DER_GENERALIZED_TIME);
}

static enum lint_shape read_crl(struct bytes der, struct crl_parts *parts)
{
    struct bytes tbs;
    struct der_item item, list;
    enum lint_shape shape;

    memset(parts, 0, sizeof *parts);
    shape = lint_read_signed(der, &tbs, &parts->outer, &parts->signature);
    if (shape == SHAPE_NONE)
        return shape;
    if ((parts->has_version = der_next_of(&tbs, DER_INTEGER, &item)))
        parts->version = item.content;
    if (!der_next_of(&tbs, DER_SEQUENCE, &item))
        return SHAPE_NONE;
    parts->inner = item.whole;
    if (!der_next_of(&tbs, DER_SEQUENCE, &item))
        return SHAPE_NONE;
    parts->issuer = item.whole;
    if (!is_time(tbs) || !der_next(&tbs, &parts->this_update))
        return SHAPE_NONE;
    if ((parts->has_next = is_time(tbs)) && !der_next(&tbs, &parts->next_update))
        return SHAPE_NONE;
    if ((parts->has_entries = der_next_of(&tbs, DER_SEQUENCE, &item)))
        parts->entries = item.content;
    parts->has_extensions = der_next_of(&tbs, DER_CONTEXT_CONSTRUCTED + 0, &item);
    if (tbs.len > 0)
        return SHAPE_NONE;
    if (!parts->has_extensions)
        return shape;
    if (!der_next_of(&item.content, DER_SEQUENCE, &list) || item.content.len > 0)
        return SHAPE_NONE;
    parts->extensions_empty = list.content.len == 0;
    parts->extensions_malformed = !lint_read_extensions(list.content, &parts->extensions);
    return shape;
}

/* INT64_MIN: is none, or it is not there; rules are struck. */
static int64_t check_time(struct lint_run *run, const struct der_item *item)
{
    int64_t unix_s = INT64_MIN;

    if (der_time_fault(item, &unix_s) != NULL)
        lint_strike(run, unix_s == INT64_MIN ? LINT_CRL_TIME_MALFORMED : LINT_CRL_TIME_PRE2050);
    return unix_s;
}

static int64_t check_times(struct lint_run *run, const struct crl_parts *parts,
                           const struct lint_issuer *issuer)
{
    int64_t now_s = run->context->now_s, begins, this_s, next_s = INT64_MIN;

    this_s = check_time(run, &parts->this_update);
    if (!parts->has_next)
        lint_strike(run, LINT_CRL_NO_NEXT_UPDATE);
    else
        next_s = check_time(run, &parts->next_update);
    if (this_s == INT64_MIN)
        return this_s;
    if (next_s != INT64_MIN && next_s <= this_s)
        lint_strike(run, LINT_CRL_NEXT_UPDATE_INVALID);
    else if (next_s != INT64_MIN && now_s != 0 && next_s < now_s)
        lint_strike(run, LINT_CRL_EXPIRED);
    if (now_s != 0 && this_s > now_s)
        lint_strike(run, LINT_CRL_IN_FUTURE);
    begins = INT64_MIN;
    if (issuer->readable)
        (void)der_time_fault(&issuer->parts.times[0], &begins);
    if (begins != INT64_MIN && this_s < begins)
        lint_strike(run, LINT_CRL_BEFORE_ISSUER);
    return this_s;
}

static void check_issuer(struct lint_run *run, const struct crl_parts *parts,
                         const struct lint_issuer *issuer)
{
    const struct lint_extension *usage = lint_find(&issuer->parts.extensions, ID_KEY_USAGE);
    const struct lint_extension *constraints =
        lint_find(&issuer->parts.extensions, ID_BASIC_CONSTRAINTS);
    bool ca = false, other;
    int64_t path_length;
    unsigned bits = KU_CRL_SIGN;

    if (issuer->self) /* nobody was told: nothing to hold it against */
        return;
    if (!issuer->readable || constraints == NULL ||
        !lint_basic_constraints(constraints->value, &ca, &path_length, &other) || !ca ||
        (usage != NULL && !lint_key_usage(usage->value, &bits, &other)) ||
        (bits & KU_CRL_SIGN) == 0)
        lint_strike(run, LINT_CRL_ISSUER_MAY_NOT_SIGN);
    if (issuer->readable && !bytes_equal(parts->issuer, issuer->parts.subject))
        lint_strike(run, LINT_CRL_ISSUER_MISMATCH);
}

static void check_number(struct lint_run *run, const struct lint_extension *found)
{
    struct bytes rest;
    struct der_item item;

    if (found == NULL) {
        lint_strike(run, LINT_CRL_NUMBER_MISSING);
        return;
    }
    if (found->critical)
        lint_strike(run, LINT_CRL_NUMBER_CRITICAL);
    rest = found->value;
    if (!der_next_of(&rest, DER_INTEGER, &item) || rest.len > 0 || item.content.len == 0)
        lint_strike(run, LINT_CRL_EXTENSION_MALFORMED);
    else if (item.content.ptr[0] >= 0x80 || item.content.len > 20)
        lint_strike(run, LINT_CRL_NUMBER_LONG);
}

static void check_aki(struct lint_run *run, const struct lint_extension *found,
                      const struct lint_issuer *issuer)
{
    const struct lint_extension *own = lint_find(&issuer->parts.extensions, ID_SKI);
    struct lint_aki aki;
    struct der_item item;
    struct bytes rest;

    if (found == NULL) {
        lint_strike(run, LINT_CRL_AKI_MISSING);
        return;
    }
    if (found->critical)
        lint_strike(run, LINT_CRL_AKI_CRITICAL);
    if (!lint_read_aki(found->value, &aki)) {
        lint_strike(run, LINT_CRL_EXTENSION_MALFORMED);
        return;
    }
    if (!aki.has_key_id || aki.has_issuer_or_serial) {
        lint_strike(run, LINT_CRL_AKI_FORM);
        return;
    }
    if (own == NULL)
        return;
    rest = own->value;
    if (der_next_of(&rest, DER_OCTET_STRING, &item) && !bytes_equal(item.content, aki.key_id))
        lint_strike(run, LINT_CRL_AKI_MISMATCH);
}

static void check_extensions(struct lint_run *run, const struct crl_parts *parts,
                             const struct lint_issuer *issuer)
{
    const struct lint_extensions *all = &parts->extensions;

    if (parts->extensions_malformed) {
        lint_strike(run, LINT_CRL_EXTENSION_MALFORMED);
        return;
    }
    if (parts->extensions_empty)
        lint_strike(run, LINT_CRL_NO_EXTENSIONS);
    if (all->duplicate)
        lint_strike(run, LINT_CRL_EXTENSION_DUPLICATE);
    for (size_t i = 0; i < all->n; i++) {
        int id = all->at[i].id;

        if (all->at[i].default_encoded)
            lint_strike(run, LINT_CRL_DEFAULT_ENCODED);
        if (id == ID_IDP)
            lint_strike(run, LINT_CRL_IDP);
        else if (id == ID_DELTA_CRL)
            lint_strike(run, LINT_CRL_DELTA);
        else if (all->at[i].critical && id != ID_AKI && id != ID_CRL_NUMBER)
            lint_strike(run, LINT_CRL_EXTENSION_UNKNOWN_CRITICAL);
    }
    check_number(run, lint_find(all, ID_CRL_NUMBER));
    check_aki(run, lint_find(all, ID_AKI), issuer);
}

static void check_reason(struct lint_run *run, const struct lint_extension *extension)
{
    struct bytes rest = extension->value;
    struct der_item item;

    if (extension->critical)
        lint_strike(run, LINT_CRL_REASON_CRITICAL);
    if (!der_next_of(&rest, DER_ENUMERATED, &item) || rest.len > 0 || item.content.len != 1) {
        lint_strike(run, LINT_CRL_EXTENSION_MALFORMED);
        return;
    }
    switch (item.content.ptr[0]) {
    case 0:
        lint_strike(run, LINT_CRL_REASON_UNSPECIFIED);
        break;
    case 8:
        lint_strike(run, LINT_CRL_REASON_REMOVE);
        break;
    case 7:
        lint_strike(run, LINT_CRL_REASON_INVALID);
        break;
    default:
        if (item.content.ptr[0] > 10)
            lint_strike(run, LINT_CRL_REASON_INVALID);
        break;
    }
}

static void check_entry_extensions(struct lint_run *run, struct bytes content)
{
    struct bytes all = content;
    struct lint_extension extension, other;

    if (content.len == 0)
        lint_strike(run, LINT_CRL_NO_EXTENSIONS);
    while (content.len > 0) {
        struct bytes before = bytes_of(all.ptr, all.len - content.len);

        if (!lint_next_extension(&content, &extension)) {
            lint_strike(run, LINT_CRL_EXTENSION_MALFORMED);
            return;
        }
        while (lint_next_extension(&before, &other))
            if (bytes_equal(other.oid, extension.oid))
                lint_strike(run, LINT_CRL_EXTENSION_DUPLICATE);
        if (extension.default_encoded)
            lint_strike(run, LINT_CRL_DEFAULT_ENCODED);
        if (extension.id == ID_REASON)
            check_reason(run, &extension);
        else if (extension.critical)
            lint_strike(run, LINT_CRL_EXTENSION_UNKNOWN_CRITICAL);
    }
}

/* Positive, minimal numbers: the longer one is the larger one.  Below 0: in order. */
static int order_of(struct bytes before, struct bytes after)
{
    if (before.len != after.len)
        return before.len < after.len ? -1 : 1;
    return before.len == 0 ? 0 : memcmp(before.ptr, after.ptr, before.len);
}

/*
 * Serials that no CA of today gives out are revoked nevertheless, for a CA that was taken over has them, and a CRL that is
 * not made would lock out everybody: zero, and 20 octets whose first bit is set, which makes 21.
 */
static bool is_revocable(struct bytes serial)
{
    return (serial.len == 1 && serial.ptr[0] == 0) ||
           (serial.len == 21 && serial.ptr[0] == 0 && serial.ptr[1] >= 0x80) ||
           der_serial_fault(serial) == NULL;
}

/* False when it is not a list of entries. */
static bool check_entries(struct lint_run *run, struct bytes entries, int64_t this_s)
{
    struct bytes before = {0};

    while (entries.len > 0) {
        struct der_item entry, serial, date, list;
        int64_t revoked_s;
        int order;

        if (!der_next_of(&entries, DER_SEQUENCE, &entry) ||
            !der_next_of(&entry.content, DER_INTEGER, &serial) || !der_next(&entry.content, &date))
            return false;
        if (!is_revocable(serial.content))
            lint_strike(run, LINT_CRL_ENTRY_SERIAL);
        order = before.ptr != NULL ? order_of(before, serial.content) : -1;
        if (order == 0)
            lint_strike(run, LINT_CRL_SERIAL_TWICE);
        else if (order > 0)
            lint_strike(run, LINT_CRL_NOT_SORTED);
        before = serial.content;
        revoked_s = check_time(run, &date);
        if (this_s != INT64_MIN && revoked_s != INT64_MIN && revoked_s > this_s)
            lint_strike(run, LINT_CRL_ENTRY_AHEAD);
        if (entry.content.len == 0)
            continue;
        if (!der_next_of(&entry.content, DER_SEQUENCE, &list) || entry.content.len > 0)
            return false;
        check_entry_extensions(run, list.content);
    }
    return true;
}

size_t lint_crl(struct bytes der, const struct lint_context *context,
                struct lint_finding findings[LINT_FINDINGS])
{
    struct lint_run run = {.context = context, .findings = findings};
    struct lint_issuer issuer = {.self = context->issuer.len == 0};
    struct crl_parts parts;
    int64_t this_s;
    bool entries_sound;

    switch (read_crl(der, &parts)) {
    case SHAPE_TRAILING:
        lint_strike(&run, LINT_CRL_TRAILING_OCTETS);
        return run.n;
    case SHAPE_NONE:
        lint_strike(&run, LINT_CRL_NOT_DER);
        return run.n;
    case SHAPE_WHOLE:
        break;
    }
    issuer.readable = !issuer.self && lint_read(context->issuer, &issuer.parts) == SHAPE_WHOLE;
    if (!parts.has_version || parts.version.len != 1 || parts.version.ptr[0] != VERSION_2)
        lint_strike(&run, LINT_CRL_VERSION);
    lint_signature_check(&run, &signature_rules, parts.inner, parts.outer, parts.signature,
                         issuer.readable ? issuer.parts.spki : bytes_of(NULL, 0));
    check_issuer(&run, &parts, &issuer);
    this_s = check_times(&run, &parts, &issuer);
    check_extensions(&run, &parts, &issuer);
    if (parts.has_entries && parts.entries.len == 0)
        lint_strike(&run, LINT_CRL_EMPTY_LIST);
    entries_sound = check_entries(&run, parts.entries, this_s);
    /* A serial with a zero in front is no DER either, and was said. */
    if (!entries_sound || (!der_is_whole(der) && !run.struck[LINT_CRL_ENTRY_SERIAL]))
        lint_strike(&run, LINT_CRL_NOT_DER);
    return run.n;
}
