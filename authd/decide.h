/*
 * decide.h - one login, from the request to its reason.
 *
 * The order is fixed and is the point of the whole suite (docs/architecture.md, one login): throttle, split, code,
 * burn, password, account, groups, role.  Each step either passes (REASON_GRANTED) or ends the login;
 * no step after a failed one is tried, so a wrong code never reaches the directory.
 */
#ifndef PGSIGNET_DECIDE_H
#define PGSIGNET_DECIDE_H

#include "authd/own_role.h"
#include "authd/shared.h"
#include "common/address.h"
#include "common/directory.h"
#include "common/role.h"
#include "common/settings.h"
#include "common/wire.h"
#include "mfa/verify.h"

/* What a decision works with.  A handle is NULL where the configuration has no use for it. */
struct providers {
    const struct settings *settings;
    struct mfa *mfa; /* NULL: the store could not be opened; why is in mfa_reason, */
    enum reason mfa_reason;
    char mfa_why[512]; /* and in words */
    struct directory *directory;
    struct role_source *roles;
    struct outage *outage;
    const struct own_roles *own_roles; /* as which this daemon connects; NULL: none */
    struct burst *burst;             /* NULL: no string counts twice, whatever the settings say */
    struct address_rules origins;
    struct returns *returns; /* NULL: no memory is shared, and no code comes back once sent */
};

enum step { STEP_CODE, STEP_PASSWORD, STEP_ACCOUNT, STEP_GROUPS, STEP_ROLE, STEP_COUNT };

/* How far a step came. */
enum progress {
    STEP_NOT_TRIED,     /* an earlier step ended the login */
    STEP_NOT_ASKED_FOR, /* the policy has no such step */
    STEP_BURST,         /* the code: the string was accepted whole a moment ago */
    STEP_BREAK_GLASS,   /* the code: a passphrase stood for all factors */
    STEP_EXEMPT,        /* the code, for a user the policy exempts */
    STEP_LEFT_TO_STACK, /* the password, for policies with `stack` */
    STEP_PASSED,
    STEP_FAILED, /* the decision's reason says why */
};

struct login {
    /* in */
    const struct providers *providers;
    const struct wire_request *request;
    struct slot *slot;   /* gets what must be given back if this process does not survive */
    int64_t now_ms;      /* Unix time */
    int64_t boot_s;      /* Unix time */
    int64_t up_ms;       /* CLOCK_BOOTTIME */
    int64_t deadline_ms; /* CLOCK_MONOTONIC */

    /* out */
    enum reason reason;
    const struct settings_policy *policy; /* not owned; NULL when none applied */
    const struct settings_exempt *exempt; /* not owned; the exemption that was used */
    bool password_sent;                   /* to a directory, whose answer may have been lost */
    struct bytes password;                /* inside request->secret; what `stack` hands on */
    enum progress progress[STEP_COUNT];
    int64_t step_us[STEP_COUNT];
    struct mfa_outcome code;
    bool user_known; /* to the store, the policy, the directory or PostgreSQL */
    char *group;     /* that matched; owned */
    bool gave_back;  /* a burnt code was given back */

    /* between steps */
    struct directory_entry *entry;
    struct role role;
    bool role_was_read;
    bool burst_is_hashed; /* this login may use a burst, or begin one */
    uint8_t burst_hash[BURST_HASH];
};

/*
 * Decides login->reason; the caller has set the `in` part and zeroed the rest.  Counts the failure or
 * the success, and gives the code back when the verdict is UNAVAILABLE.
 */
void decide(struct login *login);

/* Turns a decided login into UNAVAILABLE after all (its event could not be recorded). */
void decide_withdraw(struct login *login, enum reason reason);

/*
 * Lets the string of a login that was granted by its code count again for a while, where the settings
 * say so.  Once its event is recorded, before it is answered: the client may be back at once.
 */
void decide_begin_burst(const struct login *login);

/* Wipes and frees what the decision owns. */
void decide_clear(struct login *login);

#endif
