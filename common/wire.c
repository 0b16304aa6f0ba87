#include "config.h"

#include "common/wire.h"

#define FIELD_HEADER 3 /* bytes: tag and length */
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* The tags of both directions differ, so that no field of one can be read in the other. */
enum tag {
    TAG_POLICY = 0x01,
    TAG_SERVICE = 0x02,
    TAG_USER = 0x03,
    TAG_RHOST = 0x04,
    TAG_SECRET = 0x05,
    TAG_AUTHTOK = 0x41,
};

/* One row a field. */
struct field {
    uint8_t tag;
    size_t limit;  /* bytes */
    size_t offset; /* of its struct bytes in the message */
};

/* The secret comes last: WIRE_ACCOUNT carries all fields but the last. */
static const struct field request_fields[] = {
    {TAG_POLICY,  WIRE_POLICY_MAX,  offsetof(struct wire_request, policy) },
    {TAG_SERVICE, WIRE_SERVICE_MAX, offsetof(struct wire_request, service)},
    {TAG_USER,    WIRE_USER_MAX,    offsetof(struct wire_request, user)   },
    {TAG_RHOST,   WIRE_RHOST_MAX,   offsetof(struct wire_request, rhost)  },
    {TAG_SECRET,  WIRE_SECRET_MAX,  offsetof(struct wire_request, secret) },
};

static const struct field reply_fields[] = {
    {TAG_AUTHTOK, WIRE_SECRET_MAX, offsetof(struct wire_reply, authtok)},
};

/* What both headers have in common, in the order of the datagram. */
struct header {
    uint8_t what; /* kind or verdict */
    uint64_t number;
    const uint8_t *nonce; /* WIRE_NONCE bytes */
};

static size_t request_field_count(enum wire_kind kind)
{
    switch (kind) {
    case WIRE_AUTHENTICATE:
        return COUNT(request_fields);
    case WIRE_ACCOUNT:
        return COUNT(request_fields) - 1;
    }
    return 0;
}

static bool verdict_is_known(enum verdict verdict)
{
    switch (verdict) {
    case VERDICT_DENIED:
    case VERDICT_GRANTED:
    case VERDICT_CONTINUE:
    case VERDICT_UNAVAILABLE:
        return true;
    }
    return false;
}

