/*
 * engine.h - the inside of a struct mfa; for the engine's own files.
 */
#ifndef PGSIGNET_MFA_ENGINE_H
#define PGSIGNET_MFA_ENGINE_H

#include "mfa/keyring.h"
#include "mfa/store.h"
#include "mfa/tokens.h"
#include "mfa/verify.h"

#include <sys/types.h>

struct mfa {
    pid_t pid; /* that opened it: a store must not be used across a fork */
    struct store *store;
    struct keyring ring;
    struct settings_throttle throttle;
    struct settings_token token;    /* issuer is NULL: not ours to keep */
    struct store_user dummy_user;   /* what an unknown user's attempt is computed with */
    struct store_token dummy_token; /* its secret is random and known to nobody */
    char error[STORE_ERROR];
};

/* Is the handle used by the process that opened it?  Sets the error if not. */
bool mfa_usable(struct mfa *mfa);

/* Notes the store's error as the handle's. */
void mfa_note_store(struct mfa *mfa);

/* Notes a sentence of our own. */
void mfa_note(struct mfa *mfa, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A random positive id for a row; 0 without random bytes. */
int64_t mfa_random_id(void);

/* A fresh user key and a sealed random secret in *user and *token, bound to them. */
bool mfa_make_token(struct mfa *mfa, struct store_user *user, struct store_token *token,
                    struct secret *secret);

#endif
