#include "config.h"

#include "pki/key_encoding.h"

#include "common/crypto.h"
#include "common/secret.h"
#include "pki/der.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/x509.h>
#include <string.h>

#define OID_EC      "1.2.840.10045.2.1"
#define OID_RSA     "1.2.840.113549.1.1.1"
#define OID_ED25519 "1.3.101.112"

#define FIELD_MOST 66   /* bytes: P-521 */
#define RAW_LEN    32   /* bytes: Ed25519 */
#define RSA_MOST   2048 /* bytes of a number */

static const struct curve {
    const char *group; /* as OpenSSL calls it */
    const char *oid;
    size_t field; /* bytes */
} curves[] = {
    {"prime256v1", "1.2.840.10045.3.1.7", 32},
    {"secp384r1", "1.3.132.0.34", 48},
    {"secp521r1", "1.3.132.0.35", 66},
};

/* NULL: of another curve, or one that is spelt out. */
static const struct curve *find_curve(const EVP_PKEY *key)
{
    char text[64] = "";

    if (EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_EC_ENCODING, text, sizeof text, NULL) !=
            1 ||
        strcmp(text, OSSL_PKEY_EC_ENCODING_GROUP) != 0 ||
        EVP_PKEY_get_group_name(key, text, sizeof text, NULL) != 1)
        return NULL;
    for (size_t i = 0; i < sizeof curves / sizeof curves[0]; i++)
        if (strcmp(curves[i].group, text) == 0)
            return &curves[i];
    return NULL;
}

/* A point in its long form; false for compressed ones. */
static bool get_point(const EVP_PKEY *key, const struct curve *curve,
                      uint8_t point[1 + 2 * FIELD_MOST], size_t *len)
{
    return EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, point, 1 + 2 * FIELD_MOST,
                                           len) == 1 &&
           *len == 1 + 2 * curve->field && point[0] == POINT_CONVERSION_UNCOMPRESSED;
}

static void put_bits(GByteArray *out, uint8_t tag, struct bytes bits)
{
    size_t mark = der_begin(out, tag);

    g_byte_array_append(out, (const uint8_t[]){0}, 1); /* no unused ones */
    g_byte_array_append(out, bits.ptr, (guint)bits.len);
    der_end(out, mark);
}

static void put_algorithm(GByteArray *out, const char *oid, const char *parameter)
{
    size_t mark = der_begin(out, DER_SEQUENCE);

    der_put_oid(out, oid);
    if (parameter != NULL)
        der_put_oid(out, parameter);
    der_end(out, mark);
}

/* --- public keys ---------------------------------------------------------------------------------------- */

static bool put_ec_spki(EVP_PKEY *key, GByteArray *out)
{
    const struct curve *curve = find_curve(key);
    uint8_t point[1 + 2 * FIELD_MOST];
    size_t len = 0;

    if (curve == NULL || !get_point(key, curve, point, &len))
        return false;
    size_t mark = der_begin(out, DER_SEQUENCE);
    put_algorithm(out, OID_EC, curve->oid);
    put_bits(out, DER_BIT_STRING, bytes_of(point, len));
    der_end(out, mark);
    return true;
}

static bool put_number(EVP_PKEY *key, const char *name, GByteArray *out)
{
    uint8_t octets[RSA_MOST];
    BIGNUM *number = NULL;
    bool done = EVP_PKEY_get_bn_param(key, name, &number) == 1 && BN_num_bytes(number) <= RSA_MOST;

    if (done)
        der_put_unsigned(out, DER_INTEGER, bytes_of(octets, (size_t)BN_bn2bin(number, octets)));
    BN_free(number);
    return done;
}

