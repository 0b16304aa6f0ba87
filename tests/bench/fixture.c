#include "config.h"

#include "tests/bench/fixture.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool make_nothing(const struct pool *pool, const char *where)
{
    (void)pool;
    (void)where;
    return true;
}

/* RFC 4648, 20 bytes to 32 characters: no padding. */
static void base32(const uint8_t secret[POOL_SECRET], char out[33])
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    uint64_t bits = 0;
    unsigned n_bits = 0;
    size_t n = 0;

    for (size_t i = 0; i < POOL_SECRET; i++) {
        bits = bits << 8 | secret[i];
        for (n_bits += 8; n_bits >= 5; n_bits -= 5) {
            out[n++] = alphabet[bits >> (n_bits - 5) & 31];
        }
    }
    out[n] = '\0';
}

/* In place, so that the file keeps the owner that its module gave it. */
static bool write_google(const char *dir, const struct pool_user *user)
{
    char path[512], text[128], secret[33];

    base32(user->secret, secret);
    snprintf(path, sizeof path, "%s/%s", dir, user->name);
    int n = snprintf(text, sizeof text, "%s\n\" WINDOW_SIZE 3\n\" DISALLOW_REUSE\n\" TOTP_AUTH\n",
                     secret);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool written = fd >= 0 && write(fd, text, (size_t)n) == n;

    if (!written) {
        perror(path);
    }
    if (fd >= 0) {
        close(fd);
    }
    return written;
}

static bool make_google(const struct pool *pool, const char *where)
{
    bool done = true;

    for (size_t i = 0; i < pool->n && done; i++) {
        done = write_google(where, &pool->at[i]);
    }
    return done;
}

static bool renew_google(const struct pool *pool, const char *where)
{
    bool done = true;

    for (size_t i = 0; i < pool->n && done; i++) {
        done = pool->at[i].next_step == 0 || write_google(where, &pool->at[i]);
    }
    return done;
}

static bool make_oath(const struct pool *pool, const char *where)
{
    int fd = open(where, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;

    if (file == NULL) {
        perror(where);
        return false;
    }
    for (size_t i = 0; i < pool->n; i++) {
        fprintf(file, "HOTP/T%d/%d %s - ", POOL_PERIOD, POOL_DIGITS, pool->at[i].name);
        for (size_t j = 0; j < POOL_SECRET; j++) {
            fprintf(file, "%02x", pool->at[i].secret[j]);
        }
        fputc('\n', file);
    }
    return fclose(file) == 0;
}

/* clang-format off */
static const struct fixture fixtures[] = {
    {"none",        make_nothing,       make_nothing       },
    {"google",      make_google,        renew_google       },
    {"oath",        make_oath,          make_oath          },
    {"pgsignet",    fixture_store_make, fixture_store_renew},
    {"pgsignet-pg", fixture_pg_make,    fixture_pg_renew   },
};
/* clang-format on */

const struct fixture *fixture_find(const char *name)
{
    for (size_t i = 0; i < sizeof fixtures / sizeof fixtures[0]; i++) {
        if (strcmp(fixtures[i].name, name) == 0) {
            return &fixtures[i];
        }
    }
    return NULL;
}
