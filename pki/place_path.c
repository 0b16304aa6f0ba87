/* Paths, followed one folder at a time. */
#include "config.h"

#include "pki/place_path.h"

#include "common/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#define FOLDER_FLAGS  (O_RDONLY | O_DIRECTORY | O_CLOEXEC)
#define PASSING_FLAGS (O_PATH | O_DIRECTORY | O_CLOEXEC) /* through folders that we may not list */

static bool is_fit(const char *path)
{
    const char *at = path[0] == '/' ? path + 1 : path;

    for (;;) {
        size_t len = strcspn(at, "/");
        if (len == 0 || (len == 1 && at[0] == '.') || (len == 2 && memcmp(at, "..", 2) == 0))
            return false;
        if (at[len] == '\0')
            return true;
        at += len + 1;
    }
}

/* One folder further; with mode 0700 whatever the umask when it is new.  -1 with errno. */
static int enter(int at_fd, const char *name, bool make)
{
    int fd = openat(at_fd, name, FOLDER_FLAGS | O_NOFOLLOW);

    if (fd >= 0 || errno != ENOENT || !make)
        return fd;
    if (mkdirat(at_fd, name, 0700) != 0 && errno != EEXIST)
        return -1;
    fd = openat(at_fd, name, FOLDER_FLAGS | O_NOFOLLOW);
    if (fd >= 0 && (fchmod(fd, 0700) != 0 || fsync(at_fd) != 0)) {
        int error = errno;
        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

/* Down a relative path, all but its last name. */
static int descend(int folder_fd, const char *path, bool make)
{
    int fd = openat(folder_fd, ".", FOLDER_FLAGS);

    for (const char *at = path, *slash; fd >= 0 && (slash = strchr(at, '/')) != NULL;
         at = slash + 1) {
        char *name = g_strndup(at, (gsize)(slash - at));
        int next = enter(fd, name, make);
        int error = errno;
        close(fd);
        g_free(name);
        errno = error;
        fd = next;
    }
    return fd;
}

/* --- absolute paths --- */

#define LINKS_MAX 16 /* on one way */

/* May a symbolic link in this folder be followed: has nobody but root and ourselves made it, or could have? */
static bool is_trusted_link(int dir_fd, const char *name)
{
    struct stat dir, link;

    return fstat(dir_fd, &dir) == 0 && fstatat(dir_fd, name, &link, AT_SYMLINK_NOFOLLOW) == 0 &&
           S_ISLNK(link.st_mode) && (link.st_uid == 0 || link.st_uid == geteuid()) &&
           (dir.st_uid == 0 || dir.st_uid == geteuid()) && (dir.st_mode & 022) == 0;
}

/* What is left of the way when a link leads on: "TARGET/REST".  NULL: it cannot be read. */
static char *way_by_link(int dir_fd, const char *name, const char *rest)
{
    char target[PATH_MAX];
    ssize_t len = readlinkat(dir_fd, name, target, sizeof target - 1);

    if (len <= 0 || (size_t)len >= sizeof target - 1)
        return NULL;
    target[len] = '\0';
    return g_strconcat(target, "/", rest, NULL);
}

/* One part further along *way, which is taken off it or grows by a link.  The new folder, or -1 with errno. */
static int step(int at_fd, char **way, int *links)
{
    const char *begin = *way + strspn(*way, "/");
    size_t len = strcspn(begin, "/");
    char *name = g_strndup(begin, len), *rest = g_strdup(begin + len), *further = NULL;
    int flags = rest[strspn(rest, "/")] != '\0' ? PASSING_FLAGS : FOLDER_FLAGS, fd = -1, error;

    fd = openat(at_fd, len == 0 ? "." : name, flags | O_NOFOLLOW);
    error = errno;
    if (fd < 0 && (error == ELOOP || error == ENOTDIR) && is_trusted_link(at_fd, name) &&
        ++*links <= LINKS_MAX && (further = way_by_link(at_fd, name, rest)) != NULL) {
        /* Relative to where the link lies, or anew from the top. */
        fd = openat(at_fd, further[0] == '/' ? "/" : ".", PASSING_FLAGS);
        error = errno;
    }
    g_free(*way);
    *way = further != NULL ? further : g_strdup(rest);
    g_free(rest);
    g_free(name);
    errno = error;
    return fd;
}

int place_open_folder(const char *path, char *why, size_t size)
{
    int fd = path[0] == '/' ? open("/", FOLDER_FLAGS) : -1, links = 0;
    char *way = g_strdup(path);

    errno = fd < 0 && path[0] != '/' ? EINVAL : errno;
    while (fd >= 0 && way[strspn(way, "/")] != '\0') {
        int next = step(fd, &way, &links), error = errno;

        close(fd);
        errno = error;
        fd = next;
    }
    if (fd < 0)
        snprintf(why, size, "cannot get at the folder %s: %s", path,
                 errno == ELOOP || errno == ENOTDIR
                     ? "a part of the way is no folder, or a symbolic link that somebody else than "
                       "root or you could have set"
                     : strerror(errno));
    g_free(way);
    return fd;
}

int place_open_parent(int folder_fd, const char *path, bool make, const char **name, char *why,
                      size_t size)
{
    const char *slash = strrchr(path, '/');
    int fd;

    *name = slash != NULL ? slash + 1 : path;
    if (!is_fit(path)) {
        snprintf(why, size, "the path \"%s\" is refused: it is empty, or has \".\" or \"..\" in it",
                 path);
        return -1;
    }
    if (path[0] == '/') {
        char *folder = g_strndup(path, (gsize)(slash > path ? slash - path : 1));
        fd = place_open_folder(folder, why, size);
        g_free(folder);
        return fd;
    }
    fd = descend(folder_fd, path, make);
    if (fd < 0)
        snprintf(why, size, "cannot get at the folder of %s: %s", path,
                 errno == ELOOP || errno == ENOTDIR
                     ? "a part of the way is a symbolic link, or no folder"
                     : strerror(errno));
    return fd;
}

char *place_part_name(const char *name, const char *tag)
{
    return g_strdup_printf(".%s.%s.part", name, tag);
}

const char *place_fault(int dir_fd, const char *name, struct stat *st)
{
    if (fstatat(dir_fd, name, st, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT ? NULL : strerror(errno);
    errno = 0;
    switch (st->st_mode & S_IFMT) {
    case S_IFREG:
        return NULL;
    case S_IFLNK:
        return "it is a symbolic link; put the file itself there, or name where it leads";
    case S_IFIFO:
        return "it is a FIFO; take it away";
    case S_IFDIR:
        return "it is a folder; take it away";
    default:
        return "it is no regular file; take it away";
    }
}

const char *place_read_fd(int fd, size_t max, GByteArray *out)
{
    const char *fault = NULL;
    uint8_t piece[16384];
    struct stat st;
    ssize_t n = 0;

    g_byte_array_set_size(out, 0);
    if (fd < 0)
        return errno == ELOOP ? "it is a symbolic link" : strerror(errno);
    if (fstat(fd, &st) != 0)
        fault = strerror(errno);
    else if (!S_ISREG(st.st_mode))
        fault = "it is not a regular file";
    /* Read to its end, whatever fstat said: somebody may be writing to it. */
    while (fault == NULL && ((n = read(fd, piece, sizeof piece)) > 0 || (n < 0 && errno == EINTR)))
        if (n > 0) {
            if ((size_t)n > max - out->len)
                fault = "it is too long";
            else
                g_byte_array_append(out, piece, (guint)n);
        }
    if (fault == NULL && n < 0)
        fault = strerror(errno);
    close(fd);
    secret_wipe(piece, sizeof piece); /* it may have been a key */
    if (fault != NULL)
        g_byte_array_set_size(out, 0);
    return fault;
}
