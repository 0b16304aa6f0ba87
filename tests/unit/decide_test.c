/* The order of a login: which step is asked, in which order, and what becomes of the code. */
#include "config.h"

#include "tests/unit/decide_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* --- behaviour ---------------------------------------------------------------------------------- */

static void a_right_login_passes_every_step_in_order(void **state)
{
    (void)state;
    assert_login("alice", "secret123456", REASON_GRANTED,
                 "code find bind account groups role judge success");
    assert_string_equal(fake.password_seen, "secret");
    assert_true(fake.by_bind);
}

static void a_success_that_is_noted_already_is_not_written_again(void **state)
{
    (void)state;
    fake.noted = true;
    assert_login("alice", "secret123456", REASON_GRANTED,
                 "code find bind account groups role judge");
}

static void a_wrong_code_never_reaches_directory_or_postgres(void **state)
{
    static const enum reason refusals[] = {
        REASON_CODE_WRONG,       REASON_CODE_USED,         REASON_CODE_MISSING,
        REASON_CODE_BEFORE_BOOT, REASON_NOT_ENROLLED,      REASON_THROTTLED,
        REASON_CAPPED,           REASON_STORE_UNAVAILABLE, REASON_KEY_UNAVAILABLE,
    };

    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        begin(state);
        fake.code = refusals[i];
        assert_login("alice", "secret123456", refusals[i], "code");
    }
}

static void a_wrong_password_is_counted_and_the_code_stays_burnt(void **state)
{
    (void)state;
    fake.password = REASON_PASSWORD_WRONG;
    assert_login("alice", "secret123456", REASON_PASSWORD_WRONG, "code find bind failure");
}

static void an_unknown_name_costs_a_bind_as_well(void **state)
{
    (void)state;
    fake.find = REASON_NO_ENTRY;
    assert_login("alice", "secret123456", REASON_NO_ENTRY, "code find bind failure");
    assert_true(fake.entry_was_null);
}

static void an_empty_password_is_refused_before_any_bind(void **state)
{
    (void)state;
    assert_login("alice", "123456", REASON_PASSWORD_EMPTY, "code failure");
}

static void every_later_refusal_is_counted(void **state)
{
    begin(state);
    fake.account = REASON_ACCOUNT_DISABLED;
    assert_login("alice", "secret123456", REASON_ACCOUNT_DISABLED,
                 "code find bind account failure");
    begin(state);
    fake.groups = REASON_NOT_IN_GROUP;
    assert_login("alice", "secret123456", REASON_NOT_IN_GROUP,
                 "code find bind account groups failure");
    begin(state);
    fake.role = REASON_ROLE_EXPIRED;
    assert_login("alice", "secret123456", REASON_ROLE_EXPIRED,
                 "code find bind account groups role judge failure");
}

static void unavailable_gives_the_code_back_and_counts_nothing(void **state)
{
    begin(state);
    fake.find = REASON_DIRECTORY_UNAVAILABLE;
    assert_login("alice", "secret123456", REASON_DIRECTORY_UNAVAILABLE, "code find give-back");
    begin(state);
    fake.password = REASON_DEADLINE;
    assert_login("alice", "secret123456", REASON_DEADLINE, "code find bind give-back");
    begin(state);
    fake.groups = REASON_DIRECTORY_ANSWER;
    assert_login("alice", "secret123456", REASON_DIRECTORY_ANSWER,
                 "code find bind account groups give-back");
    begin(state);
    fake.read = REASON_POSTGRES_UNAVAILABLE;
    assert_login("alice", "secret123456", REASON_POSTGRES_UNAVAILABLE,
                 "code find bind account groups role give-back");
}

