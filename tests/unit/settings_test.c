/* Configuration: values, defaults, every fault with its line; files that must not be trusted. */
#include "config.h"

#include "common/settings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define DEFAULT_POLICY "policies: {default: {password: stack}}\n"

static struct settings *parse(const char *text, size_t len, char **faults)
{
    size_t size;
    FILE *out = open_memstream(faults, &size);
    struct settings *settings;

    assert_non_null(out);
    settings = settings_parse("t.yaml", SETTINGS_FOR_LOGINS, text, len, out);
    fclose(out);
    return settings;
}

static void test_defaults(void **state)
{
    char *faults;
    struct settings *s = parse(DEFAULT_POLICY, strlen(DEFAULT_POLICY), &faults);

    (void)state;
    assert_string_equal(faults, "");
    assert_non_null(s);
    assert_string_equal(s->path, "t.yaml");
    assert_string_equal(s->daemon.socket, RUNSTATEDIR "/pgsignet/pgsignet.sock");
    assert_int_equal(s->daemon.workers, 8);
    assert_string_equal(s->daemon.user, "pgsignet");
    assert_int_equal(s->daemon.clients.n, 2);
    assert_string_equal(s->daemon.clients.at[1], "pgbouncer");
    assert_null(s->daemon.clients.at[2]);
    assert_int_equal(s->audit.unknown_names, UNKNOWN_NAMES_HASH);
    assert_int_equal(s->store.engine, STORE_ENGINE_SQLITE);
    assert_null(s->store.admin_conninfo);
    assert_false(s->audit.syslog);
    assert_int_equal(s->token.algorithm, ALGORITHM_SHA1);
    assert_int_equal(s->token.period, 30);
    assert_int_equal(s->throttle.longest, 900);
    assert_int_equal(s->throttle.recent, 30 * 86400);
    assert_false(s->has_burst);
    assert_false(s->policies[0].strict);
    assert_int_equal(s->throttle.ipv4_prefix, 32);
    assert_int_equal(s->throttle.ipv6_prefix, 64);
    assert_int_equal(s->throttle.proxies.n, 0);
    assert_false(s->has_ldap);
    assert_null(s->ldap.bind_dn);
    assert_int_equal(s->ldap.timeout, 3);
    assert_null(s->postgres.conninfo);
    assert_int_equal(s->n_policies, 1);
    assert_int_equal(s->policies[0].password, PASSWORD_STACK);
    assert_int_equal(s->policies[0].code, CODE_REQUIRED);
    assert_false(s->policies[0].check_role);
    settings_free(s);
    free(faults);
}

static void test_values(void **state)
{
    static const char text[] =
        "\xef\xbb\xbf"
        "daemon: {workers: 2, clients: [alice]}\n"
        "throttle: {first: 2m, longest: 2h, recent: 1d}\n"
        "burst: {seconds: 5}\n"
        "token:\n"
        "ldap:\n"
        "  uris: [ldapi:///, 'ldap://[::1]:1389/', ldaps://ldap.example.com]\n"
        "  tls: never\n"
        "  user_base: dc=example\n"
        "  user_filter: (uid=%u)\n"
        "  membership: memberof\n"
        "  nested: in_chain\n"
        "postgres: {conninfo: host=/tmp}\n"
        "store: {engine: PostgreSQL, conninfo: 'host=a,b', timeout: 4s, standby: synchronous}\n"
        "policies:\n"
        "  default:\n"
        "    password: ldap\n"
        "    require_groups: ['cn=a\\, b,dc=example']\n"
        "    exempt: [{user: b\xc3\xa9, reason: night, until: 2027-01-31}]\n"
        "  other: {password: scram, order: code-then-password, check_role: false}\n"
        "sync: {any: [thing, {at: all}]}\n"
        "ca: 5\n";
    char *faults;
    struct settings *s = parse(text, sizeof text - 1, &faults);

    (void)state;
    assert_string_equal(faults, "");
    assert_non_null(s);
    assert_int_equal(s->daemon.clients.n, 1);
    assert_int_equal(s->throttle.first, 120);
    assert_true(s->has_burst);
    assert_int_equal(s->burst.connections, 8);
    assert_int_equal(s->burst.seconds, 5);
    assert_int_equal(s->throttle.longest, 7200);
    assert_true(s->has_ldap);
    assert_int_equal(s->ldap.uris.n, 3);
    assert_int_equal(s->ldap.tls, TLS_NEVER);
    assert_int_equal(s->ldap.membership, MEMBERSHIP_MEMBEROF);
    assert_int_equal(s->ldap.nested, NESTED_IN_CHAIN);
    assert_string_equal(s->ldap.group_base, "dc=example");
    assert_int_equal(s->store.engine, STORE_ENGINE_POSTGRESQL);
    assert_string_equal(s->store.conninfo, "host=a,b");
    assert_string_equal(s->store.admin_conninfo, "host=a,b");
    assert_int_equal(s->store.timeout, 4);
    assert_int_equal(s->store.retry_after, 5);
    assert_int_equal(s->store.standby, STANDBY_SYNCHRONOUS);
    assert_int_equal(s->n_policies, 2);
    assert_true(s->policies[0].check_role);
    assert_string_equal(s->policies[0].require_groups.at[0], "cn=a\\, b,dc=example");
    assert_int_equal(s->policies[0].n_exempt, 1);
    assert_string_equal(s->policies[0].exempt[0].user, "b\xc3\xa9");
    assert_int_equal(s->policies[0].exempt[0].until, 1801440000); /* date -d 2027-02-01Z +%s */
    assert_int_equal(s->policies[1].order, ORDER_CODE_THEN_PASSWORD);
    assert_false(s->policies[1].check_role);
    settings_free(s);
    free(faults);
}

