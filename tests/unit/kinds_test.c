/* Proves what attempts make of counter-based, pending and out-of-step tokens, of locks and floors. */
#include "config.h"

#include "tests/unit/attempt_fixture.h"

#include "mfa/engine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const uint8_t seed[20] = "12345678901234567890";

/* A token of alice's with the secret of RFC 4226, as an import makes it. */
static void import(struct fixture *f, enum token_kind kind, int64_t last_step, int64_t expires_s)
{
    const struct token_request request = {
        .user = bytes_str("alice"),
        .name = "key",
        .kind = kind,
        .algorithm = ALGORITHM_SHA1,
        .digits = 6,
        .period = kind == TOKEN_TOTP ? 30 : 0,
        .secret = bytes_of(seed, sizeof seed),
        .active = expires_s == 0,
        .expires_s = expires_s,
        .last_step = last_step,
    };
    struct token_outcome outcome;

    assert_int_equal(
        mfa_create_many(f->mfa, &request, 1, true, f->now_ms / 1000 - 3600, &outcome), MFA_OK);
    assert_null(outcome.secret.ptr);
}

/* "pw" and the code of a counter or step; valid until the next call. */
static const char *code_of(int64_t counter)
{
    static const struct otp otp = {ALGORITHM_SHA1, 6};
    static char text[16] = "pw";

    assert_true(otp_code(&otp, bytes_of(seed, sizeof seed), counter, text + 2));
    return text;
}

static enum reason try(struct fixture *f, int64_t counter)
{
    /* An address a try: refusals are not what is tested. */
    static int n;
    char address[32];

    snprintf(address, sizeof address, "192.0.2.%d", n++ % 250);
    return fixture_attempt(f, "alice", address, code_of(counter), NULL);
}

static struct token_info info_of(struct fixture *f)
{
    struct token_info *infos, info;
    size_t n;

    assert_int_equal(mfa_list(f->mfa, bytes_str("alice"), &infos, &n), MFA_OK);
    assert_int_equal(n, 1);
    info = infos[0];
    free(infos);
    return info;
}

static void raise_floor(struct fixture *f, int64_t floor_s)
{
    struct store *store = f->mfa->store;
    struct store_state state;

    assert_int_equal(store->engine->begin(store, STORE_DURABLE, fixture_deadline()), STORE_OK);
    assert_int_equal(store->engine->state(store, &state), STORE_OK);
    state.floor_s = floor_s;
    assert_int_equal(store->engine->state_set(store, &state), STORE_OK);
    assert_int_equal(store->engine->commit(store), STORE_OK);
}

static void counters_are_looked_for_ahead_and_never_back(void **state)
{
    struct fixture *f = *state;

    import(f, TOKEN_HOTP, -1, 0);
    ASSERT_REASON(try(f, 0), REASON_GRANTED);
    ASSERT_REASON(try(f, 0), REASON_CODE_USED); /* the last one is a used one, not a wrong one */
    ASSERT_REASON(try(f, 11), REASON_CODE_WRONG);
    ASSERT_REASON(try(f, 10), REASON_GRANTED);
    ASSERT_REASON(try(f, 5), REASON_CODE_WRONG);
    assert_int_equal(info_of(f).last_step, 10);
    f->settings.token.look_ahead = 50;
    fixture_reopen(f);
    ASSERT_REASON(try(f, 61), REASON_CODE_WRONG);
    ASSERT_REASON(try(f, 60), REASON_GRANTED);
}

static void a_counter_is_given_back(void **state)
{
    struct fixture *f = *state;
    struct mfa_outcome out;

    import(f, TOKEN_HOTP, 7, 0);
    ASSERT_REASON(fixture_attempt(f, "alice", HOME, code_of(9), &out), REASON_GRANTED);
    assert_true(mfa_give_back(f->mfa, &out.burn, fixture_deadline()));
    assert_int_equal(info_of(f).last_step, 7);
    ASSERT_REASON(try(f, 9), REASON_GRANTED);
}

static void counters_past_the_end_are_no_codes(void **state)
{
    struct fixture *f = *state;

    import(f, TOKEN_HOTP, INT64_MAX - 2, 0);
    ASSERT_REASON(try(f, INT64_MAX), REASON_CODE_WRONG); /* there would be no next one to show */
    ASSERT_REASON(try(f, INT64_MAX - 1), REASON_GRANTED);
    ASSERT_REASON(try(f, INT64_MAX - 1), REASON_CODE_USED);
    ASSERT_REASON(try(f, 0), REASON_CODE_WRONG);
}

