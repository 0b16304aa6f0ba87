#include "config.h"

#include "mfa/store_sqlite.h"

#include "common/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define OPEN_PATIENCE_MS 5000 /* opening may have to wait for another's recovery of the log */
/*
 * Who is stopped in his turn (a debugger, SIGSTOP) may not even hold SQLite's lock, which alone decides:
 * he must not take a login's whole time.
 */
#define TURN_PATIENCE_MS 200

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

void sq_text(sqlite3_stmt *statement, int at, const char *value)
{
    sqlite3_bind_text(statement, at, value, -1, SQLITE_STATIC);
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

enum store_status sq_change_number(struct store *store, enum sq_statement which, int64_t number,
                                   const char *tried)
{
    sqlite3_stmt *statement = sq_take(store, which);

    sq_number(statement, 1, number);
    return sq_change(store, statement, tried);
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

void sq_take_turn(struct store_sqlite *s)
{
    if (s->queue == NULL || s->has_turn)
        return;
    int64_t patience_ms = clock_mono_ms() + TURN_PATIENCE_MS;
    s->has_turn =
        store_queue_enter(s->queue, patience_ms < s->deadline_ms ? patience_ms : s->deadline_ms);
}

void sq_end_turn(struct store_sqlite *s)
{
    if (s->has_turn)
        store_queue_leave(s->queue);
    s->has_turn = false;
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
    if (mode != STORE_READ)
        sq_take_turn(s);
    enum store_status status = sq_run(
        store, sq_take(store, mode == STORE_READ ? SQ_BEGIN_READ : SQ_BEGIN_WRITE), "begin");
    if (status == STORE_OK)
        status = sq_is_same(s);
    else
        sq_end_turn(s);
    if (status == STORE_NONE) {
        status = sq_witness_again(s);
        return status == STORE_OK ? sq_begin(store, mode, deadline_ms) : status;
    }
    return status;
}

static void sq_rollback(struct store *store)
{
    struct store_sqlite *s = sq_of(store);

    s->n_notes = 0;
    /* Some errors (disk full) have ended the transaction already. */
    if (sqlite3_get_autocommit(s->db) == 0) {
        sqlite3_step(s->statement[SQ_ROLLBACK]);
        sqlite3_reset(s->statement[SQ_ROLLBACK]);
    }
    sq_end_turn(s);
}

enum store_status sq_sync(struct store *store)
{
    struct store_sqlite *s = sq_of(store);
    sqlite3_file *log = NULL;

    if (s->durable)
        return STORE_OK;
    /* Frames that have left the log meanwhile were synced by whoever copied them back. */
    int rc = sqlite3_file_control(s->db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);
    if (rc == SQLITE_OK)
        rc = log != NULL && log->pMethods != NULL ? log->pMethods->xSync(log, SQLITE_SYNC_NORMAL)
                                                  : SQLITE_IOERR_FSYNC;
    if (rc == SQLITE_OK)
        return STORE_OK;
    sq_explain(NULL, rc, s->path, "write to disk", store->error, sizeof store->error);
    return STORE_FAILED;
}

enum store_status sq_commit_as(struct store *store, bool counted)
{
    struct store_sqlite *s = sq_of(store);
    struct sq_lasting lasting = {0};
    enum store_status status = STORE_OK;

    if (sqlite3_get_autocommit(s->db) != 0)
        status = STORE_FAILED; /* an error before ended the transaction; its sentence stands */
    else if (counted)
        status = sq_lasting_count(s, &lasting);
    if (status == STORE_OK)
        status = sq_run(store, sq_take(store, SQ_COMMIT), "commit");
    if (status != STORE_OK) {
        sq_rollback(store);
        goto out;
    }
    sq_bear_witness(s);
    sq_end_turn(s);
    if (counted)
        status = sq_sync(store);
    if (status == STORE_OK && counted)
        status = sq_lasting_note(s, &lasting);
    sq_tend_log(s);
out:
    witness_close(lasting.witness);
    return status;
}

static enum store_status sq_commit(struct store *store)
{
    return sq_commit_as(store, sq_of(store)->durable);
}

/* An attempt writes under the lock that it looked under: whoever holds it next comes after. */
static enum store_status sq_drain(struct store *store, int64_t deadline_ms)
{
    enum store_status status = sq_begin(store, STORE_STEP, deadline_ms);

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
    witness_close(s->witness);
    witness_close(s->claimed);
    free(s->path);
    free(s);
}

bool sq_version(sqlite3 *db, const char *path, int64_t *version, char *why, size_t size)
{
    static const char *const pragmas[] = {"PRAGMA application_id", "PRAGMA user_version"};
    int64_t got[2] = {0};

    for (size_t i = 0; i < 2; i++) {
        sqlite3_stmt *statement = NULL;
        int rc = sqlite3_prepare_v2(db, pragmas[i], -1, &statement, NULL);
        if (rc == SQLITE_OK && (rc = sqlite3_step(statement)) == SQLITE_ROW)
            got[i] = sqlite3_column_int64(statement, 0);
        sqlite3_finalize(statement);
        if (rc != SQLITE_ROW) {
            sq_explain(db, rc, path, "read the version", why, size);
            return false;
        }
    }
    *version = got[1];
    if (got[0] != SQ_APPLICATION)
        snprintf(why, size,
                 "cannot use %s: it is a SQLite file but not a token store; check store.path", path);
    else if (got[1] > SQ_SCHEMA)
        snprintf(why, size,
                 "cannot use the token store %s: its schema is version %lld and this program knows "
                 "up to %d; upgrade pgsignet on this host",
                 path, (long long)got[1], SQ_SCHEMA);
    else if (got[1] < 1)
        snprintf(why, size,
                 "cannot use the token store %s: it has no schema; remove it and run "
                 "`pgsignet-mfa init`",
                 path);
    else
        return true;
    return false;
}

/* Is it one of ours, of the version we use? */
static bool check_version(struct store_sqlite *s, char *why, size_t size)
{
    int64_t version;

    if (!sq_version(s->db, s->path, &version, why, size))
        return false;
    if (version == SQ_SCHEMA)
        return true;
    snprintf(why, size,
             "cannot use the token store %s: its schema is version %lld and this program needs %d; "
             "run `pgsignet-mfa init` to upgrade it",
             s->path, (long long)version, SQ_SCHEMA);
    return false;
}

static bool connect_store(struct store_sqlite *s, char *why, size_t size)
{
    if (!sq_check_file(s, why, size))
        return false;
    int rc = sqlite3_open_v2(s->path, &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (rc == SQLITE_OK) {
        sqlite3_busy_handler(s->db, sq_wait_for_lock, s);
        rc = sq_configure(s->db);
        sqlite3_wal_hook(s->db, sq_see_log, s);
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
    s->queue = store_shared_queue();
    s->copy_at = s->queue != NULL ? &s->queue->copy_at : &s->own_copy_at;
    s->deadline_ms = clock_mono_ms() + OPEN_PATIENCE_MS;
    if (!connect_store(s, why, size) || !sq_witness(s, settings->witness, why, size)) {
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
    .adopt = sq_adopt,
    .claim = sq_claim,
    .identity = sq_identity,
    .upgrade = sq_upgrade,
    .look = sq_look,
    .burn_commit = sq_burn_commit,
    .drain = sq_drain,
    .failure_add = sq_failure_add,
    .success_note = sq_success_note,
    .state = sq_state,
    .state_set = sq_state_set,
    .wrap_add = sq_wrap_add,
    .wrap_remove = sq_wrap_remove,
    .data_key_remove = sq_data_key_remove,
    .data_key_uses = sq_data_key_uses,
    .hash_keys_set = sq_hash_keys_set,
    .user_find = sq_user_find,
    .user_add = sq_user_add,
    .user_set_key = sq_user_set_key,
    .user_raise_floor = sq_user_raise_floor,
    .user_page = sq_user_page,
    .user_scan = sq_user_scan,
    .count = sq_count,
    .user_set_lock = sq_user_set_lock,
    .user_rename = sq_user_rename,
    .user_remove = sq_user_remove,
    .token_list = sq_token_list,
    .token_scan = sq_token_scan,
    .token_page = sq_token_page,
    .token_add = sq_token_add,
    .token_remove = sq_token_remove,
    .token_restore = sq_token_restore,
    .token_activate = sq_token_activate,
    .token_set_state = sq_token_set_state,
    .token_rename = sq_token_rename,
    .token_resync = sq_token_resync,
    .token_reseal = sq_token_reseal,
    .recovery_find = sq_recovery_find,
    .recovery_page = sq_recovery_page,
    .recovery_put = sq_recovery_put,
    .recovery_remove = sq_recovery_remove,
    .recovery_restore = sq_recovery_restore,
    .break_glass_find = sq_break_glass_find,
    .break_glass_put = sq_break_glass_put,
    .break_glass_remove = sq_break_glass_remove,
    .break_glass_scan = sq_break_glass_scan,
    .subject_find = sq_subject_find,
    .subject_page = sq_subject_page,
    .subject_put = sq_subject_put,
    .subject_remove = sq_subject_remove,
    .address_find = sq_address_find,
    .address_list = sq_address_list,
    .address_page = sq_address_page,
    .address_put = sq_address_put,
    .address_remove = sq_address_remove,
    .address_forgive = sq_address_forgive,
};
