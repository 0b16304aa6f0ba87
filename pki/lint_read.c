/* What the lint reads of a certificate or a CRL: its parts, and the values that both have. */
#include "config.h"

#include "pki/lint_rules.h"

static const uint8_t id_ce[] = {0x55, 0x1d}; /* 2.5.29 */

bool lint_next_extension(struct bytes *rest, struct lint_extension *extension)
{
    struct der_item whole, oid, critical = {0}, value;

    if (!der_next_of(rest, DER_SEQUENCE, &whole))
        return false;
    if (!der_next_of(&whole.content, DER_OID, &oid))
        return false;
    if (der_next_of(&whole.content, DER_BOOLEAN, &critical) && critical.content.len != 1)
        return false;
    if (!der_next_of(&whole.content, DER_OCTET_STRING, &value) || whole.content.len > 0)
        return false;
    *extension = (struct lint_extension){.id = -1, .oid = oid.content, .value = value.content};
    if (oid.content.len == sizeof id_ce + 1 && memcmp(oid.content.ptr, id_ce, sizeof id_ce) == 0)
        extension->id = oid.content.ptr[sizeof id_ce];
    if (critical.content.len == 1) {
        extension->critical = critical.content.ptr[0] != 0;
        extension->default_encoded = !extension->critical;
    }
    return true;
}

bool lint_read_extensions(struct bytes content, struct lint_extensions *out)
{
    out->n = 0;
    out->duplicate = false;
    while (content.len > 0) {
        struct lint_extension *extension = &out->at[out->n];

        if (out->n == LINT_EXTENSIONS || !lint_next_extension(&content, extension))
            return false;
        for (size_t i = 0; i < out->n; i++)
            out->duplicate |= bytes_equal(out->at[i].oid, extension->oid);
        out->n++;
    }
    return true;
}

const struct lint_extension *lint_find(const struct lint_extensions *extensions, int id)
{
    for (size_t i = 0; i < extensions->n; i++)
        if (extensions->at[i].id == id)
            return &extensions->at[i];
    return NULL;
}

enum lint_shape lint_read_signed(struct bytes der, struct bytes *tbs, struct bytes *algorithm,
                                 struct bytes *signature)
{
    struct der_item whole, first, second, third;

    if (!der_next_of(&der, DER_SEQUENCE, &whole) ||
        !der_next_of(&whole.content, DER_SEQUENCE, &first) ||
        !der_next_of(&whole.content, DER_SEQUENCE, &second) ||
        !der_next_of(&whole.content, DER_BIT_STRING, &third) || whole.content.len > 0)
        return SHAPE_NONE;
    *tbs = first.content;
    *algorithm = second.whole;
    *signature = third.content;
    return der.len > 0 ? SHAPE_TRAILING : SHAPE_WHOLE;
}

/* [0] EXPLICIT INTEGER. */
static bool read_version(struct bytes *tbs, struct lint_parts *parts)
{
    struct der_item outer, inner;

    parts->has_version = der_is(*tbs, DER_CONTEXT_CONSTRUCTED + 0);
    if (!parts->has_version)
        return true;
    if (!der_next(tbs, &outer) || !der_next_of(&outer.content, DER_INTEGER, &inner) ||
        outer.content.len > 0)
        return false;
    parts->version = inner.content;
    return true;
}

/* issuerUniqueID [1], subjectUniqueID [2], extensions [3] EXPLICIT. */
static bool read_tail(struct bytes tbs, struct lint_parts *parts)
{
    struct der_item item, list;

    for (uint8_t n = 1; n <= 2; n++)
        if (der_next_of(&tbs, (uint8_t)(DER_CONTEXT + n), &item))
            parts->unique_identifier = true;
    parts->has_extensions = der_next_of(&tbs, DER_CONTEXT_CONSTRUCTED + 3, &item);
    if (tbs.len > 0)
        return false;
    if (!parts->has_extensions)
        return true;
    if (!der_next_of(&item.content, DER_SEQUENCE, &list) || item.content.len > 0)
        return false;
    parts->extensions_malformed =
        list.content.len == 0 || !lint_read_extensions(list.content, &parts->extensions);
    return true;
}

