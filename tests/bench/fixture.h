/*
 * fixture.h - the state that a method keeps of each user, made before and renewed between samples.
 *
 * Renewing forgets which codes were used, so that a sample can be as long as the rate asks for.  It
 * happens outside of the measured time, through no code of the method itself.
 */
#ifndef PGSIGNET_BENCH_FIXTURE_H
#define PGSIGNET_BENCH_FIXTURE_H

#include "mfa/store.h"
#include "mfa/verify.h"
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
 *   pgsignet CONFIG    the SQLite store that this configuration names; pgsignet-mfa init has made it
 *   pgsignet-pg CONFIG the same of a PostgreSQL store; the caller is let in as role postgres where
 *                      store.admin_conninfo leads */
const struct fixture *fixture_find(const char *name);

/* Of fixture_store.c; of the store in PostgreSQL: fixture_pg.c. */
bool fixture_store_make(const struct pool *pool, const char *where);
bool fixture_store_renew(const struct pool *pool, const char *where);
bool fixture_pg_make(const struct pool *pool, const char *where);
bool fixture_pg_renew(const struct pool *pool, const char *where);

/*
 * The rows of a user with a proved token, who lately logged in from where the benchmark's logins come
 * from (ask: name and name_from).  A first login of the hour writes that as well; without it a store would
 * be the slower the more users are new to it.
 */
bool fixture_store_rows(struct mfa *mfa, const struct pool_user *from, int64_t now_s,
                        struct store_user *user, struct store_token *token, struct store_ask *ask);

#endif
