#include "config.h"

#include "mfa/store_sqlite.h"

#include "common/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <sys/stat.h>

#define OPEN_PATIENCE_MS 5000 /* opening may have to wait for another's recovery of the log */

/* Pages of the log from which it is begun anew, and from which it is cut as well. */
#define LOG_RESTART  1000
#define LOG_CUT      4000
/* That holds up other writers while readers end: some 20 ms at most, and then not again for 5 s. */
#define LOG_TRIES    100
#define LOG_PAUSE_MS 5000

static const char *const texts[SQ_COUNT] = {
#define SQ_TEXT(name, text) [name] = text,
    SQ_TABLE(SQ_TEXT)
#undef SQ_TEXT
};

/* What an operator can do, by SQLite's primary result code. */
static const struct {
    int code;
    const char *advice;
} advices[] = {
    {SQLITE_FULL,     "the disk is full: free some space, nothing else is needed"                 },
    {SQLITE_READONLY, "the file, its folder or the file system is read-only: make them writable "
                      "for daemon.user"                                      },
    {SQLITE_CANTOPEN, "see that the file and its folder exist and belong to daemon.user, and that "
                      "the disk is not full"                                 },
    {SQLITE_PERM,     "give the file and its folder to daemon.user"                               },
    {SQLITE_CORRUPT,  "the file is damaged: restore it from your backup"                          },
    {SQLITE_NOTADB,   "the file is not a token store or is damaged: restore it from your backup"  },
    {SQLITE_BUSY,     "another program holds the store: find it with `fuser`, and try again"      },
    {SQLITE_LOCKED,   "another program holds the store: find it with `fuser`, and try again"      },
    {SQLITE_IOERR,    "reading or writing the disk fails: see the kernel's log and the free space"},
    {SQLITE_NOMEM,    "memory is short"                                                           },
};

struct store_sqlite *sq_of(struct store *store)
{
    return (struct store_sqlite *)(void *)store;
}

void sq_explain(sqlite3 *db, int rc, const char *path, const char *tried, char *why, size_t size)
{
    const char *advice = "see the message";

    for (size_t i = 0; i < sizeof advices / sizeof advices[0]; i++)
        if (advices[i].code == (rc & 0xff))
            advice = advices[i].advice;
    snprintf(why, size, "cannot %s in the token store %s: %s (SQLite code %d); %s", tried, path,
             db != NULL && sqlite3_errcode(db) != SQLITE_OK ? sqlite3_errmsg(db)
                                                            : sqlite3_errstr(rc),
             rc, advice);
}

/*
 * Waits for another writer in steps of 50 to 200 us: a transaction here takes some 50 us, and SQLite's
 * own back-off, which grows to 100 ms, would be what most logins wait for.
 */
static int wait_for_lock(void *context, int tries)
{
    const struct store_sqlite *s = context;

    if (s->log_restarts ? tries >= LOG_TRIES : clock_mono_ms() >= s->deadline_ms)
        return 0;
    struct timespec pause = {.tv_nsec = tries < 15 ? 50000 + 10000 * (long)tries : 200000};
    nanosleep(&pause, NULL);
    return 1;
}

/*
 * After each commit.  SQLite's own way copies the log back but begins it anew only in a moment without
 * readers; under a steady flood there is none, and the log grew without limit.
 */
static int keep_log_small(void *context, sqlite3 *db, const char *name, int pages)
{
    struct store_sqlite *s = context;
    int in_log = -1;

    if (pages < LOG_RESTART || clock_mono_ms() < s->log_restart_ms)
        return SQLITE_OK;
    s->log_restarts = true;
    int rc = sqlite3_wal_checkpoint_v2(
        db, name, pages >= LOG_CUT ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_RESTART,
        &in_log, NULL);
    s->log_restarts = false;
    /* -1: another process is at it. */
    if (rc != SQLITE_OK && in_log >= 0)
        s->log_restart_ms = clock_mono_ms() + LOG_PAUSE_MS;
    return SQLITE_OK; /* the commit stands, whatever became of the log */
}

sqlite3_stmt *sq_take(struct store *store, enum sq_statement which)
{
    return sq_of(store)->statement[which];
}

void sq_bytes(sqlite3_stmt *statement, int at, struct bytes value)
{
    if (value.len == 0)
        sqlite3_bind_zeroblob(statement, at, 0); /* a NULL pointer would bind NULL */
    else
        sqlite3_bind_blob64(statement, at, value.ptr, value.len, SQLITE_STATIC);
}

