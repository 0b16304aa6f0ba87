/*
 * request_parts.h - the steps of request_read, for its own files alone.
 *
 * Each returns false after it has put a sentence into the reading's why.
 */
#ifndef PGSIGNET_PKI_REQUEST_PARTS_H
#define PGSIGNET_PKI_REQUEST_PARTS_H

#include "pki/der.h"
#include "pki/request.h"

#define REQUEST_DEPTH      16 /* levels; a request with extensions has 7 */
#define REQUEST_ATTRIBUTES 16
#define REQUEST_EXTENSIONS 32

struct reading {
    enum request_use use;
    char *why;
    size_t size;
};

/* Writes the sentence; returns false, so that a step can end with it. */
bool request_refuse(const struct reading *reading, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* An object identifier of ours, as the content of its DER. */
#define REQUEST_OID(octets)                                                                        \
    {                                                                                              \
        (const uint8_t *)(octets), sizeof(octets) - 1                                              \
    }
#define REQUEST_OID_TEXT 64
/* "1.2.840.113549.1.9.14"; what does not fit is cut. */
void request_oid_text(struct bytes oid, char text[REQUEST_OID_TEXT]);

/* The request's DER out of a file, PEM (RFC 7468) or DER.  *der is to be freed (free). */
bool request_unwrap(const struct reading *reading, struct bytes text, uint8_t **der, size_t *len);

/* Is it one element, in DER down to the values, and not too deep? */
bool request_shape(const struct reading *reading, struct bytes der);

/* The same for what an extension holds, which is hidden in an OCTET STRING. */
bool request_values(const struct reading *reading, struct bytes elements);

/* The content of the subject's Name: one CN at most goes to *out, the rest is judged and dropped. */
bool request_subject(const struct reading *reading, struct bytes content, struct request *out);

/* The content of the attributes; after request_subject. */
bool request_attributes(const struct reading *reading, struct bytes content, struct request *out);

/* The content of a SubjectAltName, names appended to *out. */
bool request_names(const struct reading *reading, struct bytes value, struct request *out);

/*
 * The form of a SubjectPublicKeyInfo: NULL, else what is wrong, as in request_key_fault.  Before OpenSSL reads it, which
 * takes explicit curves and much else.
 */
const char *request_key_form(struct bytes spki);

/* NULL, else what is wrong with an RSA key (see request_key_fault); magnitudes, big-endian. */
const char *request_rsa_fault(struct bytes modulus, struct bytes exponent);

#endif
