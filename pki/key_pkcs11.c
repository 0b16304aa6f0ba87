/* Key pairs in PKCS#11 tokens: found, made, and used to sign. */
#include "config.h"

#include "pki/key_pkcs11_session.h"

#include "common/crypto.h"
#include "pki/der.h"

#include <openssl/err.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIELD_MAX     1200 /* bytes of an attribute: a modulus of 8192 bits, a point */
#define SIGNATURE_MAX 1024 /* bytes: RSA-8192 */
#define NEW_ID        16   /* bytes */

/* --- finding --- */

/* How many objects there are (0, 1, 2 for more), the first one in *object.  False after why. */
static bool find(struct key_token *token, CK_OBJECT_CLASS class, const CK_ATTRIBUTE *more,
                 CK_OBJECT_HANDLE *object, CK_ULONG *n, char *why, size_t size)
{
    CK_ATTRIBUTE wanted[3] = {{CKA_CLASS, &class, sizeof class}};
    CK_OBJECT_HANDLE found[2] = {0};
    CK_ULONG n_wanted = 1;

    if (more != NULL)
        wanted[n_wanted++] = *more;
    else
        n_wanted += pkcs11_wanted(&token->p, wanted + 1);
    bool done = pkcs11_find(&token->p, wanted, n_wanted, found, n, why, size);
    *object = found[0];
    return done;
}

static bool find_one(struct key_token *token, CK_OBJECT_CLASS class, const CK_ATTRIBUTE *more,
                     const char *what, CK_OBJECT_HANDLE *object, char *why, size_t size)
{
    CK_ULONG n;

    if (!find(token, class, more, object, &n, why, size))
        return false;
    if (n == 1)
        return true;
    snprintf(why, size, "the PKCS#11 token has %s such %s key%s", n == 0 ? "no" : "several", what,
             n == 0 ? "; see `p11tool --login --list-all` for what is there"
                    : "s; add id=%NN to the URI so that it names one");
    return false;
}

/* Of at most FIELD_MAX bytes; false when the object has no such attribute. */
static bool get(struct key_token *token, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type,
                uint8_t field[FIELD_MAX], struct bytes *out)
{
    CK_ATTRIBUTE attribute = {type, field, FIELD_MAX};

    pkcs11_call_begins(&token->p);
    CK_RV rv = token->p.module->C_GetAttributeValue(token->p.session, object, &attribute, 1);
    pkcs11_call_ends();
    *out = bytes_of(field, rv == CKR_OK ? attribute.ulValueLen : 0);
    return rv == CKR_OK && out->len > 0 && out->len <= FIELD_MAX;
}

/* --- the public half: a SubjectPublicKeyInfo is written, and read by OpenSSL, which judges it --- */

static size_t begin_bits(GByteArray *spki)
{
    size_t bits = der_begin(spki, DER_BIT_STRING);

    g_byte_array_append(spki, (const uint8_t *)"", 1); /* no unused bits */
    return bits;
}

/* CKA_EC_POINT is the point in an OCTET STRING; some modules give the bare point. */
static struct bytes bare_point(struct bytes point)
{
    struct bytes rest = point;
    struct der_item item;

    return der_next_of(&rest, DER_OCTET_STRING, &item) && rest.len == 0 ? item.content : point;
}

static bool write_ec(struct key_token *token, CK_OBJECT_HANDLE object, GByteArray *spki)
{
    uint8_t a[FIELD_MAX], b[FIELD_MAX];
    struct bytes parameters, point;

    if (!get(token, object, CKA_EC_PARAMS, a, &parameters) ||
        !get(token, object, CKA_EC_POINT, b, &point))
        return false;
    size_t algorithm = der_begin(spki, DER_SEQUENCE);
    der_put_oid(spki, "1.2.840.10045.2.1"); /* RFC 5480 2.1.1 */
    der_put_whole(spki, parameters);
    der_end(spki, algorithm);
    size_t bits = begin_bits(spki);
    der_put_whole(spki, bare_point(point));
    der_end(spki, bits);
    return true;
}

