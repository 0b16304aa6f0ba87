#include "config.h"

#include "pki/request_parts.h"

#include <openssl/err.h>
#include <openssl/x509.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* CertificationRequest and CertificationRequestInfo (RFC 2986 4.1, 4.2) as slices. */
struct parts {
    struct bytes version, subject, spki, attributes; /* spki whole, the others' contents */
    struct bytes algorithm;                          /* of the signature; content */
    struct bytes signature;
};

bool request_refuse(const struct reading *reading, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(reading->why, reading->size, format, arguments);
    va_end(arguments);
    return false;
}

static bool split(const struct reading *reading, struct bytes der, struct parts *parts)
{
    struct der_item request, info, item;
    struct bytes rest;

    if (!der_next_of(&der, DER_SEQUENCE, &request))
        return request_refuse(reading, "it is no signing request (PKCS#10, RFC 2986): no SEQUENCE");
    rest = request.content;
    if (!der_next_of(&rest, DER_SEQUENCE, &info) || !der_next_of(&rest, DER_SEQUENCE, &item))
        return request_refuse(reading,
                              "it is no signing request (PKCS#10, RFC 2986): make one with "
                              "\"openssl req -new\"");
    parts->algorithm = item.content;
    if (!der_next_of(&rest, DER_BIT_STRING, &item) || rest.len != 0 || item.content.len < 1 ||
        item.content.ptr[0] != 0)
        return request_refuse(reading, "its signature is not one BIT STRING of whole octets at its "
                                       "end (RFC 2986 4.2)");
    parts->signature = bytes_of(item.content.ptr + 1, item.content.len - 1);

    rest = info.content;
    if (!der_next_of(&rest, DER_INTEGER, &item))
        return request_refuse(reading,
                              "it is no signing request: it has no version (RFC 2986 4.1); "
                              "is it a certificate?");
    parts->version = item.content;
    if (!der_next_of(&rest, DER_SEQUENCE, &item))
        return request_refuse(reading, "it has no subject (RFC 2986 4.1)");
    parts->subject = item.content;
    if (!der_next_of(&rest, DER_SEQUENCE, &item))
        return request_refuse(reading, "it has no public key (RFC 2986 4.1)");
    parts->spki = item.whole;
    if (!der_next_of(&rest, DER_CONTEXT_CONSTRUCTED, &item) || rest.len != 0)
        return request_refuse(reading,
                              "its attributes are missing, or something stands behind them "
                              "(RFC 2986 4.1: [0] ends the request's information)");
    parts->attributes = item.content;
    if (!bytes_equal(parts->version, bytes_of("", 1)))
        return request_refuse(reading, "its version is not v1, which is 0 (RFC 2986 4.1)");
    return true;
}

/* Which signatures prove possession, by the kind of key. */
static const struct signature {
    struct bytes oid;
    const char *name;
    const char *fault; /* NULL = is taken */
    int key;           /* EVP_PKEY_* */
} signatures[] = {
    {REQUEST_OID("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b"), "sha256WithRSA", NULL, EVP_PKEY_RSA},
    {REQUEST_OID("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0c"), "sha384WithRSA", NULL, EVP_PKEY_RSA},
    {REQUEST_OID("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0d"), "sha512WithRSA", NULL, EVP_PKEY_RSA},
    {REQUEST_OID("\x2a\x86\x48\xce\x3d\x04\x03\x02"), "ecdsa-with-SHA256", NULL, EVP_PKEY_EC},
    {REQUEST_OID("\x2a\x86\x48\xce\x3d\x04\x03\x03"), "ecdsa-with-SHA384", NULL, EVP_PKEY_EC},
    {REQUEST_OID("\x2a\x86\x48\xce\x3d\x04\x03\x04"), "ecdsa-with-SHA512", NULL, EVP_PKEY_EC},
    {REQUEST_OID("\x2b\x65\x70"), "Ed25519", NULL, EVP_PKEY_ED25519},
    {REQUEST_OID("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x02"), "md2WithRSA", "a broken digest", 0},
    {REQUEST_OID("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x03"), "md4WithRSA", "a broken digest", 0},
    {REQUEST_OID("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x04"), "md5WithRSA", "a broken digest", 0},
    {REQUEST_OID("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x05"), "sha1WithRSA", "a broken digest", 0},
    {REQUEST_OID("\x2b\x0e\x03\x02\x1d"), "sha1WithRSA", "a broken digest", 0},
    {REQUEST_OID("\x2a\x86\x48\xce\x3d\x04\x01"), "ecdsa-with-SHA1", "a broken digest", 0},
    {REQUEST_OID("\x2a\x86\x48\xce\x38\x04\x03"), "dsa-with-SHA1", "a broken digest", 0},
};

