/* What a run says: exit codes, the metrics file, options; without directory or server. */
#include "config.h"

#include "ldap_sync/metrics.h"
#include "ldap_sync/options.h"
#include "ldap_sync/outcome.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void expect_line(const GString *text, const char *line)
{
    char needle[256];

    snprintf(needle, sizeof needle, "\n%s\n", line);
    if (strstr(text->str, needle) == NULL)
        fail_msg("no line \"%s\" in:\n%s", line, text->str);
}

static GString *render(const struct metrics_row *row, int64_t now_s, const char *old)
{
    GString *text = g_string_new("\n");

    metrics_render(row, 1, now_s, old, text);
    return text;
}

static void counters_go_on_from_the_old_file(void **state)
{
    struct metrics_row row = {.cluster = "prod",
                              .succeeded = true,
                              .planned = true,
                              .roles = 7,
                              .managed = 5,
                              .leavers = 1,
                              .seconds = {0.5}};
    GString *first, *second, *third;

    (void)state;
    row.changes[CHANGE_GRANT] = 3;
    row.guards[SYNC_GUARD_NAMES] = 2;
    first = render(&row, 1000, "");
    expect_line(first, "pgsignet_ldap_sync_last_run_timestamp_seconds{cluster=\"prod\"} 1000");
    expect_line(first, "pgsignet_ldap_sync_last_success_timestamp_seconds{cluster=\"prod\"} 1000");
    expect_line(first, "pgsignet_ldap_sync_changes_total{cluster=\"prod\",kind=\"grant\"} 3");
    expect_line(first, "pgsignet_ldap_sync_guard_hits_total{cluster=\"prod\",guard=\"names\"} 2");
    expect_line(first, "pgsignet_ldap_sync_roles_wanted{cluster=\"prod\"} 7");
    expect_line(first, "pgsignet_ldap_sync_leavers{cluster=\"prod\"} 1");
    expect_line(first, "pgsignet_ldap_sync_runs_total{cluster=\"prod\",result=\"success\"} 1");
    expect_line(first, "pgsignet_ldap_sync_step_seconds{cluster=\"prod\",step=\"directory\"} 0.5");

    second = render(&row, 2000, first->str);
    expect_line(second, "pgsignet_ldap_sync_last_success_timestamp_seconds{cluster=\"prod\"} 2000");
    expect_line(second, "pgsignet_ldap_sync_changes_total{cluster=\"prod\",kind=\"grant\"} 6");
    expect_line(second, "pgsignet_ldap_sync_changes_total{cluster=\"prod\",kind=\"drop\"} 0");

    /* A run that failed knows nothing of roles, and is no success. */
    row = (struct metrics_row){.cluster = "prod"};
    third = render(&row, 3000, second->str);
    expect_line(third, "pgsignet_ldap_sync_last_run_timestamp_seconds{cluster=\"prod\"} 3000");
    expect_line(third, "pgsignet_ldap_sync_last_success_timestamp_seconds{cluster=\"prod\"} 2000");
    expect_line(third, "pgsignet_ldap_sync_roles_wanted{cluster=\"prod\"} 7");
    expect_line(third, "pgsignet_ldap_sync_runs_total{cluster=\"prod\",result=\"failure\"} 1");
    g_string_free(first, TRUE);
    g_string_free(second, TRUE);
    g_string_free(third, TRUE);
}

static void labels_are_escaped(void **state)
{
    const struct metrics_row row = {.cluster = "a\"b\\c"};
    GString *text = render(&row, 1, "");

    (void)state;
    expect_line(text, "pgsignet_ldap_sync_last_run_timestamp_seconds{cluster=\"a\\\"b\\\\c\"} 1");
    g_string_free(text, TRUE);
}

static void the_file_is_replaced_and_readable(void **state)
{
    const struct metrics_row row = {.cluster = "prod", .succeeded = true};
    char folder[] = "/tmp/sync_output_test.XXXXXX";
    char *path, *text = NULL;
    struct stat st;

    (void)state;
    assert_non_null(mkdtemp(folder));
    path = g_strdup_printf("%s/sync.prom", folder);
    assert_true(metrics_write(path, &row, 1, 1000));
    assert_true(metrics_write(path, &row, 1, 2000));
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0644);
    assert_true(g_file_get_contents(path, &text, NULL, NULL));
    assert_non_null(strstr(text, "runs_total{cluster=\"prod\",result=\"success\"} 2\n"));
    g_free(text);
    unlink(path);
    assert_int_equal(rmdir(folder), 0); /* no temporary file is left */
    assert_false(metrics_write(path, &row, 1, 3000));
    g_free(path);
}

static void the_worse_code_wins(void **state)
{
    const int privileged = sync_guard_rows[SYNC_GUARD_PRIVILEGED].exit_code;
    const int leavers = sync_guard_rows[SYNC_GUARD_LEAVERS].exit_code;

    (void)state;
    assert_int_equal(outcome_worse(0, 0), 0);
    assert_int_equal(outcome_worse(0, 2), 2);
    assert_int_equal(outcome_worse(2, privileged), privileged);
    assert_int_equal(outcome_worse(leavers, privileged), leavers);
    assert_int_equal(outcome_worse(privileged, leavers), leavers);
    assert_int_equal(outcome_worse(1, leavers), 1);
    assert_int_equal(outcome_worse(1, 0), 1);
}

static void each_guard_has_its_own_code(void **state)
{
    (void)state;
    for (int i = 0; i < SYNC_GUARDS; i++) {
        assert_in_range(sync_guard_rows[i].exit_code, 10, 63);
        assert_int_equal(sync_guard_find(sync_guard_rows[i].name), i);
        for (int k = 0; k < i; k++)
            assert_int_not_equal(sync_guard_rows[i].exit_code, sync_guard_rows[k].exit_code);
    }
    assert_int_equal(sync_guard_find("no"), SYNC_GUARDS);
}

static bool read_words(struct arguments *arguments, char **argv)
{
    int argc = 0;

    while (argv[argc] != NULL)
        argc++;
    *arguments = (struct arguments){.table = &sync_options};
    return arguments_read(arguments, argc, argv, UINT64_MAX, false);
}

static void guards_are_forced_by_name(void **state)
{
    char run[] = "run", force[] = "--force", names[] = "names", leavers[] = "--force=leavers",
         wrong[] = "everything", quiet[] = "-q", form[] = "--format=sql",
         bad_form[] = "--format=xml";
    struct arguments arguments;

    (void)state;
    assert_true(read_words(&arguments, (char *[]){run, force, names, leavers, quiet, form, NULL}));
    assert_int_equal(arguments.number[OPT_FORCE], 1 << SYNC_GUARD_NAMES | 1 << SYNC_GUARD_LEAVERS);
    assert_true(arguments.given[OPT_QUIET]);
    assert_int_equal(arguments.number[OPT_FORMAT], FORM_SQL);
    assert_false(read_words(&arguments, (char *[]){run, force, wrong, NULL}));
    assert_false(read_words(&arguments, (char *[]){run, bad_form, NULL}));
    assert_false(read_words(&arguments, (char *[]){run, quiet, quiet, NULL}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counters_go_on_from_the_old_file),
        cmocka_unit_test(labels_are_escaped),
        cmocka_unit_test(the_file_is_replaced_and_readable),
        cmocka_unit_test(the_worse_code_wins),
        cmocka_unit_test(each_guard_has_its_own_code),
        cmocka_unit_test(guards_are_forced_by_name),
    };

    return cmocka_run_group_tests_name("sync_output", tests, NULL, NULL);
}
