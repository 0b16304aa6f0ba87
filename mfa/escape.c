#include "config.h"

#include "mfa/escape.h"

#include <langinfo.h>
#include <stdio.h>
#include <stdlib.h>

/* Lead bytes of RFC 3629, section 4, with what the second byte may be. */
static const struct {
    uint8_t first, last;     /* lead byte */
    uint8_t low, high;       /* second byte */
    uint8_t length, payload; /* bytes; mask of the lead byte's own bits */
} leads[] = {
    {0x00, 0x7f, 0x00, 0x00, 1, 0x7f},
    {0xc2, 0xdf, 0x80, 0xbf, 2, 0x1f},
    {0xe0, 0xe0, 0xa0, 0xbf, 3, 0x0f},
    {0xe1, 0xec, 0x80, 0xbf, 3, 0x0f},
    {0xed, 0xed, 0x80, 0x9f, 3, 0x0f},
    {0xee, 0xef, 0x80, 0xbf, 3, 0x0f},
    {0xf0, 0xf0, 0x90, 0xbf, 4, 0x07},
    {0xf1, 0xf3, 0x80, 0xbf, 4, 0x07},
    {0xf4, 0xf4, 0x80, 0x8f, 4, 0x07},
};

/* Characters that do not show as themselves, or change how others show. */
static const struct {
    uint32_t first, last;
} hidden[] = {
    {0x00,    0x1f   },
    {0x7f,    0x9f   },
    {0xad,    0xad   },
    {0x061c,  0x061c },
    {0x180e,  0x180e },
    {0x200b,  0x200f },
    {0x2028,  0x202e },
    {0x2060,  0x206f },
    {0xfe00,  0xfe0f },
    {0xfeff,  0xfeff },
    {0xfff9,  0xfffb },
    {0xe0000, 0xe0fff},
};

size_t escape_utf8(struct bytes s, uint32_t *c)
{
    *c = 0;
    if (s.len == 0)
        return 0;
    for (size_t i = 0; i < sizeof leads / sizeof leads[0]; i++) {
        if (s.ptr[0] < leads[i].first || s.ptr[0] > leads[i].last)
            continue;
        size_t length = leads[i].length;
        if (s.len < length)
            return 0;
        if (length > 1 && (s.ptr[1] < leads[i].low || s.ptr[1] > leads[i].high))
            return 0;
        uint32_t value = s.ptr[0] & leads[i].payload;
        for (size_t k = 1; k < length; k++) {
            if ((s.ptr[k] & 0xc0) != 0x80)
                return 0;
            value = value << 6 | (s.ptr[k] & 0x3f);
        }
        *c = value;
        return length;
    }
    return 0;
}

static bool is_hidden(uint32_t c)
{
    for (size_t i = 0; i < sizeof hidden / sizeof hidden[0]; i++)
        if (c >= hidden[i].first && c <= hidden[i].last)
            return true;
    return false;
}

const char *escape_text(struct bytes name, bool utf8, char *out, size_t size)
{
    size_t at = 0;

    if (size < 1 || name.len > (size - 1) / 4) {
        if (size > 0)
            out[0] = '\0';
        return out;
    }
    for (size_t i = 0; i < name.len;) {
        uint32_t c;
        size_t length = escape_utf8(bytes_of(name.ptr + i, name.len - i), &c);

        if (length == 1 && c == '\\') {
            out[at++] = '\\';
            out[at++] = '\\';
        } else if (length > 0 && !is_hidden(c) && (utf8 || c < 0x80)) {
            memcpy(out + at, name.ptr + i, length);
            at += length;
        } else {
            length = length > 0 ? length : 1;
            for (size_t k = 0; k < length; k++)
                at += (size_t)snprintf(out + at, size - at, "\\x%02x", name.ptr[i + k]);
        }
        i += length;
    }
    out[at] = '\0';
    return out;
}

static bool set_new(json_t *object, const char *key, json_t *value)
{
    return value != NULL && json_object_set_new(object, key, value) == 0;
}

bool escape_json(json_t *object, const char *key, struct bytes name)
{
    json_t *plain = json_stringn(name.len > 0 ? (const char *)name.ptr : "", name.len);
    size_t size = ESCAPE_SIZE(name.len);
    char hex_key[64];
    bool done = false;

    if (plain != NULL)
        return set_new(object, key, plain);

    char *text = malloc(size);
    if (text != NULL && set_new(object, key, json_string(escape_text(name, true, text, size)))) {
        for (size_t i = 0; i < name.len; i++)
            snprintf(text + 2 * i, size - 2 * i, "%02x", name.ptr[i]);
        snprintf(hex_key, sizeof hex_key, "%s_hex", key);
        done = set_new(object, hex_key, json_string(text));
    }
    free(text);
    return done;
}

bool escape_locale_utf8(void)
{
    return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}
