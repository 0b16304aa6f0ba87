/* Reading DER: one element, or a whole text of them. */
#include "config.h"

#include "pki/der.h"

#define LONG_TAG    0x1f /* the tag's number follows in further octets: none that X.509 uses */
#define CONSTRUCTED 0x20
#define CLASS       0xc0 /* 0: universal */
#define SERIAL_MAX  20

/* X.690 8.1.3, 10.1: the length behind the tag, in as few octets as can be.  Octets that it takes; 0 = is none. */
static size_t read_length(struct bytes text, size_t *length)
{
    size_t octets;

    if (text.len == 0)
        return 0;
    *length = text.ptr[0];
    if (text.ptr[0] < 0x80)
        return 1;
    octets = text.ptr[0] & 0x7fu;
    if (octets == 0 || octets > 4 || text.len <= octets || text.ptr[1] == 0)
        return 0;
    *length = 0;
    for (size_t i = 1; i <= octets; i++)
        *length = *length << 8 | text.ptr[i];
    return *length < 0x80 ? 0 : 1 + octets;
}

bool der_next(struct bytes *rest, struct der_item *item)
{
    size_t taken, length;

    if (rest->len < 2 || rest->ptr[0] == 0 || (rest->ptr[0] & LONG_TAG) == LONG_TAG)
        return false;
    taken = read_length(bytes_of(rest->ptr + 1, rest->len - 1), &length);
    if (taken == 0 || rest->len - 1 - taken < length)
        return false;
    item->tag = rest->ptr[0];
    item->content = bytes_of(rest->ptr + 1 + taken, length);
    item->whole = bytes_of(rest->ptr, 1 + taken + length);
    *rest = bytes_of(rest->ptr + item->whole.len, rest->len - item->whole.len);
    return true;
}

bool der_next_of(struct bytes *rest, uint8_t tag, struct der_item *item)
{
    return der_is(*rest, tag) && der_next(rest, item);
}

bool der_is(struct bytes rest, uint8_t tag)
{
    return rest.len > 0 && rest.ptr[0] == tag;
}

/* X.690 8.3.2: two's complement in as few octets as can be. */
static bool is_integer(struct bytes content)
{
    if (content.len == 0)
        return false;
    return content.len == 1 || !((content.ptr[0] == 0x00 && content.ptr[1] < 0x80) ||
                                 (content.ptr[0] == 0xff && content.ptr[1] >= 0x80));
}

/* X.690 8.6.2, 11.2.1: unused bits are counted, fewer than 8, and zero. */
static bool is_bit_string(struct bytes content)
{
    uint8_t unused;

    if (content.len == 0)
        return false;
    unused = content.ptr[0];
    if (unused > 7 || (content.len == 1 && unused > 0))
        return false;
    return (content.ptr[content.len - 1] & ((1u << unused) - 1)) == 0;
}

/* X.690 8.19.2: groups of seven bits, none of them begins with an empty one. */
static bool is_oid(struct bytes content)
{
    bool begins = true;

    for (size_t i = 0; i < content.len; i++) {
        if (begins && content.ptr[i] == 0x80)
            return false;
        begins = content.ptr[i] < 0x80;
    }
    return content.len > 0 && begins;
}

static bool is_primitive_sound(const struct der_item *item)
{
    switch (item->tag) {
    case DER_BOOLEAN: /* X.690 11.1 */
        return item->content.len == 1 &&
               (item->content.ptr[0] == 0x00 || item->content.ptr[0] == 0xff);
    case DER_INTEGER:
    case DER_ENUMERATED:
        return is_integer(item->content);
    case DER_BIT_STRING:
        return is_bit_string(item->content);
    case DER_NULL:
        return item->content.len == 0;
    case DER_OID:
        return is_oid(item->content);
    default:
        return (item->tag & ~CONSTRUCTED) != 0x10 && (item->tag & ~CONSTRUCTED) != 0x11;
    }
}

