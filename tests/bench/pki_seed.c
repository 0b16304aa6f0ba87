/*
 * pki_seed - fills a CA's ledger with certificates that were signed by its key, but have no files.
 *
 *   pki_seed DIR N [--revoked]     N clients seed000000...; all of them revoked
 *
 * DIR is of the seed layout, its key not encrypted.  The clients share one key pair for the signing; the ledger is told
 * a key id of its own for each.  Their ends are spread over the next 398 days.
 */
#include "config.h"

#include "common/crypto.h"
#include "pki/ledger.h"
#include "pki/place.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define FILE_MOST 65536
#define BATCH     5000 /* rows of one transaction */
#define WHY       512
#define DAY       86400

struct seed {
    int folder_fd;
    struct ledger *ledger;
    struct key *ca_key, *key;
    X509 *ca;
    int64_t authority, now_s;
    bool revoked;
};

static char why[WHY];

static int64_t now_s(void)
{
    return time(NULL);
}

static bool fail(const char *what)
{
    fprintf(stderr, "pki_seed: %s: %s\n", what, why);
    return false;
}

static bool load(struct seed *seed, const char *path, GByteArray *out)
{
    g_byte_array_set_size(out, 0);
    return place_load(seed->folder_fd, path, false, FILE_MOST, out, why, sizeof why) || fail(path);
}

static bool open_all(struct seed *seed, const char *dir)
{
    const struct ledger_opening opening = {.now_s = now_s, .uid = getuid()};
    GByteArray *text = g_byte_array_new();
    GArray *authorities = NULL;
    bool done = false;

    seed->now_s = now_s();
    seed->folder_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    seed->ledger = ledger_open(seed->folder_fd, dir, &opening, why, sizeof why);
    if (seed->ledger == NULL) {
        fail(dir);
        goto out;
    }
    if (!load(seed, "ca.crt", text) ||
        (seed->ca = certificate_read(bytes_of(text->data, text->len), why, sizeof why)) == NULL ||
        !load(seed, "ca.key", text) ||
        (seed->ca_key = key_read(bytes_of(text->data, text->len), (struct bytes){0}, why,
                                 sizeof why)) == NULL ||
        (seed->key = key_generate(KEY_P256, why, sizeof why)) == NULL) {
        fail("the CA's key and certificate");
        goto out;
    }
    if (ledger_authorities(seed->ledger, &authorities) != LEDGER_OK || authorities->len == 0) {
        fail(ledger_error(seed->ledger));
        goto out;
    }
    seed->authority = g_array_index(authorities, struct ledger_authority, 0).id;
    done = true;
out:
    if (authorities != NULL)
        g_array_unref(authorities);
    g_byte_array_unref(text);
    return done;
}

static bool sign(struct seed *seed, struct ledger_row *row, struct name_san *urn)
{
    const struct certificate_wish wish = {.use = LINT_CLIENT,
                                          .common_name = bytes_str(row->name),
                                          .sans = urn,
                                          .n_sans = 1,
                                          .key = key_public(seed->key),
                                          .not_before = row->not_before,
                                          .not_after = row->not_after,
                                          .path_length = -1,
                                          .client_auth = true,
                                          .serial = bytes_of(row->serial, row->serial_len)};

    return certificate_sign(&wish, NULL, seed->ca, seed->ca_key, row->der, why, sizeof why) &&
           crypto_sha256(bytes_of(row->der->data, row->der->len), row->fingerprint);
}

static bool add(struct seed *seed, unsigned long number, unsigned long total)
{
    struct ledger_row row = {.authority = seed->authority,
                             .kind = KIND_CLIENT,
                             .state = LEDGER_ISSUED,
                             .name = g_strdup_printf("seed%06lu", number),
                             .path = g_strdup(""),
                             .not_before = seed->now_s - CERTIFICATE_BACKDATE,
                             .created_s = seed->now_s,
                             .der = g_byte_array_new()};
    struct name_san urn = {.kind = NAME_URI, .text = name_role_urn(bytes_str(row.name))};
    bool done = false;

    row.sans = g_strconcat("URI:", urn.text, NULL);
    /* The last one ends with the longest window. */
    row.not_after =
        seed->now_s + DAY +
        (int64_t)((double)(CERTIFICATE_LEAF_S - 2 * DAY) * (double)number / (double)total);
    if (!crypto_random(row.key_id, sizeof row.key_id) ||
        !certificate_serial(row.serial, &row.serial_len) || !sign(seed, &row, &urn)) {
        fail(row.name);
        goto out;
    }
    if (ledger_adopt(seed->ledger, &row) != LEDGER_OK ||
        (seed->revoked &&
         ledger_revoke(seed->ledger, row.id, REVOKED_KEY_COMPROMISE) != LEDGER_OK)) {
        snprintf(why, sizeof why, "%s", ledger_error(seed->ledger));
        fail(row.name);
        goto out;
    }
    done = true;
out:
    name_san_clear(&urn);
    ledger_row_clear(&row);
    return done;
}

static bool add_all(struct seed *seed, unsigned long n)
{
    for (unsigned long i = 0; i < n; i++) {
        if (i % BATCH == 0 && ((i > 0 && ledger_commit(seed->ledger) != LEDGER_OK) ||
                               ledger_begin(seed->ledger) != LEDGER_OK))
            return fail(ledger_error(seed->ledger));
        if (!add(seed, i, n))
            return false;
    }
    return n == 0 || ledger_commit(seed->ledger) == LEDGER_OK || fail(ledger_error(seed->ledger));
}

int main(int argc, char **argv)
{
    struct seed seed = {.folder_fd = -1, .revoked = argc == 4};

    if (argc < 3 || argc > 4 || (argc == 4 && strcmp(argv[3], "--revoked") != 0)) {
        fputs("Usage: pki_seed DIR N [--revoked]\n", stderr);
        return 64;
    }
    bool done = open_all(&seed, argv[1]) && add_all(&seed, strtoul(argv[2], NULL, 10));
    ledger_close(seed.ledger);
    X509_free(seed.ca);
    key_free(seed.ca_key);
    key_free(seed.key);
    return done ? 0 : 1;
}