static bool write_rsa(struct key_token *token, CK_OBJECT_HANDLE object, GByteArray *spki)
{
    uint8_t a[FIELD_MAX], b[FIELD_MAX];
    struct bytes modulus, exponent;

    if (!get(token, object, CKA_MODULUS, a, &modulus) ||
        !get(token, object, CKA_PUBLIC_EXPONENT, b, &exponent))
        return false;
    size_t algorithm = der_begin(spki, DER_SEQUENCE);
    der_put_oid(spki, "1.2.840.113549.1.1.1"); /* RFC 3279 2.3.1 */
    der_put(spki, DER_NULL, bytes_of(NULL, 0));
    der_end(spki, algorithm);
    size_t bits = begin_bits(spki);
    size_t key = der_begin(spki, DER_SEQUENCE);
    der_put_unsigned(spki, DER_INTEGER, modulus);
    der_put_unsigned(spki, DER_INTEGER, exponent);
    der_end(spki, key);
    der_end(spki, bits);
    return true;
}

static EVP_PKEY *read_public(struct key_token *token, CK_OBJECT_HANDLE object, char *why,
                             size_t size)
{
    CK_KEY_TYPE type = CKK_VENDOR_DEFINED;
    CK_ATTRIBUTE attribute = {CKA_KEY_TYPE, &type, sizeof type};
    GByteArray *spki = g_byte_array_new();
    EVP_PKEY *key = NULL;

    pkcs11_call_begins(&token->p);
    CK_RV rv = token->p.module->C_GetAttributeValue(token->p.session, object, &attribute, 1);
    pkcs11_call_ends();
    size_t whole = der_begin(spki, DER_SEQUENCE);
    if (rv == CKR_OK && ((type == CKK_EC && write_ec(token, object, spki)) ||
                         (type == CKK_RSA && write_rsa(token, object, spki)))) {
        der_end(spki, whole);
        const uint8_t *at = spki->data;
        key = d2i_PUBKEY_ex(NULL, &at, (long)spki->len, crypto_library(), crypto_query());
    }
    if (key == NULL)
        snprintf(why, size,
                 "the public key in the PKCS#11 token cannot be read: it is neither an EC key on a "
                 "named curve nor an RSA key");
    ERR_clear_error();
    g_byte_array_unref(spki);
    return key;
}

/* The private key that the URI names, and the public key of the same id. */
static EVP_PKEY *find_pair(struct key_token *token, char *why, size_t size)
{
    uint8_t field[FIELD_MAX];
    struct bytes id;
    CK_BBOOL each_time = CK_FALSE;
    CK_ATTRIBUTE attribute = {CKA_ALWAYS_AUTHENTICATE, &each_time, sizeof each_time};

    if (!find_one(token, CKO_PRIVATE_KEY, NULL, "private", &token->private_half, why, size))
        return NULL;
    pkcs11_call_begins(&token->p);
    token->asks_each_time = token->p.module->C_GetAttributeValue(
                                token->p.session, token->private_half, &attribute, 1) == CKR_OK &&
                            each_time != CK_FALSE;
    pkcs11_call_ends();
    if (!get(token, token->private_half, CKA_ID, field, &id)) {
        snprintf(why, size,
                 "the private key in the PKCS#11 token has no CKA_ID, by which its public key "
                 "would be found");
        return NULL;
    }
    CK_ATTRIBUTE same_id = {CKA_ID, field, id.len};
    if (!find_one(token, CKO_PUBLIC_KEY, &same_id, "public", &token->public_half, why, size))
        return NULL;
    return read_public(token, token->public_half, why, size);
}

/* Takes nothing over; NULL after why. */
static struct key_token *enter(const char *uri, struct bytes pin, bool to_write, char *why,
                               size_t size)
{
    struct key_token *token = calloc(1, sizeof *token);

    if (token == NULL) {
        snprintf(why, size, "memory is short");
        return NULL;
    }
    if (key_token_enter(token, uri, pin, to_write, why, size))
        return token;
    key_token_close(token);
    return NULL;
}

struct key_token *key_token_open(const char *uri, struct bytes pin, EVP_PKEY **public_half,
                                 char *why, size_t size)
{
    struct key_token *token = enter(uri, pin, false, why, size);

    if (token != NULL && (*public_half = find_pair(token, why, size)) == NULL) {
        key_token_close(token);
        token = NULL;
    }
    return token;
}

void key_token_destroy(struct key_token *token)
{
    pkcs11_call_begins(&token->p);
    token->p.module->C_DestroyObject(token->p.session, token->private_half);
    token->p.module->C_DestroyObject(token->p.session, token->public_half);
    pkcs11_call_ends();
}

void key_token_close(struct key_token *token)
{
    if (token == NULL)
        return;
    key_token_leave(token);
    free(token);
}

/* --- making --- */

