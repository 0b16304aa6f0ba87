/* The ledger's file opened, its statements and transactions. */
#include "config.h"

#include "pki/ledger_inside.h"

#include "common/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#define WAIT_LEAST_US 500
#define WAIT_MOST_US  20000
#define LOG_KEPT      (256 * 1024) /* bytes of a log that stays */
#define LOG_PAGES                                                                                  \
    250 /* of the log, before they are taken into the file: a start reads 1 MB of it at most */

static const char *const texts[LQ_COUNT] = {
#define LQ_TEXT(name, text) [name] = text,
    LQ_TABLE(LQ_TEXT)
#undef LQ_TEXT
};

/* What an operator can do, by SQLite's primary result code. */
static const struct {
    int code;
    const char *advice;
} advices[] = {
    {SQLITE_FULL, "the disk is full: free some space, nothing else is needed"},
    {SQLITE_READONLY, "the file, its folder or the file system is read-only: run it as the CA's "
                      "owner, where it can write"},
    {SQLITE_CANTOPEN, "see that the folder can be written by this user, and that the disk is "
                      "neither full nor read-only"},
    {SQLITE_PERM, "run it as the CA's owner"},
    {SQLITE_CORRUPT, "the file is damaged: keep it, and restore the last backup"},
    {SQLITE_NOTADB, "the file is no ledger or is damaged: keep it, and restore the last backup"},
    {SQLITE_BUSY, "another program holds the ledger: find it with `fuser`, and try again"},
    {SQLITE_LOCKED, "another program holds the ledger: find it with `fuser`, and try again"},
    {SQLITE_IOERR, "reading or writing the disk fails: see the free space and the kernel's log"},
    {SQLITE_NOMEM, "memory is short"},
};

void ledger_explain(sqlite3 *db, int rc, const char *path, const char *tried, char *why,
                    size_t size)
{
    const char *advice = "see the message";
    bool told = db != NULL && sqlite3_errcode(db) != SQLITE_OK;

    for (size_t i = 0; i < G_N_ELEMENTS(advices); i++)
        if (advices[i].code == (rc & 0xff))
            advice = advices[i].advice;
    snprintf(why, size, "cannot %s in the ledger %s: %s (SQLite code %d); %s", tried, path,
             told ? sqlite3_errmsg(db) : sqlite3_errstr(rc), rc, advice);
}

enum ledger_result ledger_fail(struct ledger *ledger, int rc, const char *tried)
{
    ledger_explain(ledger->db, rc, ledger->path, tried, ledger->error, sizeof ledger->error);
    return LEDGER_FAILED;
}

enum ledger_result ledger_damaged(struct ledger *ledger, const char *what)
{
    return ledger_say(ledger, LEDGER_FAILED,
                      "cannot use the ledger %s: %s is damaged; keep the file, and restore the "
                      "last backup",
                      ledger->path, what);
}

enum ledger_result ledger_say(struct ledger *ledger, enum ledger_result result, const char *format,
                              ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(ledger->error, sizeof ledger->error, format, args);
    va_end(args);
    return result;
}

const char *ledger_error(const struct ledger *ledger)
{
    return ledger->error;
}

/* --- statements --- */

sqlite3_stmt *lq_take(struct ledger *ledger, enum lq_statement which)
{
    sqlite3_stmt **at = &ledger->statement[which];

    if (*at != NULL)
        return *at;
    int rc = sqlite3_prepare_v3(ledger->db, texts[which], -1, SQLITE_PREPARE_PERSISTENT, at, NULL);
    if (rc != SQLITE_OK)
        ledger_fail(ledger, rc, "prepare a statement");
    return *at;
}

void lq_number(sqlite3_stmt *statement, int at, int64_t value)
{
    sqlite3_bind_int64(statement, at, value);
}

void lq_maybe(sqlite3_stmt *statement, int at, int64_t value)
{
    if (value == 0)
        sqlite3_bind_null(statement, at);
    else
        sqlite3_bind_int64(statement, at, value);
}

void lq_text(sqlite3_stmt *statement, int at, const char *value)
{
    sqlite3_bind_text(statement, at, value != NULL ? value : "", -1, SQLITE_STATIC);
}

void lq_bytes(sqlite3_stmt *statement, int at, struct bytes value)
{
    if (value.len == 0)
        sqlite3_bind_zeroblob(statement, at, 0); /* a NULL pointer would bind NULL */
    else
        sqlite3_bind_blob64(statement, at, value.ptr, value.len, SQLITE_STATIC);
}

void lq_end(sqlite3_stmt *statement)
{
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
}

enum ledger_result lq_step(struct ledger *ledger, sqlite3_stmt *statement, const char *tried)
{
    if (statement == NULL)
        return LEDGER_FAILED;
    int rc = sqlite3_step(statement);
    if (rc == SQLITE_ROW)
        return LEDGER_OK;
    if (rc == SQLITE_DONE)
        return LEDGER_NONE;
    return ledger_fail(ledger, sqlite3_extended_errcode(ledger->db), tried);
}

