/* The `sync` section: values, defaults, every fault with its line; whom the section concerns. */
#include "config.h"

#include "common/settings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define LDAP "ldap: {uris: [ldaps://ldap.example.com]}\n"
#define RULE "  rules: [{static: [app], grant: [dbrole_readonly]}]\n"
#define SYNC "sync:\n  postgres: service=prod\n"

static struct settings *parse_for(enum settings_reader reader, const char *text, char **faults)
{
    size_t size;
    FILE *out = open_memstream(faults, &size);
    struct settings *settings;

    assert_non_null(out);
    settings = settings_parse("t.yaml", reader, text, strlen(text), out);
    fclose(out);
    return settings;
}

static struct settings *parse(const char *text, char **faults)
{
    return parse_for(SETTINGS_FOR_SYNC, text, faults);
}

static void test_defaults(void **state)
{
    char *faults;
    struct settings *s = parse(SYNC RULE, &faults);

    (void)state;
    assert_string_equal(faults, "");
    assert_non_null(s);
    assert_true(s->has_sync);
    assert_int_equal(s->sync.postgres.n, 1);
    assert_string_equal(s->sync.postgres.at[0], "service=prod");
    assert_null(s->sync.postgres.at[1]);
    assert_string_equal(s->sync.managed, "pgsignet_managed");
    assert_int_equal(s->sync.protect.n, 0);
    assert_int_equal(s->sync.n_rules, 1);
    const struct settings_sync_rule *rule = &s->sync.rules[0];
    assert_false(rule->has_search);
    assert_string_equal(rule->statics.at[0], "app");
    assert_int_equal(rule->members, SYNC_MEMBER);
    assert_int_equal(rule->nested, NESTED_NO);
    assert_true(!rule->with.admin && rule->with.inherit && rule->with.set);
    assert_false(rule->options.has_set);
    assert_null(rule->options.comment);
    assert_int_equal(s->sync.guards.leavers, -1);
    assert_int_equal(s->sync.guards.leavers_share, 10);
    assert_int_equal(s->sync.guards.revokes, -1);
    assert_int_equal(s->sync.guards.revokes_share, 10);
    assert_int_equal(s->sync.guards.min_members, 1);
    assert_int_equal(s->sync.leavers.lock, LEAVERS_LOCK_NOW);
    assert_true(s->sync.leavers.terminate);
    assert_false(s->sync.leavers.keep_movers);
    assert_int_equal(s->sync.leavers.drop_after, 0);
    assert_string_equal(s->sync.roles.owners.at[0], "dbrole_admin");
    assert_int_equal(s->sync.roles.databases.n, 0);
    assert_int_equal(s->sync.on_error, ON_ERROR_ABORT);
    assert_int_equal(s->sync.references, REFERENCES_SKIP);
    assert_int_equal(s->sync.apply_timeout, 300);
    assert_int_equal(s->sync.poll, 2);
    assert_null(s->sync.metrics);
    assert_string_equal(s->sync.audit, LOCALSTATEDIR "/log/pgsignet-sync/audit.jsonl");
    settings_free(s);
    free(faults);
}

