/*
 * store_sqlite.h - the embedded store engine: one SQLite file in WAL mode.  What its files share.
 */
#ifndef PGSIGNET_MFA_STORE_SQLITE_H
#define PGSIGNET_MFA_STORE_SQLITE_H

#include "mfa/store.h"

#include <sqlite3.h>
#include <sys/types.h>

extern const struct store_engine store_sqlite_engine;

#define SQ_APPLICATION 0x70675367 /* "pgSg" */
#define SQ_SCHEMA      1

/* Every statement, prepared once a process.      name            text */
#define SQ_TABLE(X)                                                                                \
    X(SQ_BEGIN_READ, "BEGIN")                                                                      \
    X(SQ_BEGIN_WRITE, "BEGIN IMMEDIATE")                                                           \
    X(SQ_COMMIT, "COMMIT")                                                                         \
    X(SQ_ROLLBACK, "ROLLBACK")                                                                     \
    X(SQ_IDENTITY, "SELECT id, hash_data_key, audit, bucket FROM store")                           \
    X(SQ_DATA_KEYS, "SELECT id, kek_id, wrapped FROM data_key ORDER BY id")                        \
    X(SQ_USER_FIND, "SELECT u.id, u.floor_s, k.data_key, k.sealed FROM user u "                    \
                    "LEFT JOIN user_key k ON k.user = u.id WHERE u.name = ?1")                     \
    X(SQ_USER_ADD, "INSERT INTO user (id, name, floor_s) VALUES (?1, ?2, ?3)")                     \
    X(SQ_USER_KEY_PUT, "INSERT OR REPLACE INTO user_key (user, data_key, sealed) "                 \
                       "VALUES (?1, ?2, ?3)")                                                      \
    X(SQ_USER_KEY_REMOVE, "DELETE FROM user_key WHERE user = ?1")                                  \
    X(SQ_USER_RAISE_FLOOR, "UPDATE user SET floor_s = ?2 WHERE id = ?1 AND floor_s < ?2")          \
    X(SQ_TOKEN_LIST, "SELECT " SQ_TOKEN_COLUMNS " FROM token t WHERE user = ?1 "                   \
                     "ORDER BY name LIMIT 9")                                                      \
    X(SQ_TOKEN_SCAN, "SELECT " SQ_TOKEN_COLUMNS ", u.name FROM user u JOIN token t "               \
                     "ON t.user = u.id ORDER BY u.name, t.name")                                   \
    X(SQ_TOKEN_ADD, "INSERT INTO token (id, user, name, state, algorithm, digits, period, "        \
                    "created_s, confirmed_s, last_used_s, last_address, last_step, version, "      \
                    "secret) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, "     \
                    "?14)")                                                                        \
    X(SQ_TOKEN_REMOVE, "DELETE FROM token WHERE id = ?1")                                          \
    X(SQ_TOKEN_BURN, "UPDATE token SET last_step = ?2, last_used_s = ?3, last_address = ?4 "       \
                     "WHERE id = ?1 AND last_step < ?2 AND state = 1")                             \
    X(SQ_TOKEN_RESTORE, "UPDATE token SET last_step = ?3 WHERE id = ?1 AND last_step = ?2")        \
    X(SQ_TOKEN_ACTIVATE, "UPDATE token SET state = 1, last_step = ?2, confirmed_s = ?3 "           \
                         "WHERE id = ?1 AND last_step < ?2 AND state = 0")                         \
    X(SQ_SUBJECT_FIND, "SELECT slot, failures, touched_ms FROM subject WHERE id = ?1")             \
    X(SQ_SUBJECT_EVICT, "DELETE FROM subject WHERE slot = ?1 AND id <> ?2")                        \
    X(SQ_SUBJECT_PUT, "INSERT INTO subject (id, slot, failures, touched_ms) "                      \
                      "VALUES (?1, ?2, ?3, ?4) ON CONFLICT (id) DO UPDATE SET "                    \
                      "slot = ?2, failures = ?3, touched_ms = ?4")                                 \
    X(SQ_ADDRESS_FIND, "SELECT failures, last_failure_ms, last_success_ms FROM address "           \
                       "WHERE subject = ?1 AND address = ?2")                                      \
    X(SQ_ADDRESS_LIST, "SELECT failures, last_failure_ms, last_success_ms, address "               \
                       "FROM address WHERE subject = ?1 LIMIT 256")                                \
    X(SQ_ADDRESS_PUT, "INSERT INTO address (subject, address, failures, last_failure_ms, "         \
                      "last_success_ms) VALUES (?1, ?2, ?3, ?4, ?5) "                              \
                      "ON CONFLICT (subject, address) DO UPDATE SET "                              \
                      "failures = ?3, last_failure_ms = ?4, last_success_ms = ?5")                 \
    X(SQ_ADDRESS_REMOVE, "DELETE FROM address WHERE subject = ?1 AND address = ?2")                \
    X(SQ_ADDRESS_FORGIVE, "UPDATE address SET failures = 0 WHERE subject = ?1")

