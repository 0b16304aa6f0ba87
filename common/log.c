#include "config.h"

#include "common/log.h"

#include "common/text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

static const char *program_name = "pgsignet";
static bool use_syslog, use_debug, use_priority;

static const struct {
    int priority; /* syslog.h; the same numbers as sd-daemon's prefixes */
    const char *word;
} levels[] = {
    [LOG_ERR] = {LOG_ERR, "error: "},
    [LOG_WARNING] = {LOG_WARNING, "warning: "},
    [LOG_NOTICE] = {LOG_NOTICE, ""},
    [LOG_INFO] = {LOG_INFO, ""},
    [LOG_DEBUG] = {LOG_DEBUG, "debug: "},
};

/* JOURNAL_STREAM is inherited by children whose stderr went elsewhere: device and inode must match. */
static bool stderr_is_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    uintmax_t device, inode;
    struct stat st;

    return stream != NULL && sscanf(stream, "%ju:%ju", &device, &inode) == 2 &&
           fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device && st.st_ino == inode;
}

void log_open(const char *program, bool to_syslog, bool debug)
{
    program_name = program;
    use_syslog = to_syslog;
    use_debug = debug;
    use_priority = stderr_is_journal();
    if (to_syslog)
        openlog(program, LOG_PID | LOG_NDELAY, LOG_AUTHPRIV);
}

__attribute__((format(printf, 2, 0))) static void log_line(int level, const char *format,
                                                           va_list args)
{
    /* One byte more than fits in clean, so that a cut is marked there. */
    char message[LOG_LINE_MAX + 2], clean[LOG_LINE_MAX + 1], line[LOG_LINE_MAX + 128];
    char prefix[8] = "";
    int saved = errno, n;

    if (vsnprintf(message, sizeof message, format, args) < 0)
        snprintf(message, sizeof message, "a message could not be formatted");
    text_clean(clean, sizeof clean, bytes_str(message));
    if (use_priority)
        snprintf(prefix, sizeof prefix, "<%d>", levels[level].priority);
    n = snprintf(line, sizeof line, "%s%.64s: %s%s\n", prefix, program_name, levels[level].word,
                 clean);
    /* One write, so that lines of several processes do not mix; nobody to tell if it fails. */
    if (n > 0 && write(STDERR_FILENO, line, (size_t)n) < 0)
        use_priority = false;
    if (use_syslog)
        syslog(levels[level].priority, "%s%s", levels[level].word, clean);
    errno = saved;
}

#define LOG_AT(level)                                                                              \
    do {                                                                                           \
        va_list args;                                                                              \
        va_start(args, format);                                                                    \
        log_line(level, format, args);                                                             \
        va_end(args);                                                                              \
    } while (0)

void log_error(const char *format, ...)
{
    LOG_AT(LOG_ERR);
}

void log_warning(const char *format, ...)
{
    LOG_AT(LOG_WARNING);
}

void log_notice(const char *format, ...)
{
    LOG_AT(LOG_NOTICE);
}

void log_info(const char *format, ...)
{
    LOG_AT(LOG_INFO);
}

void log_debug(const char *format, ...)
{
    if (use_debug)
        LOG_AT(LOG_DEBUG);
}
