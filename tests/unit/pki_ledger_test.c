/* Proves the life of a row in the ledger, alone and beside other processes, and what questions answer. */
#include "config.h"

#include "tests/unit/pki_ledger_fixture.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define PROCESSES 20

/* --- the life of a row --- */

static void a_row_is_reserved_then_issued_and_read_back_whole(void **state)
{
    struct ledger_fixture *f = *state;
    struct ledger_row row = ledger_fixture_row(f, KIND_SERVER, "db1", "DNS:db1,IP:192.0.2.1", 0);
    struct ledger_row got;

    g_free(row.path);
    row.path = g_strdup("servers/db1");
    row.has_key = true;
    assert_int_equal(ledger_reserve(f->ledger, &row, 1, 0, NULL, 0, NULL), LEDGER_OK);
    assert_true(row.id > 0);
    assert_int_equal(row.created_s, LEDGER_NOW);
    ledger_fixture_reopen(f); /* it was on disk before anything was signed */
    assert_int_equal(ledger_get(f->ledger, row.id, &got), LEDGER_OK);
    assert_int_equal(got.state, LEDGER_RESERVED);
    assert_null(got.der);
    ledger_row_clear(&got);

    ledger_fixture_sign(&row, 0);
    assert_int_equal(ledger_complete(f->ledger, &row, 1), LEDGER_OK);
    assert_int_equal(ledger_by_serial(f->ledger, bytes_of(row.serial, row.serial_len), &got),
                     LEDGER_OK);
    assert_int_equal(got.id, row.id);
    assert_int_equal(got.state, LEDGER_ISSUED);
    assert_int_equal(got.authority, f->ca);
    assert_int_equal(got.kind, KIND_SERVER);
    assert_string_equal(got.name, "db1");
    assert_string_equal(got.sans, "DNS:db1,IP:192.0.2.1");
    assert_string_equal(got.path, "servers/db1");
    assert_true(got.has_key);
    assert_int_equal(got.not_before, row.not_before);
    assert_int_equal(got.not_after, row.not_after);
    assert_memory_equal(got.key_id, row.key_id, KEY_ID);
    assert_int_equal(got.der->len, row.der->len);
    assert_memory_equal(got.der->data, row.der->data, row.der->len);
    ledger_row_clear(&row);
    assert_int_equal(ledger_by_fingerprint(f->ledger, got.fingerprint, &row), LEDGER_OK);
    assert_int_equal(row.id, got.id);
    ledger_row_clear(&got);
    ledger_row_clear(&row);
    ledger_verifies(f, NULL);
}

static void a_serial_is_found_with_and_without_a_zero_in_front(void **state)
{
    struct ledger_fixture *f = *state;
    struct ledger_row row = ledger_fixture_row(f, KIND_CLIENT, "app", "", -1), got;
    const uint8_t padded[] = {0x00, 0xff, 0x01}, bare[] = {0xff, 0x01};

    memcpy(row.serial, padded, sizeof padded);
    row.serial_len = sizeof padded;
    assert_int_equal(ledger_reserve(f->ledger, &row, 1, 0, NULL, 0, NULL), LEDGER_OK);
    ledger_row_clear(&row);
    assert_int_equal(ledger_by_serial(f->ledger, bytes_of(bare, 2), &got), LEDGER_OK);
    ledger_row_clear(&got);
    assert_int_equal(ledger_by_serial(f->ledger, bytes_of(padded, 3), &got), LEDGER_OK);
    ledger_row_clear(&got);
    assert_int_equal(ledger_by_serial(f->ledger, bytes_of(padded, 2), &got), LEDGER_NONE);
}

