/*
 * output_own.h - what the files of output_*.c share; nobody else's.
 */
#ifndef PGSIGNET_PKI_OUTPUT_OWN_H
#define PGSIGNET_PKI_OUTPUT_OWN_H

#include "pki/output.h"

/* The leaf and its issuers but roots, PEM. */
void output_put_chain(const struct output_leaf *leaf, GString *out);
bool output_is_root(X509 *certificate);

/* PFX (RFC 7292): key, leaf and all issuers; AES-256-CBC and the MAC by PBKDF2 and PKCS12KDF of SHA-256. */
bool output_pkcs12(const struct output_leaf *leaf, struct secret *out, char *why, size_t size);
/* The tar for a person; pfx: the PKCS#12 file, or empty. */
bool output_bundle(const struct output_leaf *leaf, struct bytes pfx, int64_t now_s,
                   struct secret *out, char *why, size_t size);

#endif
