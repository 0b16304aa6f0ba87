/*
 * seal.h - a few secret bytes, encrypted and bound to the place they belong to.
 *
 * AES-256-GCM (NIST SP 800-38D): a random nonce of 96 bits, a tag of 128.  Keys seal few rows each
 * (a user's key that user's tokens), so random nonces do not come near a collision.
 *
 *   sealed    u8 version   nonce[12]   ciphertext   tag[16]
 *
 * The associated data is the version and then the place: fields, each with its length in front, so that no two
 * different lists of fields read the same.
 */
#ifndef PGSIGNET_MFA_SEAL_H
#define PGSIGNET_MFA_SEAL_H

#include "common/bytes.h"

#define SEAL_KEY       32 /* bytes */
#define SEAL_VERSION   1
#define SEAL_NONCE     12
#define SEAL_TAG       16
#define SEAL_OVERHEAD  (1 + SEAL_NONCE + SEAL_TAG) /* bytes that sealing adds */
#define SEAL_PLAIN_MAX 64            /* bytes: the longest secret (SHA-512) */
#define SEAL_MAX       (SEAL_PLAIN_MAX + SEAL_OVERHEAD)
#define SEAL_PLACE_MAX 256 /* bytes of associated data */

struct seal_place {
    uint8_t at[SEAL_PLACE_MAX];
    size_t len;
    bool overflow; /* a field did not fit: nothing is sealed or opened with it */
};

/* Starts a place; purpose is a string of ours that keeps the kinds of sealed rows apart. */
void seal_place_begin(struct seal_place *place, const char *purpose);
void seal_place_bytes(struct seal_place *place, struct bytes field);
void seal_place_number(struct seal_place *place, int64_t number);

/* Seals at most SEAL_PLAIN_MAX bytes; writes plain.len + SEAL_OVERHEAD bytes.  False on any failure. */
bool seal_close(const uint8_t key[SEAL_KEY], const struct seal_place *place, struct bytes plain,
                uint8_t *sealed, size_t cap);

/*
 * Opens what was sealed under the same key for the same place, into plain[0..cap).  False, with plain
 * wiped, if it was changed, moved, sealed under another key, or does not fit.
 */
bool seal_open(const uint8_t key[SEAL_KEY], const struct seal_place *place, struct bytes sealed,
               uint8_t *plain, size_t cap, size_t *len);

#endif
