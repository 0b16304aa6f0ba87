/* CRLs to where PostgreSQL reads them: planned and done under the ledger's lock, so that two cannot pass each other. */
#include "config.h"

#include "pki/crl_plan.h"
#include "pki/crl_take.h"

#include "common/clock.h"
#include "common/log.h"
#include "pki/place_path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PART_TAG     "crl"
#define LOCK_WAIT_MS 20000
/* Where each new connection reads the CRL (ssl_crl_dir): 1,000 entries cost it some ms, 100,000 a quarter of a second. */
#define DIR_ENTRIES  5000

static bool plan_all(struct session *session, const struct crl_target *target,
                     struct crl_plan *plan)
{
    return crl_plan_own(session, plan) &&
           (target->file == NULL || crl_plan_file(session, target, plan)) &&
           (target->dir == NULL || crl_plan_dir(session, target, plan));
}

static void look(const struct crl_plan *plan, const struct crl_target *target,
                 struct crl_published *out)
{
    *out = (struct crl_published){0};
    for (guint i = 0; i < plan->writes->len; i++) {
        const struct crl_write *write = &g_array_index(plan->writes, struct crl_write, i);
        if (target->file != NULL && strcmp(write->path, target->file) == 0)
            out->file_changed = true;
        else
            out->dir_changed = true;
    }
    out->dir_changed = out->dir_changed || plan->tidies->len > 0;
    out->worthless = plan->worthless;
    for (guint i = 0; i < plan->own->len; i++) {
        const GByteArray *der = g_array_index(plan->own, struct crl_own, i).der;
        struct crl_facts facts;
        if (crl_facts(bytes_of(der->data, der->len), &facts) == NULL &&
            facts.entries > out->largest)
            out->largest = facts.entries;
    }
}

static bool write_all(struct session *session, const struct crl_target *target,
                      const struct crl_plan *plan)
{
    struct place_file *files = g_new0(struct place_file, plan->writes->len);
    char why[PLACE_WHY];

    for (guint i = 0; i < plan->writes->len; i++) {
        const struct crl_write *write = &g_array_index(plan->writes, struct crl_write, i);
        files[i] = (struct place_file){
            .path = write->path,
            .mode = 0644,
            .set_owner = target->set_owner,
            .uid = target->uid,
            .gid = target->gid,
            .content = bytes_of(write->content->data, write->content->len),
            .replace = true,
        };
    }
    place_rollback(session->folder_fd, files, plan->writes->len, PART_TAG);
    bool done =
        place_prepare(session->folder_fd, files, plan->writes->len, PART_TAG, why, sizeof why);
    if (!done)
        log_error("cannot publish the CRLs: %s; what was there is still there", why);
    else if (!place_commit(session->folder_fd, files, plan->writes->len, PART_TAG, why,
                           sizeof why)) {
        log_error("cannot publish the CRLs: %s; some may be in place: publish again", why);
        done = false;
    }
    g_free(files);
    return done;
}

static void tidy_one(int folder_fd, const struct crl_tidy *tidy)
{
    char *path = g_path_get_basename(tidy->path),
         *from = tidy->from != NULL ? g_path_get_basename(tidy->from) : NULL;

    if ((from != NULL ? renameat(folder_fd, from, folder_fd, path)
                      : unlinkat(folder_fd, path, 0)) != 0 &&
        errno != ENOENT)
        log_warning("cannot take away the old CRL %s: %s; the new one is in place, and is the one "
                    "that is used",
                    tidy->path, strerror(errno));
    g_free(path);
    g_free(from);
}

/* The new ones are in place: what they replace, all of it in ssl_crl_dir, may go. */
static void tidy_all(const struct crl_target *target, const struct crl_plan *plan)
{
    char why[PLACE_WHY];
    int folder_fd = plan->tidies->len > 0 ? place_open_folder(target->dir, why, sizeof why) : -1;

    if (plan->tidies->len > 0 && folder_fd < 0)
        log_warning("cannot take away old CRLs: %s; the new ones are in place, and are used", why);
    for (guint i = 0; folder_fd >= 0 && i < plan->tidies->len; i++)
        tidy_one(folder_fd, &g_array_index(plan->tidies, struct crl_tidy, i));
    if (folder_fd >= 0)
        close(folder_fd);
}

static bool record(struct session *session, const struct crl_target *target,
                   const struct crl_published *published)
{
    const struct ledger_event events[] = {
        {.event = "publish", .result = "done", .object = target->file},
        {.event = "publish", .result = "done", .object = target->dir},
    };

    return (!published->file_changed || ledger_record(session->ledger, &events[0]) == LEDGER_OK) &&
           (!published->dir_changed || ledger_record(session->ledger, &events[1]) == LEDGER_OK);
}

/* A file is in force after a reload: that one is due must be known before, or a kill in between hides it. */
static bool reload_is_noted(struct session *session)
{
    char *value = NULL;
    bool noted = ledger_word(session->ledger, CRL_RELOAD, &value) == LEDGER_OK;

    g_free(value);
    return noted;
}

