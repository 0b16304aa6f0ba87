#include "config.h"

#include "mfa/rekey_file.h"

#include "common/secret.h"
#include "common/write_all.h"
#include "mfa/as_owner.h"
#include "mfa/key_file.h"
#include "mfa/new_file.h"
#include "mfa/owner.h"
#include "mfa/rekey.h"
#include "mfa/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

struct change {
    const struct settings *settings;
    struct owner owner;
    const char *path; /* keys.path */
    char fresh[NEW_FILE_PATH_MAX];
    char old[NEW_FILE_PATH_MAX];
    rekey_file_watch *watch;
    void *context;
    char *why;
    size_t size;
};

/* What is done to the store, with the key at PATH open. */
typedef enum mfa_result store_step(struct mfa *mfa, const struct change *c, char *why, size_t size);

static enum mfa_result fault(const struct change *c, const char *task, const char *path, int error)
{
    snprintf(c->why, c->size, "cannot %s %s: %s", task, path, strerror(error));
    return MFA_KEY;
}

static enum mfa_result check_store(struct mfa *mfa, const struct change *c, char *why, size_t size)
{
    bool others;
    char id[KEK_ID_MAX];
    enum mfa_result result = rekey_has_others(mfa, &others, id);

    if (result != MFA_OK) {
        snprintf(why, size, "%s", mfa_error(mfa));
    } else if (others) {
        snprintf(why, size,
                 "a change of the KEK has not ended: the store is opened by the key %s too, and "
                 "there is no %s; if that key is to go, run `rekey --kek --retire` first",
                 id, c->old);
        result = MFA_STATE;
    }
    return result;
}

static enum mfa_result add_wraps(struct mfa *mfa, const struct change *c, char *why, size_t size)
{
    struct settings_keys to = c->settings->keys;
    char id[KEK_ID_MAX];

    to.path = (char *)(uintptr_t)c->fresh; /* only read */
    enum mfa_result result = rekey_add_wraps(mfa, &to, id);
    if (result == MFA_EXISTS) /* an earlier run came so far */
        return MFA_OK;
    if (result != MFA_OK)
        snprintf(why, size, "%s", mfa_error(mfa));
    return result;
}

static enum mfa_result retire(struct mfa *mfa, const struct change *c, char *why, size_t size)
{
    size_t removed;
    enum mfa_result result = rekey_retire_wraps(mfa, &removed);

    (void)c;
    if (result != MFA_OK)
        snprintf(why, size, "%s", mfa_error(mfa));
    return result;
}

struct work {
    const struct change *c;
    store_step *step;
};

static enum mfa_result run_work(void *context, char *why, size_t size)
{
    const struct work *work = context;
    enum mfa_result result = MFA_STORE;
    struct mfa *mfa = NULL;
    enum reason reason = mfa_open(work->c->settings, &mfa, why, size);

    if (reason == REASON_GRANTED)
        result = work->step(mfa, work->c, why, size);
    else if (reason == REASON_KEY_UNAVAILABLE)
        result = MFA_KEY;
    mfa_close(mfa);
    return result;
}

static enum mfa_result in_store(const struct change *c, store_step *step)
{
    struct work work = {c, step};
    struct as_owner_report report;

    switch (as_owner(c->settings->daemon.user, run_work, &work, &report)) {
    case AS_OWNER_TOLD:
        if (report.result != MFA_OK)
            snprintf(c->why, c->size, "%s", report.why);
        return report.result;
    case AS_OWNER_NOT_STARTED:
        return fault(c, "start a process for", c->settings->store.path, errno);
    case AS_OWNER_LOST:
        break;
    }
    snprintf(c->why, c->size, "the process that changes the store ended before it was done");
    return MFA_STORE;
}

/* 0, or the errno of lstat (ENOENT: there is none). */
static int look(const char *path, struct stat *st)
{
    return lstat(path, st) == 0 ? 0 : errno;
}

static bool same_file(const char *a, const char *b)
{
    struct stat one, two;

    return look(a, &one) == 0 && look(b, &two) == 0 && one.st_dev == two.st_dev &&
           one.st_ino == two.st_ino;
}

