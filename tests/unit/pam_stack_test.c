/* pam_pgsignet.so among other modules: PAM_AUTHTOK in and out, the account step, what is asked. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "common/clock.h"
#include "tests/syslog_capture.h"
#include "tests/unit/pam_fixture.h"

enum { LINES = 512 };

/* Appends "TYPE required MODULE WORDS", ours with the fixture's socket. */
static void add(char *lines, const char *type, const char *module, const char *words)
{
    size_t used = strlen(lines);
    bool ours = strcmp(module, "pgsignet") == 0;

    snprintf(lines + used, LINES - used, "%s required %s %s%s %s\n", type,
             ours ? MODULE_PATH : TESTTOK_PATH, ours ? "socket=" : "", ours ? fixture.socket : "",
             words);
}

static struct pam_login run(const char *lines, const struct fake_plan *plan, struct fake_seen *seen)
{
    struct pam_login login = fixture_login();

    fake_daemon_plan(fixture.daemon, plan);
    assert_true(pam_driver_service(fixture.folder, FIXTURE_SERVICE, "%s", lines));
    syslog_capture_reset();
    assert_true(pam_driver_login(&login));
    fake_daemon_seen(fixture.daemon, seen);
    return login;
}

/* What stands in PAM_AUTHTOK before, how it is used, and what stands there after. */
static const struct token_row {
    const char *name, *before, *args, *authtok;
    const char *after; /* words of the test module behind ours */
    int code;
    unsigned asked;
    const char *secret; /* what the daemon was sent, NULL = it was not asked */
} token_rows[] = {
    {"prompt leaves PAM_AUTHTOK unset",          NULL,             "",               NULL,   "unset",        PAM_SUCCESS,  1, FIXTURE_SECRET},
    {"reply's password goes to the next module", NULL,             "",               "bare", "expect=bare",  PAM_SUCCESS,  1,
     FIXTURE_SECRET                                                                                                                         },
    {"reply's password replaces the one before", "set=bare123456", "use_first_pass", "bare",
     "expect=bare",                                                                                          PAM_SUCCESS,  0, "bare123456"  },
    {"prompt in spite of a password before",     "set=first",      "",               NULL,   "expect=first", PAM_SUCCESS,  1,
     FIXTURE_SECRET                                                                                                                         },
    {"use_first_pass takes it",                  "set=first",      "use_first_pass", NULL,   "expect=first", PAM_SUCCESS,  0,
     "first"                                                                                                                                },
    {"use_first_pass never prompts",             NULL,             "use_first_pass", NULL,   "unset",        PAM_AUTH_ERR, 0, NULL          },
    {"use_first_pass with an empty one",         "set=",           "use_first_pass", NULL,   "expect=",      PAM_AUTH_ERR, 0,
     NULL                                                                                                                                   },
    {"use_first_pass with a control byte",       "set=a\x01",      "use_first_pass", NULL,   "expect=a\x01",
     PAM_AUTH_ERR,                                                                                                         0, NULL          },
    {"try_first_pass takes it",                  "set=first",      "try_first_pass", NULL,   "expect=first", PAM_SUCCESS,  0,
     "first"                                                                                                                                },
    {"try_first_pass prompts without one",       NULL,             "try_first_pass", NULL,   "unset",        PAM_SUCCESS,  1,
     FIXTURE_SECRET                                                                                                                         },
};

static void token_is_handled(void **state)
{
    const struct token_row *row = *state;
    const struct fake_plan plan = {.verdict = VERDICT_GRANTED, .authtok = row->authtok};
    char lines[LINES] = "";
    struct fake_seen seen;
    struct pam_login login;

    if (row->before != NULL)
        add(lines, "auth", "test", row->before);
    add(lines, "auth", "pgsignet", row->args);
    add(lines, "auth", "test", row->after);
    add(lines, "account", "pgsignet", row->args);
    login = run(lines, &plan, &seen);
    assert_int_equal(login.authenticate, row->code);
    assert_int_equal(login.script.asked, row->asked);
    assert_int_equal(seen.requests, row->secret != NULL ? 1 : 0);
    assert_string_equal(seen.secret, row->secret != NULL ? row->secret : "");
}

/*
 * After a denial try_first_pass must not ask again: PostgreSQL's client has no second answer.  Ours
 * is optional here, so that the stack's code is that of the module that looks at PAM_AUTHTOK.
 */
static void denied_first_pass_is_not_asked_again(void **state)
{
    const struct fake_plan plan = {.verdict = VERDICT_DENIED, .authtok = "bare"};
    char lines[LINES] = "";
    struct fake_seen seen;
    struct pam_login login;
    (void)state;

    add(lines, "auth", "test", "set=first");
    snprintf(lines + strlen(lines), LINES - strlen(lines),
             "auth optional %s socket=%s try_first_pass\n", MODULE_PATH, fixture.socket);
    add(lines, "auth", "test", "expect=first"); /* nor does a denial hand anything on */
    login = run(lines, &plan, &seen);
    assert_int_equal(login.authenticate, PAM_SUCCESS);
    assert_int_equal(login.script.asked, 0);
    assert_int_equal(seen.requests, 1);
    assert_non_null(strstr(syslog_captured(), "denied"));
}