/* OBJECT IDENTIFIERs of the curves (RFC 5480 2.1.1.1), and the sizes of RSA keys. */
static const struct {
    uint8_t curve[12];
    size_t curve_len;
    CK_ULONG bits;
} makers[KEY_ALGORITHMS] = {
    [KEY_P256] = {{6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7}, 10, 0},
    [KEY_P384] = {{6, 5, 0x2b, 0x81, 4, 0, 0x22}, 7, 0},
    [KEY_RSA3072] = {{0}, 0, 3072},
    [KEY_RSA4096] = {{0}, 0, 4096},
};

static CK_RV make_pair(struct key_token *token, enum key_algorithm algorithm,
                       const CK_ATTRIBUTE *label, const CK_ATTRIBUTE *id)
{
    static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
    static uint8_t exponent[] = {1, 0, 1};
    uint8_t curve[sizeof makers[0].curve];
    CK_ULONG bits = makers[algorithm].bits, n = 5;
    CK_OBJECT_HANDLE public_half, private_half;
    CK_MECHANISM mechanism = {bits > 0 ? CKM_RSA_PKCS_KEY_PAIR_GEN : CKM_EC_KEY_PAIR_GEN, NULL, 0};
    CK_ATTRIBUTE public_template[7] = {
        *label, *id, {CKA_TOKEN, &yes, sizeof yes}, {CKA_VERIFY, &yes, sizeof yes}};
    CK_ATTRIBUTE private_template[] = {
        *label,
        *id,
        {CKA_TOKEN, &yes, sizeof yes},
        {CKA_PRIVATE, &yes, sizeof yes},
        {CKA_SENSITIVE, &yes, sizeof yes},
        {CKA_EXTRACTABLE, &no, sizeof no},
        {CKA_SIGN, &yes, sizeof yes},
    };

    memcpy(curve, makers[algorithm].curve, sizeof curve); /* PKCS#11 knows no const */
    if (bits > 0) {
        public_template[4] = (CK_ATTRIBUTE){CKA_MODULUS_BITS, &bits, sizeof bits};
        public_template[5] = (CK_ATTRIBUTE){CKA_PUBLIC_EXPONENT, exponent, sizeof exponent};
        n = 6;
    } else {
        public_template[4] = (CK_ATTRIBUTE){CKA_EC_PARAMS, curve, makers[algorithm].curve_len};
    }
    pkcs11_call_begins(&token->p);
    CK_RV rv = token->p.module->C_GenerateKeyPair(
        token->p.session, &mechanism, public_template, n, private_template,
        sizeof private_template / sizeof private_template[0], &public_half, &private_half);
    pkcs11_call_ends();
    return rv;
}

/* Nothing may have that label: neither key of a pair. */
static bool is_new(struct key_token *token, const CK_ATTRIBUTE *label, char *why, size_t size)
{
    static const CK_OBJECT_CLASS classes[] = {CKO_PRIVATE_KEY, CKO_PUBLIC_KEY};
    CK_OBJECT_HANDLE object;
    CK_ULONG n;

    for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++) {
        if (!find(token, classes[i], label, &object, &n, why, size))
            return false;
        if (n == 0)
            continue;
        snprintf(why, size,
                 "the PKCS#11 token has a key \"%.*s\" already, of another CA or of an `init` that "
                 "was killed: name another object, or delete that pair if nothing uses it "
                 "(pkcs11-tool --login --delete-object)",
                 (int)label->ulValueLen, (const char *)label->pValue);
        return false;
    }
    return true;
}

struct key_token *key_token_generate(const char *uri, struct bytes pin,
                                     enum key_algorithm algorithm, EVP_PKEY **public_half,
                                     char *why, size_t size)
{
    struct key_token *token = enter(uri, pin, true, why, size);
    uint8_t new_id[NEW_ID];
    CK_ATTRIBUTE id = {CKA_ID, new_id, sizeof new_id};
    CK_RV rv;

    if (token == NULL)
        return NULL;
    const CK_ATTRIBUTE *label = p11_kit_uri_get_attribute(token->p.uri, CKA_LABEL);
    const CK_ATTRIBUTE *said_id = p11_kit_uri_get_attribute(token->p.uri, CKA_ID);
    if (said_id != NULL)
        id = *said_id;
    if (label == NULL) {
        snprintf(why, size, "the PKCS#11 URI names no object: write object=NAME into it");
    } else if (makers[algorithm].curve_len == 0 && makers[algorithm].bits == 0) {
        snprintf(why, size, "keys of %s are not made in tokens", key_algorithm_names[algorithm]);
    } else if (said_id == NULL && !crypto_random(new_id, sizeof new_id)) {
        snprintf(why, size, "OpenSSL has no random bytes");
    } else if (is_new(token, label, why, size)) {
        if ((rv = make_pair(token, algorithm, label, &id)) != CKR_OK)
            (void)pkcs11_say(&token->p, why, size, "it makes no key pair", rv);
        else if ((*public_half = find_pair(token, why, size)) != NULL)
            return token;
    }
    key_token_close(token);
    return NULL;
}

