/* Bursts: when a login string counts again, for whom, and what is asked all the same. */
#include "config.h"

#include "tests/unit/decide_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* A full success; from then on its code is used. */
static void first_login(const char *secret)
{
    settings.has_burst = true;
    settings.burst = (struct settings_burst){.connections = 2, .seconds = 10};
    assert_int_equal(run("alice", secret), REASON_GRANTED);
    assert_int_equal(login.progress[STEP_CODE], STEP_PASSED);
    fake.code_is_used = true;
    fake.calls[0] = '\0';
}

static void expect_used(const char *user, const char *secret)
{
    fake.calls[0] = '\0';
    assert_int_equal(run(user, secret), REASON_CODE_USED);
}

static void a_string_counts_again_after_a_full_success(void **state)
{
    (void)state;
    first_login("secret123456");
    for (int i = 0; i < 2; i++) {
        fake.calls[0] = '\0';
        assert_login("alice", "secret123456", REASON_GRANTED,
                     "code find bind account groups role judge success");
        assert_int_equal(login.progress[STEP_CODE], STEP_BURST);
        assert_false(fake.code_due);
        assert_string_equal(fake.password_seen, "secret");
        assert_int_equal(slot.burn.token, 0);
    }
    /* Both uses are gone: it is judged as any used code is. */
    fake.calls[0] = '\0';
    assert_login("alice", "secret123456", REASON_CODE_USED, "code");
    assert_true(fake.code_due);
}

static void a_burst_does_not_renew_itself(void **state)
{
    (void)state;
    first_login("secret123456");
    up_ms += 9999;
    assert_int_equal(run("alice", "secret123456"), REASON_GRANTED);
    up_ms += 1;
    expect_used("alice", "secret123456");
}

static void a_burst_is_of_one_string_user_address_and_policy(void **state)
{
    (void)state;
    first_login("secret123456");
    expect_used("alice", "Secret123456");
    expect_used("bob", "secret123456");
    from = "192.0.2.2";
    expect_used("alice", "secret123456");
    from = NULL;
    expect_used("alice", "secret123456");
    from = "192.0.2.1";
    request.service = bytes_str("other");
    expect_used("alice", "secret123456");
    request.policy = bytes_str(policy.name); /* the same policy, named by the module */
    assert_int_equal(run("alice", "secret123456"), REASON_GRANTED);
}

static void no_burst_where_none_was_asked_for(void **state)
{
    static const char *const anybodys[] = {"10.1.2.3", "home.example", "unix"};

    first_login("secret123456");
    policy.strict = true;
    expect_used("alice", "secret123456");
    policy.strict = false;
    settings.has_burst = false;
    expect_used("alice", "secret123456");
    settings.has_burst = true;
    fake.nobody = true; /* his tokens were removed meanwhile */
    expect_used("alice", "secret123456");
    for (size_t i = 0; i < sizeof anybodys / sizeof anybodys[0]; i++) {
        begin(state);
        from = anybodys[i];
        first_login("secret123456");
        expect_used("alice", "secret123456");
    }
    begin(state);
    policy.password = PASSWORD_STACK;
    first_login("secret123456");
    expect_used("alice", "secret123456");
}

/* What the code replaces nothing of: throttle, cap and lock, password, account, groups, role. */
static void in_a_burst_everything_else_is_checked(void **state)
{
    static const struct {
        enum reason *answer;
        enum reason reason;
        const char *calls;
    } rows[] = {
        {&fake.code, REASON_THROTTLED, "code"},
        {&fake.code, REASON_CAPPED, "code"},
        {&fake.code, REASON_LOCKED, "code"},
        {&fake.code, REASON_STORE_UNAVAILABLE, "code"},
        {&fake.password, REASON_PASSWORD_WRONG, "code find bind failure"},
        {&fake.account, REASON_ACCOUNT_DISABLED, "code find bind account failure"},
        {&fake.groups, REASON_NOT_IN_GROUP, "code find bind account groups failure"},
        {&fake.role, REASON_ROLE_EXPIRED, "code find bind account groups role judge failure"},
        {&fake.find, REASON_DIRECTORY_UNAVAILABLE, "code find"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        begin(state);
        first_login("secret123456");
        *rows[i].answer = rows[i].reason;
        assert_login("alice", "secret123456", rows[i].reason, rows[i].calls);
        assert_false(fake.code_due);
    }
}

static void only_a_recorded_full_success_begins_a_burst(void **state)
{
    settings.has_burst = true;
    settings.burst = (struct settings_burst){.connections = 2, .seconds = 10};
    fake.groups = REASON_NOT_IN_GROUP;
    assert_int_equal(run("alice", "secret123456"), REASON_NOT_IN_GROUP);
    fake.groups = REASON_GRANTED;
    fake.code_is_used = true;
    expect_used("alice", "secret123456");
    /* Without a code nothing is begun, and nothing counts for an exempt user. */
    begin(state);
    settings.has_burst = true;
    settings.burst = (struct settings_burst){.connections = 2, .seconds = 10};
    policy.code = CODE_OFF;
    assert_int_equal(run("alice", "secret123456"), REASON_GRANTED);
    policy.code = CODE_REQUIRED;
    fake.code_is_used = true;
    expect_used("alice", "secret123456");
}

static void a_burst_reads_the_code_where_the_policy_has_it(void **state)
{
    (void)state;
    policy.password = PASSWORD_NONE;
    policy.require_groups.n = 0;
    first_login("123456");
    assert_int_equal(run("alice", "123456"), REASON_GRANTED);
    assert_int_equal(login.password.len, 0);
    assert_true(fake.whole_is_code);
}

/* --- break glass --------------------------------------------------------------------------------- */

static void a_break_glass_login_begins_no_burst(void **state)
{
    (void)state;
    settings.has_burst = true;
    settings.burst = (struct settings_burst){.connections = 2, .seconds = 10};
    fake.glass = MFA_GLASS_ARMED;
    assert_int_equal(run("alice", "bcdfg-hjkmn"), REASON_GRANTED_BREAK_GLASS);
    fake.glass = MFA_GLASS_UNARMED;
    fake.code_is_used = true;
    expect_used("alice", "bcdfg-hjkmn");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup(name, begin)
    const struct CMUnitTest tests[] = {
        T(a_string_counts_again_after_a_full_success),
        T(a_burst_does_not_renew_itself),
        T(a_burst_is_of_one_string_user_address_and_policy),
        T(no_burst_where_none_was_asked_for),
        T(in_a_burst_everything_else_is_checked),
        T(only_a_recorded_full_success_begins_a_burst),
        T(a_burst_reads_the_code_where_the_policy_has_it),
        T(a_break_glass_login_begins_no_burst),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