static const struct account_row {
    const char *name;
    const char *auth_args, *account_args; /* auth_args NULL: another module authenticates */
    enum verdict verdict;
    int account;
    unsigned requests;
} account_rows[] = {
    {"account is answered from memory",      "",         "",         VERDICT_GRANTED,     PAM_SUCCESS,          1},
    {"another policy is another question",   "policy=a", "policy=b", VERDICT_GRANTED,     PAM_SUCCESS,          2},
    {"debug makes no other question",        "debug",    "",         VERDICT_GRANTED,     PAM_SUCCESS,          1},
    {"account alone granted",                NULL,       "",         VERDICT_GRANTED,     PAM_SUCCESS,          1},
    {"account alone denied",                 NULL,       "",         VERDICT_DENIED,      PAM_PERM_DENIED,      1},
    {"account alone continue admits nobody", NULL,       "",         VERDICT_CONTINUE,    PAM_PERM_DENIED,      1},
    {"account alone unavailable",            NULL,       "",         VERDICT_UNAVAILABLE, PAM_AUTHINFO_UNAVAIL, 1},
    {"account alone bad argument",           NULL,       "what",     VERDICT_GRANTED,     PAM_SERVICE_ERR,      0},
};

static void account_is_judged(void **state)
{
    const struct account_row *row = *state;
    const struct fake_plan plan = {.verdict = row->verdict, .authtok = "must not be used"};
    bool alone = row->auth_args == NULL;
    char lines[LINES] = "";
    struct fake_seen seen;
    struct pam_login login;

    add(lines, "auth", alone ? "test" : "pgsignet", alone ? "set=x" : row->auth_args);
    add(lines, "account", "pgsignet", row->account_args);
    login = run(lines, &plan, &seen);
    assert_int_equal(login.authenticate, PAM_SUCCESS);
    assert_int_equal(login.account, row->account);
    assert_int_equal(seen.requests, row->requests);
    assert_int_equal(login.script.asked, alone ? 0 : 1);
    if (row->requests > (alone ? 0u : 1u)) {
        assert_int_equal(seen.kind, WIRE_ACCOUNT);
        assert_string_equal(seen.secret, "");
        assert_string_equal(seen.user, FIXTURE_USER);
    }
}

static void be_denied_next(pam_handle_t *pamh)
{
    const struct fake_plan plan = {.verdict = VERDICT_DENIED};

    fake_daemon_plan(fixture.daemon, &plan);
    assert_int_equal(pam_authenticate(pamh, 0), PAM_AUTH_ERR);
}

static void denial_forgets_the_verdict_before_it(void **state)
{
    const struct fake_plan plan = {.verdict = VERDICT_GRANTED};
    struct pam_login login = fixture_login();
    (void)state;

    fixture_service("");
    fake_daemon_plan(fixture.daemon, &plan);
    login.before_account = be_denied_next;
    assert_true(pam_driver_login(&login));
    assert_int_equal(login.authenticate, PAM_SUCCESS);
    assert_int_equal(login.account, PAM_PERM_DENIED);
}

/* The line says PAM_IGNORE in both steps; the other module's success is what counts. */
static void continue_leaves_the_stack_to_decide(void **state)
{
    const struct fake_plan plan = {.verdict = VERDICT_CONTINUE, .authtok = "whole"};
    char lines[LINES] = "";
    struct fake_seen seen;
    struct pam_login login;
    (void)state;

    add(lines, "auth", "pgsignet", "");
    add(lines, "auth", "test", "expect=whole");
    add(lines, "account", "pgsignet", "");
    login = run(lines, &plan, &seen);
    assert_int_equal(login.authenticate, PAM_SUCCESS);
    assert_int_equal(login.account, PAM_PERM_DENIED); /* no other module vouches here */
    assert_int_equal(seen.requests, 1);
    add(lines, "account", "test", "unset"); /* libpam has cleared it by now */
    login = run(lines, &plan, &seen);
    assert_int_equal(login.account, PAM_SUCCESS);
}

