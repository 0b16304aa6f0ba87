/*
 * totp.h - time-based codes (RFC 6238) by liboath, and the comparison over a window of steps.
 */
#ifndef PGSIGNET_MFA_TOTP_H
#define PGSIGNET_MFA_TOTP_H

#include "common/bytes.h"
#include "common/settings.h"

#define TOTP_DIGITS_MIN 6
#define TOTP_DIGITS_MAX 8
#define TOTP_WINDOW_MAX 1 /* steps either way */
#define TOTP_SECRET_MAX 64

struct totp {
    enum settings_algorithm algorithm;
    unsigned digits; /* 6..8 */
    unsigned period; /* seconds, at least 1 */
};

/* Bytes of a fresh secret: the length of the hash (RFC 6238, reference code). */
size_t totp_secret_size(enum settings_algorithm algorithm);

/* The step that a Unix time falls into; rounds down before 1970 as well. */
int64_t totp_step(int64_t now_s, unsigned period);

/* Unix time at which a step begins; saturates instead of overflowing. */
int64_t totp_step_start(int64_t step, unsigned period);

/* The code of one step, NUL-terminated.  False for a negative step or when the library fails. */
bool totp_code(const struct totp *totp, struct bytes secret, int64_t step,
               char out[TOTP_DIGITS_MAX + 1]);

struct totp_window {
    int64_t step[2 * TOTP_WINDOW_MAX + 1]; /* the steps looked at, ascending */
    bool match[2 * TOTP_WINDOW_MAX + 1];
    size_t n;
};

/*
 * Compares a code with those of all steps in the window, in constant time and without early exit.
 * A code of another length than digits (an empty one) costs the same and matches nothing.
 * False when the library fails; then nothing matches.
 */
bool totp_compare(const struct totp *totp, struct bytes secret, int64_t now_s, unsigned window,
                  struct bytes code, struct totp_window *out);

#endif