static void test_values(void **state)
{
    static const char text[] =
        LDAP "sync:\n"
             "  postgres: [service=a, service=b]\n"
             "  managed: marker\n"
             "  protect: [postgres, dbuser_*]\n"
             "  rules:\n"
             "    - search: {base: 'ou=groups,dc=example', filter: '(cn=a)', scope: one}\n"
             "      members: memberof\n"
             "      nested: climb\n"
             "      role: '{dn.uid}'\n"
             "      grant: dbrole_admin\n"
             "      with: {admin: true, set: false}\n"
             "      options:\n"
             "        connection_limit: 10\n"
             "        valid_until: '{accountExpires}'\n"
             "        comment: '{displayName}'\n"
             "        set: {role: dbrole_admin, search_path: ''}\n"
             "    - static: app_reader\n"
             "      grant: [dbrole_readonly, pg_monitor]\n"
             "      options: {set: {}}\n"
             "  guards: {max_leavers: 25, max_revokes: 0, min_members: 0}\n"
             "  leavers: {terminate: false, keep_movers: true, drop_after: 30d, reassign_to: dba}\n"
             "  roles: {owners: [dba, dbrole_admin], databases: app}\n"
             "  on_error: skip\n"
             "  references: follow\n"
             "  metrics: /var/lib/node_exporter/pgsignet.prom\n"
             "  audit: /a.jsonl\n";
    char *faults;
    struct settings *s = parse(text, &faults);

    (void)state;
    assert_string_equal(faults, "");
    assert_non_null(s);
    assert_int_equal(s->sync.postgres.n, 2);
    assert_string_equal(s->sync.postgres.at[1], "service=b");
    assert_string_equal(s->sync.protect.at[1], "dbuser_*");
    const struct settings_sync_rule *rule = &s->sync.rules[0];
    assert_true(rule->has_search);
    assert_string_equal(rule->search.base, "ou=groups,dc=example");
    assert_int_equal(rule->search.scope, SYNC_ONE_LEVEL);
    assert_int_equal(rule->members, SYNC_MEMBER_OF);
    assert_int_equal(rule->nested, NESTED_CLIMB);
    assert_int_equal(rule->grant.n, 1);
    assert_string_equal(rule->grant.at[0], "dbrole_admin");
    assert_true(rule->with.admin && rule->with.inherit && !rule->with.set);
    assert_string_equal(rule->options.connection_limit, "10");
    assert_string_equal(rule->options.valid_until, "{accountExpires}");
    assert_true(rule->options.has_set);
    assert_int_equal(rule->options.n_set, 2);
    assert_string_equal(rule->options.set[0].name, "role");
    assert_string_equal(rule->options.set[0].value, "dbrole_admin");
    assert_string_equal(rule->options.set[1].value, "");
    assert_string_equal(s->sync.rules[1].search.filter, "(objectClass=*)");
    assert_true(s->sync.rules[1].options.has_set);
    assert_int_equal(s->sync.rules[1].options.n_set, 0);
    assert_int_equal(s->sync.guards.leavers, 25);
    assert_int_equal(s->sync.guards.revokes, 0);
    assert_int_equal(s->sync.guards.min_members, 0);
    assert_int_equal(s->sync.leavers.drop_after, 30 * 86400);
    assert_string_equal(s->sync.leavers.reassign_to, "dba");
    assert_string_equal(s->sync.roles.databases.at[0], "app");
    assert_int_equal(s->sync.on_error, ON_ERROR_SKIP);
    assert_int_equal(s->sync.references, REFERENCES_FOLLOW);
    settings_free(s);
    free(faults);
}

/* A text, and how the one fault begins with which it is refused. */
struct fault_row {
    const char *text, *fault;
};

static void refuse(const struct fault_row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char *faults, *end;
        struct settings *s = parse(rows[i].text, &faults);

        if (s != NULL)
            fail_msg("accepted: %s", rows[i].text);
        if (strncmp(faults, rows[i].fault, strlen(rows[i].fault)) != 0)
            fail_msg("%s\nis refused with\n%sinstead of\n%s", rows[i].text, faults, rows[i].fault);
        end = strchr(faults, '\n');
        if (end == NULL || end[1] != '\0')
            fail_msg("%s\nhas several faults:\n%s", rows[i].text, faults);
        free(faults);
    }
}

