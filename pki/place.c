/* Files, from parts beside their places. */
#include "config.h"

#include "pki/place.h"

#include "common/crypto.h"
#include "common/secret.h"
#include "common/write_all.h"
#include "pki/place_path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define SYNC_EACH_MOST 8 /* files; more are synced all at once */

/* The folder of one place, opened, with the two names in it. */
struct spot {
    int dir_fd;
    const char *name; /* points into the path */
    char *part;       /* owned */
};

static bool spot_open(int folder_fd, const char *path, const char *tag, bool make,
                      struct spot *spot, char *why, size_t size)
{
    spot->dir_fd = place_open_parent(folder_fd, path, make, &spot->name, why, size);
    spot->part = spot->dir_fd >= 0 ? place_part_name(spot->name, tag) : NULL;
    return spot->dir_fd >= 0;
}

static void spot_close(struct spot *spot)
{
    if (spot->dir_fd >= 0)
        close(spot->dir_fd);
    g_free(spot->part);
}

static bool say(const struct place_file *file, const char *tried, const char *fault, char *why,
                size_t size)
{
    snprintf(why, size, "cannot %s %s: %s", tried, file->path, fault);
    return false;
}

static const char *error_text(int error)
{
    switch (error) {
    case ENOSPC:
    case EDQUOT:
        return "the disk is full, or the quota is used up: free some space";
    case EROFS:
        return "the file system is read-only";
    case EIO:
        return "the disk fails (see the kernel's log)";
    default:
        return strerror(error);
    }
}

/* --- preparing --- */

/* The part of an earlier try of the same tag is in the way of nobody else. */
static int create_part(const struct spot *spot)
{
    const int flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW;
    int fd = openat(spot->dir_fd, spot->part, flags, 0600);

    if (fd < 0 && errno == EEXIST && unlinkat(spot->dir_fd, spot->part, 0) == 0)
        fd = openat(spot->dir_fd, spot->part, flags, 0600);
    return fd;
}

/* An errno. */
static int write_part(const struct spot *spot, const struct place_file *file, bool sync)
{
    int fd = create_part(spot);
    int error = fd < 0 ? errno : write_all(fd, file->content);

    if (error == 0 && file->set_owner && fchown(fd, file->uid, file->gid) != 0)
        error = errno;
    if (error == 0 && fchmod(fd, file->mode) != 0)
        error = errno;
    if (error == 0 && sync && fsync(fd) != 0)
        error = errno;
    if (fd >= 0 && close(fd) != 0 && error == 0)
        error = errno;
    return error;
}

static bool prepare_one(int folder_fd, const struct place_file *file, const char *tag, bool sync,
                        char *why, size_t size)
{
    struct spot spot;
    struct stat st;
    bool done = false;

    if (!spot_open(folder_fd, file->path, tag, true, &spot, why, size))
        return false;
    const char *fault = place_fault(spot.dir_fd, spot.name, &st);
    if (fault == NULL && errno != ENOENT && !file->replace)
        fault = "there is a file already";
    if (fault != NULL)
        say(file, "write", fault, why, size);
    else {
        int error = write_part(&spot, file, sync);
        done = error == 0;
        if (!done)
            say(file, "write", error_text(error), why, size);
    }
    spot_close(&spot);
    return done;
}

/* Each file system once. */
static bool sync_all(int folder_fd, const struct place_file *files, size_t n, const char *tag,
                     char *why, size_t size)
{
    GArray *devices = g_array_new(FALSE, FALSE, sizeof(dev_t));
    bool synced = true;

    for (size_t i = 0; i < n && synced; i++) {
        struct spot spot;
        struct stat st;
        bool known = false;
        if (!spot_open(folder_fd, files[i].path, tag, false, &spot, why, size)) {
            synced = false;
            break;
        }
        int error = fstat(spot.dir_fd, &st) == 0 ? 0 : errno;
        for (guint j = 0; j < devices->len && error == 0; j++)
            known = known || g_array_index(devices, dev_t, j) == st.st_dev;
        if (error == 0 && !known) {
            g_array_append_val(devices, st.st_dev);
            error = syncfs(spot.dir_fd) == 0 ? 0 : errno;
        }
        if (error != 0)
            synced = say(&files[i], "sync", error_text(error), why, size);
        spot_close(&spot);
    }
    g_array_unref(devices);
    return synced;
}

