/* Numbers, durations, days; bytes made printable; operator messages. */
#include "config.h"

#include "common/log.h"
#include "common/number.h"
#include "common/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void test_numbers(void **state)
{
    static const struct {
        const char *text;
        enum number_fault fault;
        int64_t value;
    } rows[] = {
        {"0",                       NUMBER_OK,     0        },
        {"-9223372036854775808",    NUMBER_OK,     INT64_MIN},
        {"9223372036854775807",     NUMBER_OK,     INT64_MAX},
        {"9223372036854775808",     NUMBER_RANGE,  0        },
        {"99999999999999999999999", NUMBER_RANGE,  0        },
        {"",                        NUMBER_SYNTAX, 0        },
        {"-",                       NUMBER_SYNTAX, 0        },
        {"-0",                      NUMBER_SYNTAX, 0        },
        {"+1",                      NUMBER_SYNTAX, 0        },
        {" 1",                      NUMBER_SYNTAX, 0        },
        {"1 ",                      NUMBER_SYNTAX, 0        },
        {"01",                      NUMBER_SYNTAX, 0        },
        {"0x1",                     NUMBER_SYNTAX, 0        },
        {"1e3",                     NUMBER_SYNTAX, 0        },
    };
    int64_t value;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        value = 77;
        assert_int_equal(
            number_parse(rows[i].text, strlen(rows[i].text), INT64_MIN, INT64_MAX, &value),
            rows[i].fault);
        assert_true(value == (rows[i].fault == NUMBER_OK ? rows[i].value : 77));
    }
    assert_int_equal(number_parse("1\0", 2, 0, 9, &value), NUMBER_SYNTAX);
    assert_int_equal(number_parse("10", 2, 0, 9, &value), NUMBER_RANGE);
    assert_int_equal(number_parse("-1", 2, 0, 9, &value), NUMBER_RANGE);
}

static void test_durations(void **state)
{
    static const struct {
        const char *text;
        enum number_fault fault;
        int64_t value;
    } rows[] = {
        {"10",                   NUMBER_OK,     10     },
        {"10s",                  NUMBER_OK,     10     },
        {"5m",                   NUMBER_OK,     300    },
        {"2h",                   NUMBER_OK,     7200   },
        {"30d",                  NUMBER_OK,     2592000},
        {"s",                    NUMBER_SYNTAX, 0      },
        {"-1s",                  NUMBER_SYNTAX, 0      },
        {"1w",                   NUMBER_SYNTAX, 0      },
        {"1hm",                  NUMBER_SYNTAX, 0      },
        {"1.5h",                 NUMBER_SYNTAX, 0      },
        {"9223372036854775807d", NUMBER_RANGE,  0      },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t value = 77;

        assert_int_equal(number_duration(rows[i].text, strlen(rows[i].text), 0, INT64_MAX, &value),
                         rows[i].fault);
        assert_true(value == (rows[i].fault == NUMBER_OK ? rows[i].value : 77));
    }
}

static void test_days(void **state)
{
    static const struct {
        const char *text;
        enum number_fault fault;
        int64_t value; /* from `date -u -d 'DAY +1 day' +%s` */
    } rows[] = {
        {"1970-01-01",       NUMBER_OK,     86400       },
        {"2024-02-29",       NUMBER_OK,     1709251200  },
        {"2026-12-31",       NUMBER_OK,     1798761600  },
        {"9999-12-31",       NUMBER_OK,     253402300800},
        {"2000-02-29",       NUMBER_OK,     951868800   },
        {"1900-02-28",       NUMBER_RANGE,  0           },
        {"2100-02-29",       NUMBER_RANGE,  0           },
        {"2027-02-29",       NUMBER_RANGE,  0           },
        {"2027-00-10",       NUMBER_RANGE,  0           },
        {"2027-13-10",       NUMBER_RANGE,  0           },
        {"2027-01-00",       NUMBER_RANGE,  0           },
        {"2027-04-31",       NUMBER_RANGE,  0           },
        {"2027-1-31",        NUMBER_SYNTAX, 0           },
        {"31.01.2027",       NUMBER_SYNTAX, 0           },
        {"2027-01-31T00:00", NUMBER_SYNTAX, 0           },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t value = 77;

        assert_int_equal(number_day_end(rows[i].text, strlen(rows[i].text), &value), rows[i].fault);
        assert_true(value == (rows[i].fault == NUMBER_OK ? rows[i].value : 77));
    }
}

