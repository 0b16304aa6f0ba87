/* Proves that lists of names are read as written, and that each fault has its place. */
#include "config.h"

#include "pki/wishes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct wishes wishes;
static FILE *caught;
static int saved;

static int begin(void **state)
{
    (void)state;
    wishes_init(&wishes, KIND_SERVER, 0);
    fflush(stderr);
    saved = dup(STDERR_FILENO);
    caught = tmpfile();
    return saved < 0 || caught == NULL || dup2(fileno(caught), STDERR_FILENO) < 0 ? -1 : 0;
}

static int end(void **state)
{
    (void)state;
    dup2(saved, STDERR_FILENO);
    close(saved);
    fclose(caught);
    wishes_clear(&wishes);
    return 0;
}

static bool was_said(const char *text)
{
    char all[65536];

    fflush(stderr);
    rewind(caught);
    all[fread(all, 1, sizeof all - 1, caught)] = '\0';
    return strstr(all, text) != NULL;
}

static const struct issue_wish *at(guint i)
{
    assert_true(i < wishes.at->len);
    return &g_array_index(wishes.at, struct issue_wish, i);
}

static void parse(const char *text)
{
    wishes_parse(&wishes, bytes_str(text), "list");
}

static void lines_are_names_with_their_sans(void **state)
{
    (void)state;
    parse("# servers\n\n  \t\ndb1.example.com,192.0.2.1, DB1 ,2001:db8::1\r\ndb2.example.com\n"
          "db3.example.com,");
    assert_int_equal(wishes.faults, 0);
    assert_int_equal(wishes.at->len, 3);
    assert_string_equal(at(0)->name, "db1.example.com");
    assert_int_equal(at(0)->n_sans, 3);
    assert_string_equal(at(0)->sans[1].text, "db1");
    assert_string_equal(at(0)->source, "list:4");
    assert_int_equal(at(1)->n_sans, 0);
    assert_string_equal(at(2)->name, "db3.example.com");
}

static void a_name_with_a_comma_is_quoted(void **state)
{
    (void)state;
    wishes.kind = KIND_CLIENT;
    parse("\"Smith, \"\"J\"\"\"\n\"#x\"\n");
    assert_int_equal(wishes.faults, 0);
    assert_string_equal(at(0)->name, "Smith, \"J\"");
    assert_string_equal(at(1)->name, "#x");
}

static void faults_are_said_with_their_lines_and_all_of_them(void **state)
{
    (void)state;
    parse("ok.example.com\nbad.example.com,under_score\n../x\nOK.example.com\n\"open\n\"a\"b\n"
          " lead.example.com\n");
    assert_int_equal(wishes.faults, 6);
    assert_int_equal(wishes.at->len, 1);
    assert_true(was_said("list:2: \"under_score\""));
    assert_true(was_said("list:3: \"../x\""));
    assert_true(was_said("list:4: \"OK.example.com\" was named before, at list:1"));
    assert_true(was_said("list:5: "));
    assert_true(was_said("list:6: "));
    assert_true(was_said("list:7: "));
}

static void a_client_takes_no_sans(void **state)
{
    (void)state;
    wishes.kind = KIND_CLIENT;
    parse("app,boss\n");
    assert_int_equal(wishes.faults, 1);
    assert_true(was_said("list:1: \"app\" is a client"));
}

static void bytes_that_drive_a_terminal_are_refused_and_shown_escaped(void **state)
{
    (void)state;
    wishes.kind = KIND_CLIENT;
    wishes_parse(&wishes, bytes_of("a\x1b[2J\nb\0c\n\xff\n", 12), "list");
    assert_int_equal(wishes.faults, 3);
    assert_true(was_said("a\\x1b[2J"));
    assert_true(was_said("b\\x00c"));
    assert_true(was_said("\\xff"));
}

static void many_faults_are_counted_not_all_printed(void **state)
{
    GString *text = g_string_new(NULL);

    (void)state;
    for (int i = 0; i < 1000; i++)
        g_string_append(text, "*bad\n");
    parse(text->str);
    g_string_free(text, TRUE);
    assert_int_equal(wishes.faults, 1000);
    assert_true(was_said("list: and 980 faults more"));
}

static void more_sans_than_fit_are_refused(void **state)
{
    GString *text = g_string_new("db1.example.com");

    (void)state;
    for (int i = 0; i <= NAME_SANS_MAX; i++)
        g_string_append_printf(text, ",h%d.example.com", i);
    parse(text->str);
    g_string_free(text, TRUE);
    assert_int_equal(wishes.faults, 1);
    assert_int_equal(wishes.at->len, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(lines_are_names_with_their_sans),
        TEST(a_name_with_a_comma_is_quoted),
        TEST(faults_are_said_with_their_lines_and_all_of_them),
        TEST(a_client_takes_no_sans),
        TEST(bytes_that_drive_a_terminal_are_refused_and_shown_escaped),
        TEST(many_faults_are_counted_not_all_printed),
        TEST(more_sans_than_fit_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
