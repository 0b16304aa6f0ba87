/*
 * rekey.h - changing keys while logins go on.
 *
 * Every step is one durable transaction, after each of which the store opens with the configured KEK;
 * whoever is killed between two runs the same again.
 *
 * KEK: a data key may be wrapped by several KEKs.  Add the wraps of the new one, put it in place of the
 * old one in the configuration, remove the old one's wraps.
 *
 * Data key: add one, seal users' keys and tokens anew under it, a batch a transaction, then the hash keys,
 * then remove the data keys that nothing needs.
 */
#ifndef PGSIGNET_MFA_REKEY_H
#define PGSIGNET_MFA_REKEY_H

#include "mfa/key_provider.h"
#include "mfa/tokens.h"

#define REKEY_BATCH 250 /* users that one transaction seals anew, at most */

/*
 * Adds, beside the wraps that are there, one by the KEK that `to` names for every data key.  id is that
 * KEK's.  MFA_EXISTS: it wraps all of them already.  MFA_KEY, MFA_STORE: mfa_error() says why, and
 * nothing was changed.
 */
enum mfa_result rekey_add_wraps(struct mfa *mfa, const struct settings_keys *to,
                                char id[KEK_ID_MAX]);

/*
 * Removes all wraps but those of the configured KEK; *removed counts them.  MFA_KEY, and nothing is
 * removed, unless that KEK opens every data key.
 */
enum mfa_result rekey_retire_wraps(struct mfa *mfa, size_t *removed);

/* Does another KEK than the configured one wrap a data key?  id is one of them. */
enum mfa_result rekey_has_others(struct mfa *mfa, bool *others, char id[KEK_ID_MAX]);

enum rekey_stage {
    REKEY_KEY_ADDED,   /* done = the new data key's id */
    REKEY_USERS,       /* done of total users were looked at */
    REKEY_HASH_KEYS,   /* they are under the new data key */
    REKEY_KEY_RETIRED, /* done = the id of a data key that is no more */
};

/* Called after each step is on disk; false stops there, as a kill would. */
typedef bool rekey_watch(void *context, enum rekey_stage stage, int64_t done, int64_t total);

struct rekey_count {
    int64_t data_key; /* that now seals everything */
    int64_t users;    /* sealed anew by this call */
    int64_t tokens;
    size_t retired;
};

/*
 * Changes the data key, or ends a change that was begun.  MFA_STATE, with a sentence in mfa_error(): a
 * change of the KEK has not ended, rows still need an old data key, or watch stopped it.  A secret that
 * does not open stops it too (MFA_KEY): `fsck` lists all of them.
 */
enum mfa_result rekey_data_key(struct mfa *mfa, rekey_watch *watch, void *context,
                               struct rekey_count *count);

#endif
