/* Rows of COPY become the state of a server, whatever they hold and in whatever order they come. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "ldap_sync/server_rows.h"

/* --- the text format -------------------------------------------------------------------------- */

static void test_a_row_is_split_and_unescaped(void **state)
{
    static const struct {
        const char *row;
        const char *fields[3];
    } cases[] = {
        {"a\tb\tc\n", {"a", "b", "c"}},
        {"\t\t\n", {"", "", ""}},
        {"\\N\tx\t\\N\n", {NULL, "x", NULL}},
        {"\\\\N\t\\\\\\N\t\\.\n", {"\\N", "\\N", "."}},
        {"tab\\there\tnew\\nline\tback\\\\slash\n", {"tab\there", "new\nline", "back\\slash"}},
        {"\\b\\f\\r\\v\t'\"\t\xc3\xa9\n", {"\b\f\r\v", "'\"", "\xc3\xa9"}},
        {"a\tb\tc", {"a", "b", "c"}},
    };

    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        char *row = g_strdup(cases[i].row), *fields[3];

        assert_true(rows_split(row, fields, 3));
        for (size_t k = 0; k < 3; k++) {
            if (cases[i].fields[k] == NULL)
                assert_null(fields[k]);
            else
                assert_string_equal(fields[k], cases[i].fields[k]);
        }
        g_free(row);
    }
}

static void test_a_row_of_another_length_is_refused(void **state)
{
    static const char *const cases[] = {"a\tb\n", "a\tb\tc\td\n", "\n", "a\\\tb\tc\n"};

    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        char *row = g_strdup(cases[i]), *fields[3];

        assert_false(rows_split(row, fields, 3));
        g_free(row);
    }
}

/* --- the state -------------------------------------------------------------------------------- */

struct world {
    GStringChunk *names;
    struct actual actual;
    struct rows rows;
};

static int setup(void **state)
{
    struct world *w = g_new0(struct world, 1);

    w->names = g_string_chunk_new(1024);
    actual_init(&w->actual, w->names);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;

    rows_clear(&w->rows);
    actual_clear(&w->actual);
    g_string_chunk_free(w->names);
    g_free(w);
    return 0;
}

static bool take(struct world *w, enum rows_section section, const char *text)
{
    char *row = g_strdup(text);
    bool taken = rows_take(&w->rows, section, row, &w->actual);

    g_free(row);
    return taken;
}

static const struct actual_role *role_at(const struct world *w, size_t i)
{
    return &g_array_index(w->actual.roles, struct actual_role, i);
}

static void add_role(struct world *w, unsigned oid, const char *inherits)
{
    char *row =
        g_strdup_printf("%u\tr%u\tf\tf\tf\tf\tf\tt\t%s\t-1\t\\N\t\\N\t\\N\n", oid, oid, inherits);

    assert_true(take(w, ROWS_ROLES, row));
    g_free(row);
}

static void test_a_role_is_taken_with_all_it_has(void **state)
{
    struct world *w = *state;
    const struct actual_role *role;

    assert_true(
        take(w, ROWS_ROLES, "20000\ta b\tt\tt\tt\tt\tt\tt\tt\t7\t1800000000\tit's\\n\t3\n"));
    assert_true(take(w, ROWS_ROLES, "10\tboss\tf\tf\tf\tf\tf\tf\tf\t-1\t\\N\t\\N\t\\N\n"));
    assert_true(take(w, ROWS_ROLES, "20001\tpg_new\tf\tf\tf\tf\tf\tf\tf\t-1\t\\N\t\t0\n"));
    role = role_at(w, 0);
    assert_string_equal(role->name, "a b");
    assert_true(role->superuser && role->replication && role->bypassrls && role->createrole &&
                role->createdb && role->login && !role->system);
    assert_int_equal(role->limit, 7);
    assert_int_equal(role->until_s, 1800000000);
    assert_string_equal(role->comment, "it's\n");
    assert_int_equal(role->sessions, 3);
    role = role_at(w, 1);
    assert_true(role->system && !role->superuser && !role->login);
    assert_int_equal(role->limit, -1);
    assert_true(role->until_s == UNTIL_INFINITY);
    assert_null(role->comment);
    assert_true(role_at(w, 2)->system);
}

