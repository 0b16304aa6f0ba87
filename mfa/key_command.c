#include "config.h"

#include "mfa/key_command.h"

#include "common/clock.h"
#include "common/secret.h"
#include "common/text.h"
#include "mfa/key_raw.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define COMPLAINT   160 /* bytes of standard error that are kept */
#define REAP_MS     5   /* between two looks at a command that has closed its output */
#define FDS_AT_MOST 4096

/* The pipes from the command, in the order of its descriptors; [0] tells why execve failed. */
enum { FROM_EXEC, FROM_OUT, FROM_ERR, PIPES };

struct command {
    pid_t pid; /* of the command, its session and its process group */
    int from[PIPES];
    uint8_t out[KEY_RAW_TEXT + 1]; /* one byte more than any key has */
    size_t out_len;
    uint8_t complaint[COMPLAINT];
    size_t complaint_len;
    int exec_error; /* errno, 0 = it was started */
    int status;     /* of waitpid */
};

static void close_above(int lowest)
{
    struct rlimit limit;
    int end = FDS_AT_MOST;

#ifdef CLOSE_RANGE_CLOEXEC
    if (close_range((unsigned)lowest, ~0U, CLOSE_RANGE_CLOEXEC) == 0)
        return;
#endif
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < FDS_AT_MOST)
        end = (int)limit.rlim_cur;
    for (int fd = lowest; fd < end; fd++)
        fcntl(fd, F_SETFD, FD_CLOEXEC);
}