enum lint_shape lint_read(struct bytes der, struct lint_parts *parts)
{
    struct bytes tbs;
    struct der_item serial, inner, issuer, validity, subject, spki;
    enum lint_shape shape;

    memset(parts, 0, sizeof *parts);
    shape = lint_read_signed(der, &tbs, &parts->outer, &parts->signature);
    if (shape == SHAPE_NONE || !read_version(&tbs, parts) ||
        !der_next_of(&tbs, DER_INTEGER, &serial) || !der_next_of(&tbs, DER_SEQUENCE, &inner) ||
        !der_next_of(&tbs, DER_SEQUENCE, &issuer) || !der_next_of(&tbs, DER_SEQUENCE, &validity) ||
        !der_next_of(&tbs, DER_SEQUENCE, &subject) || !der_next_of(&tbs, DER_SEQUENCE, &spki))
        return SHAPE_NONE;
    if (!der_next(&validity.content, &parts->times[0]) ||
        !der_next(&validity.content, &parts->times[1]) || validity.content.len > 0)
        return SHAPE_NONE;
    parts->serial = serial.content;
    parts->inner = inner.whole;
    parts->issuer = issuer.whole;
    parts->subject = subject.whole;
    parts->spki = spki.whole;
    return read_tail(tbs, parts) ? shape : SHAPE_NONE;
}

bool lint_key_usage(struct bytes value, unsigned *bits, bool *superfluous)
{
    struct der_item item;
    uint8_t unused;
    size_t last;

    *bits = 0;
    *superfluous = false;
    if (!der_next_of(&value, DER_BIT_STRING, &item) || value.len > 0 || item.content.len < 1 ||
        item.content.len > 3)
        return false;
    unused = item.content.ptr[0];
    if (unused > 7 || (item.content.len == 1 && unused > 0))
        return false;
    for (size_t i = 0; i + 1 < item.content.len; i++)
        for (unsigned bit = 0; bit < 8; bit++)
            if ((item.content.ptr[1 + i] & 0x80u >> bit) != 0)
                *bits |= 1u << (8 * i + bit);
    /* X.690 11.2.2: a list of named bits ends with one that is set. */
    last = item.content.len - 1;
    *superfluous = last > 0 && (item.content.ptr[last] & 1u << unused) == 0;
    return true;
}

bool lint_basic_constraints(struct bytes value, bool *ca, int64_t *path_length,
                            bool *default_encoded)
{
    struct der_item whole, item;

    *ca = *default_encoded = false;
    *path_length = -1;
    if (!der_next_of(&value, DER_SEQUENCE, &whole) || value.len > 0)
        return false;
    if (der_next_of(&whole.content, DER_BOOLEAN, &item)) {
        if (item.content.len != 1)
            return false;
        *ca = item.content.ptr[0] != 0;
        *default_encoded = !*ca;
    }
    if (der_next_of(&whole.content, DER_INTEGER, &item)) {
        /* As for serials: positive; zero is allowed, and more than an octet is nobody's. */
        if (item.content.len != 1 || item.content.ptr[0] >= 0x80)
            return false;
        *path_length = item.content.ptr[0];
    }
    return whole.content.len == 0;
}

bool lint_read_aki(struct bytes value, struct lint_aki *aki)
{
    struct der_item whole, item;

    *aki = (struct lint_aki){0};
    if (!der_next_of(&value, DER_SEQUENCE, &whole) || value.len > 0)
        return false;
    if (der_next_of(&whole.content, DER_CONTEXT + 0, &item)) {
        aki->has_key_id = true;
        aki->key_id = item.content;
    }
    aki->has_issuer_or_serial = whole.content.len > 0;
    if (der_is(whole.content, DER_CONTEXT_CONSTRUCTED + 1))
        der_next(&whole.content, &item);
    if (der_is(whole.content, DER_CONTEXT + 2))
        der_next(&whole.content, &item);
    return whole.content.len == 0;
}
