#include "config.h"

#include "mfa/as_owner.h"

#include "mfa/owner.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static void run_child(const char *user, as_owner_work *work, void *context, int to)
{
    struct as_owner_report report = {.result = MFA_STORE};

    if (owner_become(user, report.why, sizeof report.why))
        report.result = work(context, report.why, sizeof report.why);
    ssize_t n = write(to, &report, sizeof report); /* below PIPE_BUF: whole or not at all */
    _exit(n == (ssize_t)sizeof report ? 0 : 1);
}

enum as_owner_end as_owner(const char *user, as_owner_work *work, void *context,
                           struct as_owner_report *report)
{
    int ends[2];
    ssize_t n;

    if (pipe2(ends, O_CLOEXEC) != 0)
        return AS_OWNER_NOT_STARTED;
    fflush(NULL);
    pid_t child = fork();
    if (child < 0) {
        int error = errno;
        close(ends[0]);
        close(ends[1]);
        errno = error;
        return AS_OWNER_NOT_STARTED;
    }
    if (child == 0)
        run_child(user, work, context, ends[1]);
    close(ends[1]);
    do
        n = read(ends[0], report, sizeof *report);
    while (n < 0 && errno == EINTR);
    close(ends[0]);
    while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
        ;
    return n == (ssize_t)sizeof *report ? AS_OWNER_TOLD : AS_OWNER_LOST;
}
