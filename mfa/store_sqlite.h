/*
 * store_sqlite.h - the embedded store engine: one SQLite file in WAL mode.  What its files share.
 */
#ifndef PGSIGNET_MFA_STORE_SQLITE_H
#define PGSIGNET_MFA_STORE_SQLITE_H

#include "mfa/store.h"
#include "mfa/store_sqlite_statements.h"
#include "mfa/witness.h"

#include <sqlite3.h>
#include <sys/types.h>

extern const struct store_engine store_sqlite_engine;

#define SQ_APPLICATION 0x70675367 /* "pgSg" */
#define SQ_SCHEMA      3

#define SQ_NOTES (MFA_TOKENS_PER_USER + 1) /* burns of one transaction, at most */

struct store_sqlite {
    struct store base; /* first: a struct store * is one of these */
    sqlite3 *db;
    sqlite3_stmt *statement[SQ_COUNT];
    char *path;   /* owned */
    dev_t device; /* of the file as it was opened */
    ino_t inode;
    uint64_t mark; /* of the file, for the witnesses: tells it from any other of its name */
    int64_t deadline_ms;    /* for the busy handler */
    int64_t log_restart_ms; /* CLOCK_MONOTONIC: the log is not begun anew before */
    bool log_restarts;      /* the busy handler waits for that, not for deadline_ms */
    int log_pages;          /* after the last commit; 0 = looked at since */
    struct store_queue *queue; /* not owned; NULL = nobody queues */
    bool has_turn;             /* in that queue */
    _Atomic int *copy_at; /* as in store_queue.h: the queue's, or the next */
    _Atomic int own_copy_at;
    bool durable;           /* synchronous=FULL is set */
    int64_t schema_cookie;  /* as it was compared with the witness; 0 = not yet */
    struct witness *witness; /* owned; beside the daemon's socket; NULL = there is none */
    struct witness *claimed; /* owned; the lasting one, while the claim to migrate is ours */
    struct witness_entry notes[SQ_NOTES]; /* of this transaction: written when it is committed */
    size_t n_notes;
};

/* A change that counts and is being committed, and the lasting witness that is to know of it. */
struct sq_lasting {
    struct witness *witness; /* owned */
    struct witness_entry entry;
};

/* --- store_sqlite.c: statements and errors --- */

struct store_sqlite *sq_of(struct store *store);

/* A sentence from the database's last error, or from rc alone when db is NULL. */
void sq_explain(sqlite3 *db, int rc, const char *path, const char *tried, char *why, size_t size);

/* One statement: take it, bind, then run (no rows wanted) or row (at most one), then end. */
sqlite3_stmt *sq_take(struct store *store, enum sq_statement which);
void sq_bytes(sqlite3_stmt *statement, int at, struct bytes value); /* a BLOB; caller's memory */
void sq_number(sqlite3_stmt *statement, int at, int64_t value);
enum store_status sq_row(struct store *store, sqlite3_stmt *statement, const char *tried);
enum store_status sq_run(struct store *store, sqlite3_stmt *statement, const char *tried);
/* As sq_run, but STORE_NONE when no row changed. */
enum store_status sq_change(struct store *store, sqlite3_stmt *statement, const char *tried);
void sq_end(sqlite3_stmt *statement);

/* Reads a column into a buffer; false when it is longer than cap (a damaged row). */
bool sq_column_bytes(sqlite3_stmt *statement, int at, uint8_t *out, size_t cap, size_t *len);
bool sq_column_text(sqlite3_stmt *statement, int at, char *out, size_t cap);
bool sq_column_sealed(sqlite3_stmt *statement, int at, struct store_sealed *out);
enum store_status sq_damaged(struct store *store, const char *what);

/*
 * What was committed is on disk when it returns.  After the commit, not as a part of it: others may write
 * meanwhile, and know already what is burnt.
 */
enum store_status sq_sync(struct store *store);
/* Commits; counted: syncs as well, whatever the transaction was begun as, and the lasting witness knows. */
enum store_status sq_commit_as(struct store *store, bool counted);

/* As sq_change for a statement with one number. */
enum store_status sq_change_number(struct store *store, enum sq_statement which, int64_t number,
                                   const char *tried);
void sq_text(sqlite3_stmt *statement, int at, const char *value); /* caller's memory */

