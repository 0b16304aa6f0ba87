/* Proves what mfa_attempt promises, on a real store with a clock that the test turns. */
#include "config.h"

#include "tests/unit/engine_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define HOME "192.0.2.1"
#define EVIL "198.51.100.7"

static const struct settings_token usual = {NULL, ALGORITHM_SHA1, 6, 30, 1};

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

/* "pw" and the code of the given time. */
static const char *typed(const struct settings_token *parameters, const struct secret *secret,
                         int64_t at_s)
{
    static char text[16];

    memcpy(text, "pw", 2);
    fixture_code(parameters, secret, at_s, text + 2);
    return text;
}

static void expect(enum reason got, enum reason want, int line)
{
    if (got != want)
        fail_msg("line %d: %s, not %s", line, reason_name(got), reason_name(want));
}

#define ASSERT_REASON(got, want) expect(got, want, __LINE__)

static void right_code_is_taken_once(void **state)
{
    struct fixture *f = *state;
    struct secret secret;
    struct mfa_outcome out;

    fixture_enroll(f, "alice", "phone", &usual, &secret);
    ASSERT_REASON(fixture_attempt(f, "alice", HOME, typed(&usual, &secret, NOON), &out),
                  REASON_GRANTED);
    assert_true(out.user_known);
    assert_int_equal(out.password_offset, 0);
    assert_int_equal(out.password_length, 2);
    assert_string_equal(out.token_name, "phone");
    assert_int_equal(strlen(out.user_hash), 32);
    assert_int_equal(out.burn.step, NOON / 30);
    ASSERT_REASON(fixture_attempt(f, "alice", HOME, typed(&usual, &secret, NOON), &out),
                  REASON_CODE_USED);
    assert_int_equal(out.burn.token, 0);
    /* The step before is below the last one as well. */
    ASSERT_REASON(fixture_attempt(f, "alice", EVIL, typed(&usual, &secret, NOON - 30), &out),
                  REASON_CODE_USED);
    secret_free(&secret);
}

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

static void window_is_one_step_either_way(void **state)
{
    struct fixture *f = *state;
    struct secret secret;

    fixture_enroll(f, "alice", "phone", &usual, &secret);
    ASSERT_REASON(fixture_attempt(f, "alice", HOME, typed(&usual, &secret, NOON - 60), NULL),
                  REASON_CODE_WRONG);
    ASSERT_REASON(fixture_attempt(f, "alice", HOME, typed(&usual, &secret, NOON + 60), NULL),
                  REASON_CODE_WRONG);
    ASSERT_REASON(fixture_attempt(f, "alice", HOME, typed(&usual, &secret, NOON - 30), NULL),
                  REASON_GRANTED);
    ASSERT_REASON(fixture_attempt(f, "alice", HOME, typed(&usual, &secret, NOON), NULL),
                  REASON_GRANTED);
    ASSERT_REASON(fixture_attempt(f, "alice", HOME, typed(&usual, &secret, NOON + 30), NULL),
                  REASON_GRANTED);
    secret_free(&secret);
}

static void steps_before_boot_are_refused(void **state)
{
    struct fixture *f = *state;
    struct secret secret;

    fixture_enroll(f, "alice", "phone", &usual, &secret);
    f->boot_s = NOON - 10; /* the step NOON-30 began before, NOON after */
    ASSERT_REASON(fixture_attempt(f, "alice", HOME, typed(&usual, &secret, NOON - 30), NULL),
                  REASON_CODE_BEFORE_BOOT);
    ASSERT_REASON(fixture_attempt(f, "alice", HOME, typed(&usual, &secret, NOON), NULL),
                  REASON_GRANTED);
    secret_free(&secret);
}

static void clock_set_back_revives_no_code(void **state)
{
    struct fixture *f = *state;
    struct secret secret;

    fixture_enroll(f, "alice", "phone", &usual, &secret);
    ASSERT_REASON(fixture_attempt(f, "alice", HOME, typed(&usual, &secret, NOON), NULL),
                  REASON_GRANTED);
    f->now_ms -= 600 * 1000;
    ASSERT_REASON(fixture_attempt(f, "alice", HOME, typed(&usual, &secret, NOON - 600), NULL),
                  REASON_CODE_USED);
    secret_free(&secret);
}

