/* Hostile names on a terminal and in JSON; aligned columns; lines from a pipe. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/clock.h"
#include "mfa/escape.h"
#include "common/table.h"
#include "mfa/terminal.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void terminal_text_is_safe_and_reversible(void **state)
{
    static const struct {
        const char *name, *utf8, *ascii;
    } vectors[] = {
        {"alice",                        "alice",                        "alice"               },
        {"../x",                         "../x",                         "../x"                },
        {"a\nb\tc\x7f",                  "a\\x0ab\\x09c\\x7f",           "a\\x0ab\\x09c\\x7f"  },
        {"\033[2J",                      "\\x1b[2J",                     "\\x1b[2J"            },
        {"\\x0a",                        "\\\\x0a",                      "\\\\x0a"             },
        {"zo\xc3\xab",                   "zo\xc3\xab",                   "zo\\xc3\\xab"        },
        {"\xe2\x82\xac\xf0\x9f\x98\x80", "\xe2\x82\xac\xf0\x9f\x98\x80",
         "\\xe2\\x82\\xac\\xf0\\x9f\\x98\\x80"                                                 },
        {"\xc2\x9b",                     "\\xc2\\x9b",                   "\\xc2\\x9b"          }, /* C1: CSI */
        {"\xe2\x80\xae",                 "\\xe2\\x80\\xae",              "\\xe2\\x80\\xae"     }, /* right-to-left override */
        {"\xef\xbb\xbf",                 "\\xef\\xbb\\xbf",              "\\xef\\xbb\\xbf"     }, /* byte order mark */
        {"\xff\xc0\xaf",                 "\\xff\\xc0\\xaf",              "\\xff\\xc0\\xaf"     }, /* overlong */
        {"\xed\xa0\x80",                 "\\xed\\xa0\\x80",              "\\xed\\xa0\\x80"     }, /* surrogate */
        {"\xf4\x90\x80\x80",             "\\xf4\\x90\\x80\\x80",         "\\xf4\\x90\\x80\\x80"},
        {"a\xe2\x82",                    "a\\xe2\\x82",                  "a\\xe2\\x82"         }, /* cut short */
    };
    char out[ESCAPE_SIZE(63)];

    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        struct bytes name = bytes_str(vectors[i].name);
        assert_string_equal(escape_text(name, true, out, sizeof out), vectors[i].utf8);
        assert_string_equal(escape_text(name, false, out, sizeof out), vectors[i].ascii);
    }
    assert_string_equal(escape_text(bytes_of("a\0b", 3), true, out, sizeof out), "a\\x00b");
    assert_string_equal(escape_text(bytes_str("abc"), true, out, 12), "");
    assert_string_equal(escape_text(bytes_of(NULL, 0), true, out, 1), "");
}

static void longest_name_fits(void **state)
{
    char out[ESCAPE_SIZE(63)], name[63];

    (void)state;
    memset(name, 0xff, sizeof name);
    assert_int_equal(strlen(escape_text(bytes_of(name, sizeof name), true, out, sizeof out)), 252);
}

static void json_is_valid_for_any_bytes(void **state)
{
    static const struct {
        const char *name;
        size_t len;
        const char *json;
    } vectors[] = {
        {"alice",      5, "{\"k\":\"alice\"}"                               },
        {"a\"\n\\",    4, "{\"k\":\"a\\\"\\n\\\\\"}"                        },
        {"zo\xc3\xab", 4, "{\"k\":\"zo\xc3\xab\"}"                          },
        {"a\xff\n",    3, "{\"k\":\"a\\\\xff\\\\x0a\",\"k_hex\":\"61ff0a\"}"},
        {"\xc0\xaf",   2, "{\"k\":\"\\\\xc0\\\\xaf\",\"k_hex\":\"c0af\"}"   },
        {"",           0, "{\"k\":\"\"}"                                    },
    };

    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        json_t *object = json_object();
        assert_true(escape_json(object, "k", bytes_of(vectors[i].name, vectors[i].len)));
        char *text = json_dumps(object, JSON_COMPACT);
        assert_string_equal(text, vectors[i].json);
        free(text);
        json_decref(object);
    }
}

static void columns_are_aligned(void **state)
{
    static const char *const headings[] = {"USER", "STATE", "FROM"};
    static const char *const rows[][3] = {
        {"zo\xc3\xab", "active", "-"},
        {"bernadette", "x",      "y"}
    };
    char *text = NULL;
    size_t len;

    (void)state;
    if (setlocale(LC_CTYPE, "C.UTF-8") == NULL)
        skip();
    struct table *table = table_new(headings, 3);
    assert_non_null(table);
    for (size_t i = 0; i < 2; i++)
        assert_true(table_add(table, rows[i]));
    FILE *stream = open_memstream(&text, &len);
    table_print(table, stream);
    fclose(stream);
    table_free(table);
    assert_string_equal(text, "USER        STATE   FROM\n"
                              "zo\xc3\xab         active  -\n"
                              "bernadette  x       y\n");
    free(text);
    setlocale(LC_CTYPE, "C");
}

static enum line read_from(int fd, char out[8])
{
    return terminal_line(fd, "never printed", clock_mono_ms() + 5000, out, 8);
}

static void lines_from_a_pipe(void **state)
{
    static const char input[] = "123456\n\n12345678\nab\0c\r\nlast\r";
    int ends[2];
    char out[8];

    (void)state;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], input, sizeof input - 1), (ssize_t)sizeof input - 1);

    assert_int_equal(terminal_line(ends[0], "", clock_mono_ms() - 1, out, sizeof out),
                     LINE_TIMEOUT);
    assert_int_equal(read_from(ends[0], out), LINE_OK);
    assert_string_equal(out, "123456");
    assert_int_equal(read_from(ends[0], out), LINE_OK);
    assert_string_equal(out, "");
    assert_int_equal(read_from(ends[0], out), LINE_TOO_LONG);
    assert_string_equal(out, "");
    assert_int_equal(read_from(ends[0], out), LINE_TOO_LONG); /* the NUL */
    close(ends[1]);
    assert_int_equal(read_from(ends[0], out), LINE_OK);
    assert_string_equal(out, "last");
    assert_int_equal(read_from(ends[0], out), LINE_END);
    close(ends[0]);
    assert_int_equal(read_from(ends[0], out), LINE_FAILED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(terminal_text_is_safe_and_reversible),
        cmocka_unit_test(longest_name_fits),
        cmocka_unit_test(json_is_valid_for_any_bytes),
        cmocka_unit_test(columns_are_aligned),
        cmocka_unit_test(lines_from_a_pipe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
