#include "config.h"

#include "mfa/totp.h"

#include "common/secret.h"

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

size_t totp_secret_size(enum settings_algorithm algorithm)
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

bool totp_code(const struct totp *totp, struct bytes secret, int64_t step,
               char out[TOTP_DIGITS_MAX + 1])
{
    if (step < 0 || totp->digits < TOTP_DIGITS_MIN || totp->digits > TOTP_DIGITS_MAX)
        return false;
    /* With steps of one second liboath's "time" is the step itself, in 64 bits. */
    return oath_totp_generate2((const char *)secret.ptr, secret.len, (time_t)step, 1, 0,
                               totp->digits, hashes[totp->algorithm].flag, out) == OATH_OK;
}

bool totp_compare(const struct totp *totp, struct bytes secret, int64_t now_s, unsigned window,
                  struct bytes code, struct totp_window *out)
{
    bool ok = true;
    char expected[TOTP_DIGITS_MAX + 1];
    uint8_t given[TOTP_DIGITS_MAX] = {0}; /* NULs never equal a digit */
    int64_t middle = totp_step(now_s, totp->period);

    *out = (struct totp_window){0};
    if (window > TOTP_WINDOW_MAX)
        window = TOTP_WINDOW_MAX;
    if (code.len == totp->digits && code.len <= sizeof given)
        memcpy(given, code.ptr, code.len);
    for (int64_t offset = -(int64_t)window; offset <= (int64_t)window; offset++) {
        int64_t step = middle + offset;
        ok &= totp_code(totp, secret, step < 0 ? 0 : step, expected);
        out->step[out->n] = step;
        out->match[out->n] = (CRYPTO_memcmp(expected, given, totp->digits) == 0) & (step >= 0);
        out->n++;
    }
    if (!ok)
        *out = (struct totp_window){0};
    secret_wipe(expected, sizeof expected);
    secret_wipe(given, sizeof given);
    return ok;
}
