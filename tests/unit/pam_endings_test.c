/* Every way a login through pam_pgsignet.so can end, and the PAM code of each.  The daemon is a MOCK. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>
#include <security/pam_appl.h>

#include "common/clock.h"
#include "tests/syslog_capture.h"
#include "tests/unit/pam_fixture.h"

#define X16    "0123456789abcdef"
#define X128   X16 X16 X16 X16 X16 X16 X16 X16
#define X512   X128 X128 X128 X128
#define EVENT  "event 0123456789abcdef"

/* What the mock does. */
#define SAYS(word)                                                                                 \
    {                                                                                              \
        .mode = FAKE_ANSWER, .verdict = VERDICT_##word                                             \
    }
#define DOES(what)                                                                                 \
    {                                                                                              \
        .mode = FAKE_##what, .verdict = VERDICT_GRANTED                                            \
    }
#define GRANTS_WITH(...)                                                                           \
    {                                                                                              \
        .mode = FAKE_ANSWER, .verdict = VERDICT_GRANTED, __VA_ARGS__                               \
    }
/* What the client does. */
#define TYPES(text)                                                                                \
    {                                                                                              \
        .answer = (text)                                                                           \
    }
#define FAILS(what)                                                                                \
    {                                                                                              \
        .answer = FIXTURE_SECRET, .code = (what)                                                   \
    }

#define OPEN TYPES(FIXTURE_SECRET)

