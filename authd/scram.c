#include "config.h"

#include "authd/scram.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "authd/saslprep.h"
#include "common/crypto.h"
#include "common/number.h"
#include "common/secret.h"

#define KEY_LEN            32 /* bytes of SHA-256 */
#define SALT_MAX           256
#define ITERATIONS_DEFAULT 4096 /* PostgreSQL's */
#define BASE64_LEN(bytes)  (((bytes) + 2) / 3 * 4)

struct verifier {
    int iterations;
    uint8_t salt[SALT_MAX];
    size_t salt_len;
    uint8_t stored_key[KEY_LEN];
    uint8_t server_key[KEY_LEN];
};

/* Cuts text at the first separator: the part before it is returned, *rest is what follows. */
static bool cut(struct bytes *rest, char separator, struct bytes *part)
{
    const uint8_t *at = rest->len > 0 ? memchr(rest->ptr, separator, rest->len) : NULL;

    if (at == NULL)
        return false;
    *part = bytes_of(rest->ptr, (size_t)(at - rest->ptr));
    *rest = bytes_of(at + 1, rest->len - part->len - 1);
    return true;
}

/*
 * Decodes base64 of 1..max bytes.  OpenSSL's decoder forgives blanks, odd padding and stray bits;
 * only text that it would write itself is taken.
 */
static bool decode_base64(struct bytes text, size_t max, uint8_t *out, size_t *len)
{
    uint8_t raw[BASE64_LEN(SALT_MAX) / 4 * 3];
    uint8_t again[BASE64_LEN(SALT_MAX) + 1];
    bool good = false;

    if (text.len == 0 || text.len % 4 != 0 || text.len > BASE64_LEN(max) || max > SALT_MAX)
        return false;
    int decoded = EVP_DecodeBlock(raw, text.ptr, (int)text.len);
    if (decoded > 0) {
        size_t padding = text.ptr[text.len - 1] != '=' ? 0 : text.ptr[text.len - 2] != '=' ? 1 : 2;
        *len = (size_t)decoded - padding;
        int encoded = EVP_EncodeBlock(again, raw, (int)*len);
        good = *len <= max && bytes_equal(text, bytes_of(again, (size_t)encoded));
    }
    if (good)
        memcpy(out, raw, *len);
    secret_wipe(raw, sizeof raw);
    secret_wipe(again, sizeof again);
    return good;
}

static bool decode_key(struct bytes text, uint8_t out[KEY_LEN])
{
    size_t len;

    return text.len == BASE64_LEN(KEY_LEN) && decode_base64(text, KEY_LEN, out, &len) &&
           len == KEY_LEN;
}

static bool parse(const char *text, struct verifier *v)
{
    struct bytes rest = bytes_str(text), mechanism, iterations, salt, stored;
    int64_t count;

    if (!cut(&rest, '$', &mechanism) || !bytes_equal(mechanism, bytes_str("SCRAM-SHA-256")) ||
        !cut(&rest, ':', &iterations) || !cut(&rest, '$', &salt) || !cut(&rest, ':', &stored))
        return false;
    if (number_parse((const char *)iterations.ptr, iterations.len, 1, SCRAM_ITERATIONS_MAX,
                     &count) != NUMBER_OK)
        return false;
    v->iterations = (int)count;
    return decode_base64(salt, SALT_MAX, v->salt, &v->salt_len) &&
           decode_key(stored, v->stored_key) && decode_key(rest, v->server_key);
}

/* RFC 5802 3: StoredKey := H(HMAC(Hi(password, salt, i), "Client Key")). */
static bool derive_stored_key(const struct verifier *v, struct bytes prepared, uint8_t out[KEY_LEN])
{
    static const uint8_t label[] = "Client Key";
    uint8_t salted[KEY_LEN], client_key[CRYPTO_HMAC_MAX];
    size_t len = 0;
    bool done = crypto_pbkdf2_sha256(prepared, bytes_of(v->salt, v->salt_len),
                                     (unsigned)v->iterations, salted, KEY_LEN) &&
                crypto_hmac(CRYPTO_DIGEST_SHA256, bytes_of(salted, KEY_LEN),
                            bytes_of(label, sizeof label - 1), client_key, &len) &&
                crypto_sha256(bytes_of(client_key, KEY_LEN), out);
    secret_wipe(salted, sizeof salted);
    secret_wipe(client_key, sizeof client_key);
    return done;
}

static enum scram_result compare(const struct verifier *v, struct bytes password)
{
    struct secret prepared = {0};
    uint8_t stored_key[KEY_LEN] = {0};
    enum scram_result result = SCRAM_FAILED;

    /* PostgreSQL never has a verifier for these: an empty password, a NUL, more than one can send. */
    bool possible = password.len > 0 && password.len <= SASLPREP_MAX &&
                    memchr(password.ptr, 0, password.len) == NULL;

    if (!saslprep(possible ? password : bytes_str("-"), &prepared))
        goto out;
    if (!derive_stored_key(v, secret_bytes(&prepared), stored_key))
        goto out;
    bool same = CRYPTO_memcmp(stored_key, v->stored_key, KEY_LEN) == 0;
    result = same && possible ? SCRAM_MATCH : SCRAM_MISMATCH;
out:
    secret_free(&prepared);
    secret_wipe(stored_key, sizeof stored_key);
    return result;
}

enum scram_result scram_check(const char *verifier, struct bytes password)
{
    struct verifier v = {.salt_len = 0};
    enum scram_result result = SCRAM_BAD_VERIFIER;

    if (verifier != NULL && parse(verifier, &v) &&
        crypto_pbkdf2_takes(v.salt_len, (unsigned)v.iterations))
        result = compare(&v, password);
    secret_wipe(&v, sizeof v);
    return result;
}

void scram_spend(struct bytes password)
{
    /* Fixed: a count learnt from verifiers would let one role's owner set everybody's cost. */
    static const struct verifier nobody = {.iterations = ITERATIONS_DEFAULT, .salt_len = 16};

    (void)compare(&nobody, password);
}
