/*
 * What a plan is written as: identifiers and literals, SQL for 15 and 16, lines for people, JSON.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/sync_plan_world.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define MANY 2300

static void names_and_texts_are_quoted_whatever_they_hold(void **state)
{
    static const struct {
        const char *text, *identifier, *literal;
    } rows[] = {
        {"alice", "\"alice\"", "'alice'"},
        {"", "\"\"", "''"},
        {"x\" SUPERUSER; --", "\"x\"\" SUPERUSER; --\"", "'x\" SUPERUSER; --'"},
        {"'; DROP ROLE a; '", "\"'; DROP ROLE a; '\"", "'''; DROP ROLE a; '''"},
        {"\"\"", "\"\"\"\"\"\"", "'\"\"'"},
        {"''", "\"''\"", "''''''"},
        {"a\\", "\"a\\\"", "'a\\'"},
        {"a\\'b", "\"a\\'b\"", "'a\\''b'"},
        {"a\nb\r\tc", "\"a\nb\r\tc\"", "'a\nb\r\tc'"},
        {"-- /* $$ %i %s", "\"-- /* $$ %i %s\"", "'-- /* $$ %i %s'"},
        {"\xd0\x90\xe2\x82\xac", "\"\xd0\x90\xe2\x82\xac\"", "'\xd0\x90\xe2\x82\xac'"},
        {"Alice ", "\"Alice \"", "'Alice '"},
    };

    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        GString *identifier = g_string_new("+"), *literal = g_string_new("+");
        plan_quote_identifier(identifier, rows[i].text);
        plan_quote_literal(literal, rows[i].text);
        assert_string_equal(identifier->str + 1, rows[i].identifier);
        assert_string_equal(literal->str + 1, rows[i].literal);
        g_string_free(identifier, TRUE);
        g_string_free(literal, TRUE);
    }
}

static const struct wanted_options all_options = {
    .has_limit = true, .has_until = true, .limit = -5, .until_s = 1800000000};
static const struct wanted_options no_options = {0};
static const struct wanted_options endless = {.has_until = true, .until_s = UNTIL_INFINITY};

static const struct {
    struct change change;
    const char *before_16, *since_16; /* NULL = the same */
} statements[] = {
    {{.kind = CHANGE_LOCK, .role = "a\"b"}, "ALTER ROLE \"a\"\"b\" NOLOGIN;\n", NULL},
    {{.kind = CHANGE_LOGIN, .role = "a"}, "ALTER ROLE \"a\" LOGIN;\n", NULL},
    {{.kind = CHANGE_REVOKE, .role = "a", .object = "g"}, "REVOKE \"g\" FROM \"a\";\n", NULL},
    {{.kind = CHANGE_REVOKE, .role = "a", .object = "g", .grantor = "p"},
     "REVOKE \"g\" FROM \"a\";\n",
     "REVOKE \"g\" FROM \"a\" GRANTED BY \"p\";\n"},
    {{.kind = CHANGE_REVOKE,
      .role = "a",
      .object = "g",
      .grantor = "p",
      .admin = true,
      .cascade = true},
     "REVOKE ADMIN OPTION FOR \"g\" FROM \"a\" CASCADE;\n",
     "REVOKE ADMIN OPTION FOR \"g\" FROM \"a\" GRANTED BY \"p\" CASCADE;\n"},
    {{.kind = CHANGE_CREATE, .role = "a", .object = "m", .options = &no_options},
     "CREATE ROLE \"a\" LOGIN IN ROLE \"m\";\n",
     "CREATE ROLE \"a\" LOGIN;\nGRANT \"m\" TO \"a\";\n"},
    {{.kind = CHANGE_CREATE, .role = "a", .object = "m", .options = &all_options},
     "CREATE ROLE \"a\" LOGIN CONNECTION LIMIT -1 VALID UNTIL '2027-01-15 08:00:00+00' "
     "IN ROLE \"m\";\n",
     "CREATE ROLE \"a\" LOGIN CONNECTION LIMIT -1 VALID UNTIL '2027-01-15 08:00:00+00';\n"
     "GRANT \"m\" TO \"a\";\n"},
    {{.kind = CHANGE_CREATE, .role = "a", .object = "m", .options = &endless},
     "CREATE ROLE \"a\" LOGIN VALID UNTIL 'infinity' IN ROLE \"m\";\n",
     "CREATE ROLE \"a\" LOGIN VALID UNTIL 'infinity';\nGRANT \"m\" TO \"a\";\n"},
    {{.kind = CHANGE_ADOPT, .role = "a", .object = "m"}, "GRANT \"m\" TO \"a\";\n", NULL},
    {{.kind = CHANGE_LIMIT, .role = "a", .number = 10},
     "ALTER ROLE \"a\" CONNECTION LIMIT 10;\n",
     NULL},
    {{.kind = CHANGE_UNTIL, .role = "a", .number = -1},
     "ALTER ROLE \"a\" VALID UNTIL '1969-12-31 23:59:59+00';\n",
     NULL},
    {{.kind = CHANGE_UNTIL, .role = "a", .number = INT64_C(9000000000000)},
     "ALTER ROLE \"a\" VALID UNTIL '287168-08-24 16:00:00+00';\n",
     NULL},
    {{.kind = CHANGE_SET, .role = "a", .object = "work_mem", .value = "1'GB"},
     "ALTER ROLE \"a\" SET \"work_mem\" = '1''GB';\n",
     NULL},
    {{.kind = CHANGE_SET,
      .role = "a",
      .object = "search_path",
      .value = "\"$user\", A, \"B\"\"c\""},
     "ALTER ROLE \"a\" SET \"search_path\" = '$user', 'a', 'B\"c';\n",
     NULL},
    {{.kind = CHANGE_SET, .role = "a", .object = "search_path", .value = ""},
     "ALTER ROLE \"a\" SET \"search_path\" = '';\n",
     NULL},
    {{.kind = CHANGE_SET, .role = "a", .object = "search_path", .value = "a,, \"b"},
     "ALTER ROLE \"a\" SET \"search_path\" = 'a,, \"b';\n",
     NULL},
    {{.kind = CHANGE_RESET, .role = "a", .object = "app.x", .value = "1"},
     "ALTER ROLE \"a\" RESET \"app.x\";\n",
     NULL},
    {{.kind = CHANGE_COMMENT, .role = "a", .value = "it's"},
     "COMMENT ON ROLE \"a\" IS 'it''s';\n",
     NULL},
    {{.kind = CHANGE_COMMENT, .role = "a"}, "COMMENT ON ROLE \"a\" IS NULL;\n", NULL},
    {{.kind = CHANGE_GRANT, .role = "a", .object = "g", .inherit = true, .set = true},
     "GRANT \"g\" TO \"a\";\n",
     "GRANT \"g\" TO \"a\" WITH ADMIN FALSE, INHERIT TRUE, SET TRUE;\n"},
    {{.kind = CHANGE_GRANT, .role = "a", .object = "g", .admin = true},
     "GRANT \"g\" TO \"a\" WITH ADMIN OPTION;\n",
     "GRANT \"g\" TO \"a\" WITH ADMIN TRUE, INHERIT FALSE, SET FALSE;\n"},
    {{.kind = CHANGE_TERMINATE, .role = "o'b"},
     "SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity "
     "WHERE usename IN ('o''b');\n",
     NULL},
    {{.kind = CHANGE_DROP, .role = "a"},
     "-- the first two in every database:\nREASSIGN OWNED BY \"a\" TO \"dbrole_admin\";\n"
     "DROP OWNED BY \"a\";\nDROP ROLE \"a\";\n",
     NULL},
};

