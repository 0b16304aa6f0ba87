/*
 * verifier.h - the password providers, a table row each.
 */
#ifndef PGSIGNET_VERIFIER_H
#define PGSIGNET_VERIFIER_H

#include "authd/decide.h"

struct verifier {
    const char *name;             /* as in policies.*.password */
    bool uses_password;           /* the string holds a password beside the code */
    enum progress without_check;  /* what the event says when check is NULL */
    /*
     * Checks login->password; may keep what it read in login->entry or login->role.  REASON_GRANTED, a
     * reason that denies, or one that says UNAVAILABLE.  NULL: nothing is checked here.
     */
    enum reason (*check)(struct login *login);
};

/* The row of a policy; never NULL. */
const struct verifier *verifier_for(const struct settings_policy *policy);

/* Finds the user's entry once a login; later calls return the first answer's entry. */
enum reason verifier_find_entry(struct login *login);

/* Reads the role once a login, with its verifier if asked for. */
enum reason verifier_read_role(struct login *login, bool with_verifier);

#endif
