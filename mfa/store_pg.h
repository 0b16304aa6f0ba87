/*
 * store_pg.h - the shared store engine: a schema pgsignet_mfa in PostgreSQL.  What its files share.
 *
 * One connection a process, with prepared statements.  Changes whose answer nobody needs go out with
 * the next batch, at the latest with COMMIT: their failure is then COMMIT's.  Every writing transaction
 * is READ COMMITTED, whatever the server's default is: each statement sees what was committed before
 * it began, and an UPDATE looks again at a row that it had to wait for.
 */
#ifndef PGSIGNET_MFA_STORE_PG_H
#define PGSIGNET_MFA_STORE_PG_H

#include "common/pgconn.h"
#include "mfa/store.h"

extern const struct store_engine store_pg_engine;

#define PG_SCHEMA 1 /* the version that this program knows */
#define PG_GUARDS 1024

struct store_pg {
    struct store base; /* first: a struct store * is one of these */
    struct pgconn *conn;
    int64_t deadline_ms; /* of the transaction */
    bool open;           /* a transaction was begun and not ended */
    bool writes;         /* ... that may change something */
    bool has_turn;       /* ... and has its turn (pg_turn) */
    bool failed;         /* something in it failed: the first sentence stands */
    bool keeps_floor;    /* store.standby: synchronous */
    bool claimed;        /* this session, and no later one, has the claim to migrate */
};

#define PG_NUMBER(n) {.number = (n)}
#define PG_BYTES(b)  {.bytes = (b)}

/* --- store_pg.c: connection, transactions, errors --- */

struct store_pg *pg_of(struct store *store);

/* Notes the connection's error as the store's, if it is the first of this transaction. */
enum store_status pg_failed(struct store *store);
enum store_status pg_damaged(struct store *store, const char *what);

/* A batch that goes on with the transaction; on STORE_OK results are the caller's. */
enum store_status pg_batch(struct store *store, const struct pgconn_call *calls, size_t n,
                           PGresult **results);
/* One call of it.  pg_rows: *rows is the caller's.  pg_change: STORE_NONE when no row changed. */
enum store_status pg_rows(struct store *store, const struct pgconn_call *call, PGresult **rows);
enum store_status pg_change(struct store *store, const struct pgconn_call *call);
/* One that changes a row unless its new name is taken: STORE_EXISTS then, by whether `look` finds the row. */
enum store_status pg_rename(struct store *store, const struct pgconn_call *call,
                            const struct pgconn_call *look);
/* Goes out with the next batch. */
enum store_status pg_later(struct store *store, const struct pgconn_call *call);
int64_t pg_changed(const PGresult *result); /* rows that it changed */

/*
 * Reads users, or what hangs on them.  Those who may change them take turns, from all hosts: what was
 * read stays so until the end, also that somebody is not there.  One lock for all of them, so that
 * nobody waits in a circle; attempts (pg_look) do not take it.  *rows is the caller's.
 */
enum store_status pg_turn_rows(struct store *store, const struct pgconn_call *call,
                               PGresult **rows);

/* BEGIN and its time limits; the text of the limit lives in `limit`. */
#define PG_BEGIN_CALLS 2
void pg_begin_calls(const struct store_pg *s, enum store_mode mode, char limit[24],
                    struct pgconn_call calls[PG_BEGIN_CALLS]);
extern const struct pgconn_statement pg_commit_statement;
/* Judges what COMMIT returned, which may be a ROLLBACK in all silence; ends the transaction. */
enum store_status pg_committed(struct store *store, const PGresult *result);

enum store_status pg_begin(struct store *store, enum store_mode mode, int64_t deadline_ms);
enum store_status pg_commit(struct store *store);
void pg_rollback(struct store *store);

/* Fields of a row into buffers; false when longer than cap (a damaged row). */
bool pg_take(const PGresult *rows, int row, int column, uint8_t *out, size_t cap, size_t *len);
bool pg_text(const PGresult *rows, int row, int column, char *out, size_t cap);
bool pg_sealed(const PGresult *rows, int row, int column, struct store_sealed *out);

/* --- store_pg_schema.c: the schema itself --- */

extern const char store_pg_sql[]; /* what installs it, without BEGIN and COMMIT */
enum store_status pg_create(const struct settings_store *settings,
                            const struct store_identity *identity, char *why, size_t size);
bool pg_exists(const struct settings_store *settings);
enum store_status pg_upgrade(const struct settings_store *settings, char *why, size_t size);
/* A connection without greeting, as the administrator's role; NULL when memory is short. */
struct pgconn *pg_connect(const struct settings_store *settings, bool as_admin, pgconn_greet *greet,
                          void *context);

