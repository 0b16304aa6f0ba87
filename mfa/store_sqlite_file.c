#include "config.h"

#include "mfa/store_sqlite.h"

#include "mfa/new_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

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

/*
 * When the file was made, in nanoseconds; its number where the file system does not keep that: the number
 * of one that was removed is soon given to another, be it the backup in its place.
 */
static uint64_t mark_of(const char *path, ino_t inode)
{
    struct statx st;
    uint64_t made = 0;

    if (statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_BTIME, &st) == 0 &&
        (st.stx_mask & STATX_BTIME) != 0)
        made = (uint64_t)st.stx_btime.tv_sec * 1000000000 + st.stx_btime.tv_nsec;
    return made != 0 ? made : inode;
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
    s->mark = mark_of(s->path, st.st_ino);
    return check_folder(s->path, why, size);
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
        if (sq_fill(temporary, identity, settings->path, why, size) != SQLITE_OK) {
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
