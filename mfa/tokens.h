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
    MFA_EXPIRED,    /* the token was to be proved by a day that has passed */
    MFA_SAME,       /* another token of the user has this secret: mfa_error() says which */
    MFA_STATE,      /* the token or user is not in a state in which that can be done */
    MFA_STORE,      /* store trouble: mfa_error() says which */
    MFA_KEY,        /* key trouble: mfa_error() says which */
};

#define MFA_USER_MAX        63 /* bytes: NAMEDATALEN - 1 */
#define MFA_TOKEN_NAME_MAX  64 /* bytes */
#define MFA_TOKENS_PER_USER 8
/* The address of codes that operators type: their failures do not throttle one of the user's. */
#define MFA_DESK "pgsignet-mfa"

enum token_state { TOKEN_PENDING = 0, TOKEN_ACTIVE = 1, TOKEN_DISABLED = 2 };
enum token_kind { TOKEN_TOTP = 0, TOKEN_HOTP = 1 };

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
    int64_t last_step;     /* highest accepted step or counter; nothing at or below it counts again */
    enum token_kind kind;
    int64_t offset;    /* TOTP: steps the token's clock is ahead, set by resync */
    int64_t drift;     /* TOTP: steps beside that of the last accepted code */
    int64_t synced_s;  /* last confirm, import or resync */
    int64_t expires_s; /* pending: the first login may prove it until then; 0 = only confirm */
};

/* Failures and lock state of one user, over all addresses. */
struct user_info {
    char hash[33];    /* the keyed hash that events show for an unknown name */
    int64_t failures; /* towards the cap */
    bool capped;
    size_t addresses;        /* addresses under refusal right now */
    int64_t refused_until_s; /* the latest of them; 0 = none */
    int64_t locked_s;        /* by an operator; 0 = not */
    char lock_reason[256];
    size_t recovery_codes;   /* unused ones */
    int64_t recovery_made_s; /* 0 = there are none */
};

/*
 * Creates the key-encryption key (if there is none: 0400, owned by daemon.user) and an empty store.
 * MFA_EXISTS when the store is there already (nothing is touched); MFA_KEY when the store is there and its
 * key is not, or the key cannot be used.  A failure leaves nothing behind.  why as for mfa_open.
 * A store of an older version is upgraded in one step: MFA_OK, and why says so (else it is empty).
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

/* One address from which a user failed or succeeded. */
struct address_info {
    uint8_t at[64]; /* as it is counted: an address, a network, a host's name; len 0 = local socket */
    size_t len;
    int64_t failures; /* since the last success from there */
    int64_t last_failure_s, last_success_s; /* 0 = none */
    int64_t refused_until_s;                /* 0 = not refused */
    bool trusted; /* a success not longer ago than throttle.recent: spared by the cap */
};
/* Those of one user, the latest first; *infos is the caller's to free.  MFA_OK also when there are none. */
enum mfa_result mfa_addresses(struct mfa *mfa, struct bytes user, int64_t now_ms,
                              struct address_info **infos, size_t *n);

/* Removes one token by name, or all of the user's when name is NULL; *removed counts them. */
enum mfa_result mfa_remove(struct mfa *mfa, struct bytes user, const char *name, size_t *removed);

/* Forgets all failures of a user (throttle and cap).  MFA_OK also when there were none. */
enum mfa_result mfa_unlock(struct mfa *mfa, struct bytes user);

/* --- many at once --- */

/* A token to be.  Zeroed fields are faults unless they say otherwise. */
struct token_request {
    struct bytes user;
    const char *name;
    enum token_kind kind;
    enum settings_algorithm algorithm;
    unsigned digits;
    unsigned period;      /* TOTP only; 0 for HOTP */
    int64_t expires_s;    /* 0 = `confirm` must prove it; else the first login may, until then */
    struct bytes secret;  /* 10..64 bytes; empty = a fresh random one */
    bool active;          /* imported: proved elsewhere */
    int64_t last_step;    /* imported: nothing at or below it counts; -1 = none */
    bool replace;         /* an active token of that name gives way too */
};

