#include "config.h"

#include "mfa/otp.h"

#include "common/crypto.h"
#include "common/secret.h"
#include "mfa/evp_code.h"

#include <openssl/crypto.h>
#include <liboath/oath.h>

static const struct {
    size_t size;
    int flag;
} hashes[] = {
    [ALGORITHM_SHA1] = {20, 0                    },
    [ALGORITHM_SHA256] = {32, OATH_TOTP_HMAC_SHA256},
    [ALGORITHM_SHA512] = {64, OATH_TOTP_HMAC_SHA512},
};

size_t otp_secret_size(enum settings_algorithm algorithm)
{
    return hashes[algorithm].size;
}

int64_t totp_step(int64_t now_s, unsigned period)
{
    int64_t step = now_s / (int64_t)period;

    return now_s < 0 && now_s % (int64_t)period != 0 ? step - 1 : step;
}

int64_t totp_step_start(int64_t step, unsigned period)
{
    int64_t start;

    if (__builtin_mul_overflow(step, (int64_t)period, &start))
        return step < 0 ? INT64_MIN : INT64_MAX;
    return start;
}

bool otp_code(const struct otp *otp, struct bytes secret, int64_t counter,
              char out[OTP_DIGITS_MAX + 1])
{
    if (counter < 0 || otp->digits < OTP_DIGITS_MIN || otp->digits > OTP_DIGITS_MAX)
        return false;
    if (crypto_is_fips()) /* liboath has an HMAC of its own */
        return evp_code(otp->algorithm, otp->digits, secret, counter, out);
    /* With steps of one second liboath's "time" is the counter itself, in 64 bits. */
    return oath_totp_generate2((const char *)secret.ptr, secret.len, (time_t)counter, 1, 0,
                               otp->digits, hashes[otp->algorithm].flag, out) == OATH_OK;
}

bool otp_compare(const struct otp *otp, struct bytes secret, int64_t first, size_t n,
                 struct bytes code, bool *match)
{
    bool ok = true;
    char expected[OTP_DIGITS_MAX + 1] = "";
    uint8_t given[OTP_DIGITS_MAX] = {0}; /* NULs never equal a digit */

    if (code.len == otp->digits && code.len <= sizeof given)
        memcpy(given, code.ptr, code.len);
    for (size_t i = 0; i < n; i++) {
        int64_t counter;
        /* The last one there is has no successor, which is what a token is shown to stand at. */
        bool real = !__builtin_add_overflow(first, (int64_t)i, &counter) & (counter >= 0) &
                    (counter < INT64_MAX);
        ok &= otp_code(otp, secret, real ? counter : 0, expected);
        match[i] = (CRYPTO_memcmp(expected, given, otp->digits) == 0) & real;
    }
    for (size_t i = 0; !ok && i < n; i++)
        match[i] = false;
    secret_wipe(expected, sizeof expected);
    secret_wipe(given, sizeof given);
    return ok;
}