static void test_faulty_servers(void **state)
{
    static const struct fault_row rows[] = {
        {"audit:\n", "t.yaml:1: there is no sync section; write one"},
        {"sync:\n" RULE, "t.yaml:1: sync says no postgres; write"},
        {"sync:\n  postgres: []\n" RULE, "t.yaml:2: sync says no postgres; write"},
        {"sync:\n  postgres: {}\n" RULE,
         "t.yaml:2: sync.postgres is a map; write a text, or a list"},
        {"sync:\n  postgres: ''\n" RULE,
         "t.yaml:2: an entry of sync.postgres: \"\" is out of range"},
        {"sync:\n  postgres: x password=y\n" RULE, "t.yaml:2: sync.postgres is no libpq"},
        {"sync:\n  postgres: host=x password=y\n" RULE, "t.yaml:2: sync.postgres holds a password"},
        {"sync:\n  postgres: [host=x, host=x]\n" RULE,
         "t.yaml:2: sync.postgres names one server twice"},
    };

    (void)state;
    refuse(rows, sizeof rows / sizeof rows[0]);
}

static void test_faulty_rules(void **state)
{
    static const struct fault_row rows[] = {
        {SYNC, "t.yaml:1: sync has no rules"},
        {SYNC "  rules: []\n", "t.yaml:3: sync has no rules"},
        {SYNC "  rules: [x]\n", "t.yaml:3: an entry of sync.rules is not a map"},
        {SYNC "  rules: [{grant: [a]}]\n", "t.yaml:3: a rule says neither search nor static"},
        {SYNC "  rules: [{static: [], grant: [a]}]\n", "t.yaml:3: sync.rules.static is empty"},
        {SYNC "  rules: [{static: [a]}]\n", "t.yaml:3: a rule grants nothing; write grant:"},
        {SYNC "  rules: [{static: [a], grant: []}]\n",
         "t.yaml:3: a rule grants nothing; write grant:"},
        {SYNC "  rules: [{static: [a], grant: [pgsignet_managed]}]\n",
         "t.yaml:3: sync.rules.grant names the marker role"},
        {SYNC "  rules: [{static: [a], grant: [b], role: c}]\n",
         "t.yaml:3: sync.rules.role means nothing with `static`"},
        {SYNC "  rules: [{static: [a], grant: [b], nested: no}]\n",
         "t.yaml:3: sync.rules.nested means nothing with `static`"},
        {SYNC "  rules:\n  - {static: [a], grant: [b],\n     with: {admn: true}}\n",
         "t.yaml:5: sync.rules.with has no key \"admn\"; did you mean \"admin\"?"},
        {SYNC "  rules: [{static: "
              "[a234567890123456789012345678901234567890123456789012345678901234], grant: [b]}]\n",
         "t.yaml:3: sync.rules.static: "
         "\"a23456789012345678901234567890123456789012345678901234567890"
         "1234\" is longer than"},
    };

    (void)state;
    refuse(rows, sizeof rows / sizeof rows[0]);
}

static void test_faulty_searches(void **state)
{
    static const struct fault_row rows[] = {
        {SYNC "  rules: [{search: {base: 'dc=x'}, role: r, grant: [a]}]\n",
         "t.yaml:3: a rule searches, but there is no ldap section"},
        {LDAP SYNC "  rules: [{search: {base: 'dc=x'}, static: [b], grant: [a]}]\n",
         "t.yaml:4: a rule says both search and static"},
        {LDAP SYNC "  rules: [{search: {}, role: r, grant: [a]}]\n",
         "t.yaml:4: a search in sync.rules says no base"},
        {LDAP SYNC "  rules: [{search: {base: x}, role: r, grant: [a]}]\n",
         "t.yaml:4: sync.rules.search.base: \"x\" is no DN"},
        {LDAP SYNC "  rules: [{search: {base: 'dc=x', filter: cn=a}, role: r, grant: [a]}]\n",
         "t.yaml:4: sync.rules.search.filter is no filter"},
        {LDAP SYNC "  rules:\n  - search: {base: 'dc=x'}\n    grant: [a]\n",
         "t.yaml:5: a rule with a search says no role"},
        {LDAP SYNC
         "  rules:\n  - search: {base: 'dc=x'}\n    grant: [a]\n    role: r\n    nested: climb\n"
         "    members: memberUid\n",
         "t.yaml:8: sync.rules.nested follows DNs, and memberUid holds none"},
    };

    (void)state;
    refuse(rows, sizeof rows / sizeof rows[0]);
}

