/* Requests: what is taken, and each hostile one refused for what is wrong with it. */
#include "config.h"

#include "pki/request.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SAMPLES SOURCE_DIR "/tests/fuzz/corpus/pki_request"
#define LIST    SOURCE_DIR "/tests/unit/pki_request_samples.tsv"

/* A file's bytes in a block of just that size, so that sanitizers see what reads beyond; free. */
static uint8_t *load(const char *name, size_t *len)
{
    static uint8_t buffer[2 * REQUEST_MAX];
    char path[512];
    uint8_t *block;
    FILE *file;

    snprintf(path, sizeof path, SAMPLES "/%s", name);
    file = fopen(path, "rb");
    if (file == NULL)
        fail_msg("%s is missing", path);
    *len = fread(buffer, 1, sizeof buffer, file);
    fclose(file);
    block = malloc(*len > 0 ? *len : 1);
    assert_non_null(block);
    memcpy(block, buffer, *len);
    return block;
}

static bool read_sample(const char *name, enum request_use use, struct request *out, char why[512])
{
    size_t len;
    uint8_t *block = load(name, &len);
    bool taken = request_read(bytes_of(block, len), use, out, why, 512);

    free(block);
    return taken;
}

/* Runs each row of the list that is (or is not) a good one; returns how many there were. */
static size_t each_row(bool good)
{
    FILE *list = fopen(LIST, "r");
    char name[128], word[16], phrase[256], why[512] = "";
    size_t n = 0, faults = 0;

    assert_non_null(list);
    while (fscanf(list, "%127[^\t]\t%15[^\t]\t%255[^\n]\n", name, word, phrase) == 3) {
        enum request_use use = strcmp(word, "client") == 0 ? REQUEST_CLIENT : REQUEST_SERVER;
        struct request request;

        if ((strcmp(phrase, "-") == 0) != good)
            continue;
        n++;
        bool taken = read_sample(name, use, &request, why);
        if (taken != good || (!good && strstr(why, phrase) == NULL)) {
            print_error("%s: %s, not \"%s\"\n", name, taken ? "was taken" : why, phrase);
            faults++;
        }
        assert_true(taken == (request.key != NULL && taken));
        request_clear(&request);
    }
    fclose(list);
    assert_int_equal(faults, 0);
    return n;
}

static void test_good_requests_are_taken(void **state)
{
    (void)state;
    assert_true(each_row(true) >= 18);
}

static void test_each_hostile_request_is_refused_for_what_is_wrong_with_it(void **state)
{
    (void)state;
    assert_true(each_row(false) >= 200);
}

static void test_every_sample_is_in_the_list(void **state)
{
    DIR *folder = opendir(SAMPLES);
    FILE *list = fopen(LIST, "r");
    size_t files = 0, rows = 0;
    struct dirent *entry;
    int c;

    (void)state;
    assert_non_null(folder);
    assert_non_null(list);
    while ((entry = readdir(folder)) != NULL)
        files += entry->d_name[0] != '.';
    while ((c = getc(list)) != EOF)
        rows += c == '\n';
    closedir(folder);
    fclose(list);
    assert_int_equal(files, rows);
}

static void test_names_of_a_server_are_read_as_people_write_them(void **state)
{
    static const char *const expected[] = {"DNS:db1.example.com", "DNS:*.pg.example.com",
                                           "IP:192.0.2.7", "IP:2001:db8::1"};
    struct request request;
    char why[512];

    (void)state;
    assert_true(read_sample("good-pem-crlf", REQUEST_SERVER, &request, why));
    assert_string_equal(request.common_name, "db1");
    assert_int_equal(request.n_sans, 4);
    for (size_t i = 0; i < 4; i++) {
        GString *text = g_string_new(NULL);

        name_san_write(&request.sans[i], text);
        assert_string_equal(text->str, expected[i]);
        g_string_free(text, TRUE);
    }
    request_clear(&request);
}

static void test_a_client_keeps_its_role_alone(void **state)
{
    struct request request;
    char why[512];

    (void)state;
    assert_true(read_sample("good-client", REQUEST_CLIENT, &request, why));
    assert_string_equal(request.common_name, "app");
    assert_int_equal(request.n_sans, 0);
    request_clear(&request);
    /* The same names, asked for as a server's and as a client's. */
    assert_false(read_sample("good-server", REQUEST_CLIENT, &request, why));
    request_clear(&request);
    assert_true(read_sample("good-no-subject", REQUEST_SERVER, &request, why));
    assert_null(request.common_name);
    request_clear(&request);
}

static void test_more_than_64_kib_is_refused_whatever_is_in_it(void **state)
{
    size_t len;
    uint8_t *block = load("good-pem", &len), *padded = calloc(1, REQUEST_MAX + 1);
    struct request request;
    char why[512];

    (void)state;
    memset(padded, '\n', REQUEST_MAX + 1);
    memcpy(padded, block, len);
    assert_true(
        request_read(bytes_of(padded, REQUEST_MAX), REQUEST_SERVER, &request, why, sizeof why));
    request_clear(&request);
    assert_false(
        request_read(bytes_of(padded, REQUEST_MAX + 1), REQUEST_SERVER, &request, why, sizeof why));
    assert_non_null(strstr(why, "64 KiB"));
    request_clear(&request);
    free(padded);
    free(block);
}

static void test_a_request_that_is_cut_anywhere_is_refused(void **state)
{
    size_t len;
    uint8_t *block = load("good-server", &len);
    struct request request;
    char why[512];

    (void)state;
    for (size_t cut = 0; cut < len; cut++) {
        uint8_t *piece = malloc(cut > 0 ? cut : 1);

        memcpy(piece, block, cut);
        assert_false(request_read(bytes_of(piece, cut), REQUEST_SERVER, &request, why, sizeof why));
        request_clear(&request);
        free(piece);
    }
    free(block);
}

static void test_a_request_with_any_octet_changed_is_refused(void **state)
{
    size_t len;
    uint8_t *block = load("good-server", &len);
    struct request request;
    char why[512];

    (void)state;
    for (size_t i = 0; i < len; i++) {
        block[i] ^= 1;
        if (request_read(bytes_of(block, len), REQUEST_SERVER, &request, why, sizeof why))
            fail_msg("octet %zu was changed, and nobody saw it", i);
        request_clear(&request);
        block[i] ^= 1;
    }
    free(block);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_requests_are_taken),
        cmocka_unit_test(test_each_hostile_request_is_refused_for_what_is_wrong_with_it),
        cmocka_unit_test(test_every_sample_is_in_the_list),
        cmocka_unit_test(test_names_of_a_server_are_read_as_people_write_them),
        cmocka_unit_test(test_a_client_keeps_its_role_alone),
        cmocka_unit_test(test_more_than_64_kib_is_refused_whatever_is_in_it),
        cmocka_unit_test(test_a_request_that_is_cut_anywhere_is_refused),
        cmocka_unit_test(test_a_request_with_any_octet_changed_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