bool place_prepare(int folder_fd, const struct place_file *files, size_t n, const char *tag,
                   char *why, size_t size)
{
    bool each = n <= SYNC_EACH_MOST, done = true;

    for (size_t i = 0; i < n && done; i++)
        done = prepare_one(folder_fd, &files[i], tag, each, why, size);
    if (done && !each)
        done = sync_all(folder_fd, files, n, tag, why, size);
    if (!done)
        place_rollback(folder_fd, files, n, tag);
    return done;
}

void place_rollback(int folder_fd, const struct place_file *files, size_t n, const char *tag)
{
    char why[PLACE_WHY];

    for (size_t i = 0; i < n; i++) {
        struct spot spot;
        if (!spot_open(folder_fd, files[i].path, tag, false, &spot, why, sizeof why))
            continue;
        unlinkat(spot.dir_fd, spot.part, 0);
        spot_close(&spot);
    }
}

/* --- committing --- */

/* Without replacing; what has no RENAME_NOREPLACE (some network file systems) has links.  An errno. */
static int rename_new(const struct spot *spot)
{
    if (renameat2(spot->dir_fd, spot->part, spot->dir_fd, spot->name, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return errno;
    if (linkat(spot->dir_fd, spot->part, spot->dir_fd, spot->name, 0) != 0)
        return errno;
    return unlinkat(spot->dir_fd, spot->part, 0) == 0 ? 0 : errno;
}

/* Is what was to come there already? */
static bool is_there(const struct spot *spot, struct bytes content)
{
    GByteArray *there = g_byte_array_new();
    int fd = openat(spot->dir_fd, spot->name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    bool same = place_read_fd(fd, content.len, there) == NULL &&
                bytes_equal(bytes_of(there->data, there->len), content);

    if (there->len > 0)
        secret_wipe(there->data, there->len);
    g_byte_array_unref(there);
    return same;
}

static const char *commit_fault(const struct spot *spot, const struct place_file *file)
{
    struct stat st;
    const char *fault = place_fault(spot->dir_fd, spot->name, &st);

    if (fault != NULL)
        return fault;
    int error =
        file->replace
            ? (renameat(spot->dir_fd, spot->part, spot->dir_fd, spot->name) == 0 ? 0 : errno)
            : rename_new(spot);
    if (error == ENOENT && is_there(spot, file->content))
        return NULL; /* this call was here before */
    if (error == EEXIST)
        return "there is a file already";
    return error != 0 ? error_text(error) : NULL;
}

/* Folders to be synced, each once. */
struct folders {
    GArray *fds;
    GArray *seen; /* struct stat */
};

static void folders_init(struct folders *folders)
{
    folders->fds = g_array_new(FALSE, FALSE, sizeof(int));
    folders->seen = g_array_new(FALSE, FALSE, sizeof(struct stat));
}

static void folders_add(struct folders *folders, int dir_fd)
{
    struct stat st;

    if (fstat(dir_fd, &st) != 0)
        return;
    for (guint i = 0; i < folders->seen->len; i++) {
        const struct stat *seen = &g_array_index(folders->seen, struct stat, i);
        if (seen->st_dev == st.st_dev && seen->st_ino == st.st_ino)
            return;
    }
    int fd = fcntl(dir_fd, F_DUPFD_CLOEXEC, 0);
    if (fd < 0)
        return;
    g_array_append_val(folders->fds, fd);
    g_array_append_val(folders->seen, st);
}

/* An errno; frees. */
static int folders_sync(struct folders *folders)
{
    int error = 0;

    for (guint i = 0; i < folders->fds->len; i++) {
        int fd = g_array_index(folders->fds, int, i);
        if (fsync(fd) != 0 && error == 0)
            error = errno;
        close(fd);
    }
    g_array_unref(folders->fds);
    g_array_unref(folders->seen);
    return error;
}

/* What commit and resume do to one place. */
typedef const char *(*step)(const struct spot *spot, const struct place_file *file);

static bool rename_all(int folder_fd, const struct place_file *files, size_t n, const char *tag,
                       step step_of_one, char *why, size_t size)
{
    struct folders folders;
    bool done = true;

    folders_init(&folders);
    for (size_t i = 0; i < n && done; i++) {
        struct spot spot;
        if (!spot_open(folder_fd, files[i].path, tag, false, &spot, why, size)) {
            done = false;
            break;
        }
        const char *fault = step_of_one(&spot, &files[i]);
        folders_add(&folders, spot.dir_fd);
        if (fault != NULL)
            done = say(&files[i], "put into place", fault, why, size);
        spot_close(&spot);
    }
    int error = folders_sync(&folders);
    if (done && error != 0)
        done = say(&files[0], "sync the folder of", error_text(error), why, size);
    return done;
}

bool place_commit(int folder_fd, const struct place_file *files, size_t n, const char *tag,
                  char *why, size_t size)
{
    return rename_all(folder_fd, files, n, tag, commit_fault, why, size);
}

/* --- what is left --- */

enum place_state place_state(int folder_fd, const struct place_file *files, size_t n,
                             const char *tag)
{
    char why[PLACE_WHY];
    size_t there = 0;

    for (size_t i = 0; i < n; i++) {
        struct spot spot;
        struct stat st;
        if (!spot_open(folder_fd, files[i].path, tag, false, &spot, why, sizeof why))
            continue;
        if (fstatat(spot.dir_fd, spot.part, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode))
            there++;
        spot_close(&spot);
    }
    if (there == 0)
        return PLACE_NOTHING;
    return there == n ? PLACE_PREPARED : PLACE_SOME;
}

static const char *resume_fault(const struct spot *spot, const struct place_file *file)
{
    struct stat st;

    (void)file;
    if (fstatat(spot->dir_fd, spot->part, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT ? NULL : strerror(errno);
    const char *fault = place_fault(spot->dir_fd, spot->name, &st);
    if (fault == NULL && renameat(spot->dir_fd, spot->part, spot->dir_fd, spot->name) != 0)
        fault = error_text(errno);
    return fault;
}

bool place_resume(int folder_fd, const struct place_file *files, size_t n, const char *tag,
                  char *why, size_t size)
{
    return rename_all(folder_fd, files, n, tag, resume_fault, why, size);
}

bool place_read(int folder_fd, const char *path, const char *tag, bool part, size_t max,
                GByteArray *out)
{
    char why[PLACE_WHY];
    struct spot spot;

    g_byte_array_set_size(out, 0);
    if (!spot_open(folder_fd, path, tag != NULL ? tag : "", false, &spot, why, sizeof why))
        return false;
    int fd = openat(spot.dir_fd, part ? spot.part : spot.name,
                    O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    spot_close(&spot);
    return place_read_fd(fd, max, out) == NULL;
}

/* --- for who needs no more --- */

bool place_write(int folder_fd, const struct place_file *files, size_t n, char *why, size_t size)
{
    uint64_t number = 0;
    char tag[17];

    if (!crypto_random(&number, sizeof number)) {
        snprintf(why, size, "cannot write files: random bytes cannot be had");
        return false;
    }
    snprintf(tag, sizeof tag, "%016llx", (unsigned long long)number);
    if (!place_prepare(folder_fd, files, n, tag, why, size))
        return false;
    bool done = place_commit(folder_fd, files, n, tag, why, size);
    if (!done)
        place_rollback(folder_fd, files, n, tag);
    return done;
}

bool place_load(int folder_fd, const char *path, bool follow, size_t max, GByteArray *out,
                char *why, size_t size)
{
    const int flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
    const char *name;
    int fd = -1;

    if (follow)
        fd = openat(folder_fd, path, flags);
    else {
        int dir_fd = place_open_parent(folder_fd, path, false, &name, why, size);
        if (dir_fd < 0) {
            g_byte_array_set_size(out, 0);
            return false;
        }
        fd = openat(dir_fd, name, flags | O_NOFOLLOW);
        int error = errno;
        close(dir_fd);
        errno = error;
    }
    const char *fault = place_read_fd(fd, max, out);
    if (fault != NULL)
        snprintf(why, size, "cannot read %s: %s", path, fault);
    return fault == NULL;
}
