/*
 * keyring.h - the keys of an open store, and what each seals.
 *
 *   KEK -> data keys (store-wide) -> a key per user -> secrets of that user's tokens
 *                                 -> two hash keys
 *
 * A user's key can be destroyed alone; the KEK can change by re-wrapping a few data keys.  Each sealed
 * row is bound to its place: store, data key, user's name, token, its parameters and row version.
 */
#ifndef PGSIGNET_MFA_KEYRING_H
#define PGSIGNET_MFA_KEYRING_H

#include "mfa/store.h"

#include <openssl/evp.h>

#define KEYRING_HASH 16 /* bytes */

struct keyring {
    uint8_t store_id[STORE_ID];
    char kek_id[KEK_ID_MAX]; /* of the KEK that opened it */
    struct {
        int64_t id;
        uint8_t key[SEAL_KEY];
    } data[STORE_DATA_KEYS];
    size_t n_data; /* the last one seals what is new */
    /* HMAC-SHA256, keyed; setting one up costs three times what using it does.  Owned. */
    EVP_MAC_CTX *audit;
    EVP_MAC_CTX *bucket;
};

/*
 * A fresh identity: random store id, one data key, two hash keys.  False, with a sentence in why,
 * without random bytes or when the KEK cannot wrap.
 */
bool keyring_create(struct kek *kek, struct store_identity *identity, char *why, size_t size);

/*
 * Opens the keys of a store: of each data key the wrap that this KEK made, whatever other KEKs wrap it
 * too.  The caller closes the ring.  False, with *ring closed and a sentence in
 * why, on trouble.
 */
bool keyring_open(struct keyring *ring, struct kek *kek,
                  const struct store_identity *identity, char *why, size_t size);

/*
 * Fills in row->kek_id and ->wrapped: the data key row->id, which the ring has, wrapped by any KEK.
 * False, with a sentence in why, on trouble.
 */
bool keyring_wrap(const struct keyring *ring, struct kek *kek, struct store_data_key *row, char *why,
                  size_t size);

/* Adds a fresh data key, which seals what is new from now on, and wraps it into *row. */
bool keyring_add_data_key(struct keyring *ring, struct kek *kek, int64_t id,
                          struct store_data_key *row, char *why, size_t size);

/* The hash keys of identity, sealed anew by the last data key; their values stay.  False on trouble. */
bool keyring_reseal_hash_keys(const struct keyring *ring, struct store_identity *identity);

/* Frees and wipes; an all-zero or closed ring is allowed. */
void keyring_close(struct keyring *ring);

/* Is this data key one of the ring's? */
bool keyring_has(const struct keyring *ring, int64_t data_key);

/* Gives a user a fresh key (user->data_key and ->key); user->name must be set. */
bool keyring_make_user_key(const struct keyring *ring, struct store_user *user);

/* Does the user's key open? */
bool keyring_opens(const struct keyring *ring, const struct store_user *user);

/* Seals a secret into token->secret; all that the seal binds must be set before. */
bool keyring_seal(const struct keyring *ring, const struct store_user *user,
                  struct store_token *token, struct bytes secret);

/* Opens it.  False, with *secret wiped, when anything does not fit. */
bool keyring_unseal(const struct keyring *ring, const struct store_user *user,
                    const struct store_token *token, uint8_t secret[SEAL_PLAIN_MAX], size_t *len);

/* HMAC-SHA256 under ring->audit or ring->bucket, cut to KEYRING_HASH bytes. */
bool keyring_hash(EVP_MAC_CTX *mac, struct bytes text, uint8_t out[KEYRING_HASH]);

#define KEYRING_HASH_TEXT (2 * KEYRING_HASH + 1)

/* A hash in lower-case hex, NUL-terminated. */
void keyring_hash_text(const uint8_t hash[KEYRING_HASH], char out[KEYRING_HASH_TEXT]);

#endif