/* Is it a store of ours, of whatever version?  *version is then its schema's. */
bool sq_version(sqlite3 *db, const char *path, int64_t *version, char *why, size_t size);

/* The caller's turn in the queue of those who write; each may be called twice. */
void sq_take_turn(struct store_sqlite *s);
void sq_end_turn(struct store_sqlite *s);

/* --- store_sqlite_log.c: the write-ahead log --- */

/* For sqlite3_busy_handler and sqlite3_wal_hook, with a struct store_sqlite as the context. */
int sq_wait_for_lock(void *context, int tries);
int sq_see_log(void *context, sqlite3 *db, const char *name, int pages);
/* After a commit: copies the log back and begins it anew where that is due. */
void sq_tend_log(struct store_sqlite *s);

/* --- store_sqlite_file.c: the file itself; store_sqlite_schema.c: its tables --- */

enum store_status sq_create(const struct settings_store *settings,
                            const struct store_identity *identity, char *why, size_t size);
bool sq_exists(const struct settings_store *settings);
/* Is it a file that only its owner, the caller, can touch, in a folder others cannot change? */
bool sq_check_file(struct store_sqlite *s, char *why, size_t size);
/* Settings of one connection; rc of SQLite. */
int sq_configure(sqlite3 *db);
/* Makes the tables and their first rows in an empty file; rc of SQLite. */
int sq_fill(const char *file, const struct store_identity *identity, const char *path, char *why,
            size_t size);
enum store_status sq_upgrade(const struct settings_store *settings, char *why, size_t size);

/* --- store_sqlite_witness.c --- */

/*
 * Opens the witness at path (NULL = none), and the lasting one, and compares; raises the floor of a store
 * that is older than it was, and says so in store->notice.  False, with a sentence in why, on trouble.
 */
bool sq_witness(struct store_sqlite *s, const char *path, char *why, size_t size);
/*
 * In a transaction that just began.  STORE_NONE: a backup may have been written into the file since it was
 * opened; the transaction is over then, and another is to be begun after sq_witness_again.
 */
enum store_status sq_is_same(struct store_sqlite *s);
enum store_status sq_witness_again(struct store_sqlite *s);
enum store_status sq_adopt(struct store *store, const char *witness);
enum store_status sq_claim(struct store *store, int64_t deadline_ms);
/* A burn of this transaction. */
void sq_note(struct store *store, int64_t token, int64_t step, int64_t at_s);
/* A code is being given back: its token stands at `step` again. */
void sq_note_back(struct store *store, int64_t token, int64_t step);
/* After the commit. */
void sq_bear_witness(struct store_sqlite *s);
/* Counts this transaction; the lasting witness is there, or it fails. */
enum store_status sq_lasting_count(struct store_sqlite *s, struct sq_lasting *lasting);
/* Once the transaction is on the disk. */
enum store_status sq_lasting_note(struct store_sqlite *s, const struct sq_lasting *lasting);

/* --- rows; each as store.h says of the operation of that name --- */

/* Reads the columns of SQ_USER_COLUMNS; false when they are damaged. */
bool sq_user_of_row(sqlite3_stmt *statement, struct store_user *user);
struct store_subject sq_subject_of_row(sqlite3_stmt *statement, struct bytes id);

/* store_sqlite_look.c */
enum store_status sq_look(struct store *store, enum store_mode mode, int64_t deadline_ms,
                          const struct store_ask *ask, struct store_view *view);
enum store_status sq_burn_commit(struct store *store, const struct store_burn *burns, size_t n,
                                 int64_t now_s, const char *address, bool durable);

/* store_sqlite_identity.c */
enum store_status sq_identity(struct store *store, struct store_identity *identity);
enum store_status sq_state(struct store *store, struct store_state *state);
enum store_status sq_state_set(struct store *store, const struct store_state *state);
enum store_status sq_wrap_add(struct store *store, const struct store_data_key *wrap);
enum store_status sq_wrap_remove(struct store *store, int64_t data_key, const char *kek_id);
enum store_status sq_data_key_remove(struct store *store, int64_t data_key);
enum store_status sq_data_key_uses(struct store *store, int64_t data_key, int64_t *uses);
enum store_status sq_hash_keys_set(struct store *store, const struct store_identity *identity);

