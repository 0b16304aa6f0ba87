/* The subject of a request: one CN at most is taken; all else has to be harmless, and is dropped. */
#include "config.h"

#include "common/text.h"
#include "pki/request_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Attribute types with their upper bounds (RFC 5280 appendix A.1), in characters. */
static const struct type {
    struct bytes oid;
    const char *name;
    size_t most;
    bool ia5; /* is an IA5String */
} types[] = {
    {REQUEST_OID("\x55\x04\x03"), "CN", 64, false},
    {REQUEST_OID("\x55\x04\x04"), "surname", 64, false},
    {REQUEST_OID("\x55\x04\x05"), "serialNumber", 64, false},
    {REQUEST_OID("\x55\x04\x06"), "C", 2, false},
    {REQUEST_OID("\x55\x04\x07"), "L", 128, false},
    {REQUEST_OID("\x55\x04\x08"), "ST", 128, false},
    {REQUEST_OID("\x55\x04\x0a"), "O", 64, false},
    {REQUEST_OID("\x55\x04\x0b"), "OU", 64, false},
    {REQUEST_OID("\x55\x04\x0c"), "title", 64, false},
    {REQUEST_OID("\x55\x04\x2a"), "givenName", 64, false},
    {REQUEST_OID("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x01"), "emailAddress", 255, true},
    {REQUEST_OID("\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x19"), "DC", 63, true},
};
static const struct type other = {{NULL, 0}, "another attribute", 255, false};

static const struct type *find_type(struct bytes oid)
{
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (bytes_equal(types[i].oid, oid))
            return &types[i];
    return &other;
}

static bool is_printable(uint8_t c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr(" '()+,-./:=?", c) != NULL);
}

/* What every part of a subject has to be, dropped or not: somebody reads it. */
static const char *characters_fault(struct bytes content, size_t most)
{
    static const unsigned hidden =
        1u << NAME_CONTROL | 1u << NAME_INVISIBLE | 1u << NAME_UNASSIGNED;
    size_t characters = 0;

    if (content.len == 0)
        return "is empty";
    if (memchr(content.ptr, 0, content.len) != NULL)
        return "holds NUL";
    if (!text_is_utf8(content))
        return "is not valid UTF-8 (RFC 3629)";
    for (size_t i = 0; i < content.len; i++)
        characters += (content.ptr[i] & 0xc0) != 0x80;
    if (characters > most)
        return "is too long (RFC 5280 A.1)";
    return (name_flaws(content) & hidden) == 0
               ? NULL
               : "holds a control character, one that is not seen, or one that is not assigned";
}

/* Kinds of strings, and octets that are not of their kind (PostgreSQL compares octets, whatever the kind says). */
static const char *string_fault(const struct type *type, const struct der_item *value)
{
    switch (value->tag) {
    case DER_UTF8_STRING:
        break;
    case DER_PRINTABLE_STRING:
        for (size_t i = 0; i < value->content.len; i++)
            if (!is_printable(value->content.ptr[i]))
                return "is a PrintableString with a character that is none of its own (X.680 41.4)";
        break;
    case DER_IA5_STRING:
        if (!type->ia5)
            return "is an IA5String: UTF8String is taken (openssl req -utf8)";
        for (size_t i = 0; i < value->content.len; i++)
            if (value->content.ptr[i] > 0x7f)
                return "is an IA5String with more than ASCII";
        break;
    default:
        return "is neither a UTF8String nor a PrintableString (openssl req -utf8)";
    }
    return characters_fault(value->content, type->most);
}

static bool refuse_value(const struct reading *reading, const char *name, struct bytes value,
                         const char *fault)
{
    char text[96];

    text_escape(text, sizeof text, value);
    return request_refuse(reading, "the %s of its subject, \"%s\", %s", name, text, fault);
}

static bool take_common_name(const struct reading *reading, struct bytes value, struct request *out)
{
    const char *fault =
        reading->use == REQUEST_CLIENT ? name_role_fault(value) : name_common_fault(value, true);

    if (out->common_name != NULL)
        return request_refuse(reading, "its subject has several CNs: who of them would it be? One "
                                       "is taken");
    if (fault != NULL)
        return refuse_value(reading, "CN", value, fault);
    out->common_name = strndup((const char *)value.ptr, value.len);
    return out->common_name != NULL || request_refuse(reading, "there is no memory to read it");
}

static bool read_part(const struct reading *reading, struct bytes content, struct request *out)
{
    struct der_item pair, oid, value;
    const struct type *type;
    const char *fault;

    if (!der_next_of(&content, DER_SEQUENCE, &pair) || !der_next_of(&pair.content, DER_OID, &oid) ||
        !der_next(&pair.content, &value) || pair.content.len != 0)
        return request_refuse(reading, "its subject is malformed (RFC 5280 4.1.2.4)");
    if (content.len != 0)
        return request_refuse(reading, "a part of its subject has several values (\"CN=a+OU=b\"): "
                                       "give each its own");
    type = find_type(oid.content);
    fault = string_fault(type, &value);
    if (fault != NULL)
        return refuse_value(reading, type->name, value.content, fault);
    return type != &types[0] || take_common_name(reading, value.content, out);
}

bool request_subject(const struct reading *reading, struct bytes content, struct request *out)
{
    struct der_item set;

    while (content.len > 0) {
        if (!der_next_of(&content, DER_SET, &set))
            return request_refuse(reading, "its subject is malformed (RFC 5280 4.1.2.4)");
        if (!read_part(reading, set.content, out))
            return false;
    }
    return true;
}