static char *sql_of(const struct change *change, int version)
{
    struct plan plan = {.changes = g_array_new(FALSE, FALSE, sizeof(struct change))};
    char reassign_to[] = "dbrole_admin";
    struct settings_sync settings = {.leavers = {.reassign_to = reassign_to}};
    GString *out = g_string_new(NULL);

    g_array_append_vals(plan.changes, change, 1);
    struct plan_piece piece = plan_sql(&plan, 0, &settings, version, out);
    assert_int_equal(piece.n, 1);
    assert_int_equal(piece.apart, version >= 160000 && change->kind == CHANGE_CREATE);
    plan_clear(&plan);
    return g_string_free(out, FALSE);
}

static void each_change_has_its_statement(void **state)
{
    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(statements); i++) {
        char *before = sql_of(&statements[i].change, 150004);
        char *since = sql_of(&statements[i].change, 160000);
        const char *same = statements[i].before_16;
        assert_string_equal(before, same);
        assert_string_equal(since, statements[i].since_16 == NULL ? same : statements[i].since_16);
        g_free(before);
        g_free(since);
    }
}

/* How many changes each statement of the plan covers, as text. */
static char *covers(const struct plan *plan, const struct settings_sync *settings)
{
    GString *out = g_string_new(NULL), *sql = g_string_new(NULL);

    for (size_t i = 0, n; i < plan->changes->len; i += n) {
        const struct change *change = &g_array_index(plan->changes, struct change, i);
        n = plan_sql(plan, i, settings, 160000, sql).n;
        g_string_append_printf(out, "%s %zu\n", plan_kind_name(change->kind), n);
    }
    g_string_free(sql, TRUE);
    return g_string_free(out, FALSE);
}

