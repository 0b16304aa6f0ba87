#include "config.h"

#include "mfa/key_provider.h"

#include "common/secret.h"
#include "mfa/key_file.h"

#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>

static const struct key_provider providers[] = {
    [KEY_PROVIDER_FILE] = {"file", key_file_read},
};

const struct key_provider *key_provider(const struct settings_keys *settings)
{
    return &providers[settings->provider];
}

bool kek_identify(struct kek *kek)
{
    static const char purpose[] = "pgsignet kek id";
    uint8_t text[sizeof purpose - 1 + SEAL_KEY];
    uint8_t digest[32];

    memcpy(text, purpose, sizeof purpose - 1);
    memcpy(text + sizeof purpose - 1, kek->key, SEAL_KEY);
    bool ok = EVP_Digest(text, sizeof text, digest, NULL, EVP_sha256(), NULL) == 1;
    secret_wipe(text, sizeof text);
    kek->id[0] = '\0';
    for (size_t i = 0; ok && i < 8; i++)
        snprintf(kek->id + 2 * i, 3, "%02x", (unsigned)digest[i]);
    return ok;
}
