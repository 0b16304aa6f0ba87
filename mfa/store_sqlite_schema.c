#include "config.h"

#include "mfa/store_sqlite.h"

#include <stdio.h>

#define UPGRADE_PATIENCE_MS 10000

/*
 * user.floor_s outlives the user's tokens: who enrols anew starts above it.  subject holds keyed
 * hashes of names (or buckets), never names: what fails to log in may be a mistyped password.
 * Defaults are there only because version 1 was brought here by ALTER TABLE.
 */
#define STORE_FLOOR   "floor_s INTEGER NOT NULL DEFAULT 0"
#define STORE_MOVED   "moved INTEGER NOT NULL DEFAULT 0"
#define STORE_HOME_   "home TEXT NOT NULL DEFAULT ''"
#define STORE_CHANGES "changes INTEGER NOT NULL DEFAULT 0" /* so far: mfa/witness.h */
#define USER_LOCKED   "locked_s INTEGER NOT NULL DEFAULT 0"
#define USER_REASON   "lock_reason TEXT NOT NULL DEFAULT ''"
#define TOKEN_KIND    "kind INTEGER NOT NULL DEFAULT 0"
#define TOKEN_OFFSET  "clock_offset INTEGER NOT NULL DEFAULT 0"
#define TOKEN_DRIFT   "drift INTEGER NOT NULL DEFAULT 0"
#define TOKEN_SYNCED  "synced_s INTEGER NOT NULL DEFAULT 0"
#define TOKEN_EXPIRES "expires_s INTEGER NOT NULL DEFAULT 0"

/* What version 2 added as tables of its own. */
#define TABLES_2                                                                                   \
    "CREATE TABLE data_key_wrap (data_key INTEGER NOT NULL REFERENCES data_key ON DELETE CASCADE," \
    " kek_id TEXT NOT NULL, wrapped BLOB NOT NULL, PRIMARY KEY (data_key, kek_id))"                \
    " STRICT, WITHOUT ROWID;"                                                                      \
    "CREATE TABLE recovery (user INTEGER PRIMARY KEY REFERENCES user, salt BLOB NOT NULL,"         \
    " iterations INTEGER NOT NULL, created_s INTEGER NOT NULL) STRICT;"                            \
    "CREATE TABLE recovery_code (id INTEGER PRIMARY KEY,"                                          \
    " user INTEGER NOT NULL REFERENCES recovery ON DELETE CASCADE, hash BLOB NOT NULL,"            \
    " used_s INTEGER NOT NULL) STRICT;"                                                            \
    "CREATE INDEX recovery_code_of ON recovery_code (user);"                                       \
    "CREATE TABLE break_glass (name BLOB PRIMARY KEY, salt BLOB NOT NULL,"                         \
    " iterations INTEGER NOT NULL, hash BLOB NOT NULL, created_s INTEGER NOT NULL,"                \
    " armed_until_s INTEGER NOT NULL, reason TEXT NOT NULL, armed_by TEXT NOT NULL)"               \
    " STRICT, WITHOUT ROWID;"