static void request_says_who_and_where(void **state)
{
    static const struct {
        const char *rhost, *sent;
        int flags;
    } rows[] = {
        {NULL,          "",            0         },
        {"unix",        "",            PAM_SILENT},
        {"192.0.2.7",   "192.0.2.7",   0         },
        {"2001:db8::7", "2001:db8::7", PAM_SILENT},
    };
    const struct fake_plan plan = {.verdict = VERDICT_GRANTED};
    (void)state;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pam_login login = fixture_login();
        int64_t now = clock_mono_ms();
        struct fake_seen seen;

        fake_daemon_plan(fixture.daemon, &plan);
        fixture_service("policy=staff timeout=7");
        login.rhost = rows[i].rhost;
        login.flags = rows[i].flags;
        assert_true(pam_driver_login(&login));
        fake_daemon_seen(fixture.daemon, &seen);
        assert_int_equal(login.account, PAM_SUCCESS);
        assert_int_equal(login.script.asked, 1);
        assert_int_equal(login.script.others, 0);
        assert_int_equal(seen.requests, 1);
        assert_int_equal(seen.kind, WIRE_AUTHENTICATE);
        assert_string_equal(seen.rhost, rows[i].sent);
        assert_string_equal(seen.user, FIXTURE_USER);
        assert_string_equal(seen.service, FIXTURE_SERVICE);
        assert_string_equal(seen.policy, "staff");
        assert_string_equal(seen.secret, FIXTURE_SECRET);
        assert_in_range(seen.deadline, now + 7000, clock_mono_ms() + 7000);
    }
}

static void user_names_are_bounded(void **state)
{
    static char name[WIRE_USER_MAX + 2];
    static const struct {
        const char *user; /* NULL: as many bytes as len says */
        size_t len;
        int authenticate, account; /* the account step called alone */
    } rows[] = {
        {"",                   0,                 PAM_AUTH_ERR, PAM_PERM_DENIED},
        {"x\n\x01'\"*)(uid=*", 0,                 PAM_SUCCESS,  PAM_SUCCESS    }, /* the daemon judges names */
        {NULL,                 WIRE_USER_MAX,     PAM_SUCCESS,  PAM_SUCCESS    },
        {NULL,                 WIRE_USER_MAX + 1, PAM_AUTH_ERR, PAM_PERM_DENIED},
    };
    const struct fake_plan plan = {.verdict = VERDICT_GRANTED};
    (void)state;

    fixture_service("");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pam_login login = fixture_login();

        fake_daemon_plan(fixture.daemon, &plan);
        memset(name, 0, sizeof name);
        memset(name, 'u', rows[i].len);
        login.user = rows[i].user != NULL ? rows[i].user : name;
        login.steps = PAM_AUTHENTICATE_ONLY;
        assert_true(pam_driver_login(&login));
        assert_int_equal(login.authenticate, rows[i].authenticate);
        login.steps = PAM_ACCOUNT_ONLY;
        assert_true(pam_driver_login(&login));
        assert_int_equal(login.account, rows[i].account);
        assert_int_equal(login.script.others, 0); /* nobody was asked for a name */
    }
}

static void overlong_address_is_refused(void **state)
{
    static char rhost[WIRE_RHOST_MAX + 2];
    const struct fake_plan plan = {.verdict = VERDICT_GRANTED};
    struct pam_login login = fixture_login();
    (void)state;

    fixture_service("");
    fake_daemon_plan(fixture.daemon, &plan);
    memset(rhost, '1', sizeof rhost - 1);
    login.rhost = rhost;
    syslog_capture_reset();
    assert_true(pam_driver_login(&login));
    assert_int_equal(login.authenticate, PAM_SYSTEM_ERR);
    assert_non_null(strstr(syslog_captured(), "too long for a request"));
}

int main(void)
{
    enum { N_TOKEN = sizeof token_rows / sizeof token_rows[0] };
    enum { N_ACCOUNT = sizeof account_rows / sizeof account_rows[0] };
    const struct CMUnitTest others[] = {
        cmocka_unit_test(denied_first_pass_is_not_asked_again),
        cmocka_unit_test(denial_forgets_the_verdict_before_it),
        cmocka_unit_test(continue_leaves_the_stack_to_decide),
        cmocka_unit_test(request_says_who_and_where),
        cmocka_unit_test(user_names_are_bounded),
        cmocka_unit_test(overlong_address_is_refused),
    };
    enum { N_OTHERS = sizeof others / sizeof others[0] };
    struct CMUnitTest tests[N_TOKEN + N_ACCOUNT + N_OTHERS];

    for (size_t i = 0; i < N_TOKEN; i++)
        tests[i] = (struct CMUnitTest){.name = token_rows[i].name,
                                       .test_func = token_is_handled,
                                       .initial_state = (void *)(uintptr_t)&token_rows[i]};
    for (size_t i = 0; i < N_ACCOUNT; i++)
        tests[N_TOKEN + i] =
            (struct CMUnitTest){.name = account_rows[i].name,
                                .test_func = account_is_judged,
                                .initial_state = (void *)(uintptr_t)&account_rows[i]};
    memcpy(tests + N_TOKEN + N_ACCOUNT, others, sizeof others);
    return cmocka_run_group_tests_name("pam_stack", tests, fixture_start, fixture_end);
}