static void test_policy_for(void **state)
{
    static const char text[] = "policies:\n  pgsignet: {password: none}\n"
                               "  default: {password: stack}\n";
    char *faults;
    struct settings *s = parse(text, sizeof text - 1, &faults);

    (void)state;
    assert_non_null(s);
    assert_ptr_equal(settings_policy_for(s, NULL, "pgsignet"), &s->policies[0]);
    assert_ptr_equal(settings_policy_for(s, "", "other"), &s->policies[1]);
    assert_ptr_equal(settings_policy_for(s, "default", "pgsignet"), &s->policies[1]);
    assert_null(settings_policy_for(s, "absent", "pgsignet"));
    assert_ptr_equal(settings_policy_for(s, NULL, NULL), &s->policies[1]);
    settings_free(s);
    free(faults);
}

/* Each text must be refused, and the faults must hold this text (which begins with the line). */
struct refusal {
    const char *text, *fault;
};

static void check_refusals(const struct refusal *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char *faults;
        struct settings *s = parse(rows[i].text, strlen(rows[i].text), &faults);

        if (s != NULL || strstr(faults, rows[i].fault) == NULL)
            fail_msg("%s\nwas to be refused by \"%s\", but: %s", rows[i].text, rows[i].fault,
                     faults);
        free(faults);
    }
}

