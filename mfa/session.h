/*
 * session.h - the configuration, the identity, the store and the audit trail of one run.
 */
#ifndef PGSIGNET_MFA_SESSION_H
#define PGSIGNET_MFA_SESSION_H

#include "mfa/cli.h"

/* Opens what is needed, in that order.  False after a message; session_close is due either way. */
bool session_open(struct cli *cli, enum cli_needs needs);
/*
 * What is left of that after NEEDS_SETTINGS, for a command that first opens files as whoever runs it.
 */
bool session_enter(struct cli *cli, enum cli_needs needs);
void session_close(struct cli *cli);

/*
 * As root becomes daemon.user for good; as daemon.user does nothing; anybody else is refused with a
 * message.
 */
bool session_become_owner(struct cli *cli);

/* Opens the audit trail.  False after a message. */
bool session_open_audit(struct cli *cli);

/*
 * Writes the event of a change that was made.  False after a message that says the change stands but
 * has no record; the caller then reports failure.  user is empty for `init`; token may be NULL.
 */
bool session_record(struct cli *cli, const char *event, struct bytes user, const char *token);

/* An event with more to say than that; zeroed members are left out. */
struct session_event {
    const char *event;
    struct bytes user;
    const char *token;
    const char *detail;        /* a sentence, never a secret */
    bool alert;                /* for a person to look at, at once */
    const enum reason *judged; /* what a code deserved; NULL: a change that was made */
};
bool session_record_event(const struct cli *cli, const struct session_event *what);

/* Warns that a user without a token is likelier to be a misspelt one. */
void session_doubt_name(const struct cli *cli, struct bytes user);

/* Says what the engine's result means for this user and token, on standard error. */
void session_explain(const struct cli *cli, enum mfa_result result, struct bytes user,
                     const char *token);

#endif
