/*
 * What the reader of the directory does without a server: DNs, persons, ranges, times, rules.
 */
#include "config.h"

#include "common/ldap_dn.h"
#include "ldap_sync/notify_listen.h"
#include "ldap_sync/rules_persons.h"
#include "ldap_sync/rules_scan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <ldap.h>

/* The whole DN by the fast way; NULL when it is not plain. */
static char *fast_normal(const char *text)
{
    GString *out = g_string_new(NULL);
    size_t len = strlen(text);
    bool good = len > 0 && len <= LDAPC_DN_MAX;

    while (good) {
        char rdn[LDAPC_RDN_MAX];
        size_t rdn_len, used = ldapc_rdn_plain(text, len, rdn, &rdn_len);

        good = used > 0;
        if (!good)
            break;
        assert_int_equal(strlen(rdn), rdn_len);
        g_string_append_printf(out, "%s%s", out->len > 0 ? "," : "", rdn);
        if (used == len)
            return g_string_free(out, FALSE);
        text += used + 1;
        len -= used + 1;
    }
    g_string_free(out, TRUE);
    return NULL;
}

static unsigned agree(const char *text)
{
    char *fast = fast_normal(text), *slow;
    unsigned plain = fast != NULL;

    if (fast != NULL) {
        slow = ldapc_dn_normalise(text);
        if (slow == NULL || strcmp(fast, slow) != 0)
            fail_msg("\"%s\": fast \"%s\", slow \"%s\"", text, fast,
                     slow != NULL ? slow : "(none)");
        free(slow);
    }
    g_free(fast);
    return plain;
}

static void the_fast_way_agrees_with_libldap(void **state)
{
    static const char *const pieces[] = {
        "uid",     "cn",       "CN",   "ou",   "dc",  "userid", "UserID", "2.5.4.3", "o-1",  "=",
        "=",       "=",        ",",    ",",    ",",   "+",      " ",      "  ",      "a",    "Z",
        "alice",   "Alice",    "\\",   "\\2C", "\\,", "\"",     "#",      "#04",     "<",    ">",
        ";",       "\xc3\xa4", "\xff", "\t",   "\n",  "*",      "(",      ")",       "\\20", "0",
        "example", "-",        "_",    ".",    "@",   "'",      "/",      "%",
    };
    static const char *const whole[] = {
        "uid=alice,ou=people,dc=example,dc=com",
        "UID=Alice,OU=People,DC=Example,DC=Com",
        "uid= alice ,dc=x",
        "uid=a  b,dc=x",
        "uid=a b , dc=x",
        "uid=,dc=x",
        "uid= ,dc=x",
        "uid=#x,dc=x",
        "uid=x#,dc=x",
        "uid=a=b,dc=x",
        "userid=a,dc=x",
        "uid =a,dc=x",
        " uid=a,dc=x",
        "uid=a,",
        ",uid=a",
        "uid",
        "=a",
        "uid=a;dc=x",
        "uid=\xc3\xa4,dc=x",
        "uid=a\x7f,dc=x",
        "cn=Doe\\, John,dc=x",
        "a1-b=x",
        "1a=x",
        "-a=x",
        "",
    };
    unsigned plain = 0;

    (void)state;
    srandom(4);
    for (size_t i = 0; i < G_N_ELEMENTS(whole); i++)
        agree(whole[i]);
    for (int i = 0; i < 200000; i++) {
        char text[512] = "";
        size_t n = i % 2 == 0 ? 3 + 4 * ((size_t)random() % 4) : 1 + (size_t)random() % 14;

        /* Half of them look like DNs, so that the fast way has something to take. */
        for (size_t k = 0; k < n; k++) {
            if (i % 2 == 0 && k % 4 != 3)
                g_strlcat(text,
                          k % 4 == 0   ? pieces[random() % 9]
                          : k % 4 == 1 ? "="
                                       : pieces[random() % 48],
                          sizeof text);
            else
                g_strlcat(text, i % 2 == 0 ? "," : pieces[random() % 48], sizeof text);
        }
        plain += agree(text);
    }
    /* Else nothing would have been compared. */
    assert_in_range(plain, 10000, 200000);
}