static const struct signature *find_signature(struct bytes oid)
{
    for (size_t i = 0; i < sizeof signatures / sizeof signatures[0]; i++)
        if (bytes_equal(signatures[i].oid, oid))
            return &signatures[i];
    return NULL;
}

static bool judge_algorithm(const struct reading *reading, struct bytes rest, EVP_PKEY *key)
{
    static const char wanted[] = "sign it with SHA-256, SHA-384 or SHA-512 (openssl req -sha256)";
    const struct signature *signature;
    char text[REQUEST_OID_TEXT];
    struct der_item oid, null;

    if (!der_next_of(&rest, DER_OID, &oid))
        return request_refuse(reading, "its signature names no algorithm (RFC 5280 4.1.1.2)");
    signature = find_signature(oid.content);
    if (signature == NULL) {
        request_oid_text(oid.content, text);
        return request_refuse(reading, "it is signed by an algorithm that is not taken, %s: %s",
                              text, wanted);
    }
    if (signature->fault != NULL)
        return request_refuse(reading, "it is signed by %s, %s, which proves nothing: %s",
                              signature->name, signature->fault, wanted);
    if (EVP_PKEY_get_base_id(key) != signature->key)
        return request_refuse(reading, "it is signed by %s, which its key cannot do",
                              signature->name);
    /* RFC 4055 5: NULL, or nothing, behind RSA's; RFC 5758 3.2, RFC 8410 3: nothing behind the others. */
    if (signature->key == EVP_PKEY_RSA && der_next_of(&rest, DER_NULL, &null) &&
        null.content.len != 0)
        return request_refuse(reading, "the parameters of its signature are not NULL");
    if (rest.len != 0)
        return request_refuse(reading, "its signature has parameters that %s has not",
                              signature->name);
    return true;
}

/* Has whoever made the request got the key?  (RFC 2986 3, step 2) */
static bool prove(const struct reading *reading, const struct request *request)
{
    const unsigned char *at = request->der;
    X509_REQ *read = d2i_X509_REQ(NULL, &at, (long)request->der_len);
    bool fits = read != NULL && at == request->der + request->der_len &&
                X509_REQ_verify(read, request->key) == 1;

    X509_REQ_free(read);
    ERR_clear_error();
    if (!fits)
        return request_refuse(
            reading, "its signature was not made by its key (proof of possession, RFC 2986 "
                     "3): it was changed on its way, or made from somebody else's key");
    return true;
}

static bool read_key(const struct reading *reading, struct request *out)
{
    const unsigned char *at = out->spki.ptr;
    const char *fault;

    /* The form first: OpenSSL is not to see what nobody needs. */
    fault = request_key_form(out->spki);
    if (fault == NULL) {
        out->key = d2i_PUBKEY(NULL, &at, (long)out->spki.len);
        ERR_clear_error();
        fault = request_key_fault(out->spki, out->key);
    }
    return fault == NULL || request_refuse(reading, "its key %s", fault);
}

bool request_read(struct bytes text, enum request_use use, struct request *out, char *why,
                  size_t size)
{
    const struct reading reading = {use, why, size};
    struct parts parts;

    memset(out, 0, sizeof *out);
    if (!request_unwrap(&reading, text, &out->der, &out->der_len))
        return false;
    struct bytes der = bytes_of(out->der, out->der_len);
    if (!request_shape(&reading, der) || !split(&reading, der, &parts))
        return false;
    out->spki = parts.spki;
    return read_key(&reading, out) && judge_algorithm(&reading, parts.algorithm, out->key) &&
           request_subject(&reading, parts.subject, out) &&
           request_attributes(&reading, parts.attributes, out) && prove(&reading, out);
}

void request_clear(struct request *request)
{
    EVP_PKEY_free(request->key);
    free(request->common_name);
    for (size_t i = 0; i < request->n_sans; i++)
        name_san_clear(&request->sans[i]);
    free(request->sans);
    free(request->der);
    memset(request, 0, sizeof *request);
}
