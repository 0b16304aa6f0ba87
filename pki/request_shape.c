/* DER on every level and in every value (X.690 8, 10, 11), before anybody looks for a meaning. */
#include "config.h"

#include "pki/request_parts.h"

#include <string.h>

#define CONSTRUCTED 0x20
#define CLASS       0xc0

static const char *boolean_fault(struct bytes content)
{
    return content.len == 1 && (content.ptr[0] == 0 || content.ptr[0] == 0xff)
               ? NULL
               : "a BOOLEAN that is neither 00 nor ff";
}

static const char *integer_fault(struct bytes content)
{
    if (content.len == 0)
        return "an INTEGER without octets";
    if (content.len > 1 && ((content.ptr[0] == 0 && content.ptr[1] < 0x80) ||
                            (content.ptr[0] == 0xff && content.ptr[1] >= 0x80)))
        return "an INTEGER that is longer than it has to be";
    return NULL;
}

static const char *bit_string_fault(struct bytes content)
{
    if (content.len == 0 || content.ptr[0] > 7 || (content.len == 1 && content.ptr[0] != 0))
        return "a BIT STRING with a wrong count of unused bits";
    if (content.len > 1 && (content.ptr[content.len - 1] & ((1U << content.ptr[0]) - 1U)) != 0)
        return "a BIT STRING whose unused bits are not zero";
    return NULL;
}

static const char *null_fault(struct bytes content)
{
    return content.len == 0 ? NULL : "a NULL with octets";
}

static const char *oid_fault(struct bytes content)
{
    bool fresh = true;

    for (size_t i = 0; i < content.len; i++) {
        if (fresh && content.ptr[i] == 0x80)
            return "an OBJECT IDENTIFIER with padding";
        fresh = content.ptr[i] < 0x80;
    }
    return content.len > 0 && fresh ? NULL : "an OBJECT IDENTIFIER that is cut";
}

static const struct {
    uint8_t tag;
    const char *(*fault)(struct bytes content);
} values[] = {
    {DER_BOOLEAN, boolean_fault},    {DER_INTEGER, integer_fault},
    {DER_ENUMERATED, integer_fault}, {DER_BIT_STRING, bit_string_fault},
    {DER_NULL, null_fault},          {DER_OID, oid_fault},
};

static const char *value_fault(const struct der_item *item)
{
    if (item->tag == 0)
        return "an end-of-contents mark";
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
        if (values[i].tag == item->tag)
            return values[i].fault(item->content);
    return NULL;
}

/* X.690 11.6: the elements of a SET OF ascend; the shorter one counts as padded with zeroes. */
static bool ascends(struct bytes a, struct bytes b)
{
    size_t least = a.len < b.len ? a.len : b.len;
    int order = memcmp(a.ptr, b.ptr, least);

    return order < 0 || (order == 0 && a.len <= b.len);
}

static const char not_der[] =
    "lengths that are indefinite, too long, or longer than they have to be";
static const char too_deep[] = "nested too deep";

/* NULL, else what is wrong in these elements, which are on the level depth. */
static const char *elements_fault(struct bytes rest, bool sorted, int depth)
{
    struct bytes last = {NULL, 0};
    struct der_item item;
    const char *fault;

    if (depth > REQUEST_DEPTH)
        return too_deep;
    while (rest.len > 0) {
        if (!der_next(&rest, &item))
            return not_der;
        if ((item.tag & CONSTRUCTED) == 0)
            fault = value_fault(&item);
        else if ((item.tag & CLASS) == 0 && item.tag != DER_SEQUENCE && item.tag != DER_SET)
            fault = "a string in pieces";
        else
            fault = elements_fault(item.content, item.tag == DER_SET, depth + 1);
        if (fault != NULL)
            return fault;
        if (sorted && last.len > 0 && !ascends(last, item.whole))
            return "a SET whose elements do not ascend";
        last = item.whole;
    }
    return NULL;
}

static bool judge(const struct reading *reading, struct bytes elements)
{
    const char *fault = elements_fault(elements, false, 1);

    if (fault == too_deep)
        return request_refuse(reading, "it is nested deeper than %d levels, and a request has 7",
                              REQUEST_DEPTH);
    return fault == NULL || request_refuse(reading, "it is not DER (X.690): it has %s", fault);
}

bool request_shape(const struct reading *reading, struct bytes der)
{
    struct bytes rest = der;
    struct der_item item;

    if (!der_next(&rest, &item))
        return request_refuse(reading, "it is not DER (X.690), or was cut short");
    if (rest.len > 0 && der_is(rest, DER_SEQUENCE) && der_next(&rest, &item))
        return request_refuse(reading, "two requests are in one file: give each its own");
    if (rest.len > 0)
        return request_refuse(reading, "%zu octets trail behind the request: take them away",
                              rest.len);
    return judge(reading, der);
}

bool request_values(const struct reading *reading, struct bytes elements)
{
    return judge(reading, elements);
}
