/*
 * decide_fakes.h - stand-ins for store, directory and PostgreSQL that note each call.
 *
 * Mocks, because what is tested is who is asked and who is not; with the real ones the same logins run
 * in tests/integration/login.sh.
 */
#ifndef PGSIGNET_DECIDE_FAKES_H
#define PGSIGNET_DECIDE_FAKES_H

#include "authd/decide.h"
#include "authd/scram.h"

/* What each answers (all zero: REASON_GRANTED), and what was asked. */
struct decide_fakes {
    char calls[256];
    enum reason code, find, password, account, groups, role, read;
    enum mfa_glass glass;
    bool code_is_used; /* but not to whoever is due none */
    bool nobody;       /* the name has no token */
    bool noted, role_exists, superuser, verifier, counts;
    bool sent, code_due, whole_is_code, entry_was_null, by_bind;
    enum scram_result scram;
    char password_seen[64];
};

extern struct decide_fakes fake;
extern int dummy; /* what opaque handles point to */

#endif
