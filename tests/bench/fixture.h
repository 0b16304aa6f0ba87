/*
 * fixture.h - the state that a method keeps of each user, made before and renewed between samples.
 *
 * Renewing forgets which codes were used, so that a sample can be as long as the rate asks for.  It
 * happens outside of the measured time, through no code of the method itself.
 */
#ifndef PGSIGNET_BENCH_FIXTURE_H
#define PGSIGNET_BENCH_FIXTURE_H

#include "tests/bench/pool.h"

struct fixture {
    const char *name;
    /* Makes the state of the whole pool at `where`, as the calling user. */
    bool (*make)(const struct pool *pool, const char *where);
    /* Forgets the codes that were used since (pool_user.next_step != 0). */
    bool (*renew)(const struct pool *pool, const char *where);
};

/* By its name; NULL when there is none of it.
 *   none               no state
 *   google DIR         pam_google_authenticator: a file a user, named after the user
 *   oath FILE          pam_oath: one file for everybody
 *   pgsignet CONFIG    the store that this configuration names; pgsignet-mfa init has made it */
const struct fixture *fixture_find(const char *name);

/* Of fixture_store.c. */
bool fixture_store_make(const struct pool *pool, const char *where);
bool fixture_store_renew(const struct pool *pool, const char *where);

#endif
