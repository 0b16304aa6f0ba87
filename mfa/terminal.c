#include "config.h"

#include "mfa/terminal.h"

#include "common/clock.h"
#include "common/secret.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool wait_readable(int fd, int64_t deadline_ms)
{
    struct pollfd wanted = {.fd = fd, .events = POLLIN};

    for (;;) {
        int64_t left = deadline_ms - clock_mono_ms();
        if (left <= 0) {
            errno = ETIMEDOUT;
            return false;
        }
        int n = poll(&wanted, 1, left > INT_MAX ? INT_MAX : (int)left);
        if (n > 0)
            return true;
        if (n < 0 && errno != EINTR)
            return false;
    }
}

enum line terminal_line(int fd, const char *prompt, int64_t deadline_ms, char *out, size_t size)
{
    enum line result = LINE_OK;
    size_t len = 0;
    bool any = false;

    if (isatty(fd)) {
        fputs(prompt, stderr);
        fflush(stderr);
    }
    for (;;) {
        char c;
        if (!wait_readable(fd, deadline_ms)) {
            result = errno == ETIMEDOUT ? LINE_TIMEOUT : LINE_FAILED;
            break;
        }
        ssize_t n = read(fd, &c, 1);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            result = LINE_FAILED;
            break;
        }
        if (n == 0) {
            result = any ? result : LINE_END;
            break;
        }
        any = true;
        if (c == '\n')
            break;
        if (c == '\0' || len + 1 >= size)
            result = LINE_TOO_LONG;
        else
            out[len++] = c;
    }
    if (result != LINE_OK) {
        secret_wipe(out, size);
        len = 0;
    }
    if (len > 0 && out[len - 1] == '\r')
        len--;
    out[len] = '\0';
    return result;
}