static void one_person_however_he_is_written(void **state)
{
    static const struct {
        const char *a, *b;
        bool same;
    } rows[] = {
        {"uid=alice,ou=people,dc=x", "UID=Alice , OU=People,DC=X", true},
        {"uid=alice,ou=people,dc=x", "userid=alice,ou=people,dc=x", true},
        {"uid=a\\2C b,dc=x", "uid=A\\, B,dc=x", true},
        {"cn=a+ou=b,dc=x", "ou=b+cn=a,dc=x", true},
        {"uid=alice,ou=people,dc=x", "uid=alice,ou=others,dc=x", false},
        {"uid=alice,ou=people,dc=x", "cn=alice,ou=people,dc=x", false},
        {"uid=alice", "UID=ALICE", true},
    };

    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct persons persons;

        persons_init(&persons, "ou=people,dc=x");
        struct person *a = persons_by_dn(&persons, rows[i].a, strlen(rows[i].a));
        struct person *b = persons_by_dn(&persons, rows[i].b, strlen(rows[i].b));
        assert_non_null(a);
        assert_int_equal(a == b, rows[i].same);
        assert_ptr_equal(persons_find_dn(&persons, rows[i].b, strlen(rows[i].b)), b);
        persons_clear(&persons);
    }
}

static void no_dn_is_nobody(void **state)
{
    static const char *const rows[] = {"",  "alice",   "uid=a,",      "uid=a,,dc=x",
                                       "=", "uid=a,b", "uid=\"a,dc=x"};
    struct persons persons;

    (void)state;
    persons_init(&persons, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
        assert_null(persons_by_dn(&persons, rows[i], strlen(rows[i])));
    assert_null(persons_by_dn(&persons, "uid=a\0b,dc=x", 12));
    assert_int_equal(persons.n, 0);
    persons_clear(&persons);
}

static void of_spellings_the_same_is_kept_in_any_order(void **state)
{
    static const char *const orders[][3] = {
        {"uid=alice,dc=x", "uid=Alice,dc=x", "uid=ALICE,dc=x"},
        {"uid=ALICE,dc=x", "uid=alice,dc=x", "uid=Alice,dc=x"},
        {"uid=Alice,dc=x", "uid=ALICE,dc=x", "uid=alice,dc=x"},
    };

    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(orders); i++) {
        struct persons persons;
        struct person *person = NULL;

        persons_init(&persons, NULL);
        for (size_t k = 0; k < 3; k++)
            person = persons_by_dn(&persons, orders[i][k], strlen(orders[i][k]));
        assert_string_equal(person_raw(person), "uid=alice");
        assert_int_equal(persons.n, 1);
        persons_clear(&persons);
    }
}

static void a_person_is_below_the_base_or_not(void **state)
{
    static const struct {
        const char *dn;
        bool inside;
    } rows[] = {
        {"uid=a,ou=people,dc=x", true},      {"uid=a,ou=sub,OU=People,dc=x", true},
        {"cn=a,ou=groups,dc=x", false},      {"uid=a,dc=x", false},
        {"uid=a,ou=morepeople,dc=x", false}, {"uid=a", false},
        {"uid=a\\,ou=people,dc=x", false},
    };
    struct persons persons;

    (void)state;
    persons_init(&persons, "ou=people, dc=X");
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
        assert_int_equal(
            person_inside(&persons, persons_by_dn(&persons, rows[i].dn, strlen(rows[i].dn))),
            rows[i].inside);
    persons_clear(&persons);
}

