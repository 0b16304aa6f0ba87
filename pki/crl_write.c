/* A CRL as octets (RFC 5280 5), written in one pass: memory grows with the entries alone. */
#include "config.h"

#include "pki/crl.h"
#include "pki/der.h"

#define OID_REASON "2.5.29.21"
#define OID_AKI    "2.5.29.35"
#define OID_NUMBER "2.5.29.20"

void crl_begin(struct crl_writer *writer, GByteArray *out, const struct crl_head *head)
{
    *writer = (struct crl_writer){.out = out};
    g_byte_array_set_size(out, 0);
    writer->whole = der_begin(out, DER_SEQUENCE);
    writer->body = out->len;
    writer->tbs = der_begin(out, DER_SEQUENCE);
    der_put_number(out, DER_INTEGER, 1); /* v2 */
    der_put_whole(out, head->algorithm);
    der_put_whole(out, head->issuer);
    der_put_time(out, head->this_s);
    der_put_time(out, head->next_s);
}

static bool is_behind(const struct crl_writer *writer, struct bytes serial)
{
    if (writer->entries == 0)
        return true;
    if (serial.len != writer->last_len)
        return serial.len > writer->last_len;
    return memcmp(serial.ptr, writer->last, serial.len) > 0;
}

static void put_reason(GByteArray *out, int reason)
{
    size_t list = der_begin(out, DER_SEQUENCE), extension = der_begin(out, DER_SEQUENCE);

    der_put_oid(out, OID_REASON);
    size_t value = der_begin(out, DER_OCTET_STRING);
    der_put_number(out, DER_ENUMERATED, (uint64_t)reason);
    der_end(out, value);
    der_end(out, extension);
    der_end(out, list);
}

bool crl_add(struct crl_writer *writer, struct bytes serial, int64_t revoked_s, int reason)
{
    while (serial.len > 0 && serial.ptr[0] == 0) {
        serial.ptr++;
        serial.len--;
    }
    if (serial.len > sizeof writer->last || !is_behind(writer, serial))
        return false;
    /* An empty list must be absent (5.1.2.6), so it begins with its first entry. */
    if (writer->entries++ == 0)
        writer->list = der_begin(writer->out, DER_SEQUENCE);
    if (serial.len > 0)
        memcpy(writer->last, serial.ptr, serial.len);
    writer->last_len = serial.len;

    size_t entry = der_begin(writer->out, DER_SEQUENCE);
    der_put_unsigned(writer->out, DER_INTEGER, serial);
    der_put_time(writer->out, revoked_s);
    if (reason != REVOKED_UNSPECIFIED)
        put_reason(writer->out, reason);
    der_end(writer->out, entry);
    return true;
}

static void put_key_id(GByteArray *out, struct bytes key_id)
{
    size_t extension = der_begin(out, DER_SEQUENCE);

    der_put_oid(out, OID_AKI);
    size_t value = der_begin(out, DER_OCTET_STRING), aki = der_begin(out, DER_SEQUENCE);
    der_put(out, DER_CONTEXT, key_id);
    der_end(out, aki);
    der_end(out, value);
    der_end(out, extension);
}

static void put_number(GByteArray *out, uint64_t number)
{
    size_t extension = der_begin(out, DER_SEQUENCE);

    der_put_oid(out, OID_NUMBER);
    size_t value = der_begin(out, DER_OCTET_STRING);
    der_put_number(out, DER_INTEGER, number);
    der_end(out, value);
    der_end(out, extension);
}

struct bytes crl_body(struct crl_writer *writer, struct bytes key_id, uint64_t number)
{
    GByteArray *out = writer->out;

    if (writer->entries > 0)
        der_end(out, writer->list);
    size_t tagged = der_begin(out, DER_CONTEXT_CONSTRUCTED), list = der_begin(out, DER_SEQUENCE);
    put_key_id(out, key_id);
    put_number(out, number);
    der_end(out, list);
    der_end(out, tagged);
    der_end(out, writer->tbs);
    return bytes_of(out->data + writer->body, out->len - writer->body);
}

void crl_end(struct crl_writer *writer, struct bytes algorithm, struct bytes signature)
{
    static const uint8_t no_unused_bits = 0;

    der_put_whole(writer->out, algorithm);
    size_t bits = der_begin(writer->out, DER_BIT_STRING);
    der_put_whole(writer->out, bytes_of(&no_unused_bits, 1));
    der_put_whole(writer->out, signature);
    der_end(writer->out, bits);
    der_end(writer->out, writer->whole);
}
