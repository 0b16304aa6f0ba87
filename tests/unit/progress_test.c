/* The progress line: what it says, that it fits, and that only a terminal gets it. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/progress.h"

#include <fcntl.h>
#include <pty.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct progress at(uint64_t done, uint64_t total)
{
    return (struct progress){.what = "Enrolling", .total = total, .done = done};
}

static void line_says_how_far_and_how_long(void **state)
{
    static const struct {
        uint64_t done, total;
        int64_t passed_ms;
        size_t columns;
        const char *line;
    } rows[] = {
        /* clang-format off */
        {0, 10000, 5000, 60,
         "Enrolling  [--------------------------------]  0/10,000  0%"},
        {4321, 10000, 9000, 60,
         "Enrolling  [######----------]  4,321/10,000  43%  0:12 left"},
        {9999, 10000, 9000, 44,
         "Enrolling  9,999/10,000  99%  0:00 left"},
        {10000, 10000, 9000, 44,
         "Enrolling  [#########]  10,000/10,000  100%"},
        {10001, 10000, 9000, 44,
         "Enrolling  [#########]  10,001/10,000  100%"},
        {1, 3, 2000000, 29,
         "Enrolling  [#----]  1/3  33%"},
        {1, 3, 2000000, 40,
         "Enrolling  1/3  33%  1:06:40 left"},
        {1, 9, 999, 20,
         "Enrolling  1/9  11%"},
        {1, 9, 999, 17, ""},
        {1234567, 0, 9000, 80, "Enrolling  1,234,567"},
        {1, 9, 999, 0, ""},
        {UINT64_MAX, 1, 1, 80,
         "Enrolling  [##############################]  18,446,744,073,709,551,615/1  100%"},
        /* clang-format on */
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct progress progress = at(rows[i].done, rows[i].total);
        char line[PROGRESS_LINE_MAX];
        size_t len = progress_line(&progress, rows[i].passed_ms, rows[i].columns, line);
        assert_int_equal(len, strlen(line));
        assert_string_equal(line, rows[i].line);
    }
}

static void line_never_exceeds_the_terminal(void **state)
{
    char line[PROGRESS_LINE_MAX];

    (void)state;
    for (size_t columns = 0; columns < 400; columns++) {
        for (uint64_t done = 0; done <= 2000; done += 37) {
            struct progress progress = at(done, 1999);
            size_t len = progress_line(&progress, 7777777, columns, line);
            assert_true(len == 0 || len < columns);
            assert_int_equal(len, strlen(line));
        }
    }
}

static void bar_grows_with_the_work(void **state)
{
    char line[PROGRESS_LINE_MAX];
    size_t before = 0;

    (void)state;
    for (uint64_t done = 0; done <= 100; done++) {
        struct progress progress = at(done, 100);
        progress_line(&progress, 1, 100, line);
        size_t full = strspn(strchr(line, '[') + 1, "#");
        assert_true(full >= before);
        assert_int_equal(strspn(strchr(line, '[') + 1, "#-"), 40);
        before = full;
    }
    assert_int_equal(before, 40);
}

static void a_file_gets_nothing(void **state)
{
    char *text = NULL;
    size_t len;
    FILE *stream = fopen("/dev/null", "w");
    struct progress progress;

    (void)state;
    assert_non_null(stream);
    setenv("TERM", "xterm", 1);
    progress_start(&progress, stream, "Work", 10, 0);
    assert_false(progress.shown);
    fclose(stream);
    stream = open_memstream(&text, &len);
    progress_start(&progress, stream, "Work", 10, 0);
    progress_at(&progress, 5, 1000);
    progress_end(&progress);
    fclose(stream);
    assert_int_equal(len, 0);
    free(text);
}

static size_t output(int master, char *out, size_t size)
{
    ssize_t n = read(master, out, size - 1);

    n = n < 0 ? 0 : n;
    out[n] = '\0';
    return (size_t)n;
}

static void a_terminal_gets_one_line_ten_times_a_second(void **state)
{
    struct winsize size = {.ws_row = 24, .ws_col = 50};
    struct progress progress;
    char text[1024];
    int master, slave;

    (void)state;
    assert_int_equal(openpty(&master, &slave, NULL, NULL, &size), 0);
    assert_int_equal(fcntl(master, F_SETFL, O_NONBLOCK), 0);
    FILE *stream = fdopen(slave, "w");
    assert_non_null(stream);

    setenv("TERM", "dumb", 1);
    progress_start(&progress, stream, "Work", 10, 0);
    assert_false(progress.shown);

    setenv("TERM", "xterm", 1);
    setenv("NO_COLOR", "1", 1);
    progress_start(&progress, stream, "Work", 10, 0);
    progress_at(&progress, 1, 99);
    assert_int_equal(output(master, text, sizeof text), 0);
    progress_at(&progress, 2, 100);
    assert_true(output(master, text, sizeof text) > 0);
    assert_non_null(strstr(text, "\rWork  ["));
    assert_null(strchr(text, '\033'));
    progress_at(&progress, 3, 150);
    assert_int_equal(output(master, text, sizeof text), 0);
    progress_clear(&progress);
    assert_int_equal(output(master, text, sizeof text), 2 + 49);
    assert_int_equal(strspn(text, "\r "), strlen(text));
    progress_clear(&progress);
    assert_int_equal(output(master, text, sizeof text), 0);

    setenv("NO_COLOR", "", 1);
    progress_start(&progress, stream, "Work", 10, 0);
    progress_at(&progress, 5, 200);
    assert_true(output(master, text, sizeof text) > 0);
    assert_non_null(strstr(text, "\033[32m#"));
    progress_end(&progress);
    output(master, text, sizeof text);
    progress_at(&progress, 6, 900);
    assert_int_equal(output(master, text, sizeof text), 0);
    fclose(stream);
    close(master);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(line_says_how_far_and_how_long),
        cmocka_unit_test(line_never_exceeds_the_terminal),
        cmocka_unit_test(bar_grows_with_the_work),
        cmocka_unit_test(a_file_gets_nothing),
        cmocka_unit_test(a_terminal_gets_one_line_ten_times_a_second),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
