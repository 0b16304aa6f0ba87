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
#include "common/outage.h"
#include "common/settings.h"
#include "mfa/key_provider.h"
#include "mfa/seal.h"
#include "mfa/store_queue.h"
#include "mfa/tokens.h"

#define STORE_ID         16  /* bytes */
#define STORE_DATA_KEYS  8   /* at most, at one time */
#define STORE_SUBJECT    16  /* bytes, at most */
#define STORE_ADDRESS    64  /* bytes, at most */
#define STORE_ADDRESSES  256 /* rows of one subject, at most */
#define STORE_ERROR      640 /* bytes of an error sentence */
#define STORE_PERIOD_MAX 86400
#define STORE_WRAPS      32  /* wrapped data keys at most: several KEKs may wrap one while they change */
#define STORE_TEXT       256 /* bytes of a reason, at most */
#define STORE_HOME       96  /* bytes of store->home with its NUL */
#define STORE_BATCH      500 /* rows that one page of a scan holds, at most */
#define RECOVERY_CODES   20  /* of one user, at most */
#define RECOVERY_SALT    16  /* bytes */
#define RECOVERY_HASH    32  /* bytes: PBKDF2-HMAC-SHA256 */

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
    /*
     * The wraps, ascending by data key, then KEK: several of one data key while the KEK changes.  The
     * last data key is in use.
     */
    struct store_data_key keys[STORE_WRAPS];
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
    int64_t locked_s;        /* when an operator locked the user out; 0 = not locked */
    char lock_reason[STORE_TEXT];
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
    enum token_kind kind;
    int64_t last_step; /* TOTP: highest accepted step; HOTP: highest accepted counter; -1 = none */
    int64_t version;   /* of the sealed secret: one more each time it is sealed anew */
    struct store_sealed secret;
    int64_t offset;    /* TOTP: steps that the token's clock is ahead (resync); else 0 */
    int64_t drift;     /* TOTP: steps beside the offset that the last accepted code was, -1..1 */
    int64_t synced_s;  /* when codes last proved it for good: confirm, import or resync */
    int64_t expires_s; /* pending: the first login may prove it until then; 0 = only `confirm` */
};

/* A user's recovery codes: one salt for the set, so that one PBKDF2 compares with all of them. */
struct store_recovery_code {
    int64_t id; /* random, positive */
    uint8_t hash[RECOVERY_HASH];
    int64_t used_s; /* 0 = not used */
};

struct store_recovery {
    int64_t user;
    uint8_t salt[RECOVERY_SALT];
    int64_t iterations;
    int64_t created_s;
    struct store_recovery_code codes[RECOVERY_CODES];
    size_t n;
};

/* An account for the worst day: its passphrase admits while it is armed, without code or directory. */
struct store_break_glass {
    uint8_t name[MFA_USER_MAX];
    size_t name_len;
    uint8_t salt[RECOVERY_SALT];
    int64_t iterations;
    uint8_t hash[RECOVERY_HASH];
    int64_t created_s;
    int64_t armed_until_s; /* 0 = not armed */
    char reason[STORE_TEXT];
    char armed_by[STORE_TEXT];
};

