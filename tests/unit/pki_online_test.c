/*
 * pki_online_test.c - the side of pgsignet-ca-online that asks: a child that answers half, too much, too late or not
 * at all; and answers of every form.
 *
 * The test runs as a copy of itself in a folder of its own, beside which a mock of pgsignet-ca-online lies: a
 * shell script that keeps the request, and prints the answer that the test wrote.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "pki/online.h"
#include "pki/online_job.h"
#include "pki/online_text.h"

#define FOLDER "PGSIGNET_ONLINE_TEST"

static const char *folder;
static char why[ONLINE_WHY];

/* --- the mock --- */

static const char mock[] = "#!/bin/sh\n"
                           "cd \"${0%/*}\" && cat >request && cat answer\n";

static void put(const char *name, const char *content, mode_t mode)
{
    char *path = g_build_filename(folder, name, NULL);

    assert_true(g_file_set_contents(path, content, -1, NULL));
    assert_int_equal(chmod(path, mode), 0);
    g_free(path);
}

static void answer_is(const char *text)
{
    put("answer", text, 0600);
}

static json_t *last_request(void)
{
    char *path = g_build_filename(folder, "request", NULL);
    json_t *request = json_load_file(path, 0, NULL);

    assert_non_null(request);
    g_free(path);
    return request;
}

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

/* --- requests and answers --- */

static void roles_are_bytes(void **state)
{
    (void)state;
    char **names = NULL;
    size_t n = 0;

    answer_is("{\"ok\":true,\"roles\":[\"app\",{\"base64\":\"6Q==\"},\"\\u00fc\\\"\",\"\"]}");
    assert_true(online_roles("host=x password=\xe9", &names, &n, why, sizeof why));
    assert_int_equal(n, 4);
    assert_string_equal(names[0], "app");
    assert_string_equal(names[1], "\xe9");
    assert_string_equal(names[2], "\xc3\xbc\"");
    assert_null(names[4]);
    g_strfreev(names);

    json_t *request = last_request();
    char *conninfo = online_text_get(json_object_get(request, "conninfo"));
    assert_string_equal(conninfo, "host=x password=\xe9");
    assert_string_equal(json_string_value(json_object_get(request, "ask")), "roles");
    assert_int_equal(json_integer_value(json_object_get(request, "timeout")), ONLINE_TIMEOUT_S);
    g_free(conninfo);
    json_decref(request);
}

static void refuses_roles_of_another_form(void **state)
{
    (void)state;
    static const char *const answers[] = {
        "{\"ok\":true}",
        "{\"ok\":true,\"roles\":{}}",
        "{\"ok\":true,\"roles\":[1]}",
        "{\"ok\":true,\"roles\":[null]}",
        "{\"ok\":true,\"roles\":[\"a\\u0000b\"]}",
        "{\"ok\":true,\"roles\":[{\"base64\":\"YQBi\"}]}",
        "{\"ok\":true,\"roles\":[{\"base64\":\"Y*==\"}]}",
        "{\"ok\":true,\"roles\":[{\"base64\":\"YQ==\",\"more\":1}]}",
        "{\"ok\":true,\"ok\":true,\"roles\":[]}",
        "{\"ok\":1,\"roles\":[]}",
        "[]",
    };
    char **names = NULL;
    size_t n = 0;

    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        answer_is(answers[i]);
        if (online_roles("x", &names, &n, why, sizeof why))
            fail_msg("%s was taken", answers[i]);
        assert_non_null(strstr(why, "another form"));
    }
}

static const char server_text[] =
    "{\"ok\":true,\"version\":150018,\"ssl\":true,\"local\":true,\"port\":%s,\"host\":\"::1\","
    "\"ssl_cert_file\":\"/a\",\"ssl_key_file\":\"/b\",\"ssl_ca_file\":\"\",\"ssl_crl_file\":\"/d\","
    "\"ssl_crl_dir\":\"/e\",\"data_directory\":{\"base64\":\"L+k=\"}}";

static void reads_a_server(void **state)
{
    (void)state;
    struct online_server server;
    char *text = g_strdup_printf(server_text, "5433");

    answer_is(text);
    assert_true(online_server("x", &server, why, sizeof why));
    assert_int_equal(server.version, 150018);
    assert_int_equal(server.port, 5433);
    assert_true(server.ssl && server.local);
    assert_string_equal(server.ca_file, "");
    assert_string_equal(server.data_directory, "/\xe9");
    online_server_clear(&server);
    g_free(text);

    text = g_strdup_printf(server_text, "65536");
    answer_is(text);
    assert_false(online_server("x", &server, why, sizeof why));
    assert_null(server.cert_file);
    g_free(text);
    answer_is("{\"ok\":false,\"error\":\"no route\"}");
    assert_false(online_server("x", &server, why, sizeof why));
    assert_string_equal(why, "no route");
}

