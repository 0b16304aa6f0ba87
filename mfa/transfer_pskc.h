/*
 * transfer_pskc.h - what of PSKC (RFC 6030) is cryptography: keys, encrypted values, their MACs.
 *
 * Parameters come from a hostile file and are bounded before they are used.
 */
#ifndef PGSIGNET_MFA_TRANSFER_PSKC_H
#define PGSIGNET_MFA_TRANSFER_PSKC_H

#include "common/bytes.h"
#include "common/secret.h"

#define PSKC_ITERATIONS_MAX 20000000 /* PBKDF2, some ten seconds */
#define PSKC_ITERATIONS     600000   /* what export uses (SHA-256) */
#define PSKC_SALT           16       /* bytes, of export */
#define PSKC_VALUE_MAX      4096     /* bytes of one encrypted value */

/* PBKDF2 (RFC 8018) as the file says.  prf is an Algorithm URI, or empty for HMAC-SHA1. */
struct pskc_derivation {
    struct bytes salt;
    int64_t iterations;
    int64_t length; /* bytes of the key */
    struct bytes prf;
};
/* NULL, or what is wrong (static); *key is the caller's to free. */
const char *pskc_derive(const struct pskc_derivation *derivation, struct bytes password,
                        struct secret *key);

/*
 * CBC with the IV in front and the padding of XML encryption.  NULL, or what is wrong (static); *plain is
 * the caller's to free.
 */
const char *pskc_decrypt(struct bytes algorithm, struct bytes key, struct bytes value,
                         struct secret *plain);

/* Compares in constant time the MAC of value, by an Algorithm URI.  NULL, or what is wrong (static). */
const char *pskc_check_mac(struct bytes algorithm, struct bytes key, struct bytes value,
                           struct bytes mac);

/*
 * Encrypts with AES-CBC by the key's length (16, 24 or 32 bytes) and a fresh IV into out, which has room for
 * value.len + 32 bytes; the bytes written, 0 when it fails.  And HMAC-SHA256 over it (32 bytes).
 */
size_t pskc_encrypt(struct bytes key, struct bytes value, uint8_t *out);
bool pskc_mac(struct bytes key, struct bytes value, uint8_t mac[32]);

#endif
