#include "config.h"

#include "mfa/store_sqlite.h"

#include "mfa/new_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * user.floor_s outlives the user's tokens: who enrols anew starts above it.  subject holds keyed
 * hashes of names (or buckets), never names: what fails to log in may be a mistyped password.
 */
static const char schema[] =
    "CREATE TABLE store (one INTEGER PRIMARY KEY CHECK (one = 1), id BLOB NOT NULL,"
    " hash_data_key INTEGER NOT NULL REFERENCES data_key, audit BLOB NOT NULL,"
    " bucket BLOB NOT NULL) STRICT;"
    "CREATE TABLE data_key (id INTEGER PRIMARY KEY, kek_id TEXT NOT NULL, wrapped BLOB NOT NULL)"
    " STRICT;"
    "CREATE TABLE user (id INTEGER PRIMARY KEY, name BLOB NOT NULL UNIQUE,"
    " floor_s INTEGER NOT NULL) STRICT;"
    "CREATE TABLE user_key (user INTEGER PRIMARY KEY REFERENCES user,"
    " data_key INTEGER NOT NULL REFERENCES data_key, sealed BLOB NOT NULL) STRICT;"
    "CREATE TABLE token (id INTEGER PRIMARY KEY, user INTEGER NOT NULL REFERENCES user,"
    " name TEXT NOT NULL, state INTEGER NOT NULL, algorithm INTEGER NOT NULL,"
    " digits INTEGER NOT NULL, period INTEGER NOT NULL, created_s INTEGER NOT NULL,"
    " confirmed_s INTEGER NOT NULL, last_used_s INTEGER NOT NULL, last_address TEXT NOT NULL,"
    " last_step INTEGER NOT NULL, version INTEGER NOT NULL, secret BLOB NOT NULL,"
    " UNIQUE (user, name)) STRICT;"
    "CREATE TABLE subject (id BLOB PRIMARY KEY, slot INTEGER UNIQUE, failures INTEGER NOT NULL,"
    " touched_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE address (subject BLOB NOT NULL REFERENCES subject ON DELETE CASCADE,"
    " address BLOB NOT NULL, failures INTEGER NOT NULL, last_failure_ms INTEGER NOT NULL,"
    " last_success_ms INTEGER NOT NULL, PRIMARY KEY (subject, address)) STRICT, WITHOUT ROWID;";

static const char connection_pragmas[] =
    "PRAGMA foreign_keys=ON; PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON;"
    "PRAGMA mmap_size=0; PRAGMA secure_delete=ON; PRAGMA temp_store=MEMORY;"
    "PRAGMA synchronous=NORMAL; PRAGMA cache_size=-4000;";

int sq_configure(sqlite3 *db)
{
    int keep = 1;

    sqlite3_extended_result_codes(db, 1);
    sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, NULL);
    sqlite3_limit(db, SQLITE_LIMIT_ATTACHED, 0);
    /* A log that stays allocated lets logins go on for a while on a disk that has just filled up. */
    sqlite3_file_control(db, "main", SQLITE_FCNTL_PERSIST_WAL, &keep);
    return sqlite3_exec(db, connection_pragmas, NULL, NULL, NULL);
}

bool sq_exists(const struct settings_store *settings)
{
    struct stat st;

    return lstat(settings->path, &st) == 0 || errno != ENOENT;
}

static bool check_folder(const char *path, char *why, size_t size)
{
    struct stat st;
    char *folder = strdup(path);
    bool ok = false;

    if (folder == NULL) {
        snprintf(why, size, "cannot open the token store: memory is short");
        return false;
    }
    char *slash = strrchr(folder, '/');
    if (slash != NULL)
        slash[slash == folder ? 1 : 0] = '\0';
    if (stat(slash != NULL ? folder : ".", &st) != 0)
        snprintf(why, size, "cannot use the folder of the token store %s: %s", path,
                 strerror(errno));
    else if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0 || (st.st_uid != 0 && st.st_uid != geteuid()))
        snprintf(why, size,
                 "cannot trust the folder of the token store %s: others than daemon.user may write "
                 "to it; give it to daemon.user with mode 0700",
                 path);
    else
        ok = true;
    free(folder);
    return ok;
}