/* What holds for every row of the store. */
struct store_state {
    int64_t floor_s; /* the store was restored, or its server failed over, then: nothing proved before
                      * that counts (TOTP: step; HOTP: synced_s; recovery codes: created_s) */
    int64_t moved; /* 0 = in use; else it admits nobody: the random id of the migration that this
                    * store was the source of, or -id of that which it is the unfinished target of */
    char home[STORE_HOME]; /* where it lived when last opened; "" for SQLite (mfa/witness.h) */
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

/* An address with the subject whose failures it has. */
struct store_from {
    uint8_t subject[STORE_SUBJECT];
    size_t subject_len;
    struct store_address address;
};

/* What one attempt asks about, in one look. */
struct store_ask {
    struct bytes user;
    struct store_subject name;        /* whose failures count when the name may succeed, */
    struct store_address name_from;   /* and from where (keys are set, counts are not) */
    struct store_subject bucket;      /* ... when it cannot: store_in_bucket */
    struct store_address bucket_from;
    bool bucket_without_token;
    bool recovery; /* wanted: the string has the form of a recovery code */
};

struct store_view {
    struct store_state state;
    struct store_user user; /* id 0 = unknown */
    struct store_token tokens[MFA_TOKENS_PER_USER];
    size_t n_tokens;
    bool has_recovery;
    struct store_recovery recovery;
    bool has_break_glass;
    struct store_break_glass break_glass;
    bool in_bucket; /* which of the two subjects was looked at */
    bool who_stored;
    struct store_subject who;
    bool from_stored;
    struct store_address from;
};

/* One acceptance: of a token's step or counter, or of a recovery code. */
struct store_burn {
    int64_t token;    /* token or recovery code */
    bool is_recovery;
    int64_t step;
    int64_t drift;
    bool activate;    /* a pending token that this code proves */
    bool is_counter;  /* of HOTP: no time will make the code too old */
};

struct store {
    const struct store_engine *engine;
    char error[STORE_ERROR]; /* the last failure, as a sentence for the operator */
    char notice[STORE_ERROR]; /* what was found out and an operator has to know; "" = nothing */
};

/* Called for each token of a scan with its user's name; false ends the scan. */
typedef bool store_token_visit(void *context, struct bytes user, const struct store_token *token);
typedef bool store_user_visit(void *context, const struct user_row *row);
typedef bool store_break_glass_visit(void *context, const struct store_break_glass *row);

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
    /* Failed = nothing was changed, unless the sentence says that it was. */
    enum store_status (*commit)(struct store *store);
    void (*rollback)(struct store *store); /* harmless outside of a transaction */

    enum store_status (*identity)(struct store *store, struct store_identity *identity);

    /*
     * Brings the schema of an existing store to this program's version; STORE_NONE when it is there.
     * open refuses an older one and says so.
     */
    enum store_status (*upgrade)(const struct settings_store *settings, char *why, size_t size);

    /* --- one attempt --- */

    /*
     * begin and, from then on with no other attempt of that name between (in any process on any host,
     * until commit or rollback; not for STORE_READ), everything that it asks about.
     */
    enum store_status (*look)(struct store *store, enum store_mode mode, int64_t deadline_ms,
                              const struct store_ask *ask, struct store_view *view);
    /*
     * Burns and commits.  Each burn is a compare-and-set of its own: STORE_NONE when one found its step
     * or code used (others may then be burnt, which only ever refuses).  durable: on disk when it
     * returns, whatever the transaction was begun as; STORE_FAILED may leave them burnt.
     */
    enum store_status (*burn_commit)(struct store *store, const struct store_burn *burns, size_t n,
                                     int64_t now_s, const char *address, bool durable);
    /*
     * One more failure for both rows, made if they are not there, as single statements that count
     * right whatever runs beside them; a newcomer to a slot (who->slot as look found it) takes the
     * place of whoever holds it.  forget_ms: the subject's count begins anew when it was touched
     * longer ago than that, or in the future; 0 = never.
     */
    enum store_status (*failure_add)(struct store *store, const struct store_subject *who,
                                     const struct store_address *from, int64_t forget_ms,
                                     int64_t now_ms);
    /*
     * Forgets the failures of one address and takes them off the subject's, keeps the subject for good
     * (slot -1); trusted: notes now as the address's last success.
     */
    enum store_status (*success_note)(struct store *store, const struct store_subject *who,
                                      const struct store_address *from, bool trusted,
                                      int64_t now_ms);

    /*
     * Waits until every attempt that began before is over (its look may not have seen what has been
     * committed since).  Outside of a transaction.
     */
    enum store_status (*drain)(struct store *store, int64_t deadline_ms);

    /*
     * A store that was made as a copy is from now on the one that is used: what would tell a restored
     * one (mfa/witness.h; the one that does not last is at that path; NULL: there is none) is about it.
     * Before it is opened for logins.  NULL: the engine keeps no such thing.
     */
    enum store_status (*adopt)(struct store *store, const char *witness);

