/*
 * returns.h - how often one code may be given back after its password has left this host.
 *
 * A code is given back when the verdict is UNAVAILABLE.  If the password was sent by then, the
 * directory may have judged it, and who can make answers come late or not at all (on the network to
 * the directory, or by a deadline of his choice) would have as many guesses as he likes with one code.
 * So that is counted, in memory that all workers share; a restart forgets it.
 */
#ifndef PGSIGNET_RETURNS_H
#define PGSIGNET_RETURNS_H

#include <stdbool.h>
#include <stdint.h>

#include "mfa/verify.h"

#define RETURNS_MOST 2 /* an outage costs a person no more tries than that before the next code */

struct returns {
    _Atomic uint64_t
        at[4096]; /* 60 bits of what was burnt, 4 of how often it came back; 0 = free */
};

/*
 * Counts one return of this token's step; false when it has come back often enough.  Lock-free: a
 * worker may be killed at any point.  Two codes that share a place (one in 4096) forget each other.
 */
bool returns_allow(struct returns *returns, const struct mfa_burn *burn);

#endif
