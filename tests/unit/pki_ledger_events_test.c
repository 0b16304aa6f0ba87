/* Proves the chain of events, that tampering is found, and the trail as a file. */
#include "config.h"

#include "tests/unit/pki_ledger_fixture.h"

#include "common/crypto.h"

#include <fcntl.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* --- the chain, as a stranger checks it --- */

struct chain {
    char prev[65];
    int64_t seq;
    GString *events; /* "ca-init issue " */
};

/* Knows of a line only what docs/audit.md says. */
static void check_line(struct chain *chain, const char *line, size_t len)
{
    char hash[65];
    uint8_t digest[CRYPTO_SHA256];
    json_t *event = json_loadb(line, len, 0, NULL);

    assert_non_null(event);
    assert_int_equal(json_integer_value(json_object_get(event, "seq")), chain->seq + 1);
    assert_string_equal(json_string_value(json_object_get(event, "prev")), chain->prev);
    assert_true(crypto_sha256(bytes_of(line, len - 75), digest)); /* without ,"hash":"64"} */
    for (size_t i = 0; i < sizeof digest; i++)
        snprintf(hash + 2 * i, 3, "%02x", digest[i]);
    assert_string_equal(json_string_value(json_object_get(event, "hash")), hash);
    memcpy(chain->prev, hash, sizeof hash);
    chain->seq++;
    g_string_append_printf(chain->events, "%s ",
                           json_string_value(json_object_get(event, "event")));
    json_decref(event);
}

static bool check_event(void *context, int64_t seq, struct bytes line)
{
    struct chain *chain = context;

    assert_int_equal(seq, chain->seq + 1);
    check_line(chain, (const char *)line.ptr, line.len);
    return true;
}

static struct chain chain_begin(void)
{
    struct chain chain = {.events = g_string_new(NULL)};

    memset(chain.prev, '0', 64);
    return chain;
}

static void has_events(struct ledger_fixture *f, const char *events)
{
    struct chain chain = chain_begin();

    assert_int_equal(ledger_each_event(f->ledger, 1, check_event, &chain), LEDGER_OK);
    assert_string_equal(chain.events->str, events);
    g_string_free(chain.events, TRUE);
}

static void every_act_is_one_event_of_the_chain(void **state)
{
    struct ledger_fixture *f = *state;
    int64_t first = ledger_fixture_issue(f, KIND_CLIENT, "app", "", 0, 0, 0);
    int64_t second = ledger_fixture_issue(f, KIND_CLIENT, "app", "", 0, LEDGER_SAME_KEY, first);
    ledger_fixture_issue(f, KIND_CLIENT, "app", "", 1, 0, second);
    struct ledger_row row = ledger_fixture_row(f, KIND_CLIENT, "b", "", -1);
    int64_t number;

    assert_int_equal(ledger_reserve(f->ledger, &row, 1, 0, NULL, 0, NULL), LEDGER_OK);
    assert_int_equal(ledger_abandon(f->ledger, &row.id, 1, "why not"), LEDGER_OK);
    ledger_row_clear(&row);
    assert_int_equal(ledger_revoke(f->ledger, first, REVOKED_HOLD), LEDGER_OK);
    assert_int_equal(ledger_release(f->ledger, first), LEDGER_OK);
    assert_int_equal(ledger_revoke(f->ledger, first, 1), LEDGER_OK);
    assert_int_equal(ledger_next_crl(f->ledger, f->ca, ledger_clock_s, ledger_clock_s + 9, &number),
                     LEDGER_OK);
    assert_int_equal(ledger_record(f->ledger, &(struct ledger_event){.event = "publish",
                                                                     .result = "failed",
                                                                     .object = "pg1",
                                                                     .alert = true}),
                     LEDGER_OK);
    has_events(f, "ca-init issue renew rekey abandon hold release revoke crl publish ");
    ledger_verifies(f, NULL);
}

static bool keep_line(void *context, int64_t seq, struct bytes line)
{
    (void)seq;
    g_string_assign(context, "");
    g_string_append_len(context, (const char *)line.ptr, (gssize)line.len);
    return true;
}

