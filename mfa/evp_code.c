#include "config.h"

#include "mfa/evp_code.h"

#include "common/crypto.h"
#include "common/secret.h"

bool evp_code(enum settings_algorithm algorithm, unsigned digits, struct bytes secret,
              int64_t counter, char *out)
{
    static const enum crypto_digest digest_of[] = {
        [ALGORITHM_SHA1] = CRYPTO_DIGEST_SHA1,
        [ALGORITHM_SHA256] = CRYPTO_DIGEST_SHA256,
        [ALGORITHM_SHA512] = CRYPTO_DIGEST_SHA512,
    };
    static const uint32_t moduli[] = {[6] = 1000000, [7] = 10000000, [8] = 100000000};
    uint8_t moving[8], mac[CRYPTO_HMAC_MAX];
    size_t len;

    if (counter < 0 || digits < 6 || digits > 8)
        return false;
    for (unsigned i = 0; i < 8; i++)
        moving[i] = (uint8_t)((uint64_t)counter >> (56 - 8 * i));
    if (!crypto_hmac(digest_of[algorithm], secret, bytes_of(moving, sizeof moving), mac, &len))
        return false;
    size_t at = mac[len - 1] & 15u;
    uint32_t number = (uint32_t)(mac[at] & 0x7f) << 24 | (uint32_t)mac[at + 1] << 16 |
                      (uint32_t)mac[at + 2] << 8 | mac[at + 3];
    number %= moduli[digits];
    out[digits] = '\0';
    for (unsigned i = digits; i > 0; i--, number /= 10)
        out[i - 1] = (char)('0' + number % 10);
    secret_wipe(mac, sizeof mac);
    return true;
}
