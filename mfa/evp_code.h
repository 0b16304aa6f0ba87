/*
 * evp_code.h - the code of RFC 4226 with an HMAC that OpenSSL computes: for `fips: require`.
 */
#ifndef PGSIGNET_MFA_EVP_CODE_H
#define PGSIGNET_MFA_EVP_CODE_H

#include "common/bytes.h"
#include "common/settings.h"

/*
 * HOTP(secret, counter) of 6 to 8 digits, NUL-terminated (RFC 4226 5.3); with a time step for counter
 * it is TOTP.  False for other digits, a negative counter, or when the library fails.
 */
bool evp_code(enum settings_algorithm algorithm, unsigned digits, struct bytes secret,
              int64_t counter, char *out);

#endif