static void an_event_says_what_was_signed_for_whom_by_whom(void **state)
{
    struct ledger_fixture *f = *state;
    GString *line = g_string_new(NULL);
    int64_t seq = 0;
    uint8_t hash[32];

    ledger_fixture_issue(f, KIND_CLIENT, "ap\"p", "", 0, 0, 0);
    assert_int_equal(ledger_head(f->ledger, &seq, hash), LEDGER_OK);
    assert_int_equal(seq, 2);
    assert_int_equal(ledger_each_event(f->ledger, seq, keep_line, line), LEDGER_OK);
    json_t *event = json_loads(line->str, 0, NULL);
    assert_string_equal(json_string_value(json_object_get(event, "subject")), "ap\"p");
    assert_string_equal(json_string_value(json_object_get(event, "serial")), "1122330002");
    assert_string_equal(json_string_value(json_object_get(event, "time")),
                        "2027-01-15T08:00:00.000Z");
    assert_string_equal(json_string_value(json_object_get(event, "result")), "done");
    assert_int_equal(json_integer_value(json_object_get(event, "uid")), 1234);
    assert_non_null(
        strstr(json_string_value(json_object_get(event, "detail")), "client until 2028-01-15"));
    json_decref(event);
    g_string_free(line, TRUE);
}

static void a_long_text_still_makes_one_line_of_4096_bytes(void **state)
{
    struct ledger_fixture *f = *state;
    GString *line = g_string_new(NULL);
    char *text = g_strnfill(9000, 0x01);

    assert_int_equal(ledger_record(f->ledger, &(struct ledger_event){.event = "deploy",
                                                                     .result = "failed",
                                                                     .name = bytes_str(text),
                                                                     .object = text,
                                                                     .detail = text}),
                     LEDGER_OK);
    assert_int_equal(ledger_each_event(f->ledger, 2, keep_line, line), LEDGER_OK);
    assert_true(line->len < 4096);
    assert_null(strchr(line->str, '\n'));
    g_free(text);
    g_string_free(line, TRUE);
    has_events(f, "ca-init deploy ");
}

/* --- tampering --- */

static void tampering_is_found(void **state)
{
    struct ledger_fixture *f = *state;
    static const struct {
        const char *sql, *back, *words;
    } cases[] = {
        {"UPDATE event SET line = replace(line, 'app', 'bpp') WHERE seq = 2",
         "UPDATE event SET line = replace(line, 'bpp', 'app') WHERE seq = 2",
         "the event 2 of the ledger does not fit the chain"},
        {"UPDATE event SET seq = 99 WHERE seq = 3", "UPDATE event SET seq = 3 WHERE seq = 99",
         "some are missing"},
        {"UPDATE certificate SET revoked_s = 0, reason = 0 WHERE name = 'gone'",
         "UPDATE certificate SET revoked_s = 1800000000, reason = 1 WHERE name = 'gone'",
         "is not revoked, and the events say keyCompromise"},
        {"UPDATE certificate SET not_after = not_after + 1 WHERE name = 'app'",
         "UPDATE certificate SET not_after = not_after - 1 WHERE name = 'app'",
         "another time than its certificate"},
        {"UPDATE certificate SET name = 'bpp' WHERE name = 'app'",
         "UPDATE certificate SET name = 'app' WHERE name = 'bpp'",
         "another name than its certificate"},
        {"UPDATE certificate SET serial = x'1122330099' WHERE name = 'app'",
         "UPDATE certificate SET serial = x'1122330002' WHERE name = 'app'",
         "another serial than its certificate"},
        {"UPDATE certificate SET key_id = zeroblob(32) WHERE name = 'gone'",
         "UPDATE certificate SET key_id = (SELECT key_id FROM certificate WHERE name = 'app')",
         "another key than its certificate"},
        {"UPDATE body SET der = x'00' WHERE certificate = 1", NULL, "another fingerprint"},
    };

    ledger_fixture_issue(f, KIND_CLIENT, "app", "", 0, 0, 0);
    int64_t gone = ledger_fixture_issue(f, KIND_CLIENT, "gone", "", 1, 0, 0);
    assert_int_equal(ledger_revoke(f->ledger, gone, REVOKED_KEY_COMPROMISE), LEDGER_OK);
    ledger_verifies(f, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ledger_tamper(f, cases[i].sql);
        ledger_verifies(f, cases[i].words);
        if (cases[i].back == NULL)
            break;
        if (i != 6) {
            ledger_tamper(f, cases[i].back);
            ledger_verifies(f, NULL);
        }
    }
}

static void a_removed_row_and_a_foreign_one_are_found(void **state)
{
    struct ledger_fixture *f = *state;

    ledger_fixture_issue(f, KIND_CLIENT, "app", "", 0, 0, 0);
    ledger_fixture_issue(f, KIND_CLIENT, "other", "", 1, 0, 0);
    ledger_tamper(f, "DELETE FROM body WHERE certificate = 1;"
                     "DELETE FROM certificate WHERE id = 1");
    ledger_verifies(f, "serial 1122330002 was issued, and the ledger has none");
    ledger_tamper(f, "DELETE FROM event WHERE seq = 3"); /* the head is cut off */
    ledger_verifies(f, "no event says that the certificate \"other\"");
}

