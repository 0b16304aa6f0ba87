/* Proves how failures are counted, refused and forgotten, with a clock that the test turns. */
#include "config.h"

#include "tests/unit/attempt_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static void used_codes_count_as_failures(void **state)
{
    struct fixture *f = *state;
    struct secret secret;

    fixture_enroll(f, "alice", "phone", &usual, &secret);
    ASSERT_REASON(fixture_attempt(f, "alice", HOME, typed(&usual, &secret, NOON), NULL),
                  REASON_GRANTED);
    for (int i = 0; i < 3; i++)
        ASSERT_REASON(fixture_attempt(f, "alice", HOME, typed(&usual, &secret, NOON), NULL),
                      REASON_CODE_USED);
    ASSERT_REASON(fixture_attempt(f, "alice", HOME, typed(&usual, &secret, NOON + 30), NULL),
                  REASON_THROTTLED);
    secret_free(&secret);
}

static void success_is_noted_until_a_failure_or_an_hour(void **state)
{
    struct fixture *f = *state;
    struct bytes alice = bytes_str("alice"), home = bytes_str(HOME);
    struct secret secret;
    struct mfa_outcome out;

    fixture_enroll(f, "alice", "phone", &usual, &secret);
    fixture_attempt(f, "alice", HOME, typed(&usual, &secret, NOON - 30), &out);
    assert_false(out.success_is_noted);
    assert_true(mfa_count_success(f->mfa, alice, home, f->now_ms, fixture_deadline()));
    fixture_attempt(f, "alice", HOME, typed(&usual, &secret, NOON), &out);
    assert_true(out.success_is_noted);
    fixture_attempt(f, "alice", EVIL, typed(&usual, &secret, NOON + 30), &out);
    assert_false(out.success_is_noted); /* another address */
    fixture_attempt(f, "alice", HOME, "pw000000", &out);
    fixture_attempt(f, "alice", HOME, "pw000000", &out);
    assert_false(out.success_is_noted); /* a failure is to be forgotten */
    assert_true(mfa_count_success(f->mfa, alice, home, f->now_ms, fixture_deadline()));
    f->now_ms += INT64_C(3601) * 1000;
    fixture_attempt(f, "alice", HOME, typed(&usual, &secret, NOON + 3600), &out);
    assert_false(out.success_is_noted);
    secret_free(&secret);
}

static void addresses_are_listed_latest_first(void **state)
{
    struct fixture *f = *state;
    struct bytes alice = bytes_str("alice");
    struct address_info *infos = NULL;
    struct secret secret;
    size_t n = 9;

    assert_int_equal(mfa_addresses(f->mfa, alice, f->now_ms, &infos, &n), MFA_OK);
    assert_int_equal(n, 0);
    free(infos);
    fixture_enroll(f, "alice", "phone", &usual, &secret);
    assert_true(mfa_count_success(f->mfa, alice, bytes_str(HOME), f->now_ms, fixture_deadline()));
    f->now_ms += 1000;
    for (int i = 0; i < 3; i++)
        ASSERT_REASON(fixture_attempt(f, "alice", EVIL, "pw000000", NULL), REASON_CODE_WRONG);
    assert_int_equal(mfa_addresses(f->mfa, alice, f->now_ms, &infos, &n), MFA_OK);
    assert_int_equal(n, 2);
    assert_true(bytes_equal(bytes_of(infos[0].at, infos[0].len), bytes_str(EVIL)));
    assert_int_equal(infos[0].failures, 3);
    assert_int_equal(infos[0].last_failure_s, f->now_ms / 1000);
    assert_int_equal(infos[0].last_success_s, 0);
    assert_true(infos[0].refused_until_s > f->now_ms / 1000);
    assert_false(infos[0].trusted);
    assert_true(bytes_equal(bytes_of(infos[1].at, infos[1].len), bytes_str(HOME)));
    assert_int_equal(infos[1].failures, 0);
    assert_int_equal(infos[1].refused_until_s, 0);
    assert_true(infos[1].trusted);
    free(infos);
    assert_int_equal(mfa_addresses(f->mfa, bytes_str(""), f->now_ms, &infos, &n), MFA_BAD_NAME);
    secret_free(&secret);
}

