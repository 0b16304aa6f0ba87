#include "config.h"

#include "authd/named_files.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

int named_files_report(const struct settings *settings, FILE *out)
{
    static const char mode[] = "it must be readable by daemon.user";
    static const char secret[] = "it must belong to daemon.user, with mode 0400";
    static const char init[] = "`pgsignet-mfa init` makes it, if this host had none before";
    bool has_file = settings->keys.provider == KEY_PROVIDER_FILE;
    const char *key_file = has_file ? settings->keys.path : NULL;
    const char *store_file =
        settings->store.engine == STORE_ENGINE_SQLITE ? settings->store.path : NULL;
    const struct {
        const char *key, *path, *advice;
    } files[] = {
        {"keys.path",               key_file,                          init  },
        {"store.path",              store_file,                        init  },
        {"ldap.bind_password_file", settings->ldap.bind_password_file, secret},
        {"ldap.ca_file",            settings->ldap.ca_file,            mode  },
        {"ldap.cert_file",          settings->ldap.cert_file,          mode  },
        {"ldap.key_file",           settings->ldap.key_file,           secret},
    };
    int n = 0;

    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        if (files[i].path == NULL || access(files[i].path, R_OK) == 0)
            continue;
        const char *advice = files[i].advice == init && errno != ENOENT ? secret : files[i].advice;
        fprintf(out, "warning: %s %s: %s; %s\n", files[i].key, files[i].path, strerror(errno),
                advice);
        n++;
    }
    return n;
}