static void what_is_no_more_reserved_is_not_completed(void **state)
{
    struct ledger_fixture *f = *state;
    struct ledger_row row = ledger_fixture_row(f, KIND_CLIENT, "app", "", 0);

    assert_int_equal(ledger_reserve(f->ledger, &row, 1, 0, NULL, 0, NULL), LEDGER_OK);
    ledger_fixture_sign(&row, 0);
    assert_int_equal(ledger_abandon(f->ledger, &row.id, 1, "taken for left over"), LEDGER_OK);
    assert_int_equal(ledger_complete(f->ledger, &row, 1), LEDGER_REFUSED);
    ledger_says(f, "abandoned meanwhile");
    assert_int_equal(ledger_abandon(f->ledger, &row.id, 1, "again"), LEDGER_REFUSED);
    ledger_row_clear(&row);
    ledger_verifies(f, NULL);
}

static void completing_is_all_or_nothing(void **state)
{
    struct ledger_fixture *f = *state;
    struct ledger_row rows[2] = {
        ledger_fixture_row(f, KIND_CLIENT, "a", "", 0),
        ledger_fixture_row(f, KIND_CLIENT, "b", "", 1),
    };
    struct ledger_counts counts;

    assert_int_equal(ledger_reserve(f->ledger, rows, 2, 0, NULL, 0, NULL), LEDGER_OK);
    ledger_fixture_sign(&rows[0], 0); /* the second has no certificate */
    assert_int_equal(ledger_complete(f->ledger, rows, 2), LEDGER_FAILED);
    assert_int_equal(ledger_count(f->ledger, ledger_clock_s, &counts), LEDGER_OK);
    assert_int_equal(counts.reserved, 2);
    assert_int_equal(counts.live[KIND_CLIENT], 0);
    ledger_row_clear(&rows[0]);
    ledger_row_clear(&rows[1]);
}

static void a_successor_is_known_to_the_row_it_replaces(void **state)
{
    struct ledger_fixture *f = *state;
    int64_t first = ledger_fixture_issue(f, KIND_CLIENT, "app", "", 0, 0, 0);
    int64_t second = ledger_fixture_issue(f, KIND_CLIENT, "app", "", 1, 0, first);
    struct ledger_row row;

    assert_int_equal(ledger_get(f->ledger, first, &row), LEDGER_OK);
    assert_int_equal(row.replaced_by, second);
    ledger_row_clear(&row);
    assert_int_equal(ledger_get(f->ledger, second, &row), LEDGER_OK);
    assert_int_equal(row.replaces, first);
    assert_int_equal(row.replaced_by, 0);
    ledger_row_clear(&row);
}

/* In a child that ends at once, by a signal; the row's number. */
static void reserve_and_die(struct ledger_fixture *f)
{
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        struct ledger_opening opening = ledger_fixture_opening(false);
        struct ledger_row row = ledger_fixture_row(f, KIND_CLIENT, "app", "", -1);
        struct ledger *ledger =
            ledger_open(f->folder_fd, f->folder, &opening, f->why, sizeof f->why);
        if (ledger == NULL || ledger_reserve(ledger, &row, 1, 0, NULL, 0, NULL) != LEDGER_OK)
            _exit(1);
        kill(getpid(), SIGKILL);
    }
    siginfo_t info;
    assert_int_equal(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);
    assert_int_equal(info.si_code, CLD_KILLED);
    GArray *rows = NULL;
    /* Not waited for yet: a zombie is dead, too. */
    assert_int_equal(ledger_left_over(f->ledger, &rows), LEDGER_OK);
    assert_int_equal(rows->len, 1);
    g_array_unref(rows);
    assert_int_equal(waitpid(child, NULL, 0), child);
}

static void what_a_killed_process_reserved_is_left_over_and_what_lives_is_not(void **state)
{
    struct ledger_fixture *f = *state;
    struct ledger_row mine = ledger_fixture_row(f, KIND_CLIENT, "mine", "", -1);
    GArray *rows = NULL;

    assert_int_equal(ledger_reserve(f->ledger, &mine, 1, 0, NULL, 0, NULL), LEDGER_OK);
    ledger_row_clear(&mine);
    assert_int_equal(ledger_left_over(f->ledger, &rows), LEDGER_OK);
    assert_int_equal(rows->len, 0);
    g_array_unref(rows);
    reserve_and_die(f);
    assert_int_equal(ledger_left_over(f->ledger, &rows), LEDGER_OK);
    assert_int_equal(rows->len, 1);
    assert_string_equal(g_array_index(rows, struct ledger_row, 0).name, "app");
    g_array_unref(rows);
}

