#include "config.h"

#include "common/ldap_escape.h"

#include <stdint.h>
#include <stdlib.h>

static bool harmless_in_filter(struct bytes value, size_t at)
{
    uint8_t byte = value.ptr[at];

    return byte >= 0x20 && byte <= 0x7e && strchr("*()\\", byte) == NULL;
}

static bool harmless_in_dn(struct bytes value, size_t at)
{
    uint8_t byte = value.ptr[at];

    /* RFC 4514 needs an escape at the ends only, and 389 Directory Server finds no entry by an inner \20. */
    if (byte == ' ')
        return at > 0 && at + 1 < value.len && value.ptr[at - 1] != ' ' && value.ptr[at + 1] != ' ';
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') || (byte != 0 && strchr("-_.@", byte) != NULL);
}

static char *escape(struct bytes value, bool (*harmless)(struct bytes, size_t))
{
    static const char hex[] = "0123456789ABCDEF";
    char *out, *to;
    size_t i;

    if (value.len > SIZE_MAX / 3 - 1)
        return NULL;
    out = to = malloc(value.len * 3 + 1);
    if (out == NULL)
        return NULL;
    for (i = 0; i < value.len; i++) {
        uint8_t byte = value.ptr[i];

        if (harmless(value, i)) {
            *to++ = (char)byte;
            continue;
        }
        *to++ = '\\';
        *to++ = hex[byte >> 4];
        *to++ = hex[byte & 15];
    }
    *to = '\0';
    return out;
}

static char *expand(const char *template, char *escaped)
{
    const char *from, *mark;
    size_t insert, size = 1;
    char *out = NULL, *to;

    if (escaped == NULL)
        return NULL;
    insert = strlen(escaped);
    for (from = template; (mark = strstr(from, "%u")) != NULL; from = mark + 2)
        if (__builtin_add_overflow(size, insert, &size))
            goto out;
    if (__builtin_add_overflow(size, strlen(template), &size))
        goto out;
    out = to = malloc(size);
    if (out == NULL)
        goto out;
    for (from = template; (mark = strstr(from, "%u")) != NULL; from = mark + 2) {
        to = mempcpy(to, from, (size_t)(mark - from));
        to = mempcpy(to, escaped, insert);
    }
    strcpy(to, from);
out:
    free(escaped);
    return out;
}

char *ldapc_filter_escape(struct bytes value)
{
    return escape(value, harmless_in_filter);
}

char *ldapc_dn_escape(struct bytes value)
{
    return escape(value, harmless_in_dn);
}

char *ldapc_filter_expand(const char *template, struct bytes name)
{
    return expand(template, ldapc_filter_escape(name));
}

char *ldapc_dn_expand(const char *template, struct bytes name)
{
    return expand(template, ldapc_dn_escape(name));
}