static bool exists(const char *path)
{
    struct stat st;

    return look(path, &st) != ENOENT;
}

static enum mfa_result tell(const struct change *c, enum rekey_file_stage stage)
{
    if (c->watch == NULL || c->watch(c->context, stage))
        return MFA_OK;
    snprintf(c->why, c->size, "the change of the key was stopped; run it again to end it");
    return MFA_STATE;
}

/* The old key keeps a name, then the new one takes its place: PATH is never without a key. */
static enum mfa_result put_in_place(const struct change *c)
{
    if (link(c->path, c->old) != 0 && !(errno == EEXIST && same_file(c->path, c->old)))
        return fault(c, "keep the old key as", c->old, errno);
    int error = new_file_sync_folder(c->path);
    if (error == 0 && rename(c->fresh, c->path) != 0)
        error = errno;
    if (error == 0)
        error = new_file_sync_folder(c->path);
    return error == 0 ? MFA_OK : fault(c, "put the new key in place of", c->path, error);
}

/* Overwrites, as far as the file system lets that reach the disk, and removes. */
static enum mfa_result wipe_old(const struct change *c)
{
    static const uint8_t zeros[256];
    struct stat st;
    int error = 0;

    int fd = open(c->old, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 && errno != ENOENT && errno != EACCES)
        return fault(c, "open", c->old, errno);
    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink == 1 &&
        (size_t)st.st_size <= sizeof zeros && fchmod(fd, 0600) == 0) {
        int out = open(c->old, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
        if (out < 0 || write_all(out, bytes_of(zeros, (size_t)st.st_size)) != 0 || fsync(out) != 0)
            error = errno;
        if (out >= 0)
            close(out);
    }
    if (fd >= 0)
        close(fd);
    if (error != 0)
        return fault(c, "overwrite", c->old, error);
    if (unlink(c->old) != 0 && errno != ENOENT)
        return fault(c, "remove", c->old, errno);
    error = new_file_sync_folder(c->path);
    return error == 0 ? MFA_OK : fault(c, "sync the folder of", c->path, error);
}

static enum mfa_result run(const struct change *c)
{
    enum mfa_result result = MFA_OK;

    int error = new_file_sweep(c->fresh);
    if (error != 0)
        return fault(c, "remove what a killed run left beside", c->path, error);
    if (!exists(c->fresh) && !exists(c->old)) {
        result = in_store(c, check_store);
        if (result == MFA_OK && !key_file_create(c->fresh, &c->owner, c->why, c->size))
            result = MFA_KEY;
        if (result == MFA_OK)
            result = tell(c, REKEY_FILE_MADE);
    }
    if (result == MFA_OK && exists(c->fresh)) {
        result = in_store(c, add_wraps);
        if (result == MFA_OK)
            result = tell(c, REKEY_FILE_ADDED);
        if (result == MFA_OK)
            result = put_in_place(c);
        if (result == MFA_OK)
            result = tell(c, REKEY_FILE_SWITCHED);
    }
    if (result == MFA_OK) {
        result = in_store(c, retire);
        if (result == MFA_OK)
            result = tell(c, REKEY_FILE_RETIRED);
    }
    if (result == MFA_OK)
        result = wipe_old(c);
    return result == MFA_OK ? tell(c, REKEY_FILE_WIPED) : result;
}

enum mfa_result rekey_key_file(const struct settings *settings, rekey_file_watch *watch,
                               void *context, char *why, size_t size)
{
    struct change c = {
        .settings = settings,
        .owner = {.uid = geteuid(), .gid = getegid()},
        .path = settings->keys.path,
        .watch = watch,
        .context = context,
        .why = why,
        .size = size,
    };

    if (geteuid() == 0 && !owner_find(settings->daemon.user, &c.owner, why, size))
        return MFA_KEY;
    int n = snprintf(c.fresh, sizeof c.fresh, "%s.new", c.path);
    int m = snprintf(c.old, sizeof c.old, "%s.old", c.path);
    if (n < 0 || (size_t)n >= sizeof c.fresh || m < 0 || (size_t)m >= sizeof c.old)
        return fault(&c, "put a new key beside", c.path, ENAMETOOLONG);
    return run(&c);
}
