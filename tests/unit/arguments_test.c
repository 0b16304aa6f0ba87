/* Options of pgsignet-mfa: what is read, what is refused, and that the table is whole. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/settings.h"
#include "mfa/arguments.h"

#include <stdio.h>
#include <string.h>

#define ALL UINT64_MAX

/* Reads "--stale 90d" and the like, of at most four words. */
static bool read_words(struct arguments *arguments, uint64_t allowed, const char *words)
{
    static char copy[256];
    static char *argv[6];
    char *save = NULL;
    int argc = 1;

    snprintf(copy, sizeof copy, "%s", words);
    argv[0] = copy + sizeof copy - 1; /* an empty name */
    for (char *word = strtok_r(copy, " ", &save); word != NULL && argc < 5;
         word = strtok_r(NULL, " ", &save))
        argv[argc++] = word;
    argv[argc] = NULL;
    *arguments = (struct arguments){.table = &mfa_options};
    return arguments_read(arguments, argc, argv, allowed, false);
}

static void every_option_has_its_row(void **state)
{
    (void)state;
    for (int id = 0; id < OPTIONS; id++) {
        const struct option_row *row = &option_rows[id];
        assert_non_null(row->name);
        assert_non_null(row->help);
        assert_int_equal(row->argument == NULL, row->kind == OPT_FLAG);
        if (row->kind == OPT_NUMBER || row->kind == OPT_DURATION)
            assert_true(row->low < row->high);
    }
}

static void values_are_read(void **state)
{
    struct arguments arguments;

    (void)state;
    assert_true(read_words(&arguments, ALL, "--stale 90d alice --digits=8"));
    assert_int_equal(arguments.number[OPT_STALE], INT64_C(90) * 86400);
    assert_int_equal(arguments.number[OPT_DIGITS], 8);
    assert_int_equal(arguments.operands, 1);
    assert_string_equal(arguments.operand[0], "alice");
    assert_true(read_words(&arguments, ALL, "--to-user bob --algorithm sha512"));
    assert_string_equal(arguments.text[OPT_TO_USER], "bob");
    assert_int_equal(arguments.number[OPT_ALGORITHM], ALGORITHM_SHA512);
    assert_true(read_words(&arguments, ALL, "-- --stale"));
    assert_false(arguments.given[OPT_STALE]);
    assert_string_equal(arguments.operand[0], "--stale");
}

static void what_is_wrong_is_refused(void **state)
{
    static const char *const wrong[] = {
        "--stale 0d",
        "--stale 90x",
        "--stale -1d",
        "--digits 9",
        "--digits +6",
        "--digits 06",
        "--codes 21",
        "--issuer a:b",
        "--reason=",
        "--to=",
        "--algorithm md5",
        "--sta 90d",
        "--yes --yes",
        "--nonsense",
        "--yes=1",
        "--stale",
        "--to-user xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    };
    struct arguments arguments;

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        if (read_words(&arguments, ALL, wrong[i]))
            fail_msg("%s was read", wrong[i]);
    assert_false(read_words(&arguments, ALL & ~OPT_BIT(OPT_YES), "--yes"));
}

static void combinations(void **state)
{
    const uint64_t either = OPT_BIT(OPT_TO) | OPT_BIT(OPT_TO_USER);
    struct arguments arguments;

    (void)state;
    assert_true(read_words(&arguments, ALL, "--yes"));
    assert_true(arguments_one_of(&arguments, either));
    assert_true(arguments_needs(&arguments, OPT_TO, OPT_BIT(OPT_NAME)));
    assert_true(read_words(&arguments, ALL, "--to a --name=b"));
    assert_true(arguments_one_of(&arguments, either));
    assert_true(arguments_needs(&arguments, OPT_TO, OPT_BIT(OPT_NAME) | OPT_BIT(OPT_YES)));
    assert_true(read_words(&arguments, ALL, "--to a --to-user b"));
    assert_false(arguments_one_of(&arguments, either));
    assert_false(arguments_needs(&arguments, OPT_TO, OPT_BIT(OPT_NAME)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_option_has_its_row),
        cmocka_unit_test(values_are_read),
        cmocka_unit_test(what_is_wrong_is_refused),
        cmocka_unit_test(combinations),
    };

    return cmocka_run_group_tests_name("arguments", tests, NULL, NULL);
}