static void reads_sessions(void **state)
{
    (void)state;
    static const char issuer[] = {0x30, 0x00};
    GArray *sessions = NULL;

    answer_is("{\"ok\":true,\"sessions\":[{\"pid\":7,\"user\":\"app\",\"database\":\"d\","
              "\"application\":\"psql\",\"address\":\"::1\"}]}");
    assert_true(online_sessions("x", "123", bytes_of(issuer, 2), true, &sessions, why, sizeof why));
    assert_int_equal(sessions->len, 1);
    const struct online_session *session = &g_array_index(sessions, struct online_session, 0);
    assert_int_equal(session->pid, 7);
    assert_string_equal(session->application, "psql");
    g_array_unref(sessions);

    json_t *request = last_request();
    assert_true(json_is_true(json_object_get(request, "terminate")));
    GByteArray *sent = online_text_get_binary(json_object_get(request, "issuer"));
    assert_int_equal(sent->len, 2);
    g_byte_array_unref(sent);
    json_decref(request);

    answer_is("{\"ok\":true,\"sessions\":[{\"pid\":\"7\"}]}");
    assert_false(
        online_sessions("x", "123", bytes_of(issuer, 2), false, &sessions, why, sizeof why));
    assert_null(sessions);
}

static void reads_a_probe(void **state)
{
    (void)state;
    struct online_probe probe;

    answer_is("{\"ok\":true,\"verdict\":\"revoked\",\"alert\":\"certificate revoked\","
              "\"served\":{\"base64\":\"MAA=\"},\"asked\":true}");
    assert_true(online_probe("db1", 5432, NULL, "CERT", "KEY", &probe, why, sizeof why));
    assert_int_equal(probe.verdict, PROBE_REVOKED);
    assert_string_equal(probe.alert, "certificate revoked");
    assert_int_equal(probe.server->len, 2);
    assert_true(probe.asked);
    online_probe_clear(&probe);

    answer_is(
        "{\"ok\":true,\"verdict\":\"no-tls\",\"alert\":null,\"served\":null,\"asked\":false}");
    assert_true(online_probe("db1", 5432, NULL, NULL, NULL, &probe, why, sizeof why));
    assert_int_equal(probe.verdict, PROBE_NO_TLS);
    assert_null(probe.server);
    online_probe_clear(&probe);

    /* Accepted by a server that showed no certificate: there is no such thing. */
    answer_is(
        "{\"ok\":true,\"verdict\":\"accepted\",\"alert\":null,\"served\":null,\"asked\":false}");
    assert_false(online_probe("db1", 5432, NULL, NULL, NULL, &probe, why, sizeof why));
    answer_is("{\"ok\":true,\"verdict\":\"maybe\",\"served\":{\"base64\":\"MAA=\"}}");
    assert_false(online_probe("db1", 5432, NULL, NULL, NULL, &probe, why, sizeof why));
}

static void a_text_comes_back_as_it_was(void **state)
{
    (void)state;
    static const char *const texts[] = {"",         "app",     "\xc3\xbc",
                                        "\xe9\xff", "a\"\\\n", "{\"base64\":\"x\"}"};

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        json_t *value = online_text(bytes_str(texts[i]));
        char *back = online_text_get(value);
        assert_string_equal(back, texts[i]);
        online_text_wipe(value);
        g_free(back);
        json_decref(value);
    }
}

static void addresses_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text, *host;
        int port;
    } rows[] = {
        {"db1", "db1", 5432},
        {"db1:6432", "db1", 6432},
        {"[::1]:5433", "::1", 5433},
        {"[::1]", "::1", 5432},
        {"::1", NULL, 0},
        {"db1:", NULL, 0},
        {"db1:0", NULL, 0},
        {"db1:65536", NULL, 0},
        {":5432", NULL, 0},
        {"/run/postgresql", NULL, 0},
        {"[::1", NULL, 0},
        {"[::1]x", NULL, 0},
        {"", NULL, 0},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *host = NULL;
        int port = 0;
        const char *fault = online_address(rows[i].text, &host, &port);
        if ((fault == NULL) != (rows[i].host != NULL))
            fail_msg("\"%s\": %s", rows[i].text, fault != NULL ? fault : "was taken");
        if (fault == NULL) {
            assert_string_equal(host, rows[i].host);
            assert_int_equal(port, rows[i].port);
        }
        g_free(host);
    }
}

/* --- an issuer, as pg_stat_ssl shows it --- */

static bool shown_as(const char *dn, const char *shown)
{
    return online_dn_matches(dn, bytes_str(shown));
}