static void put_u16(uint8_t *at, size_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static size_t get_u16(const uint8_t *at)
{
    return (size_t)at[0] << 8 | at[1];
}

static void put_header(uint8_t *buf, const struct header *header)
{
    buf[0] = WIRE_VERSION;
    buf[1] = header->what;
    put_u16(buf + 2, 0);
    for (size_t i = 0; i < 8; i++)
        buf[4 + i] = (uint8_t)(header->number >> (56 - 8 * i));
    memcpy(buf + 12, header->nonce, WIRE_NONCE);
}

static enum wire_fault get_header(const uint8_t *buf, size_t len, struct header *header)
{
    if (len > WIRE_MAX)
        return WIRE_LONG;
    if (len < WIRE_HEADER)
        return WIRE_SHORT;
    if (buf[0] != WIRE_VERSION)
        return WIRE_BAD_VERSION;
    if (get_u16(buf + 2) != 0)
        return WIRE_BAD_VALUE;
    header->what = buf[1];
    header->number = 0;
    for (size_t i = 0; i < 8; i++)
        header->number = header->number << 8 | buf[4 + i];
    header->nonce = buf + 12;
    return WIRE_OK;
}

/* Writes header and fields; returns the length, or 0 with buf wiped. */
static size_t encode(const struct header *header, const struct field *fields, size_t n_fields,
                     const void *message, uint8_t *buf, size_t cap)
{
    size_t used = WIRE_HEADER;

    if (cap > WIRE_MAX)
        cap = WIRE_MAX;
    if (cap < WIRE_HEADER || n_fields == 0)
        goto refuse;
    put_header(buf, header);
    for (size_t i = 0; i < n_fields; i++) {
        struct bytes value;

        memcpy(&value, (const uint8_t *)message + fields[i].offset, sizeof value);
        if (value.len == 0)
            continue;
        if (value.len > fields[i].limit || cap - used < FIELD_HEADER + value.len)
            goto refuse;
        buf[used] = fields[i].tag;
        put_u16(buf + used + 1, value.len);
        memcpy(buf + used + FIELD_HEADER, value.ptr, value.len);
        used += FIELD_HEADER + value.len;
    }
    return used;

refuse:
    if (cap > 0)
        explicit_bzero(buf, cap);
    return 0;
}

static const struct field *field_by_tag(const struct field *fields, size_t n_fields, uint8_t tag)
{
    for (size_t i = 0; i < n_fields; i++)
        if (fields[i].tag == tag)
            return &fields[i];
    return NULL;
}

/* Reads all fields behind the header into the message's slices. */
static enum wire_fault decode_fields(const uint8_t *buf, size_t len, const struct field *fields,
                                     size_t n_fields, void *message)
{
    unsigned seen = 0; /* one bit a row of fields */

    for (size_t at = WIRE_HEADER; at < len;) {
        const struct field *field = field_by_tag(fields, n_fields, buf[at]);
        struct bytes value;
        unsigned bit;

        if (field == NULL)
            return WIRE_BAD_FIELD;
        bit = 1u << (field - fields);
        if (seen & bit)
            return WIRE_BAD_FIELD;
        seen |= bit;
        if (len - at < FIELD_HEADER)
            return WIRE_SHORT;
        value.len = get_u16(buf + at + 1);
        at += FIELD_HEADER;
        if (value.len > field->limit)
            return WIRE_LONG;
        if (value.len > len - at)
            return WIRE_SHORT;
        value.ptr = value.len > 0 ? buf + at : NULL;
        at += value.len;
        memcpy((uint8_t *)message + field->offset, &value, sizeof value);
    }
    return WIRE_OK;
}

size_t wire_encode_request(const struct wire_request *request, uint8_t *buf, size_t cap)
{
    struct header header = {(uint8_t)request->kind, request->deadline, request->nonce};
    size_t n_fields = request_field_count(request->kind);

    if (request->kind != WIRE_AUTHENTICATE && request->secret.len > 0)
        n_fields = 0; /* refused, not dropped: the caller believes that it would be judged */
    return encode(&header, request_fields, n_fields, request, buf, cap);
}

size_t wire_encode_reply(const struct wire_reply *reply, uint8_t *buf, size_t cap)
{
    struct header header = {(uint8_t)reply->verdict, reply->event, reply->nonce};
    size_t n_fields = verdict_is_known(reply->verdict) ? COUNT(reply_fields) : 0;

    return encode(&header, reply_fields, n_fields, reply, buf, cap);
}

enum wire_fault wire_decode_request(const uint8_t *buf, size_t len, struct wire_request *request)
{
    struct header header;
    enum wire_fault fault = get_header(buf, len, &header);

    *request = (struct wire_request){0};
    if (fault != WIRE_OK)
        return fault;
    request->kind = (enum wire_kind)header.what;
    request->deadline = header.number;
    memcpy(request->nonce, header.nonce, WIRE_NONCE);
    fault =
        request_field_count(request->kind) == 0
            ? WIRE_BAD_VALUE
            : decode_fields(buf, len, request_fields, request_field_count(request->kind), request);
    if (fault != WIRE_OK)
        *request = (struct wire_request){0};
    return fault;
}

enum wire_fault wire_decode_reply(const uint8_t *buf, size_t len, struct wire_reply *reply)
{
    struct header header;
    enum wire_fault fault = get_header(buf, len, &header);

    *reply = (struct wire_reply){0};
    if (fault != WIRE_OK)
        return fault;
    reply->verdict = (enum verdict)header.what;
    reply->event = header.number;
    memcpy(reply->nonce, header.nonce, WIRE_NONCE);
    fault = verdict_is_known(reply->verdict)
                ? decode_fields(buf, len, reply_fields, COUNT(reply_fields), reply)
                : WIRE_BAD_VALUE;
    if (fault != WIRE_OK)
        *reply = (struct wire_reply){0};
    return fault;
}

const char *wire_fault_text(enum wire_fault fault)
{
    switch (fault) {
    case WIRE_OK:
        return "well formed";
    case WIRE_SHORT:
        return "too short";
    case WIRE_LONG:
        return "too long";
    case WIRE_BAD_VERSION:
        return "wrong version";
    case WIRE_BAD_VALUE:
        return "unknown kind, verdict or reserved bits";
    case WIRE_BAD_FIELD:
        return "unknown, repeated or misplaced field";
    }
    return "unknown fault";
}
