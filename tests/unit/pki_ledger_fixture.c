#include "config.h"

#include "tests/unit/pki_ledger_fixture.h"

#include <fcntl.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define KEYS 8

int64_t ledger_clock_s = LEDGER_NOW;

static EVP_PKEY *keys[KEYS];

static int64_t clock_now(void)
{
    return ledger_clock_s;
}

struct ledger_opening ledger_fixture_opening(bool read_only)
{
    return (struct ledger_opening){.now_s = clock_now, .uid = 1234, .read_only = read_only};
}

static EVP_PKEY *pair(int key)
{
    if (keys[key] == NULL)
        keys[key] = EVP_EC_gen("P-256");
    assert_non_null(keys[key]);
    return keys[key];
}

/* A certificate that says what is asked for; signed by its own key. */
static GByteArray *make(const char *name, struct bytes serial, int64_t not_before,
                        int64_t not_after, int key)
{
    X509 *certificate = X509_new();
    X509_NAME *subject = X509_get_subject_name(certificate);
    uint8_t *der = NULL;

    assert_int_equal(X509_set_version(certificate, 2), 1);
    assert_int_equal(
        ASN1_STRING_set(X509_get_serialNumber(certificate), serial.ptr, (int)serial.len), 1);
    assert_int_equal(
        X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const void *)name, -1, -1, 0), 1);
    ASN1_TIME_set(X509_getm_notBefore(certificate), (time_t)not_before);
    ASN1_TIME_set(X509_getm_notAfter(certificate), (time_t)not_after);
    assert_int_equal(X509_set_pubkey(certificate, pair(key)), 1);
    assert_true(X509_sign(certificate, pair(key), EVP_sha256()) > 0);
    int len = i2d_X509(certificate, &der);
    assert_true(len > 0);
    GByteArray *out = g_byte_array_new();
    g_byte_array_append(out, der, (guint)len);
    OPENSSL_free(der);
    X509_free(certificate);
    return out;
}

int64_t ledger_fixture_ca(struct ledger_fixture *f, enum ledger_purpose purpose, int64_t generation,
                          const char *file)
{
    uint8_t serial[2] = {0x55, (uint8_t)++f->drawn};
    struct ledger_authority authority = {
        .purpose = purpose,
        .generation = generation,
        .state = AUTHORITY_CURRENT,
        .file = g_strdup(file),
        .key = g_strdup("file:ca.key"),
        .not_before = LEDGER_NOW - LEDGER_DAY,
        .not_after = LEDGER_NOW + 3650 * LEDGER_DAY,
    };

    authority.der = make(file, bytes_of(serial, sizeof serial), authority.not_before,
                         authority.not_after, KEYS - 1);
    assert_int_equal(ledger_add_authority(f->ledger, &authority, false), LEDGER_OK);
    int64_t id = authority.id;
    ledger_authority_clear(&authority);
    return id;
}