static void strange_clocks_are_harmless(void **state)
{
    struct fixture *f = *state;
    struct secret secret;
    static const int64_t times[] = {INT64_MIN, -1, 0, 29999, INT64_C(4294967296000) * 40,
                                    INT64_MAX};

    fixture_enroll(f, "alice", "phone", &usual, &secret);
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        f->now_ms = times[i];
        enum reason reason = fixture_attempt(f, "alice", HOME, "pw123456", NULL);
        assert_true(reason_verdict(reason) == VERDICT_DENIED);
    }
    secret_free(&secret);
}

static void burnt_code_is_given_back_unless_a_later_one_came(void **state)
{
    struct fixture *f = *state;
    struct secret secret;
    struct mfa_outcome first, second;

    fixture_enroll(f, "alice", "phone", &usual, &secret);
    ASSERT_REASON(fixture_attempt(f, "alice", HOME, typed(&usual, &secret, NOON), &first),
                  REASON_GRANTED);
    assert_true(mfa_give_back(f->mfa, &first.burn, fixture_deadline()));
    assert_false(mfa_give_back(f->mfa, &first.burn, fixture_deadline()));
    ASSERT_REASON(fixture_attempt(f, "alice", HOME, typed(&usual, &secret, NOON), &first),
                  REASON_GRANTED);
    ASSERT_REASON(fixture_attempt(f, "alice", HOME, typed(&usual, &secret, NOON + 30), &second),
                  REASON_GRANTED);
    assert_false(mfa_give_back(f->mfa, &first.burn, fixture_deadline()));
    ASSERT_REASON(fixture_attempt(f, "alice", HOME, typed(&usual, &secret, NOON), NULL),
                  REASON_CODE_USED);
    secret_free(&secret);
}

