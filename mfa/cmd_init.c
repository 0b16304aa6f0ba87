/* pgsignet-mfa init: the key, the empty store, and the place for the audit file. */
#include "config.h"

#include "mfa/cli.h"

#include "common/log.h"
#include "mfa/display.h"
#include "mfa/key_provider.h"
#include "mfa/owner.h"
#include "mfa/session.h"
#include "mfa/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * As root makes the folder of the audit file, if it is not there, and gives it to daemon.user; the
 * folder above it must exist.  As anybody else leaves that to audit_open's message.
 */
static bool make_audit_folder(const struct settings *settings)
{
    struct owner owner;
    char why[512] = "";
    char *folder = strdup(settings->audit.file);
    char *slash = folder ? strrchr(folder, '/') : NULL;
    bool done = false;
    int fd = -1;

    if (folder == NULL)
        return false;
    if (geteuid() != 0 || slash == NULL || slash == folder) {
        free(folder);
        return true;
    }
    *slash = '\0';
    if (mkdir(folder, 0750) != 0) {
        done = errno == EEXIST;
        if (!done)
            log_error("cannot make the audit folder %s: %s", folder, strerror(errno));
        goto out;
    }
    if (!owner_find(settings->daemon.user, &owner, why, sizeof why)) {
        log_error("%s", why);
        goto out;
    }
    fd = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    done = fd >= 0 && fchown(fd, owner.uid, owner.gid) == 0;
    if (!done)
        log_error("cannot give the audit folder %s to %s: %s", folder, settings->daemon.user,
                  strerror(errno));
out:
    if (fd >= 0)
        close(fd);
    free(folder);
    return done;
}

static int report(const struct cli *cli)
{
    const struct settings *settings = cli->settings;

    const char *key = key_where(&settings->keys);

    if (!cli->json && settings->keys.provider == KEY_PROVIDER_FILE) {
        printf("Store %s and key %s are ready; they belong to %s.\n"
               "Keep a copy of the key apart from copies of the store.\n",
               store_where(&settings->store), key, settings->daemon.user);
        return COMMAND_DONE;
    }
    if (!cli->json) {
        printf("Store %s is ready; it belongs to %s and is opened by the key of keys.%s (%s).\n"
               "Without that key nobody opens it: see that there is a copy, apart from the store's.\n",
               store_where(&settings->store), settings->daemon.user,
               key_provider(&settings->keys)->name, key);
        return COMMAND_DONE;
    }
    json_t *object = json_object();
    if (object == NULL || !escape_json(object, "store", bytes_str(store_where(&settings->store))) ||
        !escape_json(object, "key", bytes_str(key)) ||
        !escape_json(object, "owner", bytes_str(settings->daemon.user))) {
        json_decref(object);
        object = NULL;
    }
    return display_print(object) ? COMMAND_DONE : COMMAND_FAILED;
}

/* Who else could not become the owner should hear that before anything is made. */
static bool may_init(const struct settings *settings)
{
    struct owner owner;
    char why[512] = "";

    if (!owner_find(settings->daemon.user, &owner, why, sizeof why)) {
        log_error("%s", why);
        return false;
    }
    if (geteuid() == 0 || geteuid() == owner.uid)
        return true;
    log_error("run init as root (sudo) or as %s", settings->daemon.user);
    return false;
}

/* For the administrator of a database in which we may not make tables. */
static int print_sql(const struct settings *settings)
{
    const char *sql = store_sql(&settings->store);

    if (sql == NULL) {
        log_error("only a store in PostgreSQL is made with SQL: %s names one in SQLite; name the "
                  "other configuration with --config",
                  settings->path);
        return COMMAND_FAILED;
    }
    printf("BEGIN;\n%sCOMMIT;\n", sql);
    return COMMAND_DONE;
}

int cmd_init(struct cli *cli, const struct arguments *arguments)
{
    char why[512] = "";

    if (arguments->given[OPT_PRINT_SQL])
        return print_sql(cli->settings);
    if (!may_init(cli->settings) || !make_audit_folder(cli->settings))
        return COMMAND_FAILED;
    switch (mfa_init(cli->settings, why, sizeof why)) {
    case MFA_OK:
        break;
    case MFA_EXISTS:
        log_error("%s is there already; nothing was changed", store_where(&cli->settings->store));
        return COMMAND_FAILED;
    default:
        log_error("%s", why);
        return COMMAND_FAILED;
    }
    if (!session_become_owner(cli) || !session_open_audit(cli)) {
        log_error("store and key were made all the same, without an audit event");
        return COMMAND_FAILED;
    }
    if (!session_record(cli, "init", bytes_of(NULL, 0), NULL))
        return COMMAND_FAILED;
    if (why[0] != '\0' && !cli->json) {
        printf("%s\n", why); /* it was there, and was upgraded */
        return COMMAND_DONE;
    }
    return report(cli);
}
