/*
 * otp.h - one-time codes by liboath, time-based (RFC 6238) and counter-based (RFC 4226), and their
 * comparison over a range of counters.
 */
#ifndef PGSIGNET_MFA_OTP_H
#define PGSIGNET_MFA_OTP_H

#include "common/bytes.h"
#include "common/settings.h"

#define OTP_DIGITS_MIN 6
#define OTP_DIGITS_MAX 8
#define OTP_SECRET_MIN 10 /* bytes */
#define OTP_SECRET_MAX 64

struct otp {
    enum settings_algorithm algorithm;
    unsigned digits; /* 6..8 */
};

/* Bytes of a fresh secret: the length of the hash (RFC 6238, reference code). */
size_t otp_secret_size(enum settings_algorithm algorithm);

/* The step that a Unix time falls into; rounds down before 1970 as well.  period: seconds, not 0. */
int64_t totp_step(int64_t now_s, unsigned period);

/* Unix time at which a step begins; saturates instead of overflowing. */
int64_t totp_step_start(int64_t step, unsigned period);

/* The code of one counter (or step), NUL-terminated.  False for a negative one or library trouble. */
bool otp_code(const struct otp *otp, struct bytes secret, int64_t counter,
              char out[OTP_DIGITS_MAX + 1]);

/*
 * Compares a code with those of the n counters from `first` on, in constant time and without early
 * exit; match[i] is what counter first + i says.  A code of another length than digits (an empty one)
 * costs the same and matches nothing, nor does a counter that is negative or past INT64_MAX.  False
 * when the library fails; then nothing matches.
 */
bool otp_compare(const struct otp *otp, struct bytes secret, int64_t first, size_t n,
                 struct bytes code, bool *match);

#endif
