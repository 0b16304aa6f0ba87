/* Proves which answers of pgsignet-ca-online are taken, of every form, and how an issuer is known again. */
#include "config.h"

#include "pki/online_job.h"
#include "pki/online_text.h"
#include "tests/unit/pki_online_mock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

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

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
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
    };

    (void)argc;
    int status = mock_run_beside(argv);
    return status >= 0 ? status : cmocka_run_group_tests(tests, NULL, NULL);
}