void sq_number(sqlite3_stmt *statement, int at, int64_t value)
{
    sqlite3_bind_int64(statement, at, value);
}

void sq_end(sqlite3_stmt *statement)
{
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
}

enum store_status sq_row(struct store *store, sqlite3_stmt *statement, const char *tried)
{
    int rc = sqlite3_step(statement);

    if (rc == SQLITE_ROW)
        return STORE_OK;
    if (rc == SQLITE_DONE)
        return STORE_NONE;
    sq_explain(sq_of(store)->db, rc, sq_of(store)->path, tried, store->error, sizeof store->error);
    return STORE_FAILED;
}

enum store_status sq_run(struct store *store, sqlite3_stmt *statement, const char *tried)
{
    enum store_status status = sq_row(store, statement, tried);

    sq_end(statement);
    return status == STORE_FAILED ? STORE_FAILED : STORE_OK;
}

enum store_status sq_change(struct store *store, sqlite3_stmt *statement, const char *tried)
{
    enum store_status status = sq_run(store, statement, tried);

    if (status == STORE_OK && sqlite3_changes(sq_of(store)->db) == 0)
        return STORE_NONE;
    return status;
}

bool sq_column_bytes(sqlite3_stmt *statement, int at, uint8_t *out, size_t cap, size_t *len)
{
    const void *value = sqlite3_column_blob(statement, at);
    size_t n = (size_t)sqlite3_column_bytes(statement, at);

    *len = 0;
    if (n > cap || (n > 0 && value == NULL))
        return false;
    if (n > 0)
        memcpy(out, value, n);
    *len = n;
    return true;
}

bool sq_column_text(sqlite3_stmt *statement, int at, char *out, size_t cap)
{
    size_t len;

    bool ok = sq_column_bytes(statement, at, (uint8_t *)out, cap - 1, &len);
    out[len] = '\0';
    return ok && strlen(out) == len;
}

bool sq_column_sealed(sqlite3_stmt *statement, int at, struct store_sealed *out)
{
    return sq_column_bytes(statement, at, out->at, sizeof out->at, &out->len);
}

enum store_status sq_damaged(struct store *store, const char *what)
{
    snprintf(store->error, sizeof store->error,
             "cannot use the token store %s: %s is damaged; restore the store from your backup",
             sq_of(store)->path, what);
    return STORE_FAILED;
}

/* A store that was moved or replaced under a running program would take codes nobody else knows of. */
static bool still_there(struct store_sqlite *s)
{
    struct stat st;

    if (stat(s->path, &st) == 0 && st.st_dev == s->device && st.st_ino == s->inode)
        return true;
    snprintf(s->base.error, sizeof s->base.error,
             "the token store %s was moved, removed or replaced while it was open; put it back, or "
             "restart the program to use the new one",
             s->path);
    return false;
}

static enum store_status sq_begin(struct store *store, enum store_mode mode, int64_t deadline_ms)
{
    struct store_sqlite *s = sq_of(store);
    bool durable = mode == STORE_DURABLE;

    s->deadline_ms = deadline_ms;
    if (!still_there(s))
        return STORE_FAILED;
    if (mode != STORE_READ && durable != s->durable) {
        int rc = sqlite3_exec(
            s->db, durable ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL", 0, 0, 0);
        if (rc != SQLITE_OK) {
            sq_explain(s->db, rc, s->path, "set the durability", store->error, sizeof store->error);
            return STORE_FAILED;
        }
        s->durable = durable;
    }
    return sq_run(store, sq_take(store, mode == STORE_READ ? SQ_BEGIN_READ : SQ_BEGIN_WRITE),
                  "begin");
}

static void sq_rollback(struct store *store)
{
    struct store_sqlite *s = sq_of(store);

    /* Some errors (disk full) have ended the transaction already. */
    if (sqlite3_get_autocommit(s->db) == 0) {
        sqlite3_step(s->statement[SQ_ROLLBACK]);
        sqlite3_reset(s->statement[SQ_ROLLBACK]);
    }
}

static enum store_status sq_commit(struct store *store)
{
    enum store_status status;