static void test_what_was_not_asked_for_is_refused(void **state)
{
    struct world *w = *state;

    assert_false(take(w, ROWS_ROLES, "x\ta\tf\tf\tf\tf\tf\tf\tf\t-1\t\\N\t\\N\t\\N\n"));
    assert_false(take(w, ROWS_ROLES, "1\t\\N\tf\tf\tf\tf\tf\tf\tf\t-1\t\\N\t\\N\t\\N\n"));
    assert_false(take(w, ROWS_ROLES, "1\ta\tf\tf\tf\tf\tf\tf\tf\t\\N\t\\N\t\\N\t\\N\n"));
    assert_false(take(w, ROWS_ROLES, "1\ta\tf\tf\tf\tf\tf\tf\tf\t-1\tInfinity\t\\N\t\\N\n"));
    assert_false(take(w, ROWS_ROLES, "4294967296\ta\tf\tf\tf\tf\tf\tf\tf\t-1\t\\N\t\\N\t\\N\n"));
    assert_false(take(w, ROWS_SETTINGS, "1\tno sign\n"));
    assert_false(take(w, ROWS_MEMBERSHIPS, "1\t2\t\\N\tf\t\\N\t\\N\n"));
    assert_false(take(w, ROWS_SECTIONS, "1\n"));
}

static void test_settings_are_their_roles(void **state)
{
    struct world *w = *state;
    const struct wanted_setting *at;

    add_role(w, 20001, "t");
    add_role(w, 20000, "t");
    assert_true(take(w, ROWS_SETTINGS, "20000\tapplication_name=a=b\n"));
    assert_true(take(w, ROWS_SETTINGS, "20000\tsearch_path=\n"));
    assert_true(take(w, ROWS_SETTINGS, "20001\twork_mem=4MB\n"));
    assert_true(take(w, ROWS_SETTINGS, "29999\twork_mem=4MB\n")); /* nobody's any more */
    assert_int_equal(role_at(w, 0)->n_settings, 1);
    assert_int_equal(role_at(w, 1)->n_settings, 2);
    at = &g_array_index(w->actual.settings, struct wanted_setting, role_at(w, 1)->setting);
    assert_string_equal(at[0].name, "application_name");
    assert_string_equal(at[0].value, "a=b");
    assert_string_equal(at[1].value, "");
}

static void test_before_16_who_does_not_inherit_inherits_nothing(void **state)
{
    struct world *w = *state;
    const struct actual_membership *at = NULL;

    add_role(w, 20000, "t");
    add_role(w, 20001, "f");
    add_role(w, 20002, "t");
    assert_true(take(w, ROWS_MEMBERSHIPS, "20001\t20000\t99\tt\t\\N\t\\N\n"));
    assert_true(take(w, ROWS_MEMBERSHIPS, "20002\t20000\t20001\tf\t\\N\t\\N\n"));
    assert_true(take(w, ROWS_MEMBERSHIPS, "20002\t20001\t20001\tf\tf\tf\n"));
    rows_end(&w->rows, &w->actual);
    at = &g_array_index(w->actual.memberships, struct actual_membership, 0);
    assert_true(at[0].admin && !at[0].inherit && at[0].set);
    assert_null(at[0].grantor); /* a role that is no more */
    assert_true(!at[1].admin && at[1].inherit && at[1].set);
    assert_string_equal(at[1].grantor, "r20001");
    assert_true(!at[2].inherit && !at[2].set); /* 16 says it */
}

/* Memberships in any order: each role's own, in the order in which they came. */
static void test_memberships_are_put_together(void **state)
{
    enum { ROLES = 40, PAIRS = 500 };
    struct world *w = *state;
    unsigned count[ROLES] = {0};

    for (unsigned i = 0; i < ROLES; i++)
        add_role(w, 20000 + i, "t");
    srand(7);
    for (unsigned i = 0; i < PAIRS; i++) {
        unsigned member = (unsigned)rand() % ROLES;
        /* What is granted tells whose it is, and the how manieth. */
        char *row = g_strdup_printf("%u\t%u\t20000\tf\tt\tt\n", 20000 + member,
                                    20000 + (member + count[member]++) % ROLES);
        assert_true(take(w, ROWS_MEMBERSHIPS, row));
        g_free(row);
    }
    rows_end(&w->rows, &w->actual);
    for (unsigned i = 0; i < ROLES; i++) {
        const struct actual_role *role = role_at(w, i);

        assert_int_equal(role->n_memberships, count[i]);
        for (unsigned k = 0; k < role->n_memberships; k++)
            assert_ptr_equal(
                g_array_index(w->actual.memberships, struct actual_membership, role->membership + k)
                    .role,
                role_at(w, (i + k) % ROLES)->name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_row_is_split_and_unescaped),
        cmocka_unit_test(test_a_row_of_another_length_is_refused),
        cmocka_unit_test_setup_teardown(test_a_role_is_taken_with_all_it_has, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_was_not_asked_for_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_settings_are_their_roles, setup, teardown),
        cmocka_unit_test_setup_teardown(test_before_16_who_does_not_inherit_inherits_nothing, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_memberships_are_put_together, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