static void grants_that_are_alike_are_one_statement(void **state)
{
    struct world world;
    struct plan plan;

    (void)state;
    world_init(&world);
    world_read(&world, "version=16 super force=unmanaged",
               "a : dbrole_admin@1\nb : dbrole_admin@1\nc : dbrole_admin@1+admin\n"
               "d : dbrole_admin@1\ne : dbrole_readonly@2\nf@1\ng@1\nh@1\ni@1",
               "a*\nb*\nc*\nd*\ne*\nf : dbrole_admin\ng : dbrole_admin\n"
               "h : dbrole_admin/zed\nzed\ni : dbrole_readonly");
    world_plan(&world, &plan);
    char *text = covers(&plan, &world.settings);
    assert_string_equal(text, "revoke 2\nrevoke 1\nrevoke 1\nadopt 4\n"
                              "grant 3\ngrant 1\ngrant 1\nterminate 4\n");
    g_free(text);
    plan_clear(&plan);
    world_clear(&world);
}

static void a_cascade_is_a_statement_of_its_own(void **state)
{
    struct world world;
    struct plan plan;

    (void)state;
    world_init(&world);
    world_read(&world, "version=16 super keep_movers", "a@1\nb@1\nc : dbrole_admin@1",
               "a* : dbrole_admin+admin\nb* : dbrole_admin\n"
               "c* : dbrole_admin dbrole_admin/a");
    world_plan(&world, &plan);
    char *text = covers(&plan, &world.settings);
    assert_string_equal(text, "revoke 1\nrevoke 1\n");
    g_free(text);
    plan_clear(&plan);
    world_clear(&world);
}

static void a_statement_has_so_many_members_at_most(void **state)
{
    struct world world;
    struct plan plan;

    (void)state;
    world_init(&world);
    for (int i = 0; i < MANY; i++) {
        char *wanted = g_strdup_printf("u%d : dbrole_admin@1", i);
        char *server = g_strdup_printf("u%d*", i);
        world_read(&world, NULL, wanted, server);
        g_free(wanted);
        g_free(server);
    }
    world_plan(&world, &plan);
    char *text = covers(&plan, &world.settings);
    assert_string_equal(text, "grant 1000\ngrant 1000\ngrant 300\n");
    g_free(text);
    plan_clear(&plan);
    world_clear(&world);
}

/* Since 16 with one grant of the marker for all; before, each with its own. */
static void since_16_the_marker_is_granted_to_many_at_once(void **state)
{
    struct world world;
    struct plan plan;
    GString *sql = g_string_new(NULL);

    (void)state;
    world_init(&world);
    world_read(&world, "version=16 super", "a@1\nb@1 limit=3\nc@2", NULL);
    world_plan(&world, &plan);
    char *text = covers(&plan, &world.settings);
    assert_string_equal(text, "create 3\n");
    struct plan_piece piece = plan_sql(&plan, 0, &world.settings, 160000, sql);
    assert_true(piece.apart);
    assert_string_equal(sql->str, "CREATE ROLE \"a\" LOGIN;\n"
                                  "CREATE ROLE \"b\" LOGIN CONNECTION LIMIT 3;\n"
                                  "CREATE ROLE \"c\" LOGIN;\n"
                                  "GRANT \"pgsignet_managed\" TO \"a\", \"b\", \"c\";\n");
    piece = plan_sql(&plan, 0, &world.settings, 150004, sql);
    assert_int_equal(piece.n, 1);
    assert_false(piece.apart);
    g_free(text);
    g_string_free(sql, TRUE);
    plan_clear(&plan);
    world_clear(&world);
}

static void a_script_commits_before_it_ends_sessions(void **state)
{
    struct world world;
    struct plan plan;
    GString *sql = g_string_new(NULL);

    (void)state;
    world_init(&world);
    world_plan(&world, &plan);
    plan_print_sql(&plan, &world.settings, 150004, sql);
    assert_string_equal(sql->str, ""); /* nothing to do is no transaction */
    plan_clear(&plan);
    world_read(&world, "drop=60", NULL,
               "a* : dbrole_admin\nb* nologin comment='" LEFT_PREFIX "2026-11-01T05:00:00Z'");
    world_plan(&world, &plan);
    plan_print_sql(&plan, &world.settings, 150004, sql);
    assert_string_equal(
        sql->str,
        "\\set ON_ERROR_STOP on\nSET client_encoding = 'UTF8';\n"
        "SET standard_conforming_strings = on;\nBEGIN;\nALTER ROLE \"a\" NOLOGIN;\n"
        "REVOKE \"dbrole_admin\" FROM \"a\";\n"
        "COMMENT ON ROLE \"a\" IS 'pgsignet: left 2026-11-29T05:00:00Z';\nCOMMIT;\n"
        "SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity "
        "WHERE usename IN ('a');\n"
        "-- the first two in every database:\nREASSIGN OWNED BY \"b\" TO \"dbrole_admin\";\n"
        "DROP OWNED BY \"b\";\nDROP ROLE \"b\";\n");
    g_string_free(sql, TRUE);
    plan_clear(&plan);
    world_clear(&world);
}

