/* Names in filters and DNs, DNs that mean the same, URIs: the LDAP client without a server; and its close. */
#include "config.h"

#include "common/clock.h"
#include "common/group_set.h"
#include "common/ldap_connect.h"
#include "common/ldap_dn.h"
#include "common/ldap_escape.h"
#include "common/ldap_uri.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <ldap.h>

/* A string constant as a slice, embedded NULs and all. */
#define B(constant)                                                                                \
    {                                                                                              \
        (const uint8_t *)(constant), sizeof(constant) - 1                                          \
    }

static const struct {
    struct bytes name;
    const char *in_filter, *in_dn;
} names[] = {
    {B(""),              "",                     ""                         },
    {B("alice"),         "alice",                "alice"                    },
    {B("a.b-c_d@e"),     "a.b-c_d@e",            "a.b-c_d@e"                },
    {B("*"),             "\\2A",                 "\\2A"                     },
    {B("*)(uid=*"),      "\\2A\\29\\28uid=\\2A", "\\2A\\29\\28uid\\3D\\2A"  },
    {B("back\\slash"),   "back\\5Cslash",        "back\\5Cslash"            },
    {B("nul\0byte"),     "nul\\00byte",          "nul\\00byte"              },
    {B("line\nfeed"),    "line\\0Afeed",         "line\\0Afeed"             },
    {B("del\x7f"),       "del\\7F",              "del\\7F"                  },
    {B("j\xc3\xbcrgen"), "j\\C3\\BCrgen",        "j\\C3\\BCrgen"            },
    {B("\xff\xfe"),      "\\FF\\FE",             "\\FF\\FE"                 },
    {B("a, b+c"),        "a, b+c",               "a\\2C b\\2Bc"            },
    {B("a  b"),          "a  b",                 "a\\20\\20b"              },
    {B(" x "),           " x ",                  "\\20x\\20"                },
    {B("#1=\"<>;"),      "#1=\"<>;",             "\\231\\3D\\22\\3C\\3E\\3B"},
    {B("%u"),            "%u",                   "\\25u"                    },
};

static void names_are_escaped_for_filters_and_dns(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < sizeof names / sizeof names[0]; i++) {
        char *filter = ldapc_filter_escape(names[i].name), *dn = ldapc_dn_escape(names[i].name);

        assert_string_equal(filter, names[i].in_filter);
        assert_string_equal(dn, names[i].in_dn);
        free(filter);
        free(dn);
    }
}

/* libldap reads back exactly the bytes that went in, whatever they are. */
static void every_byte_survives_a_dn(void **state)
{
    unsigned byte;

    (void)state;
    for (byte = 0; byte < 256; byte++) {
        uint8_t name[3] = {(uint8_t)byte, 'x', (uint8_t)byte};
        char *text = ldapc_dn_expand("uid=%u,dc=example", bytes_of(name, sizeof name));
        LDAPDN dn = NULL;
        struct berval value;

        assert_int_equal(ldap_str2dn(text, &dn, LDAP_DN_FORMAT_LDAPV3), LDAP_SUCCESS);
        assert_non_null(dn[0]);
        assert_null(dn[0][1]);
        value = dn[0][0]->la_value;
        assert_int_equal(value.bv_len, sizeof name);
        assert_memory_equal(value.bv_val, name, sizeof name);
        ldap_dnfree(dn);
        free(text);
    }
}

static void every_mark_of_a_template_is_replaced(void **state)
{
    char *text = ldapc_filter_expand("(|(uid=%u)(cn=%u)(x=100%)(y=%d))", bytes_str("a*"));

    (void)state;
    assert_string_equal(text, "(|(uid=a\\2A)(cn=a\\2A)(x=100%)(y=%d))");
    free(text);
    text = ldapc_filter_expand("%u", bytes_str("%u"));
    assert_string_equal(text, "%u");
    free(text);
    text = ldapc_dn_expand("uid=%u,ou=people", bytes_str("a,ou=admins"));
    assert_string_equal(text, "uid=a\\2Cou\\3Dadmins,ou=people");
    free(text);
    text = ldapc_filter_expand("", bytes_str("x"));
    assert_string_equal(text, "");
    free(text);
}

