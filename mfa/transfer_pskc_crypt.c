#include "config.h"

#include "mfa/transfer_pskc.h"

#include "common/crypto.h"

#include <openssl/crypto.h>

#define BLOCK 16 /* bytes, of AES */

/* Algorithm URIs are told apart by what is behind '#'; their stems changed with the drafts. */
static const struct {
    const char *name;
    enum crypto_cbc cipher;
    size_t key; /* bytes */
} ciphers[] = {
    {"aes128-cbc", CRYPTO_AES_128_CBC, 16},
    {"aes192-cbc", CRYPTO_AES_192_CBC, 24},
    {"aes256-cbc", CRYPTO_AES_256_CBC, 32},
};
#define CIPHERS (sizeof ciphers / sizeof ciphers[0])

static const struct {
    const char *name;
    enum crypto_digest digest;
} digests[] = {
    {"hmac-sha1", CRYPTO_DIGEST_SHA1},
    {"hmac-sha256", CRYPTO_DIGEST_SHA256},
    {"hmac-sha512", CRYPTO_DIGEST_SHA512},
};

static struct bytes fragment(struct bytes uri)
{
    const uint8_t *hash = uri.len > 0 ? memrchr(uri.ptr, '#', uri.len) : NULL;

    return hash != NULL ? bytes_of(hash + 1, (size_t)(uri.ptr + uri.len - hash - 1)) : uri;
}

static bool find_digest(struct bytes uri, enum crypto_digest *digest)
{
    for (size_t i = 0; i < sizeof digests / sizeof digests[0]; i++) {
        if (bytes_equal(fragment(uri), bytes_str(digests[i].name))) {
            *digest = digests[i].digest;
            return true;
        }
    }
    return false;
}

const char *pskc_derive(const struct pskc_derivation *derivation, struct bytes password,
                        struct secret *key)
{
    enum crypto_digest digest = CRYPTO_DIGEST_SHA1;

    *key = (struct secret){0};
    if (derivation->prf.len > 0 && !find_digest(derivation->prf, &digest))
        return "the PRF of the key derivation is not known";
    if (derivation->salt.len == 0 || derivation->salt.len > PSKC_VALUE_MAX)
        return "the key derivation has no salt";
    if (derivation->iterations < 1 || derivation->iterations > PSKC_ITERATIONS_MAX)
        return "the key derivation has no count of iterations, or one that is far too high";
    if (derivation->length < 16 || derivation->length > 64 || password.len > PSKC_VALUE_MAX)
        return "the key derivation asks for a key of an impossible length";
    if (!secret_alloc(key, (size_t)derivation->length))
        return "memory is short";
    if (crypto_pbkdf2(digest, password, derivation->salt, (unsigned)derivation->iterations,
                      key->ptr, key->len))
        return NULL;
    secret_free(key);
    return "the key derivation failed";
}

const char *pskc_decrypt(struct bytes algorithm, struct bytes key, struct bytes value,
                         struct secret *plain)
{
    EVP_CIPHER_CTX *context = NULL;
    const char *wrong = "the encrypted value cannot be opened: another key or password?";
    int len = 0;
    size_t i = 0;

    *plain = (struct secret){0};
    while (i < CIPHERS && !bytes_equal(fragment(algorithm), bytes_str(ciphers[i].name)))
        i++;
    if (i == CIPHERS)
        return "the encryption algorithm is none of AES-128, AES-192 and AES-256 in CBC mode";
    if (key.len != ciphers[i].key)
        return "the key has not the length that the encryption algorithm needs";
    if (value.len < 2 * BLOCK || value.len % BLOCK != 0 || value.len > PSKC_VALUE_MAX)
        return "an encrypted value has an impossible length";
    context = EVP_CIPHER_CTX_new();
    if (context == NULL || !secret_alloc(plain, value.len)) {
        wrong = "memory is short";
        goto out;
    }
    /* XML encryption (section 5.2) fills the padding with anything; only the last byte says how much. */
    if (EVP_DecryptInit_ex2(context, crypto_aes_cbc(ciphers[i].cipher), key.ptr, value.ptr, NULL) !=
            1 ||
        EVP_CIPHER_CTX_set_padding(context, 0) != 1 ||
        EVP_DecryptUpdate(context, plain->ptr, &len, value.ptr + BLOCK, (int)(value.len - BLOCK)) !=
            1 ||
        (size_t)len != value.len - BLOCK)
        goto out;
    size_t padding = plain->ptr[len - 1];
    if (padding < 1 || padding > BLOCK)
        goto out;
    plain->len = (size_t)len - padding;
    wrong = NULL;

out:
    if (wrong != NULL)
        secret_free(plain);
    EVP_CIPHER_CTX_free(context);
    return wrong;
}

const char *pskc_check_mac(struct bytes algorithm, struct bytes key, struct bytes value,
                           struct bytes mac)
{
    enum crypto_digest digest;
    uint8_t wanted[CRYPTO_HMAC_MAX];
    size_t len = 0;

    if (!find_digest(algorithm, &digest))
        return "the MAC algorithm is none of HMAC-SHA1, HMAC-SHA256 and HMAC-SHA512";
    if (!crypto_hmac(digest, key, value, wanted, &len))
        return "the MAC cannot be computed";
    return mac.len == len && CRYPTO_memcmp(wanted, mac.ptr, len) == 0
               ? NULL
               : "the MAC is wrong: another key or password, or the file was changed";
}

size_t pskc_encrypt(struct bytes key, struct bytes value, uint8_t *out)
{
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    int len = 0, last = 0;
    size_t i = 0;

    while (i < CIPHERS && ciphers[i].key != key.len)
        i++;
    bool done =
        i < CIPHERS && context != NULL && value.len <= PSKC_VALUE_MAX &&
        crypto_random(out, BLOCK) &&
        EVP_EncryptInit_ex2(context, crypto_aes_cbc(ciphers[i].cipher), key.ptr, out, NULL) == 1 &&
        EVP_EncryptUpdate(context, out + BLOCK, &len, value.ptr, (int)value.len) == 1 &&
        EVP_EncryptFinal_ex(context, out + BLOCK + len, &last) == 1;

    EVP_CIPHER_CTX_free(context);
    return done ? BLOCK + (size_t)len + (size_t)last : 0;
}

bool pskc_mac(struct bytes key, struct bytes value, uint8_t mac[32])
{
    uint8_t full[CRYPTO_HMAC_MAX];
    size_t len = 0;

    if (!crypto_hmac(CRYPTO_DIGEST_SHA256, key, value, full, &len))
        return false;
    memcpy(mac, full, 32);
    return true;
}