static void values_of_dns(void **state)
{
    static const struct {
        const char *dn, *attribute, *value;
    } rows[] = {
        {"uid=Alice,ou=p,dc=x", "uid", "Alice"},
        {"uid=Alice,ou=p,dc=x", "UserId", "Alice"},
        {"cn=Alice,cn=Users,dc=x", "cn", "Alice"},
        {"uid=a,OU=P,dc=x", "ou", "P"},
        {"cn=a\\2C b,dc=x", "cn", "a, b"},
        {"cn=a+cn=b,dc=x", "cn", NULL},
        {"cn=a,dc=x", "uid", NULL},
        {"cn=#0401FF,dc=x", "cn", NULL},
        {"no", "cn", NULL},
    };

    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        size_t len = 0;
        char *value = ldapc_dn_value(rows[i].dn, rows[i].attribute, &len);

        if (rows[i].value == NULL)
            assert_null(value);
        else
            assert_string_equal(value, rows[i].value);
        free(value);
    }
}

static void ranges_are_read_exactly(void **state)
{
    static const struct {
        const char *text;
        bool good;
        int64_t from, to;
    } rows[] = {
        {"0-1499", true, 0, 1499}, {"1500-*", true, 1500, -1}, {"0-*", true, 0, -1},
        {"5-5", true, 5, 5},       {"5-4", false, 0, 0},       {"-5", false, 0, 0},
        {"5", false, 0, 0},        {"5-", false, 0, 0},        {"*-5", false, 0, 0},
        {"0-1499x", false, 0, 0},  {"0--1", false, 0, 0},      {"0-99999999999", false, 0, 0},
    };

    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        int64_t from = 0, to = 0;

        assert_int_equal(group_parse_range(rows[i].text, strlen(rows[i].text), &from, &to),
                         rows[i].good);
        if (rows[i].good) {
            assert_int_equal(from, rows[i].from);
            assert_int_equal(to, rows[i].to);
        }
    }
}

static void times_of_every_kind(void **state)
{
    static const struct {
        const char *text;
        bool good;
        int64_t at;
    } rows[] = {
        {"infinity", true, UNTIL_INFINITY},
        {"0", true, UNTIL_INFINITY},
        {"9223372036854775807", true, UNTIL_INFINITY},
        {"132000000000000000", true, 1555526400},
        {"20270131000000Z", true, 1801353600},
        {"202701310000Z", true, 1801353600},
        {"2027013100Z", true, 1801353600},
        {"20270131000000.5Z", true, 1801353600},
        {"2027-01-31", true, 1801440000}, /* the end of that day */
        {"2027-02-31", false, 0},
        {"20270131", false, 0},
        {"20270131000000+0100", false, 0},
        {"20270131000000.Z", false, 0},
        {"20271331000000Z", false, 0},
        {"-1", false, 0},
        {"1", false, 0}, /* 1601 */
        {"never", false, 0},
        {"", false, 0},
    };

    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        int64_t at = -1;

        if (options_until(rows[i].text, strlen(rows[i].text), &at) != rows[i].good ||
            (rows[i].good && at != rows[i].at))
            fail_msg("\"%s\" came to %lld", rows[i].text, (long long)at);
    }
}

