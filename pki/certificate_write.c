/* The profile of all that is signed here: which fields, which extensions, in which order. */
#include "config.h"

#include "pki/certificate_write.h"

#include "common/crypto.h"
#include "pki/der.h"
#include "pki/key_encoding.h"

#include <openssl/x509v3.h>
#include <string.h>

#define SUBJECT_KEY_ID 20 /* bytes: RFC 7093 2 (1), the left 160 bits of SHA-256 */

#define OID_COMMON_NAME  "2.5.4.3"
#define OID_ORGANISATION "2.5.4.10"
#define OID_UNIT         "2.5.4.11"
#define OID_SERVER_AUTH  "1.3.6.1.5.5.7.3.1"
#define OID_CLIENT_AUTH  "1.3.6.1.5.5.7.3.2"

/* Choices of GeneralName (RFC 5280 4.2.1.6) */
#define GENERAL_DNS (DER_CONTEXT + 2)
#define GENERAL_URI (DER_CONTEXT + 6)
#define GENERAL_IP  (DER_CONTEXT + 7)

static struct bytes over(const GByteArray *array)
{
    return bytes_of(array->data, array->len);
}

/* --- names ------------------------------------------------------------------------------------------------ */

static void put_part(GByteArray *out, const char *oid, struct bytes text)
{
    if (text.len == 0)
        return;
    size_t set = der_begin(out, DER_SET), pair = der_begin(out, DER_SEQUENCE);
    der_put_oid(out, oid);
    der_put(out, DER_UTF8_STRING, text);
    der_end(out, pair);
    der_end(out, set);
}

static void put_subject(GByteArray *out, const struct certificate_wish *wish,
                        const struct bytes *subject)
{
    if (subject != NULL) {
        der_put_whole(out, *subject);
        return;
    }
    size_t name = der_begin(out, DER_SEQUENCE);
    put_part(out, OID_ORGANISATION, bytes_str(wish->organisation));
    put_part(out, OID_UNIT, bytes_str(wish->unit));
    put_part(out, OID_COMMON_NAME, wish->common_name);
    der_end(out, name);
}

static bool put_issuer(GByteArray *out, const struct certificate_wish *wish,
                       const struct bytes *subject, X509 *issuer)
{
    const uint8_t *der = NULL;
    size_t len = 0;

    if (issuer == NULL) {
        put_subject(out, wish, subject);
        return true;
    }
    if (X509_NAME_get0_der(X509_get_subject_name(issuer), &der, &len) != 1)
        return false;
    der_put_whole(out, bytes_of(der, len));
    return true;
}

/* --- extensions: each leaves its value empty where there is to be none ------------------------------------ */

struct writing {
    const struct certificate_wish *wish;
    struct bytes spki;
    X509 *issuer;
    const struct key *issuer_key;
};

static bool basic_constraints(GByteArray *value, const struct writing *writing)
{
    const struct certificate_wish *wish = writing->wish;
    size_t mark = der_begin(value, DER_SEQUENCE);

    if (wish->use == LINT_CA) {
        der_put(value, DER_BOOLEAN, bytes_of("\xff", 1));
        if (wish->path_length >= 0)
            der_put_number(value, DER_INTEGER, (uint64_t)wish->path_length);
    }
    der_end(value, mark);
    return true;
}

/* Named bits have no zeroes at the end (X.690 11.2.2): the first octet says how many are left out. */
static bool key_usage(GByteArray *value, const struct writing *writing)
{
    static const uint8_t ca[] = {1, 0x06};         /* keyCertSign, cRLSign */
    static const uint8_t leaf[] = {7, 0x80};       /* digitalSignature */
    static const uint8_t rsa_server[] = {5, 0xa0}; /* and keyEncipherment */
    const struct certificate_wish *wish = writing->wish;
    bool rsa = wish->server_auth && EVP_PKEY_is_a(wish->key, "RSA") == 1;

    der_put(value, DER_BIT_STRING,
            bytes_of(wish->use == LINT_CA ? ca
                     : rsa                ? rsa_server
                                          : leaf,
                     2));
    return true;
}

static bool extended_usage(GByteArray *value, const struct writing *writing)
{
    const struct certificate_wish *wish = writing->wish;

    if (!wish->server_auth && !wish->client_auth)
        return true;
    size_t mark = der_begin(value, DER_SEQUENCE);
    if (wish->server_auth)
        der_put_oid(value, OID_SERVER_AUTH);
    if (wish->client_auth)
        der_put_oid(value, OID_CLIENT_AUTH);
    der_end(value, mark);
    return true;
}

/* Over the bits of the key, as RFC 7093 has it. */
static bool id_of(struct bytes spki, uint8_t id[CRYPTO_SHA256])
{
    struct der_item whole, algorithm, bits;

    return der_next_of(&spki, DER_SEQUENCE, &whole) &&
           der_next_of(&whole.content, DER_SEQUENCE, &algorithm) &&
           der_next_of(&whole.content, DER_BIT_STRING, &bits) && bits.content.len > 1 &&
           crypto_sha256(bytes_of(bits.content.ptr + 1, bits.content.len - 1), id);
}

