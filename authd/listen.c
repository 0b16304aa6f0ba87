#include "config.h"

#include "authd/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#ifdef HAVE_LIBSYSTEMD
#include <systemd/sd-daemon.h>
#endif

/* Enough for a reconnection storm; a full backlog is answered UNAVAILABLE by the module. */
#define LISTEN_BACKLOG 1024

static int adopt_from_systemd(char *why, size_t size)
{
#ifdef HAVE_LIBSYSTEMD
    int n = sd_listen_fds(1);

    if (n <= 0)
        return -1;
    if (n > 1 || sd_is_socket(SD_LISTEN_FDS_START, AF_UNIX, SOCK_SEQPACKET, 1) <= 0) {
        snprintf(why, size,
                 "systemd handed over %d socket(s), of which the first must be the only one and "
                 "ListenSequentialPacket=; see pgsignetd.socket",
                 n);
        return -1;
    }
    int flags = fcntl(SD_LISTEN_FDS_START, F_GETFL);
    if (flags < 0 || fcntl(SD_LISTEN_FDS_START, F_SETFL, flags | O_NONBLOCK) != 0) {
        snprintf(why, size, "cannot make systemd's socket non-blocking: %s", strerror(errno));
        return -1;
    }
    return SD_LISTEN_FDS_START;
#else
    (void)why;
    (void)size;
    return -1;
#endif
}

static bool make_directory(const char *path, uid_t uid, gid_t gid, char *why, size_t size)
{
    char *copy = strdup(path);
    if (copy == NULL) {
        snprintf(why, size, "memory is short");
        return false;
    }
    const char *dir = dirname(copy);
    bool made = mkdir(dir, 0755) == 0;
    bool ok = made || errno == EEXIST;
    if (made) {
        /* By descriptor: in a folder that others may write, the name may lead elsewhere by now. */
        int fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        /* fchmod as well: the umask may have taken bits that PostgreSQL's user needs. */
        ok = fd >= 0 && fchmod(fd, 0755) == 0 && (geteuid() != 0 || fchown(fd, uid, gid) == 0);
        if (fd >= 0)
            close(fd);
    }
    if (!ok)
        snprintf(why, size, "cannot make directory %s for the socket: %s", dir, strerror(errno));
    free(copy);
    return ok;
}

/* Of this process; -1 = none. */
static int lock_fd = -1;

static bool take_lock(const char *path, char *why, size_t size)
{
    char lock[sizeof((struct sockaddr_un *)0)->sun_path + 8];

    snprintf(lock, sizeof lock, "%s.lock", path);
    int fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        snprintf(why, size, "cannot open lock file %s: %s", lock, strerror(errno));
        return false;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno == EWOULDBLOCK)
            snprintf(why, size, "another pgsignetd holds %s; stop it first", lock);
        else
            snprintf(why, size, "cannot lock %s: %s", lock, strerror(errno));
        close(fd);
        return false;
    }
    lock_fd = fd; /* it stays open, and with it the lock */
    return true;
}

void listen_leave_lock(void)
{
    if (lock_fd >= 0)
        close(lock_fd);
    lock_fd = -1;
}

static int bind_path(const char *path, char *why, size_t size)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const char *step = "make a socket for";
    int fd = -1;

    if (strlen(path) >= sizeof address.sun_path) {
        snprintf(why, size, "socket path %s is longer than %zu bytes", path,
                 sizeof address.sun_path - 1);
        return -1;
    }
    memcpy(address.sun_path, path, strlen(path) + 1);

    /* The lock is ours, so whatever lies here was left behind. */
    step = "remove the old socket";
    if (unlink(path) != 0 && errno != ENOENT)
        goto fail;
    step = "make a socket for";
    fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        goto fail;
    /* Everybody may connect.  Not by chmod afterwards: that would follow a link which the owner of the
     * folder, who is not root, could put in the socket's place. */
    step = "bind";
    mode_t before = umask(0111);
    int bound = bind(fd, (const struct sockaddr *)&address, sizeof address);
    int error = errno;
    umask(before);
    errno = error;
    if (bound != 0)
        goto fail;
    step = "listen on";
    if (listen(fd, LISTEN_BACKLOG) != 0)
        goto fail;
    return fd;

fail:
    snprintf(why, size, "cannot %s %s: %s", step, path, strerror(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

int listen_open(const char *path, uid_t uid, gid_t gid, char *why, size_t size)
{
    why[0] = '\0';
    int fd = adopt_from_systemd(why, size);
    if (fd >= 0 || why[0] != '\0')
        return fd;
    if (!make_directory(path, uid, gid, why, size) || !take_lock(path, why, size))
        return -1;
    return bind_path(path, why, size);
}
