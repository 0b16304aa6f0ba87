#include "config.h"

#include "pki/archive_folder.h"

#include "common/log.h"
#include "common/write_all.h"
#include "pki/ledger.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEPTH 8 /* folders within folders; ours have two */

/* The ledger goes as a copy of its own, and a part is a file only half there. */
static bool is_left_out(const char *path, const char *name)
{
    return strcmp(path, LEDGER_FILE) == 0 || strcmp(path, LEDGER_FILE "-wal") == 0 ||
           strcmp(path, LEDGER_FILE "-shm") == 0 || strcmp(path, LEDGER_FILE "-journal") == 0 ||
           (name[0] == '.' && g_str_has_suffix(name, ".part"));
}

static bool read_all(int fd, size_t len, struct secret *out)
{
    size_t at = 0;

    if (!secret_alloc(out, len)) {
        errno = ENOMEM;
        return false;
    }
    while (at < len) {
        ssize_t n = read(fd, out->ptr + at, len - at);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            errno = n == 0 ? EAGAIN : errno; /* it became shorter under our hands */
            secret_free(out);
            return false;
        }
        at += (size_t)n;
    }
    return true;
}

static bool read_file(int folder_fd, const char *name, const char *path, struct archive *archive,
                      char *why, size_t size)
{
    int fd = openat(folder_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    struct secret content = {0};
    struct stat st;
    bool ok = false;

    if (fd < 0 || fstat(fd, &st) != 0 || st.st_size > ARCHIVE_MAX ||
        !read_all(fd, (size_t)st.st_size, &content))
        snprintf(why, size, "cannot read %s: %s", path,
                 st.st_size > ARCHIVE_MAX ? "it is larger than an archive" : strerror(errno));
    else if (!archive_add(archive, path, st.st_mode, &content))
        snprintf(why, size, "cannot take in %s: its name is none of UTF-8, or there are too many",
                 path);
    else
        ok = true;
    if (fd >= 0)
        close(fd);
    return ok;
}

static bool read_folder(int folder_fd, const char *prefix, int depth, struct archive *archive,
                        char *why, size_t size);

static bool read_entry(int folder_fd, const char *name, const char *path, int depth,
                       struct archive *archive, char *why, size_t size)
{
    struct stat st;

    if (fstatat(folder_fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
        snprintf(why, size, "cannot look at %s: %s", path, strerror(errno));
        return false;
    }
    if (S_ISREG(st.st_mode))
        return read_file(folder_fd, name, path, archive, why, size);
    if (!S_ISDIR(st.st_mode)) {
        log_warning("%s is neither a file nor a folder, and is left out", path);
        return true;
    }
    if (depth == DEPTH) {
        snprintf(why, size, "%s is %d folders deep; a CA's folder has no such", path, DEPTH);
        return false;
    }
    int fd = openat(folder_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    if (fd < 0) {
        snprintf(why, size, "cannot open %s: %s", path, strerror(errno));
        return false;
    }
    return read_folder(fd, path, depth + 1, archive, why, size);
}

/* Takes folder_fd over. */
static bool read_folder(int folder_fd, const char *prefix, int depth, struct archive *archive,
                        char *why, size_t size)
{
    DIR *dir = fdopendir(folder_fd);
    const struct dirent *entry;
    bool ok = dir != NULL;

    if (!ok) {
        snprintf(why, size, "cannot read the folder %s: %s", prefix, strerror(errno));
        close(folder_fd);
        return false;
    }
    while (ok && (errno = 0, entry = readdir(dir)) != NULL) {
        char *path;

        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        path = prefix[0] != '\0' ? g_strdup_printf("%s/%s", prefix, entry->d_name)
                                 : g_strdup(entry->d_name);
        ok = is_left_out(path, entry->d_name) ||
             read_entry(folder_fd, entry->d_name, path, depth, archive, why, size);
        g_free(path);
    }
    if (ok && errno != 0) {
        snprintf(why, size, "cannot read the folder %s: %s", prefix, strerror(errno));
        ok = false;
    }
    closedir(dir);
    return ok;
}

bool archive_read_folder(int folder_fd, struct archive *archive, char *why, size_t size)
{
    int fd = openat(folder_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0) {
        snprintf(why, size, "cannot open the CA's folder: %s", strerror(errno));
        return false;
    }
    return read_folder(fd, "", 0, archive, why, size);
}

/* --- out of it --- */

static bool make_folders(int folder_fd, const char *path)
{
    for (const char *slash = strchr(path, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        char *folder = g_strndup(path, (gsize)(slash - path));
        bool ok = mkdirat(folder_fd, folder, 0700) == 0 || errno == EEXIST;

        g_free(folder);
        if (!ok)
            return false;
    }
    return true;
}

static bool write_file(int folder_fd, const struct archive_file *file, char *why, size_t size)
{
    int fd = -1;
    bool ok = make_folders(folder_fd, file->path) &&
              (fd = openat(folder_fd, file->path,
                           O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600)) >= 0 &&
              write_all(fd, secret_bytes(&file->content)) == 0 && fchmod(fd, file->mode) == 0;

    if (!ok)
        snprintf(why, size, "cannot write %s: %s", file->path, strerror(errno));
    if (fd >= 0 && close(fd) != 0 && ok) {
        snprintf(why, size, "cannot write %s: %s", file->path, strerror(errno));
        ok = false;
    }
    return ok;
}

bool archive_write_folder(const struct archive *archive, int folder_fd, char *why, size_t size)
{
    for (guint i = 0; i < archive->files->len; i++)
        if (!write_file(folder_fd, &g_array_index(archive->files, struct archive_file, i), why,
                        size))
            return false;
    if (syncfs(folder_fd) != 0) {
        snprintf(why, size, "cannot bring the files to disk: %s", strerror(errno));
        return false;
    }
    return true;
}

/* Takes folder_fd over. */
static void empty_folder(int folder_fd, int depth)
{
    DIR *dir = fdopendir(folder_fd);
    const struct dirent *entry;

    if (dir == NULL) {
        close(folder_fd);
        return;
    }
    while ((entry = readdir(dir)) != NULL) {
        int fd;

        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
            unlinkat(folder_fd, entry->d_name, 0) == 0)
            continue;
        fd = depth < DEPTH
                 ? openat(folder_fd, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
                 : -1;
        if (fd >= 0)
            empty_folder(fd, depth + 1);
        unlinkat(folder_fd, entry->d_name, AT_REMOVEDIR);
    }
    closedir(dir);
}

void archive_remove_folder(int parent_fd, const char *name)
{
    int fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    if (fd >= 0)
        empty_folder(fd, 0);
    unlinkat(parent_fd, name, AT_REMOVEDIR);
}
