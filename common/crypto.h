/*
 * crypto.h - the one place where algorithms are fetched from OpenSSL.
 *
 * Fetched once a process, by crypto_start.  Under `fips: require` each has to come from a validated
 * module (property query "fips=yes", in a library context of our own, so that nothing else in the
 * process changes it): a program in which one cannot be fetched does not start.  Nothing outside of
 * crypto.c names an algorithm to OpenSSL (tests/unit/crypto_places.sh).
 */
#ifndef PGSIGNET_CRYPTO_H
#define PGSIGNET_CRYPTO_H

#include <openssl/evp.h>

#include "common/bytes.h"

#define CRYPTO_SHA256   32 /* bytes */
#define CRYPTO_HMAC_MAX 64 /* bytes: SHA-512 */

enum crypto_digest { CRYPTO_DIGEST_SHA1, CRYPTO_DIGEST_SHA256, CRYPTO_DIGEST_SHA512 };

/*
 * Fetches everything.  False, with a sentence in why (size bytes) that names the algorithm and says
 * what to do, and with what was in force before still in force.  May be called again.  Without a call
 * the first use fetches from whatever providers OpenSSL is configured with.
 */
bool crypto_start(bool fips, char *why, size_t size);

/* Is `fips: require` in force in this process? */
bool crypto_is_fips(void);

/* The library context and the property query that hold, for keys and certificates; both may be NULL. */
OSSL_LIB_CTX *crypto_library(void);
const char *crypto_query(void);

/* Random bytes: for what others may see (ids, nonces), and for keys and secrets. */
bool crypto_random(void *out, size_t len);
bool crypto_random_secret(void *out, size_t len);

/* AES-256-GCM, for EVP_CipherInit_ex2; NULL when the library has none.  Not owned. */
const EVP_CIPHER *crypto_aes_256_gcm(void);

/* The ciphers of others' files (RFC 6030), never of our own data; NULL when there is none. Not owned. */
enum crypto_cbc { CRYPTO_AES_128_CBC, CRYPTO_AES_192_CBC, CRYPTO_AES_256_CBC };
const EVP_CIPHER *crypto_aes_cbc(enum crypto_cbc which);

/* False when the library fails. */
bool crypto_sha256(struct bytes text, uint8_t out[CRYPTO_SHA256]);

/* An HMAC that holds its key (1 byte or more); the caller frees it (EVP_MAC_CTX_free).  NULL on trouble. */
EVP_MAC_CTX *crypto_hmac_new(enum crypto_digest digest, struct bytes key);

/* One HMAC; *len is the digest's size. */
bool crypto_hmac(enum crypto_digest digest, struct bytes key, struct bytes text,
                 uint8_t out[CRYPTO_HMAC_MAX], size_t *len);

/* Would PBKDF2 be computed with these?  `fips: require` asks for 16 bytes and 1000 (SP 800-132). */
bool crypto_pbkdf2_takes(size_t salt_len, unsigned iterations);

/* PBKDF2-HMAC (RFC 8018 5.2) into out[0..len). */
bool crypto_pbkdf2(enum crypto_digest digest, struct bytes password, struct bytes salt,
                   unsigned iterations, void *out, size_t len);
bool crypto_pbkdf2_sha256(struct bytes password, struct bytes salt, unsigned iterations, void *out,
                          size_t len);

#endif