char *key_pkcs11_beside(const char *text, const char *suffix, char *why, size_t size)
{
    P11KitUri *uri = pkcs11_uri(&key_token_words, text, why, size);
    char *label = NULL, *formatted = NULL, *out = NULL;

    if (uri == NULL)
        return NULL;
    const CK_ATTRIBUTE *object = p11_kit_uri_get_attribute(uri, CKA_LABEL);
    if (object == NULL) {
        snprintf(why, size, "the PKCS#11 URI names no object: write object=NAME into it");
    } else {
        char *hyphened = g_strdelimit(g_strdup(suffix), " ", '-');
        label = g_strdup_printf("%.*s%s", (int)object->ulValueLen, (const char *)object->pValue,
                                hyphened);
        g_free(hyphened);
        CK_ATTRIBUTE beside = {CKA_LABEL, label, strlen(label)};
        if (p11_kit_uri_set_attribute(uri, &beside) == P11_KIT_URI_OK &&
            p11_kit_uri_clear_attribute(uri, CKA_ID) == P11_KIT_URI_OK &&
            p11_kit_uri_format(uri, P11_KIT_URI_FOR_ANY, &formatted) == P11_KIT_URI_OK)
            out = g_strdup(formatted);
        else
            snprintf(why, size, "the PKCS#11 URI cannot be changed for a second key");
    }
    free(formatted);
    g_free(label);
    p11_kit_uri_free(uri);
    return out;
}

/* --- signing --- */

static bool sign(struct key_token *token, CK_MECHANISM_TYPE type, struct bytes text,
                 uint8_t signature[SIGNATURE_MAX], size_t *len, char *why, size_t size)
{
    CK_MECHANISM mechanism = {type, NULL, 0};
    uint8_t own[128]; /* PKCS#11 knows no const */
    CK_ULONG n = SIGNATURE_MAX;

    if (text.len > sizeof own)
        return pkcs11_say(&token->p, why, size, "there is too much to sign", CKR_DATA_LEN_RANGE);
    memcpy(own, text.ptr, text.len);
    pkcs11_call_begins(&token->p);
    CK_RV rv = token->p.module->C_SignInit(token->p.session, &mechanism, token->private_half);
    if (rv == CKR_OK && token->asks_each_time)
        rv = token->p.module->C_Login(token->p.session, CKU_CONTEXT_SPECIFIC, token->pin.ptr,
                                      token->pin.len);
    if (rv == CKR_OK)
        rv = token->p.module->C_Sign(token->p.session, own, text.len, signature, &n);
    pkcs11_call_ends();
    *len = n;
    return rv == CKR_OK || pkcs11_say(&token->p, why, size, "it does not sign", rv);
}

bool key_token_sign_ec(struct key_token *token, struct bytes digest, GByteArray *signature,
                       char *why, size_t size)
{
    uint8_t raw[SIGNATURE_MAX];
    size_t len = 0;

    if (!sign(token, CKM_ECDSA, digest, raw, &len, why, size))
        return false;
    if (len == 0 || len % 2 != 0)
        return pkcs11_say(&token->p, why, size, "its signature is no r and s of one length",
                          CKR_SIGNATURE_LEN_RANGE);
    size_t whole = der_begin(signature, DER_SEQUENCE);
    der_put_unsigned(signature, DER_INTEGER, bytes_of(raw, len / 2));
    der_put_unsigned(signature, DER_INTEGER, bytes_of(raw + len / 2, len / 2));
    der_end(signature, whole);
    return true;
}

bool key_token_sign_rsa(struct key_token *token, struct bytes digest_info, GByteArray *signature,
                        char *why, size_t size)
{
    uint8_t raw[SIGNATURE_MAX];
    size_t len = 0;

    if (!sign(token, CKM_RSA_PKCS, digest_info, raw, &len, why, size))
        return false;
    g_byte_array_append(signature, raw, (guint)len);
    return true;
}