/* Every code point's encoding is accepted, and its neighbours in byte space are judged as RFC 3629 says. */
static void test_utf8(void **state)
{
    static const char *const bad[] = {
        "\x80",
        "\xc1\xbf",
        "\xc2",
        "\xe0\x9f\xbf",
        "\xed\xa0\x80",
        "\xf0\x8f\xbf\xbf",
        "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80",
        "\xe2\x82",
        "\xe2\x28\xa1",
        "\xff",
    };
    static const char *const good[] = {"",
                                       "a",
                                       "\xc2\x80",
                                       "\xe0\xa0\x80",
                                       "\xed\x9f\xbf",
                                       "\xee\x80\x80",
                                       "\xf0\x90\x80\x80",
                                       "\xf4\x8f\xbf\xbf"};

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(text_is_utf8(bytes_str(bad[i])));
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(text_is_utf8(bytes_str(good[i])));
    assert_false(text_is_plain(bytes_str("\xe2\x80\xae"), true)); /* right-to-left override */
    assert_false(text_is_plain(bytes_str("a\tb"), false));
    assert_true(text_is_plain(bytes_str("a\tb"), true));
}

static void test_escape(void **state)
{
    char out[12];

    (void)state;
    assert_int_equal(text_escape(out, sizeof out, bytes_str("a\\\n")), 9);
    assert_string_equal(out, "a\\x5c\\x0a");
    text_clean(out, sizeof out, bytes_str("a\\\n"));
    assert_string_equal(out, "a\\\\x0a");
    text_escape(out, sizeof out, bytes_of("a\0b", 3));
    assert_string_equal(out, "a\\x00b");
    text_escape(out, sizeof out, bytes_str("abcdefghijk"));
    assert_string_equal(out, "abcdefghijk");
    text_escape(out, sizeof out, bytes_str("abcdefghijkl"));
    assert_string_equal(out, "abcdefgh...");
    text_escape(out, sizeof out, bytes_str("abcdefg\xc3\xa9jkl"));
    assert_string_equal(out, "abcdefg...");
    text_escape(out, 1, bytes_str("abc"));
    assert_string_equal(out, "");
    text_escape(out, 3, bytes_str("abc"));
    assert_string_equal(out, "..");
    assert_int_equal(text_escape(out, sizeof out, bytes_of(NULL, 0)), 0);
}

static void read_line(int fd, char *out, size_t size)
{
    ssize_t n = read(fd, out, size - 1);

    assert_true(n > 0);
    out[n] = '\0';
}

static void test_log(void **state)
{
    int saved = dup(STDERR_FILENO), pipes[2];
    char first[256], second[256], long_line[8192], huge[5000];

    (void)state;
    memset(huge, 'x', sizeof huge - 1);
    huge[sizeof huge - 1] = '\0';
    assert_int_equal(pipe(pipes), 0);
    assert_true(dup2(pipes[1], STDERR_FILENO) >= 0);
    log_open("pgsignetd", false, false);
    log_debug("never seen");
    log_error("user \"%s\" failed", "a\nb\x1b[2J");
    read_line(pipes[0], first, sizeof first);
    log_info("%s", "\xff");
    read_line(pipes[0], second, sizeof second);
    log_warning("%s", huge);
    read_line(pipes[0], long_line, sizeof long_line);
    dup2(saved, STDERR_FILENO);
    close(saved);
    close(pipes[0]);
    close(pipes[1]);
    assert_string_equal(first, "pgsignetd: error: user \"a\\x0ab\\x1b[2J\" failed\n");
    assert_string_equal(second, "pgsignetd: \\xff\n");
    assert_true(strlen(long_line) <= LOG_LINE_MAX + 64);
    assert_non_null(strstr(long_line, "xxx...\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers), cmocka_unit_test(test_durations),
        cmocka_unit_test(test_days),    cmocka_unit_test(test_utf8),
        cmocka_unit_test(test_escape),  cmocka_unit_test(test_log),
    };

    return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
