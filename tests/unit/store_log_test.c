/* The write-ahead log of a SQLite store stays small, also if there is never a moment without a reader. */
#include "config.h"

#include "tests/unit/engine_fixture.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#define COMMITS 6000
#define FRAME   (4096 + 24)
#define MOST_PAGES                                                                                 \
    3000 /* of mfa/store_sqlite_log.c: begun anew from 2000 on, looked at every 500 */

static int setup(void **state)
{
    static struct fixture f;

    fixture_open(&f);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    fixture_end(*state);
    return 0;
}

static int64_t log_pages(const struct fixture *f)
{
    char path[128];
    struct stat st;

    snprintf(path, sizeof path, "%s-wal", f->store);
    assert_int_equal(stat(path, &st), 0);
    return st.st_size / FRAME;
}

static void run(sqlite3 *db, const char *sql)
{
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        _exit(1);
}

/* Two connections in turn: one begins to read before the other ends. */
static _Noreturn void read_always(const char *path, int ready)
{
    static const char begin[] = "BEGIN; SELECT count(*) FROM store", end[] = "COMMIT";
    sqlite3 *one, *other;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (sqlite3_open(path, &one) != SQLITE_OK || sqlite3_open(path, &other) != SQLITE_OK)
        _exit(1);
    run(one, begin);
    if (write(ready, "", 1) != 1)
        _exit(1);
    for (;;) {
        run(other, begin);
        run(one, end);
        run(one, begin);
        run(other, end);
    }
}

static pid_t start_reader(const struct fixture *f)
{
    int ends[2];
    char byte;

    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        read_always(f->store, ends[1]);
    close(ends[1]);
    assert_int_equal(read(ends[0], &byte, 1), 1);
    close(ends[0]);
    return pid;
}

/* Each is a failure that counts, of another name. */
static void commit_often(struct fixture *f)
{
    char name[16];

    for (int i = 0; i < COMMITS; i++) {
        snprintf(name, sizeof name, "nobody%d", i);
        assert_int_equal(fixture_attempt(f, name, "", "pw123456", NULL), REASON_NOT_ENROLLED);
    }
}

static void the_log_stays_small(void **state)
{
    struct fixture *f = *state;

    commit_often(f);
    assert_in_range(log_pages(f), 1, MOST_PAGES);
}

static void the_log_stays_small_while_somebody_always_reads(void **state)
{
    struct fixture *f = *state;
    int status;

    pid_t reader = start_reader(f);
    commit_often(f);
    assert_int_equal(kill(reader, SIGKILL), 0);
    assert_int_equal(waitpid(reader, &status, 0), reader);
    assert_true(WIFSIGNALED(status));
    assert_in_range(log_pages(f), 1, MOST_PAGES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_log_stays_small, setup, teardown),
        cmocka_unit_test_setup_teardown(the_log_stays_small_while_somebody_always_reads, setup,
                                        teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