static void enrolling_anew_accepts_no_old_step(void **state)
{
    struct fixture *f = *state;
    struct secret secret;
    struct token_info info;
    size_t removed;
    char code[9];

    fixture_enroll(f, "alice", "phone", &usual, &secret);
    ASSERT_REASON(fixture_attempt(f, "alice", HOME, typed(&usual, &secret, NOON), NULL),
                  REASON_GRANTED);
    secret_free(&secret);
    assert_int_equal(mfa_remove(f->mfa, bytes_str("alice"), NULL, &removed), MFA_OK);
    assert_int_equal(removed, 1);
    assert_int_equal(mfa_create(f->mfa, bytes_str("alice"), "phone", &usual, NOON, &info, &secret),
                     MFA_OK);
    fixture_code(&usual, &secret, NOON, code);
    assert_int_equal(mfa_confirm(f->mfa, bytes_str("alice"), "phone", bytes_str(code), NOON, 0),
                     MFA_CODE_USED);
    fixture_code(&usual, &secret, NOON + 30, code);
    assert_int_equal(mfa_confirm(f->mfa, bytes_str("alice"), "phone", bytes_str(code), NOON, 0),
                     MFA_OK);
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

static void tokens_of_different_digits_split_differently(void **state)
{
    struct fixture *f = *state;
    const struct settings_token long_one = {NULL, ALGORITHM_SHA256, 8, 60, 1};
    struct secret phone, key;
    struct mfa_outcome out;

    fixture_enroll(f, "alice", "key", &long_one, &key);
    fixture_enroll(f, "alice", "phone", &usual, &phone);
    ASSERT_REASON(fixture_attempt(f, "alice", HOME, typed(&long_one, &key, NOON), &out),
                  REASON_GRANTED);
    assert_string_equal(out.token_name, "key");
    assert_int_equal(out.password_length, 2);
    ASSERT_REASON(fixture_attempt(f, "alice", HOME, typed(&usual, &phone, NOON), &out),
                  REASON_GRANTED);
    assert_string_equal(out.token_name, "phone");
    assert_int_equal(out.password_length, 2);
    ASSERT_REASON(fixture_attempt(f, "alice", HOME, "password", &out), REASON_CODE_MISSING);
    secret_free(&phone);
    secret_free(&key);
}

static void code_alone_and_code_first(void **state)
{
    struct fixture *f = *state;
    struct secret secret;
    struct mfa_outcome out;
    char text[16];

    fixture_enroll(f, "alice", "phone", &usual, &secret);
    fixture_code(&usual, &secret, NOON - 30, text);
    struct mfa_attempt attempt = {.user = bytes_str("alice"),
                                  .secret = bytes_str(text),
                                  .whole_is_code = true,
                                  .code_due = true,
                                  .now_ms = f->now_ms,
                                  .boot_s = f->boot_s};
    ASSERT_REASON(mfa_attempt(f->mfa, &attempt, fixture_deadline(), &out), REASON_GRANTED);
    assert_int_equal(out.password_length, 0);
    fixture_code(&usual, &secret, NOON, text);
    memcpy(text + 6, "word", 5);
    attempt.secret = bytes_str(text);
    ASSERT_REASON(mfa_attempt(f->mfa, &attempt, fixture_deadline(), &out), REASON_CODE_MISSING);
    attempt.whole_is_code = false;
    attempt.code_first = true;
    ASSERT_REASON(mfa_attempt(f->mfa, &attempt, fixture_deadline(), &out), REASON_GRANTED);
    assert_int_equal(out.password_offset, 6);
    assert_int_equal(out.password_length, 4);
    secret_free(&secret);
}

static void no_code_due_leaves_the_string_whole(void **state)
{
    struct fixture *f = *state;
    struct mfa_outcome out;
    struct mfa_attempt attempt = {.user = bytes_str("backup"),
                                  .address = bytes_str(HOME),
                                  .secret = bytes_str("secret123456"),
                                  .now_ms = f->now_ms,
                                  .boot_s = f->boot_s};

    ASSERT_REASON(mfa_attempt(f->mfa, &attempt, fixture_deadline(), &out), REASON_GRANTED);
    assert_int_equal(out.password_offset, 0);
    assert_int_equal(out.password_length, 12);
    assert_int_equal(fixture_sql(f, "SELECT count(*) FROM subject"), 0);
    for (int i = 0; i < 3; i++)
        assert_true(mfa_count_failure(f->mfa, attempt.user, attempt.address, f->now_ms,
                                      fixture_deadline()));
    ASSERT_REASON(mfa_attempt(f->mfa, &attempt, fixture_deadline(), &out), REASON_THROTTLED);
    attempt.now_ms -= 3600 * 1000;
    ASSERT_REASON(mfa_attempt(f->mfa, &attempt, fixture_deadline(), &out), REASON_THROTTLED);
    attempt.now_ms += 1000;
    ASSERT_REASON(mfa_attempt(f->mfa, &attempt, fixture_deadline(), &out), REASON_GRANTED);
}

static void pending_token_admits_nobody(void **state)
{
    struct fixture *f = *state;
    struct secret secret;
    struct token_info info;
    struct mfa_outcome out;

    assert_int_equal(
        mfa_create(f->mfa, bytes_str("alice"), "phone", &usual, NOON - 60, &info, &secret), MFA_OK);
    ASSERT_REASON(fixture_attempt(f, "alice", HOME, typed(&usual, &secret, NOON), &out),
                  REASON_NOT_ENROLLED);
    assert_true(out.user_known);
    secret_free(&secret);
}

static void row_of_another_user_does_not_open(void **state)
{
    struct fixture *f = *state;
    struct secret alice, mallory;

    fixture_enroll(f, "alice", "phone", &usual, &alice);
    fixture_enroll(f, "mallory", "phone", &usual, &mallory);
    /* Mallory can write to the file: her key and her secret in place of alice's. */
    assert_int_equal(
        fixture_sql(f, "UPDATE token SET secret = (SELECT secret FROM token t JOIN user u ON "
                       "u.id = t.user WHERE u.name = CAST('mallory' AS BLOB)) WHERE user = "
                       "(SELECT id FROM user WHERE name = CAST('alice' AS BLOB))"),
        1);
    ASSERT_REASON(fixture_attempt(f, "alice", HOME, typed(&usual, &mallory, NOON), NULL),
                  REASON_KEY_UNAVAILABLE);
    assert_int_equal(
        fixture_sql(f, "UPDATE user_key SET sealed = (SELECT sealed FROM user_key k JOIN user u ON "
                       "u.id = k.user WHERE u.name = CAST('mallory' AS BLOB))"),
        2);
    ASSERT_REASON(fixture_attempt(f, "alice", HOME, typed(&usual, &mallory, NOON), NULL),
                  REASON_KEY_UNAVAILABLE);
    assert_non_null(strstr(mfa_error(f->mfa), "does not open"));
    /* The whole token handed over. */
    assert_int_equal(fixture_sql(f, "DELETE FROM token WHERE user = (SELECT id FROM user WHERE "
                                    "name = CAST('alice' AS BLOB))"),
                     1);
    assert_int_equal(fixture_sql(f, "UPDATE token SET user = (SELECT id FROM user WHERE name = "
                                    "CAST('alice' AS BLOB))"),
                     1);
    ASSERT_REASON(fixture_attempt(f, "alice", HOME, typed(&usual, &mallory, NOON), NULL),
                  REASON_KEY_UNAVAILABLE);
    secret_free(&alice);
    secret_free(&mallory);
}

static void changed_parameters_and_versions_do_not_open(void **state)
{
    struct fixture *f = *state;
    struct secret secret;
    static const char *const changes[][2] = {
        {"UPDATE token SET version = 2",   "UPDATE token SET version = 1"  },
        {"UPDATE token SET digits = 7",    "UPDATE token SET digits = 6"   },
        {"UPDATE token SET period = 300",  "UPDATE token SET period = 30"  },
        {"UPDATE token SET algorithm = 1", "UPDATE token SET algorithm = 0"},
        {"UPDATE token SET id = id + 1",   "UPDATE token SET id = id - 1"  },
    };

    fixture_enroll(f, "alice", "phone", &usual, &secret);
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        assert_int_equal(fixture_sql(f, changes[i][0]), 1);
        ASSERT_REASON(fixture_attempt(f, "alice", HOME, "pw123456", NULL), REASON_KEY_UNAVAILABLE);
        assert_int_equal(fixture_sql(f, changes[i][1]), 1);
    }
    ASSERT_REASON(fixture_attempt(f, "alice", HOME, typed(&usual, &secret, NOON), NULL),
                  REASON_GRANTED);
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

static void child_of_a_fork_is_refused(void **state)
{
    struct fixture *f = *state;
    int status = -1;

    pid_t child = fork();
    if (child == 0)
        _exit(fixture_attempt(f, "alice", HOME, "pw123456", NULL) == REASON_STORE_UNAVAILABLE ? 7
                                                                                              : 1);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 7);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(right_code_is_taken_once),
        CASE(used_codes_count_as_failures),
        CASE(success_is_noted_until_a_failure_or_an_hour),
        CASE(window_is_one_step_either_way),
        CASE(steps_before_boot_are_refused),
        CASE(clock_set_back_revives_no_code),
        CASE(strange_clocks_are_harmless),
        CASE(burnt_code_is_given_back_unless_a_later_one_came),
        CASE(enrolling_anew_accepts_no_old_step),
        CASE(unknown_users_are_denied_in_bounded_space),
        CASE(names_without_code_due_are_counted_in_bounded_space),
        CASE(failures_are_refused_for_growing_times),
        CASE(one_origin_is_one_address_however_it_is_spelt),
        CASE(a_name_from_reverse_dns_does_not_spare_the_cap),
        CASE(clock_set_back_makes_no_endless_refusal),
        CASE(cap_spares_the_address_of_a_recent_success),
        CASE(addresses_of_one_user_are_bounded),
        CASE(tokens_of_different_digits_split_differently),
        CASE(code_alone_and_code_first),
        CASE(no_code_due_leaves_the_string_whole),
        CASE(pending_token_admits_nobody),
        CASE(row_of_another_user_does_not_open),
        CASE(changed_parameters_and_versions_do_not_open),
        CASE(child_of_a_fork_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