/* --- store_pg_home.c: where the store lives --- */

/* On each new connection: settings of the session, version, and whether the server failed over. */
enum pgconn_result pg_greet(void *context, struct pgconn *c);
enum store_status pg_claim(struct store *store, int64_t deadline_ms);

/* --- store_pg_rows.c: rows to structs --- */

#define PG_USER_COLUMNS                                                                            \
    "u.id, u.name, u.floor_s, u.locked_s, u.lock_reason, coalesce(k.data_key, 0), k.sealed"
/* Which tables these are, of state s: a restored dump brings others, even into the same database. */
#define PG_MADE                                                                                    \
    "concat_ws('.', s.tableoid, to_regclass('pgsignet_mfa.token')::oid,"                           \
    " to_regclass('pgsignet_mfa.recovery_code')::oid)"
/*
 * A setting of our own that a session has once it was greeted.  A pooler that gives each transaction
 * another session would take logins to a server that nobody looked at: after a failover, to one that does
 * not know of the codes that were used last.
 */
#define PG_MARK      "pgsignet.greeted"
#define PG_USER_FROM "pgsignet_mfa.user u LEFT JOIN pgsignet_mfa.user_key k ON k.user_id = u.id"
#define PG_TOKEN_COLUMNS                                                                           \
    "t.id, t.user_id, t.name, t.state, t.algorithm, t.digits, t.period, t.created_s, "             \
    "t.confirmed_s, t.last_used_s, t.last_address, t.kind, t.last_step, t.version, t.secret, "     \
    "t.clock_offset, t.drift, t.synced_s, t.expires_s"
#define PG_TOKEN_COUNT 19 /* columns of it */
#define PG_RECOVERY_COLUMNS "r.user_id, r.salt, r.iterations, r.created_s, c.id, c.hash, c.used_s"
#define PG_BREAK_GLASS_COLUMNS                                                                     \
    "name, salt, iterations, hash, created_s, armed_until_s, reason, armed_by"

bool pg_user_of(const PGresult *rows, int row, struct store_user *user);
bool pg_token_of(const PGresult *rows, int row, struct store_token *token);
bool pg_tokens_of(const PGresult *rows, struct store_token tokens[MFA_TOKENS_PER_USER], size_t *n);
/* A user's rows of PG_RECOVERY_COLUMNS, one a code (c is NULL: no code); *row goes on to the next user's. */
bool pg_recovery_of(const PGresult *rows, int *row, struct store_recovery *recovery);
bool pg_break_glass_of(const PGresult *rows, int row, struct store_break_glass *out);
/* id, slot, failures, touched_ms */
bool pg_subject_of(const PGresult *rows, int row, struct store_subject *subject);
/* address, failures, last_failure_ms, last_success_ms, from column `at` on */
bool pg_address_of(const PGresult *rows, int row, int at, struct store_address *address);
bool pg_state_of(const PGresult *rows, struct store_state *state);

/* --- the operations; each as store.h says of the one of that name --- */

/* store_pg_attempt.c */
enum store_status pg_look(struct store *store, enum store_mode mode, int64_t deadline_ms,
                          const struct store_ask *ask, struct store_view *view);
enum store_status pg_burn_commit(struct store *store, const struct store_burn *burns, size_t n,
                                 int64_t now_s, const char *address, bool durable);
/* store_pg_failures.c */
enum store_status pg_failure_add(struct store *store, const struct store_subject *who,
                                 const struct store_address *from, int64_t forget_ms,
                                 int64_t now_ms);
enum store_status pg_success_note(struct store *store, const struct store_subject *who,
                                  const struct store_address *from, bool trusted, int64_t now_ms);
struct pgconn_call pg_guard_call(const struct store_subject *who);
enum store_status pg_subject_find(struct store *store, struct bytes id,
                                  struct store_subject *subject);
enum store_status pg_subject_page(struct store *store, struct bytes after,
                                  struct store_subject subjects[STORE_BATCH], size_t *n);
enum store_status pg_subject_put(struct store *store, const struct store_subject *subject);
enum store_status pg_subject_remove(struct store *store, struct bytes id);
enum store_status pg_address_find(struct store *store, struct bytes subject, struct bytes address,
                                  struct store_address *row);
enum store_status pg_address_list(struct store *store, struct bytes subject,
                                  struct store_address rows[STORE_ADDRESSES], size_t *n);