/* A granted login goes on to the account step, answered from memory: still one request. */
static const struct row {
    const char *name;
    struct fake_plan plan;
    struct pam_script script;
    int code;          /* of pam_authenticate */
    unsigned requests; /* that the daemon saw */
    const char *log;   /* stands in the log; NULL = nothing is logged */
    const char *args;
/* clang-format off: it would align the columns to the longest string of all, which is 1.5 KiB. */
} rows[] = {
    {"granted", SAYS(GRANTED), OPEN, PAM_SUCCESS, 1, NULL, ""},
    {"denied", SAYS(DENIED), OPEN, PAM_AUTH_ERR, 1, "denied (policy by service), " EVENT, ""},
    {"denied under a named policy", SAYS(DENIED), OPEN, PAM_AUTH_ERR, 1, "policy staff",
     "policy=staff"},
    {"unavailable", SAYS(UNAVAILABLE), OPEN, PAM_AUTHINFO_UNAVAIL, 1, "could not decide", ""},
    /* libpam answers for a stack in which every line says PAM_IGNORE. */
    {"continue alone admits nobody", SAYS(CONTINUE), OPEN, PAM_PERM_DENIED, 1, NULL, ""},

    {"NULL text with PAM_SUCCESS", SAYS(GRANTED), TYPES(NULL), PAM_AUTH_ERR, 0, "missing", ""},
    {"no response with PAM_SUCCESS", SAYS(GRANTED), {.no_response = true}, PAM_AUTH_ERR, 0,
     "missing", ""},
    {"empty", SAYS(GRANTED), TYPES(""), PAM_AUTH_ERR, 0, "empty", ""},
    {"512 bytes", SAYS(GRANTED), TYPES(X512), PAM_SUCCESS, 1, NULL, ""},
    {"513 bytes", SAYS(GRANTED), TYPES(X512 "x"), PAM_AUTH_ERR, 0, "over 512", ""},
    {"1,536 bytes are not truncated to a good start", SAYS(GRANTED), TYPES(X512 X512 X512),
     PAM_AUTH_ERR, 0, "over 512", ""},
    {"control byte 0x01", SAYS(GRANTED), TYPES("a\x01" "b"), PAM_AUTH_ERR, 0, "control", ""},
    {"control byte newline", SAYS(GRANTED), TYPES("ab\n"), PAM_AUTH_ERR, 0, "control", ""},
    {"control byte 0x1f", SAYS(GRANTED), TYPES("\x1f"), PAM_AUTH_ERR, 0, "control", ""},
    {"control byte 0x7f", SAYS(GRANTED), TYPES("a\x7f"), PAM_AUTH_ERR, 0, "control", ""},
    {"blanks and UTF-8 pass", SAYS(GRANTED), TYPES(" p\xc3\xa4ss \xff"), PAM_SUCCESS, 1, NULL, ""},
    {"conversation error", SAYS(GRANTED), FAILS(PAM_CONV_ERR), PAM_CONV_ERR, 0, NULL, ""},
    {"conversation aborts", SAYS(GRANTED), FAILS(PAM_ABORT), PAM_CONV_ERR, 0, NULL, ""},
    {"conversation says again", SAYS(GRANTED), FAILS(PAM_CONV_AGAIN), PAM_CONV_ERR, 0, NULL, ""},
    {"conversation short of memory", SAYS(GRANTED), FAILS(PAM_BUF_ERR), PAM_BUF_ERR, 0, NULL, ""},

    {"daemon closes without a word", DOES(CLOSE), OPEN, PAM_AUTHINFO_UNAVAIL, 1,
     "closed without an answer", ""},
    {"daemon closes unread", DOES(CLOSE_UNREAD), OPEN, PAM_AUTHINFO_UNAVAIL, 0, "daemon.clients",
     ""},
    {"daemon slow", DOES(SILENT), OPEN, PAM_AUTHINFO_UNAVAIL, 1, "no answer by the deadline",
     "timeout=1"},
    {"signal while waiting", DOES(SIGNAL), OPEN, PAM_AUTHINFO_UNAVAIL, 1,
     "a signal ended the wait", "timeout=50"},
    {"reply of one byte", GRANTS_WITH(.length = 1), OPEN, PAM_AUTHINFO_UNAVAIL, 1, "too short", ""},
    {"reply cut before the field", GRANTS_WITH(.length = 27), OPEN, PAM_AUTHINFO_UNAVAIL, 1,
     "too short", ""},
    {"reply cut inside the field", GRANTS_WITH(.authtok = "abc", .length = 33), OPEN,
     PAM_AUTHINFO_UNAVAIL, 1, "too short", ""},
    {"reply with trailing bytes", GRANTS_WITH(.length = 29), OPEN, PAM_AUTHINFO_UNAVAIL, 1,
     "not understood", ""},
    {"reply of 8192 bytes", GRANTS_WITH(.length = 8192), OPEN, PAM_AUTHINFO_UNAVAIL, 1,
     "not understood", ""},
    {"reply of 8193 bytes", GRANTS_WITH(.length = 8193), OPEN, PAM_AUTHINFO_UNAVAIL, 1, "too long",
     ""},
    {"reply of another version", GRANTS_WITH(.damaged = 0, .damage = 3), OPEN,
     PAM_AUTHINFO_UNAVAIL, 1, "wrong version", ""},
    {"reply without a known verdict", GRANTS_WITH(.damaged = 1, .damage = 1), OPEN,
     PAM_AUTHINFO_UNAVAIL, 1, "unknown kind, verdict", ""},
    {"reply with reserved bits", GRANTS_WITH(.damaged = 3, .damage = 8), OPEN,
     PAM_AUTHINFO_UNAVAIL, 1, "reserved bits", ""},
    {"reply to another nonce", GRANTS_WITH(.damaged = 27, .damage = 1), OPEN, PAM_AUTHINFO_UNAVAIL,
     1, "to another request", ""},
    {"reply with a password that holds a control byte", GRANTS_WITH(.authtok = "a\nb"), OPEN,
     PAM_AUTHINFO_UNAVAIL, 1, "cannot be a password", ""},
    {"reply with a descriptor attached", DOES(DESCRIPTOR), OPEN, PAM_SUCCESS, 1, NULL, ""},

    {"unknown argument", SAYS(GRANTED), OPEN, PAM_SERVICE_ERR, 0, "\"nullok\" is not known",
     "nullok"},
    {"misspelt argument", SAYS(GRANTED), OPEN, PAM_SERVICE_ERR, 0, "not known", "debugs"},
    {"value where none belongs", SAYS(GRANTED), OPEN, PAM_SERVICE_ERR, 0, "not known", "debug=1"},
    {"timeout without a value", SAYS(GRANTED), OPEN, PAM_SERVICE_ERR, 0, "not known", "timeout"},
    {"timeout empty", SAYS(GRANTED), OPEN, PAM_SERVICE_ERR, 0, "1 to 50", "timeout="},
    {"timeout of 0", SAYS(GRANTED), OPEN, PAM_SERVICE_ERR, 0, "1 to 50", "timeout=0"},
    {"timeout of 51", SAYS(GRANTED), OPEN, PAM_SERVICE_ERR, 0, "1 to 50", "timeout=51"},
    {"timeout negative", SAYS(GRANTED), OPEN, PAM_SERVICE_ERR, 0, "1 to 50", "timeout=-1"},
    {"timeout with a unit", SAYS(GRANTED), OPEN, PAM_SERVICE_ERR, 0, "1 to 50", "timeout=5s"},
    {"timeout beyond 64 bits", SAYS(GRANTED), OPEN, PAM_SERVICE_ERR, 0, "1 to 50",
     "timeout=18446744073709551617"},
    {"policy empty", SAYS(GRANTED), OPEN, PAM_SERVICE_ERR, 0, "is empty", "policy="},
    {"policy of 64 bytes", SAYS(GRANTED), OPEN, PAM_SUCCESS, 1, NULL, "policy=" X16 X16 X16 X16},
    {"policy of 65 bytes", SAYS(GRANTED), OPEN, PAM_SERVICE_ERR, 0, "64 bytes",
     "policy=" X16 X16 X16 X16 "x"},
    {"argument twice", SAYS(GRANTED), OPEN, PAM_SERVICE_ERR, 0, "given twice",
     "timeout=5 timeout=6"},
    {"second socket", SAYS(GRANTED), OPEN, PAM_SERVICE_ERR, 0, "given twice", "socket=/run/other"},
    {"both first_pass", SAYS(GRANTED), OPEN, PAM_SERVICE_ERR, 0, "contradicts",
     "use_first_pass try_first_pass"},
    {"debug says steps", SAYS(GRANTED), OPEN, PAM_SUCCESS, 1,
     "granted (policy by service), " EVENT, "debug"},
};
/* clang-format on */

