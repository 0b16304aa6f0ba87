/*
 * Restoring: the archive is written into a new folder beside the CA's, judged there, and then takes its place by
 * one rename.  What was there before is kept beside it.
 */
#include "config.h"

#include "common/log.h"
#include "pki/archive_folder.h"
#include "pki/cli.h"
#include "pki/place.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct restore {
    struct session *session;
    const struct archive *archive;
    bool force;
    char *parent;         /* owned: the folder that holds the CA's */
    const char *name;     /* the CA's folder in it; points into session->folder */
    int parent_fd;        /* -1 = not open */
    char *staged;         /* owned: the new folder's name; NULL = not made */
    int staged_fd;        /* -1 */
    struct ledger *fresh; /* owned: the restored ledger */
    struct ledger *old;   /* owned: the one that is there; locked.  NULL = none */
    bool occupied;        /* the CA's folder is there */
    char *kept;           /* owned: what it is called then; NULL = there was none */
};

static void say_damage(void *context, const char *sentence)
{
    (void)context;
    log_error("the ledger in the backup: %s", sentence);
}

static struct ledger *open_ledger(int folder_fd, const char *folder, char *why, size_t size)
{
    const struct ledger_opening opening = {.now_s = session_now_s, .uid = getuid()};

    return ledger_open(folder_fd, folder, &opening, why, size);
}

/* --- the new folder --- */

