/*
 * key_provider.h - where the key-encryption key (KEK) comes from: one table row a provider.
 *
 * The KEK wraps the store's data keys and is needed only while a store is opened.  It may be 32 bytes
 * that a provider hands over, or a key that never leaves a PKCS#11 token; so it is a handle that wraps
 * and unwraps.  It is known by an id that tells nothing of it, so that a wrong key can be told from a
 * damaged store.
 */
#ifndef PGSIGNET_MFA_KEY_PROVIDER_H
#define PGSIGNET_MFA_KEY_PROVIDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/settings.h"
#include "mfa/seal.h"

#define KEK_ID_MAX  17                         /* bytes: 16 hex digits and NUL */
#define KEK_WRAPPED (SEAL_KEY + SEAL_OVERHEAD) /* bytes of a wrapped key */

enum kek_result {
    KEK_OK,
    KEK_DAMAGED, /* the KEK works, but does not open this: it was changed, or wrapped by another */
    KEK_FAILED,  /* the KEK cannot be used now; a sentence says why */
};

struct kek;
struct pkcs11_key;

/* What a kind of KEK does; the first two as kek_wrap and kek_unwrap below. */
struct kek_kind {
    enum kek_result (*wrap)(struct kek *kek, const struct seal_place *place,
                            const uint8_t key[SEAL_KEY], uint8_t wrapped[KEK_WRAPPED], char *why,
                            size_t size);
    enum kek_result (*unwrap)(struct kek *kek, const struct seal_place *place, struct bytes wrapped,
                              uint8_t key[SEAL_KEY], char *why, size_t size);
    void (*close)(struct kek *kek);
};

/* An open KEK.  All zero is a closed one. */
struct kek {
    const struct kek_kind *kind;
    char id[KEK_ID_MAX]; /* see key_raw.h and key_pkcs11.h */
    union {
        uint8_t raw[SEAL_KEY];
        struct pkcs11_key *token; /* owned */
    };
};

struct key_provider {
    const char *name; /* as keys.provider has it */
    /* Fetches the KEK.  False, with *kek closed and a sentence in why (size bytes), on trouble. */
    bool (*open)(const struct settings_keys *settings, struct kek *kek, char *why, size_t size);
};

/* Where the KEK comes from, for people: a path, a credential's name, a command's, a PKCS#11 URI. */
const char *key_where(const struct settings_keys *settings);

/* The provider that the settings name; never NULL. */
const struct key_provider *key_provider(const struct settings_keys *settings);

/*
 * Opens the KEK that the settings name; kek_close is due after success.  False, with a sentence in why,
 * on trouble.  Never longer than keys.timeout for a command; a PKCS#11 module that hangs longer ends
 * the process (guard.h).  Not to be kept across a fork.
 */
bool kek_open(const struct settings_keys *settings, struct kek *kek, char *why, size_t size);

/* Wraps a key, bound to a place.  Never KEK_DAMAGED.  why is written for KEK_FAILED alone. */
enum kek_result kek_wrap(struct kek *kek, const struct seal_place *place,
                         const uint8_t key[SEAL_KEY], uint8_t wrapped[KEK_WRAPPED], char *why,
                         size_t size);

/* Unwraps one; key is wiped unless KEK_OK. */
enum kek_result kek_unwrap(struct kek *kek, const struct seal_place *place, struct bytes wrapped,
                           uint8_t key[SEAL_KEY], char *why, size_t size);

/* Wipes, ends the token's session; a closed one is allowed. */
void kek_close(struct kek *kek);

#endif