static bool put_rsa_spki(EVP_PKEY *key, GByteArray *out)
{
    GByteArray *numbers = g_byte_array_new();
    size_t pair = der_begin(numbers, DER_SEQUENCE);
    bool done = put_number(key, OSSL_PKEY_PARAM_RSA_N, numbers) &&
                put_number(key, OSSL_PKEY_PARAM_RSA_E, numbers);

    if (done) {
        der_end(numbers, pair);
        size_t mark = der_begin(out, DER_SEQUENCE), algorithm = der_begin(out, DER_SEQUENCE);
        der_put_oid(out, OID_RSA);
        der_put(out, DER_NULL, bytes_of(NULL, 0));
        der_end(out, algorithm);
        put_bits(out, DER_BIT_STRING, bytes_of(numbers->data, numbers->len));
        der_end(out, mark);
    }
    g_byte_array_unref(numbers);
    return done;
}

static bool put_raw_spki(EVP_PKEY *key, GByteArray *out)
{
    uint8_t raw[RAW_LEN];
    size_t len = sizeof raw;

    if (EVP_PKEY_get_raw_public_key(key, raw, &len) != 1)
        return false;
    size_t mark = der_begin(out, DER_SEQUENCE);
    put_algorithm(out, OID_ED25519, NULL);
    put_bits(out, DER_BIT_STRING, bytes_of(raw, len));
    der_end(out, mark);
    return true;
}

bool key_put_spki(EVP_PKEY *key, GByteArray *out)
{
    uint8_t *der = NULL;
    int len;

    if ((EVP_PKEY_is_a(key, "EC") && put_ec_spki(key, out)) ||
        (EVP_PKEY_is_a(key, "RSA") && put_rsa_spki(key, out)) ||
        (EVP_PKEY_is_a(key, "ED25519") && put_raw_spki(key, out)))
        return true;
    ERR_clear_error();
    len = i2d_PUBKEY(key, &der);
    if (len > 0)
        g_byte_array_append(out, der, (guint)len);
    OPENSSL_free(der);
    return len > 0;
}

/* --- private keys ----------------------------------------------------------------------------------------- */

/* ECPrivateKey (RFC 5915 3), the curve left to the algorithm. */
static bool put_ec_private(EVP_PKEY *pair, const struct curve *curve, GByteArray *out)
{
    uint8_t point[1 + 2 * FIELD_MOST], scalar[FIELD_MOST];
    BIGNUM *number = NULL;
    size_t len = 0;
    bool done = get_point(pair, curve, point, &len) &&
                EVP_PKEY_get_bn_param(pair, OSSL_PKEY_PARAM_PRIV_KEY, &number) == 1 &&
                BN_bn2binpad(number, scalar, (int)curve->field) == (int)curve->field;

    if (done) {
        size_t mark = der_begin(out, DER_SEQUENCE);
        der_put_number(out, DER_INTEGER, 1);
        der_put(out, DER_OCTET_STRING, bytes_of(scalar, curve->field));
        size_t public_half = der_begin(out, DER_CONTEXT_CONSTRUCTED + 1);
        put_bits(out, DER_BIT_STRING, bytes_of(point, len));
        der_end(out, public_half);
        der_end(out, mark);
    }
    BN_clear_free(number);
    OPENSSL_cleanse(scalar, sizeof scalar);
    return done;
}

static bool put_raw_private(EVP_PKEY *pair, GByteArray *out)
{
    uint8_t raw[RAW_LEN];
    size_t len = sizeof raw;
    bool done = EVP_PKEY_get_raw_private_key(pair, raw, &len) == 1;

    if (done)
        der_put(out, DER_OCTET_STRING, bytes_of(raw, len));
    OPENSSL_cleanse(raw, sizeof raw);
    return done;
}

bool key_put_pkcs8(EVP_PKEY *pair, GByteArray *out)
{
    const struct curve *curve = EVP_PKEY_is_a(pair, "EC") ? find_curve(pair) : NULL;
    bool raw = EVP_PKEY_is_a(pair, "ED25519") == 1, done;

    if (curve == NULL && !raw)
        return false;
    size_t start = out->len, mark = der_begin(out, DER_SEQUENCE);
    der_put_number(out, DER_INTEGER, 0);
    put_algorithm(out, raw ? OID_ED25519 : OID_EC, raw ? NULL : curve->oid);
    size_t octets = der_begin(out, DER_OCTET_STRING);
    done = raw ? put_raw_private(pair, out) : put_ec_private(pair, curve, out);
    der_end(out, octets);
    der_end(out, mark);
    if (!done)
        g_byte_array_set_size(out, (guint)start);
    return done;
}