static bool stage(struct restore *restore)
{
    char *template = g_strdup_printf("%s/%s.restore-XXXXXX", restore->parent, restore->name);
    char why[LEDGER_WHY];
    bool ok = false;

    if (mkdtemp(template) == NULL) {
        log_error("cannot make a folder beside %s: %s", restore->session->folder, strerror(errno));
        goto out;
    }
    restore->staged = g_path_get_basename(template);
    restore->staged_fd = open(template, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (restore->staged_fd < 0) {
        log_error("cannot open %s: %s", template, strerror(errno));
        goto out;
    }
    if (!archive_write_folder(restore->archive, restore->staged_fd, why, sizeof why)) {
        log_error("nothing was restored: %s", why);
        goto out;
    }
    restore->fresh = open_ledger(restore->staged_fd, template, why, sizeof why);
    if (restore->fresh == NULL)
        log_error("nothing was restored; the ledger in the backup: %s", why);
    else
        ok = ledger_verify(restore->fresh, say_damage, NULL);
out:
    g_free(template);
    return ok;
}

/* --- is it behind what is there? --- */

struct seek {
    int64_t seq;
    bool same;
    const char *hash;
};

static bool compare_event(void *context, int64_t seq, struct bytes line)
{
    struct seek *seek = context;

    if (seq == seek->seq)
        seek->same = memmem(line.ptr, line.len, seek->hash, strlen(seek->hash)) != NULL;
    return seq < seek->seq;
}

/* Whether the restored ledger has the other's last event, so that the other is a part of it. */
static bool goes_on_from(struct ledger *fresh, int64_t seq, const uint8_t hash[32])
{
    char text[80] = "\"hash\":\"";
    struct seek seek = {.seq = seq, .hash = text};
    size_t at = strlen(text);

    for (size_t i = 0; i < 32; i++)
        at += (size_t)snprintf(text + at, sizeof text - at, "%02x", hash[i]);
    return ledger_each_event(fresh, seq, compare_event, &seek) == LEDGER_OK && seek.same;
}

static bool is_backup(void *context, int64_t seq, struct bytes line)
{
    static const char word[] = "\"event\":\"backup\"";
    bool *only = context;

    (void)seq;
    *only = *only && memmem(line.ptr, line.len, word, strlen(word)) != NULL;
    return *only;
}

/* Whether nothing but backups happened in the ledger after the one that is restored. */
static bool is_as_far(struct ledger *old, const struct archive *archive)
{
    bool only = true;

    return goes_on_from(old, archive->seq, archive->head) &&
           ledger_each_event(old, archive->seq + 1, is_backup, &only) == LEDGER_OK && only;
}

static bool may_go_back(const struct restore *restore, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static bool may_go_back(const struct restore *restore, const char *format, ...)
{
    char sentence[LEDGER_WHY];
    va_list args;

    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    if (restore->force) {
        log_warning("%s; it is restored all the same (--force)", sentence);
        return true;
    }
    log_error("nothing was restored: %s; --force restores it all the same, and what was issued or "
              "revoked since is then unknown to the CA",
              sentence);
    return false;
}

/* The lock on the old ledger is kept until the end: nobody signs into a folder that is on its way out. */
static bool judge_old(struct restore *restore, int folder_fd)
{
    struct ledger_counts counts;
    char why[LEDGER_WHY];
    uint8_t hash[32];
    int64_t seq;

    if (faccessat(folder_fd, LEDGER_FILE, F_OK, AT_SYMLINK_NOFOLLOW) != 0)
        return may_go_back(restore, "%s is not empty, and has no ledger to compare with",
                           restore->session->folder);
    restore->old = open_ledger(folder_fd, restore->session->folder, why, sizeof why);
    if (restore->old == NULL)
        return may_go_back(restore, "the ledger in %s cannot be compared with (%s)",
                           restore->session->folder, why);
    if (ledger_begin(restore->old) != LEDGER_OK ||
        ledger_head(restore->old, &seq, hash) != LEDGER_OK)
        return may_go_back(restore, "the ledger in %s cannot be compared with (%s)",
                           restore->session->folder, ledger_error(restore->old));
    if (ledger_count(restore->old, session_now_s(), &counts) != LEDGER_OK || counts.reserved > 0)
        return may_go_back(
            restore,
            "certificates are being made in %s right now, or were left half done (any "
            "command that changes something there finishes them)",
            restore->session->folder);
    if (is_as_far(restore->old, restore->archive))
        return true;
    bool same = seq > restore->archive->seq
                    ? goes_on_from(restore->old, restore->archive->seq, restore->archive->head)
                    : goes_on_from(restore->fresh, seq, hash);
    if (!same)
        return may_go_back(restore,
                           "the backup is not of the CA in %s, or went another way from it",
                           restore->session->folder);
    if (seq > restore->archive->seq)
        return may_go_back(
            restore, "the ledger in %s is at event %" PRId64 ", and the backup ends at %" PRId64,
            restore->session->folder, seq, restore->archive->seq);
    return true;
}

static bool is_empty(int folder_fd)
{
    int fd = openat(folder_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    const struct dirent *entry;
    bool empty = dir != NULL;

    while (empty && (entry = readdir(dir)) != NULL)
        empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
    if (dir != NULL)
        closedir(dir);
    else if (fd >= 0)
        close(fd);
    return empty;
}

static bool judge_place(struct restore *restore)
{
    int fd =
        openat(restore->parent_fd, restore->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    bool ok;

    if (fd < 0 && errno == ENOENT)
        return true;
    if (fd < 0) {
        log_error("nothing was restored: %s is in the way: %s", restore->session->folder,
                  strerror(errno));
        return false;
    }
    restore->occupied = true;
    ok = is_empty(fd) || judge_old(restore, fd);
    close(fd);
    return ok;
}

/* --- taking the place --- */

/*
 * What the CA did after the backup is not in it.  Numbers of CRLs that may be out there are passed over, so that
 * the next CRL is newer than any of them.
 */
static bool mark(struct restore *restore)
{
    char detail[128];

    snprintf(detail, sizeof detail, "from a backup at event %" PRId64 "%s", restore->archive->seq,
             restore->force ? ", forced" : "");
    if (ledger_restored(restore->fresh, detail) == LEDGER_OK)
        return true;
    log_error("nothing was restored: %s", ledger_error(restore->fresh));
    return false;
}

static char *kept_name(const struct restore *restore)
{
    time_t now = (time_t)session_now_s();
    struct tm tm;
    char text[32];

    gmtime_r(&now, &tm);
    strftime(text, sizeof text, "%Y%m%dT%H%M%SZ", &tm);
    return g_strdup_printf("%s.before-%s", restore->name, text);
}

static bool take_place(struct restore *restore)
{
    unsigned flags = restore->occupied ? RENAME_EXCHANGE : RENAME_NOREPLACE;

    ledger_close(restore->fresh); /* the log is written back: the folder is whole */
    restore->fresh = NULL;
    if (renameat2(restore->parent_fd, restore->staged, restore->parent_fd, restore->name, flags) !=
        0) {
        log_error("nothing was restored: cannot put the new folder in the place of %s: %s%s",
                  restore->session->folder, strerror(errno),
                  errno == EBUSY || errno == EXDEV
                      ? "; a mounted folder cannot be exchanged, restore beside it and copy"
                      : "");
        return false;
    }
    if (restore->occupied) {
        restore->kept = kept_name(restore);
        if (renameat2(restore->parent_fd, restore->staged, restore->parent_fd, restore->kept,
                      RENAME_NOREPLACE) != 0) {
            g_free(restore->kept);
            restore->kept = g_strdup(restore->staged);
        }
    }
    g_free(restore->staged);
    restore->staged = NULL;
    if (fsync(restore->parent_fd) != 0)
        log_warning("cannot bring %s to disk: %s", restore->parent, strerror(errno));
    return true;
}

static bool report(const struct restore *restore)
{
    const struct session *session = restore->session;
    unsigned n = restore->archive->files->len;

    if (session->json)
        return session_print(json_pack("{s:s, s:i, s:I, s:s*, s:b}", "folder", session->folder,
                                       "files", (int)n, "event", (json_int_t)restore->archive->seq,
                                       "kept", restore->kept, "dry_run", session->dry_run));
    if (session->dry_run)
        printf("%u files would be restored to %s, up to event %" PRId64 ".\n", n, session->folder,
               restore->archive->seq);
    else if (!session->quiet)
        printf("%u files are restored to %s, up to event %" PRId64 ".\n", n, session->folder,
               restore->archive->seq);
    if (restore->kept != NULL && !session->quiet)
        printf("What was there is kept as %s/%s.\n", restore->parent, restore->kept);
    if (!session->dry_run && !session->quiet)
        printf("Next: pgsignet-ca check, then pgsignet-ca crl --publish.\n");
    return true;
}

/* One that was killed left its folder, with keys in it: that is said, since nobody looks there. */
static void say_left_over(const struct restore *restore)
{
    char *prefix = g_strdup_printf("%s.restore-", restore->name);
    int fd = openat(restore->parent_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    const struct dirent *entry;

    while (dir != NULL && (entry = readdir(dir)) != NULL)
        if (g_str_has_prefix(entry->d_name, prefix))
            log_warning("%s/%s was left by a restore that was killed, or belongs to one that runs "
                        "right now: it holds the CA's keys; remove it",
                        restore->parent, entry->d_name);
    if (dir != NULL)
        closedir(dir);
    else if (fd >= 0)
        close(fd);
    g_free(prefix);
}

static bool restore_run(struct restore *restore)
{
    restore->parent = g_path_get_dirname(restore->session->folder);
    restore->name = strrchr(restore->session->folder, '/') + 1;
    restore->parent_fd = open(restore->parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (restore->parent_fd < 0) {
        log_error("cannot open %s: %s", restore->parent, strerror(errno));
        return false;
    }
    say_left_over(restore);
    return stage(restore) && judge_place(restore) &&
           (restore->session->dry_run || (mark(restore) && take_place(restore))) && report(restore);
}

static void restore_end(struct restore *restore)
{
    ledger_close(restore->fresh);
    ledger_close(restore->old);
    if (restore->staged != NULL)
        archive_remove_folder(restore->parent_fd, restore->staged);
    if (restore->staged_fd >= 0)
        close(restore->staged_fd);
    if (restore->parent_fd >= 0)
        close(restore->parent_fd);
    g_free(restore->staged);
    g_free(restore->kept);
    g_free(restore->parent);
}

int cmd_restore(const struct arguments *arguments)
{
    struct session session = {0};
    struct archive archive = {0};
    struct restore restore = {
        .session = &session, .archive = &archive, .parent_fd = -1, .staged_fd = -1};
    struct secret passphrase = {0};
    GByteArray *text = g_byte_array_new();
    char why[LEDGER_WHY];
    int code = COMMAND_FAILED;

    if (!session_open(&session, arguments, NEEDS_NOTHING))
        goto out;
    restore.force = arguments->given[OPT_FORCE];
    if (!place_load(AT_FDCWD, arguments->operand[0], true, (size_t)ARCHIVE_MAX + 4096, text, why,
                    sizeof why)) {
        log_error("%s", why);
        goto out;
    }
    if (!session_other_passphrase(&session, OPT_OTHER_PASSPHRASE_FILE, OPT_OTHER_PASSPHRASE_FD,
                                  "of the backup", false, &passphrase))
        goto out;
    if (!archive_open(bytes_of(text->data, text->len), secret_bytes(&passphrase), &archive, why,
                      sizeof why)) {
        log_error("%s cannot be restored: %s", arguments->operand[0], why);
        goto out;
    }
    if (archive_find(&archive, LEDGER_FILE) == NULL) {
        log_error("%s has no ledger in it", arguments->operand[0]);
        goto out;
    }
    code = restore_run(&restore) ? COMMAND_DONE : COMMAND_FAILED;
    restore_end(&restore);
out:
    archive_clear(&archive);
    secret_free(&passphrase);
    g_byte_array_unref(text);
    session_close(&session);
    return code;
}
