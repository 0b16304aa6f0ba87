/*
 * key.h - private keys: made, read, written, and used to sign.  A key is in a file or in a PKCS#11 token.
 */
#ifndef PGSIGNET_PKI_KEY_H
#define PGSIGNET_PKI_KEY_H

#include "common/bytes.h"
#include "common/secret.h"

#include <glib.h>
#include <openssl/evp.h>

enum key_algorithm { KEY_P256, KEY_P384, KEY_RSA3072, KEY_RSA4096, KEY_ED25519, KEY_ALGORITHMS };
extern const char
    *const key_algorithm_names[KEY_ALGORITHMS]; /* "p256", ... as the option spells them */

/* The algorithm of this key, or what is nearest of those that are made here. */
enum key_algorithm key_algorithm_near(EVP_PKEY *key);

#define KEY_ID 32 /* bytes: SHA-256 of the SubjectPublicKeyInfo, DER */

struct key; /* a private key that can sign */

/* A new key in memory.  NULL after why. */
struct key *key_generate(enum key_algorithm algorithm, char *why, size_t size);

/*
 * Reads a private key, PEM (PKCS#8, encrypted or not, SEC1, PKCS#1) or PKCS#8 DER.  passphrase may be empty;
 * what needs one and has none is refused, saying so.
 */
struct key *key_read(struct bytes text, struct bytes passphrase, char *why, size_t size);
/* Does a PEM text hold a key that needs a passphrase? */
bool key_is_sealed(struct bytes text);

/*
 * Opens the key pair that an RFC 7512 URI names (module-path, token or serial, object or id, pin-source=file:);
 * the PIN may come as passphrase instead.  The private key stays where it is.
 */
struct key *key_open_pkcs11(const char *uri, struct bytes pin, char *why, size_t size);
/* The same, of a key pair that is made there first (CKM_EC_KEY_PAIR_GEN or RSA); object must be new. */
struct key *key_generate_pkcs11(const char *uri, struct bytes pin, enum key_algorithm algorithm,
                                char *why, size_t size);
/*
 * The URI of a key beside the one that uri names: its object has the suffix behind it, blanks as hyphens ("ca-root"), and
 * it has no id.  g_free.  NULL after why: it is no URI, or names no object.
 */
char *key_pkcs11_beside(const char *uri, const char *suffix, char *why, size_t size);
/* Did the last key that was opened in a token fail because the token refused the PIN? */
bool key_pkcs11_pin_refused(void);
/* Of a URI: the one of its token alone, and the file with the PIN.  g_free; NULL = it is no URI, or has none. */
char *key_pkcs11_token(const char *uri);
char *key_pkcs11_pin_file(const char *uri);
/* As key_free, of a key that was just made and is not to be: it leaves its token as well. */
void key_discard(struct key *key);
void key_free(struct key *key); /* NULL is allowed */

/* The public half; not owned. */
EVP_PKEY *key_public(const struct key *key);
/* The private half, for TLS and PKCS#12; NULL when it is in a token.  Not owned. */
EVP_PKEY *key_private(const struct key *key);
bool key_id(EVP_PKEY *key, uint8_t id[KEY_ID]);

/* Can both be of one pair? */
bool key_fits(const struct key *key, EVP_PKEY *public_half);

/*
 * Signs with the one algorithm that goes with the key: ecdsa-with-SHA256 (P-256), -SHA384 (P-384), -SHA512,
 * sha256WithRSAEncryption, Ed25519.  Appends the AlgorithmIdentifier's DER to algorithm (for the tbs, before),
 * or the signature to signature.  False after why.
 */
void key_signature_algorithm(const struct key *key, GByteArray *algorithm);
bool key_sign(struct key *key, struct bytes text, GByteArray *signature, char *why, size_t size);
bool key_verifies(EVP_PKEY *public_half, struct bytes text, struct bytes signature);

/* PKCS#8; with a passphrase PBES2 of scrypt (N 2^14, r 8, p 5) and AES-256-CBC.  False after why. */
bool key_write_pem(const struct key *key, struct bytes passphrase, struct secret *out, char *why,
                   size_t size);
bool key_write_der(const struct key *key, struct secret *out, char *why, size_t size);

#endif
