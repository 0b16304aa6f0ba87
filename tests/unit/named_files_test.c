/* Files that the configuration names and that will not do are said by key, path and what to do. */
#include "config.h"

#include "authd/named_files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char here[] = "named_files_test.XXXXXX", gone[] = "/nonexistent/file";

static int make_file(void **state)
{
    (void)state;
    int fd = mkstemp(here);
    return fd < 0 || close(fd) != 0;
}

static int remove_file(void **state)
{
    (void)state;
    return unlink(here);
}

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
    struct settings settings = {.path = here,
                                .keys.path = here,
                                .store.path = here,
                                .audit.file = here,
                                .ldap.ca_file = here,
                                .ldap.bind_password_file = here};
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

/* Each login would find it out, and refuse. */
static void a_secret_that_is_open_to_others_gets_a_line(void **state)
{
    struct settings settings = {.keys.path = here, .ldap.bind_password_file = here};
    char *text;

    (void)state;
    assert_int_equal(chmod(here, 0644), 0);
    assert_int_equal(report(&settings, &text), 2);
    assert_int_equal(chmod(here, 0600), 0);
    assert_non_null(strstr(text, "warning: keys.path named_files_test."));
    assert_non_null(
        strstr(text, ": is open to others; it must belong to daemon.user, with mode 0400"));
    assert_non_null(strstr(text, "warning: ldap.bind_password_file named_files_test."));
    free(text);
}

static void a_trail_without_its_folder_gets_a_line(void **state)
{
    struct settings settings = {.audit.file = gone};
    char *text;

    (void)state;
    assert_int_equal(report(&settings, &text), 1);
    assert_non_null(strstr(text,
                           "warning: audit.file /nonexistent/file: No such file or directory; "
                           "file and folder must be daemon.user's"));
    free(text);
}

static void a_trail_that_is_not_made_yet_is_not_mentioned(void **state)
{
    char name[] = "named_files_test.not-yet";
    struct settings settings = {.audit.file = name};
    char *text;

    (void)state;
    assert_int_equal(report(&settings, &text), 0);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_that_are_there_are_not_mentioned),
        cmocka_unit_test(each_missing_file_gets_a_line),
        cmocka_unit_test(a_secret_that_is_open_to_others_gets_a_line),
        cmocka_unit_test(a_trail_without_its_folder_gets_a_line),
        cmocka_unit_test(a_trail_that_is_not_made_yet_is_not_mentioned),
    };

    return cmocka_run_group_tests(tests, make_file, remove_file);
}