static const struct {
    const char *a, *b;
    bool same;
} dns[] = {
    {"cn=dba,dc=example,dc=com",               "CN=DBA,DC=Example,DC=Com", true },
    {"cn=dba,dc=example",                      "cn = dba , dc = example",  true },
    {"cn=Sales\\2C EMEA,dc=x",                 "cn=sales\\, emea,dc=x",    true },
    {"cn=a  b,dc=x",                           "cn=a b,dc=x",              true },
    {"cn=\\20a\\20,dc=x",                      "cn=a,dc=x",                true },
    {"cn=\\41b,dc=x",                          "cn=ab,dc=x",               true },
    {"cn=say \\\"hi\\\",dc=x",                 "cn=say \\22hi\\22,dc=x",   true },
    {"cn=a+ou=b,dc=x",                         "ou=b+cn=a,dc=x",           true },
    {"2.5.4.3=a,0.9.2342.19200300.100.1.25=x", "cn=a,dc=x",                true },
    {"commonName=a,domainComponent=x",         "cn=a,dc=x",                true },
    {"cn=j\xc3\xbcrgen,dc=x",                  "cn=j\\C3\\BCrgen,dc=x",    true },
    {"cn=a,dc=x",                              "cn=b,dc=x",                false},
    {"cn=a,dc=x",                              "ou=a,dc=x",                false},
    {"cn=a,dc=x",                              "cn=a,dc=x,dc=y",           false},
    {"cn=a\\,dc=x",                            "cn=a,dc=x",                false},
    {"cn=a\\+ou=b,dc=x",                       "cn=a+ou=b,dc=x",           false},
    {"cn=ab,dc=x",                             "cn=a b,dc=x",              false},
    {"cn=\\#0401,dc=x",                        "cn=#040141,dc=x",          false},
    {"cn=a,dc=x",                              "cn=a\\00,dc=x",            false},
};

static void dns_are_compared_by_what_they_mean(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < sizeof dns / sizeof dns[0]; i++) {
        char *a = ldapc_dn_normalise(dns[i].a), *b = ldapc_dn_normalise(dns[i].b);

        if (a == NULL || b == NULL)
            fail_msg("%s or %s was not taken for a DN", dns[i].a, dns[i].b);
        if ((strcmp(a, b) == 0) != dns[i].same)
            fail_msg("%s (%s) and %s (%s)", dns[i].a, a, dns[i].b, b);
        free(a);
        free(b);
    }
}

