/*
 * rotate.h - a new key for a CA while everybody goes on: a state machine (pure).
 *
 *             start               issue                drop
 *     idle ----------> trust ------------> issue ------------> idle
 *                        |
 *                        +--- abort ---> idle
 *
 *   trust   the new CA is there (AUTHORITY_NEXT), cross-signed both ways; bundles hold both, and both have CRLs.
 *           The bundles are to be deployed.
 *   issue   the new CA signs (AUTHORITY_CURRENT); leaves of the old one (AUTHORITY_OLD) are renewed one by one.
 *   idle    after drop: bundles hold the new CA alone.
 *
 * The state is not written down anywhere: it is what the authorities' states say.
 */
#ifndef PGSIGNET_PKI_ROTATE_H
#define PGSIGNET_PKI_ROTATE_H

#include "pki/ledger.h"

enum rotate_state { ROTATE_IDLE, ROTATE_TRUST, ROTATE_ISSUE, ROTATE_STATES };
extern const char *const rotate_state_names[ROTATE_STATES]; /* "idle", "trust", "issue" */

enum rotate_step { STEP_START, STEP_ISSUE, STEP_DROP, STEP_ABORT, ROTATE_STEPS };
extern const char *const rotate_step_names[ROTATE_STEPS]; /* "start", ... */

/* What is known when a step is asked for. */
struct rotate_world {
    enum rotate_state state;
    bool new_crl;        /* there is a CRL of the new CA that has not expired */
    size_t distrusting;  /* servers that refused a certificate of the new CA */
    size_t silent;       /* servers that could not be asked */
    size_t old_waiting;  /* live leaves of the old CA without a successor from the new one */
    size_t old_replaced; /* live ones that have one: their owners may still be using them */
    bool forced;         /* passes over silent and old_replaced; over nothing else */
};

/*
 * May the step be taken?  NULL with the state after it in *next; else a sentence (static) that says why not, with
 * *next the state as it is.
 */
const char *rotate_next(const struct rotate_world *world, enum rotate_step step,
                        enum rotate_state *next);

#endif
