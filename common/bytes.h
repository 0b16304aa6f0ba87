/*
 * bytes.h - a slice of bytes that somebody else owns.
 *
 * Role names, passwords and attribute values are bytes from an attacker: they may hold any value,
 * NUL included, and carry their length.  A slice never owns; ptr may be NULL when len is 0.
 */
#ifndef PGSIGNET_BYTES_H
#define PGSIGNET_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct bytes {
    const uint8_t *ptr;
    size_t len;
};

static inline struct bytes bytes_of(const void *ptr, size_t len)
{
    return (struct bytes){.ptr = ptr, .len = len};
}

/* A slice over a NUL-terminated string without its NUL; the empty slice for NULL. */
static inline struct bytes bytes_str(const char *s)
{
    return (struct bytes){.ptr = (const uint8_t *)s, .len = s ? strlen(s) : 0};
}

/* Equality of public bytes (not constant time: never for secrets; see CRYPTO_memcmp). */
static inline bool bytes_equal(struct bytes a, struct bytes b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

#endif