static void test_shape_refusals(void **state)
{
    /* clang-format off */
    static const struct refusal rows[] = {
        {"", "t.yaml:1: the file says nothing"},
        {"# only a comment\n", "t.yaml:1: the file says nothing"},
        {"- a\n", "t.yaml:1: the file is not a map"},
        {"a: [\n", "not YAML"},
        {"daemon:\n\tworkers: 1\n", "t.yaml:2: not YAML"},
        {"daemon:\n\tworkers: 1\n", "never with tabs"},
        {DEFAULT_POLICY "---\n" DEFAULT_POLICY,                                      "t.yaml:2: a second document"},
        {DEFAULT_POLICY "ca: &x 1\n", "t.yaml:2: anchor &x"},
        {"a: &x 1\nca: *x\n", "t.yaml:2: alias *x"},
        {"ca: &x [*x]\n", "t.yaml:1: alias *x"},
        {"a: &a [1]\nb: &b [*a,*a]\nc: &c [*b,*b]\n", "t.yaml:3: alias *b"},
        {DEFAULT_POLICY "ca: !!python/object:os.system 1\n", "t.yaml:2: tag "},
        {"ca: [[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]\n", "t.yaml:1: nested more than"},
        {"daemon: {workers: 1}\nx: \x01\n", "t.yaml:2: byte 0x01"},
        {"x: 1\ny: \xff\n", "t.yaml:2: byte 0xff is not UTF-8"},
        {"x: 1\ny: \xc0\xaf\n", "t.yaml:2: byte 0xc0 is not UTF-8"},
        {"x: 1\r\ny: \x7f\r\n", "t.yaml:2: byte 0x7f"},
        {"wrokers: 1\n", "t.yaml:1: the file has no key \"wrokers\"; remove it"},
        {"\ndaemno: {}\n", "t.yaml:2: the file has no key \"daemno\"; did you mean \"daemon\"?"},
        {"daemon: {a\\b: 1}\n", "has no key \"a\\x5cb\""},
        {"daemon: {[a]: 1}\n", "t.yaml:1: a key in daemon is a list or map"},
        {"daemon: {}\ndaemon: {}\n", "t.yaml:2: the file has a second \"daemon\""},
        {"daemon: [a]\n", "t.yaml:1: daemon is a list; write a map"},
        {"daemon: 5\n", "t.yaml:1: daemon: \"5\" will not do; write a map"},
        {"daemon:\n  workers: [1]\n", "t.yaml:2: daemon.workers is a list; write a whole number"},
        {"daemon:\n  workers: 08\n", "t.yaml:2: daemon.workers: \"08\" will not do"},
        {"daemon:\n  workers: 257\n", "daemon.workers: \"257\" is out of range"},
        {"daemon:\n  workers: 99999999999999999999\n", "is out of range"},
        {"daemon:\n  workers:\n", "t.yaml:2: daemon.workers has no value"},
        {"daemon:\n  user: ~\n", "t.yaml:2: daemon.user has no value"},
        {"daemon:\n  user: \"a\\0b\"\n", "t.yaml:2: daemon.user: \"a\\x00b\" will not do"},
        {"daemon:\n  user: \"a\\nb\"\n", "t.yaml:2: daemon.user: \"a\\x0ab\" will not do"},
        {"daemon:\n  clients: postgres\n",
         "daemon.clients: \"postgres\" will not do; write a list"},
        {"daemon:\n  clients:\n  - a\n  - ''\n", "t.yaml:4: an entry of daemon.clients: \"\""},
        {"audit:\n  syslog: yes\n", "t.yaml:2: audit.syslog: \"yes\" will not do; write true or"},
        {"token:\n  algorithm: MD5\n", "write SHA1, SHA256 or SHA512"},
        {"throttle:\n  first: 2w\n", "t.yaml:2: throttle.first: \"2w\" will not do"},
        {"throttle:\n  first: 2d\n", "t.yaml:2: throttle.first: \"2d\" is out of range"},
        {"store:\n  path: a/b\n", "t.yaml:2: store.path: \"a/b\" will not do; write an absolute"},
        {"policies: [a]\n", "t.yaml:1: policies is a list"},
        {"policies:\n  a b: {}\n", "t.yaml:2: the name \"a b\" in policies"},
        {"policies:\n  a: {password: none}\n  a: {}\n", "t.yaml:3: policies has a second \"a\""},
        {"policies:\n  a: 5\n", "t.yaml:2: policies.a: \"5\" will not do"},
        {"policies:\n  a:\n    exempt: 5\n", "t.yaml:3: policies.a.exempt"},
        {"policies:\n  a:\n    exempt: [{user: x, reason: y, until: 2027-02-29}]\n",
         "t.yaml:3: policies.a.exempt.until: \"2027-02-29\" is out of range"},
    };
    /* clang-format on */

    (void)state;
    check_refusals(rows, sizeof rows / sizeof rows[0]);
}

#define POLICY(text)  "policies:\n  default:\n" text
#define LDAP(text)    DEFAULT_POLICY "ldap:\n" text
#define LDAP_OK(text) LDAP("  user_dn: uid=%u,dc=x\n" text)
#define URI(text)     LDAP_OK("  uris: [" text "]\n")
#define STORE(s)      DEFAULT_POLICY "store:\n  {" s "}\n"
#define CONNINFO(s)   DEFAULT_POLICY "postgres:\n  conninfo: \"" s "\"\n"

