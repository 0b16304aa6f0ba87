/* Proves codes by the vectors of RFC 4226 (Appendix D) and RFC 6238 (Appendix B), and the window. */
#include "config.h"

#include "mfa/otp.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const char digits_64[] = "1234567890123456789012345678901234567890123456789012345678901234";

static void rfc_4226_vectors(void **state)
{
    static const char *const codes[] = {"755224", "287082", "359152", "969429", "338314",
                                        "254676", "287922", "162583", "399871", "520489"};
    const struct otp otp = {ALGORITHM_SHA1, 6};
    char code[OTP_DIGITS_MAX + 1];

    (void)state;
    for (int64_t i = 0; i < 10; i++) {
        assert_true(otp_code(&otp, bytes_of(digits_64, 20), i, code));
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
    char code[OTP_DIGITS_MAX + 1];

    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++)
        for (int a = ALGORITHM_SHA1; a <= ALGORITHM_SHA512; a++) {
            const struct otp otp = {(enum settings_algorithm)a, 8};
            struct bytes key = bytes_of(digits_64, otp_secret_size(otp.algorithm));
            assert_true(otp_code(&otp, key, totp_step(vectors[i].at, 30), code));
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
    const struct otp otp = {ALGORITHM_SHA1, 8};
    char low[OTP_DIGITS_MAX + 1], high[OTP_DIGITS_MAX + 1];

    (void)state;
    assert_true(otp_code(&otp, bytes_of(digits_64, 20), 1, low));
    assert_true(otp_code(&otp, bytes_of(digits_64, 20), (INT64_C(1) << 32) + 1, high));
    assert_string_not_equal(low, high);
}

static void range_names_the_counters_that_matched(void **state)
{
    const struct otp otp = {ALGORITHM_SHA1, 6};
    struct bytes secret = bytes_of(digits_64, 20);
    bool match[3];

    (void)state;
    /* 359152 is the code of counter 2. */
    assert_true(otp_compare(&otp, secret, 2, 3, bytes_str("359152"), match));
    assert_true(match[0] && !match[1] && !match[2]);
    assert_true(otp_compare(&otp, secret, 0, 3, bytes_str("359152"), match));
    assert_true(!match[0] && !match[1] && match[2]);
    assert_true(otp_compare(&otp, secret, 3, 3, bytes_str("359152"), match));
    assert_true(!match[0] && !match[1] && !match[2]);
}

static void other_lengths_and_no_counters_match_nothing(void **state)
{
    static const char *const texts[] = {"", "75522", "7552240", "755224 "};
    const struct otp otp = {ALGORITHM_SHA1, 6};
    struct bytes secret = bytes_of(digits_64, 20);
    bool match[3];

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_true(otp_compare(&otp, secret, -1, 3, bytes_str(texts[i]), match));
        assert_false(match[0] || match[1] || match[2]);
    }
    /* The counter before the first stands in for none; its code is that of 0, but no match. */
    assert_true(otp_compare(&otp, secret, -1, 3, bytes_str("755224"), match));
    assert_true(!match[0] && match[1]);
    /* So do those past the last one. */
    assert_true(otp_compare(&otp, secret, INT64_MAX, 3, bytes_str("755224"), match));
    assert_false(match[1] || match[2]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rfc_4226_vectors),
        cmocka_unit_test(rfc_6238_vectors),
        cmocka_unit_test(steps_round_down),
        cmocka_unit_test(steps_past_32_bits_are_their_own),
        cmocka_unit_test(range_names_the_counters_that_matched),
        cmocka_unit_test(other_lengths_and_no_counters_match_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
