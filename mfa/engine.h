/*
 * engine.h - the inside of a struct mfa; for the engine's own files.
 */
#ifndef PGSIGNET_MFA_ENGINE_H
#define PGSIGNET_MFA_ENGINE_H

#include "common/address.h"
#include "mfa/proof.h"
#include "mfa/keyring.h"
#include "mfa/store.h"
#include "mfa/tokens.h"
#include "mfa/verify.h"

#include <sys/types.h>

struct mfa {
    const struct settings *settings; /* the caller's: it outlives the handle */
    pid_t pid; /* that opened it: a store must not be used across a fork */
    struct store *store;
    struct keyring ring;
    struct settings_throttle throttle; /* proxies are empty: not ours to keep, and in origins */
    struct address_rules origins;
    struct settings_token token;    /* issuer is NULL: not ours to keep */
    struct store_user dummy_user;   /* what an unknown user's attempt is computed with */
    struct store_token dummy_token; /* its secret is random and known to nobody */
    uint8_t dummy_salt[RECOVERY_SALT];
    int64_t unknown_data_key; /* that a row named and no reading of the keys brought; 0 = none */
    int64_t unknown_ms;       /* CLOCK_MONOTONIC: when that was */
    char error[STORE_ERROR];
};

/* Is the handle used by the process that opened it?  Sets the error if not. */
bool mfa_usable(struct mfa *mfa);

/* Notes the store's error as the handle's. */
void mfa_note_store(struct mfa *mfa);

/* Notes a sentence of our own. */
void mfa_note(struct mfa *mfa, const char *format, ...) __attribute__((format(printf, 2, 3)));

/*
 * Where the witness of a SQLite store is (witness.h): beside the daemon's socket, one for each store.path.
 * *path is the caller's, NULL without a socket or a path.  False when memory is short.
 */
bool mfa_witness_path(const struct settings *settings, char **path);

/* A random positive id for a row; 0 without random bytes. */
int64_t mfa_random_id(void);

/* What a code is judged by. */
struct proof_rules mfa_proof_rules(const struct mfa *mfa, int64_t now_s, int64_t boot_s,
                                   int64_t floor_s);

/*
 * Reads KEK and data keys anew; not inside of a transaction.  False, with the sentence noted and the old
 * keys kept, on trouble.
 */
bool mfa_reload_keys(struct mfa *mfa);

/*
 * A row names a data key that this process does not know: another may have made it since.  Reads the
 * keys anew, not inside of a transaction; true when the key is there now.  Asked soon again about one that
 * was not, it is false at once, so that a damaged row does not make every login ask the provider.
 */
bool mfa_learn_data_key(struct mfa *mfa, int64_t data_key);

/* A fresh user key and a sealed random secret in *user and *token, bound to them. */
bool mfa_make_token(struct mfa *mfa, struct store_user *user, struct store_token *token,
                    struct secret *secret);

#endif
