#include "config.h"

#include "tests/unit/pam_fixture.h"

#include <dirent.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture fixture;

int fixture_start(void **state)
{
    (void)state;
    snprintf(fixture.folder, sizeof fixture.folder, "/tmp/pgsignet-pam.XXXXXX");
    if (mkdtemp(fixture.folder) == NULL)
        return -1;
    snprintf(fixture.socket, sizeof fixture.socket, "%s/socket", fixture.folder);
    fixture.daemon = fake_daemon_start(fixture.socket);
    if (fixture.daemon == NULL)
        return -1;
    /* libpam complains in the log when a folder has no service of this name. */
    return pam_driver_service(fixture.folder, "other", "auth required pam_deny.so\n") ? 0 : -1;
}

int fixture_end(void **state)
{
    DIR *folder = opendir(fixture.folder);
    const struct dirent *entry;
    char path[sizeof fixture.folder + NAME_MAX + 2];

    (void)state;
    fake_daemon_stop(fixture.daemon);
    while (folder != NULL && (entry = readdir(folder)) != NULL) {
        snprintf(path, sizeof path, "%s/%s", fixture.folder, entry->d_name);
        if (entry->d_name[0] != '.')
            unlink(path);
    }
    if (folder != NULL)
        closedir(folder);
    return rmdir(fixture.folder);
}

void fixture_service(const char *args)
{
    assert_true(pam_driver_service(fixture.folder, FIXTURE_SERVICE,
                                   "auth required %s socket=%s %s\n"
                                   "account required %s socket=%s %s\n",
                                   MODULE_PATH, fixture.socket, args, MODULE_PATH, fixture.socket,
                                   args));
}

struct pam_login fixture_login(void)
{
    return (struct pam_login){
        .confdir = fixture.folder,
        .service = FIXTURE_SERVICE,
        .user = FIXTURE_USER,
        .rhost = "192.0.2.7",
        .script = {.answer = FIXTURE_SECRET},
    };
}

unsigned fixture_open_files(void)
{
    DIR *folder = opendir("/proc/self/fd");
    unsigned n = 0;

    assert_non_null(folder);
    while (readdir(folder) != NULL)
        n++;
    closedir(folder);
    return n;
}

static void do_nothing(int number)
{
    (void)number;
}

void fixture_catch_sigusr1(int flags)
{
    const struct sigaction action = {.sa_handler = do_nothing, .sa_flags = flags};

    sigaction(SIGUSR1, &action, NULL);
}
