#include "config.h"

#include "mfa/key_provider.h"

#include "common/secret.h"
#include "mfa/key_command.h"
#include "mfa/key_credential.h"
#include "mfa/key_file.h"
#include "mfa/key_pkcs11.h"

static const struct key_provider providers[] = {
    [KEY_PROVIDER_FILE] = {"file", key_file_open},
    [KEY_PROVIDER_CREDENTIAL] = {"credential", key_credential_open},
    [KEY_PROVIDER_COMMAND] = {"command", key_command_open},
    [KEY_PROVIDER_PKCS11] = {"pkcs11", key_pkcs11_open},
};

const struct key_provider *key_provider(const struct settings_keys *settings)
{
    return &providers[settings->provider];
}

const char *key_where(const struct settings_keys *settings)
{
    switch ((enum settings_key_provider)settings->provider) {
    case KEY_PROVIDER_FILE:
        return settings->path;
    case KEY_PROVIDER_CREDENTIAL:
        return settings->credential;
    case KEY_PROVIDER_COMMAND:
        return settings->command.at[0];
    case KEY_PROVIDER_PKCS11:
        return settings->pkcs11;
    }
    return "";
}

bool kek_open(const struct settings_keys *settings, struct kek *kek, char *why, size_t size)
{
    *kek = (struct kek){0};
    return key_provider(settings)->open(settings, kek, why, size);
}

enum kek_result kek_wrap(struct kek *kek, const struct seal_place *place,
                         const uint8_t key[SEAL_KEY], uint8_t wrapped[KEK_WRAPPED], char *why,
                         size_t size)
{
    return kek->kind->wrap(kek, place, key, wrapped, why, size);
}

enum kek_result kek_unwrap(struct kek *kek, const struct seal_place *place, struct bytes wrapped,
                           uint8_t key[SEAL_KEY], char *why, size_t size)
{
    enum kek_result result = KEK_DAMAGED;

    if (!place->overflow && wrapped.len == KEK_WRAPPED && wrapped.ptr[0] == SEAL_VERSION)
        result = kek->kind->unwrap(kek, place, wrapped, key, why, size);
    if (result != KEK_OK)
        secret_wipe(key, SEAL_KEY);
    return result;
}

void kek_close(struct kek *kek)
{
    if (kek->kind != NULL)
        kek->kind->close(kek);
    secret_wipe(kek, sizeof *kek);
}
