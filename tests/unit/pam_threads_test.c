/*
 * Thousands of logins in one threaded process, the module loaded and unloaded in each, as PgBouncer
 * does: every one is answered, and not one descriptor is left.  PGSIGNET_TEST_LOGINS sets how many
 * each of the four threads makes.  The daemon is a MOCK.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <security/pam_appl.h>

#include "common/number.h"
#include "tests/unit/pam_fixture.h"

#define THREADS 4

static int64_t logins = 1000;

struct worker {
    pthread_t thread;
    unsigned succeeded;
};

static void *log_in_often(void *data)
{
    struct worker *worker = data;

    for (int64_t i = 0; i < logins; i++) {
        struct pam_login login = fixture_login();

        worker->succeeded += pam_driver_login(&login) && login.authenticate == PAM_SUCCESS &&
                             login.account == PAM_SUCCESS && login.script.asked == 1;
    }
    return NULL;
}

static bool module_is_loaded(void)
{
    FILE *maps = fopen("/proc/self/maps", "re");
    char line[4096];
    bool found = false;

    assert_non_null(maps);
    while (fgets(line, sizeof line, maps) != NULL)
        found = found || strstr(line, "pam_pgsignet") != NULL;
    fclose(maps);
    return found;
}

static void every_login_succeeds_and_nothing_is_left(void **state)
{
    const struct fake_plan plan = {.verdict = VERDICT_GRANTED, .authtok = "bare"};
    struct worker workers[THREADS] = {0};
    unsigned files = fixture_open_files();
    struct fake_seen seen;
    (void)state;

    fake_daemon_plan(fixture.daemon, &plan);
    fixture_service("");
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&workers[i].thread, NULL, log_in_often, &workers[i]), 0);
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(workers[i].thread, NULL);
    fake_daemon_seen(fixture.daemon, &seen);
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(workers[i].succeeded, logins);
    assert_int_equal(seen.requests, THREADS * logins);
    assert_int_equal(fixture_open_files(), files);
    assert_false(module_is_loaded());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_login_succeeds_and_nothing_is_left),
    };
    const char *wanted = getenv("PGSIGNET_TEST_LOGINS");

    if (wanted != NULL && number_parse(wanted, strlen(wanted), 1, 1000000, &logins) != NUMBER_OK) {
        fprintf(stderr, "PGSIGNET_TEST_LOGINS must be a number from 1 to 1000000\n");
        return 64;
    }
    return cmocka_run_group_tests_name("pam_threads", tests, fixture_start, fixture_end);
}
