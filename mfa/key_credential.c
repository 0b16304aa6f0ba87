#include "config.h"

#include "mfa/key_credential.h"

#include "common/secret.h"
#include "mfa/key_raw.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CREDENTIAL_PATH 4096

/*
 * systemd gives the files to the unit's user, or keeps them root's with an access list (mode 0440):
 * what secret_read_file takes.
 */
bool key_credential_open(const struct settings_keys *settings, struct kek *kek, char *why,
                         size_t size)
{
    const char *folder = getenv("CREDENTIALS_DIRECTORY");
    char path[CREDENTIAL_PATH];
    struct secret text;

    if (folder == NULL || folder[0] != '/') {
        snprintf(why, size,
                 "cannot read the credential \"%s\": $CREDENTIALS_DIRECTORY names no folder; start "
                 "this by systemd with LoadCredentialEncrypted=%s:FILE (for one command: "
                 "systemd-run, see docs/keys.md)",
                 settings->credential, settings->credential);
        return false;
    }
    int n = snprintf(path, sizeof path, "%s/%s", folder, settings->credential);
    if (n < 0 || (size_t)n >= sizeof path) {
        snprintf(why, size, "cannot read the credential \"%s\": its path is too long",
                 settings->credential);
        return false;
    }
    const char *fault = secret_read_file(&text, path, 1024);
    if (fault != NULL) {
        int error = errno;
        snprintf(why, size,
                 "cannot use the credential %s: it %s%s%s; the unit needs "
                 "LoadCredentialEncrypted=%s:FILE and the User= of daemon.user",
                 path, fault, error ? ": " : "", error ? strerror(error) : "",
                 settings->credential);
        return false;
    }
    fault = key_raw_open(kek, secret_bytes(&text));
    secret_free(&text);
    if (fault == NULL)
        return true;
    snprintf(why, size, "cannot use the credential %s: it %s; encrypt the right key anew", path,
             fault);
    return false;
}
