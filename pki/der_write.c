/* Writing DER.  Lengths are put in when an element ends; what is behind them moves then. */
#include "config.h"

#include "pki/der.h"

#include <stdlib.h>

#define YEAR_9999_ENDS                                                                             \
    INT64_C(253402300799) /* 9999-12-31 23:59:59, the last that GeneralizedTime can say */
#define YEAR_0_BEGINS INT64_C(-62167219200)

static void append(GByteArray *out, struct bytes text)
{
    if (text.len > 0)
        g_byte_array_append(out, text.ptr, (guint)text.len);
}

/* The octets of a length (X.690 10.1), at most 5. */
static size_t length_octets(size_t length, uint8_t octets[5])
{
    size_t n = 0;

    if (length < 0x80) {
        octets[0] = (uint8_t)length;
        return 1;
    }
    for (size_t left = length; left > 0; left >>= 8)
        n++;
    octets[0] = (uint8_t)(0x80 | n);
    for (size_t i = 0; i < n; i++)
        octets[1 + i] = (uint8_t)(length >> (8 * (n - 1 - i)));
    return 1 + n;
}

void der_put(GByteArray *out, uint8_t tag, struct bytes content)
{
    uint8_t octets[5];
    size_t n = length_octets(content.len, octets);

    g_byte_array_append(out, &tag, 1);
    g_byte_array_append(out, octets, (guint)n);
    append(out, content);
}

size_t der_begin(GByteArray *out, uint8_t tag)
{
    const uint8_t head[2] = {tag, 0};

    g_byte_array_append(out, head, sizeof head);
    return out->len;
}

void der_end(GByteArray *out, size_t mark)
{
    uint8_t octets[5];
    size_t length = out->len - mark, n = length_octets(length, octets);

    if (n > 1) {
        g_byte_array_set_size(out, (guint)(out->len + n - 1));
        memmove(out->data + mark + n - 1, out->data + mark, length);
    }
    memcpy(out->data + mark - 1, octets, n);
}

void der_put_whole(GByteArray *out, struct bytes element)
{
    append(out, element);
}

void der_put_unsigned(GByteArray *out, uint8_t tag, struct bytes magnitude)
{
    size_t mark = der_begin(out, tag);

    while (magnitude.len > 0 && magnitude.ptr[0] == 0)
        magnitude = bytes_of(magnitude.ptr + 1, magnitude.len - 1);
    if (magnitude.len == 0 || magnitude.ptr[0] >= 0x80)
        g_byte_array_append(out, (const uint8_t[]){0}, 1);
    append(out, magnitude);
    der_end(out, mark);
}

void der_put_number(GByteArray *out, uint8_t tag, uint64_t number)
{
    uint8_t octets[8];

    for (size_t i = 0; i < sizeof octets; i++)
        octets[i] = (uint8_t)(number >> (8 * (sizeof octets - 1 - i)));
    der_put_unsigned(out, tag, bytes_of(octets, sizeof octets));
}

/* One subidentifier: seven bits an octet, the highest bit set in all but the last. */
static void put_arc(GByteArray *out, uint64_t arc)
{
    uint8_t octets[10];
    size_t at = sizeof octets - 1;

    octets[at] = (uint8_t)(arc & 0x7f);
    for (arc >>= 7; arc > 0; arc >>= 7)
        octets[--at] = (uint8_t)((arc & 0x7f) | 0x80);
    g_byte_array_append(out, octets + at, (guint)(sizeof octets - at));
}

void der_put_oid(GByteArray *out, const char *dotted)
{
    size_t mark = der_begin(out, DER_OID), n = 0;
    uint64_t arc = 0, first = 0;

    for (const char *at = dotted;; at++) {
        if (*at >= '0' && *at <= '9') {
            arc = arc * 10 + (uint64_t)(*at - '0');
            continue;
        }
        if (at == dotted || (*at != '.' && *at != '\0'))
            abort();
        if (n == 0)
            first = arc;
        else
            put_arc(out, n == 1 ? first * 40 + arc : arc);
        n++;
        arc = 0;
        if (*at == '\0')
            break;
    }
    if (n < 2)
        abort();
    der_end(out, mark);
}

void der_put_time(GByteArray *out, int64_t unix_s)
{
    int64_t fit = unix_s < YEAR_0_BEGINS    ? YEAR_0_BEGINS
                  : unix_s > YEAR_9999_ENDS ? YEAR_9999_ENDS
                                            : unix_s;
    int64_t days = fit >= 0 ? fit / 86400 : -((86399 - fit) / 86400), second = fit - days * 86400;
    /* Civil from days: eras of 400 years, years that begin in March. */
    int64_t shifted = days + 719468, era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
    int64_t of_era = shifted - era * 146097;
    int64_t year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t m = (5 * of_year + 2) / 153, day = of_year - (153 * m + 2) / 5 + 1;
    int64_t month = m < 10 ? m + 3 : m - 9, year = year_of_era + era * 400 + (month <= 2 ? 1 : 0);
    bool short_form = year >= 1950 && year <= 2049;
    const int64_t parts[] = {
        short_form ? year % 100 : year, month, day, second / 3600, second / 60 % 60, second % 60};
    uint8_t text[15];
    size_t at = 0;

    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (i == 0 && !short_form) {
            text[at++] = (uint8_t)('0' + parts[i] / 1000);
            text[at++] = (uint8_t)('0' + parts[i] / 100 % 10);
        }
        text[at++] = (uint8_t)('0' + parts[i] / 10 % 10);
        text[at++] = (uint8_t)('0' + parts[i] % 10);
    }
    text[at++] = 'Z';
    der_put(out, short_form ? DER_UTC_TIME : DER_GENERALIZED_TIME, bytes_of(text, at));
}
