/* One request, one child, one answer. */
#include "config.h"

#include "pki/online.h"
#include "pki/online_text.h"

#include "common/clock.h"
#include "common/secret.h"
#include "common/text.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROGRAM "pgsignet-ca-online"

extern char **environ;

/* A child and what is still to be exchanged with it. */
struct talk {
    pid_t pid;
    int to;   /* a socket: a child that died early must not be a SIGPIPE for us; -1 = all is sent */
    int from; /* -1 = its answer has ended */
    const char *request; /* not owned */
    size_t len, sent;
    GByteArray *answer; /* owned */
    size_t answer_max;
};

/* In the child, between fork and exec: async-signal-safe calls alone. */
static void become(const char *program, int in, int out, pid_t parent)
{
    const struct rlimit none = {0, 0};
    char *argv[] = {(char *)(uintptr_t)program, NULL};

    if (dup2(in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 ||
        setrlimit(RLIMIT_CORE, &none) != 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 ||
        getppid() != parent)
        _exit(126);
    /* The ledger, keys and passphrases that came by descriptor are none of its business. */
    if (close_range(STDERR_FILENO + 1, ~0U, 0) != 0) {
        long most = sysconf(_SC_OPEN_MAX);
        for (int fd = STDERR_FILENO + 1; fd < most; fd++)
            close(fd);
    }
    execve(program, argv, environ);
    _exit(127);
}

static bool start(struct talk *talk, const char *program)
{
    int in[2] = {-1, -1}, out[2] = {-1, -1};
    pid_t parent = getpid();

    /* Where one of the three is closed, a new descriptor would take its number. */
    errno = EBADF;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, in) == 0 && pipe2(out, O_CLOEXEC) == 0 &&
        in[1] > STDERR_FILENO && out[1] > STDERR_FILENO)
        talk->pid = fork();
    if (talk->pid == 0)
        become(program, in[1], out[1], parent);
    if (in[1] >= 0)
        close(in[1]);
    if (out[1] >= 0)
        close(out[1]);
    talk->to = in[0];
    talk->from = out[0];
    return talk->pid > 0;
}