    /*
     * Outside of a transaction.  From now until the handle is closed, or its process ends in any way,
     * no other handle has the claim to copy from this store or into it; a handle whose connection is
     * lost has lost it, and fails from then on.  Others may use the store.  STORE_NONE: another has it.
     */
    enum store_status (*claim)(struct store *store, int64_t deadline_ms);

    /* --- the store itself --- */

    /* In a transaction that writes, `moved` does not change any more until its end. */
    enum store_status (*state)(struct store *store, struct store_state *state);
    /* floor_s only ever rises; home as given. */
    enum store_status (*state_set)(struct store *store, const struct store_state *state);

    /* Data keys.  A wrap is one data key under one KEK; removing a key removes its wraps. */
    enum store_status (*wrap_add)(struct store *store, const struct store_data_key *wrap);
    enum store_status (*wrap_remove)(struct store *store, int64_t data_key, const char *kek_id);
    enum store_status (*data_key_remove)(struct store *store, int64_t data_key);
    /* How many users' keys and hash keys a data key seals. */
    enum store_status (*data_key_uses)(struct store *store, int64_t data_key, int64_t *uses);
    enum store_status (*hash_keys_set)(struct store *store, const struct store_identity *identity);

    /*
     * What a transaction that writes has read by user_find, user_page or data_key_uses does not change
     * any more until its end: others that write and read users wait.  Also that there is none.
     */
    enum store_status (*user_find)(struct store *store, struct bytes name, struct store_user *user);
    enum store_status (*user_add)(struct store *store, const struct store_user *user);
    enum store_status (*user_set_key)(struct store *store, const struct store_user *user);
    enum store_status (*user_raise_floor)(struct store *store, int64_t user, int64_t floor_s);
    /* The next users in order of id, from the first above `after`; *n = 0 at the end. */
    enum store_status (*user_page)(struct store *store, int64_t after,
                                   struct store_user users[STORE_BATCH], size_t *n);
    /* Everybody in order of name, counted together. */
    enum store_status (*user_scan)(struct store *store, store_user_visit *visit, void *context);
    /* All of stats; a subject (buckets aside) is capped from `cap` failures on. */
    enum store_status (*count)(struct store *store, int64_t stale_before_s, int64_t now_s,
                               int64_t cap, struct mfa_stats *stats);
    /* locked_s 0 unlocks. */
    enum store_status (*user_set_lock)(struct store *store, int64_t user, int64_t locked_s,
                                       const char *reason);
    /* STORE_EXISTS when another user bears the name. */
    enum store_status (*user_rename)(struct store *store, int64_t user, struct bytes name);
    /* With key, tokens and recovery codes. */
    enum store_status (*user_remove)(struct store *store, int64_t user);

    /* Tokens of one user ordered by name; *n at most MFA_TOKENS_PER_USER. */
    enum store_status (*token_list)(struct store *store, int64_t user,
                                    struct store_token tokens[MFA_TOKENS_PER_USER], size_t *n);
    /* Tokens of everybody, ordered by user then name. */
    enum store_status (*token_scan)(struct store *store, store_token_visit *visit, void *context);
    enum store_status (*token_add)(struct store *store, const struct store_token *token);
    enum store_status (*token_remove)(struct store *store, int64_t token);
    /* The next tokens in order of id, from the first above `after`; *n = 0 at the end. */
    enum store_status (*token_page)(struct store *store, int64_t after,
                                    struct store_token tokens[STORE_BATCH], size_t *n);
    /* STORE_NONE unless the last step still is `step`. */
    enum store_status (*token_restore)(struct store *store, int64_t token, int64_t step,
                                       int64_t previous);
    /* STORE_NONE unless the token is pending and its last step is below. */
    enum store_status (*token_activate)(struct store *store, int64_t token, int64_t step,
                                        int64_t now_s);
    /* STORE_NONE unless it is in state `from`. */
    enum store_status (*token_set_state)(struct store *store, int64_t token, enum token_state from,
                                         enum token_state to);
    /* STORE_EXISTS when the user has another token of that name. */
    enum store_status (*token_rename)(struct store *store, int64_t token, const char *name);
    /* STORE_NONE unless the last step is below; sets offset, drift 0, synced_s. */
    enum store_status (*token_resync)(struct store *store, int64_t token, int64_t step,
                                      int64_t offset, int64_t now_s);
    /* A secret sealed anew, as version `version`; STORE_NONE unless the row has version - 1. */
    enum store_status (*token_reseal)(struct store *store, int64_t token, int64_t version,
                                      const struct store_sealed *secret);

