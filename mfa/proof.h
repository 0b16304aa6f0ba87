/*
 * proof.h - what a code says of one token at one time (no store, no locks).
 */
#ifndef PGSIGNET_MFA_PROOF_H
#define PGSIGNET_MFA_PROOF_H

#include "mfa/keyring.h"

#define PROOF_WINDOW_MAX     1 /* steps either way */
#define PROOF_LOOK_AHEAD_MAX 50

struct proof_rules {
    int64_t now_s;
    int64_t boot_s;      /* no step that was shown before this machine started */
    int64_t floor_s;     /* of store_state */
    unsigned window;     /* TOTP: steps either way */
    unsigned look_ahead; /* HOTP: counters past the last accepted one */
};

struct proof {
    bool allowed;  /* the code of `step`, which may be accepted */
    bool used;     /* the code of a step or counter at or below the last accepted one */
    bool early;    /* shown before this machine started */
    bool restored; /* it may have been accepted before the store was restored */
    bool resync;   /* a counter that may have been: the store was restored since it was in step */
    int64_t step;
    int64_t drift; /* TOTP: steps beside the token's offset */
    bool lasting;  /* the boot floor does not keep it from being accepted again: burn it on disk */
};

/*
 * Compares the code with all that the token may show, in the same time whatever it is.  False when
 * the library fails.
 */
bool proof_of_code(const struct proof_rules *rules, const struct store_token *token,
                   struct bytes secret, struct bytes code, struct proof *proof);

#endif
