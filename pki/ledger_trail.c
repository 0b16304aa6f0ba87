/*
 * The events once more, as a file of JSON lines that others collect.
 *
 * How far it is, the file says itself: its last line that is one of ours.  A word in the ledger says it for a file
 * that was rotated away; it is written without a sync, because a lost one costs lines said twice at most.
 */
#include "config.h"

#include "pki/ledger_inside.h"

#include "common/audit.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/write_all.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#define TRAIL_WORD    "trail"
#define TRAIL_WAIT_MS 5000
#define TRAIL_TAIL    (64 * 1024) /* bytes at the end in which a line of ours is looked for */
#define TRAIL_HELD    (64 * 1024) /* bytes that one append takes */

struct trail {
    struct ledger *ledger;
    const char *path;
    int fd;
    int64_t written; /* seq of the last event in the file */
    int64_t seq;     /* of the last event in held */
    GString *held;
    const char *fault; /* static, or strerror's */
};

/* Its folder, if only that one is missing. */
static void make_folder(const char *path)
{
    char *folder = g_path_get_dirname(path);

    if (mkdir(folder, 0750) == 0)
        (void)!chmod(folder, 0750);
    g_free(folder);
}

static int open_file(const char *path, bool *made)
{
    const int flags = O_RDWR | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK;
    int fd = open(path, flags | O_CREAT | O_EXCL, 0640);

    if (fd < 0 && errno == ENOENT) {
        make_folder(path);
        fd = open(path, flags | O_CREAT | O_EXCL, 0640);
    }
    *made = fd >= 0;
    return fd < 0 && errno == EEXIST ? open(path, flags) : fd;
}

/* One writer at a time, so that each line is there once and in order. */
static bool lock_file(int fd)
{
    int64_t until_ms = clock_mono_ms() + TRAIL_WAIT_MS;
    const struct timespec nap = {.tv_nsec = 2000000};

    while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if ((errno != EWOULDBLOCK && errno != EINTR) || clock_mono_ms() >= until_ms)
            return false;
        nanosleep(&nap, NULL);
    }
    return true;
}

/* The seq of a line that ends in ,"seq":N,"prev":"..","hash":"..", if the ledger's event N has that hash; else 0. */
static int64_t seq_of_line(struct ledger *ledger, const char *line, size_t len)
{
    static const char before_hash[] = "\",\"hash\":\"", before_seq[] = ",\"seq\":";
    const size_t seal = sizeof before_hash - 1 + 64 + 2;
    char hex[2 * LEDGER_HASH + 1] = "";
    int64_t seq = 0;

    if (len < seal || memcmp(line + len - seal, before_hash, sizeof before_hash - 1) != 0)
        return 0;
    const char *at = g_strrstr_len(line, (gssize)(len - seal), before_seq);
    if (at == NULL || (seq = strtoll(at + sizeof before_seq - 1, NULL, 10)) <= 0)
        return 0;
    sqlite3_stmt *statement = lq_take(ledger, LQ_EVENT_HASH);
    if (statement == NULL)
        return 0;
    lq_number(statement, 1, seq);
    if (lq_step(ledger, statement, "read an event") == LEDGER_OK) {
        struct bytes hash = lq_column(statement, 0);
        for (size_t i = 0; i < hash.len && i < LEDGER_HASH; i++)
            snprintf(hex + 2 * i, 3, "%02x", hash.ptr[i]);
    }
    lq_end(statement);
    return strlen(hex) == 64 && memcmp(line + len - 66, hex, 64) == 0 ? seq : 0;
}

/* How far the file is by its own account; 0 when there is none of ours at its end.  *torn: it ends inside a line. */
static int64_t seq_of_file(struct trail *trail, bool *torn)
{
    char *tail = g_malloc(TRAIL_TAIL);
    struct stat st;
    int64_t seq = 0;

    *torn = false;
    off_t from =
        fstat(trail->fd, &st) == 0 && st.st_size > TRAIL_TAIL ? st.st_size - TRAIL_TAIL : 0;
    ssize_t n = pread(trail->fd, tail, TRAIL_TAIL, from);
    if (n > 0) {
        *torn = tail[n - 1] != '\n';
        const char *end = tail + n;
        while (seq == 0 && (end = g_strrstr_len(tail, end - tail, "\n")) != NULL && end > tail) {
            const char *before = g_strrstr_len(tail, end - tail, "\n");
            const char *line = before != NULL ? before + 1 : tail;
            seq = seq_of_line(trail->ledger, line, (size_t)(end - line));
        }
    }
    g_free(tail);
    return seq;
}

