/* Public keys that are not signed: by their DER, then by what OpenSSL says, then by arithmetic. */
#include "config.h"

#include "common/crypto.h"
#include "pki/request_parts.h"

#include <openssl/err.h>
#include <string.h>

#define ED25519_KEY 32 /* bytes */

/* AlgorithmIdentifier and key of a SubjectPublicKeyInfo (RFC 5280 4.1). */
struct public_key {
    struct bytes algorithm;  /* the OID's content */
    struct bytes parameters; /* whole; empty = none */
    struct bytes key;        /* the BIT STRING's octets */
};

static const char *rsa_form(const struct public_key *key);
static const char *pss_form(const struct public_key *key);
static const char *curve_form(const struct public_key *key);
static const char *edwards_form(const struct public_key *key);

static const struct kind {
    struct bytes oid;
    const char *(*form)(const struct public_key *key);
    int type; /* EVP_PKEY_* */
} kinds[] = {
    {REQUEST_OID("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01"), rsa_form, EVP_PKEY_RSA},
    {REQUEST_OID("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a"), pss_form, EVP_PKEY_RSA_PSS},
    {REQUEST_OID("\x2a\x86\x48\xce\x3d\x02\x01"), curve_form, EVP_PKEY_EC},
    {REQUEST_OID("\x2b\x65\x70"), edwards_form, EVP_PKEY_ED25519},
};

static const char malformed[] = "is malformed (SubjectPublicKeyInfo, RFC 5280 4.1)";

static const char *split(struct bytes spki, struct public_key *key)
{
    struct der_item outer, algorithm, item;

    if (!der_next_of(&spki, DER_SEQUENCE, &outer) || spki.len != 0 ||
        !der_next_of(&outer.content, DER_SEQUENCE, &algorithm) ||
        !der_next_of(&outer.content, DER_BIT_STRING, &item) || outer.content.len != 0 ||
        item.content.len < 1 || item.content.ptr[0] != 0)
        return malformed;
    key->key = bytes_of(item.content.ptr + 1, item.content.len - 1);
    if (!der_next_of(&algorithm.content, DER_OID, &item))
        return malformed;
    key->algorithm = item.content;
    key->parameters = algorithm.content;
    return NULL;
}

/* Both numbers of an RSAPublicKey (RFC 8017 A.1.1), without the zero in front. */
static bool rsa_numbers(struct bytes text, struct bytes *modulus, struct bytes *exponent)
{
    struct bytes *const numbers[2] = {modulus, exponent};
    struct der_item sequence, item;

    if (!der_next_of(&text, DER_SEQUENCE, &sequence) || text.len != 0)
        return false;
    for (size_t i = 0; i < 2; i++) {
        if (!der_next_of(&sequence.content, DER_INTEGER, &item) || item.content.len == 0 ||
            item.content.ptr[0] >= 0x80)
            return false;
        if (item.content.len > 1 && item.content.ptr[0] == 0) {
            item.content = bytes_of(item.content.ptr + 1, item.content.len - 1);
            if (item.content.ptr[0] < 0x80)
                return false;
        }
        *numbers[i] = item.content;
    }
    return sequence.content.len == 0;
}

static const char *rsa_form(const struct public_key *key)
{
    struct bytes modulus, exponent;

    if (!bytes_equal(key->parameters, bytes_of("\x05\x00", 2)))
        return "has parameters that are not NULL (RFC 3279 2.3.1)";
    if (!rsa_numbers(key->key, &modulus, &exponent))
        return "is not two positive numbers in DER (RSAPublicKey, RFC 8017 A.1.1)";
    return NULL;
}

static const char *pss_form(const struct public_key *key)
{
    (void)key;
    return "is for RSASSA-PSS alone, which most of PostgreSQL's clients do not know: make one of "
           "P-256 (openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256)";
}

static const struct curve {
    struct bytes oid;
    size_t field; /* bytes of a coordinate */
} curves[] = {
    {REQUEST_OID("\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07"), 32}, /* P-256; whole, with its tag */
    {REQUEST_OID("\x06\x05\x2b\x81\x04\x00\x22"), 48},             /* P-384 */
    {REQUEST_OID("\x06\x05\x2b\x81\x04\x00\x23"), 66},             /* P-521 */
};

