#include "config.h"

#include "mfa/key_raw.h"

#include "common/crypto.h"
#include "common/secret.h"

#include <stdio.h>

static enum kek_result raw_wrap(struct kek *kek, const struct seal_place *place,
                                const uint8_t key[SEAL_KEY], uint8_t wrapped[KEK_WRAPPED],
                                char *why, size_t size)
{
    if (seal_close(kek->raw, place, bytes_of(key, SEAL_KEY), wrapped, KEK_WRAPPED))
        return KEK_OK;
    snprintf(why, size, "cannot wrap a key: OpenSSL fails at AES-256-GCM or has no random bytes");
    return KEK_FAILED;
}

static enum kek_result raw_unwrap(struct kek *kek, const struct seal_place *place,
                                  struct bytes wrapped, uint8_t key[SEAL_KEY], char *why,
                                  size_t size)
{
    size_t len;

    (void)why;
    (void)size;
    return seal_open(kek->raw, place, wrapped, key, SEAL_KEY, &len) && len == SEAL_KEY
               ? KEK_OK
               : KEK_DAMAGED;
}

static void raw_close(struct kek *kek)
{
    secret_wipe(kek->raw, sizeof kek->raw);
}

static const struct kek_kind raw_kind = {raw_wrap, raw_unwrap, raw_close};

static bool identify(struct kek *kek)
{
    static const char purpose[] = "pgsignet kek id";
    uint8_t text[sizeof purpose - 1 + SEAL_KEY];
    uint8_t digest[CRYPTO_SHA256];

    memcpy(text, purpose, sizeof purpose - 1);
    memcpy(text + sizeof purpose - 1, kek->raw, SEAL_KEY);
    bool ok = crypto_sha256(bytes_of(text, sizeof text), digest);
    secret_wipe(text, sizeof text);
    for (size_t i = 0; ok && i < 8; i++)
        snprintf(kek->id + 2 * i, 3, "%02x", (unsigned)digest[i]);
    return ok;
}

bool key_raw_make(struct kek *kek, const uint8_t key[SEAL_KEY])
{
    *kek = (struct kek){.kind = &raw_kind};
    memcpy(kek->raw, key, SEAL_KEY);
    if (identify(kek))
        return true;
    kek_close(kek);
    return false;
}

static int hex_value(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static bool parse_hex(const uint8_t *text, uint8_t key[SEAL_KEY])
{
    for (size_t i = 0; i < SEAL_KEY; i++) {
        int high = hex_value(text[2 * i]);
        int low = hex_value(text[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        key[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

/* 33 bytes are decoded, of which the '=' stands for the last; a non-zero one was no canonical text. */
static bool parse_base64(const uint8_t *text, uint8_t key[SEAL_KEY])
{
    uint8_t decoded[SEAL_KEY + 1];
    bool ok = memchr(text, '=', KEY_RAW_BASE64) == text + KEY_RAW_BASE64 - 1 &&
              EVP_DecodeBlock(decoded, text, KEY_RAW_BASE64) == SEAL_KEY + 1 &&
              decoded[SEAL_KEY] == 0;

    if (ok)
        memcpy(key, decoded, SEAL_KEY);
    secret_wipe(decoded, sizeof decoded);
    return ok;
}

const char *key_raw_open(struct kek *kek, struct bytes text)
{
    uint8_t key[SEAL_KEY];
    const char *fault = NULL;
    size_t len = text.len;

    *kek = (struct kek){0};
    if (len > 0 && text.ptr[len - 1] == '\n')
        len -= len > 1 && text.ptr[len - 2] == '\r' ? 2 : 1;
    if (!(len == KEY_RAW_HEX && parse_hex(text.ptr, key)) &&
        !(len == KEY_RAW_BASE64 && parse_base64(text.ptr, key)))
        fault = "is not one line of 64 hex digits, nor base64 of 32 bytes";
    else if (!key_raw_make(kek, key))
        fault = "cannot be used: SHA-256 fails in OpenSSL";
    secret_wipe(key, sizeof key);
    return fault;
}