static void a_code_comes_back_twice_once_its_password_was_sent(void **state)
{
    struct mfa_burn other = {.token = 7, .step = 101, .previous = 100};

    (void)state;
    fake.password = REASON_DEADLINE;
    fake.sent = true;
    for (int i = 0; i < RETURNS_MOST; i++) {
        fake.calls[0] = '\0';
        assert_login("alice", "secret123456", REASON_DEADLINE, "code find bind give-back");
    }
    fake.calls[0] = '\0';
    assert_login("alice", "secret123456", REASON_DEADLINE, "code find bind");
    assert_false(login.gave_back);
    assert_true(returns_allow(&returns, &other));

    /* A recovery code is the same one whenever it is used. */
    other.is_recovery = true;
    for (int i = 0; i < RETURNS_MOST; i++) {
        other.step++;
        assert_true(returns_allow(&returns, &other));
    }
    other.step++;
    assert_false(returns_allow(&returns, &other));

    /* As long as no password leaves, an outage may last. */
    fake.find = REASON_DIRECTORY_UNAVAILABLE;
    for (int i = 0; i < 5; i++) {
        fake.calls[0] = '\0';
        assert_login("alice", "secret123456", REASON_DIRECTORY_UNAVAILABLE, "code find give-back");
    }

    /* Nor is a guess bought by what fails after the password was called right. */
    fake.find = fake.password = REASON_GRANTED;
    fake.read = REASON_POSTGRES_UNAVAILABLE;
    for (int i = 0; i < 5; i++) {
        fake.calls[0] = '\0';
        assert_login("alice", "secret123456", REASON_POSTGRES_UNAVAILABLE,
                     "code find bind account groups role give-back");
    }
}

static void a_nul_in_the_string_is_refused_before_anybody_is_asked(void **state)
{
    (void)state;
    request.secret = bytes_of("\0"
                              "secret123456",
                              13);
    assert_login("alice", "", REASON_BAD_SECRET, "");
}

static void after_the_verdict_no_successor_may_give_the_code_back(void **state)
{
    (void)state;
    fake.password = REASON_PASSWORD_WRONG;
    run("alice", "secret123456");
    assert_int_equal(slot.burn.token, 0);
}

static void an_unrecorded_login_is_withdrawn_and_its_code_given_back(void **state)
{
    (void)state;
    run("alice", "secret123456");
    fake.calls[0] = '\0';
    decide_withdraw(&login, REASON_AUDIT_UNAVAILABLE);
    assert_int_equal(login.reason, REASON_AUDIT_UNAVAILABLE);
    assert_string_equal(fake.calls, "give-back");
}

static void scram_reads_the_role_once_and_spends_the_same_on_roles_without_verifier(void **state)
{
    policy.password = PASSWORD_SCRAM;
    policy.require_groups.n = 0;
    assert_login("alice", "secret123456", REASON_GRANTED, "code verifier scram judge success");
    begin(state);
    policy.password = PASSWORD_SCRAM;
    fake.scram = SCRAM_MISMATCH;
    assert_login("alice", "secret123456", REASON_PASSWORD_WRONG, "code verifier scram failure");
    begin(state);
    policy.password = PASSWORD_SCRAM;
    fake.role_exists = false;
    assert_login("alice", "secret123456", REASON_NO_ROLE, "code verifier spend failure");
    begin(state);
    policy.password = PASSWORD_SCRAM;
    fake.verifier = false;
    assert_login("alice", "secret123456", REASON_NO_VERIFIER, "code verifier spend failure");
    begin(state);
    policy.password = PASSWORD_SCRAM;
    fake.scram = SCRAM_BAD_VERIFIER;
    assert_login("alice", "secret123456", REASON_NO_VERIFIER, "code verifier scram spend failure");
    begin(state);
    policy.password = PASSWORD_SCRAM;
    fake.superuser = true;
    assert_login("alice", "secret123456", REASON_SUPERUSER_EXCLUDED, "code verifier spend failure");
    begin(state);
    policy.password = PASSWORD_SCRAM;
    fake.superuser = true;
    settings.postgres.superusers = SUPERUSERS_INCLUDE;
    assert_login("alice", "secret123456", REASON_GRANTED,
                 "code verifier scram find account groups judge success");
}