    if (sqlite3_get_autocommit(sq_of(store)->db) != 0)
        return STORE_FAILED; /* an error before ended the transaction; its sentence stands */
    status = sq_run(store, sq_take(store, SQ_COMMIT), "commit");
    if (status != STORE_OK)
        sq_rollback(store);
    return status;
}

static void sq_close(struct store *store, bool abandon)
{
    if (store == NULL)
        return;
    struct store_sqlite *s = sq_of(store);
    if (!abandon) {
        for (size_t i = 0; i < SQ_COUNT; i++)
            sqlite3_finalize(s->statement[i]);
        sqlite3_close(s->db);
    }
    free(s->path);
    free(s);
}

/* Is it one of ours, of a version we know? */
static bool check_version(struct store_sqlite *s, char *why, size_t size)
{
    static const char *const pragmas[] = {"PRAGMA application_id", "PRAGMA user_version"};
    int64_t got[2] = {0};

    for (size_t i = 0; i < 2; i++) {
        sqlite3_stmt *statement = NULL;
        int rc = sqlite3_prepare_v2(s->db, pragmas[i], -1, &statement, NULL);
        if (rc == SQLITE_OK && (rc = sqlite3_step(statement)) == SQLITE_ROW)
            got[i] = sqlite3_column_int64(statement, 0);
        sqlite3_finalize(statement);
        if (rc != SQLITE_ROW) {
            sq_explain(s->db, rc, s->path, "read the version", why, size);
            return false;
        }
    }
    if (got[0] != SQ_APPLICATION)
        snprintf(why, size,
                 "cannot use %s: it is a SQLite file but not a token store; check store.path",
                 s->path);
    else if (got[1] > SQ_SCHEMA)
        snprintf(why, size,
                 "cannot use the token store %s: its schema is version %lld and this program knows "
                 "up to %d; upgrade pgsignet on this host",
                 s->path, (long long)got[1], SQ_SCHEMA);
    else if (got[1] < 1)
        snprintf(why, size,
                 "cannot use the token store %s: it has no schema; remove it and run "
                 "`pgsignet-mfa init`",
                 s->path);
    else
        return true;
    return false;
}

static bool connect_store(struct store_sqlite *s, char *why, size_t size)
{
    if (!sq_check_file(s, why, size))
        return false;
    int rc = sqlite3_open_v2(s->path, &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (rc == SQLITE_OK) {
        sqlite3_busy_handler(s->db, wait_for_lock, s);
        rc = sq_configure(s->db);
        sqlite3_wal_hook(s->db, keep_log_small, s);
    }
    if (rc != SQLITE_OK) {
        sq_explain(s->db, rc, s->path, "open the file", why, size);
        return false;
    }
    if (!check_version(s, why, size))
        return false;
    if (sqlite3_db_readonly(s->db, "main") != 0) {
        sq_explain(NULL, SQLITE_READONLY, s->path, "write", why, size);
        return false;
    }
    for (size_t i = 0; i < SQ_COUNT; i++) {
        rc = sqlite3_prepare_v3(s->db, texts[i], -1, SQLITE_PREPARE_PERSISTENT, &s->statement[i],
                                NULL);
        if (rc != SQLITE_OK) {
            sq_explain(s->db, rc, s->path, "prepare a statement", why, size);
            return false;
        }
    }
    return true;
}

static enum store_status sq_open(const struct settings_store *settings, struct store **out,
                                 char *why, size_t size)
{
    *out = NULL;
    struct store_sqlite *s = calloc(1, sizeof *s);
    if (s == NULL || (s->path = strdup(settings->path)) == NULL) {
        snprintf(why, size, "cannot open the token store: memory is short");
        free(s);
        return STORE_FAILED;
    }
    s->base.engine = &store_sqlite_engine;
    s->deadline_ms = clock_mono_ms() + OPEN_PATIENCE_MS;
    if (!connect_store(s, why, size)) {
        sq_close(&s->base, false);
        return STORE_FAILED;
    }
    *out = &s->base;
    return STORE_OK;
}

const struct store_engine store_sqlite_engine = {
    .name = "sqlite",
    .create = sq_create,
    .exists = sq_exists,
    .open = sq_open,
    .close = sq_close,
    .begin = sq_begin,
    .commit = sq_commit,
    .rollback = sq_rollback,
    .identity = sq_identity,
    .user_find = sq_user_find,
    .user_add = sq_user_add,
    .user_set_key = sq_user_set_key,
    .user_raise_floor = sq_user_raise_floor,
    .token_list = sq_token_list,
    .token_scan = sq_token_scan,
    .token_add = sq_token_add,
    .token_remove = sq_token_remove,
    .token_burn = sq_token_burn,
    .token_restore = sq_token_restore,
    .token_activate = sq_token_activate,
    .subject_find = sq_subject_find,
    .subject_put = sq_subject_put,
    .address_find = sq_address_find,
    .address_list = sq_address_list,
    .address_put = sq_address_put,
    .address_remove = sq_address_remove,
    .address_forgive = sq_address_forgive,
};
