/* Proves the arithmetic of refusals with a clock that is passed in. */
#include "config.h"

#include "mfa/throttle.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define T     INT64_C(1800000000000)
#define DAY   INT64_C(86400000)
#define NEVER 0

static const struct settings_throttle rules = {
    .after = 3, .first = 1, .longest = 900, .cap = 100, .recent = INT64_C(30) * 86400};

static void waits_double_up_to_the_longest(void **state)
{
    static const int64_t waits[] = {0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900};
    const struct settings_throttle huge = {
        .after = 1, .first = INT64_MAX, .longest = INT64_MAX, .cap = 100, .recent = INT64_MAX};

    (void)state;
    for (int64_t n = 0; n < 15; n++)
        assert_int_equal(throttle_wait_ms(&rules, n), waits[n] * 1000);
    assert_int_equal(throttle_wait_ms(&rules, INT64_MAX), 900000);
    assert_true(throttle_wait_ms(&huge, INT64_MAX) == INT64_MAX);
}

static const struct {
    struct throttle_address from; /* failures, last failure, last success */
    int64_t total;
    int64_t now;
    enum throttle_verdict verdict;
} rows[] = {
    {{0, 0, NEVER},             0,         T,                THROTTLE_FREE   },
    {{2, T, NEVER},             2,         T,                THROTTLE_FREE   },
    {{3, T, NEVER},             3,         T,                THROTTLE_REFUSED},
    {{3, T, NEVER},             3,         T + 999,          THROTTLE_REFUSED},
    {{3, T, NEVER},             3,         T + 1000,         THROTTLE_FREE   },
    {{50, T, NEVER},            50,        T + 899999,       THROTTLE_REFUSED},
    {{50, T, NEVER},            50,        T + 900000,       THROTTLE_FREE   },
 /* the cap, from an address without and with a recent success */
    {{0, 0, NEVER},             99,        T,                THROTTLE_FREE   },
    {{0, 0, NEVER},             100,       T,                THROTTLE_CAPPED },
    {{3, T, NEVER},             100,       T,                THROTTLE_CAPPED },
    {{0, 0, T - 29 * DAY},      100,       T,                THROTTLE_FREE   },
    {{0, 0, T - 30 * DAY},      100,       T,                THROTTLE_CAPPED },
    {{3, T, T - DAY},           100,       T,                THROTTLE_REFUSED},
    {{3, T - DAY, T - DAY},     INT64_MAX, T,                THROTTLE_FREE   },
 /* the clock was set back: a failure in the future is one of now */
    {{3, T + 365 * DAY, NEVER}, 3,         T,                THROTTLE_REFUSED},
    {{2, T + 365 * DAY, NEVER}, 2,         T,                THROTTLE_FREE   },
    {{0, 0, T + DAY},           100,       T,                THROTTLE_FREE   },
 /* the ends of time */
    {{3, INT64_MAX, NEVER},     3,         INT64_MAX - 5000, THROTTLE_REFUSED},
    {{3, INT64_MIN, NEVER},     3,         INT64_MAX,        THROTTLE_FREE   },
    {{3, 0, INT64_MAX},         100,       INT64_MIN,        THROTTLE_REFUSED},
};

static void every_row_is_judged_as_written(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (throttle_judge(&rules, &rows[i].from, rows[i].total, rows[i].now) != rows[i].verdict)
            fail_msg("row %zu", i);
}

static void until_is_when_it_ends(void **state)
{
    const struct throttle_address from = {5, T, NEVER};

    (void)state;
    assert_int_equal(throttle_until_ms(&rules, &from, T + 1), T + 4000);
    assert_int_equal(throttle_until_ms(&rules, &from, T + 4000), 0);
    assert_int_equal(throttle_until_ms(&rules, &from, T - DAY), T - DAY + 4000);
}

static void failures_of_the_future_are_mended_once(void **state)
{
    struct throttle_address from = {5, T, NEVER};
    struct throttle_address never = {0, T, NEVER};

    (void)state;
    assert_false(throttle_mend(&from, T));
    assert_false(throttle_mend(&from, T - 500)); /* workers in disorder */
    assert_false(throttle_mend(&never, T - DAY));
    assert_true(throttle_mend(&from, T - DAY));
    assert_int_equal(from.last_failure_ms, T - DAY);
    assert_false(throttle_mend(&from, T - DAY));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(waits_double_up_to_the_longest),
        cmocka_unit_test(every_row_is_judged_as_written),
        cmocka_unit_test(until_is_when_it_ends),
        cmocka_unit_test(failures_of_the_future_are_mended_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
