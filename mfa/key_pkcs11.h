/*
 * key_pkcs11.h - the KEK as an AES-256 key that never leaves a PKCS#11 token.
 *
 * keys.pkcs11 is an RFC 7512 URI with module-path, token (or serial), object (or id) and, for a token
 * that asks for a PIN, pin-source=file:/PATH.  The token itself wraps and unwraps, by CKM_AES_GCM with a
 * nonce and associated data of ours, so that a wrapped key has the format of seal.h.
 *
 * The id is the first 8 bytes, in hex, of SHA-256 over "pgsignet kek id pkcs11" and the token's serial
 * number, the key's CKA_ID and its CKA_LABEL, each as a field of seal.h.
 *
 * The module is loaded while a KEK is open and no longer.
 */
#ifndef PGSIGNET_MFA_KEY_PKCS11_H
#define PGSIGNET_MFA_KEY_PKCS11_H

#include "mfa/key_provider.h"

/* Opens the key that settings->pkcs11 names (see struct key_provider). */
bool key_pkcs11_open(const struct settings_keys *settings, struct kek *kek, char *why, size_t size);

#endif