/* clang-format off */
static const struct refusal sense_refusals[] = {
    {"daemon: {}\n", "t.yaml:1: there is no policy"},
    {"\npolicies: {}\n", "t.yaml:2: there is no policy"},
    {POLICY("    code: off\n"), "t.yaml:2: policies.default says no password"},
    {POLICY("    password: none\n    code: off\n"),
     "t.yaml:4: policies.default asks for neither"},
    {POLICY("    password: none\n    exempt: [{user: a, reason: b, until: 2027-01-01}]\n"),
     "t.yaml:4: policies.default has password: none, so its exempt"},
    {POLICY("    password: stack\n    code: off\n"
            "    exempt: [{user: a, reason: b, until: 2027-01-01}]\n"),
     "t.yaml:5: policies.default has code: off"},
    {POLICY("    password: stack\n    exempt: [{}]\n"),
     "t.yaml:4: an exemption in policies.default says no user"},
    {POLICY("    password: stack\n    exempt: [{user: a, until: 2027-01-01}]\n"),
     "says no reason"},
    {POLICY("    password: stack\n    exempt: [{user: a, reason: b}]\n"), "says no until"},
    {POLICY("    password: stack\n    exempt:\n    - {user: a, reason: b, until: 2027-01-01}\n"
            "    - {user: a, reason: c, until: 2027-01-01}\n"),
     "t.yaml:6: policies.default exempts \"a\" twice"},
    {POLICY("    password: ldap\n"), "t.yaml:3: policies.default has password: ldap, but"},
    {POLICY("    password: stack\n    deny_groups: [cn=a]\n"),
     "t.yaml:4: policies.default asks for groups"},
    {POLICY("    password: scram\n"), "t.yaml:3: policies.default has password: scram, but"},
    {POLICY("    password: stack\n    check_role: true\n"),
     "t.yaml:4: policies.default has check_role: true"},
    {POLICY("    password: stack\n    require_groups:\n    - dba\n"),
     "t.yaml:5: policies.default.require_groups: \"dba\" is no DN"},
    {DEFAULT_POLICY "audit: {file: ''}\n", "t.yaml:2: audit.file is \"\""},
    {DEFAULT_POLICY "token:\n  issuer: a:b\n", "t.yaml:3: token.issuer"},
    {DEFAULT_POLICY "throttle: {first: 20m}\n", "t.yaml:2: throttle.first (1200 s)"},
    {DEFAULT_POLICY "throttle: {ipv4_prefix: 15}\n", "throttle.ipv4_prefix: \"15\" is out of"},
    {DEFAULT_POLICY "throttle: {ipv6_prefix: 129}\n", "throttle.ipv6_prefix: \"129\" is out"},
    {DEFAULT_POLICY "throttle:\n  proxies:\n  - 192.0.2.7\n  - 192.0.2.7/24\n",
     "t.yaml:5: throttle.proxies: \"192.0.2.7/24\" is no address or network"},
    {DEFAULT_POLICY "throttle: {proxies: [haproxy.example]}\n", "is no address or network"},
    {DEFAULT_POLICY "burst: {connections: 33}\n", "burst.connections: \"33\" is out of range"},
    {DEFAULT_POLICY "burst: {connections: 0}\n", "burst.connections: \"0\" is out of range"},
    {DEFAULT_POLICY "burst: {seconds: 61}\n", "burst.seconds: \"61\" is out of range"},
    {DEFAULT_POLICY "burst: true\n", "t.yaml:2: burst: \"true\" will not do; write a map"},
    {LDAP("  user_dn: uid=%u\n"), "t.yaml:2: ldap says no uris"},
    {LDAP("  uris: [ldapi:///]\n"), "t.yaml:2: ldap does not say how"},
    {LDAP("  uris: [ldapi:///]\n  user_base: dc=x\n"), "t.yaml:4: ldap does not say how"},
    {LDAP("  user_dn: uid=%u\n  user_base: dc=x\n  user_filter: (uid=%u)\n"),
     "t.yaml:3: ldap says both"},
    {LDAP("  user_dn: uid=u\n"), "t.yaml:3: ldap.user_dn has no %u"},
    {LDAP("  user_dn: \"%u@x\"\n"), "t.yaml:3: ldap.user_dn: \"%u@x\" is no DN"},
    {LDAP("  user_base: dc=x\n  user_filter: (uid=u)\n"),
     "t.yaml:4: ldap.user_filter has no %u"},
    {LDAP("  user_base: dc=x\n  user_filter: uid=%u\n"),
     "t.yaml:4: ldap.user_filter is no filter"},
    {LDAP("  user_base: dc=x\n  user_filter: (uid=%u))(\n"),
     "t.yaml:4: ldap.user_filter is no"},
    {LDAP_OK("  bind_dn: cn=a\n"), "t.yaml:4: ldap.bind_dn without ldap.bind_password_file"},
    {LDAP_OK("  bind_password_file: /a\n"), "t.yaml:4: ldap.bind_password_file without"},
    {LDAP_OK("  bind_dn: cn=a\n  bind_password_file: /a\n  sasl: gssapi\n"),
     "t.yaml:6: ldap says both sasl and bind_dn"},
    {URI("ldaps://a") "  sasl: external\n", "t.yaml:5: ldap.sasl: external needs a client certificate"},
    {LDAP_OK("  key_file: /a\n"), "t.yaml:4: ldap.key_file without ldap.cert_file"},
    {LDAP_OK("  group_base: groups\n"), "t.yaml:4: ldap.group_base: \"groups\" is no DN"},
    {"ldap: {uris: [ldapi:///], user_dn: 'uid=%u,dc=x'}\n"
     "policies: {a: {password: ldap, deny_groups: [cn=a]}}\n",
     "t.yaml:1: ldap does not say where groups are"},
    {LDAP_OK("  membership: memberUid\n  nested: in_chain\n"),
     "t.yaml:5: ldap.nested: in_chain"},
    {URI("http://a"), "t.yaml:4: ldap.uris: \"http://a\" has no known scheme"},
    {URI("'ldap://'"), "names no host"},
    {URI("'ldap://a b'"), "has bytes that no host name has"},
    {URI("'ldap://a:0'"), "has a port that is none"},
    {URI("'ldap://a:65536'"), "has a port that is none"},
    {URI("'ldap://a/dc=x'"), "goes on behind the host"},
    {URI("'ldap://[::1'"), "has a [ without ]"},
    {URI("'ldap://[1::2::3]'"), "has no IPv6 address"},
    {URI("'ldap://u@a'"), "has bytes that no host name has"},
    {URI("a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a"),
     "t.yaml:4: ldap.uris has 16 entries; write at most"},
    {URI("'ldap://a'") "  tls: never\n", "t.yaml:4: ldap.uris: \"ldap://a\" with tls: never"},
    {URI("'ldap://128.0.0.1'") "  tls: never\n", "with tls: never"},
    {URI("'ldap://127.evil.example'") "  tls: never\n", "with tls: never"},
    {CONNINFO("host=a password=b"), "t.yaml:3: postgres.conninfo holds a password"},
    {CONNINFO("host=a password = 'b'"), "holds a password"},
    {CONNINFO("host='a b' sslpassword=b"), "holds a password"},
    {CONNINFO("host=a\\\\ b password=b"), "holds a password"},
    {CONNINFO("postgresql://u:p@h/d"), "holds a password"},
    {CONNINFO("postgres://h/d?password=x"), "holds a password"},
    {CONNINFO("postgres://h/d?a=b&p%61ssword=x"), "holds a password"},
    {CONNINFO("postgres://h/d?a%4=b"), "is no libpq connection string"},
    {CONNINFO("just words"), "is no libpq connection string"},
    {CONNINFO("host='a"), "is no libpq connection string"},
    {STORE("engine: postgresql"), "t.yaml:3: store.engine is postgresql, but there is no store.conninfo"},
    {STORE("path: /a, engine: postgresql, conninfo: host=a"), "store.path has no meaning"},
    {STORE("conninfo: host=a"), "t.yaml:3: store.conninfo has no meaning with engine: sqlite"},
    {STORE("standby: synchronous"), "store.standby has no meaning with engine: sqlite"},
    {STORE("engine: postgresql, conninfo: host=a password=b"), "store.conninfo holds a password"},
    {STORE("engine: postgresql, conninfo: host=a, admin_conninfo: words"),
     "store.admin_conninfo is no libpq connection string"},
};
/* clang-format on */

