/* The ledger's tables, made and recognised. */
#include "config.h"

#include "pki/ledger_inside.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAKING "." LEDGER_FILE ".part" /* until it is whole */

/*
 * Rows are never removed.  folded is name_fold of the name; host has what a client's name must not meet: folded
 * dNSNames, and the CN of a server.  Bodies are apart, so that whoever looks through rows does not read them.
 * crl_before_s is thisUpdate of the CRL before the last one.  Indices that a query names (INDEXED BY) hold all
 * that it looks at.
 */
static const char schema[] =
    "CREATE TABLE authority (id INTEGER PRIMARY KEY, purpose INTEGER NOT NULL,"
    " generation INTEGER NOT NULL, state INTEGER NOT NULL, parent INTEGER REFERENCES authority,"
    " file TEXT NOT NULL UNIQUE, key TEXT NOT NULL, key_id BLOB NOT NULL, der BLOB NOT NULL,"
    " not_before INTEGER NOT NULL, not_after INTEGER NOT NULL,"
    " crl_number INTEGER NOT NULL DEFAULT 0, crl_before_s INTEGER NOT NULL DEFAULT 0,"
    " crl_this_s INTEGER NOT NULL DEFAULT 0, crl_next_s INTEGER NOT NULL DEFAULT 0,"
    " UNIQUE (purpose, generation)) STRICT;"
    "CREATE INDEX authority_key ON authority (key_id);"
    "CREATE TABLE certificate (id INTEGER PRIMARY KEY,"
    " authority INTEGER NOT NULL REFERENCES authority, kind INTEGER NOT NULL,"
    " state INTEGER NOT NULL, serial BLOB NOT NULL, name TEXT NOT NULL, folded TEXT NOT NULL,"
    " sans TEXT NOT NULL, not_before INTEGER NOT NULL, not_after INTEGER NOT NULL,"
    " key_id BLOB NOT NULL, fingerprint BLOB, path TEXT NOT NULL, has_key INTEGER NOT NULL,"
    " replaces INTEGER REFERENCES certificate, replaced_by INTEGER REFERENCES certificate,"
    " created_s INTEGER NOT NULL, revoked_s INTEGER NOT NULL, reason INTEGER NOT NULL,"
    " adopted INTEGER NOT NULL, process TEXT NOT NULL, UNIQUE (serial, authority)) STRICT;"
    "CREATE UNIQUE INDEX certificate_fingerprint ON certificate (fingerprint)"
    " WHERE fingerprint IS NOT NULL;"
    "CREATE INDEX certificate_folded ON certificate (folded);"
    "CREATE INDEX certificate_key ON certificate (key_id);"
    "CREATE INDEX certificate_path ON certificate (path) WHERE path <> '';"
    "CREATE INDEX certificate_end ON certificate (not_after, id, state, revoked_s, replaced_by);"
    "CREATE INDEX certificate_kind ON certificate"
    " (kind, not_after, id, state, revoked_s, replaced_by);"
    "CREATE INDEX certificate_client ON certificate"
    " (not_after, id, folded, state, revoked_s, reason) WHERE kind = 1;"
    "CREATE INDEX certificate_reserved ON certificate (id) WHERE state = 0;"
    "CREATE INDEX certificate_revoked ON certificate"
    " (authority, length(serial), serial, not_after, revoked_s, reason) WHERE revoked_s > 0;"
    "CREATE INDEX certificate_revoked_end ON certificate (not_after, id) WHERE revoked_s > 0;"
    "CREATE TABLE body (certificate INTEGER PRIMARY KEY REFERENCES certificate,"
    " der BLOB NOT NULL) STRICT;"
    "CREATE TABLE host (name TEXT NOT NULL, certificate INTEGER NOT NULL REFERENCES certificate,"
    " PRIMARY KEY (name, certificate)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE word (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE event (seq INTEGER PRIMARY KEY, time_s INTEGER NOT NULL, line TEXT NOT NULL,"
    " hash BLOB NOT NULL) STRICT;";

static bool read_pragma(sqlite3 *db, const char *pragma, int64_t *value)
{
    sqlite3_stmt *statement = NULL;
    bool read = sqlite3_prepare_v2(db, pragma, -1, &statement, NULL) == SQLITE_OK &&
                sqlite3_step(statement) == SQLITE_ROW;

    *value = read ? sqlite3_column_int64(statement, 0) : 0;
    sqlite3_finalize(statement);
    return read;
}