static void what_is_not_a_dn_has_no_normal_form(void **state)
{
    static const char *const bad[] = {"",
                                      "dba",
                                      "=x",
                                      "cn=a,",
                                      ",cn=a",
                                      "cn=a,,dc=x",
                                      "cn=a\\",
                                      "cn=a\\4",
                                      "cn=#zz",
                                      "cn=a+,dc=x",
                                      "cn=\"quoted, as in RFC 1779\",dc=x"};
    char *big = malloc(LDAPC_DN_MAX + 2);
    size_t i;

    (void)state;
    for (i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (ldapc_dn_normalise(bad[i]) != NULL)
            fail_msg("%s was taken for a DN", bad[i]);
    memset(big, 'x', LDAPC_DN_MAX + 1);
    memcpy(big, "cn=", 3);
    big[LDAPC_DN_MAX + 1] = '\0';
    assert_null(ldapc_dn_normalise(big));
    free(big);
}

static void below_a_base_means_by_whole_rdns(void **state)
{
    (void)state;
    assert_true(ldapc_dn_is_below("cn=a,ou=g,dc=x", "ou=g,dc=x"));
    assert_true(ldapc_dn_is_below("ou=g,dc=x", "ou=g,dc=x"));
    assert_false(ldapc_dn_is_below("cn=a,xou=g,dc=x", "ou=g,dc=x"));
    assert_false(ldapc_dn_is_below("dc=x", "ou=g,dc=x"));
    assert_false(ldapc_dn_is_below("cn=a,ou=h,dc=x", "ou=g,dc=x"));
}

static const struct {
    const char *text;
    bool good;
    enum ldapc_scheme scheme;
    bool loopback;
} uris[] = {
    {"ldaps://ldap.example.com",       true,  LDAPC_LDAPS, false},
    {"LDAPS://ldap.example.com:1636/", true,  LDAPC_LDAPS, false},
    {"ldap://127.0.0.1:389",           true,  LDAPC_LDAP,  true },
    {"ldap://127.9.9.9",               true,  LDAPC_LDAP,  true },
    {"ldap://[::1]:389",               true,  LDAPC_LDAP,  true },
    {"ldap://localhost",               true,  LDAPC_LDAP,  true },
    {"ldap://localhost.evil.example",  true,  LDAPC_LDAP,  false},
    {"ldap://127.0.0.1.evil.example",  true,  LDAPC_LDAP,  false},
    {"ldap://10.0.0.1",                true,  LDAPC_LDAP,  false},
    {"ldapi://%2Frun%2Fldapi",         true,  LDAPC_LDAPI, true },
    {"",                               false, 0,           false},
    {"ldap://",                        false, 0,           false},
    {"ldaps:///",                      false, 0,           false},
    {"http://x",                       false, 0,           false},
    {"ldap://a ldap://b",              false, 0,           false},
    {"ldap://a,ldap://b",              false, 0,           false},
    {"ldap://a/dc=x",                  false, 0,           false},
    {"ldap://a/??sub",                 false, 0,           false},
    {"ldap://a:99999",                 false, 0,           false},
};

static void uris_name_one_server_and_nothing_else(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < sizeof uris / sizeof uris[0]; i++) {
        struct ldapc_uri uri;
        const char *fault = ldapc_uri_parse(uris[i].text, &uri);

        if ((fault == NULL) != uris[i].good)
            fail_msg("%s: %s", uris[i].text, fault != NULL ? fault : "taken");
        if (fault == NULL) {
            assert_int_equal(uri.scheme, uris[i].scheme);
            assert_int_equal(uri.loopback, uris[i].loopback);
        }
    }
}

static void a_set_of_groups_holds_each_once_in_order(void **state)
{
    struct group_set set = {0};
    char name[16];
    int i;

    (void)state;
    for (i = 0; i < 200; i++) {
        snprintf(name, sizeof name, "cn=%d", i % 100);
        assert_int_equal(group_set_add(&set, strdup(name), name),
                         i < 100 ? GROUP_SET_NEW : GROUP_SET_KNOWN);
    }
    assert_int_equal(set.n, 100);
    assert_string_equal(set.at[99].dn, "cn=99");
    group_set_free(&set);
    group_set_free(&set);
}

/* A program that leaves SIGPIPE as it is must not die of closing a connection. */
static void closing_a_connection_raises_no_sigpipe(void **state)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof at;
    char uri[64], why[LDAPC_WHY_MAX];
    struct ldapc_target target = {.uri = uri};
    struct ldapc *connection;
    int status, fd = socket(AF_INET, SOCK_STREAM, 0);

    (void)state;
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    snprintf(uri, sizeof uri, "ldap://127.0.0.1:%u", (unsigned)ntohs(at.sin_port));
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        signal(SIGPIPE, SIG_DFL);
        if (ldapc_open(&target, clock_mono_ms() + 10000, &connection, why) != LDAPC_OK)
            _exit(1);
        ldapc_close(connection);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_escaped_for_filters_and_dns),
        cmocka_unit_test(every_byte_survives_a_dn),
        cmocka_unit_test(every_mark_of_a_template_is_replaced),
        cmocka_unit_test(dns_are_compared_by_what_they_mean),
        cmocka_unit_test(what_is_not_a_dn_has_no_normal_form),
        cmocka_unit_test(below_a_base_means_by_whole_rdns),
        cmocka_unit_test(uris_name_one_server_and_nothing_else),
        cmocka_unit_test(a_set_of_groups_holds_each_once_in_order),
        cmocka_unit_test(closing_a_connection_raises_no_sigpipe),
    };

    return cmocka_run_group_tests_name("ldap", tests, NULL, NULL);
}
