/* Rules about public keys and the algorithms that sign. */
#include "config.h"

#include "pki/lint_rules.h"

#define OID_MAX 9 /* content */

struct oid {
    uint8_t len, at[OID_MAX];
};

static bool is_oid(struct bytes content, const struct oid *oid)
{
    return bytes_equal(content, bytes_of(oid->at, oid->len));
}

static const struct {
    struct oid oid;
    enum lint_key kind;
    bool null; /* the parameters: NULL, else the curve (EC) or nothing (Ed25519) */
} keys[] = {
    {{9, {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01}}, LINT_KEY_RSA, true},
    {{7, {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01}}, LINT_KEY_EC, false},
    {{3, {0x2b, 0x65, 0x70}}, LINT_KEY_ED25519, false},
};

static const struct {
    struct oid oid;
    size_t octets; /* of a coordinate */
} curves[] = {
    {{8, {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07}}, 32},
    {{5, {0x2b, 0x81, 0x04, 0x00, 0x22}}, 48},
    {{5, {0x2b, 0x81, 0x04, 0x00, 0x23}}, 66},
};

enum strength { STRONG, WEAK };
static const struct {
    struct oid oid;
    enum lint_key kind;
    enum strength strength;
} algorithms[] = {
    {{8, {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02}}, LINT_KEY_EC, STRONG},
    {{8, {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03}}, LINT_KEY_EC, STRONG},
    {{8, {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x04}}, LINT_KEY_EC, STRONG},
    {{9, {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b}}, LINT_KEY_RSA, STRONG},
    {{9, {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0c}}, LINT_KEY_RSA, STRONG},
    {{9, {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0d}}, LINT_KEY_RSA, STRONG},
    {{3, {0x2b, 0x65, 0x70}}, LINT_KEY_ED25519, STRONG},
    {{7, {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x01}}, LINT_KEY_EC, WEAK}, /* SHA-1 */
    {{9, {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x05}}, LINT_KEY_RSA, WEAK},
    {{9, {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x04}}, LINT_KEY_RSA, WEAK}, /* MD5 */
    {{9, {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x02}}, LINT_KEY_RSA, WEAK}, /* MD2 */
};

/* AlgorithmIdentifier: what it names, and what is behind that. */
static bool read_algorithm(struct bytes whole, struct bytes *oid, struct bytes *parameters)
{
    struct der_item sequence, name;

    if (!der_next_of(&whole, DER_SEQUENCE, &sequence) ||
        !der_next_of(&sequence.content, DER_OID, &name))
        return false;
    *oid = name.content;
    *parameters = sequence.content;
    return true;
}

static bool is_null(struct bytes parameters)
{
    return parameters.len == 2 && parameters.ptr[0] == DER_NULL && parameters.ptr[1] == 0;
}

/* SubjectPublicKeyInfo, taken apart; key is behind the count of unused bits. */
static enum lint_key read_key(struct bytes spki, struct bytes *parameters, struct bytes *key,
                              bool *sound)
{
    struct der_item whole, algorithm, bits;
    struct bytes oid;

    *sound = der_next_of(&spki, DER_SEQUENCE, &whole) &&
             der_next_of(&whole.content, DER_SEQUENCE, &algorithm) &&
             read_algorithm(algorithm.whole, &oid, parameters) &&
             der_next_of(&whole.content, DER_BIT_STRING, &bits) && whole.content.len == 0 &&
             bits.content.len > 1 && bits.content.ptr[0] == 0;
    if (!*sound)
        return LINT_KEY_OTHER;
    *key = bytes_of(bits.content.ptr + 1, bits.content.len - 1);
    for (size_t i = 0; i < G_N_ELEMENTS(keys); i++)
        if (is_oid(oid, &keys[i].oid))
            return keys[i].kind;
    return LINT_KEY_OTHER;
}

enum lint_key lint_key_kind(struct bytes spki)
{
    struct bytes parameters, key;
    bool sound;

    return read_key(spki, &parameters, &key, &sound);
}

/* The bits of a positive INTEGER's content. */
static size_t bits_of(struct bytes content)
{
    size_t bits;

    while (content.len > 0 && content.ptr[0] == 0)
        content = bytes_of(content.ptr + 1, content.len - 1);
    bits = content.len * 8;
    for (uint8_t mask = 0x80; content.len > 0 && (content.ptr[0] & mask) == 0; mask >>= 1)
        bits--;
    return bits;
}

