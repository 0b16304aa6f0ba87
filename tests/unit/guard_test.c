/*
 * guard_test.c - the hard limit around calls that have none.  What ends the process is tried in a
 * child of its own.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/guard.h"

/* No machine is so slow that a test should fail, no wait so long that it seems to hang. */
#define SLACK_MS 10000
#define SOON_MS  500 /* what is done at once is done before, on a slow machine too */
#define LONG_MS  60000

static volatile int *words_said; /* shared with the children */

static void say_words(void)
{
    *words_said = 1;
}

static int make_shared(void **state)
{
    (void)state;
    void *page =
        mmap(NULL, sizeof *words_said, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED)
        return -1;
    words_said = page;
    return 0;
}

/* Blocks as libldap does in a TLS handshake: goes on waiting after a signal. */
static ssize_t read_stubbornly(int fd)
{
    char byte;
    ssize_t n;

    do
        n = read(fd, &byte, 1);
    while (n < 0 && errno == EINTR);
    return n;
}

/* A call that nothing can end, as getaddrinfo is: no socket of ours to shut down. */
static void hang(void)
{
    for (;;)
        poll(NULL, 0, LONG_MS);
}

static void the_watched_socket_is_shut_down_at_the_deadline(void **state)
{
    int pair[2];

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    int64_t start = clock_mono_ms();
    guard_watch(pair[0]);
    guard_arm(start + 100);
    assert_int_equal(read_stubbornly(pair[0]), 0);
    assert_true(guard_disarm());
    guard_watch(-1);
    int64_t took = clock_mono_ms() - start;
    assert_in_range(took, 99, 100 + SLACK_MS);
    close(pair[0]);
    close(pair[1]);
}

static void a_guard_that_is_disarmed_in_time_does_nothing(void **state)
{
    (void)state;
    guard_arm(clock_mono_ms() + SOON_MS);
    assert_false(guard_disarm());
    assert_int_equal(poll(NULL, 0, SOON_MS + 2 * GUARD_GRACE_MS), 0); /* EINTR if it still ran */
}

static void a_socket_watched_after_the_firing_is_shut_down_at_once(void **state)
{
    int pair[2];
    char byte;

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    guard_arm(clock_mono_ms());
    while (poll(NULL, 0, 0) == 0 && guard_step_end() == false)
        continue;
    guard_watch(pair[0]);
    assert_int_equal(read(pair[0], &byte, 1), 0);
    assert_true(guard_disarm());
    guard_watch(-1);
    close(pair[0]);
    close(pair[1]);
}

/* Runs body in a child that must end with GUARD_EXIT; returns how long it took. */
static int64_t ends_itself(void (*body)(void))
{
    int64_t start = clock_mono_ms();
    int status;
    pid_t pid = fork();

    assert_true(pid >= 0);
    *words_said = 0;
    if (pid == 0) {
        guard_on_exit(say_words);
        body();
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), GUARD_EXIT);
    return clock_mono_ms() - start;
}

static void hang_in_guard(void)
{
    guard_arm(clock_mono_ms() + 100);
    hang();
}

static void who_hangs_on_is_ended_after_the_grace_with_last_words(void **state)
{
    (void)state;
    int64_t took = ends_itself(hang_in_guard);
    assert_in_range(took, 100 + GUARD_GRACE_MS - 1, 100 + GUARD_GRACE_MS + SLACK_MS);
    assert_int_equal(*words_said, 1);
}

static void hang_in_past_guard(void)
{
    guard_arm(-5);
    hang();
}

static void a_deadline_in_the_past_fires_at_once(void **state)
{
    (void)state;
    assert_in_range(ends_itself(hang_in_past_guard), GUARD_GRACE_MS - 1, GUARD_GRACE_MS + SLACK_MS);
}

static void hang_in_step(void)
{
    int64_t now = clock_mono_ms();
    guard_arm(now + LONG_MS);
    guard_step(now + 100);
    hang();
}

static void a_step_ends_the_process_before_the_guard_would(void **state)
{
    (void)state;
    assert_in_range(ends_itself(hang_in_step), 100 + GUARD_GRACE_MS - 1,
                    100 + GUARD_GRACE_MS + SLACK_MS);
}

static void hang_in_long_step(void)
{
    int64_t now = clock_mono_ms();
    guard_arm(now + 100);
    guard_step(now + LONG_MS);
    hang();
}

static void a_step_cannot_outlast_the_guard(void **state)
{
    (void)state;
    assert_in_range(ends_itself(hang_in_long_step), 100 + GUARD_GRACE_MS - 1,
                    100 + GUARD_GRACE_MS + SLACK_MS);
}

static void hang_after_step(void)
{
    int64_t now = clock_mono_ms();
    guard_arm(now + SOON_MS);
    guard_step(now + SOON_MS / 2);
    if (guard_step_end())
        _exit(1);
    hang();
}

static void after_a_step_the_guard_s_own_deadline_holds_again(void **state)
{
    (void)state;
    assert_in_range(ends_itself(hang_after_step), SOON_MS + GUARD_GRACE_MS - 1,
                    SOON_MS + GUARD_GRACE_MS + SLACK_MS);
}

static void a_step_that_fired_says_so_and_the_guard_starts_afresh(void **state)
{
    int pair[2];
    int64_t now = clock_mono_ms();

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    guard_arm(now + LONG_MS);
    guard_step(now + 50);
    guard_watch(pair[0]);
    assert_int_equal(read_stubbornly(pair[0]), 0);
    guard_watch(-1);
    assert_true(guard_step_end());
    assert_int_equal(poll(NULL, 0, 2 * GUARD_GRACE_MS), 0);
    assert_false(guard_disarm());
    close(pair[0]);
    close(pair[1]);
}

static void a_step_outside_a_guard_leaves_nothing_armed(void **state)
{
    (void)state;
    guard_step(clock_mono_ms() + SOON_MS);
    assert_false(guard_step_end());
    assert_int_equal(poll(NULL, 0, SOON_MS + 2 * GUARD_GRACE_MS), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_watched_socket_is_shut_down_at_the_deadline),
        cmocka_unit_test(a_guard_that_is_disarmed_in_time_does_nothing),
        cmocka_unit_test(a_socket_watched_after_the_firing_is_shut_down_at_once),
        cmocka_unit_test(who_hangs_on_is_ended_after_the_grace_with_last_words),
        cmocka_unit_test(a_deadline_in_the_past_fires_at_once),
        cmocka_unit_test(a_step_ends_the_process_before_the_guard_would),
        cmocka_unit_test(a_step_cannot_outlast_the_guard),
        cmocka_unit_test(after_a_step_the_guard_s_own_deadline_holds_again),
        cmocka_unit_test(a_step_that_fired_says_so_and_the_guard_starts_afresh),
        cmocka_unit_test(a_step_outside_a_guard_leaves_nothing_armed),
    };

    return cmocka_run_group_tests(tests, make_shared, NULL);
}
