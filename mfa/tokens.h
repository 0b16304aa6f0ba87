/*
 * tokens.h - what an operator does with tokens: create, prove, list, remove, unlock.
 *
 * Implemented by the engine (store and keys); called by pgsignet-mfa.  Every change is durable when
 * the call returns (synchronous=FULL).  Sizes are in bytes, times are Unix times.
 */
#ifndef PGSIGNET_MFA_TOKENS_H
#define PGSIGNET_MFA_TOKENS_H

#include "common/bytes.h"
#include "common/secret.h"
#include "common/settings.h"
#include "mfa/verify.h"

enum mfa_result {
    MFA_OK,
    MFA_BAD_NAME,  /* user or token name empty, too long, or with NUL */
    MFA_NOT_FOUND, /* no such user or token */
    MFA_EXISTS,    /* the user already has an active token of that name; the store already exists */
    MFA_TOO_MANY,  /* MFA_TOKENS_PER_USER reached */
    MFA_CODE_WRONG, /* the code does not prove the token; it stays pending */
    MFA_CODE_APP,   /* ... but would under SHA1/6/30: the app ignores the parameters */
    MFA_CODE_USED,  /* right, but of a step that is not allowed any more */
    MFA_STORE,      /* store trouble: mfa_error() says which */
    MFA_KEY,        /* key trouble: mfa_error() says which */
};

#define MFA_USER_MAX        63 /* bytes: NAMEDATALEN - 1 */
#define MFA_TOKEN_NAME_MAX  64 /* bytes */
#define MFA_TOKENS_PER_USER 8

enum token_state { TOKEN_PENDING = 0, TOKEN_ACTIVE = 1 };

struct token_info {
    int64_t id;
    uint8_t user[MFA_USER_MAX];
    size_t user_len;
    char name[MFA_TOKEN_NAME_MAX + 1];
    enum token_state state;
    enum settings_algorithm algorithm;
    unsigned digits; /* 6..8 */
    unsigned period; /* seconds */
    int64_t created_s;
    int64_t confirmed_s;   /* 0 while pending */
    int64_t last_used_s;   /* 0 = never */
    char last_address[64]; /* "" = never, "local" = local socket */
    int64_t last_step;     /* highest accepted step; no code at or below it counts again */
};

/* Failures and lock state of one user, over all addresses. */
struct user_info {
    char hash[33];    /* the keyed hash that events show for an unknown name */
    int64_t failures; /* towards the cap */
    bool capped;
    size_t addresses;        /* addresses under refusal right now */
    int64_t refused_until_s; /* the latest of them; 0 = none */
};

/*
 * Creates the key-encryption key (if there is none: 0400, owned by daemon.user) and an empty store.
 * MFA_EXISTS when the store is there already (nothing is touched); MFA_KEY when the store is there and its
 * key is not, or the key cannot be used.  A failure leaves nothing behind.  why as for mfa_open.
 * Called as root it makes the parent directories with safe modes and gives everything to daemon.user.
 */
enum mfa_result mfa_init(const struct settings *settings, char *why, size_t size);

/*
 * Adds a pending token with a fresh random secret (20, 32 or 64 bytes by algorithm), replacing a pending
 * one of the same name.  *secret is the caller's to free.  The token does not admit anybody yet.
 */
enum mfa_result mfa_create(struct mfa *mfa, struct bytes user, const char *name,
                           const struct settings_token *parameters, int64_t now_s,
                           struct token_info *info, struct secret *secret);

/*
 * Proves a pending token by a code, burns the code's step and makes the token active.  MFA_EXISTS when it
 * is active already.  Shortly after tokens of this user were removed, codes up to the last step that those
 * accepted are MFA_CODE_USED: the next code will do.
 */
enum mfa_result mfa_confirm(struct mfa *mfa, struct bytes user, const char *name, struct bytes code,
                            int64_t now_s, int64_t boot_s);

/*
 * All tokens of one user, or of everybody when user is empty, ordered by user then name.  *infos is
 * malloc'ed, the caller frees it.  MFA_NOT_FOUND when a named user has none.
 */
enum mfa_result mfa_list(struct mfa *mfa, struct bytes user, struct token_info **infos, size_t *n);

enum mfa_result mfa_user(struct mfa *mfa, struct bytes user, int64_t now_ms,
                         struct user_info *info);

/* Removes one token by name, or all of the user's when name is NULL; *removed counts them. */
enum mfa_result mfa_remove(struct mfa *mfa, struct bytes user, const char *name, size_t *removed);

/* Forgets all failures of a user (throttle and cap).  MFA_OK also when there were none. */
enum mfa_result mfa_unlock(struct mfa *mfa, struct bytes user);

#endif