/* What became of one request. */
struct token_outcome {
    enum mfa_result result; /* MFA_OK, or why this one was not made */
    struct token_info info;
    struct secret secret;   /* the caller's to free; only when it was a fresh one */
};

/*
 * Makes n tokens in one transaction.  all_or_nothing: the first fault undoes everything (its outcome
 * says which); otherwise what can be made is made and outcomes say the rest (MFA_EXISTS: the user has an
 * active token of that name).  MFA_OK when the transaction was committed.
 */
enum mfa_result mfa_create_many(struct mfa *mfa, const struct token_request *requests, size_t n,
                                bool all_or_nothing, int64_t now_s,
                                struct token_outcome *outcomes);

/* --- a token's life --- */

/*
 * Two consecutive codes set a token's clock (TOTP: within RESYNC_STEPS either way) or counter (HOTP:
 * within RESYNC_COUNTERS ahead) right (RFC 6238, section 6; RFC 4226, section 7.4).  Both must be above
 * what was accepted before; both are burnt.  Counted against guessing like a login (MFA_STATE when
 * refused by throttle or cap).
 */
#define RESYNC_STEPS    20
#define RESYNC_COUNTERS 1000
enum mfa_result mfa_resync(struct mfa *mfa, struct bytes user, const char *name, struct bytes first,
                           struct bytes second, int64_t now_s, int64_t boot_s);

/* MFA_STATE when it is not active (disable) or not disabled (enable). */
enum mfa_result mfa_disable(struct mfa *mfa, struct bytes user, const char *name);
enum mfa_result mfa_enable(struct mfa *mfa, struct bytes user, const char *name);

enum mfa_result mfa_rename_token(struct mfa *mfa, struct bytes user, const char *name,
                                 const char *new_name);
/* With key and tokens sealed anew for the new name; failures stay with the old name. */
enum mfa_result mfa_rename_user(struct mfa *mfa, struct bytes user, struct bytes new_name,
                                int64_t now_s);

/* Locks a user out, enrolled or not, until mfa_unlock_user; the reason is for operators. */
enum mfa_result mfa_lock_user(struct mfa *mfa, struct bytes user, const char *reason,
                              int64_t now_s);
/* MFA_STATE when not locked. */
enum mfa_result mfa_unlock_user(struct mfa *mfa, struct bytes user);

/* Destroys the user's key, tokens, recovery codes, lock and failures. MFA_NOT_FOUND when nothing was there. */
enum mfa_result mfa_purge(struct mfa *mfa, struct bytes user);

/* The secret of a token, for export and pages; the caller's to free. */
enum mfa_result mfa_secret(struct mfa *mfa, struct bytes user, const char *name,
                           struct token_info *info, struct secret *secret);

/* --- recovery codes --- */

#define RECOVERY_TEXT 24 /* bytes of one with its NUL: four groups of five letters, hyphens between */

/*
 * Replaces the user's recovery codes by n fresh ones (1..RECOVERY_CODES): letters only, so that no
 * one-time code can be mistaken for one.  Written to codes, which the caller wipes.  n = 0 removes them.
 */
enum mfa_result mfa_make_recovery(struct mfa *mfa, struct bytes user, size_t n, int64_t now_s,
                                  char (*codes)[RECOVERY_TEXT]);

/* --- all users --- */

struct mfa_stats {
    int64_t users, locked, capped;
    int64_t tokens[3]; /* by enum token_state */
    int64_t hotp, stale; /* stale: active and not used for the given time */
    int64_t expired;     /* pending, past expires_s */
    int64_t with_recovery, recovery_left; /* users; unused codes */
    int64_t failures_rows; /* subjects with failures */
    int64_t data_keys;
};
enum mfa_result mfa_stats(struct mfa *mfa, int64_t stale_before_s, int64_t now_s,
                          struct mfa_stats *stats);

/* Users in order of name, with lock and recovery state but without failures; *users is the caller's. */
struct user_row {
    uint8_t name[MFA_USER_MAX];
    size_t name_len;
    size_t tokens[3]; /* by enum token_state */
    int64_t locked_s;
    size_t recovery_left;
};
enum mfa_result mfa_users(struct mfa *mfa, struct user_row **users, size_t *n);

#endif
