/*
 * key_pkcs11_session.h - from a URI to a session on a token.
 *
 * Internal to key_pkcs11.c.
 */
#ifndef PGSIGNET_PKI_KEY_PKCS11_SESSION_H
#define PGSIGNET_PKI_KEY_PKCS11_SESSION_H

#include <p11-kit/p11-kit.h>
#include <p11-kit/pkcs11.h>
#include <p11-kit/uri.h>

#include "pki/key_token.h"

struct key_token {
    P11KitUri *uri;           /* owned */
    CK_FUNCTION_LIST *module; /* loaded; NULL = not */
    bool initialized, has_session;
    CK_SESSION_HANDLE session;
    CK_OBJECT_HANDLE private_half, public_half;
    bool asks_each_time; /* CKA_ALWAYS_AUTHENTICATE: the PIN is given before every signature */
    struct secret pin;   /* owned; empty when the token asks for none */
};

/* Parses the URI; NULL after why: it is none, holds a PIN, or has no module-path.  p11_kit_uri_free. */
P11KitUri *pkcs11_uri(const char *text, char *why, size_t size);

/*
 * Loads the module, finds the one token that fits token->uri, and logs in.  False after why; pkcs11_leave is due either
 * way.
 */
bool pkcs11_enter(struct key_token *token, struct bytes pin, bool to_write, char *why, size_t size);
void pkcs11_leave(struct key_token *token);

/* The path of pin-source=file:/PATH; NULL = there is none.  Of the URI. */
const char *pkcs11_pin_file(P11KitUri *uri);

/* Around every call into the module: one that hangs longer than KEY_TOKEN_WAIT_MS ends the process. */
void pkcs11_call_begins(void);
void pkcs11_call_ends(void);

/* Writes "cannot use the PKCS#11 token: WHAT: what rv means" to why; always false. */
bool pkcs11_say(char *why, size_t size, const char *what, CK_RV rv);

#endif
