#include "config.h"

#include "authd/named_files.h"

#include <errno.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/secret.h"

/* Larger than any of these files can be. */
#define SECRET_MAX 65536

/* Each says what is wrong with the file, or NULL; errno is ENOENT where it is not there. */
static const char *cannot_read(const char *path)
{
    return access(path, R_OK) == 0 ? NULL : strerror(errno);
}

/* By the rule by which it is read in a login, so that none is found there that was good here. */
static const char *unfit_secret(const char *path)
{
    struct secret secret;
    const char *fault = secret_read_file(&secret, path, SECRET_MAX);

    secret_free(&secret);
    return fault != NULL && errno != 0 ? strerror(errno) : fault;
}

static const char *unfit_store(const char *path)
{
    struct stat st;

    if (stat(path, &st) != 0 || access(path, R_OK | W_OK) != 0)
        return strerror(errno);
    return st.st_uid == geteuid() ? NULL : "belongs to another user";
}

/* The file is made where there is none. */
static const char *cannot_write(const char *path)
{
    char *copy;
    const char *fault;

    if (access(path, R_OK | W_OK) == 0)
        return NULL;
    if (errno != ENOENT || (copy = strdup(path)) == NULL)
        return strerror(errno);
    fault = access(dirname(copy), W_OK | X_OK) == 0 ? NULL : strerror(errno);
    free(copy);
    return fault;
}

int named_files_report(const struct settings *settings, FILE *out)
{
    static const char mode[] = "it must be readable by daemon.user";
    static const char secret[] = "it must belong to daemon.user, with mode 0400";
    static const char store[] = "it must belong to daemon.user, with mode 0600";
    static const char trail[] = "file and folder must be daemon.user's, or nobody gets in";
    static const char reload[] = "daemon.user must be able to read it, or no reload takes it";
    static const char init[] = "`pgsignet-mfa init` makes it, if this host had none before";
    bool has_key = settings->keys.provider == KEY_PROVIDER_FILE;
    bool has_store = settings->store.engine == STORE_ENGINE_SQLITE;
    bool has_trail = settings->audit.file != NULL && *settings->audit.file != '\0';
    const struct {
        const char *key, *path;
        const char *(*fault)(const char *);
        const char *missing, *advice;
    } files[] = {
        {"the configuration", settings->path, cannot_read, reload, reload},
        {"keys.path", has_key ? settings->keys.path : NULL, unfit_secret, init, secret},
        {"store.path", has_store ? settings->store.path : NULL, unfit_store, init, store},
        {"audit.file", has_trail ? settings->audit.file : NULL, cannot_write, trail, trail},
        {"ldap.bind_password_file", settings->ldap.bind_password_file, unfit_secret, secret, secret},
        {"ldap.ca_file", settings->ldap.ca_file, cannot_read, mode, mode},
        {"ldap.cert_file", settings->ldap.cert_file, cannot_read, mode, mode},
        {"ldap.key_file", settings->ldap.key_file, cannot_read, secret, secret},
    };
    int n = 0;

    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        errno = 0;
        const char *fault = files[i].path != NULL ? files[i].fault(files[i].path) : NULL;
        if (fault == NULL)
            continue;
        fprintf(out, "warning: %s %s: %s; %s\n", files[i].key, files[i].path, fault,
                errno == ENOENT ? files[i].missing : files[i].advice);
        n++;
    }
    return n;
}