/* store_sqlite_users.c */
enum store_status sq_user_find(struct store *store, struct bytes name, struct store_user *user);
enum store_status sq_user_add(struct store *store, const struct store_user *user);
enum store_status sq_user_set_key(struct store *store, const struct store_user *user);
enum store_status sq_user_raise_floor(struct store *store, int64_t user, int64_t floor_s);
enum store_status sq_user_page(struct store *store, int64_t after,
                               struct store_user users[STORE_BATCH], size_t *n);
enum store_status sq_user_scan(struct store *store, store_user_visit *visit, void *context);
enum store_status sq_count(struct store *store, int64_t stale_before_s, int64_t now_s, int64_t cap,
                           struct mfa_stats *stats);
enum store_status sq_user_set_lock(struct store *store, int64_t user, int64_t locked_s,
                                   const char *reason);
enum store_status sq_user_rename(struct store *store, int64_t user, struct bytes name);
enum store_status sq_user_remove(struct store *store, int64_t user);

/* store_sqlite_tokens.c */
enum store_status sq_token_list(struct store *store, int64_t user,
                                struct store_token tokens[MFA_TOKENS_PER_USER], size_t *n);
enum store_status sq_token_scan(struct store *store, store_token_visit *visit, void *context);
enum store_status sq_token_page(struct store *store, int64_t after,
                                struct store_token tokens[STORE_BATCH], size_t *n);
enum store_status sq_token_add(struct store *store, const struct store_token *token);
enum store_status sq_token_remove(struct store *store, int64_t token);
enum store_status sq_token_restore(struct store *store, int64_t token, int64_t step,
                                   int64_t previous);
enum store_status sq_token_activate(struct store *store, int64_t token, int64_t step,
                                    int64_t now_s);
enum store_status sq_token_set_state(struct store *store, int64_t token, enum token_state from,
                                     enum token_state to);
enum store_status sq_token_rename(struct store *store, int64_t token, const char *name);
enum store_status sq_token_resync(struct store *store, int64_t token, int64_t step, int64_t offset,
                                  int64_t now_s);
enum store_status sq_token_reseal(struct store *store, int64_t token, int64_t version,
                                  const struct store_sealed *secret);

/* store_sqlite_recovery.c */
enum store_status sq_recovery_find(struct store *store, int64_t user,
                                   struct store_recovery *recovery);
enum store_status sq_recovery_page(struct store *store, int64_t after,
                                   struct store_recovery sets[STORE_BATCH], size_t *n);
enum store_status sq_recovery_put(struct store *store, const struct store_recovery *recovery);
enum store_status sq_recovery_remove(struct store *store, int64_t user);
enum store_status sq_recovery_restore(struct store *store, int64_t code, int64_t used_s);
enum store_status sq_break_glass_find(struct store *store, struct bytes name,
                                      struct store_break_glass *row);
enum store_status sq_break_glass_put(struct store *store, const struct store_break_glass *row);
enum store_status sq_break_glass_remove(struct store *store, struct bytes name);
enum store_status sq_break_glass_scan(struct store *store, store_break_glass_visit *visit,
                                      void *context);

/* store_sqlite_failures.c */
enum store_status sq_failure_add(struct store *store, const struct store_subject *who,
                                 const struct store_address *from, int64_t forget_ms,
                                 int64_t now_ms);
enum store_status sq_success_note(struct store *store, const struct store_subject *who,
                                  const struct store_address *from, bool trusted, int64_t now_ms);
enum store_status sq_subject_find(struct store *store, struct bytes id,
                                  struct store_subject *subject);
enum store_status sq_subject_page(struct store *store, struct bytes after,
                                  struct store_subject subjects[STORE_BATCH], size_t *n);
enum store_status sq_subject_put(struct store *store, const struct store_subject *subject);
enum store_status sq_subject_remove(struct store *store, struct bytes id);
enum store_status sq_address_find(struct store *store, struct bytes subject, struct bytes address,
                                  struct store_address *row);
enum store_status sq_address_list(struct store *store, struct bytes subject,
                                  struct store_address rows[STORE_ADDRESSES], size_t *n);
enum store_status sq_address_page(struct store *store, struct bytes subject, struct bytes address,
                                  struct store_from rows[STORE_BATCH], size_t *n);
enum store_status sq_address_put(struct store *store, struct bytes subject,
                                 const struct store_address *row);
enum store_status sq_address_remove(struct store *store, struct bytes subject,
                                    struct bytes address);
enum store_status sq_address_forgive(struct store *store, struct bytes subject);

#endif
