/* Proves that all is written whatever write(2) takes at a time, and that what fails is told. */
#include "config.h"

#include "common/write_all.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>

#include <cmocka.h>

/* A stand-in for write(2), linked in its place: what each call gives, and an errno where that is negative. */
struct answer {
    ssize_t n;
    int error;
};

ssize_t __wrap_write(int fd, const void *from, size_t len); /* the linker's name for it */

static const struct answer *answers;
static char taken[32];
static size_t n_taken, calls;

ssize_t __wrap_write(int fd, const void *from, size_t len)
{
    const struct answer *answer = &answers[calls++];

    assert_int_equal(fd, 7);
    if (answer->n < 0) {
        errno = answer->error;
        return -1;
    }
    assert_true((size_t)answer->n <= len);
    memcpy(taken + n_taken, from, (size_t)answer->n);
    n_taken += (size_t)answer->n;
    return answer->n;
}

static int write_with(const struct answer *given, const char *text)
{
    answers = given;
    n_taken = calls = 0;
    return write_all(7, bytes_str(text));
}

static void parts_and_signals_are_gone_on_after(void **state)
{
    static const struct answer given[] = {{2, 0}, {-1, EINTR}, {-1, EINTR}, {1, 0}, {4, 0}};

    (void)state;
    assert_int_equal(write_with(given, "1234567"), 0);
    assert_int_equal(calls, 5);
    assert_int_equal(n_taken, 7);
    assert_memory_equal(taken, "1234567", 7);
}

static void what_fails_is_told_and_ends_it(void **state)
{
    static const struct answer full[] = {{3, 0}, {-1, ENOSPC}};
    static const struct answer nothing[] = {{3, 0}, {0, 0}};

    (void)state;
    assert_int_equal(write_with(full, "1234567"), ENOSPC);
    assert_int_equal(calls, 2);
    assert_int_equal(write_with(nothing, "1234567"), EIO);
    assert_int_equal(calls, 2);
}

static void nothing_is_written_at_once(void **state)
{
    (void)state;
    assert_int_equal(write_with(NULL, ""), 0);
    assert_int_equal(calls, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_and_signals_are_gone_on_after),
        cmocka_unit_test(what_fails_is_told_and_ends_it),
        cmocka_unit_test(nothing_is_written_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