enum store_status pg_address_page(struct store *store, struct bytes subject, struct bytes address,
                                  struct store_from rows[STORE_BATCH], size_t *n);
enum store_status pg_drain(struct store *store, int64_t deadline_ms);
enum store_status pg_address_put(struct store *store, struct bytes subject,
                                 const struct store_address *row);
enum store_status pg_address_remove(struct store *store, struct bytes subject,
                                    struct bytes address);
enum store_status pg_address_forgive(struct store *store, struct bytes subject);
/* store_pg_keys.c */
enum store_status pg_identity(struct store *store, struct store_identity *identity);
enum store_status pg_state(struct store *store, struct store_state *state);
enum store_status pg_state_set(struct store *store, const struct store_state *state);
enum store_status pg_wrap_add(struct store *store, const struct store_data_key *wrap);
enum store_status pg_wrap_remove(struct store *store, int64_t data_key, const char *kek_id);
enum store_status pg_data_key_remove(struct store *store, int64_t data_key);
enum store_status pg_data_key_uses(struct store *store, int64_t data_key, int64_t *uses);
enum store_status pg_hash_keys_set(struct store *store, const struct store_identity *identity);
enum store_status pg_count(struct store *store, int64_t stale_before_s, int64_t now_s, int64_t cap,
                           struct mfa_stats *stats);
/* The calls that fill an empty schema; returns how many (at most 2 * STORE_WRAPS + 2). */
size_t pg_identity_calls(const struct store_identity *identity, struct pgconn_call *calls);
/* store_pg_users.c */
enum store_status pg_user_find(struct store *store, struct bytes name, struct store_user *user);
enum store_status pg_user_add(struct store *store, const struct store_user *user);
enum store_status pg_user_set_key(struct store *store, const struct store_user *user);
enum store_status pg_user_raise_floor(struct store *store, int64_t user, int64_t floor_s);
enum store_status pg_user_page(struct store *store, int64_t after,
                               struct store_user users[STORE_BATCH], size_t *n);
enum store_status pg_user_scan(struct store *store, store_user_visit *visit, void *context);
enum store_status pg_user_set_lock(struct store *store, int64_t user, int64_t locked_s,
                                   const char *reason);
enum store_status pg_user_rename(struct store *store, int64_t user, struct bytes name);
enum store_status pg_user_remove(struct store *store, int64_t user);
/* store_pg_tokens.c */
enum store_status pg_token_list(struct store *store, int64_t user,
                                struct store_token tokens[MFA_TOKENS_PER_USER], size_t *n);
enum store_status pg_token_page(struct store *store, int64_t after,
                                struct store_token tokens[STORE_BATCH], size_t *n);
enum store_status pg_token_scan(struct store *store, store_token_visit *visit, void *context);
enum store_status pg_token_add(struct store *store, const struct store_token *token);
enum store_status pg_token_remove(struct store *store, int64_t token);
enum store_status pg_token_restore(struct store *store, int64_t token, int64_t step,
                                   int64_t previous);
enum store_status pg_token_activate(struct store *store, int64_t token, int64_t step,
                                    int64_t now_s);
enum store_status pg_token_set_state(struct store *store, int64_t token, enum token_state from,
                                     enum token_state to);
enum store_status pg_token_rename(struct store *store, int64_t token, const char *name);
enum store_status pg_token_resync(struct store *store, int64_t token, int64_t step, int64_t offset,
                                  int64_t now_s);
enum store_status pg_token_reseal(struct store *store, int64_t token, int64_t version,
                                  const struct store_sealed *secret);
/* store_pg_recovery.c */
enum store_status pg_recovery_find(struct store *store, int64_t user,
                                   struct store_recovery *recovery);
enum store_status pg_recovery_page(struct store *store, int64_t after,
                                   struct store_recovery sets[STORE_BATCH], size_t *n);
enum store_status pg_recovery_put(struct store *store, const struct store_recovery *recovery);
enum store_status pg_recovery_remove(struct store *store, int64_t user);
enum store_status pg_recovery_restore(struct store *store, int64_t code, int64_t used_s);
enum store_status pg_break_glass_find(struct store *store, struct bytes name,
                                      struct store_break_glass *row);
enum store_status pg_break_glass_put(struct store *store, const struct store_break_glass *row);
enum store_status pg_break_glass_remove(struct store *store, struct bytes name);
enum store_status pg_break_glass_scan(struct store *store, store_break_glass_visit *visit,
                                      void *context);

#endif