static void rules_that_cannot_be_used_are_refused(void **state)
{
    static const struct {
        const char *role, *until, *user_filter, *why;
        int64_t members, nested;
    } rows[] = {
        {"{uid}", NULL, "(uid=%u)", NULL, SYNC_MEMBER, NESTED_CLIMB},
        {"{dn.uid}", NULL, NULL, NULL, SYNC_MEMBER, NESTED_NO},
        {"{uid}", NULL, NULL, "does not say where people are", SYNC_MEMBER, NESTED_NO},
        {"{dn.uid}", NULL, NULL, "does not say where people are", SYNC_MEMBER_UID, NESTED_NO},
        {"{dn.uid}", "{accountExpires}", NULL, "does not say where people are", SYNC_MEMBER,
         NESTED_NO},
        {"{uid", NULL, "(uid=%u)", "rule 1: role: \"{uid\" has no closing brace", SYNC_MEMBER,
         NESTED_NO},
        {"{uid}", "{x|y}", "(uid=%u)", "rule 1: options.valid_until: |y is not known", SYNC_MEMBER,
         NESTED_NO},
        {"{uid}", NULL, "(uid=%u)", "nested means nothing", SYNC_MEMBER_OF, NESTED_CLIMB},
    };

    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        char *grants[] = {(char[]){"r"}, NULL}, why[300] = "";
        struct settings_sync_rule rule = {
            .has_search = true,
            .search = {.base = (char[]){"ou=groups,dc=x"}, .filter = (char[]){"(cn=a)"}},
            .members = rows[i].members,
            .nested = rows[i].nested,
            .role = (char *)(uintptr_t)rows[i].role,
            .grant = {.at = grants, .n = 1},
            .options = {.valid_until = (char *)(uintptr_t)rows[i].until},
        };
        struct settings settings = {
            .has_ldap = true,
            .ldap = {.user_base = (char[]){"ou=people,dc=x"},
                     .user_filter = (char *)(uintptr_t)rows[i].user_filter},
            .sync = {.rules = &rule, .n_rules = 1},
        };

        assert_int_equal(rules_check(&settings, why, sizeof why), rows[i].why == NULL);
        if (rows[i].why != NULL && strstr(why, rows[i].why) == NULL)
            fail_msg("row %zu: wanted \"%s\", got \"%s\"", i, rows[i].why, why);
    }
}

static void the_topmost_bases_are_listened_to(void **state)
{
    static const struct {
        const char *bases[3], *group_base, *user_base, *wanted;
        int64_t nested;
    } rows[] = {
        {{"ou=groups,dc=x"}, NULL, "ou=people,dc=x", "ou=groups,dc=x ou=people,dc=x", NESTED_NO},
        {{"ou=groups,dc=x"}, "ou=all,dc=x", NULL, "ou=groups,dc=x", NESTED_NO},
        {{"ou=groups,dc=x"}, "ou=all,dc=x", NULL, "ou=groups,dc=x ou=all,dc=x", NESTED_CLIMB},
        {{"ou=a,ou=groups,dc=x", "OU=Groups, DC=x"}, NULL, NULL, "OU=Groups, DC=x", NESTED_NO},
        {{"dc=x", "ou=groups,dc=x"}, NULL, "ou=people,dc=x", "dc=x", NESTED_NO},
        {{NULL}, NULL, "ou=people,dc=x", "", NESTED_NO},
    };

    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct settings_sync_rule rules[3] = {0};
        struct settings settings = {
            .ldap = {.group_base = (char *)(uintptr_t)rows[i].group_base,
                     .user_base = (char *)(uintptr_t)rows[i].user_base,
                     .user_filter = (char[]){"(uid=%u)"}},
            .sync = {.rules = rules, .n_rules = 3},
        };
        GPtrArray *bases;
        char *joined;

        for (size_t k = 0; k < 3; k++) {
            rules[k].has_search = rows[i].bases[k] != NULL;
            rules[k].search.base = (char *)(uintptr_t)rows[i].bases[k];
            rules[k].nested = rows[i].nested;
        }
        bases = listener_bases(&settings);
        g_ptr_array_add(bases, NULL);
        joined = g_strjoinv(" ", (char **)bases->pdata);
        assert_string_equal(joined, rows[i].wanted);
        g_free(joined);
        g_ptr_array_unref(bases);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_fast_way_agrees_with_libldap),
        cmocka_unit_test(one_person_however_he_is_written),
        cmocka_unit_test(no_dn_is_nobody),
        cmocka_unit_test(of_spellings_the_same_is_kept_in_any_order),
        cmocka_unit_test(a_person_is_below_the_base_or_not),
        cmocka_unit_test(values_of_dns),
        cmocka_unit_test(ranges_are_read_exactly),
        cmocka_unit_test(times_of_every_kind),
        cmocka_unit_test(rules_that_cannot_be_used_are_refused),
        cmocka_unit_test(the_topmost_bases_are_listened_to),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