static void one_secret_is_one_token(void **state)
{
    struct fixture *f = *state;
    struct token_request again = {
        .user = bytes_str("alice"),
        .name = "copy",
        .kind = TOKEN_HOTP,
        .algorithm = ALGORITHM_SHA1,
        .digits = 6,
        .secret = bytes_of(seed, sizeof seed),
        .active = true,
        .last_step = 5,
    };
    struct token_outcome outcome;

    import(f, TOKEN_HOTP, 5, 0);
    ASSERT_REASON(try(f, 6), REASON_GRANTED);
    ASSERT_REASON(try(f, 7), REASON_GRANTED);
    /* A second one would stand at a counter of its own, and take 6 once more. */
    assert_int_equal(mfa_create_many(f->mfa, &again, 1, true, NOON, &outcome), MFA_SAME);
    assert_non_null(strstr(mfa_error(f->mfa), "\"key\""));
    ASSERT_REASON(try(f, 6), REASON_CODE_WRONG);
    /* Nor with other digits, whose codes are the ends of the same number. */
    again.digits = 8;
    assert_int_equal(mfa_create_many(f->mfa, &again, 1, true, NOON, &outcome), MFA_SAME);
    again.user = bytes_str("bob");
    assert_int_equal(mfa_create_many(f->mfa, &again, 1, true, NOON, &outcome), MFA_OK);
}

static void first_login_proves_a_token_made_for_that(void **state)
{
    struct fixture *f = *state;

    import(f, TOKEN_TOTP, -1, NOON + 60);
    ASSERT_REASON(fixture_attempt(f, "alice", HOME, "pw000000", NULL), REASON_CODE_WRONG);
    ASSERT_REASON(try(f, NOON / 30), REASON_GRANTED);
    assert_int_equal(info_of(f).state, TOKEN_ACTIVE);
    assert_int_equal(info_of(f).confirmed_s, NOON);
    assert_int_equal(info_of(f).expires_s, 0);
    ASSERT_REASON(try(f, NOON / 30), REASON_CODE_USED);
}

static void what_was_not_proved_in_time_admits_nobody(void **state)
{
    struct fixture *f = *state;
    const char *code = code_of(NOON / 30) + 2;

    import(f, TOKEN_TOTP, -1, NOON);
    ASSERT_REASON(try(f, NOON / 30), REASON_NOT_ENROLLED);
    assert_int_equal(mfa_confirm(f->mfa, bytes_str("alice"), "key", bytes_str(code), NOON, 0),
                     MFA_EXPIRED);
}

static void disabled_tokens_admit_nobody(void **state)
{
    struct fixture *f = *state;
    struct bytes alice = bytes_str("alice");

    import(f, TOKEN_TOTP, -1, 0);
    assert_int_equal(mfa_enable(f->mfa, alice, "key"), MFA_STATE);
    assert_int_equal(mfa_disable(f->mfa, alice, "key"), MFA_OK);
    assert_int_equal(mfa_disable(f->mfa, alice, "key"), MFA_STATE);
    assert_int_equal(mfa_disable(f->mfa, alice, "none"), MFA_NOT_FOUND);
    ASSERT_REASON(try(f, NOON / 30), REASON_NOT_ENROLLED);
    /* What a burst asks: the string that was good a moment ago is so no more. */
    const struct mfa_attempt look = {.user = alice, .now_ms = f->now_ms, .boot_s = f->boot_s};
    struct mfa_outcome out;
    ASSERT_REASON(mfa_attempt(f->mfa, &look, fixture_deadline(), &out), REASON_GRANTED);
    assert_true(out.user_known);
    assert_false(out.enrolled);
    assert_int_equal(mfa_enable(f->mfa, alice, "key"), MFA_OK);
    ASSERT_REASON(mfa_attempt(f->mfa, &look, fixture_deadline(), &out), REASON_GRANTED);
    assert_true(out.enrolled);
    ASSERT_REASON(try(f, NOON / 30), REASON_GRANTED);
    assert_int_equal(mfa_disable(f->mfa, alice, "key"), MFA_OK);
    assert_int_equal(mfa_enable(f->mfa, alice, "key"), MFA_OK);
    ASSERT_REASON(try(f, NOON / 30), REASON_CODE_USED);
}