static void test_sense_refusals(void **state)
{
    (void)state;
    check_refusals(sense_refusals, sizeof sense_refusals / sizeof sense_refusals[0]);
}

static void test_accepted(void **state)
{
    static const char *const rows[] = {
        URI("'ldap://a'"),
        URI("'ldap://localhost:389', 'ldap://127.1.2.3', ldapi://%2Frun%2Fldapi") "  tls: never\n",
        URI("'ldap://a'") "  tls: never\n  tls_reason: lab\n",
        CONNINFO("host=a user = b passfile='/etc/x y' application_name=password"),
        CONNINFO("postgresql://u@h1:5432,h2/d?target_session_attrs=read-write"),
        CONNINFO(""
                 "service=pgsignet"),
        DEFAULT_POLICY "audit: {file: '', syslog: true}\n",
        DEFAULT_POLICY "throttle: {proxies: [local, 192.0.2.0/24, '2001:db8::7'], ipv4_prefix: 24}\n",
        "ldap: {uris: [ldapi:///], user_base: dc=x, user_filter: (uid=%u), membership: memberUid}\n"
        "policies: {a: {password: stack, require_groups: [dba]}}\n",
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *faults;
        struct settings *s = parse(rows[i], strlen(rows[i]), &faults);

        if (s == NULL)
            fail_msg("%s\nwas refused: %s", rows[i], faults);
        settings_free(s);
        free(faults);
    }
}