/* A pid that is somebody else's by now, or of before the machine's last start, does not keep a row. */
static void a_process_is_known_by_more_than_its_pid(void **state)
{
    struct ledger_fixture *f = *state;
    struct ledger_row row = ledger_fixture_row(f, KIND_CLIENT, "app", "", -1);
    static const struct {
        const char *change;
        guint left;
    } cases[] = {
        {"UPDATE certificate SET process = was.process || '1' FROM was", 1}, /* another start */
        {"UPDATE certificate SET process = 'x' || was.process FROM was", 1}, /* another boot */
        {"UPDATE certificate SET process = was.process FROM was", 0},
        {"UPDATE certificate SET process = '' FROM was", 0}, /* of nobody knows whom: later */
    };

    assert_int_equal(ledger_reserve(f->ledger, &row, 1, 0, NULL, 0, NULL), LEDGER_OK);
    ledger_row_clear(&row);
    ledger_tamper(f, "CREATE TABLE was AS SELECT process FROM certificate");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        GArray *rows = NULL;
        ledger_tamper(f, cases[i].change);
        assert_int_equal(ledger_left_over(f->ledger, &rows), LEDGER_OK);
        assert_int_equal(rows->len, cases[i].left);
        g_array_unref(rows);
    }
    GArray *rows = NULL;
    ledger_clock_s += 3600;
    assert_int_equal(ledger_left_over(f->ledger, &rows), LEDGER_OK);
    assert_int_equal(rows->len, 1);
    g_array_unref(rows);
}

static void a_found_certificate_is_adopted_once(void **state)
{
    struct ledger_fixture *f = *state;
    struct ledger_row row = ledger_fixture_row(f, KIND_OTHER, "etcd", "", 0), got;

    ledger_fixture_sign(&row, 0);
    row.revoked_s = LEDGER_NOW - 5;
    row.reason = REVOKED_SUPERSEDED;
    assert_int_equal(ledger_adopt(f->ledger, &row), LEDGER_OK);
    assert_int_equal(ledger_adopt(f->ledger, &row), LEDGER_REFUSED);
    ledger_says(f, "already");
    assert_int_equal(ledger_get(f->ledger, row.id, &got), LEDGER_OK);
    assert_true(got.adopted);
    assert_int_equal(got.revoked_s, LEDGER_NOW - 5);
    ledger_row_clear(&got);
    ledger_row_clear(&row);
    ledger_verifies(f, NULL);
}

/* --- transactions --- */

static void several_steps_are_one_transaction(void **state)
{
    struct ledger_fixture *f = *state;
    char *value = NULL;

    assert_int_equal(ledger_begin(f->ledger), LEDGER_OK);
    assert_int_equal(ledger_set_word(f->ledger, "a", "1"), LEDGER_OK);
    assert_int_equal(ledger_revoke(f->ledger, 99, 0), LEDGER_NONE); /* undoes itself alone */
    assert_int_equal(ledger_set_word(f->ledger, "b", "2"), LEDGER_OK);
    assert_int_equal(ledger_commit(f->ledger), LEDGER_OK);
    assert_int_equal(ledger_word(f->ledger, "b", &value), LEDGER_OK);
    assert_string_equal(value, "2");
    g_free(value);

    assert_int_equal(ledger_begin(f->ledger), LEDGER_OK);
    assert_int_equal(ledger_set_word(f->ledger, "a", NULL), LEDGER_OK);
    ledger_rollback(f->ledger);
    assert_int_equal(ledger_word(f->ledger, "a", &value), LEDGER_OK);
    assert_string_equal(value, "1");
    g_free(value);
    assert_int_equal(ledger_set_word(f->ledger, "a", NULL), LEDGER_OK);
    assert_int_equal(ledger_word(f->ledger, "a", &value), LEDGER_NONE);
    assert_null(value);
}

