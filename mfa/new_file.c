#include "config.h"

#include "mfa/new_file.h"

#include "common/write_all.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* The folder part of path, "." if it has none, "/" for the root.  False when it does not fit. */
static bool folder_of(const char *path, char out[NEW_FILE_PATH_MAX])
{
    const char *slash = strrchr(path, '/');
    size_t len = slash == NULL ? 0 : (size_t)(slash - path);

    if (len >= NEW_FILE_PATH_MAX)
        return false;
    if (len == 0) {
        strcpy(out, slash == NULL ? "." : "/");
        return true;
    }
    memcpy(out, path, len);
    out[len] = '\0';
    return true;
}

static int give(int fd, const struct owner *owner)
{
    if (owner == NULL || geteuid() != 0)
        return 0;
    return fchown(fd, owner->uid, owner->gid) == 0 ? 0 : errno;
}

static int sync_path(const char *path, int flags)
{
    int fd = open(path, flags | O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

    if (fd < 0)
        return errno;
    int error = fsync(fd) == 0 ? 0 : errno;
    close(fd);
    return error;
}

/* A new file beside path, empty, open for writing; its name is put into out. */
static int create_beside(const char *path, char out[NEW_FILE_PATH_MAX], int *fd)
{
    int n = snprintf(out, NEW_FILE_PATH_MAX, "%s.new-XXXXXX", path);
    if (n < 0 || n >= NEW_FILE_PATH_MAX)
        return ENAMETOOLONG;
    *fd = mkostemp(out, O_CLOEXEC); /* O_EXCL, 0600 whatever the umask */
    return *fd < 0 ? errno : 0;
}

int new_file_begin(const char *path, mode_t mode, const struct owner *owner,
                   char out[NEW_FILE_PATH_MAX])
{
    int fd;
    int error = create_beside(path, out, &fd);
    if (error != 0)
        return error;
    error = give(fd, owner);
    if (error == 0 && fchmod(fd, mode) != 0)
        error = errno;
    if (error != 0)
        unlink(out);
    close(fd);
    return error;
}

int new_file_sync_folder(const char *path)
{
    char folder[NEW_FILE_PATH_MAX];

    return folder_of(path, folder) ? sync_path(folder, O_DIRECTORY) : ENAMETOOLONG;
}

int new_file_finish(const char *temporary, const char *path)
{
    int error = sync_path(temporary, 0);

    if (error != 0)
        return error;
    /* A link, not a rename: it fails where a rename would replace. */
    if (link(temporary, path) != 0)
        return errno;
    unlink(temporary);
    return new_file_sync_folder(path);
}

int new_file_write(const char *path, mode_t mode, const struct owner *owner, struct bytes content)
{
    char temporary[NEW_FILE_PATH_MAX];
    int fd;

    int error = create_beside(path, temporary, &fd);
    if (error != 0)
        return error;
    /* All by the descriptor: the name may lead elsewhere by now, if others may write to the folder. */
    error = write_all(fd, content);
    if (error == 0 && fchmod(fd, mode) != 0)
        error = errno;
    if (error == 0)
        error = give(fd, owner);
    if (close(fd) != 0 && error == 0)
        error = errno;
    if (error == 0)
        error = new_file_finish(temporary, path);
    if (error != 0)
        unlink(temporary);
    return error;
}

int new_file_sweep(const char *path)
{
    static const char ending[] = ".new-";
    char folder[NEW_FILE_PATH_MAX];
    const char *slash = strrchr(path, '/'), *name = slash == NULL ? path : slash + 1;
    size_t len = strlen(name), head = len + sizeof ending - 1;
    struct dirent *entry;
    int error = 0;

    DIR *list = folder_of(path, folder) ? opendir(folder) : NULL;
    if (list == NULL)
        return errno;
    while ((entry = readdir(list)) != NULL) {
        if (strlen(entry->d_name) == head + 6 && memcmp(entry->d_name, name, len) == 0 &&
            memcmp(entry->d_name + len, ending, sizeof ending - 1) == 0 &&
            unlinkat(dirfd(list), entry->d_name, 0) != 0 && errno != ENOENT)
            error = errno;
    }
    closedir(list);
    return error;
}

static int make_folder(const char *folder, mode_t mode, const struct owner *owner,
                       struct new_folders *made)
{
    if (made->n == sizeof made->at / sizeof made->at[0])
        return ENAMETOOLONG;
    char *name = strdup(folder);
    if (name == NULL)
        return ENOMEM;
    if (mkdir(folder, 0700) != 0) {
        int error = errno;
        free(name);
        return error == EEXIST ? 0 : error;
    }
    made->at[made->n++] = name;
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return errno;
    int error = give(fd, owner);
    if (error == 0 && fchmod(fd, mode) != 0)
        error = errno;
    close(fd);
    return error;
}

static int make_above(const char *folder, struct new_folders *made)
{
    char above[NEW_FILE_PATH_MAX];
    struct stat st;

    if (!folder_of(folder, above))
        return ENAMETOOLONG;
    if (stat(above, &st) == 0)
        return S_ISDIR(st.st_mode) ? 0 : ENOTDIR;
    int error = make_above(above, made); /* ends at "/" or ".", which exist */
    return error != 0 ? error : make_folder(above, 0755, NULL, made);
}

int new_folder_for(const char *path, mode_t mode, const struct owner *owner,
                   struct new_folders *made)
{
    char folder[NEW_FILE_PATH_MAX];
    struct stat st;

    if (!folder_of(path, folder))
        return ENAMETOOLONG;
    if (stat(folder, &st) == 0)
        return S_ISDIR(st.st_mode) ? 0 : ENOTDIR;
    int error = make_above(folder, made);
    return error != 0 ? error : make_folder(folder, mode, owner, made);
}

void new_folders_undo(struct new_folders *made)
{
    while (made->n > 0) {
        char *folder = made->at[--made->n];
        rmdir(folder);
        free(folder);
    }
}

void new_folders_keep(struct new_folders *made)
{
    while (made->n > 0)
        free(made->at[--made->n]);
}
