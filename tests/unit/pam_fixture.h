/* pam_fixture.h - a folder with a socket, a fake daemon and service files, for the module's tests. */
#ifndef PGSIGNET_TESTS_PAM_FIXTURE_H
#define PGSIGNET_TESTS_PAM_FIXTURE_H

#include <limits.h>

#include "tests/fake_daemon.h"
#include "tests/pam_driver.h"

#define FIXTURE_SERVICE "pgsignet-test"
#define FIXTURE_USER    "canary-user-51c"
#define FIXTURE_SECRET  "canary-secret-8e2"

struct fixture {
    char folder[64];
    char socket[80];
    struct fake_daemon *daemon;
};

/* cmocka group fixtures over the one `fixture`. */
extern struct fixture fixture;
int fixture_start(void **state);
int fixture_end(void **state);

/* Both lines of the service: the module at the fixture's socket with these arguments. */
void fixture_service(const char *args);

/* A login as PostgreSQL makes it, with FIXTURE_USER, FIXTURE_SECRET and 192.0.2.7. */
struct pam_login fixture_login(void);

unsigned fixture_open_files(void);

/* A handler that does nothing; flags as for sigaction: 0 or SA_RESTART. */
void fixture_catch_sigusr1(int flags);

#endif
