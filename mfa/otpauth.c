#include "config.h"

#include "mfa/otpauth.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include <liboath/oath.h>

/* What differs between the kinds: the URI's type, and its last parameter. */
static const struct {
    const char *type, *last;
} kinds[] = {
    [TOKEN_TOTP] = {"totp", "period"},
    [TOKEN_HOTP] = {"hotp", "counter"},
};
#define KINDS (sizeof kinds / sizeof kinds[0])

static const char *const algorithms[] = {
    [ALGORITHM_SHA1] = "SHA1",
    [ALGORITHM_SHA256] = "SHA256",
    [ALGORITHM_SHA512] = "SHA512",
};
#define ALGORITHMS (sizeof algorithms / sizeof algorithms[0])

const char *otpauth_algorithm(enum settings_algorithm algorithm)
{
    return (size_t)algorithm < ALGORITHMS ? algorithms[algorithm] : "unknown";
}

bool otpauth_algorithm_read(const char *text, enum settings_algorithm *algorithm)
{
    for (size_t i = 0; i < ALGORITHMS; i++) {
        if (strcasecmp(text, algorithms[i]) == 0) {
            *algorithm = (enum settings_algorithm)i;
            return true;
        }
    }
    return false;
}

bool otpauth_base32(struct bytes raw, struct secret *text)
{
    char *padded = NULL;
    size_t len = 0;

    *text = (struct secret){0};
    if (raw.len == 0 ||
        oath_base32_encode((const char *)raw.ptr, raw.len, &padded, &len) != OATH_OK)
        return false;
    size_t kept = len;
    while (kept > 0 && padded[kept - 1] == '=') /* iOS apps refuse padding */
        kept--;
    bool copied = secret_copy(text, bytes_of(padded, kept));
    secret_wipe(padded, len);
    free(padded);
    return copied;
}

bool otpauth_groups(struct bytes text, struct secret *grouped)
{
    size_t at = 0;

    if (!secret_alloc(grouped, text.len + (text.len > 0 ? (text.len - 1) / 4 : 0)))
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (i > 0 && i % 4 == 0)
            grouped->ptr[at++] = ' ';
        grouped->ptr[at++] = text.ptr[i];
    }
    return true;
}

/* RFC 3986, section 2.3; not isalnum(), which asks the locale. */
static bool is_unreserved(uint8_t c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

static uint8_t *put_encoded(uint8_t *out, struct bytes text)
{
    static const char hex[] = "0123456789ABCDEF";

    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        if (is_unreserved(c)) {
            *out++ = c;
        } else {
            *out++ = '%';
            *out++ = (uint8_t)hex[c >> 4];
            *out++ = (uint8_t)hex[c & 15];
        }
    }
    return out;
}

static uint8_t *put(uint8_t *out, struct bytes text)
{
    memcpy(out, text.ptr, text.len);
    return out + text.len;
}

bool otpauth_uri(const struct otpauth *token, struct secret *uri)
{
    struct secret base32 = {0}, draft = {0};
    char tail[80];
    bool done = false;

    *uri = (struct secret){0};
    if (token->issuer.len == 0 || memchr(token->issuer.ptr, ':', token->issuer.len) != NULL ||
        token->account.len == 0 || (size_t)token->algorithm >= ALGORITHMS ||
        (size_t)token->kind >= KINDS || token->counter < 0)
        return false;
    int tail_len =
        snprintf(tail, sizeof tail, "&algorithm=%s&digits=%u&%s=%" PRId64,
                 algorithms[token->algorithm], token->digits, kinds[token->kind].last,
                 token->kind == TOKEN_HOTP ? token->counter : (int64_t)token->period);
    if (tail_len < 0 || (size_t)tail_len >= sizeof tail)
        return false;
    if (!otpauth_base32(token->secret, &base32))
        goto out;

    /* three bytes for each byte of a name is the most that encoding takes; 64 for the fixed words */
    if (!secret_alloc(&draft, 64 + 6 * token->issuer.len + 3 * token->account.len + base32.len +
                                  (size_t)tail_len))
        goto out;
    uint8_t *at = put(draft.ptr, bytes_str("otpauth://"));
    at = put(at, bytes_str(kinds[token->kind].type));
    at = put(at, bytes_str("/"));
    at = put_encoded(at, token->issuer);
    at = put(at, bytes_str(":"));
    at = put_encoded(at, token->account);
    at = put(at, bytes_str("?secret="));
    at = put(at, secret_bytes(&base32));
    at = put(at, bytes_str("&issuer="));
    at = put_encoded(at, token->issuer);
    at = put(at, bytes_of(tail, (size_t)tail_len));
    done = secret_copy(uri, bytes_of(draft.ptr, (size_t)(at - draft.ptr)));

out:
    secret_free(&draft);
    secret_free(&base32);
    return done;
}