/* In the child.  Never returns; async-signal-safe calls only. */
static void run(const struct settings_keys *settings, char **environment, int to[PIPES])
{
    struct sigaction standard = {.sa_handler = SIG_DFL};
    sigset_t none;

    setsid();
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    for (int signo = 1; signo < NSIG; signo++)
        sigaction(signo, &standard, NULL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    umask(077);
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (null >= 0 && chdir("/") == 0 && dup2(null, STDIN_FILENO) >= 0 &&
        dup2(to[FROM_OUT], STDOUT_FILENO) >= 0 && dup2(to[FROM_ERR], STDERR_FILENO) >= 0) {
        close_above(STDERR_FILENO + 1);
        execve(settings->command.at[0], settings->command.at, environment);
    }
    int error = errno;
    ssize_t n = write(to[FROM_EXEC], &error, sizeof error);
    _exit(n == (ssize_t)sizeof error ? 127 : 126);
}

/* PATH and what the settings add; a PATH of theirs takes the place of ours.  The array is the caller's. */
static char **make_environment(const struct settings_keys *settings)
{
    static char path[] = "PATH=/usr/bin:/bin";
    char **environment = calloc(settings->environment.n + 2, sizeof *environment);
    size_t n = 0;
    bool own_path = false;

    if (environment == NULL)
        return NULL;
    for (size_t i = 0; i < settings->environment.n; i++) {
        environment[n++] = settings->environment.at[i];
        own_path |= strncmp(settings->environment.at[i], "PATH=", 5) == 0;
    }
    if (!own_path)
        environment[n] = path;
    return environment;
}

static void close_all(int fds[PIPES])
{
    for (size_t i = 0; i < PIPES; i++) {
        if (fds[i] >= 0)
            close(fds[i]);
        fds[i] = -1;
    }
}

/* Returns 0 or an errno. */
static int start(const struct settings_keys *settings, struct command *command)
{
    int to[PIPES] = {-1, -1, -1};
    char **environment = make_environment(settings);
    int error = environment == NULL ? ENOMEM : 0;

    for (size_t i = 0; error == 0 && i < PIPES; i++) {
        int ends[2];
        if (pipe2(ends, O_CLOEXEC) != 0) {
            error = errno;
        } else {
            command->from[i] = ends[0];
            to[i] = ends[1];
            /* A descriptor of ours among 0..2 would be overwritten in the child. */
            if (ends[1] <= STDERR_FILENO && (to[i] = fcntl(ends[1], F_DUPFD_CLOEXEC, 3)) < 0)
                error = errno;
            if (to[i] != ends[1])
                close(ends[1]);
        }
    }
    if (error == 0) {
        command->pid = fork();
        if (command->pid < 0)
            error = errno;
        else if (command->pid == 0)
            run(settings, environment, to);
    }
    close_all(to);
    free(environment);
    return error;
}

/* Takes in what one pipe has.  False at its end. */
static bool take(struct command *command, int which)
{
    uint8_t scrap[256];
    uint8_t *at = scrap;
    size_t room = sizeof scrap;

    if (which == FROM_EXEC)
        return read(command->from[which], &command->exec_error, sizeof command->exec_error) < 0 &&
               errno == EINTR;
    if (which == FROM_OUT) {
        at = command->out + command->out_len;
        room = sizeof command->out - command->out_len;
    } else if (command->complaint_len < COMPLAINT) {
        at = command->complaint + command->complaint_len;
        room = COMPLAINT - command->complaint_len;
    }
    ssize_t n = read(command->from[which], at, room);
    if (n < 0)
        return errno == EINTR || errno == EAGAIN;
    if (which == FROM_OUT)
        command->out_len += (size_t)n;
    else if (at != scrap)
        command->complaint_len += (size_t)n;
    return n > 0;
}

/* Reads until both ends are closed.  False when that takes too long, or too much comes. */
static bool listen_to(struct command *command, int64_t deadline_ms)
{
    for (;;) {
        struct pollfd wait[PIPES];
        bool any = false;

        for (int i = 0; i < PIPES; i++) {
            wait[i] = (struct pollfd){.fd = command->from[i], .events = POLLIN};
            any |= command->from[i] >= 0;
        }
        if (!any)
            return true;
        int64_t left = deadline_ms - clock_mono_ms();
        if (left <= 0 || command->out_len == sizeof command->out)
            return false;
        if (poll(wait, PIPES, (int)left) < 0 && errno != EINTR)
            return false;
        for (int i = 0; i < PIPES; i++) {
            if (command->from[i] < 0 || wait[i].revents == 0 || take(command, i))
                continue;
            close(command->from[i]);
            command->from[i] = -1;
        }
    }
}

/* Ends the whole group, whatever is left of it, and reaps.  False if the command had not ended. */
static bool finish(struct command *command, bool wait, int64_t deadline_ms)
{
    siginfo_t ended = {0};

    for (;;) {
        /* Not reaped yet: the group's number cannot be somebody else's. */
        if (waitid(P_PID, (id_t)command->pid, &ended, WEXITED | WNOHANG | WNOWAIT) != 0 ||
            ended.si_pid != 0 || !wait || clock_mono_ms() >= deadline_ms)
            break;
        poll(NULL, 0, REAP_MS);
    }
    bool done = ended.si_pid != 0;
    kill(-command->pid, SIGKILL);
    if (!done)
        kill(command->pid, SIGKILL); /* it may not have a group yet */
    while (waitpid(command->pid, &command->status, 0) < 0 && errno == EINTR)
        ;
    return done;
}

/* "; it complains: TEXT", of the first line of standard error; "" if there is none. */
static void quote_complaint(const struct command *command, char *out, size_t size)
{
    struct bytes line = bytes_of(command->complaint, command->complaint_len);
    const uint8_t *end = line.len > 0 ? memchr(line.ptr, '\n', line.len) : NULL;

    if (end != NULL)
        line.len = (size_t)(end - line.ptr);
    out[0] = '\0';
    if (line.len == 0)
        return;
    int n = snprintf(out, size, "; it complains: ");
    if (n > 0 && (size_t)n < size)
        text_escape(out + n, size - (size_t)n, line);
}

static void say(const struct settings_keys *settings, const struct command *command,
                const char *what, char *why, size_t size)
{
    char complaint[4 * COMPLAINT + 32];

    quote_complaint(command, complaint, sizeof complaint);
    snprintf(why, size, "cannot get the key from the command %s (keys.command): it %s%s",
             settings->command.at[0], what, complaint);
}

/* What went wrong, as a phrase; "" if nothing. */
static void judge(const struct settings_keys *settings, const struct command *command, bool ended,
                  char *what, size_t size)
{
    what[0] = '\0';
    if (command->exec_error != 0)
        snprintf(what, size, "cannot be started: %s", strerror(command->exec_error));
    else if (command->out_len == sizeof command->out)
        snprintf(what, size, "prints more than a key");
    else if (!ended)
        snprintf(what, size, "was not done after %d s (keys.timeout) and was ended",
                 (int)settings->timeout);
    else if (WIFSIGNALED(command->status))
        snprintf(what, size, "was ended by signal %d", WTERMSIG(command->status));
    else if (WEXITSTATUS(command->status) != 0)
        snprintf(what, size, "ended with exit code %d", WEXITSTATUS(command->status));
}

bool key_command_open(const struct settings_keys *settings, struct kek *kek, char *why, size_t size)
{
    struct command command = {.from = {-1, -1, -1}};
    int64_t deadline_ms = clock_mono_ms() + settings->timeout * 1000;
    char what[160];
    bool ok = false;

    int error = start(settings, &command);
    if (error != 0) {
        snprintf(what, sizeof what, "cannot be started: %s", strerror(error));
    } else {
        bool heard = listen_to(&command, deadline_ms);
        bool ended = finish(&command, heard, deadline_ms);
        judge(settings, &command, ended && heard, what, sizeof what);
    }
    if (what[0] == '\0') {
        const char *fault = key_raw_open(kek, bytes_of(command.out, command.out_len));
        ok = fault == NULL;
        if (!ok)
            snprintf(what, sizeof what, "prints what %s", fault);
    }
    if (!ok)
        say(settings, &command, what, why, size);
    close_all(command.from);
    secret_wipe(&command, sizeof command);
    return ok;
}
