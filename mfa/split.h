/*
 * split.h - one string into password and code (pure).
 */
#ifndef PGSIGNET_MFA_SPLIT_H
#define PGSIGNET_MFA_SPLIT_H

#include "mfa/letters.h"

enum split_order { SPLIT_PASSWORD_CODE, SPLIT_CODE_PASSWORD, SPLIT_CODE_ONLY };

struct split {
    struct bytes code;      /* of exactly `digits` bytes; points into the string */
    size_t password_offset; /* where the rest begins in the string */
    size_t password_length; /* may be 0: whether that is allowed is the caller's to say */
};

/*
 * Cuts a code of `digits` ASCII digits off the end of the string (or off its start, or takes the whole
 * string, by the order).  False when there is no code of that form; *out is then the whole string as
 * password and an empty code.
 */
bool split_secret(struct bytes secret, enum split_order order, unsigned digits, struct split *out);

#define SPLIT_RECOVERY 20 /* letters of a recovery code: 86 bits */

/*
 * The same for a recovery code, with hyphens or without: letters are then those of the code in lower
 * case (the caller wipes them).  False when the string has no such form; *out as for split_secret.
 */
bool split_recovery(struct bytes secret, enum split_order order, uint8_t letters[SPLIT_RECOVERY],
                    struct split *out);

#endif