static void check_rsa(struct lint_run *run, struct bytes key)
{
    struct der_item whole, modulus, exponent;

    if (!der_next_of(&key, DER_SEQUENCE, &whole) || key.len > 0 ||
        !der_next_of(&whole.content, DER_INTEGER, &modulus) ||
        !der_next_of(&whole.content, DER_INTEGER, &exponent) || whole.content.len > 0 ||
        modulus.content.len == 0 || exponent.content.len == 0 || modulus.content.ptr[0] >= 0x80 ||
        exponent.content.ptr[0] >= 0x80) {
        lint_strike(run, LINT_KEY_MALFORMED);
        return;
    }
    if (bits_of(modulus.content) < 2048)
        lint_strike(run, LINT_RSA_SHORT);
    if ((modulus.content.ptr[modulus.content.len - 1] & 1) == 0)
        lint_strike(run, LINT_RSA_EVEN);
    if ((exponent.content.ptr[exponent.content.len - 1] & 1) == 0)
        lint_strike(run, LINT_RSA_EXPONENT_EVEN);
    if (bits_of(exponent.content) < 17 || bits_of(exponent.content) > 256)
        lint_strike(run, LINT_RSA_EXPONENT_RANGE);
}

static void check_ec(struct lint_run *run, struct bytes parameters, struct bytes key)
{
    struct der_item curve;

    if (der_next_of(&parameters, DER_OID, &curve) && parameters.len == 0) {
        for (size_t i = 0; i < G_N_ELEMENTS(curves); i++) {
            if (!is_oid(curve.content, &curves[i].oid))
                continue;
            if (key.ptr[0] != 0x04 || key.len != 1 + 2 * curves[i].octets)
                lint_strike(run, LINT_EC_POINT);
            return;
        }
    }
    lint_strike(run, LINT_EC_CURVE);
}

void lint_key_check(struct lint_run *run, struct bytes spki)
{
    struct bytes parameters, key;
    bool sound;
    enum lint_key kind = read_key(spki, &parameters, &key, &sound);

    if (!sound) {
        lint_strike(run, LINT_KEY_MALFORMED);
        return;
    }
    switch (kind) {
    case LINT_KEY_RSA:
        if (!is_null(parameters))
            lint_strike(run, LINT_KEY_PARAMETERS);
        check_rsa(run, key);
        break;
    case LINT_KEY_EC:
        check_ec(run, parameters, key);
        break;
    case LINT_KEY_ED25519:
        if (parameters.len > 0)
            lint_strike(run, LINT_KEY_PARAMETERS);
        if (key.len != 32)
            lint_strike(run, LINT_KEY_MALFORMED);
        break;
    case LINT_KEY_OTHER:
        lint_strike(run, LINT_KEY_KIND);
        break;
    }
}

/* ECDSA-Sig-Value (RFC 3279 2.2.3): two positive numbers. */
static bool is_ecdsa(struct bytes text)
{
    struct der_item whole, number;

    if (!der_is_whole(text) || !der_next_of(&text, DER_SEQUENCE, &whole))
        return false;
    for (int i = 0; i < 2; i++)
        if (!der_next_of(&whole.content, DER_INTEGER, &number) || number.content.ptr[0] >= 0x80)
            return false;
    return whole.content.len == 0;
}

static bool is_signature(enum lint_key kind, struct bytes signature)
{
    struct bytes text;

    if (signature.len < 2 || signature.ptr[0] != 0)
        return false;
    text = bytes_of(signature.ptr + 1, signature.len - 1);
    switch (kind) {
    case LINT_KEY_EC:
        return is_ecdsa(text);
    case LINT_KEY_ED25519:
        return text.len == 64;
    default: /* RSA of 2048 bits or more */
        return text.len >= 256;
    }
}

void lint_signature_check(struct lint_run *run, const struct lint_signature_rules *rules,
                          struct bytes inner, struct bytes outer, struct bytes signature,
                          struct bytes issuer_spki)
{
    struct bytes oid, parameters;
    enum lint_key issuer = lint_key_kind(issuer_spki);

    if (!bytes_equal(inner, outer))
        lint_strike(run, rules->mismatch);
    for (size_t i = 0; read_algorithm(outer, &oid, &parameters) && i < G_N_ELEMENTS(algorithms);
         i++) {
        enum lint_key kind = algorithms[i].kind;

        if (!is_oid(oid, &algorithms[i].oid))
            continue;
        if (algorithms[i].strength == WEAK)
            lint_strike(run, rules->sha1);
        if (kind == LINT_KEY_RSA ? !is_null(parameters) : parameters.len > 0)
            lint_strike(run, rules->parameters);
        if (issuer_spki.len > 0 && issuer != kind)
            lint_strike(run, rules->not_of_issuer);
        if (!is_signature(kind, signature))
            lint_strike(run, rules->malformed);
        return;
    }
    lint_strike(run, rules->unknown);
}
