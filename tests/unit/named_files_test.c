/* Files that the configuration names and that are not there are said by key, path and what to do. */
#include "config.h"

#include "authd/named_files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char here[] = "/dev/null", gone[] = "/nonexistent/file";

static int report(const struct settings *settings, char **text)
{
    size_t size;
    FILE *out = open_memstream(text, &size);

    assert_non_null(out);
    int n = named_files_report(settings, out);
    fclose(out);
    return n;
}

static void files_that_are_there_are_not_mentioned(void **state)
{
    struct settings settings = {.keys.path = here, .store.path = here, .ldap.ca_file = here};
    char *text;

    (void)state;
    assert_int_equal(report(&settings, &text), 0);
    assert_string_equal(text, "");
    free(text);
}

static void each_missing_file_gets_a_line(void **state)
{
    struct settings settings = {.keys.path = gone,
                                .store.path = here,
                                .ldap.ca_file = gone,
                                .ldap.bind_password_file = gone};
    char *text;

    (void)state;
    assert_int_equal(report(&settings, &text), 3);
    assert_non_null(strstr(text, "warning: keys.path /nonexistent/file: No such file or directory; "
                                 "`pgsignet-mfa init`"));
    assert_non_null(strstr(text, "warning: ldap.ca_file /nonexistent/file: "));
    assert_non_null(strstr(text, "warning: ldap.bind_password_file /nonexistent/file: "));
    assert_null(strstr(text, "store.path"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_that_are_there_are_not_mentioned),
        cmocka_unit_test(each_missing_file_gets_a_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
