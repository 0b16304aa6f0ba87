/*
 * key_pkcs11_find.h - from a URI to a session on a token and the one key in it.
 *
 * Internal to key_pkcs11.c.
 */
#ifndef PGSIGNET_MFA_KEY_PKCS11_FIND_H
#define PGSIGNET_MFA_KEY_PKCS11_FIND_H

#include "common/pkcs11.h"
#include "mfa/key_provider.h"

struct pkcs11_key {
    struct pkcs11 p;
    CK_OBJECT_HANDLE key;
};

/*
 * Enters the token, finds the key, checks that it is an AES-256 key that cannot be read out, and makes its id.
 * timeout_ms is set before, all else is zero.  False, with a sentence in why, on trouble; pkcs11_leave is due either
 * way.
 */
bool pkcs11_key_enter(struct pkcs11_key *key, const char *uri, char id[KEK_ID_MAX], char *why,
                      size_t size);

#endif