enum ledger_result lq_run(struct ledger *ledger, sqlite3_stmt *statement, const char *tried)
{
    enum ledger_result result;

    do {
        result = lq_step(ledger, statement, tried);
    } while (result == LEDGER_OK);
    if (statement != NULL)
        lq_end(statement);
    return result == LEDGER_NONE ? LEDGER_OK : result;
}

struct bytes lq_column(sqlite3_stmt *statement, int at)
{
    const void *value = sqlite3_column_blob(statement, at);
    int len = sqlite3_column_bytes(statement, at);

    return bytes_of(value, value != NULL && len > 0 ? (size_t)len : 0);
}

/* --- transactions --- */

static bool is_in_place(const struct ledger *ledger)
{
    struct stat there;

    return lstat(ledger->path, &there) == 0 && there.st_dev == ledger->device &&
           there.st_ino == ledger->inode;
}

enum ledger_result ledger_begin(struct ledger *ledger)
{
    enum lq_statement which = ledger->opening.read_only ? LQ_BEGIN_READ : LQ_BEGIN;

    if (ledger->depth > 0)
        return ledger_say(ledger, LEDGER_FAILED, "the ledger %s has a transaction open already",
                          ledger->path);
    enum ledger_result result = lq_run(ledger, lq_take(ledger, which), "begin to write");
    if (result != LEDGER_OK)
        return result;
    ledger->depth = 1;
    /* `restore` holds the lock while it puts another folder in the place of this one. */
    if (ledger->opening.read_only || is_in_place(ledger))
        return LEDGER_OK;
    ledger_rollback(ledger);
    return ledger_say(
        ledger, LEDGER_FAILED,
        "the ledger %s was moved or replaced meanwhile, by a restore perhaps: nothing was "
        "written; try again",
        ledger->path);
}

enum ledger_result ledger_commit(struct ledger *ledger)
{
    enum ledger_result result = LEDGER_FAILED;

    /* Some errors (disk full) have ended the transaction already; their sentence stands. */
    if (ledger->depth == 1 && sqlite3_get_autocommit(ledger->db) == 0)
        result = lq_run(ledger, lq_take(ledger, LQ_COMMIT), "commit");
    if (result == LEDGER_OK)
        ledger->depth = 0;
    else
        ledger_rollback(ledger);
    return result;
}

void ledger_rollback(struct ledger *ledger)
{
    char error[LEDGER_WHY];

    memcpy(error, ledger->error, sizeof error);
    if (ledger->depth > 0 && sqlite3_get_autocommit(ledger->db) == 0)
        lq_run(ledger, lq_take(ledger, LQ_ROLLBACK), "undo");
    ledger->depth = 0;
    memcpy(ledger->error, error, sizeof error);
}

enum ledger_result ledger_enter(struct ledger *ledger, const char *tried)
{
    if (ledger->opening.read_only)
        return ledger_say(ledger, LEDGER_FAILED,
                          "cannot %s in the ledger %s: it is open for reading", tried,
                          ledger->path);
    if (ledger->depth == 0)
        return ledger_begin(ledger);
    if (sqlite3_get_autocommit(ledger->db) != 0)
        return LEDGER_FAILED; /* an error before ended the transaction; its sentence stands */
    enum ledger_result result = lq_run(ledger, lq_take(ledger, LQ_MARK), tried);
    if (result == LEDGER_OK)
        ledger->depth++;
    return result;
}

enum ledger_result ledger_leave(struct ledger *ledger, enum ledger_result result)
{
    char error[LEDGER_WHY];

    if (ledger->depth == 1) {
        if (result == LEDGER_OK)
            return ledger_commit(ledger);
        ledger_rollback(ledger);
        return result;
    }
    ledger->depth--;
    if (result == LEDGER_OK)
        return lq_run(ledger, lq_take(ledger, LQ_MARK_KEEP), "keep a step");
    memcpy(error, ledger->error, sizeof error);
    if (sqlite3_get_autocommit(ledger->db) == 0) {
        lq_run(ledger, lq_take(ledger, LQ_MARK_UNDO), "undo a step");
        lq_run(ledger, lq_take(ledger, LQ_MARK_KEEP), "undo a step");
    }
    memcpy(ledger->error, error, sizeof error);
    return result;
}

/* --- opening --- */

/* Waits grow, and each is of another length, so that a hundred who wait do not come back together. */
static int wait_for_lock(void *context, int tries)
{
    struct ledger *ledger = context;
    int64_t now_ms = clock_mono_ms();
    uint64_t us = WAIT_LEAST_US * ((uint64_t)tries + 1);

    if (tries == 0)
        ledger->wait_from_ms = now_ms;
    else if (now_ms - ledger->wait_from_ms >= LEDGER_WAIT_MS)
        return 0;
    if (us > WAIT_MOST_US)
        us = WAIT_MOST_US;
    us = us / 2 + ((uint64_t)clock_mono_us() * 2654435761U + (uint64_t)getpid() * 40503U) % us;
    struct timespec nap = {.tv_nsec = (long)us * 1000};
    nanosleep(&nap, NULL);
    return 1;
}

