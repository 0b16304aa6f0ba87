#include "config.h"

#include "pki/passphrase.h"

#include "common/clock.h"
#include "common/log.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <termios.h>
#include <unistd.h>

#define TRIES 3

/* What would leave a terminal without echo behind. */
static const int deadly[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP};
#define DEADLY (sizeof deadly / sizeof deadly[0])

static volatile sig_atomic_t caught;

static void note_signal(int number)
{
    caught = number;
}

bool passphrase_can_ask(void)
{
    return isatty(STDIN_FILENO) == 1 && isatty(STDERR_FILENO) == 1;
}

enum line { LINE_OK, LINE_END, LINE_LONG, LINE_LATE, LINE_SIGNAL, LINE_FAILED };

/* One line; waits in ppoll alone, which lets the signals in that `open` does not hold back. */
static enum line read_line(int fd, const sigset_t *open, struct secret *out)
{
    char line[PASSPHRASE_MAX + 2];
    const int64_t deadline_ms = clock_mono_ms() + PASSPHRASE_WAIT_S * 1000;
    enum line result = LINE_OK;
    size_t len = 0;

    for (;;) {
        struct pollfd wanted = {.fd = fd, .events = POLLIN};
        int64_t left = deadline_ms - clock_mono_ms();
        struct timespec wait = {.tv_sec = left > 0 ? left / 1000 : 0,
                                .tv_nsec = left > 0 ? left % 1000 * 1000000 : 0};
        int ready = ppoll(&wanted, 1, &wait, open);
        ssize_t n = ready > 0 ? read(fd, line + len, 1) : -1;

        if (ready < 0 && errno == EINTR && caught != 0) {
            result = LINE_SIGNAL;
            break;
        }
        if (n < 0 && ready != 0 && errno == EINTR)
            continue;
        if (n < 0) {
            result = ready == 0 ? LINE_LATE : LINE_FAILED;
            break;
        }
        if (n == 0 || line[len] == '\n') {
            result = n == 0 && len == 0 ? LINE_END : LINE_OK;
            break;
        }
        if (line[len] == '\0' || ++len > PASSPHRASE_MAX) {
            result = LINE_LONG;
            break;
        }
    }
    if (result == LINE_OK && len > 0 && line[len - 1] == '\r')
        len--;
    if (result == LINE_OK && !secret_copy(out, bytes_of(line, len)))
        result = LINE_FAILED;
    secret_wipe(line, sizeof line);
    return result;
}

static bool is_fit(enum line line, const char *from, struct secret *out)
{
    static const char *const faults[] = {
        [LINE_END] = "it is empty",
        [LINE_LONG] = "it has a line that is too long to be one, or a NUL",
        [LINE_LATE] = "nothing came for ten minutes",
        [LINE_FAILED] = "it cannot be read",
    };

    if (line == LINE_OK && out->len > 0)
        return true;
    secret_free(out);
    if (line != LINE_SIGNAL)
        log_error("no passphrase from %s: %s", from,
                  line == LINE_OK ? "its first line is empty" : faults[line]);
    return false;
}

/* One line without echo.  A signal is taken again once the terminal is as it was; true for one more try after a stop. */
static enum line ask_once(const char *prompt, struct secret *out)
{
    struct sigaction before[DEADLY], noting = {.sa_handler = note_signal};
    struct termios echoing, silent;
    sigset_t blocked, open;
    enum line result = LINE_FAILED;

    if (tcgetattr(STDIN_FILENO, &echoing) != 0)
        return LINE_FAILED;
    silent = echoing;
    silent.c_lflag &= ~(tcflag_t)(ECHO | ECHOE | ECHOK | ECHONL);
    sigemptyset(&blocked);
    for (size_t i = 0; i < DEADLY; i++)
        sigaddset(&blocked, deadly[i]);
    do {
        caught = 0;
        sigprocmask(SIG_BLOCK, &blocked, &open);
        for (size_t i = 0; i < DEADLY; i++)
            sigaction(deadly[i], &noting, &before[i]);
        if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent) == 0) {
            fputs(prompt, stderr);
            fflush(stderr);
            result = read_line(STDIN_FILENO, &open, out);
            (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &echoing);
            fputc('\n', stderr);
        }
        for (size_t i = 0; i < DEADLY; i++)
            sigaction(deadly[i], &before[i], NULL);
        int signal_number = caught;
        if (signal_number != 0)
            raise(signal_number);
        sigprocmask(SIG_SETMASK, &open,
                    NULL); /* it ends or stops the program here, unless ignored */
    } while (result == LINE_SIGNAL && caught == SIGTSTP);
    return result;
}

bool passphrase_ask(const char *prompt, bool twice, struct secret *out)
{
    struct secret again = {0};

    *out = (struct secret){0};
    if (!passphrase_can_ask()) {
        log_error("a passphrase is needed, and there is no terminal to ask at: give it in a file "
                  "or by a file descriptor (see --help)");
        return false;
    }
    for (int try = 0; try < TRIES; try++) {
        if (!is_fit(ask_once(prompt, out), "the terminal", out))
            return false;
        if (!twice)
            return true;
        bool read = is_fit(ask_once("Once more: ", &again), "the terminal", &again);
        bool same = read && bytes_equal(secret_bytes(out), secret_bytes(&again));
        secret_free(&again);
        if (same)
            return true;
        secret_free(out);
        if (!read)
            return false;
        fputs("They differ.\n", stderr);
    }
    log_error("no passphrase: both lines differed %d times", TRIES);
    return false;
}

bool passphrase_agreed(const char *question)
{
    struct secret answer = {0};

    caught = 0;
    fputs(question, stderr);
    fflush(stderr);
    bool yes = read_line(STDIN_FILENO, NULL, &answer) == LINE_OK && answer.len > 0 &&
               (strcasecmp((const char *)answer.ptr, "y") == 0 ||
                strcasecmp((const char *)answer.ptr, "yes") == 0);
    secret_free(&answer);
    return yes;
}

bool passphrase_from_file(const char *path, struct secret *out)
{
    struct secret whole = {0};
    const char *fault = secret_read_file(&whole, path, PASSPHRASE_MAX);
    int error = errno;

    *out = (struct secret){0};
    if (fault != NULL) {
        log_error("no passphrase from %s: it %s%s%s", path, fault, error != 0 ? ": " : "",
                  error != 0 ? strerror(error) : "");
        return false;
    }
    size_t len = 0;
    while (len < whole.len && whole.ptr[len] != '\n')
        len++;
    if (len > 0 && whole.ptr[len - 1] == '\r')
        len--;
    bool done =
        len > 0 && memchr(whole.ptr, 0, len) == NULL && secret_copy(out, bytes_of(whole.ptr, len));
    if (!done)
        log_error("no passphrase from %s: its first line is empty, or holds a NUL", path);
    secret_free(&whole);
    return done;
}

bool passphrase_from_fd(int fd, struct secret *out)
{
    char from[40];

    *out = (struct secret){0};
    caught = 0;
    snprintf(from, sizeof from, "file descriptor %d", fd);
    return is_fit(read_line(fd, NULL, out), from, out);
}