static const char schema[] =
    "CREATE TABLE store (one INTEGER PRIMARY KEY CHECK (one = 1), id BLOB NOT NULL,"
    " hash_data_key INTEGER NOT NULL REFERENCES data_key, audit BLOB NOT NULL,"
    " bucket BLOB NOT NULL, " STORE_FLOOR ", " STORE_MOVED ", " STORE_HOME_ ", " STORE_CHANGES
    ") STRICT;"
    "CREATE TABLE data_key (id INTEGER PRIMARY KEY) STRICT;"
    "CREATE TABLE user (id INTEGER PRIMARY KEY, name BLOB NOT NULL UNIQUE,"
    " floor_s INTEGER NOT NULL, " USER_LOCKED ", " USER_REASON ") STRICT;"
    "CREATE TABLE user_key (user INTEGER PRIMARY KEY REFERENCES user,"
    " data_key INTEGER NOT NULL REFERENCES data_key, sealed BLOB NOT NULL) STRICT;"
    "CREATE TABLE token (id INTEGER PRIMARY KEY, user INTEGER NOT NULL REFERENCES user,"
    " name TEXT NOT NULL, state INTEGER NOT NULL, algorithm INTEGER NOT NULL,"
    " digits INTEGER NOT NULL, period INTEGER NOT NULL, created_s INTEGER NOT NULL,"
    " confirmed_s INTEGER NOT NULL, last_used_s INTEGER NOT NULL, last_address TEXT NOT NULL,"
    " last_step INTEGER NOT NULL, version INTEGER NOT NULL, secret BLOB NOT NULL, " TOKEN_KIND
    ", " TOKEN_OFFSET ", " TOKEN_DRIFT ", " TOKEN_SYNCED ", " TOKEN_EXPIRES
    ", UNIQUE (user, name)) STRICT;"
    "CREATE TABLE subject (id BLOB PRIMARY KEY, slot INTEGER UNIQUE, failures INTEGER NOT NULL,"
    " touched_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE address (subject BLOB NOT NULL REFERENCES subject ON DELETE CASCADE,"
    " address BLOB NOT NULL, failures INTEGER NOT NULL, last_failure_ms INTEGER NOT NULL,"
    " last_success_ms INTEGER NOT NULL, PRIMARY KEY (subject, address)) STRICT, WITHOUT ROWID;"
    TABLES_2;

/* A token of version 1 was never resynchronised: what proved it was its confirmation. */
static const char from_1_to_2[] =
    TABLES_2
    "INSERT INTO data_key_wrap SELECT id, kek_id, wrapped FROM data_key;"
    "ALTER TABLE data_key DROP COLUMN kek_id;"
    "ALTER TABLE data_key DROP COLUMN wrapped;"
    "ALTER TABLE store ADD COLUMN " STORE_FLOOR ";"
    "ALTER TABLE store ADD COLUMN " STORE_MOVED ";"
    "ALTER TABLE store ADD COLUMN " STORE_HOME_ ";"
    "ALTER TABLE user ADD COLUMN " USER_LOCKED ";"
    "ALTER TABLE user ADD COLUMN " USER_REASON ";"
    "ALTER TABLE token ADD COLUMN " TOKEN_KIND ";"
    "ALTER TABLE token ADD COLUMN " TOKEN_OFFSET ";"
    "ALTER TABLE token ADD COLUMN " TOKEN_DRIFT ";"
    "ALTER TABLE token ADD COLUMN " TOKEN_SYNCED ";"
    "ALTER TABLE token ADD COLUMN " TOKEN_EXPIRES ";"
    "UPDATE token SET synced_s = confirmed_s;"
    "PRAGMA user_version=2;";

static const char from_2_to_3[] = "ALTER TABLE store ADD COLUMN " STORE_CHANGES ";"
                                  "PRAGMA user_version=3;";

static const char *const steps[SQ_SCHEMA] = {[1] = from_1_to_2, [2] = from_2_to_3};

