/*
 * store.h - rows in, rows out: what the engine asks of a token store.
 *
 * One table of functions a store engine.  A store knows nothing of codes, keys or refusals; it keeps
 * rows and makes a group of changes one atomic step.  Names and addresses are bytes; times are Unix
 * times (_s seconds, _ms milliseconds).
 */
#ifndef PGSIGNET_MFA_STORE_H
#define PGSIGNET_MFA_STORE_H

#include "common/bytes.h"
#include "common/settings.h"
#include "mfa/key_provider.h"
#include "mfa/seal.h"
#include "mfa/tokens.h"

#define STORE_ID         16  /* bytes */
#define STORE_DATA_KEYS  8   /* at most, at one time */
#define STORE_SUBJECT    16  /* bytes, at most */
#define STORE_ADDRESS    64  /* bytes, at most */
#define STORE_ADDRESSES  256 /* rows of one subject, at most */
#define STORE_ERROR      640 /* bytes of an error sentence */
#define STORE_PERIOD_MAX 86400

enum store_status {
    STORE_OK,
    STORE_NONE,   /* no such row; nothing changed */
    STORE_EXISTS, /* create: something of that name is there */
    STORE_FAILED, /* the sentence is in store->error */
};

enum store_mode {
    STORE_READ,    /* one view of the rows; no change */
    STORE_STEP,    /* changes that survive a crash of the program, but maybe not of the machine */
    STORE_DURABLE, /* changes that survive both: on disk when commit returns */
};

struct store_sealed {
    uint8_t at[SEAL_MAX];
    size_t len;
};

struct store_data_key {
    int64_t id;
    char kek_id[KEK_ID_MAX]; /* of the key that wraps it */
    struct store_sealed wrapped;
};

/* What a store is, made once with it. */
struct store_identity {
    uint8_t id[STORE_ID];
    struct store_data_key keys[STORE_DATA_KEYS]; /* ascending by id; the last one is in use */
    size_t n_keys;
    int64_t hash_data_key;      /* the data key that sealed the two below */
    struct store_sealed audit;  /* key of the hash that events show */
    struct store_sealed bucket; /* key of the hash that failures are counted under */
};

struct store_user {
    int64_t id; /* random, positive */
    uint8_t name[MFA_USER_MAX];
    size_t name_len;
    int64_t floor_s;         /* no step that began before this counts for a new token */
    int64_t data_key;        /* that sealed the user's key; 0 = the user has no key */
    struct store_sealed key; /* the user's key */
};

struct store_token {
    int64_t id; /* random, positive */
    int64_t user;
    char name[MFA_TOKEN_NAME_MAX + 1];
    enum token_state state;
    enum settings_algorithm algorithm;
    unsigned digits;
    unsigned period;
    int64_t created_s;
    int64_t confirmed_s;
    int64_t last_used_s;
    char last_address[64];
    int64_t last_step;
    int64_t version; /* of the sealed secret: one more each time it is sealed anew */
    struct store_sealed secret;
};

/* Somebody who fails: a keyed hash of a name, or a bucket of many. */
struct store_subject {
    uint8_t id[STORE_SUBJECT];
    size_t id_len;
    int64_t slot; /* -1 = kept for good; else one of a fixed number that subjects share by turns */
    int64_t failures; /* over all addresses */
    int64_t touched_ms;
};

struct store_address {
    uint8_t at[STORE_ADDRESS];
    size_t len;
    int64_t failures;
    int64_t last_failure_ms;
    int64_t last_success_ms;
};

struct store {
    const struct store_engine *engine;
    char error[STORE_ERROR]; /* the last failure, as a sentence for the operator */
};

/* Called for each token of a scan with its user's name; false ends the scan. */
typedef bool store_token_visit(void *context, struct bytes user, const struct store_token *token);

struct store_engine {
    const char *name; /* as store.engine has it */

    /* Makes an empty store that did not exist, whole or not at all.  why holds the sentence. */
    enum store_status (*create)(const struct settings_store *settings,
                                const struct store_identity *identity, char *why, size_t size);
    /* Is there a store (of whatever state)? */
    bool (*exists)(const struct settings_store *settings);
    /* Opens; *out is the caller's to close.  On failure NULL and a sentence in why. */
    enum store_status (*open)(const struct settings_store *settings, struct store **out, char *why,
                              size_t size);
    /* abandon: in a process that inherited the handle by fork; frees without touching the store. */
    void (*close)(struct store *store, bool abandon);

    /* Waits for other writers until deadline_ms (CLOCK_MONOTONIC), which holds until the end. */
    enum store_status (*begin)(struct store *store, enum store_mode mode, int64_t deadline_ms);
    enum store_status (*commit)(struct store *store); /* failed = nothing was changed */
    void (*rollback)(struct store *store);            /* harmless outside of a transaction */

    enum store_status (*identity)(struct store *store, struct store_identity *identity);

    enum store_status (*user_find)(struct store *store, struct bytes name, struct store_user *user);
    enum store_status (*user_add)(struct store *store, const struct store_user *user);
    enum store_status (*user_set_key)(struct store *store, const struct store_user *user);
    enum store_status (*user_raise_floor)(struct store *store, int64_t user, int64_t floor_s);

    /* Tokens of one user ordered by name; *n at most MFA_TOKENS_PER_USER. */
    enum store_status (*token_list)(struct store *store, int64_t user,
                                    struct store_token tokens[MFA_TOKENS_PER_USER], size_t *n);
    /* Tokens of everybody, ordered by user then name. */
    enum store_status (*token_scan)(struct store *store, store_token_visit *visit, void *context);
    enum store_status (*token_add)(struct store *store, const struct store_token *token);
    enum store_status (*token_remove)(struct store *store, int64_t token);
    /* The compare-and-set: STORE_NONE unless the token is active and its last step is below. */
    enum store_status (*token_burn)(struct store *store, int64_t token, int64_t step, int64_t now_s,
                                    const char *address);
    /* STORE_NONE unless the last step still is `step`. */
    enum store_status (*token_restore)(struct store *store, int64_t token, int64_t step,
                                       int64_t previous);
    /* STORE_NONE unless the token is pending and its last step is below. */
    enum store_status (*token_activate)(struct store *store, int64_t token, int64_t step,
                                        int64_t now_s);

    enum store_status (*subject_find)(struct store *store, struct bytes id,
                                      struct store_subject *subject);
    /* Adds or replaces; in a slot it takes the place of whoever holds it. */
    enum store_status (*subject_put)(struct store *store, const struct store_subject *subject);
    enum store_status (*address_find)(struct store *store, struct bytes subject,
                                      struct bytes address, struct store_address *row);
    enum store_status (*address_list)(struct store *store, struct bytes subject,
                                      struct store_address rows[STORE_ADDRESSES], size_t *n);
    enum store_status (*address_put)(struct store *store, struct bytes subject,
                                     const struct store_address *row);
    enum store_status (*address_remove)(struct store *store, struct bytes subject,
                                        struct bytes address);
    /* All addresses of the subject: no failures, last successes stay. */
    enum store_status (*address_forgive)(struct store *store, struct bytes subject);
};

/* The engine that the settings name; never NULL. */
const struct store_engine *store_engine(const struct settings_store *settings);

#endif