static void another_certificate_under_the_same_serial_is_found(void **state)
{
    struct ledger_fixture *f = *state;
    struct ledger_row row = ledger_fixture_row(f, KIND_CLIENT, "app", "", 0);
    char sql[4096];
    uint8_t fingerprint[32];

    assert_int_equal(ledger_reserve(f->ledger, &row, 1, 0, NULL, 0, NULL), LEDGER_OK);
    ledger_fixture_sign(&row, 0);
    assert_int_equal(ledger_complete(f->ledger, &row, 1), LEDGER_OK);
    g_byte_array_unref(row.der);
    ledger_fixture_sign(&row, 0); /* ECDSA: another signature, all else alike */
    assert_true(crypto_sha256(bytes_of(row.der->data, row.der->len), fingerprint));
    GString *hex = g_string_new("UPDATE body SET der = x'");
    for (guint i = 0; i < row.der->len; i++)
        g_string_append_printf(hex, "%02x", row.der->data[i]);
    g_string_append(hex, "'; UPDATE certificate SET fingerprint = x'");
    for (size_t i = 0; i < 32; i++)
        g_string_append_printf(hex, "%02x", fingerprint[i]);
    snprintf(sql, sizeof sql, "%s'", hex->str);
    ledger_tamper(f, sql);
    ledger_verifies(f, "is another than the event says");
    g_string_free(hex, TRUE);
    ledger_row_clear(&row);
}

static void crl_numbers_that_go_back_are_found(void **state)
{
    struct ledger_fixture *f = *state;
    int64_t number;

    for (int i = 0; i < 3; i++)
        assert_int_equal(
            ledger_next_crl(f->ledger, f->ca, ledger_clock_s, ledger_clock_s + 9, &number),
            LEDGER_OK);
    ledger_tamper(f, "UPDATE authority SET crl_number = 1");
    ledger_verifies(f, "the last CRL of ca.crt has the number 1, and the events say 3");
    assert_int_equal(ledger_next_crl(f->ledger, f->ca, ledger_clock_s, ledger_clock_s + 9, &number),
                     LEDGER_OK);
    ledger_verifies(f, "the CRL number 2 of ca.crt came after 3");
}

static void a_damaged_page_is_found_and_said(void **state)
{
    struct ledger_fixture *f = *state;

    for (int i = 0; i < 8; i++) {
        char name[8];
        snprintf(name, sizeof name, "a%d", i);
        ledger_fixture_issue(f, KIND_CLIENT, name, "", i < 7 ? i : 0, LEDGER_SECOND, 0);
        if (i == 6)
            break;
    }
    ledger_close(f->ledger);
    f->ledger = NULL;
    int fd = openat(f->folder_fd, LEDGER_FILE, O_RDWR | O_CLOEXEC);
    char zero[4096] = {0};
    struct stat st;
    assert_int_equal(fstat(fd, &st), 0);
    for (off_t at = 8 * 4096; at < st.st_size; at += 2 * 4096)
        assert_int_equal(pwrite(fd, zero, sizeof zero, at), sizeof zero);
    close(fd);
    ledger_fixture_reopen(f);
    ledger_verifies(f, "damaged");
}

/* --- the trail --- */

static void trail_path(struct ledger_fixture *f, char out[128])
{
    snprintf(out, 128, "%s/trail/audit.jsonl", f->folder);
}

static char *read_trail(struct ledger_fixture *f)
{
    char path[128];
    gchar *text = NULL;

    trail_path(f, path);
    assert_true(g_file_get_contents(path, &text, NULL, NULL));
    return text;
}

/* The lines of the trail are the chain from its first event to its last; foreign lines are passed over. */
static void trail_has(struct ledger_fixture *f, int64_t events)
{
    struct chain chain = chain_begin();
    char *text = read_trail(f);
    gchar **lines = g_strsplit(text, "\n", -1);

    for (size_t i = 0; lines[i] != NULL; i++)
        if (strstr(lines[i], ",\"hash\":\"") != NULL)
            check_line(&chain, lines[i], strlen(lines[i]));
    assert_int_equal(chain.seq, events);
    g_strfreev(lines);
    g_free(text);
    g_string_free(chain.events, TRUE);
}

static void the_trail_has_each_event_once_in_order(void **state)
{
    struct ledger_fixture *f = *state;
    char path[128];
    struct stat st;
    mode_t before = umask(0777);

    trail_path(f, path);
    assert_true(ledger_write_trail(f->ledger, path)); /* the folder is made */
    umask(before);
    trail_has(f, 1);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0640);
    assert_true(ledger_write_trail(f->ledger, path));
    ledger_fixture_issue(f, KIND_CLIENT, "a", "", 0, 0, 0);
    ledger_fixture_issue(f, KIND_CLIENT, "b", "", 1, 0, 0);
    assert_true(ledger_write_trail(f->ledger, path));
    ledger_fixture_reopen(f);
    assert_true(ledger_write_trail(f->ledger, path));
    trail_has(f, 3);
}

