/* Proves codes by the vectors of RFC 4226 (Appendix D) and RFC 6238 (Appendix B), and the window. */
#include "config.h"

#include "mfa/totp.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const char digits_64[] = "1234567890123456789012345678901234567890123456789012345678901234";

static void rfc_4226_vectors(void **state)
{
    static const char *const codes[] = {"755224", "287082", "359152", "969429", "338314",
                                        "254676", "287922", "162583", "399871", "520489"};
    const struct totp totp = {ALGORITHM_SHA1, 6, 30};
    char code[TOTP_DIGITS_MAX + 1];

    (void)state;
    for (int64_t i = 0; i < 10; i++) {
        assert_true(totp_code(&totp, bytes_of(digits_64, 20), i, code));
        assert_string_equal(code, codes[i]);
    }
}

static void rfc_6238_vectors(void **state)
{
    static const struct {
        int64_t at;
        const char *codes[3]; /* by algorithm */
    } vectors[] = {
        {59,                   {"94287082", "46119246", "90693936"}},
        {1111111109,           {"07081804", "68084774", "25091201"}},
        {1111111111,           {"14050471", "67062674", "99943326"}},
        {1234567890,           {"89005924", "91819424", "93441116"}},
        {2000000000,           {"69279037", "90698825", "38618901"}},
        {INT64_C(20000000000), {"65353130", "77737706", "47863826"}},
    };
    char code[TOTP_DIGITS_MAX + 1];

    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++)
        for (int a = ALGORITHM_SHA1; a <= ALGORITHM_SHA512; a++) {
            const struct totp totp = {(enum settings_algorithm)a, 8, 30};
            struct bytes key = bytes_of(digits_64, totp_secret_size(totp.algorithm));
            assert_true(totp_code(&totp, key, totp_step(vectors[i].at, 30), code));
            assert_string_equal(code, vectors[i].codes[a]);
        }
}

static void steps_round_down(void **state)
{
    (void)state;
    assert_int_equal(totp_step(0, 30), 0);
    assert_int_equal(totp_step(29, 30), 0);
    assert_int_equal(totp_step(30, 30), 1);
    assert_int_equal(totp_step(-1, 30), -1);
    assert_int_equal(totp_step(-30, 30), -1);
    assert_int_equal(totp_step(-31, 30), -2);
    assert_int_equal(totp_step_start(-2, 30), -60);
    assert_true(totp_step_start(INT64_MAX / 2, 300) == INT64_MAX);
    assert_true(totp_step_start(INT64_MIN / 2, 300) == INT64_MIN);
}

static void steps_past_32_bits_are_their_own(void **state)
{
    const struct totp totp = {ALGORITHM_SHA1, 8, 30};
    char low[TOTP_DIGITS_MAX + 1], high[TOTP_DIGITS_MAX + 1];

    (void)state;
    assert_true(totp_code(&totp, bytes_of(digits_64, 20), 1, low));
    assert_true(totp_code(&totp, bytes_of(digits_64, 20), (INT64_C(1) << 32) + 1, high));
    assert_string_not_equal(low, high);
}

static void window_names_the_step_that_matched(void **state)
{
    const struct totp totp = {ALGORITHM_SHA1, 6, 30};
    struct totp_window window;

    (void)state;
    /* 359152 is the code of step 2; at 95 s the present step is 3. */
    assert_true(totp_compare(&totp, bytes_of(digits_64, 20), 95, 1, bytes_str("359152"), &window));
    assert_int_equal(window.n, 3);
    assert_int_equal(window.step[0], 2);
    assert_true(window.match[0]);
    assert_false(window.match[1] || window.match[2]);
    assert_true(totp_compare(&totp, bytes_of(digits_64, 20), 95, 0, bytes_str("359152"), &window));
    assert_int_equal(window.n, 1);
    assert_false(window.match[0]);
}

static void other_lengths_and_early_steps_match_nothing(void **state)
{
    static const char *const texts[] = {"", "75522", "7552240", "755224 "};
    const struct totp totp = {ALGORITHM_SHA1, 6, 30};
    struct totp_window window;

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_true(
            totp_compare(&totp, bytes_of(digits_64, 20), 5, 1, bytes_str(texts[i]), &window));
        for (size_t k = 0; k < window.n; k++)
            assert_false(window.match[k]);
    }
    /* The step before the first stands in for none; its code is that of step 0, but no match. */
    assert_true(totp_compare(&totp, bytes_of(digits_64, 20), 5, 1, bytes_str("755224"), &window));
    assert_false(window.match[0]);
    assert_true(window.match[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rfc_4226_vectors),
        cmocka_unit_test(rfc_6238_vectors),
        cmocka_unit_test(steps_round_down),
        cmocka_unit_test(steps_past_32_bits_are_their_own),
        cmocka_unit_test(window_names_the_step_that_matched),
        cmocka_unit_test(other_lengths_and_early_steps_match_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
