/* The queue of those who write into the SQLite store: one at a time, and none is held up by the dead. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "mfa/store.h"
#include "tests/unit/engine_fixture.h"

#define SOON_MS 50
#define LONG_MS 60000 /* nothing here waits as long unless it is broken */
#define TURNS   20000
#define WRITERS 4

struct page {
    struct store_queue queue;
    volatile int64_t turns; /* counted without any other protection */
};

static int make_page(void **state)
{
    void *page =
        mmap(NULL, sizeof(struct page), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (page == MAP_FAILED)
        return -1;
    *state = page;
    return store_queue_make(&((struct page *)page)->queue);
}

static int drop_page(void **state)
{
    return munmap(*state, sizeof(struct page));
}

static int64_t by(int64_t ms)
{
    return clock_mono_ms() + ms;
}

/* A child that takes its turn, says so and keeps it until it is killed. */
static pid_t start_holder(struct page *page)
{
    int ends[2];
    char byte;

    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (!store_queue_enter(&page->queue, by(LONG_MS)) || write(ends[1], "", 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    close(ends[1]);
    assert_int_equal(read(ends[0], &byte, 1), 1);
    close(ends[0]);
    return pid;
}

static void end_holder(pid_t pid)
{
    int status;

    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
}

static void waits_until_the_deadline_and_no_longer(void **state)
{
    struct page *page = *state;
    pid_t holder = start_holder(page);
    int64_t deadline = by(SOON_MS);

    assert_false(store_queue_enter(&page->queue, deadline));
    assert_true(clock_mono_ms() >= deadline);
    assert_true(clock_mono_ms() < deadline + LONG_MS / 2);
    end_holder(holder);
}

static void who_is_killed_in_his_turn_holds_nobody_up(void **state)
{
    struct page *page = *state;

    /* Also the second time. */
    for (int i = 0; i < 2; i++) {
        end_holder(start_holder(page));
        assert_true(store_queue_enter(&page->queue, by(LONG_MS)));
        store_queue_leave(&page->queue);
    }
}

static void who_waits_behind_one_that_is_killed_comes_next(void **state)
{
    struct page *page = *state;
    pid_t holder = start_holder(page);
    int status;

    pid_t waiter = fork();
    assert_true(waiter >= 0);
    if (waiter == 0)
        _exit(store_queue_enter(&page->queue, by(LONG_MS)) ? 0 : 1);
    end_holder(holder);
    assert_int_equal(waitpid(waiter, &status, 0), waiter);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    /* He has ended without leaving, which is the same. */
    assert_true(store_queue_enter(&page->queue, by(LONG_MS)));
    store_queue_leave(&page->queue);
}

static void one_at_a_time(void **state)
{
    struct page *page = *state;
    int status;

    for (int i = 0; i < WRITERS; i++) {
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid > 0)
            continue;
        for (int turn = 0; turn < TURNS; turn++) {
            if (!store_queue_enter(&page->queue, by(LONG_MS)))
                _exit(1);
            page->turns = page->turns + 1;
            store_queue_leave(&page->queue);
        }
        _exit(0);
    }
    for (int i = 0; i < WRITERS; i++) {
        assert_true(wait(&status) > 0);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    assert_int_equal(page->turns, WRITERS * TURNS);
}

/* He does not hold SQLite's lock: nothing but the queue is in the way. */
static void behind_one_that_is_stopped_in_his_turn_a_login_is_judged_in_time(void **state)
{
    struct page *page = *state;
    struct fixture f;
    struct mfa_outcome outcome;

    store_share_queue(&page->queue);
    fixture_open(&f);
    pid_t holder = start_holder(page);
    const struct mfa_attempt attempt = {.user = bytes_str("nobody"),
                                        .secret = bytes_str("pw123456"),
                                        .code_due = true,
                                        .now_ms = f.now_ms,
                                        .boot_s = f.boot_s};
    int64_t before = clock_mono_ms();
    assert_int_equal(mfa_attempt(f.mfa, &attempt, by(LONG_MS), &outcome), REASON_NOT_ENROLLED);
    assert_true(clock_mono_ms() < before + LONG_MS / 2);
    end_holder(holder);
    fixture_end(&f);
    store_share_queue(NULL);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, make_page, drop_page)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(waits_until_the_deadline_and_no_longer),
        CASE(who_is_killed_in_his_turn_holds_nobody_up),
        CASE(who_waits_behind_one_that_is_killed_comes_next),
        CASE(one_at_a_time),
        CASE(behind_one_that_is_stopped_in_his_turn_a_login_is_judged_in_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
