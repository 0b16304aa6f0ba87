/*
 * role.h - what a login asks of PostgreSQL: the role's state, and its SCRAM verifier.  pgsignet-mfa
 * asks the same.
 *
 * One kept libpq connection a process, non-blocking, every wait bounded by the deadline; re-made once
 * when found dead; a failed server is marked in the outage page.  The two functions it calls are
 * installed by share/pgsignet/pgsignet.sql.
 */
#ifndef PGSIGNET_ROLE_H
#define PGSIGNET_ROLE_H

#include "common/bytes.h"
#include "common/outage.h"
#include "common/reason.h"
#include "common/settings.h"

struct role_source;

/* NULL when memory is short.  Connects to nothing yet.  settings and outage (may be NULL) must outlive it. */
struct role_source *role_source_new(const struct settings_postgres *settings, struct outage *outage);
void role_source_free(struct role_source *source); /* NULL is allowed */

#define ROLE_VERIFIER_MAX 1024 /* bytes, NUL included */

struct role {
    bool exists;
    bool can_login;
    bool superuser;
    bool has_valid_until;
    int64_t valid_until_s;             /* Unix time, if has_valid_until */
    char verifier[ROLE_VERIFIER_MAX];  /* the SCRAM verifier as PostgreSQL keeps it, or "" ; wipe it */
};

/*
 * Reads one role by the exact bytes of its name (pg_authid.rolname).  with_verifier false asks for
 * state alone.  REASON_GRANTED (role->exists may be false), _POSTGRES_UNAVAILABLE or _DEADLINE.
 */
enum reason role_read(struct role_source *source, struct bytes name, bool with_verifier,
                      int64_t deadline_ms, struct role *role);

/* Called for each role that may log in; the name is valid during the call. */
typedef void role_visit(void *context, struct bytes name, bool superuser);

/*
 * Visits them all but the one that asks, in order of name (pg_roles, which everybody may read).
 * REASON_GRANTED, _POSTGRES_UNAVAILABLE or _DEADLINE.
 */
enum reason role_each_login(struct role_source *source, int64_t deadline_ms, role_visit *visit,
                            void *context);

/* Judges the state (pure): REASON_GRANTED, _NO_ROLE, _ROLE_NOLOGIN, _ROLE_EXPIRED. */
enum reason role_judge(const struct role *role, int64_t now_s);

/* The last error of this handle, for the operator's log; "" if none. */
const char *role_source_error(const struct role_source *source);

#endif