static int insert_identity(sqlite3 *db, const struct store_identity *identity)
{
    sqlite3_stmt *key = NULL, *wrap = NULL, *store = NULL;
    int rc = sqlite3_prepare_v2(db, "INSERT OR IGNORE INTO data_key VALUES (?1)", -1, &key, NULL);

    if (rc == SQLITE_OK)
        rc = sqlite3_prepare_v2(db, "INSERT INTO data_key_wrap VALUES (?1, ?2, ?3)", -1, &wrap,
                                NULL);

    for (size_t i = 0; rc == SQLITE_OK && i < identity->n_keys; i++) {
        const struct store_data_key *row = &identity->keys[i];
        sq_number(key, 1, row->id);
        rc = sqlite3_step(key) == SQLITE_DONE ? sqlite3_reset(key) : sqlite3_errcode(db);
        sq_number(wrap, 1, row->id);
        sq_text(wrap, 2, row->kek_id);
        sq_bytes(wrap, 3, bytes_of(row->wrapped.at, row->wrapped.len));
        if (rc == SQLITE_OK)
            rc = sqlite3_step(wrap) == SQLITE_DONE ? sqlite3_reset(wrap) : sqlite3_errcode(db);
    }
    if (rc == SQLITE_OK)
        rc = sqlite3_prepare_v2(db, "INSERT INTO store (one, id, hash_data_key, audit, bucket) "
                                "VALUES (1, ?1, ?2, ?3, ?4)", -1, &store, NULL);
    if (rc == SQLITE_OK) {
        sq_bytes(store, 1, bytes_of(identity->id, STORE_ID));
        sq_number(store, 2, identity->hash_data_key);
        sq_bytes(store, 3, bytes_of(identity->audit.at, identity->audit.len));
        sq_bytes(store, 4, bytes_of(identity->bucket.at, identity->bucket.len));
        rc = sqlite3_step(store) == SQLITE_DONE ? SQLITE_OK : sqlite3_errcode(db);
    }
    sqlite3_finalize(key);
    sqlite3_finalize(wrap);
    sqlite3_finalize(store);
    return rc;
}

/* journal_mode=WAL is kept in the file's header. */
int sq_fill(const char *file, const struct store_identity *identity, const char *path, char *why,
            size_t size)
{
    sqlite3 *db = NULL;
    char pragmas[96];

    snprintf(pragmas, sizeof pragmas, "PRAGMA application_id=%d; PRAGMA user_version=%d",
             SQ_APPLICATION, SQ_SCHEMA);
    int rc = sqlite3_open_v2(file, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(db, "PRAGMA trusted_schema=OFF; PRAGMA synchronous=FULL; BEGIN", NULL,
                          NULL, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(db, schema, NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        rc = insert_identity(db, identity);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(db, pragmas, NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(db, "COMMIT; PRAGMA journal_mode=WAL", NULL, NULL, NULL);
    if (rc != SQLITE_OK)
        sq_explain(db, rc, path, "make the tables", why, size);
    sqlite3_close(db);
    return rc;
}

/* From BEGIN on; what is not committed is undone when the file is closed. */
static enum store_status upgrade(sqlite3 *db, const char *path, char *why, size_t size)
{
    int64_t version = SQ_SCHEMA;

    int rc = sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    if (rc == SQLITE_OK) {
        if (!sq_version(db, path, &version, why, size))
            return STORE_FAILED;
        if (version == SQ_SCHEMA)
            return STORE_NONE;
    }
    for (int64_t i = version; rc == SQLITE_OK && i < SQ_SCHEMA; i++)
        rc = sqlite3_exec(db, steps[i], NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
    if (rc != SQLITE_OK) {
        sq_explain(db, rc, path, "upgrade the tables", why, size);
        return STORE_FAILED;
    }
    snprintf(why, size, "The token store %s was upgraded from version %lld to version %d.", path,
             (long long)version, SQ_SCHEMA);
    return STORE_OK;
}

enum store_status sq_upgrade(const struct settings_store *settings, char *why, size_t size)
{
    struct store_sqlite s = {.path = settings->path};
    enum store_status status = STORE_FAILED;

    if (!sq_check_file(&s, why, size))
        return STORE_FAILED;
    int rc = sqlite3_open_v2(settings->path, &s.db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX,
                             NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_busy_timeout(s.db, UPGRADE_PATIENCE_MS);
    if (rc == SQLITE_OK)
        rc = sq_configure(s.db);
    if (rc == SQLITE_OK)
        /* Tables change their shape under their references; a durable step, as any by an operator. */
        rc = sqlite3_exec(s.db, "PRAGMA foreign_keys=OFF; PRAGMA synchronous=FULL", NULL, NULL,
                          NULL);
    if (rc == SQLITE_OK)
        status = upgrade(s.db, settings->path, why, size);
    else
        sq_explain(s.db, rc, settings->path, "open the file", why, size);
    sqlite3_close(s.db);
    return status;
}
