/*
 * key_credential.h - the KEK as a systemd credential (LoadCredentialEncrypted= of the unit).
 */
#ifndef PGSIGNET_MFA_KEY_CREDENTIAL_H
#define PGSIGNET_MFA_KEY_CREDENTIAL_H

#include "mfa/key_provider.h"

/* Reads settings->credential in the folder $CREDENTIALS_DIRECTORY (see struct key_provider). */
bool key_credential_open(const struct settings_keys *settings, struct kek *kek, char *why,
                         size_t size);

#endif
