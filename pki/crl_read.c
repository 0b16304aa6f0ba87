/* What a CRL says (RFC 5280 5), read strictly and without a copy: it may have 100,000 entries. */
#include "config.h"

#include "pki/crl.h"
#include "pki/der.h"

static const uint8_t oid_reason[] = {0x55, 0x1d, 0x15};
static const uint8_t oid_aki[] = {0x55, 0x1d, 0x23};
static const uint8_t oid_number[] = {0x55, 0x1d, 0x14};

static bool is_oid(const struct der_item *item, const uint8_t oid[3])
{
    return bytes_equal(item->content, bytes_of(oid, 3));
}

/* Extension ::= SEQUENCE { OID, BOOLEAN DEFAULT FALSE, OCTET STRING } */
static bool next_extension(struct bytes *list, struct der_item *oid, struct bytes *value)
{
    struct der_item extension, critical, octets;

    if (!der_next_of(list, DER_SEQUENCE, &extension))
        return false;
    struct bytes rest = extension.content;
    if (!der_next_of(&rest, DER_OID, oid))
        return false;
    if (der_is(rest, DER_BOOLEAN) && !der_next(&rest, &critical))
        return false;
    if (!der_next_of(&rest, DER_OCTET_STRING, &octets) || rest.len > 0)
        return false;
    *value = octets.content;
    return true;
}

static bool read_number(struct bytes value, struct crl_facts *out)
{
    struct der_item item;

    if (!der_next_of(&value, DER_INTEGER, &item) || value.len > 0)
        return false;
    struct bytes number = item.content;
    if (number.len > 1 && number.ptr[0] == 0)
        number = bytes_of(number.ptr + 1, number.len - 1);
    else if (number.len > 0 && number.ptr[0] >= 0x80)
        return false;
    if (number.len == 0 || number.len > sizeof out->number)
        return false;
    memcpy(out->number + sizeof out->number - number.len, number.ptr, number.len);
    out->has_number = true;
    return true;
}

static bool read_key_id(struct bytes value, struct crl_facts *out)
{
    struct der_item aki, key_id;

    if (!der_next_of(&value, DER_SEQUENCE, &aki) || value.len > 0)
        return false;
    if (der_is(aki.content, DER_CONTEXT) && der_next(&aki.content, &key_id))
        out->key_id = key_id.content;
    return true;
}

/* crlExtensions [0] EXPLICIT: what we do not know does not matter here. */
static bool read_extensions(struct bytes tagged, struct crl_facts *out)
{
    struct der_item list, oid;
    struct bytes value;

    if (!der_next_of(&tagged, DER_SEQUENCE, &list) || tagged.len > 0)
        return false;
    while (list.content.len > 0) {
        if (!next_extension(&list.content, &oid, &value))
            return false;
        if (is_oid(&oid, oid_number) && !read_number(value, out))
            return false;
        if (is_oid(&oid, oid_aki) && !read_key_id(value, out))
            return false;
    }
    return true;
}

static bool next_time(struct bytes *rest, int64_t *unix_s)
{
    struct der_item item;

    if (!der_is(*rest, DER_UTC_TIME) && !der_is(*rest, DER_GENERALIZED_TIME))
        return false;
    return der_next(rest, &item) && der_time_fault(&item, unix_s) == NULL;
}

static bool count_entries(struct crl_facts *out)
{
    struct bytes rest = out->revoked;
    struct crl_entry entry;

    while (crl_next(&rest, &entry))
        out->entries++;
    return rest.len == 0;
}