/* --- reading ------------------------------------------------------------------------------------------------- */

static bool take_number(struct bytes *rest, uint8_t expected)
{
    struct der_item item;

    return der_next_of(rest, DER_INTEGER, &item) && item.content.len == 1 &&
           item.content.ptr[0] == expected;
}

static const struct curve *take_curve(struct bytes algorithm)
{
    for (size_t i = 0; i < sizeof curves / sizeof curves[0]; i++) {
        GByteArray *expected = g_byte_array_new();
        bool same;

        der_put_oid(expected, OID_EC);
        der_put_oid(expected, curves[i].oid);
        same = bytes_equal(bytes_of(expected->data, expected->len), algorithm);
        g_byte_array_unref(expected);
        if (same)
            return &curves[i];
    }
    return NULL;
}

/* The scalar and the point; false unless all is there and nothing else is. */
static bool take_ec_private(struct bytes text, const struct curve *curve, struct bytes *scalar,
                            struct bytes *point)
{
    struct der_item whole, item, bits;
    struct bytes rest = text;

    if (!der_next_of(&rest, DER_SEQUENCE, &whole) || rest.len > 0)
        return false;
    rest = whole.content;
    if (!take_number(&rest, 1) || !der_next_of(&rest, DER_OCTET_STRING, &item) ||
        item.content.len != curve->field)
        return false;
    *scalar = item.content;
    if (!der_next_of(&rest, DER_CONTEXT_CONSTRUCTED + 1, &item) || rest.len > 0)
        return false;
    rest = item.content;
    if (!der_next_of(&rest, DER_BIT_STRING, &bits) || rest.len > 0 ||
        bits.content.len != 2 + 2 * curve->field || bits.content.ptr[0] != 0)
        return false;
    *point = bytes_of(bits.content.ptr + 1, bits.content.len - 1);
    return point->ptr[0] == POINT_CONVERSION_UNCOMPRESSED;
}

static EVP_PKEY *make_pair(const struct curve *curve, struct bytes scalar, struct bytes point)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(crypto_library(), "EC", crypto_query());
    BIGNUM *number = BN_secure_new();
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    OSSL_PARAM *parameters = NULL;
    EVP_PKEY *pair = NULL;

    if (context != NULL && number != NULL && build != NULL &&
        BN_bin2bn(scalar.ptr, (int)scalar.len, number) != NULL &&
        OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, curve->group, 0) == 1 &&
        OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point.ptr, point.len) ==
            1 &&
        OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_PRIV_KEY, number) == 1 &&
        (parameters = OSSL_PARAM_BLD_to_param(build)) != NULL &&
        EVP_PKEY_fromdata_init(context) == 1 &&
        EVP_PKEY_fromdata(context, &pair, EVP_PKEY_KEYPAIR, parameters) != 1)
        pair = NULL;
    OSSL_PARAM_free(parameters);
    OSSL_PARAM_BLD_free(build);
    BN_clear_free(number);
    EVP_PKEY_CTX_free(context);
    ERR_clear_error();
    return pair;
}

EVP_PKEY *key_take_pkcs8(struct bytes der)
{
    struct der_item whole, algorithm, octets;
    struct bytes rest = der, scalar, point;
    const struct curve *curve;

    if (!der_next_of(&rest, DER_SEQUENCE, &whole) || rest.len > 0)
        return NULL;
    rest = whole.content;
    if (!take_number(&rest, 0) || !der_next_of(&rest, DER_SEQUENCE, &algorithm) ||
        !der_next_of(&rest, DER_OCTET_STRING, &octets) || rest.len > 0 ||
        (curve = take_curve(algorithm.content)) == NULL ||
        !take_ec_private(octets.content, curve, &scalar, &point))
        return NULL;
    return make_pair(curve, scalar, point);
}
