#include "config.h"

#include "common/crypto.h"

#include "common/secret.h"

#include <stdio.h>

#include <openssl/conf.h>
#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/provider.h>
#include <openssl/rand.h>

#define FIPS_QUERY          "fips=yes"
#define FIPS_SALT_MIN       16 /* bytes; both as the module's PBKDF2 has them */
#define FIPS_ITERATIONS_MIN 1000

struct algorithms {
    bool fips;
    const char *query; /* property query of every fetch; NULL = any provider */
    OSSL_LIB_CTX *lib; /* NULL = the process's own */
    EVP_CIPHER *aes_256_gcm;
    EVP_CIPHER *aes_cbc[3]; /* by enum crypto_cbc; fetched at the first use: only import has one */
    EVP_MD *sha1, *sha256, *sha512;
    EVP_MAC *hmac;
    EVP_KDF *pbkdf2;
    EVP_RAND *drbg;
};

static struct algorithms now; /* a process has one; .sha256 is NULL before the start */

static const char *const digest_names[] = {
    [CRYPTO_DIGEST_SHA1] = "SHA1",
    [CRYPTO_DIGEST_SHA256] = "SHA256",
    [CRYPTO_DIGEST_SHA512] = "SHA512",
};

static void let_go(struct algorithms *a)
{
    EVP_CIPHER_free(a->aes_256_gcm);
    for (size_t i = 0; i < sizeof a->aes_cbc / sizeof a->aes_cbc[0]; i++)
        EVP_CIPHER_free(a->aes_cbc[i]);
    EVP_MD_free(a->sha1);
    EVP_MD_free(a->sha256);
    EVP_MD_free(a->sha512);
    EVP_MAC_free(a->hmac);
    EVP_KDF_free(a->pbkdf2);
    EVP_RAND_free(a->drbg);
    OSSL_LIB_CTX_free(a->lib);
    *a = (struct algorithms){0};
}

/* Returns NULL, or the name of the first algorithm that cannot be fetched. */
static const char *fetch_all(struct algorithms *a)
{
    if ((a->aes_256_gcm = EVP_CIPHER_fetch(a->lib, "AES-256-GCM", a->query)) == NULL)
        return "AES-256-GCM";
    if ((a->sha256 = EVP_MD_fetch(a->lib, "SHA256", a->query)) == NULL)
        return "SHA-256";
    if ((a->sha1 = EVP_MD_fetch(a->lib, "SHA1", a->query)) == NULL)
        return "SHA-1 (for the HMAC of codes)";
    if ((a->sha512 = EVP_MD_fetch(a->lib, "SHA512", a->query)) == NULL)
        return "SHA-512";
    if ((a->hmac = EVP_MAC_fetch(a->lib, "HMAC", a->query)) == NULL)
        return "HMAC";
    if ((a->pbkdf2 = EVP_KDF_fetch(a->lib, "PBKDF2", a->query)) == NULL)
        return "PBKDF2";
    if ((a->drbg = EVP_RAND_fetch(a->lib, "CTR-DRBG", a->query)) == NULL)
        return "CTR-DRBG (random bytes)";
    return NULL;
}

/*
 * A context of our own that reads OpenSSL's configuration, where the module's checksum stands, and
 * whose random generator is the module's.
 */
static bool start_fips_context(struct algorithms *a)
{
    a->lib = OSSL_LIB_CTX_new();
    if (a->lib == NULL)
        return false;
    char *file = CONF_get1_default_config_file();
    /* A file that cannot be read leaves nothing to fetch, which the caller then says. */
    if (file != NULL)
        (void)OSSL_LIB_CTX_load_config(a->lib, file);
    OPENSSL_free(file);
    return RAND_set_DRBG_type(a->lib, "CTR-DRBG", FIPS_QUERY, "AES-256-CTR", NULL) == 1;
}

bool crypto_start(bool fips, char *why, size_t size)
{
    struct algorithms fresh = {.fips = fips, .query = fips ? FIPS_QUERY : NULL};
    const char *missing = NULL;
    uint8_t byte;

    if (now.sha256 != NULL && now.fips == fips)
        return true;
    if (fips && !start_fips_context(&fresh))
        missing = "a library context";
    if (missing == NULL)
        missing = fetch_all(&fresh);
    if (missing == NULL && RAND_bytes_ex(fresh.lib, &byte, 1, 0) != 1)
        missing = "random bytes";
    if (missing == NULL) {
        let_go(&now);
        now = fresh;
        return true;
    }
    if (fips)
        snprintf(why, size,
                 "fips: require: OpenSSL gives no %s from a FIPS module; install the module "
                 "(fips.so), run `openssl fipsinstall` and activate it in openssl.cnf, or write "
                 "fips: off",
                 missing);
    else
        snprintf(why, size,
                 "OpenSSL gives no %s; its configuration (openssl.cnf) must activate the default "
                 "provider",
                 missing);
    let_go(&fresh);
    return false;
}

static const struct algorithms *ready(void)
{
    char unused[256];

    if (now.sha256 == NULL)
        (void)crypto_start(false, unused, sizeof unused);
    return &now;
}

bool crypto_is_fips(void)
{
    return now.fips;
}

OSSL_LIB_CTX *crypto_library(void)
{
    return now.lib;
}