#define SQ_TOKEN_COLUMNS                                                                           \
    "t.id, t.user, t.name, t.state, t.algorithm, t.digits, t.period, t.created_s, "                \
    "t.confirmed_s, t.last_used_s, t.last_address, t.last_step, t.version, t.secret"

enum sq_statement {
#define SQ_CONSTANT(name, text) name,
    SQ_TABLE(SQ_CONSTANT)
#undef SQ_CONSTANT
        SQ_COUNT
};

struct store_sqlite {
    struct store base; /* first: a struct store * is one of these */
    sqlite3 *db;
    sqlite3_stmt *statement[SQ_COUNT];
    char *path;   /* owned */
    dev_t device; /* of the file as it was opened */
    ino_t inode;
    int64_t deadline_ms;    /* for the busy handler */
    int64_t log_restart_ms; /* CLOCK_MONOTONIC: the log is not begun anew before */
    bool log_restarts;      /* the busy handler waits for that, not for deadline_ms */
    bool durable;           /* synchronous=FULL is set */
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

/* --- store_sqlite_file.c: the file itself --- */

enum store_status sq_create(const struct settings_store *settings,
                            const struct store_identity *identity, char *why, size_t size);
bool sq_exists(const struct settings_store *settings);
/* Is it a file that only its owner, the caller, can touch, in a folder others cannot change? */
bool sq_check_file(struct store_sqlite *s, char *why, size_t size);
/* Settings of one connection; rc of SQLite. */
int sq_configure(sqlite3 *db);

/* --- store_sqlite_tokens.c, store_sqlite_failures.c: rows --- */

enum store_status sq_identity(struct store *store, struct store_identity *identity);
enum store_status sq_user_find(struct store *store, struct bytes name, struct store_user *user);
enum store_status sq_user_add(struct store *store, const struct store_user *user);
enum store_status sq_user_set_key(struct store *store, const struct store_user *user);
enum store_status sq_user_raise_floor(struct store *store, int64_t user, int64_t floor_s);
enum store_status sq_token_list(struct store *store, int64_t user,
                                struct store_token tokens[MFA_TOKENS_PER_USER], size_t *n);
enum store_status sq_token_scan(struct store *store, store_token_visit *visit, void *context);
enum store_status sq_token_add(struct store *store, const struct store_token *token);
enum store_status sq_token_remove(struct store *store, int64_t token);
enum store_status sq_token_burn(struct store *store, int64_t token, int64_t step, int64_t now_s,
                                const char *address);
enum store_status sq_token_restore(struct store *store, int64_t token, int64_t step,
                                   int64_t previous);
enum store_status sq_token_activate(struct store *store, int64_t token, int64_t step,
                                    int64_t now_s);
enum store_status sq_subject_find(struct store *store, struct bytes id,
                                  struct store_subject *subject);
enum store_status sq_subject_put(struct store *store, const struct store_subject *subject);
enum store_status sq_address_find(struct store *store, struct bytes subject, struct bytes address,
                                  struct store_address *row);
enum store_status sq_address_list(struct store *store, struct bytes subject,
                                  struct store_address rows[STORE_ADDRESSES], size_t *n);
enum store_status sq_address_put(struct store *store, struct bytes subject,
                                 const struct store_address *row);
enum store_status sq_address_remove(struct store *store, struct bytes subject,
                                    struct bytes address);
enum store_status sq_address_forgive(struct store *store, struct bytes subject);

#endif
