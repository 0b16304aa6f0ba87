/* Proves what mfa_attempt promises, on a real store with a clock that the test turns. */
#include "config.h"

#include "tests/unit/attempt_fixture.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

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

/* SQLite calls this one instead of the C library's. */
static int syncs, sync_error;
__attribute__((visibility("default"))) int fdatasync(int fd)
{
    syncs++;
    if (sync_error != 0) {
        errno = sync_error;
        return -1;
    }
    return fsync(fd);
}

/* After a power cut the boot floor refuses this step and those before, but not the next. */
static void code_that_outlives_a_power_cut_is_on_disk_before_it_admits(void **state)
{
    struct fixture *f = *state;
    struct secret secret;

    if (fixture_is_shared(f))
        return; /* a server has its own way */
    fixture_enroll(f, "alice", "phone", &usual, &secret);
    ASSERT_REASON(fixture_attempt(f, "alice", HOME, typed(&usual, &secret, NOON - 30), NULL),
                  REASON_GRANTED);
    syncs = 0;
    ASSERT_REASON(fixture_attempt(f, "alice", HOME, typed(&usual, &secret, NOON), NULL),
                  REASON_GRANTED);
    assert_int_equal(syncs, 0);
    sync_error = EIO;
    ASSERT_REASON(fixture_attempt(f, "alice", HOME, typed(&usual, &secret, NOON + 30), NULL),
                  REASON_STORE_UNAVAILABLE);
    assert_int_equal(syncs, 1);
    sync_error = 0;
    ASSERT_REASON(fixture_attempt(f, "alice", HOME, typed(&usual, &secret, NOON + 30), NULL),
                  REASON_CODE_USED);
    secret_free(&secret);

    fixture_enroll(f, "bob", "phone", &usual, &secret);
    syncs = 0;
    ASSERT_REASON(fixture_attempt(f, "bob", HOME, typed(&usual, &secret, NOON + 30), NULL),
                  REASON_GRANTED);
    assert_int_equal(syncs, 1);
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
                                    INT64_MAX, INT64_MIN, INT64_MAX};

    fixture_enroll(f, "alice", "phone", &usual, &secret);
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        f->now_ms = times[i];
        enum reason reason = fixture_attempt(f, "alice", HOME, "pw123456", NULL);
        assert_true(reason_verdict(reason) == VERDICT_DENIED);
        if (i >= 5) /* few enough to be counted, not refused */
            ASSERT_REASON(fixture_attempt(f, "nobody", HOME, "pw123456", NULL),
                          REASON_NOT_ENROLLED);
        assert_true(mfa_count_success(f->mfa, bytes_str("alice"), bytes_str("192.0.2.77"),
                                      times[i], fixture_deadline()));
        reason = fixture_attempt(f, "alice", "192.0.2.77", "pw123456", NULL);
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

static void tokens_of_different_digits_split_differently(void **state)
{
    struct fixture *f = *state;
    const struct settings_token long_one = {NULL, ALGORITHM_SHA256, 8, 60, 1, 10};
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
#define CASE(name) cmocka_unit_test_setup_teardown(name, attempt_setup, attempt_teardown)
    const struct CMUnitTest tests[] = {
        CASE(right_code_is_taken_once),
        CASE(window_is_one_step_either_way),
        CASE(code_that_outlives_a_power_cut_is_on_disk_before_it_admits),
        CASE(steps_before_boot_are_refused),
        CASE(clock_set_back_revives_no_code),
        CASE(strange_clocks_are_harmless),
        CASE(burnt_code_is_given_back_unless_a_later_one_came),
        CASE(enrolling_anew_accepts_no_old_step),
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