static int64_t seq_of_word(struct ledger *ledger)
{
    char *word = NULL;
    int64_t seq = 0;

    if (ledger_word(ledger, TRAIL_WORD, &word) == LEDGER_OK)
        seq = strtoll(word, NULL, 10);
    g_free(word);
    return seq > 0 ? seq : 0;
}

/* All of it, or what went wrong. */
static bool append(struct trail *trail)
{
    int error = write_all(trail->fd, bytes_of(trail->held->str, trail->held->len));

    if (error != 0) {
        trail->fault = strerror(error);
        return false;
    }
    g_string_truncate(trail->held, 0);
    trail->written = trail->seq;
    return true;
}

static bool add_line(void *context, int64_t seq, struct bytes line)
{
    struct trail *trail = context;

    g_string_append_len(trail->held, (const char *)line.ptr, (gssize)line.len);
    g_string_append_c(trail->held, '\n');
    trail->seq = seq;
    /* An alert looks for a person, whatever the file is good for. */
    if (g_strstr_len((const char *)line.ptr, (gssize)line.len, "\"severity\":\"alert\"") != NULL)
        syslog(LOG_AUTHPRIV | LOG_ALERT, "%.*s", (int)line.len, (const char *)line.ptr);
    return trail->held->len < TRAIL_HELD || append(trail);
}

/* Durable it need not be: see above. */
static void keep_word(struct ledger *ledger, int64_t seq)
{
    char word[24], error[LEDGER_WHY];

    memcpy(error, ledger->error, sizeof error);
    snprintf(word, sizeof word, "%" PRId64, seq);
    if (sqlite3_exec(ledger->db, "PRAGMA synchronous=NORMAL", NULL, NULL, NULL) == SQLITE_OK)
        ledger_set_word(ledger, TRAIL_WORD, word);
    sqlite3_exec(ledger->db, "PRAGMA synchronous=FULL", NULL, NULL, NULL);
    memcpy(ledger->error, error, sizeof error);
}

static bool catch_up(struct trail *trail)
{
    bool torn;
    int64_t said = seq_of_word(trail->ledger), there = seq_of_file(trail, &torn);

    trail->written = there > 0 ? there : said;
    trail->seq = trail->written;
    if (torn)
        g_string_append_c(trail->held, '\n');
    enum ledger_result result =
        ledger_each_event(trail->ledger, trail->written + 1, add_line, trail);
    if (result == LEDGER_OK && trail->fault == NULL && trail->seq > trail->written)
        append(trail);
    if (trail->written != said)
        keep_word(trail->ledger, trail->written);
    return result == LEDGER_OK && trail->fault == NULL;
}

bool ledger_write_trail(struct ledger *ledger, const char *path)
{
    struct trail trail = {.ledger = ledger, .path = path};
    bool made = false, done = false;

    if (path == NULL || path[0] == '\0')
        return true;
    trail.fd = open_file(path, &made);
    if (trail.fd < 0)
        trail.fault =
            errno == ELOOP ? "it is a symbolic link; name the file itself" : strerror(errno);
    else if (made && fchmod(trail.fd, 0640) != 0)
        trail.fault = strerror(errno);
    else if ((trail.fault = audit_file_fault(trail.fd)) == NULL && !lock_file(trail.fd))
        trail.fault = "another program holds it";
    if (trail.fault == NULL) {
        trail.held = g_string_sized_new(4096);
        done = catch_up(&trail);
        g_string_free(trail.held, TRUE);
    }
    if (trail.fault != NULL)
        ledger_say(ledger, LEDGER_FAILED,
                   "the audit file %s cannot be written as uid %lu: %s; the events are kept in the "
                   "ledger, and follow with the next command that can",
                   path, (unsigned long)geteuid(), trail.fault);
    if (!done)
        log_warning("%s", ledger_error(ledger));
    if (trail.fd >= 0)
        close(trail.fd);
    return done;
}
