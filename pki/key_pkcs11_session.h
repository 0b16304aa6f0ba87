/*
 * key_pkcs11_session.h - a session on the token that holds a key of the CA, and how the CA logs in.
 *
 * Internal to key_pkcs11.c.
 */
#ifndef PGSIGNET_PKI_KEY_PKCS11_SESSION_H
#define PGSIGNET_PKI_KEY_PKCS11_SESSION_H

#include "common/pkcs11.h"
#include "pki/key_token.h"

struct key_token {
    struct pkcs11 p;
    CK_OBJECT_HANDLE private_half, public_half;
    bool asks_each_time; /* CKA_ALWAYS_AUTHENTICATE: the PIN is given before every signature */
    struct secret pin;   /* owned; empty when the token asks for none */
};

extern const struct pkcs11_words key_token_words;

/*
 * Loads the module, finds the one token that fits the URI, and logs in: with this PIN, or when it is empty with the one
 * in the file of the URI's pin-source.  *token is zero before.  False after why; key_token_leave is due either way.
 */
bool key_token_enter(struct key_token *token, const char *uri, struct bytes pin, bool to_write,
                     char *why, size_t size);
void key_token_leave(struct key_token *token);

#endif