static void shut(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* Half of the socket: its other half tells when the child has ended. */
static void send_some(struct talk *talk)
{
    ssize_t n = send(talk->to, talk->request + talk->sent, talk->len - talk->sent,
                     MSG_NOSIGNAL | MSG_DONTWAIT);

    if (n > 0)
        talk->sent += (size_t)n;
    else if (n < 0 && errno != EAGAIN && errno != EINTR)
        talk->sent = talk->len; /* it does not listen; what it answers, if anything, will say why */
    if (talk->sent == talk->len)
        shutdown(talk->to, SHUT_WR);
}

/* False when the answer is longer than it may be. */
static bool read_some(struct talk *talk)
{
    uint8_t piece[65536];
    ssize_t n = read(talk->from, piece, sizeof piece);

    if (n < 0 && errno == EINTR)
        return true;
    if (n <= 0) {
        shut(&talk->from);
        return true;
    }
    if ((size_t)n > talk->answer_max - talk->answer->len)
        return false;
    g_byte_array_append(talk->answer, piece, (guint)n);
    return true;
}

/* NULL, or what went wrong. */
static const char *exchange(struct talk *talk, int64_t deadline_ms)
{
    while (talk->from >= 0) {
        struct pollfd fds[] = {
            {.fd = talk->sent < talk->len ? talk->to : -1, .events = POLLOUT},
            {.fd = talk->from, .events = POLLIN},
        };
        int64_t left_ms = deadline_ms - clock_mono_ms();
        int ready = left_ms > 0 ? poll(fds, 2, (int)left_ms) : 0;

        if (ready < 0 && errno != EINTR)
            return strerror(errno);
        if (ready == 0)
            return "it did not end in time";
        if (ready > 0 && fds[0].revents != 0)
            send_some(talk);
        if (ready > 0 && fds[1].revents != 0 && !read_some(talk))
            return "its answer is longer than any can be";
    }
    return NULL;
}

/* Waits for the end of one whose answer has ended.  NULL, or what went wrong. */
static const char *end(struct talk *talk, int64_t deadline_ms)
{
    struct pollfd gone = {.fd = talk->to, .events = POLLIN};
    int status = 0, ready = 0;

    do {
        int64_t left_ms = deadline_ms - clock_mono_ms();
        ready = left_ms > 0 ? poll(&gone, 1, (int)left_ms) : 0;
    } while (ready < 0 && errno == EINTR);
    kill(talk->pid, SIGKILL); /* no harm to one that is ending */
    while (waitpid(talk->pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
        return "it could not be started";
    if (WIFSIGNALED(status))
        return ready > 0 ? "it was ended by a signal" : "it did not end in time";
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? NULL : "it failed";
}

/* The answer, or NULL after why. */
static json_t *judge(const GByteArray *text, const char *what, char *why, size_t size)
{
    json_t *answer = json_loadb((const char *)text->data, text->len, JSON_REJECT_DUPLICATES, NULL);
    const json_t *error = json_object_get(answer, "error");

    if (json_is_true(json_object_get(answer, "ok")))
        return answer;
    if (json_is_string(error))
        text_clean(why, size, bytes_str(json_string_value(error)));
    else
        snprintf(why, size,
                 "cannot ask for %s: " PROGRAM " gave an answer of another form; is it of "
                 "this version?",
                 what);
    json_decref(answer);
    return NULL;
}

json_t *online_run(const char *program, json_t *request, int timeout_s, size_t answer_max,
                   char *why, size_t size)
{
    struct talk talk = {.pid = -1, .to = -1, .from = -1, .answer_max = answer_max};
    int64_t deadline_ms = clock_mono_ms() + (int64_t)timeout_s * 1000;
    const char *what = json_string_value(json_object_get(request, "ask"));
    const char *fault = NULL;
    json_t *answer = NULL;
    char *text = NULL;

    if (json_object_set_new(request, "timeout", json_integer(timeout_s)) == 0)
        text = json_dumps(request, JSON_COMPACT);
    if (text == NULL) {
        snprintf(why, size, "memory is short");
        goto out;
    }
    talk.request = text;
    talk.len = strlen(text);
    talk.answer = g_byte_array_new();
    if (!start(&talk, program)) {
        snprintf(why, size, "cannot start %s: %s", program, strerror(errno));
        goto out;
    }
    fault = exchange(&talk, deadline_ms);
    if (fault != NULL)
        kill(talk.pid, SIGKILL);
    const char *ending = end(&talk, deadline_ms);
    if (fault == NULL)
        fault = ending;
    if (fault == NULL)
        answer = judge(talk.answer, what, why, size);
    else
        snprintf(why, size, "cannot ask for %s: %s (%s, %d s)", what, fault, program, timeout_s);
out:
    shut(&talk.to);
    shut(&talk.from);
    if (talk.answer != NULL)
        g_byte_array_unref(talk.answer);
    if (text != NULL)
        secret_wipe(text, strlen(text));
    free(text);
    online_text_wipe(request);
    json_decref(request);
    return answer;
}

/* Beside this executable, as in a build tree; else where it is installed.  Never by PATH. */
static void find_program(char *out, size_t size)
{
    char self[4096];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    char *slash;

    if (n > 0) {
        self[n] = '\0';
        slash = strrchr(self, '/');
        if (slash != NULL) {
            *slash = '\0';
            if (snprintf(out, size, "%s/" PROGRAM, self) < (int)size && access(out, X_OK) == 0)
                return;
        }
    }
    snprintf(out, size, "%s", PKGLIBEXECDIR "/" PROGRAM);
}

json_t *online_ask(json_t *request, int timeout_s, char *why, size_t size)
{
    char program[4096];

    find_program(program, sizeof program);
    return online_run(program, request, timeout_s, ONLINE_ANSWER_MAX, why, size);
}
