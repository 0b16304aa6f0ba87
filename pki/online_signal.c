/* A reload without a connection: SIGHUP to a server of this host. */
#include "config.h"

#include "pki/online.h"

#include "common/number.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/pidfd.h>
#include <unistd.h>

#define PID_FILE_MAX 4096 /* bytes; postmaster.pid has some 100 */

/* Those that take SIGHUP for a reload; others may take it for their end. */
static const char *const servers[] = {"postgres", "postmaster", "pgbouncer"};

static ssize_t read_small(const char *path, char *out, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t n = fd >= 0 ? read(fd, out, size - 1) : -1;
    int saved = errno;

    if (fd >= 0)
        close(fd);
    errno = saved;
    out[n > 0 ? n : 0] = '\0';
    return n;
}

static bool is_server(pid_t pid)
{
    char path[64], name[64];

    snprintf(path, sizeof path, "/proc/%d/comm", (int)pid);
    if (read_small(path, name, sizeof name) <= 0)
        return false;
    name[strcspn(name, "\n")] = '\0';
    for (size_t i = 0; i < G_N_ELEMENTS(servers); i++) {
        if (strcmp(servers[i], name) == 0)
            return true;
    }
    return false;
}

bool online_signal(const char *pid_file, char *why, size_t size)
{
    char text[PID_FILE_MAX];
    int64_t pid;

    if (read_small(pid_file, text, sizeof text) < 0) {
        snprintf(why, size, "cannot reload by %s: %s; is the server running?", pid_file,
                 strerror(errno));
        return false;
    }
    if (number_parse(text, strcspn(text, "\n"), 2, INT32_MAX, &pid) != NUMBER_OK) {
        snprintf(why, size, "cannot reload by %s: its first line is no process id", pid_file);
        return false;
    }
    /* Held while it is looked at: the number cannot pass to another process in between. */
    int process = pidfd_open((pid_t)pid, 0);
    bool done = process >= 0 && is_server((pid_t)pid);
    if (!done)
        snprintf(why, size,
                 "cannot reload by %s: process %d is no PostgreSQL and no PgBouncer, so it was "
                 "left alone; is the file an old one?",
                 pid_file, (int)pid);
    else if (pidfd_send_signal(process, SIGHUP, NULL, 0) != 0) {
        snprintf(why, size,
                 "cannot reload by %s: SIGHUP to process %d: %s; be root or the server's "
                 "user",
                 pid_file, (int)pid, strerror(errno));
        done = false;
    }
    if (process >= 0)
        close(process);
    return done;
}
