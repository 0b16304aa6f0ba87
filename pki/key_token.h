/*
 * key_token.h - a key pair in a PKCS#11 token, as key.c needs it.
 *
 * The module is loaded while a key is open and no longer.  Every call into it is bounded by KEY_TOKEN_WAIT_MS: a module
 * that hangs ends the process (common/guard.h).
 */
#ifndef PGSIGNET_PKI_KEY_TOKEN_H
#define PGSIGNET_PKI_KEY_TOKEN_H

#include "pki/key.h"

#define KEY_TOKEN_WAIT_MS 60000 /* RSA keys are made inside */

struct key_token;

/* Opens the pair that the URI names; its public half goes to *public_half (owned by the caller).  NULL after why. */
struct key_token *key_token_open(const char *uri, struct bytes pin, EVP_PKEY **public_half,
                                 char *why, size_t size);
/* Makes one there first; nothing of that name may be there. */
struct key_token *key_token_generate(const char *uri, struct bytes pin,
                                     enum key_algorithm algorithm, EVP_PKEY **public_half,
                                     char *why, size_t size);
/* Takes the pair out of the token again: of one that key_token_generate has just made. */
void key_token_destroy(struct key_token *token);
void key_token_close(struct key_token *token); /* NULL is allowed */

/*
 * Signs a digest: EC gives ECDSA-Sig-Value (RFC 3279 2.2.3), RSA PKCS#1 v1.5 over digest_info (RFC 8017 9.2, DER).
 * Appends to signature.  False after why.
 */
bool key_token_sign_ec(struct key_token *token, struct bytes digest, GByteArray *signature,
                       char *why, size_t size);
bool key_token_sign_rsa(struct key_token *token, struct bytes digest_info, GByteArray *signature,
                        char *why, size_t size);

#endif
