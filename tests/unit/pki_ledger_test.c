/* Proves how the ledger's file comes to be and is opened, the life of a row, and what questions answer. */
#include "config.h"

#include "tests/unit/pki_ledger_fixture.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define PROCESSES 20

/* --- the file --- */

static void does_not_open(struct ledger_fixture *f, const char *words)
{
    struct ledger_opening opening = ledger_fixture_opening(false);

    assert_null(ledger_open(f->folder_fd, f->folder, &opening, f->why, sizeof f->why));
    if (strstr(f->why, words) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", f->why, words);
}

static void the_file_is_private_whatever_the_umask(void **state)
{
    struct ledger_fixture *f = *state;
    struct ledger_opening opening = ledger_fixture_opening(false);
    const mode_t masks[] = {0, 0777};
    struct stat st;

    for (size_t i = 0; i < 2; i++) {
        ledger_close(f->ledger);
        assert_int_equal(unlinkat(f->folder_fd, LEDGER_FILE, 0), 0);
        mode_t before = umask(masks[i]);
        f->ledger = ledger_create(f->folder_fd, f->folder, &opening, f->why, sizeof f->why);
        umask(before);
        assert_non_null(f->ledger);
        assert_int_equal(fstatat(f->folder_fd, LEDGER_FILE, &st, 0), 0);
        assert_int_equal(st.st_mode & 07777, 0600);
        assert_int_equal(fstatat(f->folder_fd, LEDGER_FILE "-wal", &st, 0), 0);
        assert_int_equal(st.st_mode & 07777, 0600);
    }
}

static void a_ledger_is_not_made_over_another(void **state)
{
    struct ledger_fixture *f = *state;
    struct ledger_opening opening = ledger_fixture_opening(false);

    assert_null(ledger_create(f->folder_fd, f->folder, &opening, f->why, sizeof f->why));
    assert_non_null(strstr(f->why, "there is one already"));
    ledger_verifies(f, NULL);
}

static void what_a_killed_init_left_is_no_obstacle(void **state)
{
    struct ledger_fixture *f = *state;
    struct ledger_opening opening = ledger_fixture_opening(false);

    ledger_close(f->ledger);
    assert_int_equal(renameat(f->folder_fd, LEDGER_FILE, f->folder_fd, ".ledger.db.part"), 0);
    f->ledger = ledger_create(f->folder_fd, f->folder, &opening, f->why, sizeof f->why);
    assert_non_null(f->ledger);
    assert_int_equal(faccessat(f->folder_fd, ".ledger.db.part", F_OK, 0), -1);
}

static void foreign_files_are_refused(void **state)
{
    struct ledger_fixture *f = *state;

    ledger_close(f->ledger);
    f->ledger = NULL;
    assert_int_equal(fchmodat(f->folder_fd, LEDGER_FILE, 0620, 0), 0);
    does_not_open(f, "others may write it");
    assert_int_equal(fchmodat(f->folder_fd, LEDGER_FILE, 0600, 0), 0);
    assert_int_equal(renameat(f->folder_fd, LEDGER_FILE, f->folder_fd, "real.db"), 0);
    does_not_open(f, "there is none; `pgsignet-ca init`");
    assert_int_equal(symlinkat("real.db", f->folder_fd, LEDGER_FILE), 0);
    does_not_open(f, "a symbolic link");
    assert_int_equal(unlinkat(f->folder_fd, LEDGER_FILE, 0), 0);
    assert_int_equal(mkfifoat(f->folder_fd, LEDGER_FILE, 0600), 0);
    does_not_open(f, "not a regular file");
    assert_int_equal(unlinkat(f->folder_fd, LEDGER_FILE, 0), 0);
    int fd = openat(f->folder_fd, LEDGER_FILE, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    assert_int_equal(write(fd, "not a database at all, only some text", 37), 37);
    close(fd);
    does_not_open(f, "the file is no ledger or is damaged");
    assert_int_equal(ftruncate(fd = openat(f->folder_fd, LEDGER_FILE, O_WRONLY | O_CLOEXEC), 0), 0);
    close(fd);
    does_not_open(f, "no ledger of pgsignet-ca"); /* an empty file is an empty database */
    assert_int_equal(renameat(f->folder_fd, "real.db", f->folder_fd, LEDGER_FILE), 0);
    ledger_tamper(f, "PRAGMA user_version=2");
    does_not_open(f, "its version is 2, and this program knows 1");
}

static void a_folder_that_was_moved_is_followed_by_its_descriptor(void **state)
{
    struct ledger_fixture *f = *state;
    char moved[80];

    snprintf(moved, sizeof moved, "%s.moved", f->folder);
    ledger_close(f->ledger);
    f->ledger = NULL;
    assert_int_equal(rename(f->folder, moved), 0);
    assert_int_equal(mkdir(f->folder, 0700), 0);
    ledger_fixture_reopen(f); /* of moved, not of the new folder */
    assert_int_equal(rmdir(f->folder), 0);
    assert_int_equal(rename(moved, f->folder), 0);
}

static void a_reader_changes_nothing(void **state)
{
    struct ledger_fixture *f = *state;
    struct ledger_opening opening = ledger_fixture_opening(true);
    struct ledger *reader = ledger_open(f->folder_fd, f->folder, &opening, f->why, sizeof f->why);
    GArray *list = NULL;

    assert_non_null(reader);
    ledger_fixture_issue(f, KIND_CLIENT, "app", "", 0, 0, 0);
    assert_int_equal(ledger_list(reader, &(struct ledger_filter){0}, &list), LEDGER_OK);
    assert_int_equal(list->len, 1);
    g_array_unref(list);
    assert_int_equal(ledger_set_word(reader, "a", "b"), LEDGER_FAILED);
    assert_non_null(strstr(ledger_error(reader), "open for reading"));
    ledger_close(reader);
}

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

static void found(struct ledger_fixture *f, struct ledger_filter filter, const char *names)
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

    found(f, (struct ledger_filter){0}, "db1 App db1 ");
    found(f, (struct ledger_filter){.every_state = true}, "db1 App db1 pending ");
    found(f, (struct ledger_filter){.name = "APP"}, "App ");
    found(f, (struct ledger_filter){.kind = 1 + KIND_SERVER}, "db1 db1 ");
    found(f, (struct ledger_filter){.kind = 1 + KIND_SERVER, .not_replaced = true}, "db1 ");
    found(f, (struct ledger_filter){.authority = f->ca + 1}, "");
    found(f, (struct ledger_filter){.expires_before = ends + 1}, "db1 ");
    found(f, (struct ledger_filter){.expires_before = ends + 1, .not_replaced = true}, "");
    found(f, (struct ledger_filter){.live_at = ends + 1}, "App db1 ");
    assert_int_equal(ledger_revoke(f->ledger, app, REVOKED_HOLD), LEDGER_OK);
    found(f, (struct ledger_filter){.live_at = now}, "db1 db1 ");
    found(f, (struct ledger_filter){.revoked = true}, "App ");
    found(f, (struct ledger_filter){.revoked = true, .name = "app", .authority = f->ca}, "App ");
    assert_int_equal(ledger_release(f->ledger, app), LEDGER_OK);
    found(f, (struct ledger_filter){.revoked = true}, "");
    found(f, (struct ledger_filter){.live_at = now, .name = "app"}, "App ");
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

/* --- revocation --- */

static void a_hold_is_lifted_and_a_revocation_is_not(void **state)
{
    struct ledger_fixture *f = *state;
    int64_t id = ledger_fixture_issue(f, KIND_CLIENT, "app", "", 0, 0, 0);
    struct ledger_row row;

    assert_int_equal(ledger_release(f->ledger, id), LEDGER_REFUSED);
    ledger_says(f, "not on hold");
    assert_int_equal(ledger_revoke(f->ledger, id, REVOKED_HOLD), LEDGER_OK);
    assert_int_equal(ledger_revoke(f->ledger, id, REVOKED_HOLD), LEDGER_REFUSED);
    ledger_says(f, "put on hold on");
    assert_int_equal(ledger_release(f->ledger, id), LEDGER_OK);
    assert_int_equal(ledger_revoke(f->ledger, id, REVOKED_HOLD), LEDGER_OK);
    ledger_clock_s += 100;
    assert_int_equal(ledger_revoke(f->ledger, id, REVOKED_KEY_COMPROMISE), LEDGER_OK);
    assert_int_equal(ledger_get(f->ledger, id, &row), LEDGER_OK);
    assert_int_equal(row.revoked_s, LEDGER_NOW);
    assert_int_equal(row.reason, REVOKED_KEY_COMPROMISE);
    ledger_row_clear(&row);
    assert_int_equal(ledger_revoke(f->ledger, id, REVOKED_SUPERSEDED), LEDGER_REFUSED);
    ledger_says(f, "revoked on 2027-01-15");
    assert_int_equal(ledger_release(f->ledger, id), LEDGER_REFUSED);
    ledger_says(f, "for good");
    assert_int_equal(ledger_revoke(f->ledger, id, 7), LEDGER_REFUSED); /* 7 is unused (RFC 5280) */
    assert_int_equal(ledger_revoke(f->ledger, 4711, 1), LEDGER_NONE);
    ledger_verifies(f, NULL);
}

static void reasons_have_the_words_of_rfc_5280(void **state)
{
    (void)state;
    assert_string_equal(ledger_reason_name(REVOKED_PRIVILEGE_WITHDRAWN), "privilegeWithdrawn");
    assert_int_equal(ledger_reason_find("certificateHold"), 6);
    assert_int_equal(ledger_reason_find("keycompromise"), -1);
    assert_null(ledger_reason_name(8)); /* removeFromCRL is for delta CRLs */
    for (int reason = -1; reason < 12; reason++)
        if (ledger_reason_name(reason) != NULL)
            assert_int_equal(ledger_reason_find(ledger_reason_name(reason)), reason);
}

static bool gather_serial(void *context, struct bytes serial, int64_t revoked_s, int reason)
{
    (void)revoked_s;
    for (size_t i = 0; i < serial.len; i++)
        g_string_append_printf(context, "%02X", serial.ptr[i]);
    g_string_append_printf(context, "/%d ", reason);
    return true;
}

static void lists(struct ledger_fixture *f, const char *serials)
{
    GString *got = g_string_new(NULL);

    assert_int_equal(ledger_each_revoked(f->ledger, f->ca, gather_serial, got), LEDGER_OK);
    assert_string_equal(got->str, serials);
    g_string_free(got, TRUE);
}

static void revoked_serials_come_in_the_order_of_numbers(void **state)
{
    struct ledger_fixture *f = *state;
    static const struct {
        const uint8_t at[3];
        size_t len;
    } serials[] = {
        {{0x01, 0x00, 0x00}, 3}, {{0xff}, 1}, {{0x02}, 1}, {{0x00, 0xfe}, 2}, {{0x01, 0xff}, 2}};

    for (size_t i = 0; i < 5; i++) {
        char name[8];
        snprintf(name, sizeof name, "a%zu", i);
        struct ledger_row row = ledger_fixture_row(f, KIND_CLIENT, name, "", 0);
        memcpy(row.serial, serials[i].at, 3);
        row.serial_len = serials[i].len;
        row.key_id[0] ^= (uint8_t)i;
        ledger_fixture_sign(&row, 0);
        assert_int_equal(ledger_adopt(f->ledger, &row), LEDGER_OK);
        assert_int_equal(ledger_revoke(f->ledger, row.id, i == 0 ? REVOKED_HOLD : 1), LEDGER_OK);
        ledger_row_clear(&row);
    }
    lists(f, "02/1 FE/1 FF/1 01FF/1 010000/6 ");
}

static void an_expired_entry_stays_for_one_crl_after_its_end(void **state)
{
    struct ledger_fixture *f = *state;
    int64_t id = ledger_fixture_issue(f, KIND_CLIENT, "app", "", 0, 0, 0), number = 0;

    assert_int_equal(ledger_revoke(f->ledger, id, 1), LEDGER_OK);
    for (int i = 1; i <= 2; i++) { /* before its end, and the first one after */
        assert_int_equal(
            ledger_next_crl(f->ledger, f->ca, ledger_clock_s, ledger_clock_s + 9, &number),
            LEDGER_OK);
        assert_int_equal(number, i);
        lists(f, "1122330002/1 ");
        ledger_clock_s += 366 * LEDGER_DAY;
    }
    assert_int_equal(ledger_next_crl(f->ledger, f->ca, ledger_clock_s, ledger_clock_s + 9, &number),
                     LEDGER_OK);
    lists(f, "");
}

static void crl_numbers_only_rise_also_over_a_restore(void **state)
{
    struct ledger_fixture *f = *state;
    int64_t number = 0, now = ledger_clock_s;
    GArray *list = NULL;

    assert_int_equal(ledger_next_crl(f->ledger, f->ca, now, now + 9, &number), LEDGER_OK);
    assert_int_equal(number, 1);
    assert_int_equal(ledger_begin(f->ledger), LEDGER_OK);
    assert_int_equal(ledger_next_crl(f->ledger, f->ca, now, now + 9, &number), LEDGER_OK);
    ledger_rollback(f->ledger);
    assert_int_equal(ledger_next_crl(f->ledger, f->ca, now - 1, now + 9, &number), LEDGER_CLOCK);
    assert_int_equal(ledger_restored(f->ledger, "test"), LEDGER_OK);
    assert_int_equal(ledger_next_crl(f->ledger, f->ca, now, now + 7, &number), LEDGER_OK);
    assert_int_equal(number, 1 + LEDGER_RESTORE_CRLS + 1);
    assert_int_equal(ledger_restored(f->ledger, "again"), LEDGER_OK);
    assert_int_equal(ledger_authorities(f->ledger, &list), LEDGER_OK);
    assert_int_equal(list->len, 1);
    assert_int_equal(g_array_index(list, struct ledger_authority, 0).crl_number,
                     2 + 2 * LEDGER_RESTORE_CRLS);
    assert_int_equal(g_array_index(list, struct ledger_authority, 0).crl_next_s, now + 7);
    g_array_unref(list);
    ledger_verifies(f, NULL);
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

/* People copy the one file; a log without a process beside it looks like something to be tidied away. */
static void when_nobody_has_it_open_the_file_alone_is_the_ledger(void **state)
{
    struct ledger_fixture *f = *state;
    int64_t id = ledger_fixture_issue(f, KIND_CLIENT, "app", "", 0, 0, 0);
    struct ledger_row row;

    for (int round = 0; round < 2; round++) {
        ledger_close(f->ledger);
        f->ledger = NULL;
        unlinkat(f->folder_fd, LEDGER_FILE "-wal", 0);
        unlinkat(f->folder_fd, LEDGER_FILE "-shm", 0);
        ledger_fixture_reopen(f);
        assert_int_equal(ledger_get(f->ledger, id, &row), LEDGER_OK);
        ledger_row_clear(&row);
        ledger_verifies(f, NULL);
        id = ledger_fixture_issue(f, KIND_CLIENT, round == 0 ? "b" : "c", "", 1 + round, 0, 0);
    }
}

static void a_copy_is_a_ledger_of_one_moment_with_what_was_just_written(void **state)
{
    struct ledger_fixture *f = *state;
    struct ledger_opening opening = ledger_fixture_opening(false);
    struct ledger *other = ledger_open(f->folder_fd, f->folder, &opening, f->why, sizeof f->why);

    ledger_fixture_issue(f, KIND_CLIENT, "app", "", 0, 0, 0);
    assert_int_equal(ledger_begin(other), LEDGER_OK); /* somebody else is writing */
    assert_int_equal(ledger_set_word(other, "a", "b"), LEDGER_OK);
    GByteArray *copy = ledger_copy(f->ledger);
    assert_non_null(copy);
    ledger_rollback(other);
    ledger_close(other);
    ledger_close(f->ledger);
    f->ledger = NULL;
    assert_int_equal(unlinkat(f->folder_fd, LEDGER_FILE, 0), 0);
    int fd = openat(f->folder_fd, LEDGER_FILE, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    assert_int_equal(write(fd, copy->data, copy->len), copy->len);
    close(fd);
    g_byte_array_unref(copy);
    ledger_fixture_reopen(f);
    found(f, (struct ledger_filter){0}, "app ");
    ledger_verifies(f, NULL);
}

/* In a child, until it is killed: transactions that touch many pages. */
static pid_t write_without_end(struct ledger_fixture *f)
{
    pid_t child = fork();

    assert_true(child >= 0);
    if (child > 0)
        return child;
    struct ledger_opening opening = ledger_fixture_opening(false);
    struct ledger *ledger = ledger_open(f->folder_fd, f->folder, &opening, f->why, sizeof f->why);
    char *value = g_strnfill(3000, 'x');
    for (int64_t i = 0; ledger != NULL; i++) {
        if (ledger_begin(ledger) != LEDGER_OK)
            break;
        for (int j = 0; j < 30; j++) { /* all alike, or the copy is of two moments */
            char key[16];
            snprintf(key, sizeof key, "w%d", j);
            memcpy(value, &(char){(char)('a' + i % 26)}, 1);
            if (ledger_set_word(ledger, key, value) != LEDGER_OK)
                _exit(1);
        }
        if (ledger_commit(ledger) != LEDGER_OK)
            break;
    }
    _exit(1);
}

/* How many different words there are in a copy that is whole. */
static int64_t moments_in(GByteArray *copy)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *statement = NULL;

    copy->data[18] = copy->data[19] = 1; /* no log beside it (the file format's 1.3) */
    assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
    assert_int_equal(sqlite3_deserialize(db, "main", copy->data, copy->len, copy->len,
                                         SQLITE_DESERIALIZE_READONLY),
                     SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &statement, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    assert_string_equal((const char *)sqlite3_column_text(statement, 0), "ok");
    sqlite3_finalize(statement);
    assert_int_equal(
        sqlite3_prepare_v2(db, "SELECT count(DISTINCT value) FROM word", -1, &statement, NULL),
        SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    int64_t moments = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return moments;
}

static void copies_beside_a_busy_writer_are_each_of_one_moment(void **state)
{
    struct ledger_fixture *f = *state;

    ledger_close(f->ledger); /* no connection goes over into a child */
    f->ledger = NULL;
    pid_t writer = write_without_end(f);
    ledger_fixture_reopen(f);
    char *word = NULL;
    while (ledger_word(f->ledger, "w0", &word) == LEDGER_NONE) /* until it has begun */
        assert_int_equal(waitpid(writer, NULL, WNOHANG), 0);
    g_free(word);
    for (int i = 0; i < 40; i++) {
        GByteArray *copy = ledger_copy(f->ledger);
        if (copy == NULL)
            fail_msg("%s", ledger_error(f->ledger));
        assert_int_equal(moments_in(copy), 1);
        g_byte_array_unref(copy);
    }
    assert_int_equal(kill(writer, SIGKILL), 0);
    int status;
    assert_int_equal(waitpid(writer, &status, 0), writer);
    assert_true(WIFSIGNALED(status)); /* it wrote all the time */
    ledger_verifies(f, NULL);
}

#define test(name) cmocka_unit_test_setup_teardown(name, ledger_fixture_begin, ledger_fixture_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(the_file_is_private_whatever_the_umask),
        test(a_ledger_is_not_made_over_another),
        test(what_a_killed_init_left_is_no_obstacle),
        test(foreign_files_are_refused),
        test(a_folder_that_was_moved_is_followed_by_its_descriptor),
        test(a_reader_changes_nothing),
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
        test(a_hold_is_lifted_and_a_revocation_is_not),
        test(reasons_have_the_words_of_rfc_5280),
        test(revoked_serials_come_in_the_order_of_numbers),
        test(an_expired_entry_stays_for_one_crl_after_its_end),
        test(crl_numbers_only_rise_also_over_a_restore),
        test(a_generation_of_a_ca_is_there_once),
        test(when_nobody_has_it_open_the_file_alone_is_the_ledger),
        test(a_copy_is_a_ledger_of_one_moment_with_what_was_just_written),
        test(copies_beside_a_busy_writer_are_each_of_one_moment),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
