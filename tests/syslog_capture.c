#include "config.h"

#include "tests/syslog_capture.h"

#include <pthread.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#define EXPORTED __attribute__((visibility("default")))

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char lines[16 * 1024];
static size_t used;
static int last_priority;

/* The two names that libpam may have been compiled to call. */
EXPORTED void __syslog_chk(int priority, int flag, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
EXPORTED void syslog(int priority, const char *format, ...) __attribute__((format(printf, 2, 3)));

__attribute__((format(printf, 1, 0))) static void capture(const char *format, va_list ap)
{
    int n;

    pthread_mutex_lock(&lock);
    n = vsnprintf(lines + used, sizeof lines - used, format, ap);
    if (n > 0 && (size_t)n < sizeof lines - used - 1) {
        used += (size_t)n;
        lines[used++] = '\n';
    }
    lines[used] = '\0';
    pthread_mutex_unlock(&lock);
}

void __syslog_chk(int priority, int flag, const char *format, ...)
{
    va_list ap;

    (void)flag;
    last_priority = priority;
    va_start(ap, format);
    capture(format, ap);
    va_end(ap);
}

void syslog(int priority, const char *format, ...)
{
    va_list ap;

    last_priority = priority;
    va_start(ap, format);
    capture(format, ap);
    va_end(ap);
}

void syslog_capture_reset(void)
{
    pthread_mutex_lock(&lock);
    used = 0;
    lines[0] = '\0';
    pthread_mutex_unlock(&lock);
}

const char *syslog_captured(void)
{
    return lines;
}

int syslog_captured_priority(void)
{
    return last_priority;
}
