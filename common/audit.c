#include "config.h"

#include "common/audit.h"

#include "common/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <syslog.h>
#include <unistd.h>

#define HELD_MAX (64 * 1024) /* bytes of lines that wait for one append */

struct audit {
    const struct settings_audit *settings; /* not owned */
    int fd;                                /* -1 = no file configured */
    char *held; /* owned: HELD_MAX after a newline; NULL = nothing is held */
    size_t n_held;
    enum audit_written worst; /* of what was held and is written */
};

uint64_t audit_new_id(void)
{
    uint64_t id = 0;

    /* Cannot fail once the kernel's pool is seeded; a poor id would only be a poor label. */
    if (getrandom(&id, sizeof id, GRND_NONBLOCK) != (ssize_t)sizeof id)
        id = (uint64_t)clock_mono_us();
    return id;
}

const char *audit_file_fault(int fd)
{
    struct stat st;

    if (fstat(fd, &st) != 0)
        return strerror(errno);
    if (!S_ISREG(st.st_mode))
        return "it is not a regular file; name one";
    if ((st.st_mode & S_IWOTH) != 0)
        return "everybody may write it; chmod it to 0640";
    return NULL;
}

/* NULL, or what is wrong with it. */
static const char *open_file(const struct settings_audit *settings, int *fd)
{
    /* Readable as well: before an append, the file's last byte tells a torn line. */
    *fd = open(settings->file,
               O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK, 0640);
    if (*fd < 0)
        return errno == ELOOP ? "it is a symbolic link; name the file itself" : strerror(errno);
    return audit_file_fault(*fd);
}

struct audit *audit_open(const struct settings_audit *settings, char *why, size_t size)
{
    struct audit *audit = malloc(sizeof *audit);
    const char *fault = NULL;

    if (audit == NULL) {
        snprintf(why, size, "the audit trail cannot be opened: memory is short");
        return NULL;
    }
    *audit = (struct audit){.settings = settings, .fd = -1};
    if (settings->file[0] == '\0')
        return audit;
    fault = open_file(settings, &audit->fd);
    if (fault != NULL) {
        snprintf(
            why, size,
            "audit file %s cannot be written as uid %lu: %s; file and folder must be that user's",
            settings->file, (unsigned long)geteuid(), fault);
        audit_close(audit);
        return NULL;
    }
    return audit;
}

void audit_close(struct audit *audit)
{
    if (audit == NULL)
        return;
    audit_release(audit);
    if (audit->fd >= 0)
        close(audit->fd);
    free(audit);
}

/*
 * Whether the file ends inside a line: a writer, perhaps another process, ran out of space or was cut
 * off by a crash.  Sees the middle of an append of another process now and then; that costs one empty
 * line.
 */
static bool ends_torn(int fd)
{
    struct stat st;
    char last;

    return fstat(fd, &st) == 0 && st.st_size > 0 && pread(fd, &last, 1, st.st_size - 1) == 1 &&
           last != '\n';
}

/*
 * What is appended to a file that has no name any more is gone when the last program closes it: nobody
 * may enter on such a line.  One that was renamed is still somebody's to keep.
 */
static const char *replace_removed(struct audit *audit)
{
    struct stat st;
    int fd;

    if (fstat(audit->fd, &st) != 0 || st.st_nlink > 0)
        return NULL;
    const char *fault = open_file(audit->settings, &fd);
    if (fault == NULL) {
        close(audit->fd);
        audit->fd = fd;
    } else if (fd >= 0) {
        close(fd);
    }
    return fault;
}

/* One write.  Returns NULL if all went out, else what went wrong. */
static const char *write_once(int fd, const char *text, size_t len)
{
    ssize_t n;

    do {
        n = write(fd, text, len);
    } while (n < 0 && errno == EINTR);
    if (n < 0)
        return strerror(errno);
    return (size_t)n == len ? NULL : "only a part of the line was written; is the disk full?";
}

static bool stderr_leads_somewhere(void)
{
    struct stat st;

    return fstat(STDERR_FILENO, &st) == 0 &&
           !(S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3)); /* /dev/null */
}

/* Lines, with a byte before them that is a newline.  said: they are in syslog already. */
static enum audit_written write_lines(struct audit *audit, const char *lines, size_t len, bool said)
{
    const char *fault = NULL;
    bool sure;

    if (audit->fd >= 0) {
        fault = replace_removed(audit);
        size_t before = fault == NULL && ends_torn(audit->fd) ? 1 : 0;

        if (fault == NULL)
            fault = write_once(audit->fd, lines - before, len + before);
        if (fault == NULL)
            return AUDIT_IN_FILE;
    }
    sure = stderr_leads_somewhere() && write_once(STDERR_FILENO, lines, len) == NULL;
    if (fault != NULL)
        syslog(LOG_AUTHPRIV | LOG_ALERT, "audit file %s: %s; the event went to %s",
               audit->settings->file, fault, sure ? "stderr" : "syslog if anywhere");
    for (const char *line = lines, *end; !sure && !said && line < lines + len; line = end + 1) {
        end = memchr(line, '\n', (size_t)(lines + len - line));
        syslog(LOG_AUTHPRIV | LOG_ALERT, "%.*s", (int)(end - line), line);
    }
    return sure ? AUDIT_ON_STDERR : AUDIT_LOST;
}

static void write_held(struct audit *audit)
{
    enum audit_written written;

    if (audit->n_held == 0)
        return;
    written = write_lines(audit, audit->held + 1, audit->n_held, audit->settings->syslog);
    audit->n_held = 0;
    if (written < audit->worst)
        audit->worst = written;
}

void audit_hold(struct audit *audit)
{
    audit->worst = AUDIT_IN_FILE;
    if (audit->fd >= 0 && audit->held == NULL)
        audit->held = malloc(1 + HELD_MAX);
    if (audit->held != NULL)
        audit->held[0] = '\n';
}

enum audit_written audit_release(struct audit *audit)
{
    if (audit->held != NULL)
        write_held(audit);
    free(audit->held);
    audit->held = NULL;
    return audit->worst;
}

enum audit_written audit_write(struct audit *audit, const struct audit_event *event)
{
    char buf[1 + AUDIT_LINE_MAX + 1] = "\n", *line = buf + 1;
    size_t len =
        audit_render(event, (enum settings_unknown_names)audit->settings->unknown_names, line);
    bool alert = event->severity == SEVERITY_ALERT;
    /* An alert looks for a person, whatever the file is good for. */
    bool to_syslog = audit->settings->syslog || alert;

    if (len == 0) {
        syslog(LOG_AUTHPRIV | LOG_ALERT, "an audit event was lost: it fits no line");
        return AUDIT_LOST;
    }
    if (to_syslog)
        syslog(LOG_AUTHPRIV | (alert ? LOG_ALERT : LOG_INFO), "%.*s", (int)len - 1, line);
    if (audit->held == NULL)
        return write_lines(audit, line, len, to_syslog);
    if (audit->n_held + len > HELD_MAX)
        write_held(audit);
    memcpy(audit->held + 1 + audit->n_held, line, len);
    audit->n_held += len;
    return AUDIT_IN_FILE;
}