static void a_trail_without_the_ledgers_word_is_not_doubled(void **state)
{
    struct ledger_fixture *f = *state;
    char path[128];

    trail_path(f, path);
    ledger_fixture_issue(f, KIND_CLIENT, "a", "", 0, 0, 0);
    assert_true(ledger_write_trail(f->ledger, path));
    /* Killed after the append, before the word. */
    assert_int_equal(ledger_set_word(f->ledger, "trail", "1"), LEDGER_OK);
    assert_true(ledger_write_trail(f->ledger, path));
    trail_has(f, 2);
}

static void a_torn_line_and_foreign_ones_are_passed_over(void **state)
{
    struct ledger_fixture *f = *state;
    char path[128];

    trail_path(f, path);
    ledger_fixture_issue(f, KIND_CLIENT, "a", "", 0, 0, 0);
    assert_true(ledger_write_trail(f->ledger, path));
    int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
    assert_int_equal(write(fd, "{\"other\":1}\n{\"time\":\"20", 23), 23);
    close(fd);
    ledger_fixture_issue(f, KIND_CLIENT, "b", "", 1, 0, 0);
    assert_true(ledger_write_trail(f->ledger, path));
    trail_has(f, 3);
    char *text = read_trail(f);
    assert_non_null(strstr(text, "{\"time\":\"20\n{\"time\""));
    g_free(text);
}

static void a_trail_that_was_cut_is_filled_again(void **state)
{
    struct ledger_fixture *f = *state;
    char path[128];

    trail_path(f, path);
    assert_true(ledger_write_trail(f->ledger, path));
    char *first = read_trail(f);
    ledger_fixture_issue(f, KIND_CLIENT, "a", "", 0, 0, 0);
    ledger_fixture_issue(f, KIND_CLIENT, "b", "", 1, 0, 0);
    assert_true(ledger_write_trail(f->ledger, path));
    assert_int_equal(truncate(path, (off_t)strlen(first)), 0); /* a power cut */
    g_free(first);
    assert_true(ledger_write_trail(f->ledger, path));
    trail_has(f, 3);
}

static void a_rotated_trail_goes_on_where_the_old_one_ended(void **state)
{
    struct ledger_fixture *f = *state;
    char path[128];

    trail_path(f, path);
    ledger_fixture_issue(f, KIND_CLIENT, "a", "", 0, 0, 0);
    assert_true(ledger_write_trail(f->ledger, path));
    assert_int_equal(unlink(path), 0);
    ledger_fixture_issue(f, KIND_CLIENT, "b", "", 1, 0, 0);
    assert_true(ledger_write_trail(f->ledger, path));
    char *text = read_trail(f);
    assert_non_null(strstr(text, "\"seq\":3"));
    assert_null(strstr(text, "\"seq\":2"));
    g_free(text);
}

static void a_trail_that_cannot_be_written_is_said_and_comes_later(void **state)
{
    struct ledger_fixture *f = *state;
    char path[128], folder[128];

    trail_path(f, path);
    snprintf(folder, sizeof folder, "%s/trail", f->folder);
    assert_int_equal(mkdir(folder, 0755), 0);
    assert_int_equal(symlink("/etc/passwd", path), 0);
    assert_false(ledger_write_trail(f->ledger, path));
    ledger_says(f, "symbolic link");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_false(ledger_write_trail(f->ledger, path));
    ledger_says(f, "not a regular file");
    assert_int_equal(unlink(path), 0);
    assert_true(ledger_write_trail(f->ledger, path));
    trail_has(f, 1);
}

#define test(name) cmocka_unit_test_setup_teardown(name, ledger_fixture_begin, ledger_fixture_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(every_act_is_one_event_of_the_chain),
        test(an_event_says_what_was_signed_for_whom_by_whom),
        test(a_long_text_still_makes_one_line_of_4096_bytes),
        test(tampering_is_found),
        test(a_removed_row_and_a_foreign_one_are_found),
        test(another_certificate_under_the_same_serial_is_found),
        test(crl_numbers_that_go_back_are_found),
        test(a_damaged_page_is_found_and_said),
        test(the_trail_has_each_event_once_in_order),
        test(a_trail_without_the_ledgers_word_is_not_doubled),
        test(a_torn_line_and_foreign_ones_are_passed_over),
        test(a_trail_that_was_cut_is_filled_again),
        test(a_rotated_trail_goes_on_where_the_old_one_ended),
        test(a_trail_that_cannot_be_written_is_said_and_comes_later),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