    /* --- recovery codes and break-glass accounts --- */

    enum store_status (*recovery_find)(struct store *store, int64_t user,
                                       struct store_recovery *recovery);
    /* The next sets in order of user, from the first above `after`; *n = 0 at the end. */
    enum store_status (*recovery_page)(struct store *store, int64_t after,
                                       struct store_recovery sets[STORE_BATCH], size_t *n);
    /* Replaces the whole set. */
    enum store_status (*recovery_put)(struct store *store, const struct store_recovery *recovery);
    enum store_status (*recovery_remove)(struct store *store, int64_t user);
    /* Gives a code back: STORE_NONE unless it was used at used_s. */
    enum store_status (*recovery_restore)(struct store *store, int64_t code, int64_t used_s);

    enum store_status (*break_glass_find)(struct store *store, struct bytes name,
                                          struct store_break_glass *row);
    enum store_status (*break_glass_put)(struct store *store, const struct store_break_glass *row);
    enum store_status (*break_glass_remove)(struct store *store, struct bytes name);
    enum store_status (*break_glass_scan)(struct store *store, store_break_glass_visit *visit,
                                          void *context);

    enum store_status (*subject_find)(struct store *store, struct bytes id,
                                      struct store_subject *subject);
    /* The next subjects in order of id, from the first above `after` (empty: from the start). */
    enum store_status (*subject_page)(struct store *store, struct bytes after,
                                      struct store_subject subjects[STORE_BATCH], size_t *n);
    /*
     * Adds or replaces.  Whoever else holds its slot loses that alone: in a copy that is under way it is
     * somebody who left the slot, and whose own row comes later.
     */
    enum store_status (*subject_put)(struct store *store, const struct store_subject *subject);
    /* With its addresses; STORE_NONE when it was not there. */
    enum store_status (*subject_remove)(struct store *store, struct bytes id);
    enum store_status (*address_find)(struct store *store, struct bytes subject,
                                      struct bytes address, struct store_address *row);
    enum store_status (*address_list)(struct store *store, struct bytes subject,
                                      struct store_address rows[STORE_ADDRESSES], size_t *n);
    /* The next rows in order of subject and address, from the first above the two given. */
    enum store_status (*address_page)(struct store *store, struct bytes subject,
                                      struct bytes address, struct store_from rows[STORE_BATCH],
                                      size_t *n);
    enum store_status (*address_put)(struct store *store, struct bytes subject,
                                     const struct store_address *row);
    enum store_status (*address_remove)(struct store *store, struct bytes subject,
                                        struct bytes address);
    /* All addresses of the subject: no failures, last successes stay. */
    enum store_status (*address_forgive)(struct store *store, struct bytes subject);
};

/*
 * The page on which workers tell each other of a store's server that does not answer; set once before
 * a store is opened, NULL (and never set) in programs of one process.
 */
void store_share_outage(struct outage *outage);
struct outage *store_outage(void);
/* The same for the queue of those who write into SQLite; NULL: nobody queues. */
void store_share_queue(struct store_queue *queue);
struct store_queue *store_shared_queue(void);

/*
 * Do failures of this attempt count in the bucket that the name shares?  When it cannot succeed: a code is
 * due, and there is no token, no set of recovery codes (if it has the form of one), no break-glass account.
 */
bool store_in_bucket(const struct store_ask *ask, const struct store_view *view);

/* Where a store is, for messages: its file, or that it is in PostgreSQL. */
const char *store_where(const struct settings_store *settings);

/* What makes the empty tables, for psql, without BEGIN and COMMIT; NULL where no SQL does it. */
const char *store_sql(const struct settings_store *settings);

/* The engine that the settings name; never NULL. */
const struct store_engine *store_engine(const struct settings_store *settings);

#endif
