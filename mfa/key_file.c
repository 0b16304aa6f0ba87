#include "config.h"

#include "mfa/key_file.h"

#include "common/crypto.h"
#include "common/secret.h"
#include "mfa/key_raw.h"
#include "mfa/new_file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

bool key_file_read(const char *what, const char *path, struct kek *kek, char *why, size_t size)
{
    struct secret text;
    const char *fault = secret_read_file(&text, path, 1024);

    *kek = (struct kek){0};
    if (fault != NULL) {
        int error = errno;
        bool missing = error == ENOENT;
        snprintf(why, size, "cannot use %s %s: it %s%s%s; %s", what, path, fault, error ? ": " : "",
                 error ? strerror(error) : "",
                 missing ? "restore it from your backup, or run `pgsignet-mfa init` if there is no "
                           "store yet"
                         : "it must belong to daemon.user, with mode 0400");
        return false;
    }
    fault = key_raw_open(kek, secret_bytes(&text));
    secret_free(&text);
    if (fault == NULL)
        return true;
    snprintf(why, size, "cannot use %s %s: it %s; restore it from your backup", what, path, fault);
    return false;
}

bool key_file_open(const struct settings_keys *settings, struct kek *kek, char *why, size_t size)
{
    return key_file_read("the key file", settings->path, kek, why, size);
}

bool key_file_create(const char *path, const struct owner *owner, char *why, size_t size)
{
    uint8_t key[SEAL_KEY];
    char line[KEY_RAW_HEX + 2];
    bool ok = false;

    if (!crypto_random_secret(key, sizeof key)) {
        snprintf(why, size, "cannot make a key: OpenSSL has no random bytes");
        return false;
    }
    for (size_t i = 0; i < SEAL_KEY; i++)
        snprintf(line + 2 * i, 3, "%02x", (unsigned)key[i]);
    line[KEY_RAW_HEX] = '\n';
    int error = new_file_write(path, 0400, owner, bytes_of(line, KEY_RAW_HEX + 1));
    if (error != 0)
        snprintf(why, size, "cannot create the key file %s: %s", path, strerror(error));
    else
        ok = true;
    secret_wipe(key, sizeof key);
    secret_wipe(line, sizeof line);
    return ok;
}
