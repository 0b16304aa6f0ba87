/*
 * key_pkcs11_find.h - from a URI to a session on a token and the one key in it.
 *
 * Internal to key_pkcs11.c.
 */
#ifndef PGSIGNET_MFA_KEY_PKCS11_FIND_H
#define PGSIGNET_MFA_KEY_PKCS11_FIND_H

#include <p11-kit/p11-kit.h>
#include <p11-kit/pkcs11.h>
#include <p11-kit/uri.h>

#include "mfa/key_provider.h"

struct pkcs11_key {
    P11KitUri *uri;           /* owned */
    CK_FUNCTION_LIST *module; /* loaded; NULL = not */
    bool initialized;
    bool has_session;
    CK_SESSION_HANDLE session;
    CK_OBJECT_HANDLE key;
    int64_t timeout_ms; /* of one call into the module */
};

/*
 * Loads the module, logs in, finds the key, checks that it is an AES-256 key that cannot be read out,
 * and makes its id.  False, with a sentence in why, on trouble; pkcs11_leave is due either way.
 */
bool pkcs11_enter(struct pkcs11_key *p, const char *uri, char id[KEK_ID_MAX], char *why,
                  size_t size);

/* Ends the session, finalizes and unloads the module. */
void pkcs11_leave(struct pkcs11_key *p);

/* Around every call into the module: one that hangs longer ends the process (guard.h). */
void pkcs11_call_begins(const struct pkcs11_key *p);
void pkcs11_call_ends(void);

#endif
