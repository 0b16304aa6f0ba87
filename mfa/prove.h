/*
 * prove.h - asking for a code until it proves a pending token.
 */
#ifndef PGSIGNET_MFA_PROVE_H
#define PGSIGNET_MFA_PROVE_H

#include "mfa/cli.h"

#define PROVE_TRIES 3

/*
 * Reads up to PROVE_TRIES lines from standard input, each a code with blanks anywhere; activates the
 * token when one is right, records and reports it.  Returns an exit code; after failure the token is
 * still pending and a message says how to go on.
 */
int prove_token(struct cli *cli, struct bytes user, const char *name);

/* Says how to confirm the token later, on standard error. */
void prove_later(const struct cli *cli, struct bytes user, const char *name);

#endif