static void stack_leaves_the_password_and_alone_admits_nobody_without_a_code(void **state)
{
    policy.password = PASSWORD_STACK;
    policy.require_groups.n = 0;
    policy.check_role = false;
    assert_login("alice", "secret123456", REASON_GRANTED, "code success");
    assert_int_equal(login.password.len, 6);
    begin(state);
    policy.password = PASSWORD_STACK;
    policy.require_groups.n = 0;
    policy.check_role = false;
    policy.code = CODE_OFF;
    assert_login("alice", "secret", REASON_LEFT_TO_STACK, "code");
}

static void none_takes_the_whole_string_as_the_code(void **state)
{
    (void)state;
    policy.password = PASSWORD_NONE;
    policy.require_groups.n = 0;
    assert_login("alice", "123456", REASON_GRANTED, "code role judge success");
    assert_true(fake.whole_is_code);
}

static void without_password_and_code_nobody_enters_whatever_the_settings_say(void **state)
{
    (void)state;
    policy.password = PASSWORD_NONE;
    policy.code = CODE_OFF;
    assert_login("alice", "123456", REASON_NO_POLICY, "");
    begin(state);
    policy.password = PASSWORD_NONE;
    policy.exempt = &exempt;
    policy.n_exempt = 1;
    assert_login("backup", "123456", REASON_NO_POLICY, "");
}

static void an_exemption_needs_its_exact_name_and_ends_with_its_day(void **state)
{
    policy.exempt = &exempt;
    policy.n_exempt = 1;
    assert_int_equal(run("backup", "secret"), REASON_GRANTED_EXEMPT);
    assert_false(fake.code_due);
    assert_ptr_equal(login.exempt, &exempt);
    begin(state);
    policy.exempt = &exempt;
    policy.n_exempt = 1;
    run("Backup", "secret123456");
    assert_true(fake.code_due);
    begin(state);
    policy.exempt = &exempt;
    policy.n_exempt = 1;
    exempt.until = 1000; /* now */
    run("backup", "secret123456");
    assert_true(fake.code_due);
    exempt.until = 2000;
}

static void passwords_alone_are_not_judged_while_failures_cannot_be_counted(void **state)
{
    (void)state;
    policy.code = CODE_OFF;
    fake.password = REASON_PASSWORD_WRONG;
    fake.counts = false;
    assert_login("alice", "guess", REASON_PASSWORD_WRONG, "code find bind failure");
    fake.calls[0] = '\0';
    assert_login("alice", "guess", REASON_STORE_UNAVAILABLE, "");
}

static void account_alone_asks_neither_code_nor_password(void **state)
{
    (void)state;
    request.kind = WIRE_ACCOUNT;
    assert_login("alice", "", REASON_GRANTED, "code find account groups role judge");
    assert_false(fake.code_due);
    assert_false(fake.by_bind);
    begin(state);
    request.kind = WIRE_ACCOUNT;
    fake.groups = REASON_NOT_IN_GROUP;
    assert_login("alice", "", REASON_NOT_IN_GROUP, "code find account groups");
}

/* "Lock the person out altogether": who got by another module's judgement is refused too. */
static void account_alone_heeds_an_operators_lock_and_no_failures(void **state)
{
    static const struct {
        enum reason code, wanted;
        const char *calls;
    } table[] = {
        {REASON_LOCKED,            REASON_LOCKED,            "code"                               },
        {REASON_STORE_UNAVAILABLE, REASON_STORE_UNAVAILABLE, "code"                               },
        {REASON_THROTTLED,         REASON_GRANTED,           "code find account groups role judge"},
        {REASON_CAPPED,            REASON_GRANTED,           "code find account groups role judge"},
    };

    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        begin(state);
        request.kind = WIRE_ACCOUNT;
        fake.code = table[i].code;
        assert_login("alice", "", table[i].wanted, table[i].calls);
    }
}

static void names_that_no_role_can_have_are_refused_before_anything(void **state)
{
    char longest[65];

    memset(longest, 'x', 64);
    longest[64] = '\0';
    assert_login(longest, "secret123456", REASON_BAD_NAME, "");
    assert_login("", "secret123456", REASON_BAD_NAME, "");
    begin(state);
    assert_login(longest + 1, "secret123456", REASON_GRANTED,
                 "code find bind account groups role judge success");
}

/* --- break glass --------------------------------------------------------------------------------- */