/* RFC 5480 2.1.1, 2.2 */
static const char *curve_form(const struct public_key *key)
{
    const struct curve *curve = NULL;

    if (der_is(key->parameters, DER_SEQUENCE))
        return "brings the parameters of a curve of its own (CVE-2020-0601): a curve has to be "
               "named (openssl -pkeyopt ec_param_enc:named_curve)";
    if (!der_is(key->parameters, DER_OID))
        return "does not name its curve (RFC 5480 2.1.1)";
    for (size_t i = 0; i < sizeof curves / sizeof curves[0]; i++)
        if (bytes_equal(curves[i].oid, key->parameters))
            curve = &curves[i];
    if (curve == NULL)
        return "is on a curve that is not taken: P-256, P-384 and P-521 are";
    if (key->key.len == 0 || key->key.ptr[0] != 4)
        return "is not an uncompressed point, which is the one form that everybody reads "
               "(openssl -pkeyopt point-format:uncompressed)";
    if (key->key.len != 1 + 2 * curve->field)
        return "is a point of a wrong length for its curve";
    return NULL;
}

/*
 * Points of an order that divides 8, with which anybody can make signatures that verify, and encodings of y that
 * are not below p = 2^255 - 19 (RFC 8032 5.1.3 refuses them).  Little-endian; the sign of x does not matter.
 */
static bool is_weak_edwards(struct bytes key)
{
    static const uint8_t orders[][ED25519_KEY] = {
        {0}, /* 4 */
        {1}, /* 1 */
        {0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4,
         0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6,
         0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05}, /* 8 */
        {0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b,
         0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39,
         0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a}, /* 8 */
        {0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
         0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
         0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f}, /* 2 */
    };
    uint8_t y[ED25519_KEY];
    size_t i;

    memcpy(y, key.ptr, sizeof y);
    y[ED25519_KEY - 1] &= 0x7f;
    for (i = 0; i < sizeof orders / sizeof orders[0]; i++)
        if (memcmp(orders[i], y, sizeof y) == 0)
            return true;
    if (y[0] < 0xed || y[ED25519_KEY - 1] != 0x7f)
        return false;
    for (i = 1; i < ED25519_KEY - 1; i++)
        if (y[i] != 0xff)
            return false;
    return true;
}

/* RFC 8410 3, 4 */
static const char *edwards_form(const struct public_key *key)
{
    if (key->parameters.len != 0)
        return "has parameters, which Ed25519 has not (RFC 8410 3)";
    if (key->key.len != ED25519_KEY)
        return "is not the 32 octets of Ed25519 (RFC 8410 4)";
    if (is_weak_edwards(key->key))
        return "is a point of small order, or none: anybody could sign with it";
    if (crypto_is_fips())
        return "is of Ed25519, which \"fips: require\" does not allow: take P-256";
    return NULL;
}

static const struct kind *find_kind(struct bytes oid)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (bytes_equal(kinds[i].oid, oid))
            return &kinds[i];
    return NULL;
}

const char *request_key_form(struct bytes spki)
{
    struct public_key key;
    const char *fault = split(spki, &key);
    const struct kind *kind;

    if (fault != NULL)
        return fault;
    kind = find_kind(key.algorithm);
    return kind != NULL ? kind->form(&key)
                        : "is of an algorithm that is not taken: RSA, P-256, P-384, P-521 and "
                          "Ed25519 are";
}

/* What OpenSSL did not take, or takes for no key: SP 800-56A 5.6.2.3.3, SP 800-89 5.3.3. */
static const char *library_fault(const struct kind *kind, EVP_PKEY *key)
{
    EVP_PKEY_CTX *context = NULL;
    bool good;

    if (key == NULL || EVP_PKEY_get_base_id(key) != kind->type)
        return kind->type == EVP_PKEY_EC ? "is a point that is not on its curve"
                                         : "is none that OpenSSL reads";
    context = EVP_PKEY_CTX_new(key, NULL);
    good = context != NULL && EVP_PKEY_public_check(context) == 1;
    EVP_PKEY_CTX_free(context);
    ERR_clear_error();
    if (good)
        return NULL;
    return kind->type == EVP_PKEY_EC ? "is a point that is not on its curve"
                                     : "does not pass OpenSSL's check of public keys";
}

const char *request_key_fault(struct bytes spki, EVP_PKEY *key)
{
    const char *fault = request_key_form(spki);
    struct bytes modulus, exponent;
    struct public_key parts;

    if (fault != NULL)
        return fault;
    (void)split(spki, &parts);
    const struct kind *kind = find_kind(parts.algorithm);
    if (kind->type == EVP_PKEY_RSA && rsa_numbers(parts.key, &modulus, &exponent))
        fault = request_rsa_fault(modulus, exponent);
    return fault != NULL ? fault : library_fault(kind, key);
}
