#include "config.h"

#include "mfa/tokens.h"

#include "mfa/key_file.h"
#include "mfa/keyring.h"
#include "mfa/new_file.h"
#include "mfa/owner.h"
#include "mfa/store.h"

#include "common/crypto.h"
#include "common/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Reads the key and makes the store, as the user it will belong to. */
static enum mfa_result make_store(const struct settings *settings, char *why, size_t size)
{
    struct kek kek;
    struct store_identity identity;

    if (!crypto_start(settings->fips == FIPS_REQUIRE, why, size) ||
        !kek_open(&settings->keys, &kek, why, size))
        return MFA_KEY;
    bool ok = keyring_create(&kek, &identity, why, size);
    kek_close(&kek);
    if (!ok)
        return MFA_KEY;
    switch (store_engine(&settings->store)->create(&settings->store, &identity, why, size)) {
    case STORE_OK:
        why[0] = '\0'; /* with MFA_OK a sentence would say what was upgraded */
        return MFA_OK;
    case STORE_EXISTS:
        return MFA_EXISTS;
    default:
        return MFA_STORE;
    }
}

/* Brings an older store up to date. */
static enum mfa_result upgrade_store(const struct settings *settings, char *why, size_t size)
{
    switch (store_engine(&settings->store)->upgrade(&settings->store, why, size)) {
    case STORE_OK:
        return MFA_OK;
    case STORE_NONE:
        return MFA_EXISTS;
    default:
        return MFA_STORE;
    }
}

typedef enum mfa_result store_work(const struct settings *settings, char *why, size_t size);

/* What the child below tells its parent. */
struct child_report {
    enum mfa_result result;
    char why[STORE_ERROR];
};

static void run_child(const struct settings *settings, store_work *work, int to)
{
    struct child_report report = {.result = MFA_STORE};

    if (owner_become(settings->daemon.user, report.why, sizeof report.why))
        report.result = work(settings, report.why, sizeof report.why);
    ssize_t n = write(to, &report, sizeof report); /* below PIPE_BUF: whole or not at all */
    _exit(n == (ssize_t)sizeof report ? 0 : 1);
}

/*
 * The store is made or upgraded by a child that has become daemon.user: SQLite never runs as root, and the parent
 * can still take back what it made if the child fails.
 */
static enum mfa_result as_owner(const struct settings *settings, store_work *work, char *why,
                                size_t size)
{
    struct child_report report;
    int ends[2];
    ssize_t n;

    if (geteuid() != 0)
        return work(settings, why, size);
    if (pipe2(ends, O_CLOEXEC) != 0) {
        snprintf(why, size, "cannot start a process for the store: %s", strerror(errno));
        return MFA_STORE;
    }
    fflush(NULL);
    pid_t child = fork();
    if (child < 0) {
        snprintf(why, size, "cannot start a process for the store: %s", strerror(errno));
        close(ends[0]);
        close(ends[1]);
        return MFA_STORE;
    }
    if (child == 0)
        run_child(settings, work, ends[1]);
    close(ends[1]);
    do
        n = read(ends[0], &report, sizeof report);
    while (n < 0 && errno == EINTR);
    close(ends[0]);
    while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
        ;
    if (n != (ssize_t)sizeof report) {
        snprintf(why, size, "the process that makes the store ended before it was done");
        return MFA_STORE;
    }
    snprintf(why, size, "%s", report.why);
    return report.result;
}

/* The key's folder is root's and readable by the daemon's group; the store's is the daemon's. */
static enum mfa_result make_folders(const struct settings *settings, const struct owner *owner,
                                    struct new_folders *made, char *why, size_t size)
{
    struct owner key_folder = {.uid = 0, .gid = owner->gid};
    int error = 0;

    if (settings->keys.provider == KEY_PROVIDER_FILE)
        error = new_folder_for(settings->keys.path, 0750, &key_folder, made);
    if (error != 0) {
        snprintf(why, size, "cannot make the folder of the key file %s: %s", settings->keys.path,
                 strerror(error));
        return MFA_KEY;
    }
    if (settings->store.engine == STORE_ENGINE_SQLITE)
        error = new_folder_for(settings->store.path, 0700, owner, made);
    if (error != 0) {
        snprintf(why, size, "cannot make the folder of the token store %s: %s",
                 settings->store.path, strerror(error));
        return MFA_STORE;
    }
    return MFA_OK;
}

/* In the store's owner's name as well: a server may know nobody else. */
static enum mfa_result find_store(const struct settings *settings, char *why, size_t size)
{
    why[0] = '\0';
    (void)size;
    return store_engine(&settings->store)->exists(&settings->store) ? MFA_EXISTS : MFA_OK;
}

/* There is a store: never a new one in its place, but its tables may be of an older version. */
static enum mfa_result keep_store(const struct settings *settings, bool has_key, char *why,
                                  size_t size)
{
    if (!has_key) {
        snprintf(why, size,
                 "the token store %s exists, but its key file does not: restore the key file "
                 "(keys.path) from your backup; nothing was changed",
                 store_where(&settings->store));
        return MFA_KEY;
    }
    enum mfa_result result = as_owner(settings, upgrade_store, why, size);
    if (result == MFA_EXISTS)
        snprintf(why, size, "the token store %s exists already; nothing was changed",
                 store_where(&settings->store));
    return result;
}

enum mfa_result mfa_init(const struct settings *settings, char *why, size_t size)
{
    struct owner owner = {.uid = geteuid(), .gid = getegid()};
    struct new_folders made = {0};
    struct stat st;
    bool key_is_new = false;

    why[0] = '\0';
    if (geteuid() == 0 && !owner_find(settings->daemon.user, &owner, why, size))
        return MFA_STORE;
    /* Only a file is ours to make; what another provider holds is there, or make_store says it is not. */
    bool has_key =
        settings->keys.provider != KEY_PROVIDER_FILE || lstat(settings->keys.path, &st) == 0;
    if (as_owner(settings, find_store, why, size) == MFA_EXISTS)
        return keep_store(settings, has_key, why, size);
    enum mfa_result result = make_folders(settings, &owner, &made, why, size);
    if (result == MFA_OK && !has_key) {
        key_is_new = key_file_create(settings->keys.path, &owner, why, size);
        if (!key_is_new)
            result = MFA_KEY;
    }
    if (result == MFA_OK)
        result = as_owner(settings, make_store, why, size);
    if (result == MFA_OK) {
        new_folders_keep(&made);
        return result;
    }
    if (key_is_new)
        unlink(settings->keys.path);
    new_folders_undo(&made);
    return result;
}