static void unknown_users_are_denied_in_bounded_space(void **state)
{
    struct fixture *f = *state;
    struct mfa_outcome out;
    char name[32], address[32];

    for (int i = 0; i < 10000; i++) {
        snprintf(name, sizeof name, "nobody-%d", i);
        snprintf(address, sizeof address, "203.0.113.%d", i % 250);
        f->now_ms += 100;
        ASSERT_REASON(fixture_attempt(f, name, address, "pw123456", &out), REASON_NOT_ENROLLED);
        assert_false(out.user_known);
    }
    assert_true(fixture_sql(f, "SELECT count(*) FROM subject") <= 1024);
    assert_true(fixture_sql(f, "SELECT count(*) FROM address") <= 1024 * 64);
    assert_int_equal(fixture_sql(f, "SELECT count(*) FROM user"), 0);
    assert_true(fixture_sql(f, "SELECT count(*) FROM subject") > 900); /* they are counted */
}

static void names_without_code_due_are_counted_in_bounded_space(void **state)
{
    struct fixture *f = *state;
    char name[32];

    for (int i = 0; i < 20000; i++) {
        snprintf(name, sizeof name, "somebody-%d", i);
        assert_true(mfa_count_failure(f->mfa, bytes_str(name), bytes_str(EVIL), f->now_ms,
                                      fixture_deadline()));
    }
    assert_true(fixture_sql(f, "SELECT count(*) FROM subject") <= 16384);
    assert_int_equal(fixture_sql(f, "SELECT count(*) FROM subject"),
                     fixture_sql(f, "SELECT count(*) FROM address"));
}

static void failures_are_refused_for_growing_times(void **state)
{
    struct fixture *f = *state;
    struct secret secret;

    fixture_enroll(f, "alice", "phone", &usual, &secret);
    for (int i = 0; i < 3; i++)
        ASSERT_REASON(fixture_attempt(f, "alice", HOME, "pw000000", NULL), REASON_CODE_WRONG);
    ASSERT_REASON(fixture_attempt(f, "alice", HOME, typed(&usual, &secret, NOON), NULL),
                  REASON_THROTTLED);
    /* Refused attempts burn nothing and count nothing; another address is not refused. */
    f->now_ms += 1000;
    ASSERT_REASON(fixture_attempt(f, "alice", HOME, "pw000000", NULL), REASON_CODE_WRONG);
    f->now_ms += 1000;
    ASSERT_REASON(fixture_attempt(f, "alice", HOME, "pw000000", NULL), REASON_THROTTLED);
    ASSERT_REASON(fixture_attempt(f, "alice", EVIL, typed(&usual, &secret, NOON), NULL),
                  REASON_GRANTED);
    f->now_ms += 1000;
    ASSERT_REASON(fixture_attempt(f, "alice", HOME, typed(&usual, &secret, NOON + 30), NULL),
                  REASON_GRANTED);
    assert_true(mfa_count_success(f->mfa, bytes_str("alice"), bytes_str(HOME), f->now_ms,
                                  fixture_deadline()));
    struct user_info info;
    assert_int_equal(mfa_user(f->mfa, bytes_str("alice"), f->now_ms, &info), MFA_OK);
    assert_int_equal(info.failures, 0);
    secret_free(&secret);
}

static void clock_set_back_makes_no_endless_refusal(void **state)
{
    struct fixture *f = *state;
    struct secret secret;

    fixture_enroll(f, "alice", "phone", &usual, &secret);
    for (int i = 0; i < 3; i++)
        ASSERT_REASON(fixture_attempt(f, "alice", HOME, "pw000000", NULL), REASON_CODE_WRONG);
    f->now_ms -= 3000 * 1000;
    int64_t now_s = f->now_ms / 1000;
    ASSERT_REASON(fixture_attempt(f, "alice", HOME, "pw000000", NULL), REASON_THROTTLED);
    f->now_ms += 1000;
    ASSERT_REASON(fixture_attempt(f, "alice", HOME, typed(&usual, &secret, now_s), NULL),
                  REASON_GRANTED);
    secret_free(&secret);
}