/*
 * Another CA may publish into the same file, keeping ours as we keep its own: one at a time.  The lock is on the
 * folder, and ends with the process.  -1 after a message.
 */
static int lock_folder(const char *folder)
{
    const struct timespec pause = {.tv_nsec = 20 * 1000 * 1000};
    int64_t deadline_ms = clock_mono_ms() + LOCK_WAIT_MS;
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    while (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if ((errno == EWOULDBLOCK || errno == EINTR) && clock_mono_ms() < deadline_ms) {
            nanosleep(&pause, NULL);
            continue;
        }
        int error = errno;
        close(fd);
        errno = error;
        fd = -1;
    }
    if (fd < 0)
        log_error("cannot publish CRLs in %s: %s", folder,
                  errno == EWOULDBLOCK ? "somebody else has locked the folder; try again"
                                       : strerror(errno));
    return fd;
}

/* false after a message; both are to be closed either way. */
static bool lock_places(const struct crl_target *target, int locks[2])
{
    char *folder = target->file != NULL ? g_path_get_dirname(target->file) : NULL;
    struct stat one, two;
    bool locked = true;

    if (folder != NULL)
        locked = (locks[0] = lock_folder(folder)) >= 0;
    g_free(folder);
    if (!locked || target->dir == NULL)
        return locked;
    /* A lock is of an open folder: the same one twice would wait for itself. */
    if (locks[0] >= 0 && fstat(locks[0], &one) == 0 && stat(target->dir, &two) == 0 &&
        one.st_dev == two.st_dev && one.st_ino == two.st_ino)
        return true;
    if (faccessat(AT_FDCWD, target->dir, F_OK, 0) != 0)
        return true; /* is said when it is looked at */
    return (locks[1] = lock_folder(target->dir)) >= 0;
}

bool crl_publish_look(struct session *session, const struct crl_target *target,
                      const GArray *to_come, struct crl_published *out)
{
    int locks[2] = {-1, -1};
    struct crl_plan plan;
    bool good;

    crl_plan_init(&plan, session_now_s());
    plan.to_come = to_come;
    good = lock_places(target, locks) && plan_all(session, target, &plan);
    look(&plan, target, out);
    crl_plan_clear(&plan);
    for (size_t i = 0; i < 2; i++)
        if (locks[i] >= 0)
            close(locks[i]);
    return good;
}

enum step { STEP_DONE, STEP_AGAIN, STEP_MAKE, STEP_FAILED };

static enum step publish_once(struct session *session, const struct crl_target *target,
                              struct crl_published *out)
{
    struct ledger *ledger = session->ledger;
    struct crl_plan plan;
    enum step step = STEP_FAILED;
    size_t taken;

    crl_plan_init(&plan, session_now_s());
    if (ledger_begin(ledger) != LEDGER_OK)
        goto ledger;
    if (!plan_all(session, target, &plan)) {
        ledger_rollback(ledger);
        goto out;
    }
    if (!crl_take_over(session, &plan, &taken))
        goto failed;
    if (taken > 0) {
        if (ledger_commit(ledger) != LEDGER_OK)
            goto ledger;
        step = STEP_MAKE;
        goto out;
    }
    look(&plan, target, out);
    if (out->file_changed && !reload_is_noted(session)) {
        if (ledger_set_word(ledger, CRL_RELOAD, target->file) != LEDGER_OK ||
            ledger_commit(ledger) != LEDGER_OK)
            goto ledger;
        step = STEP_AGAIN;
        goto out;
    }
    if (plan.writes->len + plan.tidies->len == 0) {
        ledger_rollback(ledger);
        step = STEP_DONE;
        goto out;
    }
    if (!record(session, target, out))
        goto ledger;
    if (!write_all(session, target, &plan)) {
        ledger_rollback(ledger);
        goto out;
    }
    tidy_all(target, &plan);
    if (ledger_commit(ledger) != LEDGER_OK)
        goto ledger;
    step = STEP_DONE;
    goto out;
ledger:
    log_error("cannot publish the CRLs: %s", ledger_error(ledger));
failed:
    ledger_rollback(ledger);
out:
    crl_plan_clear(&plan);
    return step;
}

bool crl_publish(struct session *session, const struct crl_target *target,
                 struct crl_published *out)
{
    struct crl_published published = {0};
    int locks[2] = {-1, -1};
    enum step step = lock_places(target, locks) ? STEP_AGAIN : STEP_FAILED;

    while (step == STEP_AGAIN || step == STEP_MAKE)
        step = step == STEP_MAKE && !crl_make_all(session)
                   ? STEP_FAILED
                   : publish_once(session, target, &published);
    for (size_t i = 0; i < 2; i++)
        if (locks[i] >= 0)
            close(locks[i]);
    if (step == STEP_DONE && target->dir != NULL && published.largest > DIR_ENTRIES)
        log_notice("each new connection reads all %zu entries of the CRL in %s: with so many, "
                   "ssl_crl_file and a reload cost less than ssl_crl_dir",
                   published.largest, target->dir);
    if (out != NULL)
        *out = published;
    return step == STEP_DONE;
}
