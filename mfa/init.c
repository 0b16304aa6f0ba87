#include "config.h"

#include "mfa/tokens.h"

#include "mfa/as_owner.h"
#include "mfa/key_file.h"
#include "mfa/keyring.h"
#include "mfa/new_file.h"
#include "mfa/owner.h"
#include "mfa/store.h"

#include "common/crypto.h"
#include "common/secret.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
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

struct work {
    const struct settings *settings;
    store_work *run;
};

static enum mfa_result run_work(void *context, char *why, size_t size)
{
    const struct work *work = context;

    return work->run(work->settings, why, size);
}

/* SQLite never runs as root: root has the store made or upgraded by its owner. */
static enum mfa_result by_owner(const struct settings *settings, store_work *run, char *why,
                                size_t size)
{
    struct work work = {settings, run};
    struct as_owner_report report;

    if (geteuid() != 0)
        return run(settings, why, size);
    switch (as_owner(settings->daemon.user, run_work, &work, &report)) {
    case AS_OWNER_TOLD:
        snprintf(why, size, "%s", report.why);
        return report.result;
    case AS_OWNER_NOT_STARTED:
        snprintf(why, size, "cannot start a process for the store: %s", strerror(errno));
        return MFA_STORE;
    case AS_OWNER_LOST:
        break;
    }
    snprintf(why, size, "the process that makes the store ended before it was done");
    return MFA_STORE;
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
    enum mfa_result result = by_owner(settings, upgrade_store, why, size);
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
    if (by_owner(settings, find_store, why, size) == MFA_EXISTS)
        return keep_store(settings, has_key, why, size);
    enum mfa_result result = make_folders(settings, &owner, &made, why, size);
    if (result == MFA_OK && !has_key) {
        key_is_new = key_file_create(settings->keys.path, &owner, why, size);
        if (!key_is_new)
            result = MFA_KEY;
    }
    if (result == MFA_OK)
        result = by_owner(settings, make_store, why, size);
    if (result == MFA_OK) {
        new_folders_keep(&made);
        return result;
    }
    if (key_is_new)
        unlink(settings->keys.path);
    new_folders_undo(&made);
    return result;
}