static void cap_spares_the_address_of_a_recent_success(void **state)
{
    struct fixture *f = *state;
    struct secret secret;
    struct user_info info;
    char address[32];

    fixture_enroll(f, "alice", "phone", &usual, &secret);
    ASSERT_REASON(fixture_attempt(f, "alice", HOME, typed(&usual, &secret, NOON - 30), NULL),
                  REASON_GRANTED);
    assert_true(mfa_count_success(f->mfa, bytes_str("alice"), bytes_str(HOME), f->now_ms,
                                  fixture_deadline()));
    /* From 100 addresses, one failure each: no address is refused by itself. */
    for (int i = 0; i < 100; i++) {
        snprintf(address, sizeof address, "203.0.113.%d", i);
        ASSERT_REASON(fixture_attempt(f, "alice", address, "pw000000", NULL), REASON_CODE_WRONG);
    }
    ASSERT_REASON(fixture_attempt(f, "alice", EVIL, typed(&usual, &secret, NOON), NULL),
                  REASON_CAPPED);
    assert_int_equal(mfa_user(f->mfa, bytes_str("alice"), f->now_ms, &info), MFA_OK);
    assert_true(info.capped);
    assert_int_equal(info.failures, 100);
    ASSERT_REASON(fixture_attempt(f, "alice", HOME, typed(&usual, &secret, NOON), NULL),
                  REASON_GRANTED);
    assert_int_equal(mfa_unlock(f->mfa, bytes_str("alice")), MFA_OK);
    ASSERT_REASON(fixture_attempt(f, "alice", EVIL, typed(&usual, &secret, NOON + 30), NULL),
                  REASON_GRANTED);
    secret_free(&secret);
}

static void addresses_of_one_user_are_bounded(void **state)
{
    struct fixture *f = *state;
    struct secret secret;
    char address[32];

    f->settings.throttle.cap = 1000;
    fixture_reopen(f);
    fixture_enroll(f, "alice", "phone", &usual, &secret);
    assert_true(mfa_count_success(f->mfa, bytes_str("alice"), bytes_str(HOME), f->now_ms,
                                  fixture_deadline()));
    for (int i = 0; i < 600; i++) {
        snprintf(address, sizeof address, "2001:db8:%x::1", i);
        f->now_ms += 10;
        ASSERT_REASON(fixture_attempt(f, "alice", address, "pw000000", NULL), REASON_CODE_WRONG);
    }
    assert_int_equal(fixture_sql(f, "SELECT count(*) FROM address"), 256);
    assert_int_equal(fixture_sql(f, "SELECT failures FROM subject"), 600);
    assert_int_equal(
        fixture_sql(f, "SELECT count(*) FROM address WHERE address = CAST('" HOME "' AS BLOB)"), 1);
    secret_free(&secret);
}

static void one_origin_is_one_address_however_it_is_spelt(void **state)
{
    static const char *const spellings[][4] = {
        {"192.0.2.7",       "::ffff:192.0.2.7",     "::FFFF:c000:207",      "192.0.2.7"          },
        {"2001:db8:1:2::1", "2001:DB8:1:2:ffff::9", "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::%eth0"},
        {"fe80::1%eth0",    "fe80::1",              "fe80::1%eth1",         "FE80::1"            },
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof spellings / sizeof spellings[0]; i++) {
        char name[] = {'u', (char)('0' + i), '\0'};
        struct secret secret;

        fixture_enroll(f, name, "phone", &usual, &secret);
        for (size_t k = 0; k < 3; k++)
            ASSERT_REASON(fixture_attempt(f, name, spellings[i][k], "pw000000", NULL),
                          REASON_CODE_WRONG);
        ASSERT_REASON(fixture_attempt(f, name, spellings[i][3], "pw000000", NULL),
                      REASON_THROTTLED);
        ASSERT_REASON(fixture_attempt(f, name, "2001:db8:1:3::1", "pw000000", NULL),
                      REASON_CODE_WRONG);
        secret_free(&secret);
    }
}

static void a_name_from_reverse_dns_does_not_spare_the_cap(void **state)
{
    struct fixture *f = *state;
    struct secret secret;
    char address[32];

    fixture_enroll(f, "alice", "phone", &usual, &secret);
    assert_true(mfa_count_success(f->mfa, bytes_str("alice"), bytes_str("home.example"), f->now_ms,
                                  fixture_deadline()));
    for (int i = 0; i < 100; i++) {
        snprintf(address, sizeof address, "203.0.113.%d", i);
        ASSERT_REASON(fixture_attempt(f, "alice", address, "pw000000", NULL), REASON_CODE_WRONG);
    }
    ASSERT_REASON(fixture_attempt(f, "alice", "home.example", typed(&usual, &secret, NOON), NULL),
                  REASON_CAPPED);
    secret_free(&secret);
}

static char proxy[] = "192.0.2.0/24";
static char *proxies[] = {proxy, NULL};

