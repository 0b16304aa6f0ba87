#include "config.h"

#include "mfa/key_file.h"

#include "common/secret.h"
#include "mfa/new_file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <openssl/rand.h>

#define LINE (2 * SEAL_KEY) /* hex digits */

static int hex_value(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static bool parse(const struct secret *text, uint8_t key[SEAL_KEY])
{
    if (text->len != LINE && !(text->len == LINE + 1 && text->ptr[LINE] == '\n'))
        return false;
    for (size_t i = 0; i < SEAL_KEY; i++) {
        int high = hex_value(text->ptr[2 * i]);
        int low = hex_value(text->ptr[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        key[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

bool key_file_read(const struct settings_keys *settings, struct kek *kek, char *why, size_t size)
{
    struct secret text;
    bool ok = false;

    *kek = (struct kek){0};
    const char *fault = secret_read_file(&text, settings->path, 1024);
    if (fault != NULL) {
        int error = errno;
        bool missing = error == ENOENT;
        snprintf(why, size, "cannot use the key file %s: it %s%s%s; %s", settings->path, fault,
                 error ? ": " : "", error ? strerror(error) : "",
                 missing ? "restore it from your backup, or run `pgsignet-mfa init` if there is no "
                           "store yet"
                         : "it must belong to daemon.user, with mode 0400");
        return false;
    }
    if (!parse(&text, kek->key))
        snprintf(why, size,
                 "cannot use the key file %s: it is not one line of %d hex digits; restore it from "
                 "your backup",
                 settings->path, LINE);
    else if (!kek_identify(kek))
        snprintf(why, size, "cannot use the key file %s: SHA-256 fails in OpenSSL", settings->path);
    else
        ok = true;
    if (!ok)
        secret_wipe(kek, sizeof *kek);
    secret_free(&text);
    return ok;
}

bool key_file_create(const char *path, const struct owner *owner, char *why, size_t size)
{
    uint8_t key[SEAL_KEY];
    char line[LINE + 2];
    bool ok = false;

    if (RAND_priv_bytes(key, sizeof key) != 1) {
        snprintf(why, size, "cannot make a key: OpenSSL has no random bytes");
        return false;
    }
    for (size_t i = 0; i < SEAL_KEY; i++)
        snprintf(line + 2 * i, 3, "%02x", (unsigned)key[i]);
    line[LINE] = '\n';
    int error = new_file_write(path, 0400, owner, bytes_of(line, LINE + 1));
    if (error != 0)
        snprintf(why, size, "cannot create the key file %s: %s", path, strerror(error));
    else
        ok = true;
    secret_wipe(key, sizeof key);
    secret_wipe(line, sizeof line);
    return ok;
}