static const char *read_body(struct bytes body, struct bytes algorithm, struct crl_facts *out)
{
    struct der_item item;

    if (der_is(body, DER_INTEGER) && !der_next(&body, &item))
        return "has no version that can be read";
    if (!der_next_of(&body, DER_SEQUENCE, &item) || !bytes_equal(item.whole, algorithm))
        return "names two algorithms";
    if (!der_next_of(&body, DER_SEQUENCE, &item))
        return "has no issuer";
    out->issuer = item.whole;
    if (!next_time(&body, &out->this_s) || !next_time(&body, &out->next_s))
        return "does not say when it was made and when the next one comes";
    if (der_is(body, DER_SEQUENCE)) {
        if (!der_next(&body, &item))
            return "has a list that cannot be read";
        out->revoked = item.content;
        if (!count_entries(out))
            return "has an entry that cannot be read";
    }
    if (der_is(body, DER_CONTEXT_CONSTRUCTED) &&
        !(der_next(&body, &item) && read_extensions(item.content, out)))
        return "has extensions that cannot be read";
    return body.len == 0 ? NULL : "has something behind its extensions";
}

const char *crl_facts(struct bytes der, struct crl_facts *out)
{
    struct der_item whole, body, algorithm, signature;

    *out = (struct crl_facts){0};
    if (!der_next_of(&der, DER_SEQUENCE, &whole) || der.len > 0)
        return "is no CRL";
    struct bytes rest = whole.content;
    if (!der_next_of(&rest, DER_SEQUENCE, &body) || !der_next_of(&rest, DER_SEQUENCE, &algorithm) ||
        !der_next_of(&rest, DER_BIT_STRING, &signature) || rest.len > 0)
        return "is no CRL";
    if (signature.content.len < 2 || signature.content.ptr[0] != 0)
        return "has no signature";
    out->body = body.whole;
    out->algorithm = algorithm.whole;
    out->signature = bytes_of(signature.content.ptr + 1, signature.content.len - 1);
    return read_body(body.content, algorithm.whole, out);
}

uint64_t crl_number(const struct crl_facts *facts)
{
    const size_t high = sizeof facts->number - 8;
    uint64_t number = 0;

    for (size_t i = 0; i < sizeof facts->number; i++) {
        if (i < high && facts->number[i] != 0)
            return UINT64_MAX;
        number = number << 8 | facts->number[i];
    }
    return number;
}

static void read_reason(struct bytes extensions, struct crl_entry *entry)
{
    struct der_item oid, reason;
    struct bytes value;

    while (next_extension(&extensions, &oid, &value))
        if (is_oid(&oid, oid_reason) && der_next_of(&value, DER_ENUMERATED, &reason) &&
            reason.content.len == 1)
            entry->reason = reason.content.ptr[0];
}

bool crl_next(struct bytes *revoked, struct crl_entry *entry)
{
    struct bytes ahead = *revoked;
    struct der_item item, serial, extensions;

    *entry = (struct crl_entry){0};
    if (!der_next_of(&ahead, DER_SEQUENCE, &item))
        return false;
    struct bytes rest = item.content;
    if (!der_next_of(&rest, DER_INTEGER, &serial) || !next_time(&rest, &entry->revoked_s))
        return false;
    if (der_next_of(&rest, DER_SEQUENCE, &extensions))
        read_reason(extensions.content, entry);
    if (rest.len > 0)
        return false;
    entry->serial = serial.content;
    if (entry->serial.len > 1 && entry->serial.ptr[0] == 0)
        entry->serial = bytes_of(entry->serial.ptr + 1, entry->serial.len - 1);
    *revoked = ahead;
    return true;
}

static struct bytes without_zeroes(struct bytes serial)
{
    while (serial.len > 1 && serial.ptr[0] == 0)
        serial = bytes_of(serial.ptr + 1, serial.len - 1);
    return serial;
}

bool crl_lists(struct bytes der, struct bytes serial)
{
    struct crl_facts facts;
    struct crl_entry entry;

    if (crl_facts(der, &facts) != NULL)
        return false;
    serial = without_zeroes(serial);
    while (crl_next(&facts.revoked, &entry))
        if (bytes_equal(entry.serial, serial))
            return true;
    return false;
}