static void test_faulty_rest(void **state)
{
    static const struct fault_row rows[] = {
        {SYNC RULE "  guards: {max_leavers: ten}\n",
         "t.yaml:4: sync.guards.max_leavers: \"ten\" will"},
        {SYNC RULE "  guards: {max_leavers: 101%}\n",
         "t.yaml:4: sync.guards.max_leavers: \"101%\" will"},
        {SYNC RULE "  guards: {max_leavers: \"%\"}\n",
         "t.yaml:4: sync.guards.max_leavers: \"%\" will"},
        {SYNC RULE "  guards: {max_revokes: \"-1\"}\n",
         "t.yaml:4: sync.guards.max_revokes: \"-1\" will"},
        {SYNC RULE "  leavers: {drop_after: 1d}\n",
         "t.yaml:4: sync.leavers.drop_after without reassign"},
        {SYNC RULE "  leavers: {reassign_to: x}\n",
         "t.yaml:4: sync.leavers.reassign_to means nothing"},
        {SYNC RULE "  leavers:\n    drop_after: 1d\n    reassign_to: x\n    lock: never\n",
         "t.yaml:7: sync.leavers.lock is never"},
        {SYNC RULE "  metrics: /x/y.txt\n", "t.yaml:4: sync.metrics does not end in .prom"},
        {SYNC RULE "  audit: ''\n", "t.yaml:4: sync.audit is \"\" and audit.syslog is false"},
    };

    (void)state;
    refuse(rows, sizeof rows / sizeof rows[0]);
}

static void test_faulty_options(void **state)
{
    static const struct fault_row rows[] = {
        {SYNC "  rules: [{static: a, grant: b, options: {set: [x]}}]\n",
         "t.yaml:3: sync.rules.options.set is a list; write a map like"},
        {SYNC "  rules: [{static: a, grant: b, options: {set: {'a b': c}}}]\n",
         "t.yaml:3: the name \"a b\" in sync.rules.options.set will not do"},
        {SYNC "  rules: [{static: a, grant: b, options: {set: {a: }}}]\n",
         "t.yaml:3: sync.rules.options.set.a has no value"},
        {SYNC "  rules: [{static: a, grant: b, options: {set: {a: 1, a: 2}}}]\n",
         "t.yaml:3: sync.rules.options.set has a second \"a\""},
    };

    (void)state;
    refuse(rows, sizeof rows / sizeof rows[0]);
}

/* Neither program stumbles over what only the other one needs. */
static void test_readers(void **state)
{
    static const char logins[] = "policies: {default: {password: stack}}\nsync: {rulez: 7}\n";
    static const char sync[] = LDAP SYNC RULE;
    char *faults;
    struct settings *s = parse_for(SETTINGS_FOR_LOGINS, logins, &faults);

    (void)state;
    assert_string_equal(faults, "");
    assert_false(s->has_sync);
    settings_free(s);
    free(faults);

    s = parse(sync, &faults);
    assert_string_equal(faults, "");
    assert_int_equal(s->n_policies, 0);
    settings_free(s);
    free(faults);

    assert_null(parse_for(SETTINGS_FOR_LOGINS, sync, &faults));
    assert_non_null(strstr(faults, "ldap does not say how to find a user's entry"));
    assert_non_null(strstr(faults, "there is no policy"));
    free(faults);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),        cmocka_unit_test(test_values),
        cmocka_unit_test(test_faulty_servers),  cmocka_unit_test(test_faulty_rules),
        cmocka_unit_test(test_faulty_searches), cmocka_unit_test(test_faulty_options),
        cmocka_unit_test(test_faulty_rest),     cmocka_unit_test(test_readers),
    };

    return cmocka_run_group_tests_name("sync_settings", tests, NULL, NULL);
}