static void lines_are_one_line_and_name_the_group(void **state)
{
    static const struct wanted_source sources[] = {
        {1, "cn=pg-dba,ou=groups,dc=example,dc=com"},
        {2, "cn=Sales\\, EMEA,dc=example,dc=com"},
        {3, "cn=\"Sales, EMEA\",dc=example,dc=com"},
        {4, "cn=a\nb\x1b[2J,dc=example,dc=com"},
        {5, ""},
        {6, "cn=x\\"},
        {7, NULL},
    };
    static const char *const whys[] = {
        "(cn=pg-dba, rule 1)",
        "(cn=Sales\\, EMEA, rule 2)",
        "(cn=\"Sales, EMEA\", rule 3)",
        "(cn=a\\x0ab\\x1b[2J, rule 4)",
        "(, rule 5)",
        "(cn=x\\, rule 6)",
        "(static, rule 7)",
    };

    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(sources); i++) {
        struct change change = {.kind = CHANGE_GRANT,
                                .role = "a\n\"\\\x9b",
                                .object = "dbrole_admin",
                                .inherit = true,
                                .set = true,
                                .source = &sources[i]};
        GString *out = g_string_new("> ");
        plan_describe(&change, out);
        char *line = g_strconcat("> grant dbrole_admin to a\\x0a\"\\x5c\\x9b  ", whys[i], NULL);
        assert_string_equal(out->str, line);
        g_free(line);
        g_string_free(out, TRUE);
    }
}

static void json_holds_the_whole_plan(void **state)
{
    struct world world;
    struct plan plan;

    (void)state;
    world_init(&world);
    world_read(&world, "", "'a\"\\b' limit=5 : dbrole_admin@1\nal\xff@1",
               "b* comment='\xff' : dbrole_readonly");
    world_plan(&world, &plan);
    char *text = plan_print_json(&plan);
    json_t *root = json_loads(text, 0, NULL), *first = NULL;
    assert_non_null(root);
    assert_true(json_is_true(json_object_get(root, "may_be_applied")));
    const json_t *changes = json_object_get(root, "changes");
    assert_int_equal(json_array_size(changes), plan.changes->len);
    size_t i;
    json_t *each;
    json_array_foreach(changes, i, each)
    {
        const struct change *change = &g_array_index(plan.changes, struct change, i);
        assert_string_equal(json_string_value(json_object_get(each, "kind")),
                            plan_kind_name(change->kind));
        if (change->kind == CHANGE_CREATE)
            first = each;
    }
    assert_string_equal(json_string_value(json_object_get(first, "role")), "a\"\\b");
    assert_int_equal(json_integer_value(json_object_get(first, "limit")), 5);
    assert_int_equal(json_integer_value(json_object_get(first, "rule")), 1);
    assert_string_equal(json_string_value(json_object_get(first, "group")),
                        "cn=pg-dba,ou=groups,dc=example,dc=com");
    const json_t *finding = json_array_get(json_object_get(root, "findings"), 0);
    assert_string_equal(json_string_value(json_object_get(finding, "guard")), "names");
    assert_string_equal(json_string_value(json_object_get(finding, "role")), "al\\xff");
    const json_t *figures = json_object_get(root, "figures");
    assert_int_equal(json_integer_value(json_object_get(figures, "leavers")), 1);
    json_decref(root);
    free(text);
    plan_clear(&plan);
    world_clear(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_texts_are_quoted_whatever_they_hold),
        cmocka_unit_test(each_change_has_its_statement),
        cmocka_unit_test(grants_that_are_alike_are_one_statement),
        cmocka_unit_test(a_cascade_is_a_statement_of_its_own),
        cmocka_unit_test(a_statement_has_so_many_members_at_most),
        cmocka_unit_test(since_16_the_marker_is_granted_to_many_at_once),
        cmocka_unit_test(a_script_commits_before_it_ends_sessions),
        cmocka_unit_test(lines_are_one_line_and_name_the_group),
        cmocka_unit_test(json_holds_the_whole_plan),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