int ledger_fixture_begin(void **state)
{
    struct ledger_fixture *f = g_new0(struct ledger_fixture, 1);
    struct ledger_opening opening = ledger_fixture_opening(false);

    ledger_clock_s = LEDGER_NOW;
    snprintf(f->folder, sizeof f->folder, "/tmp/pki_ledger_XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    f->folder_fd = open(f->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    f->ledger = ledger_create(f->folder_fd, f->folder, &opening, f->why, sizeof f->why);
    if (f->ledger == NULL)
        fail_msg("%s", f->why);
    f->ca = ledger_fixture_ca(f, PURPOSE_ALL, 1, "ca.crt");
    *state = f;
    return 0;
}

int ledger_fixture_end(void **state)
{
    struct ledger_fixture *f = *state;
    char command[128];

    ledger_close(f->ledger);
    close(f->folder_fd);
    snprintf(command, sizeof command, "rm -rf '%s'", f->folder);
    assert_int_equal(system(command), 0);
    g_free(f);
    return 0;
}

void ledger_fixture_reopen(struct ledger_fixture *f)
{
    struct ledger_opening opening = ledger_fixture_opening(false);

    ledger_close(f->ledger);
    f->ledger = ledger_open(f->folder_fd, f->folder, &opening, f->why, sizeof f->why);
    if (f->ledger == NULL)
        fail_msg("%s", f->why);
}

struct ledger_row ledger_fixture_row(struct ledger_fixture *f, enum ledger_kind kind,
                                     const char *name, const char *sans, int key)
{
    struct ledger_row row = {
        .authority = f->ca,
        .kind = kind,
        .serial = {0x11, 0x22, 0x33},
        .serial_len = 5,
        .name = g_strdup(name),
        .sans = g_strdup(sans),
        .path = g_strdup(""),
        .not_before = ledger_clock_s - 300,
        .not_after = ledger_clock_s + 365 * LEDGER_DAY,
    };

    f->drawn++;
    row.serial[3] = (uint8_t)(f->drawn >> 8);
    row.serial[4] = (uint8_t)f->drawn;
    if (key >= 0)
        assert_true(key_id(pair(key), row.key_id));
    else {
        row.key_id[0] = 0xee;
        memcpy(row.key_id + 1, row.serial, row.serial_len);
    }
    return row;
}

void ledger_fixture_sign(struct ledger_row *row, int key)
{
    row->der = make(row->name, bytes_of(row->serial, row->serial_len), row->not_before,
                    row->not_after, key);
}

int64_t ledger_fixture_issue(struct ledger_fixture *f, enum ledger_kind kind, const char *name,
                             const char *sans, int key, unsigned flags, int64_t replaces)
{
    struct ledger_row row = ledger_fixture_row(f, kind, name, sans, key);

    row.replaces = replaces;
    enum ledger_result result = ledger_reserve(f->ledger, &row, 1, flags, NULL, 0, NULL);
    if (result != LEDGER_OK)
        fail_msg("%d: %s", result, ledger_error(f->ledger));
    ledger_fixture_sign(&row, key);
    result = ledger_complete(f->ledger, &row, 1);
    if (result != LEDGER_OK)
        fail_msg("%d: %s", result, ledger_error(f->ledger));
    int64_t id = row.id;
    ledger_row_clear(&row);
    return id;
}

void ledger_says(struct ledger_fixture *f, const char *words)
{
    if (strstr(ledger_error(f->ledger), words) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", ledger_error(f->ledger), words);
}

static void gather(void *context, const char *sentence)
{
    g_string_append_printf(context, "%s\n", sentence);
}

void ledger_verifies(struct ledger_fixture *f, const char *words)
{
    GString *said = g_string_new(NULL);
    bool clean = ledger_verify(f->ledger, gather, said);

    if (clean != (words == NULL) || (words == NULL && said->len > 0) ||
        (words != NULL && strstr(said->str, words) == NULL))
        fail_msg("expected \"%s\", and it said: %s", words != NULL ? words : "nothing", said->str);
    g_string_free(said, TRUE);
}

void ledger_tamper(struct ledger_fixture *f, const char *sql)
{
    char path[128];
    char *error = NULL;
    sqlite3 *db = NULL;

    snprintf(path, sizeof path, "%s/" LEDGER_FILE, f->folder);
    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    sqlite3_busy_timeout(db, 10000);
    if (sqlite3_exec(db, sql, NULL, NULL, &error) != SQLITE_OK)
        fail_msg("%s: %s", sql, error);
    sqlite3_close(db);
}

void ledger_finds(struct ledger_fixture *f, struct ledger_filter filter, const char *names)
{
    GString *got = g_string_new(NULL);
    GArray *list = NULL;

    if (ledger_list(f->ledger, &filter, &list) != LEDGER_OK)
        fail_msg("%s", ledger_error(f->ledger));
    for (guint i = 0; i < list->len; i++)
        g_string_append_printf(got, "%s ", g_array_index(list, struct ledger_row, i).name);
    g_array_unref(list);
    assert_string_equal(got->str, names);
    g_string_free(got, TRUE);
}

void ledger_reserving(struct ledger_fixture *f, struct ledger_row *row, unsigned flags,
                      enum ledger_result wanted, const char *words)
{
    enum ledger_result result = ledger_reserve(f->ledger, row, 1, flags, NULL, 0, NULL);

    if (result != wanted)
        fail_msg("%d instead of %d: %s", result, wanted, ledger_error(f->ledger));
    if (words != NULL)
        ledger_says(f, words);
}

void ledger_asked(struct ledger_fixture *f, enum ledger_kind kind, const char *name,
                  const char *sans, int key, unsigned flags, enum ledger_result wanted,
                  const char *words)
{
    struct ledger_row row = ledger_fixture_row(f, kind, name, sans, key);

    ledger_reserving(f, &row, flags, wanted, words);
    ledger_row_clear(&row);
}

void ledger_asked_in_place_of(struct ledger_fixture *f, int64_t replaces, const char *name,
                              const char *path, int key, unsigned flags, enum ledger_result wanted,
                              const char *words)
{
    struct ledger_row row = ledger_fixture_row(f, KIND_CLIENT, name, "", key);

    row.replaces = replaces;
    g_free(row.path);
    row.path = g_strdup(path);
    ledger_reserving(f, &row, flags, wanted, words);
    ledger_row_clear(&row);
}