static void an_armed_passphrase_is_all_that_is_asked_for(void **state)
{
    (void)state;
    fake.glass = MFA_GLASS_ARMED;
    fake.find = REASON_DIRECTORY_UNAVAILABLE;
    fake.read = REASON_POSTGRES_UNAVAILABLE;
    assert_login("alice", "bcdfg-hjkmn", REASON_GRANTED_BREAK_GLASS, "code success");
    assert_int_equal(login.progress[STEP_CODE], STEP_BREAK_GLASS);
    assert_int_equal(login.progress[STEP_PASSWORD], STEP_NOT_ASKED_FOR);
    assert_int_equal(login.progress[STEP_ROLE], STEP_NOT_ASKED_FOR);
    assert_int_equal(login.password.len, 0);
    assert_int_equal(login.gave_back, false);
}

static void refused_passphrases_are_refused_as_anything_else(void **state)
{
    static const enum reason refusals[] = {REASON_THROTTLED, REASON_CAPPED, REASON_LOCKED,
                                           REASON_CODE_MISSING};

    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        begin(state);
        fake.glass = MFA_GLASS_ARMED;
        fake.code = refusals[i];
        assert_login("alice", "bcdfg-hjkmn", refusals[i], "code");
    }
}

static void the_daemons_own_role_is_refused_before_anything(void **state)
{
    (void)state;
    assert_login("pgsignet", "secret123456", REASON_OWN_ROLE, "");
    request.kind = WIRE_ACCOUNT;
    assert_login("pgsignet", "", REASON_OWN_ROLE, "");
    request.policy = bytes_str("absent");
    assert_login("pgsignet", "secret123456", REASON_OWN_ROLE, "");
    assert_login("pgsigneu", "secret123456", REASON_GRANTED,
                 "code find bind account groups role judge success");
}

static void an_unknown_policy_or_one_with_a_nul_is_refused(void **state)
{
    (void)state;
    request.policy = bytes_str("other");
    assert_login("alice", "secret123456", REASON_NO_POLICY, "");
    request.policy = bytes_of("default\0x", 9);
    assert_login("alice", "secret123456", REASON_NO_POLICY, "");
}

static void an_empty_string_is_refused(void **state)
{
    (void)state;
    assert_login("alice", "", REASON_BAD_SECRET, "");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup(name, begin)
    const struct CMUnitTest tests[] = {
        T(a_right_login_passes_every_step_in_order),
        T(a_success_that_is_noted_already_is_not_written_again),
        T(a_wrong_code_never_reaches_directory_or_postgres),
        T(a_wrong_password_is_counted_and_the_code_stays_burnt),
        T(an_unknown_name_costs_a_bind_as_well),
        T(an_empty_password_is_refused_before_any_bind),
        T(every_later_refusal_is_counted),
        T(unavailable_gives_the_code_back_and_counts_nothing),
        T(a_code_comes_back_twice_once_its_password_was_sent),
        T(a_nul_in_the_string_is_refused_before_anybody_is_asked),
        T(after_the_verdict_no_successor_may_give_the_code_back),
        T(an_unrecorded_login_is_withdrawn_and_its_code_given_back),
        T(scram_reads_the_role_once_and_spends_the_same_on_roles_without_verifier),
        T(stack_leaves_the_password_and_alone_admits_nobody_without_a_code),
        T(none_takes_the_whole_string_as_the_code),
        T(without_password_and_code_nobody_enters_whatever_the_settings_say),
        T(an_exemption_needs_its_exact_name_and_ends_with_its_day),
        T(passwords_alone_are_not_judged_while_failures_cannot_be_counted),
        T(account_alone_asks_neither_code_nor_password),
        T(account_alone_heeds_an_operators_lock_and_no_failures),
        T(names_that_no_role_can_have_are_refused_before_anything),
        T(an_armed_passphrase_is_all_that_is_asked_for),
        T(refused_passphrases_are_refused_as_anything_else),
        T(the_daemons_own_role_is_refused_before_anything),
        T(an_unknown_policy_or_one_with_a_nul_is_refused),
        T(an_empty_string_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
