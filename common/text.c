#include "config.h"

#include "common/text.h"

size_t text_utf8_length(struct bytes text)
{
    /* By the first byte: the length, and the range of the second byte (RFC 3629, section 4). */
    static const struct {
        uint8_t first, last, length, low, high;
    } forms[] = {
        {0x00, 0x7f, 1, 0,    0   },
        {0xc2, 0xdf, 2, 0x80, 0xbf},
        {0xe0, 0xe0, 3, 0xa0, 0xbf},
        {0xe1, 0xec, 3, 0x80, 0xbf},
        {0xed, 0xed, 3, 0x80, 0x9f},
        {0xee, 0xef, 3, 0x80, 0xbf},
        {0xf0, 0xf0, 4, 0x90, 0xbf},
        {0xf1, 0xf3, 4, 0x80, 0xbf},
        {0xf4, 0xf4, 4, 0x80, 0x8f},
    };

    if (text.len == 0)
        return 0;
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        if (text.ptr[0] < forms[i].first || text.ptr[0] > forms[i].last)
            continue;
        if (text.len < forms[i].length)
            return 0;
        for (size_t k = 1; k < forms[i].length; k++) {
            uint8_t low = k == 1 ? forms[i].low : 0x80, high = k == 1 ? forms[i].high : 0xbf;

            if (text.ptr[k] < low || text.ptr[k] > high)
                return 0;
        }
        return forms[i].length;
    }
    return 0;
}

static struct bytes skip(struct bytes text, size_t n)
{
    return bytes_of(text.ptr + n, text.len - n);
}

bool text_is_utf8(struct bytes text)
{
    while (text.len > 0) {
        size_t n = text_utf8_length(text);

        if (n == 0)
            return false;
        text = skip(text, n);
    }
    return true;
}

static bool is_plain_character(const uint8_t *p, size_t n, bool allow_control)
{
    if (n == 1)
        return (p[0] >= 0x20 || allow_control) && p[0] != 0x7f;
    if (n == 2)
        return !(p[0] == 0xc2 && p[1] < 0xa0); /* U+0080..U+009F */
    if (n == 3 && p[0] == 0xe2 && p[1] == 0x80)
        return !(p[2] >= 0xa8 && p[2] <= 0xae); /* U+2028..U+202E */
    if (n == 3 && p[0] == 0xe2 && p[1] == 0x81)
        return !(p[2] >= 0xa6 && p[2] <= 0xa9); /* U+2066..U+2069 */
    return true;
}

bool text_is_plain(struct bytes text, bool allow_control)
{
    while (text.len > 0) {
        size_t n = text_utf8_length(text);

        if (n == 0 || !is_plain_character(text.ptr, n, allow_control))
            return false;
        text = skip(text, n);
    }
    return true;
}

static size_t write_escaped(char *out, size_t size, struct bytes text, bool escape_backslash)
{
    static const char hex[] = "0123456789abcdef";
    static const char mark[] = "...";
    size_t used = 0, before_mark = 0;

    while (text.len > 0) {
        size_t n = text_utf8_length(text);
        bool plain = n > 0 && is_plain_character(text.ptr, n, false) &&
                     !(escape_backslash && text.ptr[0] == '\\');
        size_t width = plain ? n : 4;

        if (used + width >= size) {
            used = before_mark;
            for (const char *m = mark; *m != '\0' && used + 1 < size; m++)
                out[used++] = *m;
            break;
        }
        if (plain) {
            memcpy(out + used, text.ptr, n);
        } else {
            n = 1;
            memcpy(out + used, "\\x", 2);
            out[used + 2] = hex[text.ptr[0] >> 4];
            out[used + 3] = hex[text.ptr[0] & 15];
        }
        used += width;
        if (used + sizeof mark <= size)
            before_mark = used;
        text = skip(text, n);
    }
    out[used] = '\0';
    return used;
}

size_t text_escape(char *out, size_t size, struct bytes text)
{
    return write_escaped(out, size, text, true);
}

size_t text_clean(char *out, size_t size, struct bytes text)
{
    return write_escaped(out, size, text, false);
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

size_t text_distance(struct bytes a, const char *b)
{
    size_t row[32], m = strlen(b);

    if (a.len >= 32 || m >= 32)
        return SIZE_MAX;
    for (size_t j = 0; j <= m; j++)
        row[j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        size_t diagonal = row[0];

        row[0] = i;
        for (size_t j = 1; j <= m; j++) {
            size_t change = diagonal + (a.ptr[i - 1] == (uint8_t)b[j - 1] ? 0 : 1);

            diagonal = row[j];
            row[j] = smaller(change, smaller(row[j], row[j - 1]) + 1);
        }
    }
    return row[m];
}
