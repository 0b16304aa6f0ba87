/* The order of a login: which step is asked, in which order, and what becomes of the code. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/decide_fakes.h"

/* --- one login ---------------------------------------------------------------------------------- */

static char dba[] = "cn=dba", backup[] = "backup", nightly[] = "nightly dump", name[] = "default";
static char *groups[] = {dba, NULL};
static struct settings_exempt exempt = {backup, nightly, 2000};
static struct settings_policy policy;
static struct settings settings;
static struct outage outage;
static struct returns returns;
static struct slot slot;
static struct burst burst;
static int64_t up_ms;
static const char *from; /* the client's address; NULL = a local socket */
static const struct own_roles own_roles = {{"pgsignet"}, 1};

static int begin(void **state)
{
    (void)state;
    memset(&fake, 0, sizeof fake); /* every reason is REASON_GRANTED */
    fake.role_exists = fake.verifier = fake.counts = true;
    policy = (struct settings_policy){
        .name = name, .require_groups = {groups, 1},
             .check_role = true
    };
    settings = (struct settings){.policies = &policy, .n_policies = 1};
    memset(&outage, 0, sizeof outage);
    memset(&returns, 0, sizeof returns);
    memset(&burst, 0, sizeof burst);
    assert_true(burst_prepare(&burst));
    up_ms = 1000 * 1000;
    from = "192.0.2.1";
    slot = (struct slot){0};
    return 0;
}

const struct settings_policy *settings_policy_for(const struct settings *s, const char *wanted,
                                                  const char *service)
{
    (void)s;
    (void)service;
    return wanted == NULL || strcmp(wanted, name) == 0 ? &policy : NULL;
}

static struct login login;
static struct wire_request request;

static enum reason run(const char *user, const char *secret)
{
    static struct providers providers;

    providers = (struct providers){.settings = &settings,
                                   .mfa = (struct mfa *)&dummy,
                                   .directory = (struct directory *)&dummy,
                                   .roles = (struct role_source *)&dummy,
                                   .outage = &outage,
                                   .burst = &burst,
                                   .origins = {.ipv4_prefix = 32, .ipv6_prefix = 64},
                                   .own_roles = &own_roles,
                                   .returns = &returns};
    request.kind = request.kind ? request.kind : WIRE_AUTHENTICATE;
    request.user = bytes_str(user);
    if (request.secret.len == 0)
        request.secret = bytes_str(secret);
    request.rhost = bytes_str(from);
    assert_true(address_rules_add_proxy(&providers.origins, bytes_str("10.0.0.0/8")));
    login = (struct login){.providers = &providers,
                           .request = &request,
                           .slot = &slot,
                           .now_ms = 1000 * 1000,
                           .up_ms = up_ms,
                           .deadline_ms = INT64_MAX};
    decide(&login);
    decide_begin_burst(&login);
    decide_clear(&login);
    request = (struct wire_request){0};
    return login.reason;
}

#define assert_login(user, secret, reason, asked)                                                  \
    do {                                                                                           \
        assert_string_equal(reason_name(run(user, secret)), reason_name(reason));                  \
        assert_string_equal(fake.calls, asked);                                                    \
    } while (0)

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

/* --- bursts -------------------------------------------------------------------------------------- */

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
    request.policy = bytes_str(name); /* the same policy, named by the module */
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
        {&fake.code,     REASON_THROTTLED,        "code"                                    },
        {&fake.code,     REASON_CAPPED,           "code"                                    },
        {&fake.code,     REASON_LOCKED,           "code"                                    },
        {&fake.code,     REASON_STORE_UNAVAILABLE, "code"                                   },
        {&fake.password, REASON_PASSWORD_WRONG,   "code find bind failure"                  },
        {&fake.account,  REASON_ACCOUNT_DISABLED, "code find bind account failure"          },
        {&fake.groups,   REASON_NOT_IN_GROUP,     "code find bind account groups failure"   },
        {&fake.role,     REASON_ROLE_EXPIRED,
         "code find bind account groups role judge failure"                                 },
        {&fake.find,     REASON_DIRECTORY_UNAVAILABLE, "code find"                          },
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
        T(a_string_counts_again_after_a_full_success),
        T(a_burst_does_not_renew_itself),
        T(a_burst_is_of_one_string_user_address_and_policy),
        T(no_burst_where_none_was_asked_for),
        T(in_a_burst_everything_else_is_checked),
        T(only_a_recorded_full_success_begins_a_burst),
        T(a_burst_reads_the_code_where_the_policy_has_it),
        T(an_armed_passphrase_is_all_that_is_asked_for),
        T(a_break_glass_login_begins_no_burst),
        T(refused_passphrases_are_refused_as_anything_else),
        T(the_daemons_own_role_is_refused_before_anything),
        T(an_unknown_policy_or_one_with_a_nul_is_refused),
        T(an_empty_string_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