static void an_issuer_is_told_from_its_namesakes(void **state)
{
    (void)state;
    assert_true(shown_as("/O=pgsignet/CN=ca", "/O=pgsignet/CN=ca"));
    assert_false(shown_as("/O=pgsignet/CN=ca", "/O=pgsignet/CN=ca2"));
    assert_false(shown_as("/O=pgsignet/CN=ca2", "/O=pgsignet/CN=ca"));
    assert_false(shown_as("/O=pgsignet/CN=ca", "/O=pgsignet/CN=cb"));
    assert_false(shown_as("/O=pgsignet/CN=ca", ""));
}

static void a_long_issuer_is_compared_as_far_as_it_is_shown(void **state)
{
    (void)state;
    char *whole = g_strdup_printf("/CN=%060d and more", 7), *cut = g_strndup(whole, 63);

    assert_true(shown_as(whole, cut));
    cut[62] = 'x';
    assert_false(shown_as(whole, cut));
    g_free(whole);
    g_free(cut);
}

/* In a database of another encoding the name looks otherwise from there on: rather one session too many. */
static void an_issuer_is_compared_up_to_what_is_not_ascii(void **state)
{
    (void)state;
    assert_true(shown_as("/CN=Z\xc3\xbcrich", "/CN=Z\xfcrich"));
    assert_true(shown_as("/CN=Z\xc3\xbcrich", "/CN=Z\xc3\xbcrich"));
    assert_false(shown_as("/CN=Z\xc3\xbcrich", "/CN=Y\xfcrich"));
}

static void an_issuer_is_printed_as_the_server_prints_it(void **state)
{
    (void)state;
    /* O=a,b and CN=\xc3\xbc, both UTF8String */
    static const uint8_t name[] = {0x30, 0x1b, 0x31, 0x0c, 0x30, 0x0a, 0x06, 0x03, 0x55, 0x04,
                                   0x0a, 0x0c, 0x03, 'a',  ',',  'b',  0x31, 0x0b, 0x30, 0x09,
                                   0x06, 0x03, 0x55, 0x04, 0x03, 0x0c, 0x02, 0xc3, 0xbc};
    char *dn = online_dn(bytes_of(name, sizeof name));

    assert_string_equal(dn, "/O=a\\,b/CN=\xc3\xbc");
    g_free(dn);
    assert_null(online_dn(bytes_of(name, sizeof name - 1)));
    assert_null(online_dn(bytes_of(NULL, 0)));
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

/* --- a copy of ourselves --- */

static int become_a_copy(char **argv)
{
    char *dir = g_dir_make_tmp("pgsignet-online.XXXXXX", NULL);
    char *copy = g_build_filename(dir, "test", NULL), *program = NULL, *self = NULL;
    gsize len = 0;
    int status = -1;

    if (dir == NULL || !g_file_get_contents("/proc/self/exe", &self, &len, NULL) ||
        !g_file_set_contents(copy, self, (gssize)len, NULL) || chmod(copy, 0700) != 0)
        return EXIT_FAILURE;
    program = g_build_filename(dir, "pgsignet-ca-online", NULL);
    if (!g_file_set_contents(program, mock, -1, NULL) || chmod(program, 0700) != 0)
        return EXIT_FAILURE;
    g_setenv(FOLDER, dir, TRUE);
    pid_t child = fork();
    if (child == 0) {
        execv(copy, argv);
        _exit(127);
    }
    waitpid(child, &status, 0);
    static const char *const names[] = {
        "test", "pgsignet-ca-online", "request", "answer", "script", "pid", "pid-file"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char *path = g_build_filename(dir, names[i], NULL);
        g_unlink(path);
        g_free(path);
    }
    g_rmdir(dir);
    g_free(dir);
    g_free(copy);
    g_free(program);
    g_free(self);
    return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILURE;
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
        cmocka_unit_test(roles_are_bytes),
        cmocka_unit_test(refuses_roles_of_another_form),
        cmocka_unit_test(reads_a_server),
        cmocka_unit_test(reads_sessions),
        cmocka_unit_test(reads_a_probe),
        cmocka_unit_test(a_text_comes_back_as_it_was),
        cmocka_unit_test(addresses_are_read),
        cmocka_unit_test(an_issuer_is_told_from_its_namesakes),
        cmocka_unit_test(a_long_issuer_is_compared_as_far_as_it_is_shown),
        cmocka_unit_test(an_issuer_is_compared_up_to_what_is_not_ascii),
        cmocka_unit_test(an_issuer_is_printed_as_the_server_prints_it),
        cmocka_unit_test(signals_no_stranger),
    };

    (void)argc;
    folder = getenv(FOLDER);
    if (folder == NULL)
        return become_a_copy(argv);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
