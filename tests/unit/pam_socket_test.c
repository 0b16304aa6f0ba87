/* What pam_pgsignet.so does about sockets that nobody, the wrong one, or a busy one listens on. */
#include "config.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>
#include <security/pam_appl.h>

#include "common/clock.h"
#include "tests/syslog_capture.h"
#include "tests/unit/pam_fixture.h"

#define X100                                                                                       \
    "01234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901" \
    "23456789"

/* "BEFORE<the fixture's folder>AFTER"; static. */
static const char *fill(const char *before, const char *after)
{
    static char text[256];

    snprintf(text, sizeof text, "%s%s%s", before, fixture.folder, after);
    return text;
}

static struct sockaddr_un address_of(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    memcpy(address.sun_path, path, strlen(path));
    return address;
}

/* One login over the socket that the arguments name; the log must hold the phrase. */
static void expect(const char *args, int code, const char *phrase)
{
    struct pam_login login = fixture_login();
    unsigned files = fixture_open_files();
    struct fake_seen seen;

    assert_true(pam_driver_service(fixture.folder, FIXTURE_SERVICE, "auth required %s %s\n",
                                   MODULE_PATH, args));
    login.steps = PAM_AUTHENTICATE_ONLY;
    syslog_capture_reset();
    assert_true(pam_driver_login(&login));
    fake_daemon_seen(fixture.daemon, &seen); /* its end of the connection is closed as well */
    assert_int_equal(login.authenticate, code);
    assert_non_null(strstr(syslog_captured(), phrase));
    assert_null(strstr(syslog_captured(), FIXTURE_SECRET));
    assert_int_equal(fixture_open_files(), files);
}

static void absent_socket(void **state)
{
    (void)state;
    expect(fill("socket=", "/absent"), PAM_AUTHINFO_UNAVAIL,
           "No such file or directory; start pgsignetd");
}

static void default_socket_is_under_the_run_directory(void **state)
{
    (void)state;
    if (access(RUNSTATEDIR "/pgsignet/pgsignet.sock", F_OK) == 0)
        skip();
    expect("", PAM_AUTHINFO_UNAVAIL, RUNSTATEDIR "/pgsignet/pgsignet.sock");
}

static void socket_that_nobody_listens_on(void **state)
{
    struct sockaddr_un address = address_of(fill("", "/dead"));
    int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
    (void)state;

    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    close(fd);
    expect(fill("socket=", "/dead"), PAM_AUTHINFO_UNAVAIL, "Connection refused");
}

static void socket_of_another_type(void **state)
{
    struct sockaddr_un address = address_of(fill("", "/stream"));
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    (void)state;

    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fd, 1), 0);
    expect(fill("socket=", "/stream"), PAM_AUTHINFO_UNAVAIL, "wrong type for socket");
    close(fd);
}

static void socket_paths_are_checked(void **state)
{
    (void)state;
    expect("socket=", PAM_SERVICE_ERR, "absolute");
    expect("socket=run/x", PAM_SERVICE_ERR, "absolute");
    expect("socket", PAM_SERVICE_ERR, "not known");
    expect("socket=/234567" X100, PAM_AUTHINFO_UNAVAIL, "No such file"); /* 107 bytes */
    expect("socket=/2345678" X100, PAM_SERVICE_ERR, "107 bytes");
}

/* A listener whose queue is full and who never accepts. */
static int busy_listener(void)
{
    struct sockaddr_un address = address_of(fill("", "/busy"));
    int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);

    unlink(address.sun_path);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fd, 0), 0);
    for (;;) {
        int filler = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0);

        if (connect(filler, (const struct sockaddr *)&address, sizeof address) != 0) {
            close(filler);
            return fd; /* the fillers stay until the program ends */
        }
    }
}

static void full_queue_is_waited_for_until_the_deadline(void **state)
{
    int fd = busy_listener();
    int64_t took = clock_mono_ms();
    (void)state;

    expect(fill("timeout=1 socket=", "/busy"), PAM_AUTHINFO_UNAVAIL, "waited until the deadline");
    took = clock_mono_ms() - took;
    assert_in_range(took, 990, 25000);
    close(fd);
}

struct pest {
    pthread_t victim;
    atomic_bool done;
};

static void *signal_until_done(void *data)
{
    static const struct timespec pause = {.tv_nsec = 1000000};
    struct pest *pest = data;

    while (!pest->done) {
        pthread_kill(pest->victim, SIGUSR1);
        nanosleep(&pause, NULL); /* only so as not to drown the victim in signals */
    }
    return NULL;
}

/* PostgreSQL's handlers are set with SA_RESTART. */
static void signal_ends_the_wait_for_the_queue(void **state)
{
    static const int flags[] = {0, SA_RESTART};
    int fd = busy_listener();
    (void)state;

    for (size_t i = 0; i < 2; i++) {
        struct pest pest = {.victim = pthread_self()};
        int64_t took = clock_mono_ms();
        pthread_t thread;

        fixture_catch_sigusr1(flags[i]);
        assert_int_equal(pthread_create(&thread, NULL, signal_until_done, &pest), 0);
        expect(fill("timeout=50 socket=", "/busy"), PAM_AUTHINFO_UNAVAIL,
               "a signal ended the wait");
        pest.done = true;
        pthread_join(thread, NULL);
        assert_true(clock_mono_ms() - took < 25000);
    }
    close(fd);
}

static void signal_with_sa_restart_ends_the_wait_for_the_answer(void **state)
{
    const struct fake_plan plan = {.mode = FAKE_SIGNAL, .to_signal = pthread_self()};
    int64_t took = clock_mono_ms();
    (void)state;

    fixture_catch_sigusr1(SA_RESTART);
    fake_daemon_plan(fixture.daemon, &plan);
    expect(fill("timeout=50 socket=", "/socket"), PAM_AUTHINFO_UNAVAIL, "a signal ended the wait");
    assert_true(clock_mono_ms() - took < 25000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(absent_socket),
        cmocka_unit_test(default_socket_is_under_the_run_directory),
        cmocka_unit_test(socket_that_nobody_listens_on),
        cmocka_unit_test(socket_of_another_type),
        cmocka_unit_test(socket_paths_are_checked),
        cmocka_unit_test(full_queue_is_waited_for_until_the_deadline),
        cmocka_unit_test(signal_ends_the_wait_for_the_queue),
        cmocka_unit_test(signal_with_sa_restart_ends_the_wait_for_the_answer),
    };
    return cmocka_run_group_tests_name("pam_socket", tests, fixture_start, fixture_end);
}