static bool subject_key_id(GByteArray *value, const struct writing *writing)
{
    uint8_t id[CRYPTO_SHA256];

    if (!id_of(writing->spki, id))
        return false;
    der_put(value, DER_OCTET_STRING, bytes_of(id, SUBJECT_KEY_ID));
    return true;
}

/* keyIdentifier alone (RFC 5280 4.2.1.1): with issuer and serial no CA could be renewed. */
static bool authority_key_id(GByteArray *value, const struct writing *writing)
{
    const ASN1_OCTET_STRING *said =
        writing->issuer != NULL ? X509_get0_subject_key_id(writing->issuer) : NULL;
    GByteArray *spki = g_byte_array_new();
    uint8_t id[CRYPTO_SHA256];
    struct bytes own = bytes_of(id, SUBJECT_KEY_ID);
    bool done = true;

    if (said != NULL)
        own = bytes_of(ASN1_STRING_get0_data(said), (size_t)ASN1_STRING_length(said));
    else
        done = key_put_spki(key_public(writing->issuer_key), spki) && id_of(over(spki), id);
    if (done) {
        size_t mark = der_begin(value, DER_SEQUENCE);
        der_put(value, DER_CONTEXT, own);
        der_end(value, mark);
    }
    g_byte_array_unref(spki);
    return done;
}

static bool subject_names(GByteArray *value, const struct writing *writing)
{
    const struct certificate_wish *wish = writing->wish;

    if (wish->n_sans == 0)
        return true;
    size_t mark = der_begin(value, DER_SEQUENCE);
    for (size_t i = 0; i < wish->n_sans; i++) {
        const struct name_san *san = &wish->sans[i];
        uint8_t octets[16];
        size_t len = 0;

        if (san->kind != NAME_IP)
            der_put(value, san->kind == NAME_URI ? GENERAL_URI : GENERAL_DNS, bytes_str(san->text));
        else if (name_ip_octets(san->text, octets, &len))
            der_put(value, GENERAL_IP, bytes_of(octets, len));
        else
            return false;
    }
    der_end(value, mark);
    return true;
}

static const struct {
    const char *oid;
    bool critical;
    bool (*add)(GByteArray *value, const struct writing *writing);
} extensions[] = {
    {"2.5.29.19", true, basic_constraints}, {"2.5.29.15", true, key_usage},
    {"2.5.29.37", false, extended_usage},   {"2.5.29.14", false, subject_key_id},
    {"2.5.29.35", false, authority_key_id}, {"2.5.29.17", false, subject_names},
};

static void put_extension(GByteArray *out, const char *oid, bool critical, struct bytes value)
{
    size_t extension = der_begin(out, DER_SEQUENCE);

    der_put_oid(out, oid);
    if (critical)
        der_put(out, DER_BOOLEAN, bytes_of("\xff", 1));
    der_put(out, DER_OCTET_STRING, value);
    der_end(out, extension);
}

static bool put_extensions(GByteArray *out, const struct writing *writing)
{
    GByteArray *value = g_byte_array_new();
    size_t outer = der_begin(out, DER_CONTEXT_CONSTRUCTED + 3), all = der_begin(out, DER_SEQUENCE);
    bool done = true;

    for (size_t i = 0; i < G_N_ELEMENTS(extensions) && done; i++) {
        g_byte_array_set_size(value, 0);
        done = extensions[i].add(value, writing);
        if (done && value->len > 0)
            put_extension(out, extensions[i].oid, extensions[i].critical, over(value));
    }
    der_end(out, all);
    der_end(out, outer);
    g_byte_array_unref(value);
    return done;
}

/* --- all of it ------------------------------------------------------------------------------------------------ */

bool certificate_put_tbs(const struct certificate_wish *wish, const struct bytes *subject,
                         X509 *issuer, const struct key *issuer_key, GByteArray *out)
{
    GByteArray *spki = g_byte_array_new();
    bool done = key_put_spki(wish->key, spki);
    const struct writing writing = {wish, over(spki), issuer, issuer_key};
    size_t tbs = der_begin(out, DER_SEQUENCE), version = der_begin(out, DER_CONTEXT_CONSTRUCTED);

    der_put_number(out, DER_INTEGER, 2); /* v3 */
    der_end(out, version);
    der_put_unsigned(out, DER_INTEGER, wish->serial);
    key_signature_algorithm(issuer_key, out);
    done = put_issuer(out, wish, subject, issuer) && done;
    size_t window = der_begin(out, DER_SEQUENCE);
    der_put_time(out, wish->not_before);
    der_put_time(out, wish->not_after);
    der_end(out, window);
    put_subject(out, wish, subject);
    der_put_whole(out, writing.spki);
    done = done && put_extensions(out, &writing);
    der_end(out, tbs);
    g_byte_array_unref(spki);
    return done;
}
