/* Proves how the ledger's file comes to be, is opened and is copied. */
#include "config.h"

#include "tests/unit/pki_ledger_fixture.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

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

/* --- CAs, copies --- */

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
    ledger_finds(f, (struct ledger_filter){0}, "app ");
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
        test(when_nobody_has_it_open_the_file_alone_is_the_ledger),
        test(a_copy_is_a_ledger_of_one_moment_with_what_was_just_written),
        test(copies_beside_a_busy_writer_are_each_of_one_moment),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