/* X.690 11.6: as if the shorter one had zeroes behind it. */
static bool is_ordered(struct bytes before, struct bytes after)
{
    size_t common = before.len < after.len ? before.len : after.len;
    int order = memcmp(before.ptr, after.ptr, common);

    return order < 0 || (order == 0 && before.len <= after.len);
}

static bool is_whole_below(struct bytes text, unsigned depth, bool is_set)
{
    struct der_item item;
    struct bytes before = {0};

    if (depth > DER_DEPTH_MAX)
        return false;
    while (text.len > 0) {
        if (!der_next(&text, &item))
            return false;
        if (is_set && before.len > 0 && !is_ordered(before, item.whole))
            return false;
        before = item.whole;
        if ((item.tag & CONSTRUCTED) == 0) {
            if ((item.tag & CLASS) == 0 && !is_primitive_sound(&item))
                return false;
            continue;
        }
        /* X.690 10.2: strings are not in pieces. */
        if ((item.tag & CLASS) == 0 && item.tag != DER_SEQUENCE && item.tag != DER_SET)
            return false;
        if (!is_whole_below(item.content, depth + 1, item.tag == DER_SET))
            return false;
    }
    return true;
}

bool der_is_whole(struct bytes text)
{
    struct bytes rest = text;
    struct der_item item;

    return der_next(&rest, &item) && rest.len == 0 && is_whole_below(text, 0, false);
}

const char *der_serial_fault(struct bytes content)
{
    if (content.len == 0)
        return "is empty";
    if (!is_integer(content))
        return "has more octets than it needs";
    if (content.ptr[0] >= 0x80)
        return "is negative";
    if (content.len == 1 && content.ptr[0] == 0)
        return "is zero";
    if (content.len > SERIAL_MAX)
        return "has more than 20 octets";
    return NULL;
}

/* Days from 1 January 1970 to this day of the Gregorian calendar; years begin in March here, leap days end them. */
static int64_t days_from(int64_t year, int64_t month, int64_t day)
{
    int64_t y = month <= 2 ? year - 1 : year, m = month <= 2 ? month + 9 : month - 3;
    int64_t era = (y >= 0 ? y : y - 399) / 400, of_era = y - era * 400;

    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + (153 * m + 2) / 5 + day - 1 -
           719468;
}

static bool read_digits(const uint8_t *at, size_t n, int64_t *number)
{
    *number = 0;
    for (size_t i = 0; i < n; i++) {
        if (at[i] < '0' || at[i] > '9')
            return false;
        *number = *number * 10 + (at[i] - '0');
    }
    return true;
}

static int64_t days_of(int64_t year, int64_t month)
{
    return month == 12 ? 31 : days_from(year, month + 1, 1) - days_from(year, month, 1);
}

const char *der_time_fault(const struct der_item *item, int64_t *unix_s)
{
    size_t year_digits = item->tag == DER_UTC_TIME ? 2 : 4;
    int64_t year, at[5]; /* month, day, hour, minute, second */
    const uint8_t *p = item->content.ptr;

    if (item->tag != DER_UTC_TIME && item->tag != DER_GENERALIZED_TIME)
        return "is no time";
    if (item->content.len != year_digits + 11 || p[year_digits + 10] != 'Z')
        return "is not written as YYMMDDHHMMSSZ or YYYYMMDDHHMMSSZ";
    if (!read_digits(p, year_digits, &year))
        return "holds something that is no digit";
    for (size_t i = 0; i < 5; i++)
        if (!read_digits(p + year_digits + 2 * i, 2, &at[i]))
            return "holds something that is no digit";
    if (year_digits == 2)
        year += year < 50 ? 2000 : 1900;
    if (at[0] < 1 || at[0] > 12 || at[1] < 1 || at[1] > days_of(year, at[0]) || at[2] > 23 ||
        at[3] > 59 || at[4] > 59)
        return "is no date and time that there is";
    if (unix_s != NULL)
        *unix_s = days_from(year, at[0], at[1]) * 86400 + at[2] * 3600 + at[3] * 60 + at[4];
    if (year_digits == 4 && year < 2050)
        return "is a GeneralizedTime before 2050";
    return NULL;
}