bool sq_check_file(struct store_sqlite *s, char *why, size_t size)
{
    struct stat st;

    if (lstat(s->path, &st) != 0) {
        int error = errno;
        snprintf(why, size, "cannot open the token store %s: %s; %s", s->path, strerror(error),
                 error == ENOENT ? "create it with `pgsignet-mfa init`"
                                 : "check store.path and the modes of the folders above it");
        return false;
    }
    const char *fault = !S_ISREG(st.st_mode)       ? "is not a regular file"
                        : st.st_uid != geteuid()   ? "does not belong to this program's user"
                        : (st.st_mode & 0077) != 0 ? "is open to others"
                                                   : NULL;
    if (fault != NULL) {
        snprintf(why, size,
                 "cannot trust the token store %s: it %s; give it to daemon.user with mode 0600",
                 s->path, fault);
        return false;
    }
    s->device = st.st_dev;
    s->inode = st.st_ino;
    return check_folder(s->path, why, size);
}

static int insert_identity(sqlite3 *db, const struct store_identity *identity)
{
    sqlite3_stmt *key = NULL, *store = NULL;
    int rc = sqlite3_prepare_v2(db, "INSERT INTO data_key VALUES (?1, ?2, ?3)", -1, &key, NULL);

    for (size_t i = 0; rc == SQLITE_OK && i < identity->n_keys; i++) {
        const struct store_data_key *row = &identity->keys[i];
        sq_number(key, 1, row->id);
        sqlite3_bind_text(key, 2, row->kek_id, -1, SQLITE_STATIC);
        sq_bytes(key, 3, bytes_of(row->wrapped.at, row->wrapped.len));
        rc = sqlite3_step(key) == SQLITE_DONE ? sqlite3_reset(key) : sqlite3_errcode(db);
    }
    if (rc == SQLITE_OK)
        rc = sqlite3_prepare_v2(db, "INSERT INTO store VALUES (1, ?1, ?2, ?3, ?4)", -1, &store,
                                NULL);
    if (rc == SQLITE_OK) {
        sq_bytes(store, 1, bytes_of(identity->id, STORE_ID));
        sq_number(store, 2, identity->hash_data_key);
        sq_bytes(store, 3, bytes_of(identity->audit.at, identity->audit.len));
        sq_bytes(store, 4, bytes_of(identity->bucket.at, identity->bucket.len));
        rc = sqlite3_step(store) == SQLITE_DONE ? SQLITE_OK : sqlite3_errcode(db);
    }
    sqlite3_finalize(key);
    sqlite3_finalize(store);
    return rc;
}

/* Fills the temporary file; journal_mode=WAL is kept in its header. */
static int fill(const char *temporary, const struct store_identity *identity, const char *path,
                char *why, size_t size)
{
    sqlite3 *db = NULL;
    char pragmas[96];

    snprintf(pragmas, sizeof pragmas, "PRAGMA application_id=%d; PRAGMA user_version=%d",
             SQ_APPLICATION, SQ_SCHEMA);
    int rc = sqlite3_open_v2(temporary, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
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

static bool has_left_overs(const char *path, char *why, size_t size)
{
    static const char *const endings[] = {"-wal", "-shm", "-journal"};
    char name[NEW_FILE_PATH_MAX];

    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        int n = snprintf(name, sizeof name, "%s%s", path, endings[i]);
        if (n > 0 && (size_t)n < sizeof name && access(name, F_OK) == 0) {
            /* SQLite would play an old log into the new file. */
            snprintf(
                why, size,
                "cannot create the token store %s: %s of an earlier store is still there; move "
                "it away",
                path, name);
            return true;
        }
    }
    return false;
}

enum store_status sq_create(const struct settings_store *settings,
                            const struct store_identity *identity, char *why, size_t size)
{
    char temporary[NEW_FILE_PATH_MAX];

    if (sq_exists(settings)) {
        snprintf(why, size, "the token store %s exists already; nothing was changed",
                 settings->path);
        return STORE_EXISTS;
    }
    if (has_left_overs(settings->path, why, size))
        return STORE_FAILED;
    int error = new_file_begin(settings->path, 0600, NULL, temporary);
    if (error == 0) {
        if (fill(temporary, identity, settings->path, why, size) != SQLITE_OK) {
            unlink(temporary);
            return STORE_FAILED;
        }
        error = new_file_finish(temporary, settings->path);
        if (error != 0)
            unlink(temporary);
    }
    if (error != 0)
        snprintf(why, size, "cannot create the token store %s: %s", settings->path,
                 strerror(error));
    return error == 0 ? STORE_OK : error == EEXIST ? STORE_EXISTS : STORE_FAILED;
}
