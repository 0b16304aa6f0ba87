/*
 * key_encoding.h - public and private keys as DER, written and read by our own hand.
 *
 * OpenSSL 3 makes and asks all encoders or decoders it has, whatever the key: 1 to 2 ms the first time, which is a
 * quarter of the time of a start of `pgsignet-ca issue`.  What is not known here goes its way.
 */
#ifndef PGSIGNET_PKI_KEY_ENCODING_H
#define PGSIGNET_PKI_KEY_ENCODING_H

#include "common/bytes.h"

#include <glib.h>
#include <openssl/evp.h>

/* Appends the SubjectPublicKeyInfo (RFC 5280 4.1; RFC 5480, 3279, 8410), byte for byte as OpenSSL writes it. */
bool key_put_spki(EVP_PKEY *key, GByteArray *out);
/* Appends the PrivateKeyInfo (RFC 5208; RFC 5915, 8410).  False for other kinds than EC and Ed25519. */
bool key_put_pkcs8(EVP_PKEY *pair, GByteArray *out);
/* A PrivateKeyInfo of EC that holds its public half too; NULL for anything else. */
EVP_PKEY *key_take_pkcs8(struct bytes der);

#endif