static void locked_users_are_refused_like_anybody_who_is_wrong(void **state)
{
    struct fixture *f = *state;
    struct bytes alice = bytes_str("alice");
    struct user_info info;
    struct mfa_outcome out;
    struct mfa_attempt exempt = {.user = alice, .now_ms = f->now_ms, .boot_s = f->boot_s};

    import(f, TOKEN_TOTP, -1, 0);
    assert_int_equal(mfa_unlock_user(f->mfa, alice), MFA_STATE);
    assert_int_equal(mfa_lock_user(f->mfa, alice, "left the company", NOON), MFA_OK);
    for (int i = 0; i < 5; i++)
        ASSERT_REASON(fixture_attempt(f, "alice", HOME, "pw000000", NULL), REASON_LOCKED);
    ASSERT_REASON(try(f, NOON / 30), REASON_LOCKED);
    ASSERT_REASON(mfa_attempt(f->mfa, &exempt, fixture_deadline(), &out), REASON_LOCKED);
    assert_int_equal(mfa_user(f->mfa, alice, f->now_ms, &info), MFA_OK);
    /* Counted and throttled as wrong codes are: neither the answer nor its time tells of the lock. */
    assert_true(info.failures >= 3);
    assert_int_equal(info.addresses, 1);
    assert_int_equal(info.locked_s, NOON);
    assert_string_equal(info.lock_reason, "left the company");
    assert_int_equal(mfa_unlock_user(f->mfa, alice), MFA_OK);
    assert_int_equal(mfa_unlock(f->mfa, alice), MFA_OK);
    ASSERT_REASON(try(f, NOON / 30), REASON_GRANTED);
    /* Who is not enrolled can be locked too. */
    assert_int_equal(mfa_unlock_user(f->mfa, bytes_str("bob")), MFA_NOT_FOUND);
    assert_int_equal(mfa_lock_user(f->mfa, bytes_str("bob"), "", NOON), MFA_OK);
    ASSERT_REASON(fixture_attempt(f, "bob", HOME, "pw000000", &out), REASON_LOCKED);
    assert_false(out.user_known);
}

static void resync_sets_a_clock_right(void **state)
{
    struct fixture *f = *state;
    struct bytes alice = bytes_str("alice");
    int64_t step = NOON / 30 + 12; /* a clock six minutes ahead */
    char first[16], second[16];

    import(f, TOKEN_TOTP, -1, 0);
    ASSERT_REASON(try(f, step), REASON_CODE_WRONG);
    snprintf(first, sizeof first, "%s", code_of(step - 1) + 2);
    snprintf(second, sizeof second, "%s", code_of(step) + 2);
    assert_int_equal(mfa_resync(f->mfa, alice, "key", bytes_str(second), bytes_str(first), NOON, 0),
                     MFA_CODE_WRONG);
    assert_int_equal(mfa_resync(f->mfa, alice, "key", bytes_str(first), bytes_str(second), NOON, 0),
                     MFA_OK);
    assert_int_equal(info_of(f).offset, 12);
    assert_int_equal(info_of(f).last_step, step);
    ASSERT_REASON(try(f, step), REASON_CODE_USED);
    f->now_ms += 60 * 1000;
    ASSERT_REASON(try(f, step + 1), REASON_GRANTED); /* shown one step ago */
    assert_int_equal(info_of(f).drift, -1);
    /* Shown before boot, although its step lies in the future of the boot: no floor is outrun. */
    f->boot_s = NOON + 61;
    ASSERT_REASON(try(f, step + 2), REASON_CODE_BEFORE_BOOT);
    ASSERT_REASON(try(f, step + 3), REASON_GRANTED);
    assert_int_equal(mfa_resync(f->mfa, alice, "key", bytes_str(first), bytes_str(second), NOON, 0),
                     MFA_CODE_USED);
}

static void resync_finds_a_far_counter(void **state)
{
    struct fixture *f = *state;
    struct bytes alice = bytes_str("alice");
    char first[16], second[16];

    import(f, TOKEN_HOTP, 3, 0);
    snprintf(first, sizeof first, "%s", code_of(1002) + 2);
    snprintf(second, sizeof second, "%s", code_of(1003) + 2);
    assert_int_equal(mfa_resync(f->mfa, alice, "key", bytes_str(first), bytes_str(second), NOON, 0),
                     MFA_OK);
    assert_int_equal(info_of(f).last_step, 1003);
    snprintf(first, sizeof first, "%s", code_of(2003) + 2);
    snprintf(second, sizeof second, "%s", code_of(2004) + 2);
    assert_int_equal(mfa_resync(f->mfa, alice, "key", bytes_str(first), bytes_str(second), NOON, 0),
                     MFA_CODE_WRONG);
    ASSERT_REASON(try(f, 1004), REASON_GRANTED);
}

