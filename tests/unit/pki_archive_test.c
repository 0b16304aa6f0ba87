/* An archive opens with its passphrase as it was sealed, and with one bit changed anywhere not at all. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pki/archive.h"

#define PASSPHRASE "correct horse battery"

static void put(struct archive *archive, const char *path, mode_t mode, const char *text)
{
    struct secret content = {0};

    assert_true(secret_copy(&content, bytes_str(text)));
    assert_true(archive_add(archive, path, mode, &content));
    assert_null(content.ptr); /* it was taken over */
}

static void make(struct archive *archive)
{
    archive_init(archive);
    archive->made_s = 1796000000;
    archive->seq = 42;
    memset(archive->head, 0xa5, sizeof archive->head);
    put(archive, "ledger.db", 0600, "SQLite format 3");
    put(archive, "ca/ca.key", 0600, "a secret");
    put(archive, "misc/Zo\xc3\xab.crt", 0644, "");
}

static GByteArray *sealed(void)
{
    struct archive archive;
    GByteArray *out = g_byte_array_new();
    char why[256];

    make(&archive);
    if (!archive_seal(&archive, bytes_str(PASSPHRASE), out, why, sizeof why))
        fail_msg("%s", why);
    archive_clear(&archive);
    return out;
}

static bool opens(const GByteArray *text, const char *passphrase, struct archive *out, char *why,
                  size_t size)
{
    return archive_open(bytes_of(text->data, text->len), bytes_str(passphrase), out, why, size);
}

static void what_was_sealed_comes_out(void **state)
{
    GByteArray *text = sealed();
    struct archive archive = {0};
    const struct archive_file *file;
    char why[256] = "";

    (void)state;
    assert_true(opens(text, PASSPHRASE, &archive, why, sizeof why));
    assert_int_equal(archive.made_s, 1796000000);
    assert_int_equal(archive.seq, 42);
    assert_int_equal(archive.head[31], 0xa5);
    assert_int_equal(archive.files->len, 3);
    file = archive_find(&archive, "ca/ca.key");
    assert_non_null(file);
    assert_int_equal(file->mode, 0600);
    assert_int_equal(file->content.len, 8);
    assert_memory_equal(file->content.ptr, "a secret", 8);
    assert_int_equal(archive_find(&archive, "misc/Zo\xc3\xab.crt")->content.len, 0);
    assert_null(archive_find(&archive, "ca.key"));
    archive_clear(&archive);
    g_byte_array_unref(text);
}

static void nothing_of_it_can_be_read_in_the_file(void **state)
{
    GByteArray *text = sealed();

    (void)state;
    assert_null(memmem(text->data, text->len, "a secret", 8));
    assert_null(memmem(text->data, text->len, "ca.key", 6));
    g_byte_array_unref(text);
}

static void another_passphrase_opens_nothing(void **state)
{
    GByteArray *text = sealed();
    struct archive archive = {0};
    char why[256] = "";

    (void)state;
    assert_false(opens(text, "correct horse batterz", &archive, why, sizeof why));
    assert_non_null(strstr(why, "passphrase is wrong"));
    assert_int_equal(archive.files->len, 0);
    archive_clear(&archive);
    g_byte_array_unref(text);
}

/* Salt, nonce, body and tag; a changed KDF is another test, since it may cost minutes. */
static void a_changed_or_missing_byte_is_found(void **state)
{
    GByteArray *text = sealed();
    const guint places[] = {20, 36, 48, text->len / 2, text->len - 17, text->len - 1};
    struct archive archive = {0};
    char why[256] = "";

    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(places); i++) {
        text->data[places[i]] ^= 0x01;
        assert_false(opens(text, PASSPHRASE, &archive, why, sizeof why));
        archive_clear(&archive);
        text->data[places[i]] ^= 0x01;
    }
    g_byte_array_set_size(text, text->len - 1);
    assert_false(opens(text, PASSPHRASE, &archive, why, sizeof why));
    archive_clear(&archive);
    g_byte_array_unref(text);
}

static void a_header_that_would_cost_the_machine_is_refused(void **state)
{
    GByteArray *text = sealed();
    struct archive archive = {0};
    char why[256] = "";

    (void)state;
    text->data[8] = 0x10; /* N = 2^28: 256 GiB */
    assert_false(opens(text, PASSPHRASE, &archive, why, sizeof why));
    assert_non_null(strstr(why, "scrypt"));
    archive_clear(&archive);
    text->data[7] = 2; /* PBKDF2, 268 million rounds */
    assert_false(opens(text, PASSPHRASE, &archive, why, sizeof why));
    assert_non_null(strstr(why, "PBKDF2"));
    archive_clear(&archive);
    text->data[7] = 9;
    assert_false(opens(text, PASSPHRASE, &archive, why, sizeof why));
    assert_non_null(strstr(why, "later"));
    archive_clear(&archive);
    g_byte_array_unref(text);
}

static void what_is_no_archive_is_said_to_be_none(void **state)
{
    static const char *const texts[] = {"", "PGSCA1\n",
                                        "-----BEGIN CERTIFICATE-----\n and more and more and more"};
    struct archive archive = {0};
    char why[256];

    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        assert_false(
            archive_open(bytes_str(texts[i]), bytes_str(PASSPHRASE), &archive, why, sizeof why));
        assert_non_null(strstr(why, "no archive"));
        archive_clear(&archive);
    }
}

static void a_path_stays_in_its_folder(void **state)
{
    static const char *const refused[] = {"",     "/etc/passwd", "..",  "../x", "a/../x",
                                          "a//b", "a/",          "./a", "a/."};
    struct archive archive;

    (void)state;
    archive_init(&archive);
    for (size_t i = 0; i < G_N_ELEMENTS(refused); i++) {
        struct secret content = {0};

        assert_true(secret_copy(&content, bytes_str("x")));
        assert_false(archive_add(&archive, refused[i], 0600, &content));
        assert_null(content.ptr);
    }
    put(&archive, "a/.../b..c", 0600, "x");
    assert_int_equal(archive.files->len, 1);
    archive_clear(&archive);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_sealed_comes_out),
        cmocka_unit_test(nothing_of_it_can_be_read_in_the_file),
        cmocka_unit_test(another_passphrase_opens_nothing),
        cmocka_unit_test(a_changed_or_missing_byte_is_found),
        cmocka_unit_test(a_header_that_would_cost_the_machine_is_refused),
        cmocka_unit_test(what_is_no_archive_is_said_to_be_none),
        cmocka_unit_test(a_path_stays_in_its_folder),
    };

    return cmocka_run_group_tests_name("pki archive", tests, NULL, NULL);
}