/* Its own connection, several transactions, as many others do the same. */
static int work_beside_others(struct ledger_fixture *f, int number)
{
    struct ledger_opening opening = ledger_fixture_opening(false);
    struct ledger *ledger = ledger_open(f->folder_fd, f->folder, &opening, f->why, sizeof f->why);

    for (int i = 0; i < 5 && ledger != NULL; i++) {
        char name[32];
        snprintf(name, sizeof name, "app%d-%d", number, i);
        struct ledger_row row = ledger_fixture_row(f, KIND_CLIENT, name, "", -1);
        row.serial[0] = (uint8_t)(number + 1);
        row.serial[1] = (uint8_t)i;
        memcpy(row.key_id + 1, row.serial, row.serial_len);
        if (ledger_reserve(ledger, &row, 1, 0, NULL, 0, NULL) != LEDGER_OK) {
            fprintf(stderr, "%s\n", ledger_error(ledger));
            return 1;
        }
        ledger_row_clear(&row);
    }
    ledger_close(ledger);
    return ledger == NULL;
}

static void many_processes_all_get_through(void **state)
{
    struct ledger_fixture *f = *state;
    struct ledger_counts counts;
    pid_t children[PROCESSES];

    ledger_close(f->ledger); /* no connection goes over into a child */
    f->ledger = NULL;
    for (int i = 0; i < PROCESSES; i++) {
        children[i] = fork();
        assert_true(children[i] >= 0);
        if (children[i] == 0)
            _exit(work_beside_others(f, i));
    }
    for (int i = 0; i < PROCESSES; i++) {
        int status;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
    ledger_fixture_reopen(f);
    assert_int_equal(ledger_count(f->ledger, ledger_clock_s, &counts), LEDGER_OK);
    assert_int_equal(counts.reserved, PROCESSES * 5);
    ledger_verifies(f, NULL);
}

/* --- questions --- */

static void questions_find_what_they_ask_for(void **state)
{
    struct ledger_fixture *f = *state;
    int64_t first = ledger_fixture_issue(f, KIND_SERVER, "db1", "DNS:db1", 0, 0, 0);
    ledger_clock_s += LEDGER_DAY;
    int64_t app = ledger_fixture_issue(f, KIND_CLIENT, "App", "", 1, 0, 0);
    ledger_fixture_issue(f, KIND_SERVER, "db1", "DNS:db1", 0, LEDGER_SAME_KEY, first);
    struct ledger_row row = ledger_fixture_row(f, KIND_CLIENT, "pending", "", -1);
    assert_int_equal(ledger_reserve(f->ledger, &row, 1, 0, NULL, 0, NULL), LEDGER_OK);
    ledger_row_clear(&row);
    int64_t ends = LEDGER_NOW + 365 * LEDGER_DAY, now = ledger_clock_s;

    ledger_finds(f, (struct ledger_filter){0}, "db1 App db1 ");
    ledger_finds(f, (struct ledger_filter){.every_state = true}, "db1 App db1 pending ");
    ledger_finds(f, (struct ledger_filter){.name = "APP"}, "App ");
    ledger_finds(f, (struct ledger_filter){.kind = 1 + KIND_SERVER}, "db1 db1 ");
    ledger_finds(f, (struct ledger_filter){.kind = 1 + KIND_SERVER, .not_replaced = true}, "db1 ");
    ledger_finds(f, (struct ledger_filter){.authority = f->ca + 1}, "");
    ledger_finds(f, (struct ledger_filter){.expires_before = ends + 1}, "db1 ");
    ledger_finds(f, (struct ledger_filter){.expires_before = ends + 1, .not_replaced = true}, "");
    ledger_finds(f, (struct ledger_filter){.live_at = ends + 1}, "App db1 ");
    assert_int_equal(ledger_revoke(f->ledger, app, REVOKED_HOLD), LEDGER_OK);
    ledger_finds(f, (struct ledger_filter){.live_at = now}, "db1 db1 ");
    ledger_finds(f, (struct ledger_filter){.revoked = true}, "App ");
    ledger_finds(f, (struct ledger_filter){.revoked = true, .name = "app", .authority = f->ca},
                 "App ");
    assert_int_equal(ledger_release(f->ledger, app), LEDGER_OK);
    ledger_finds(f, (struct ledger_filter){.revoked = true}, "");
    ledger_finds(f, (struct ledger_filter){.live_at = now, .name = "app"}, "App ");
}

static void counts_are_by_kind_and_state(void **state)
{
    struct ledger_fixture *f = *state;
    int64_t first = ledger_fixture_issue(f, KIND_CLIENT, "a", "", 0, 0, 0);
    ledger_clock_s += 10;
    ledger_fixture_issue(f, KIND_CLIENT, "a", "", 1, 0, first);
    int64_t gone = ledger_fixture_issue(f, KIND_CLIENT, "b", "", 2, 0, 0);
    ledger_fixture_issue(f, KIND_SERVER, "s", "", 3, 0, 0);
    assert_int_equal(ledger_revoke(f->ledger, gone, 0), LEDGER_OK);
    struct ledger_counts counts;

    assert_int_equal(ledger_count(f->ledger, ledger_clock_s, &counts), LEDGER_OK);
    assert_int_equal(counts.live[KIND_CLIENT], 2);
    assert_int_equal(counts.revoked[KIND_CLIENT], 1);
    assert_int_equal(counts.live[KIND_SERVER], 1);
    assert_int_equal(counts.soonest[KIND_CLIENT], ledger_clock_s + 365 * LEDGER_DAY);
    assert_int_equal(ledger_count(f->ledger, ledger_clock_s + 366 * LEDGER_DAY, &counts),
                     LEDGER_OK);
    assert_int_equal(counts.expired[KIND_CLIENT], 3);
    assert_int_equal(counts.live[KIND_CLIENT], 0);
    assert_int_equal(counts.soonest[KIND_CLIENT], 0);
}

/* --- CAs, copies --- */

static void a_generation_of_a_ca_is_there_once(void **state)
{
    struct ledger_fixture *f = *state;
    GArray *list = NULL;

    int64_t second = ledger_fixture_ca(f, PURPOSE_ALL, 2, "ca-g2.crt");
    assert_int_equal(ledger_authorities(f->ledger, &list), LEDGER_OK);
    assert_int_equal(list->len, 2);
    struct ledger_authority *copy = &g_array_index(list, struct ledger_authority, 1);
    assert_int_equal(copy->id, second);
    assert_string_equal(copy->file, "ca-g2.crt");
    assert_int_equal(ledger_add_authority(f->ledger, copy, false), LEDGER_REFUSED);
    g_array_unref(list);
}

#define test(name) cmocka_unit_test_setup_teardown(name, ledger_fixture_begin, ledger_fixture_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(a_row_is_reserved_then_issued_and_read_back_whole),
        test(a_serial_is_found_with_and_without_a_zero_in_front),
        test(what_is_no_more_reserved_is_not_completed),
        test(completing_is_all_or_nothing),
        test(a_successor_is_known_to_the_row_it_replaces),
        test(what_a_killed_process_reserved_is_left_over_and_what_lives_is_not),
        test(a_process_is_known_by_more_than_its_pid),
        test(a_found_certificate_is_adopted_once),
        test(several_steps_are_one_transaction),
        test(many_processes_all_get_through),
        test(questions_find_what_they_ask_for),
        test(counts_are_by_kind_and_state),
        test(a_generation_of_a_ca_is_there_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
