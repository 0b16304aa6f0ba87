/*
 * After a login through pam_pgsignet.so, however it ends, this process holds the password nowhere but
 * where the test itself keeps it: all its writable memory is searched.  The daemon is a MOCK, in
 * a process of its own.
 */
#include "config.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <security/pam_appl.h>

#include "tests/unit/pam_fixture.h"

#define LONG_SECRET 700
#define NEEDLE      12 /* bytes of each part of the secret that is looked for */

/* The one place where the secret may be; made at run time, so that it is in no read-only data. */
static char secret[LONG_SECRET + 1];

static const struct row {
    const char *name;
    struct fake_plan plan;
    size_t length;    /* of the secret */
    const char *last; /* put at its end */
    int code;
    const char *args;
} rows[] = {
    {"granted",               {.verdict = VERDICT_GRANTED},                       512,         "",   PAM_SUCCESS,          ""         },
    {"granted and handed on",
     {.verdict = VERDICT_GRANTED, .authtok = secret},
     40,                                                                                       "",
     PAM_SUCCESS,                                                                                                          ""         },
    {"denied",                {.verdict = VERDICT_DENIED, .authtok = secret},     512,         "",   PAM_AUTH_ERR,         "debug"    },
    {"slow",                  {.mode = FAKE_SILENT},                              40,          "",   PAM_AUTHINFO_UNAVAIL, "timeout=1"},
    {"closed",                {.mode = FAKE_CLOSE},                               512,         "",   PAM_AUTHINFO_UNAVAIL, ""         },
    {"damaged",
     {.verdict = VERDICT_GRANTED, .authtok = secret, .damaged = 27, .damage = 1},
     40,                                                                                       "",
     PAM_AUTHINFO_UNAVAIL,                                                                                                 ""         },
    {"too long",              {.verdict = VERDICT_DENIED},                        LONG_SECRET, "",   PAM_AUTH_ERR,         ""         },
    {"control byte",          {.verdict = VERDICT_DENIED},                        40,          "\n", PAM_AUTH_ERR,         ""         },
};

static void make_secret(size_t length, const char *last)
{
    uint32_t noise = 1; /* so that no part of the secret looks like its start */

    memset(secret, 0, sizeof secret);
    for (size_t i = 0; i < length; i++) {
        noise = noise * 1664525 + 1013904223;
        secret[i] = (char)('!' + (noise >> 16) % 90);
    }
    memcpy(secret + length - strlen(last), last, strlen(last));
}

/* The mock runs in a child until it is killed; the pipe says when it listens. */
static pid_t start_daemon(const struct fake_plan *plan)
{
    int ready[2];
    char byte = 0;
    pid_t pid;

    assert_int_equal(pipe(ready), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct fake_daemon *daemon;

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        daemon = fake_daemon_start(fixture.socket);
        if (daemon == NULL)
            _exit(1);
        fake_daemon_plan(daemon, plan);
        if (write(ready[1], &byte, 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    close(ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    return pid;
}

/* Copies of the needle in one stretch of memory, other than those in secret[]. */
static unsigned copies_between(const char *at, const char *end, const char *needle)
{
    unsigned copies = 0;

    while ((at = memmem(at, (size_t)(end - at), needle, NEEDLE)) != NULL) {
        copies += at < secret || at >= secret + sizeof secret;
        at++;
    }
    return copies;
}

/*
 * Copies of any part of the secret in writable memory.  Every part counts: of a freed or abandoned
 * copy the start is what is overwritten first.
 */
static unsigned copies_in_memory(void)
{
    FILE *maps = fopen("/proc/self/maps", "re");
    unsigned long from, to;
    char line[512], mode[5];
    unsigned copies = 0;

    assert_non_null(maps);
    while (fgets(line, sizeof line, maps) != NULL) {
        if (sscanf(line, "%lx-%lx %4s", &from, &to, mode) != 3 || strncmp(mode, "rw", 2) != 0)
            continue;
        for (size_t i = 0; i + NEEDLE <= strlen(secret); i += NEEDLE)
            copies += copies_between((const char *)from, (const char *)to, secret + i);
    }
    fclose(maps);
    return copies;
}

static void leaves_no_copy(void **state)
{
    const struct row *row = *state;
    struct pam_login login = fixture_login();
    pid_t daemon;

    make_secret(row->length, row->last);
    daemon = start_daemon(&row->plan);
    fixture_service(row->args);
    login.script.answer = secret;
    assert_true(pam_driver_login(&login));
    kill(daemon, SIGKILL);
    waitpid(daemon, NULL, 0);
    assert_int_equal(login.authenticate, row->code);
    assert_int_equal(copies_in_memory(), 0);
}

static void the_search_finds_a_copy(void **state)
{
    char *copy;
    (void)state;

    make_secret(40, "");
    copy = strdup(secret);
    assert_int_equal(copies_in_memory(), 40 / NEEDLE);
    free(copy);
}

/* The folder alone: the fixture's own mock would keep the secret in this process. */
static int start_folder(void **state)
{
    int result = fixture_start(state);

    fake_daemon_stop(fixture.daemon);
    fixture.daemon = NULL;
    return result;
}

int main(void)
{
    enum { N = sizeof rows / sizeof rows[0] };
    struct CMUnitTest tests[N + 1] = {cmocka_unit_test(the_search_finds_a_copy)};

    if (WITH_SANITIZERS) {
        puts("SKIP: AddressSanitizer has memory that may not be read");
        return 77;
    }
    for (size_t i = 0; i < N; i++)
        tests[i + 1] = (struct CMUnitTest){.name = rows[i].name,
                                           .test_func = leaves_no_copy,
                                           .initial_state = (void *)(uintptr_t)&rows[i]};
    return cmocka_run_group_tests_name("pam_wipe", tests, start_folder, fixture_end);
}