/* For SQLite's URI, the path with what means something there escaped. */
static char *file_uri(const char *path, bool immutable)
{
    char *escaped = g_uri_escape_string(path, "/", FALSE);
    char *uri = g_strdup_printf("file:%s%s", escaped, immutable ? "?immutable=1" : "");

    g_free(escaped);
    return uri;
}

/*
 * Whoever closes last takes the log into the file, which then holds all by itself: people copy it.  The log stays, emptied,
 * and is written over: to remove it and to make it anew would cost two more syncs a command.
 */
static void keep_log(struct ledger *ledger)
{
    int on = 1;

    if (ledger->opening.read_only)
        return;
    sqlite3_file_control(ledger->db, "main", SQLITE_FCNTL_PERSIST_WAL, &on);
    sqlite3_wal_autocheckpoint(ledger->db, LOG_PAGES);
}

bool ledger_connect(struct ledger *ledger, bool immutable, char *why, size_t size)
{
    static const char settings[] = "PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON;"
                                   "PRAGMA foreign_keys=ON; PRAGMA synchronous=FULL;"
                                   "PRAGMA temp_store=MEMORY";
    char *uri = file_uri(ledger->path, immutable);

    int rc = sqlite3_open_v2(uri, &ledger->db,
                             (immutable ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE) |
                                 SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW |
                                 SQLITE_OPEN_EXRESCODE,
                             NULL);
    g_free(uri);
    if (rc == SQLITE_OK) {
        sqlite3_busy_handler(ledger->db, wait_for_lock, ledger);
        sqlite3_db_config(ledger->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
        keep_log(ledger);
        rc = sqlite3_exec(ledger->db, settings, NULL, NULL, NULL);
    }
    if (rc == SQLITE_OK && ledger->opening.read_only)
        rc = sqlite3_exec(ledger->db, "PRAGMA query_only=ON", NULL, NULL, NULL);
    if (rc == SQLITE_OK && !ledger->opening.read_only &&
        sqlite3_db_readonly(ledger->db, "main") != 0)
        rc = SQLITE_READONLY;
    if (rc != SQLITE_OK)
        ledger_explain(ledger->db, rc, ledger->path, "open the file", why, size);
    return rc == SQLITE_OK;
}

/* Nobody writes where nothing can be written: without anything in the log beside it, the file is all there is. */
static bool is_frozen(int folder_fd)
{
    struct statvfs fs;
    struct stat log;

    return fstatvfs(folder_fd, &fs) == 0 && (fs.f_flag & ST_RDONLY) != 0 &&
           (fstatat(folder_fd, LEDGER_FILE "-wal", &log, AT_SYMLINK_NOFOLLOW) == 0
                ? log.st_size == 0
                : errno == ENOENT);
}

struct ledger *ledger_open(int folder_fd, const char *folder, const struct ledger_opening *opening,
                           char *why, size_t size)
{
    struct ledger *ledger = g_new0(struct ledger, 1);
    struct stat file;

    ledger->opening = *opening;
    if (!ledger_check_file(folder_fd, folder, opening->read_only, why, size) ||
        (ledger->path = ledger_true_path(folder_fd, folder, LEDGER_FILE, why, size)) == NULL ||
        !ledger_connect(ledger, opening->read_only && is_frozen(folder_fd), why, size) ||
        !ledger_check_version(ledger, why, size))
        goto failed;
    if (!ledger_same_file(folder_fd, ledger->path) || lstat(ledger->path, &file) != 0) {
        snprintf(why, size,
                 "cannot open the ledger %s: it was moved or replaced meanwhile; try again",
                 ledger->path);
        goto failed;
    }
    ledger->device = file.st_dev;
    ledger->inode = file.st_ino;
    return ledger;
failed:
    ledger_close(ledger);
    return NULL;
}

/*
 * The log stays beside the file, for it costs syncs to make anew; but each opening reads through all of it, so one that
 * a large transaction has left is cut to nothing.
 */
static void limit_log(struct ledger *ledger)
{
    char *log = g_strconcat(ledger->path, "-wal", NULL);
    struct stat st;

    if (!ledger->opening.read_only && lstat(log, &st) == 0 && st.st_size > LOG_KEPT)
        sqlite3_exec(ledger->db, "PRAGMA journal_size_limit=0", NULL, NULL, NULL);
    g_free(log);
}

void ledger_close(struct ledger *ledger)
{
    if (ledger == NULL)
        return;
    if (ledger->db != NULL)
        ledger_rollback(ledger);
    for (size_t i = 0; i < LQ_COUNT; i++)
        sqlite3_finalize(ledger->statement[i]);
    if (ledger->db != NULL)
        limit_log(ledger);
    sqlite3_close(ledger->db);
    g_free(ledger->path);
    g_free(ledger);
}