/* Faults of different checks come in the order of the lines, and none hides another. */
static void test_every_fault(void **state)
{
    static const char text[] = "policies:\n"
                               "  default: {code: off, exempt: 1}\n"
                               "token:\n"
                               "  issuer: a:b\n"
                               "  digits: 9\n";
    char *faults;
    struct settings *s = parse(text, sizeof text - 1, &faults);

    (void)state;
    assert_null(s);
    assert_string_equal(
        faults,
        "t.yaml:2: policies.default.exempt: \"1\" will not do; write a list of at most 1000 "
        "entries, each a map\n"
        "t.yaml:2: policies.default says no password; write password: ldap, scram, stack or none\n"
        "t.yaml:4: token.issuer has a ':', which authenticator apps take for its end; write it "
        "without\n"
        "t.yaml:5: token.digits: \"9\" is out of range; write a whole number from 6 to 8\n");
    free(faults);
}

static void test_long_input(void **state)
{
    size_t len = SETTINGS_FILE_MAX + 1;
    char *text = malloc(len), *faults;

    (void)state;
    assert_non_null(text);
    memset(text, '#', len);
    assert_null(parse(text, len, &faults));
    assert_non_null(strstr(faults, "t.yaml: larger than"));
    free(faults);
    for (size_t i = 0; i + 1 < len; i++) /* a fault on each of half a million lines */
        text[i] = i % 5 == 4 ? '\n' : "a: 1"[i % 5];
    assert_null(parse(text, len - 2, &faults));
    assert_non_null(strstr(faults, "faults more"));
    assert_true(strlen(faults) < 100000);
    free(faults);
    assert_null(parse("a: \0b", 5, &faults));
    assert_non_null(strstr(faults, "t.yaml:1: byte 0x00 is a NUL"));
    free(faults);
    free(text);
}

static void expect_load(const char *path, const char *fault)
{
    char *faults;
    size_t size;
    FILE *out = open_memstream(&faults, &size);
    struct settings *s;

    assert_non_null(out);
    s = settings_load(path, SETTINGS_FOR_LOGINS, out);
    fclose(out);
    if (fault == NULL ? s == NULL : s != NULL || strstr(faults, fault) == NULL)
        fail_msg("%s: expected \"%s\", got: %s", path, fault != NULL ? fault : "(fine)", faults);
    settings_free(s);
    free(faults);
}

static void test_files(void **state)
{
    char dir[] = "/tmp/pgsignet-settings-XXXXXX", path[64];
    FILE *f;

    (void)state;
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/a.yaml", dir);
    expect_load(path, "there is no such file");
    f = fopen(path, "w");
    assert_non_null(f);
    fputs(DEFAULT_POLICY, f);
    fclose(f);
    assert_int_equal(chmod(path, 0640), 0);
    expect_load(path, NULL);
    assert_int_equal(chmod(path, 0660), 0);
    expect_load(path, "can be written by its group; chmod");
    assert_int_equal(chmod(path, 0646), 0);
    expect_load(path, "can be written by everybody; chmod");
    assert_int_equal(chmod(path, 0600), 0);
    if (geteuid() == 0) {
        assert_int_equal(chown(path, 65534, 0), 0);
        expect_load(path, "belongs to uid 65534");
        assert_int_equal(chown(path, 0, 0), 0);
    }
    assert_int_equal(truncate(path, SETTINGS_FILE_MAX + 1), 0);
    expect_load(path, "is larger than");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    expect_load(path, "is not a regular file");
    assert_int_equal(unlink(path), 0);
    expect_load(dir, "is not a regular file");
    assert_int_equal(rmdir(dir), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),       cmocka_unit_test(test_values),
        cmocka_unit_test(test_policy_for),     cmocka_unit_test(test_shape_refusals),
        cmocka_unit_test(test_sense_refusals), cmocka_unit_test(test_accepted),
        cmocka_unit_test(test_every_fault),    cmocka_unit_test(test_long_input),
        cmocka_unit_test(test_files),
    };

    return cmocka_run_group_tests_name("settings", tests, NULL, NULL);
}
