/*
 * key_provider.h - where the key-encryption key (KEK) comes from: one table row a provider.
 *
 * The KEK wraps the store's data keys and is needed only while a store is opened.  It is known by an
 * id that tells nothing of it, so that a wrong key can be told from a damaged store.
 */
#ifndef PGSIGNET_MFA_KEY_PROVIDER_H
#define PGSIGNET_MFA_KEY_PROVIDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/settings.h"
#include "mfa/seal.h"

#define KEK_ID_MAX 17 /* bytes: 16 hex digits and NUL */

struct kek {
    uint8_t key[SEAL_KEY]; /* wipe it after use */
    char id[KEK_ID_MAX];   /* first 8 bytes of SHA-256("pgsignet kek id" || key), in hex */
};

struct key_provider {
    const char *name; /* as keys.provider has it */
    /* Fetches the KEK.  False, with *kek wiped and a sentence in why (size bytes), on trouble. */
    bool (*read)(const struct settings_keys *settings, struct kek *kek, char *why, size_t size);
};

/* The provider that the settings name; never NULL. */
const struct key_provider *key_provider(const struct settings_keys *settings);

/* Fills in the id of a key.  False when the library fails. */
bool kek_identify(struct kek *kek);

#endif