static void ends_as_documented(void **state)
{
    const struct row *row = *state;
    struct fake_plan plan = row->plan;
    struct pam_login login = fixture_login();
    struct fake_seen seen;
    unsigned files;
    int64_t took;

    plan.to_signal = pthread_self();
    fake_daemon_plan(fixture.daemon, &plan);
    fixture_service(row->args);
    login.script = row->script;
    syslog_capture_reset();
    files = fixture_open_files();
    took = clock_mono_ms();
    assert_true(pam_driver_login(&login));
    took = clock_mono_ms() - took;
    fake_daemon_seen(fixture.daemon, &seen);

    assert_int_equal(login.authenticate, row->code);
    assert_int_equal(login.account, row->code == PAM_SUCCESS ? PAM_SUCCESS : PAM_DRIVER_NOT_CALLED);
    assert_int_equal(login.script.asked, row->code == PAM_SERVICE_ERR ? 0 : 1);
    assert_int_equal(login.script.others, 0);
    assert_int_equal(seen.requests, row->requests);
    assert_int_equal(seen.fault, WIRE_OK);
    if (row->log == NULL)
        assert_string_equal(syslog_captured(), "");
    else
        assert_non_null(strstr(syslog_captured(), row->log));
    assert_null(strstr(syslog_captured(), FIXTURE_USER));
    assert_null(strstr(syslog_captured(), FIXTURE_SECRET));
    assert_int_equal(fixture_open_files(), files);
    assert_true(took < 25000);
    if (row->plan.mode == FAKE_SILENT)
        assert_true(took >= 990);
}

int main(void)
{
    enum { N = sizeof rows / sizeof rows[0] };
    struct CMUnitTest tests[N];

    fixture_catch_sigusr1(0);

    for (size_t i = 0; i < N; i++)
        tests[i] = (struct CMUnitTest){
            .name = rows[i].name,
            .test_func = ends_as_documented,
            .initial_state = (void *)(uintptr_t)&rows[i],
        };
    return cmocka_run_group_tests_name("pam_endings", tests, fixture_start, fixture_end);
}
