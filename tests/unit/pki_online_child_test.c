/*
 * Proves what pgsignet-ca makes of a pgsignet-ca-online that answers half, too much, too late or not at all, and
 * that it signals no stranger.
 */
#include "config.h"

#include "common/clock.h"
#include "pki/online_job.h"
#include "tests/unit/pki_online_mock.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* Runs a script as the program; its answer, or NULL with why set. */
static json_t *run_script(const char *script, int timeout_s, size_t max)
{
    char *path = g_build_filename(folder, "script", NULL);
    json_t *answer;

    put("script", script, 0700);
    why[0] = '\0';
    answer = online_run(path, json_pack("{s:s}", "ask", "roles"), timeout_s, max, why, sizeof why);
    g_free(path);
    return answer;
}

static void refuses(const char *script, const char *phrase)
{
    json_t *answer = run_script(script, 60, 4096);

    assert_null(answer);
    if (strstr(why, phrase) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", why, phrase);
}

/* --- the child --- */

static void takes_an_answer(void **state)
{
    (void)state;
    json_t *answer =
        run_script("#!/bin/sh\ncat >/dev/null; echo '{\"ok\":true,\"x\":1}'\n", 20, 4096);

    assert_non_null(answer);
    assert_int_equal(json_integer_value(json_object_get(answer, "x")), 1);
    json_decref(answer);
}

static void passes_an_error_on_without_controls(void **state)
{
    (void)state;
    refuses(
        "#!/bin/sh\ncat >/dev/null; printf '%s' '{\"ok\":false,\"error\":\"no \\u001b[2J way\"}'\n",
        "no \\x1b[2J way");
}

static void refuses_half_an_answer(void **state)
{
    (void)state;
    refuses("#!/bin/sh\ncat >/dev/null; printf '{\"ok\":true,\"ro'\n", "another form");
}

static void refuses_silence(void **state)
{
    (void)state;
    refuses("#!/bin/sh\ncat >/dev/null\n", "another form");
}

static void refuses_two_answers(void **state)
{
    (void)state;
    refuses("#!/bin/sh\ncat >/dev/null; echo '{\"ok\":true}{\"ok\":true}'\n", "another form");
}

static void refuses_an_answer_of_one_that_failed(void **state)
{
    (void)state;
    refuses("#!/bin/sh\ncat >/dev/null; echo '{\"ok\":true}'; exit 3\n", "it failed");
    refuses("#!/bin/sh\ncat >/dev/null; echo '{\"ok\":true}'; kill -ABRT $$\n", "by a signal");
}

static void bounds_a_flood(void **state)
{
    (void)state;
    refuses("#!/bin/sh\ncat >/dev/null; exec yes\n", "longer than any");
}

static void ends_one_that_does_not(void **state)
{
    (void)state;
    char *path = g_build_filename(folder, "pid", NULL), *text = NULL;

    /* A busy machine may need more than a second to come as far as to its process id. */
    for (int timeout_s = 1; timeout_s <= 64 && (text == NULL || text[0] == '\0'); timeout_s *= 2) {
        int64_t began_ms = clock_mono_ms();

        g_free(text);
        text = NULL;
        assert_null(
            run_script("#!/bin/sh\necho $$ >\"${0%/*}/pid\"; exec sleep 600\n", timeout_s, 4096));
        assert_non_null(strstr(why, "did not end in time"));
        assert_true(clock_mono_ms() - began_ms < 300000); /* of 600 s */
        (void)g_file_get_contents(path, &text, NULL, NULL);
    }
    assert_non_null(text);
    assert_int_equal(kill((pid_t)atoi(text), 0), -1); /* and has been waited for */
    assert_int_equal(errno, ESRCH);
    g_free(text);
    g_free(path);
    /* one whose answer has ended, but who goes on */
    assert_null(run_script("#!/bin/sh\necho '{\"ok\":true}'; exec >&-; exec sleep 600\n", 1, 4096));
    assert_non_null(strstr(why, "did not end in time"));
}

static void survives_one_that_does_not_listen(void **state)
{
    (void)state;
    char *long_text = g_strnfill(600000, 'x'), *path = g_build_filename(folder, "script", NULL);
    json_t *answer;

    put("script", "#!/bin/sh\nexec <&-; echo '{\"ok\":true}'\n", 0700);
    answer = online_run(path, json_pack("{s:s,s:s}", "ask", "probe", "key", long_text), 20, 4096,
                        why, sizeof why);
    assert_non_null(answer);
    json_decref(answer);
    g_free(path);
    g_free(long_text);
}

static void says_that_there_is_none(void **state)
{
    (void)state;
    assert_null(online_run("/nonexistent/x", json_pack("{s:s}", "ask", "roles"), 20, 4096, why,
                           sizeof why));
    assert_non_null(strstr(why, "could not be started"));
}

static void gives_no_descriptors_on(void **state)
{
    (void)state;
    int fd = open("/dev/null", O_RDONLY); /* without O_CLOEXEC, as a passphrase's */
    json_t *answer =
        run_script("#!/bin/sh\ncat >/dev/null\n"
                   "for fd in /proc/self/fd/*; do [ \"${fd##*/}\" -le 2 ] || n=$((n + 1)); done\n"
                   /* the shell's own script file */
                   "echo \"{\\\"ok\\\":true,\\\"n\\\":${n:-0}}\"\n",
                   20, 4096);

    assert_true(fd > 2);
    assert_non_null(answer);
    assert_true(json_integer_value(json_object_get(answer, "n")) <= 2);
    close(fd);
    json_decref(answer);
}

static void leaves_no_core(void **state)
{
    (void)state;
    json_t *answer = run_script(
        "#!/bin/sh\ncat >/dev/null; echo \"{\\\"ok\\\":true,\\\"core\\\":\\\"$(ulimit -c)\\\"}\"\n",
        20, 4096);

    assert_string_equal(json_string_value(json_object_get(answer, "core")), "0");
    json_decref(answer);
}

/* --- a signal --- */

static void signals_no_stranger(void **state)
{
    (void)state;
    char *path = g_build_filename(folder, "pid-file", NULL), text[32];
    pid_t child = fork();

    if (child == 0) {
        for (;;)
            pause();
    }
    snprintf(text, sizeof text, "%d\n", (int)child);
    put("pid-file", text, 0600);
    assert_false(online_signal(path, why, sizeof why));
    assert_non_null(strstr(why, "left alone"));
    assert_int_equal(waitpid(child, NULL, WNOHANG), 0);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    put("pid-file", "-7\n", 0600);
    assert_false(online_signal(path, why, sizeof why));
    assert_non_null(strstr(why, "no process id"));
    assert_false(online_signal("/nonexistent", why, sizeof why));
    g_free(path);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_an_answer),
        cmocka_unit_test(passes_an_error_on_without_controls),
        cmocka_unit_test(refuses_half_an_answer),
        cmocka_unit_test(refuses_silence),
        cmocka_unit_test(refuses_two_answers),
        cmocka_unit_test(refuses_an_answer_of_one_that_failed),
        cmocka_unit_test(bounds_a_flood),
        cmocka_unit_test(ends_one_that_does_not),
        cmocka_unit_test(survives_one_that_does_not_listen),
        cmocka_unit_test(says_that_there_is_none),
        cmocka_unit_test(gives_no_descriptors_on),
        cmocka_unit_test(leaves_no_core),
        cmocka_unit_test(signals_no_stranger),
    };

    (void)argc;
    int status = mock_run_beside(argv);
    return status >= 0 ? status : cmocka_run_group_tests(tests, NULL, NULL);
}
