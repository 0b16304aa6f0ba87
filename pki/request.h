/*
 * request.h - the intake of certificate signing requests (PKCS#10, RFC 2986): hostile bytes in, a key and the
 * names that were asked for out, or the reason why not.  Pure.
 *
 * Nothing of a request gets into a certificate but its key and, where the operator allows it, its names.
 */
#ifndef PGSIGNET_PKI_REQUEST_H
#define PGSIGNET_PKI_REQUEST_H

#include "pki/name.h"

#include <openssl/evp.h>

#define REQUEST_MAX 65536 /* bytes of a file */

struct request {
    EVP_PKEY *key;         /* owned; public */
    struct bytes spki;     /* the SubjectPublicKeyInfo, DER; points into der */
    char *common_name;     /* owned; NULL = none */
    struct name_san *sans; /* owned array */
    size_t n_sans;
    uint8_t *der; /* owned */
    size_t der_len;
};

/* What for, so that EKUs that are asked for can be judged. */
enum request_use { REQUEST_SERVER, REQUEST_CLIENT };

/*
 * Reads one request, PEM or DER, REQUEST_MAX bytes at most.  True with *out filled (request_clear is due
 * either way); else why (size bytes) has a sentence: what is wrong, which rule, what to do.
 */
bool request_read(struct bytes text, enum request_use use, struct request *out, char *why,
                  size_t size);
void request_clear(struct request *request);

/*
 * Is this public key one that we would sign?  NULL, else a static phrase ("is RSA of less than 2048 bits, ..."): RSA
 * of less than 2048 or more than 8192 bits, e not odd or not above 2^16, ROCA (CVE-2017-15361), primes close to
 * each other (Fermat), small factors, curves other than P-256, P-384, P-521, explicit parameters, points that are
 * compressed or not on the curve, Ed25519 points of small order, anything but RSA, EC and Ed25519.  Takes the DER,
 * since OpenSSL hides some of this once it has read it; key is NULL when OpenSSL did not read it.
 */
const char *request_key_fault(struct bytes spki, EVP_PKEY *key);

#endif