static void a_proxy_is_neither_trusted_nor_blamed(void **state)
{
    struct fixture *f = *state;
    struct bytes alice = bytes_str("alice");
    struct secret secret;
    struct mfa_outcome out;
    char address[32];

    fixture_enroll(f, "alice", "phone", &usual, &secret);
    /* A success from before the address became a proxy's tells no more than one after. */
    assert_true(mfa_count_success(f->mfa, alice, bytes_str(HOME), f->now_ms, fixture_deadline()));
    assert_true(mfa_count_success(f->mfa, alice, bytes_str("203.0.113.200"), f->now_ms,
                                  fixture_deadline()));
    f->settings.throttle.proxies = (struct settings_strings){proxies, 1};
    fixture_reopen(f);
    assert_true(mfa_count_success(f->mfa, alice, bytes_str(HOME), f->now_ms, fixture_deadline()));
    fixture_attempt(f, "alice", HOME, typed(&usual, &secret, NOON - 30), &out);
    assert_true(out.success_is_noted); /* and costs no write at each login */

    /* Guesses through it are limited, and refusals stay there. */
    for (int i = 0; i < 3; i++)
        ASSERT_REASON(fixture_attempt(f, "alice", HOME, "pw000000", NULL), REASON_CODE_WRONG);
    ASSERT_REASON(fixture_attempt(f, "alice", HOME, typed(&usual, &secret, NOON), NULL),
                  REASON_THROTTLED);
    ASSERT_REASON(fixture_attempt(f, "alice", "192.0.2.2", typed(&usual, &secret, NOON), NULL),
                  REASON_GRANTED); /* another proxy */
    for (int i = 0; i < 97; i++) {
        snprintf(address, sizeof address, "203.0.113.%d", i);
        ASSERT_REASON(fixture_attempt(f, "alice", address, "pw000000", NULL), REASON_CODE_WRONG);
    }
    f->now_ms += 60 * 1000;
    const char *right = typed(&usual, &secret, NOON + 60);
    ASSERT_REASON(fixture_attempt(f, "alice", HOME, right, NULL), REASON_CAPPED);
    ASSERT_REASON(fixture_attempt(f, "alice", "203.0.113.200", right, NULL), REASON_GRANTED);
    secret_free(&secret);
}

static void addresses_count_as_networks_where_configured(void **state)
{
    struct fixture *f = *state;
    struct secret secret;
    char address[32];

    fixture_enroll(f, "alice", "phone", &usual, &secret);
    f->settings.throttle.ipv4_prefix = 24;
    f->settings.throttle.ipv6_prefix = 48;
    fixture_reopen(f);
    for (int i = 0; i < 3; i++) {
        snprintf(address, sizeof address, "192.0.2.%d", i);
        ASSERT_REASON(fixture_attempt(f, "alice", address, "pw000000", NULL), REASON_CODE_WRONG);
        snprintf(address, sizeof address, "2001:db8:1:%d::1", i);
        ASSERT_REASON(fixture_attempt(f, "alice", address, "pw000000", NULL), REASON_CODE_WRONG);
    }
    ASSERT_REASON(fixture_attempt(f, "alice", "192.0.2.99", "pw000000", NULL), REASON_THROTTLED);
    ASSERT_REASON(fixture_attempt(f, "alice", "2001:db8:1:ff::9", "pw000000", NULL),
                  REASON_THROTTLED);
    ASSERT_REASON(fixture_attempt(f, "alice", "192.0.3.1", "pw000000", NULL), REASON_CODE_WRONG);
    ASSERT_REASON(fixture_attempt(f, "alice", "2001:db8:2::1", "pw000000", NULL),
                  REASON_CODE_WRONG);
    secret_free(&secret);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, attempt_setup, attempt_teardown)
    const struct CMUnitTest tests[] = {
        CASE(used_codes_count_as_failures),
        CASE(success_is_noted_until_a_failure_or_an_hour),
        CASE(addresses_are_listed_latest_first),
        CASE(unknown_users_are_denied_in_bounded_space),
        CASE(names_without_code_due_are_counted_in_bounded_space),
        CASE(failures_are_refused_for_growing_times),
        CASE(clock_set_back_makes_no_endless_refusal),
        CASE(cap_spares_the_address_of_a_recent_success),
        CASE(addresses_of_one_user_are_bounded),
        CASE(one_origin_is_one_address_however_it_is_spelt),
        CASE(a_name_from_reverse_dns_does_not_spare_the_cap),
        CASE(a_proxy_is_neither_trusted_nor_blamed),
        CASE(addresses_count_as_networks_where_configured),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