bool ledger_check_version(struct ledger *ledger, char *why, size_t size)
{
    int64_t application, version;

    if (!read_pragma(ledger->db, "PRAGMA application_id", &application) ||
        !read_pragma(ledger->db, "PRAGMA user_version", &version)) {
        ledger_explain(ledger->db, sqlite3_extended_errcode(ledger->db), ledger->path,
                       "read the version", why, size);
        return false;
    }
    if (application == LEDGER_APPLICATION && version == LEDGER_VERSION)
        return true;
    if (application != LEDGER_APPLICATION)
        snprintf(why, size,
                 "cannot open the ledger %s: it is a SQLite file, but no ledger of pgsignet-ca",
                 ledger->path);
    else
        snprintf(why, size,
                 "cannot open the ledger %s: its version is %lld, and this program knows %d; use "
                 "the pgsignet that made it, or a newer one",
                 ledger->path, (long long)version, LEDGER_VERSION);
    return false;
}

/* journal_mode=WAL is kept in the file's header. */
static bool fill(const char *path, char *why, size_t size)
{
    sqlite3 *db = NULL;
    char ids[96];

    snprintf(ids, sizeof ids, "PRAGMA application_id=%d; PRAGMA user_version=%d",
             LEDGER_APPLICATION, LEDGER_VERSION);
    int rc = sqlite3_open_v2(
        path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(db, "PRAGMA trusted_schema=OFF; PRAGMA synchronous=FULL; BEGIN", NULL,
                          NULL, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(db, schema, NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(db, ids, NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(db, "COMMIT; PRAGMA journal_mode=WAL", NULL, NULL, NULL);
    if (rc != SQLITE_OK)
        ledger_explain(db, rc, path, "make the tables", why, size);
    sqlite3_close(db);
    return rc == SQLITE_OK;
}

/* An empty file of mode 0600 whatever the umask; what a killed program left is taken away.  An errno. */
static int make_empty(int folder_fd)
{
    if (unlinkat(folder_fd, MAKING, 0) != 0 && errno != ENOENT)
        return errno;
    unlinkat(folder_fd, MAKING "-journal", 0);
    unlinkat(folder_fd, MAKING "-wal", 0);
    unlinkat(folder_fd, MAKING "-shm", 0);
    int fd = openat(folder_fd, MAKING, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return errno;
    int error = fchmod(fd, 0600) == 0 ? 0 : errno;
    close(fd);
    return error;
}

/* A link, not a rename: it fails where a rename would replace.  An errno. */
static int give_name(int folder_fd)
{
    int fd = openat(folder_fd, MAKING, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    int error = 0;

    if (fd < 0)
        return errno;
    if (fsync(fd) != 0 || linkat(folder_fd, MAKING, folder_fd, LEDGER_FILE, 0) != 0)
        error = errno;
    close(fd);
    return error;
}

static bool make(int folder_fd, const char *folder, char *why, size_t size)
{
    struct stat st;
    char *path = ledger_true_path(folder_fd, folder, MAKING, why, size);
    bool made = false;
    int error = EEXIST;

    if (path == NULL)
        return false;
    if (fstatat(folder_fd, LEDGER_FILE, &st, AT_SYMLINK_NOFOLLOW) != 0)
        error = errno == ENOENT ? make_empty(folder_fd) : errno;
    if (error == 0) {
        if (!fill(path, why, size))
            goto out;
        error = give_name(folder_fd);
    }
    made = error == 0;
    if (!made)
        snprintf(why, size, "cannot make the ledger %s/" LEDGER_FILE ": %s", folder,
                 error == EEXIST ? "there is one already; this folder has a CA" : strerror(error));
out:
    if (error != EEXIST || made)
        unlinkat(folder_fd, MAKING, 0);
    if (made && fsync(folder_fd) != 0) {
        snprintf(why, size, "cannot sync the folder %s: %s", folder, strerror(errno));
        made = false;
    }
    g_free(path);
    return made;
}

struct ledger *ledger_create(int folder_fd, const char *folder,
                             const struct ledger_opening *opening, char *why, size_t size)
{
    bool made = false;

    /* Until the folder's descriptor is closed; who holds it already, `init`, keeps it. */
    if (flock(folder_fd, LOCK_EX | LOCK_NB) != 0)
        snprintf(why, size, "cannot make the ledger %s/" LEDGER_FILE ": %s", folder,
                 errno == EWOULDBLOCK ? "another program is making one right now"
                                      : strerror(errno));
    else
        made = make(folder_fd, folder, why, size);
    return made ? ledger_open(folder_fd, folder, opening, why, size) : NULL;
}