const char *crypto_query(void)
{
    return now.query;
}

bool crypto_random(void *out, size_t len)
{
    return ready()->sha256 != NULL && RAND_bytes_ex(now.lib, out, len, 0) == 1;
}

bool crypto_random_secret(void *out, size_t len)
{
    return ready()->sha256 != NULL && RAND_priv_bytes_ex(now.lib, out, len, 0) == 1;
}

const EVP_CIPHER *crypto_aes_256_gcm(void)
{
    return ready()->aes_256_gcm;
}

const EVP_CIPHER *crypto_aes_cbc(enum crypto_cbc which)
{
    static const char *const names[] = {
        [CRYPTO_AES_128_CBC] = "AES-128-CBC",
        [CRYPTO_AES_192_CBC] = "AES-192-CBC",
        [CRYPTO_AES_256_CBC] = "AES-256-CBC",
    };

    if (ready()->sha256 != NULL && now.aes_cbc[which] == NULL)
        now.aes_cbc[which] = EVP_CIPHER_fetch(now.lib, names[which], now.query);
    return now.aes_cbc[which];
}

bool crypto_sha256(struct bytes text, uint8_t out[CRYPTO_SHA256])
{
    return ready()->sha256 != NULL &&
           EVP_Digest(text.ptr, text.len, out, NULL, now.sha256, NULL) == 1;
}

/* The two parameters that name a digest to HMAC and PBKDF2.  The strings are copied by neither. */
static size_t name_digest(enum crypto_digest digest, char name[8], char query[16],
                          OSSL_PARAM parameters[2])
{
    snprintf(name, 8, "%s", digest_names[digest]);
    parameters[0] = OSSL_PARAM_construct_utf8_string(OSSL_ALG_PARAM_DIGEST, name, 0);
    if (now.query == NULL)
        return 1;
    snprintf(query, 16, "%s", now.query);
    parameters[1] = OSSL_PARAM_construct_utf8_string(OSSL_ALG_PARAM_PROPERTIES, query, 0);
    return 2;
}

EVP_MAC_CTX *crypto_hmac_new(enum crypto_digest digest, struct bytes key)
{
    OSSL_PARAM parameters[3];
    char name[8], query[16];
    EVP_MAC_CTX *mac = key.len > 0 && ready()->hmac != NULL ? EVP_MAC_CTX_new(now.hmac) : NULL;

    if (mac == NULL)
        return NULL;
    parameters[name_digest(digest, name, query, parameters)] = OSSL_PARAM_construct_end();
    if (EVP_MAC_init(mac, key.ptr, key.len, parameters) == 1)
        return mac;
    EVP_MAC_CTX_free(mac);
    return NULL;
}

bool crypto_hmac(enum crypto_digest digest, struct bytes key, struct bytes text,
                 uint8_t out[CRYPTO_HMAC_MAX], size_t *len)
{
    EVP_MAC_CTX *mac = crypto_hmac_new(digest, key);

    *len = 0;
    bool done = mac != NULL && (text.len == 0 || EVP_MAC_update(mac, text.ptr, text.len) == 1) &&
                EVP_MAC_final(mac, out, len, CRYPTO_HMAC_MAX) == 1;
    EVP_MAC_CTX_free(mac);
    return done;
}

bool crypto_pbkdf2_takes(size_t salt_len, unsigned iterations)
{
    return !now.fips || (salt_len >= FIPS_SALT_MIN && iterations >= FIPS_ITERATIONS_MIN);
}

bool crypto_pbkdf2(enum crypto_digest digest, struct bytes password, struct bytes salt,
                   unsigned iterations, void *out, size_t len)
{
    OSSL_PARAM parameters[7];
    char name[8], query[16];
    static uint8_t none[1];
    int unchecked = now.fips ? 0 : 1;
    EVP_KDF_CTX *kdf = ready()->pbkdf2 != NULL ? EVP_KDF_CTX_new(now.pbkdf2) : NULL;

    if (kdf == NULL)
        return false;
    size_t n = name_digest(digest, name, query, parameters);
    /* OpenSSL only reads them. */
    parameters[n++] = OSSL_PARAM_construct_octet_string(
        OSSL_KDF_PARAM_PASSWORD, password.len > 0 ? (void *)(uintptr_t)password.ptr : none,
        password.len);
    parameters[n++] = OSSL_PARAM_construct_octet_string(
        OSSL_KDF_PARAM_SALT, salt.len > 0 ? (void *)(uintptr_t)salt.ptr : none, salt.len);
    parameters[n++] = OSSL_PARAM_construct_uint(OSSL_KDF_PARAM_ITER, &iterations);
    parameters[n++] = OSSL_PARAM_construct_int(OSSL_KDF_PARAM_PKCS5, &unchecked);
    parameters[n] = OSSL_PARAM_construct_end();
    bool done = EVP_KDF_derive(kdf, out, len, parameters) == 1;
    EVP_KDF_CTX_free(kdf);
    if (!done)
        secret_wipe(out, len);
    return done;
}

bool crypto_pbkdf2_sha256(struct bytes password, struct bytes salt, unsigned iterations, void *out,
                          size_t len)
{
    return crypto_pbkdf2(CRYPTO_DIGEST_SHA256, password, salt, iterations, out, len);
}