static void resync_is_counted_like_a_login(void **state)
{
    struct fixture *f = *state;
    struct bytes alice = bytes_str("alice");
    struct user_info info;
    struct address_info *addresses = NULL;
    size_t n = 0;
    char first[16], second[16];

    import(f, TOKEN_HOTP, 3, 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(
            mfa_resync(f->mfa, alice, "key", bytes_str("000000"), bytes_str("000001"), NOON, 0),
            MFA_CODE_WRONG);
    assert_int_equal(mfa_user(f->mfa, alice, f->now_ms, &info), MFA_OK);
    assert_int_equal(info.failures, 3);
    /* An operator's slips refuse nobody at the addresses that users come from. */
    assert_int_equal(mfa_addresses(f->mfa, alice, f->now_ms, &addresses, &n), MFA_OK);
    assert_int_equal(n, 1);
    assert_true(bytes_equal(bytes_of(addresses[0].at, addresses[0].len), bytes_str(MFA_DESK)));
    free(addresses);
    snprintf(first, sizeof first, "%s", code_of(100) + 2);
    snprintf(second, sizeof second, "%s", code_of(101) + 2);
    assert_int_equal(mfa_resync(f->mfa, alice, "key", bytes_str(first), bytes_str(second), NOON, 0),
                     MFA_STATE);
    assert_int_equal(
        mfa_resync(f->mfa, alice, "key", bytes_str(first), bytes_str(second), NOON + 5, 0), MFA_OK);
}

static void nothing_proved_before_a_restore_counts(void **state)
{
    struct fixture *f = *state;

    import(f, TOKEN_TOTP, -1, 0);
    raise_floor(f, NOON + 1);
    ASSERT_REASON(try(f, NOON / 30), REASON_CODE_BEFORE_RESTORE);
    /* The next step might have been accepted already, within the window. */
    ASSERT_REASON(try(f, NOON / 30 + 1), REASON_CODE_BEFORE_RESTORE);
    f->now_ms += 30 * 1000;
    ASSERT_REASON(try(f, NOON / 30 + 2), REASON_GRANTED);
}

static void counters_need_a_resync_after_a_restore(void **state)
{
    struct fixture *f = *state;
    char first[16], second[16];

    import(f, TOKEN_HOTP, 3, 0);
    raise_floor(f, NOON);
    ASSERT_REASON(try(f, 4), REASON_NEEDS_RESYNC);
    ASSERT_REASON(try(f, 3), REASON_CODE_USED);
    snprintf(first, sizeof first, "%s", code_of(5) + 2);
    snprintf(second, sizeof second, "%s", code_of(6) + 2);
    assert_int_equal(mfa_resync(f->mfa, bytes_str("alice"), "key", bytes_str(first),
                                bytes_str(second), NOON, 0),
                     MFA_OK);
    ASSERT_REASON(try(f, 6), REASON_CODE_USED);
    ASSERT_REASON(try(f, 7), REASON_GRANTED);
}

static void a_moved_store_admits_nobody(void **state)
{
    struct fixture *f = *state;
    struct store *store = f->mfa->store;
    const struct store_state moved = {.moved = 42};

    import(f, TOKEN_TOTP, -1, 0);
    assert_int_equal(store->engine->begin(store, STORE_DURABLE, fixture_deadline()), STORE_OK);
    assert_int_equal(store->engine->state_set(store, &moved), STORE_OK);
    assert_int_equal(store->engine->commit(store), STORE_OK);
    ASSERT_REASON(try(f, NOON / 30), REASON_STORE_UNAVAILABLE);
    assert_non_null(strstr(mfa_error(f->mfa), "migrate"));
}

/* What a restore of the tables does to sessions that stay: the names are the same, nothing else is. */
static void a_session_outlives_no_restore(void **state)
{
    struct fixture *f = *state;

    if (!fixture_is_shared(f))
        return; /* tests/unit/witness_test.c */
    f->now_ms = clock_wall_ms(); /* of which the floor is */
    import(f, TOKEN_HOTP, 3, 0);
    assert_int_not_equal(
        fixture_sql(f, "CREATE TABLE kept (LIKE token INCLUDING ALL); INSERT INTO kept"
                       " SELECT * FROM token; GRANT ALL ON kept TO pgsignet_admin"),
        -1);
    ASSERT_REASON(try(f, 4), REASON_GRANTED);
    assert_int_not_equal(
        fixture_sql(f, "DROP TABLE token; ALTER TABLE kept RENAME TO token"), -1);
    ASSERT_REASON(try(f, 4), REASON_NEEDS_RESYNC);
    ASSERT_REASON(try(f, 5), REASON_NEEDS_RESYNC);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, attempt_setup, attempt_teardown)
    const struct CMUnitTest tests[] = {
        CASE(counters_are_looked_for_ahead_and_never_back),
        CASE(a_counter_is_given_back),
        CASE(counters_past_the_end_are_no_codes),
        CASE(one_secret_is_one_token),
        CASE(first_login_proves_a_token_made_for_that),
        CASE(what_was_not_proved_in_time_admits_nobody),
        CASE(disabled_tokens_admit_nobody),
        CASE(locked_users_are_refused_like_anybody_who_is_wrong),
        CASE(resync_sets_a_clock_right),
        CASE(resync_finds_a_far_counter),
        CASE(resync_is_counted_like_a_login),
        CASE(nothing_proved_before_a_restore_counts),
        CASE(counters_need_a_resync_after_a_restore),
        CASE(a_moved_store_admits_nobody),
        CASE(a_session_outlives_no_restore),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
