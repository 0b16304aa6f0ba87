/* Rules about the extensions of a certificate, all but subjectAltName. */
#include "config.h"

#include "pki/lint_rules.h"

/* id-kp 1.3.6.1.5.5.7.3 */
static const uint8_t id_kp[] = {0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03};
#define ID_SERVER_AUTH 1
#define ID_CLIENT_AUTH 2

static void check_all(struct lint_run *run, const struct lint_extensions *extensions)
{
    static const int known[] = {ID_SKI,
                                ID_KEY_USAGE,
                                ID_SAN,
                                ID_BASIC_CONSTRAINTS,
                                ID_NAME_CONSTRAINTS,
                                ID_POLICY_CONSTRAINTS,
                                ID_AKI,
                                ID_EXTENDED_KEY_USAGE};

    if (extensions->duplicate)
        lint_strike(run, LINT_EXTENSION_DUPLICATE);
    for (size_t i = 0; i < extensions->n; i++) {
        bool is_known = false;

        if (extensions->at[i].default_encoded)
            lint_strike(run, LINT_DEFAULT_ENCODED);
        for (size_t k = 0; k < G_N_ELEMENTS(known); k++)
            is_known |= extensions->at[i].id == known[k];
        if (extensions->at[i].critical && !is_known)
            lint_strike(run, LINT_EXTENSION_UNKNOWN_CRITICAL);
    }
}

static void check_basic_constraints(struct lint_run *run, const struct lint_parts *parts)
{
    const struct lint_extension *found = lint_find(&parts->extensions, ID_BASIC_CONSTRAINTS);
    bool wants_ca = run->context->use == LINT_CA, ca = false, default_encoded = false;
    int64_t path_length = -1;

    if (found != NULL &&
        !lint_basic_constraints(found->value, &ca, &path_length, &default_encoded)) {
        lint_strike(run, LINT_EXTENSION_MALFORMED);
        return;
    }
    if (default_encoded)
        lint_strike(run, LINT_DEFAULT_ENCODED);
    if (wants_ca && !ca)
        lint_strike(run, LINT_CA_IS_NONE);
    else if (wants_ca && !found->critical)
        lint_strike(run, LINT_CA_CONSTRAINTS_NOT_CRITICAL);
    if (!wants_ca && ca)
        lint_strike(run, LINT_LEAF_IS_CA);
    if (!ca && path_length >= 0)
        lint_strike(run, LINT_PATH_LENGTH_IMPROPER);
}

/* What a leaf may do with its key. */
static void check_leaf_usage(struct lint_run *run, unsigned bits, enum lint_key key)
{
    unsigned rest = bits & ~(KU_CERT_SIGN | KU_CRL_SIGN);

    if ((bits & KU_CERT_SIGN) != 0)
        lint_strike(run, LINT_KU_LEAF_CERT_SIGN);
    if ((bits & KU_CRL_SIGN) != 0)
        lint_strike(run, LINT_KU_LEAF_CRL_SIGN);
    if ((rest & KU_KEY_ENCIPHERMENT) != 0 && key != LINT_KEY_RSA) {
        lint_strike(run, LINT_KU_OF_KEY);
        rest &= ~KU_KEY_ENCIPHERMENT;
    }
    if (run->context->use == LINT_SERVER && key == LINT_KEY_RSA)
        rest &= ~KU_KEY_ENCIPHERMENT;
    if (rest != KU_DIGITAL_SIGNATURE)
        lint_strike(run, LINT_KU_INCONSISTENT);
}

static void check_key_usage(struct lint_run *run, const struct lint_parts *parts)
{
    const struct lint_extension *found = lint_find(&parts->extensions, ID_KEY_USAGE);
    bool is_ca = run->context->use == LINT_CA, superfluous;
    unsigned bits;

    if (found == NULL) {
        lint_strike(run, is_ca ? LINT_KU_MISSING_CA : LINT_KU_MISSING_LEAF);
        return;
    }
    if (!found->critical)
        lint_strike(run, LINT_KU_NOT_CRITICAL);
    if (!lint_key_usage(found->value, &bits, &superfluous)) {
        lint_strike(run, LINT_EXTENSION_MALFORMED);
        return;
    }
    if (bits == 0) {
        lint_strike(run, LINT_KU_NO_BITS);
        return;
    }
    if (superfluous)
        lint_strike(run, LINT_KU_SUPERFLUOUS);
    if (!is_ca) {
        check_leaf_usage(run, bits, lint_key_kind(parts->spki));
        return;
    }
    if ((bits & KU_CERT_SIGN) == 0)
        lint_strike(run, LINT_KU_CA_NO_CERT_SIGN);
    if ((bits & KU_CRL_SIGN) == 0)
        lint_strike(run, LINT_KU_CA_NO_CRL_SIGN);
    if ((bits & ~(KU_CERT_SIGN | KU_CRL_SIGN)) != 0)
        lint_strike(run, LINT_KU_CA_OTHER);
}

static int purpose_id(struct bytes oid)
{
    return oid.len == sizeof id_kp + 1 && memcmp(oid.ptr, id_kp, sizeof id_kp) == 0
               ? oid.ptr[sizeof id_kp]
               : -1;
}

static void check_extended_key_usage(struct lint_run *run, const struct lint_parts *parts)
{
    const struct lint_extension *found = lint_find(&parts->extensions, ID_EXTENDED_KEY_USAGE);
    bool server = false, client = false, others = false;
    struct bytes rest;
    struct der_item list, oid;

    if (run->context->use == LINT_CA || found == NULL) {
        if (found != NULL)
            lint_strike(run, LINT_EKU_OF_CA);
        else if (run->context->use != LINT_CA)
            lint_strike(run, LINT_EKU_MISSING);
        return;
    }
    rest = found->value;
    if (!der_next_of(&rest, DER_SEQUENCE, &list) || rest.len > 0) {
        lint_strike(run, LINT_EXTENSION_MALFORMED);
        return;
    }
    if (list.content.len == 0) {
        lint_strike(run, LINT_EKU_EMPTY);
        return;
    }
    while (list.content.len > 0) {
        if (!der_next_of(&list.content, DER_OID, &oid)) {
            lint_strike(run, LINT_EXTENSION_MALFORMED);
            return;
        }
        switch (purpose_id(oid.content)) {
        case ID_SERVER_AUTH:
            server = true;
            break;
        case ID_CLIENT_AUTH:
            client = true;
            break;
        default:
            others = true;
            break;
        }
    }
    if (run->context->use == LINT_CLIENT && (server || others || !client))
        lint_strike(run, LINT_EKU_CLIENT);
    if (run->context->use == LINT_SERVER && !(server && client))
        lint_strike(run, LINT_EKU_SERVER_INCOMPLETE);
    if (run->context->use == LINT_SERVER && others)
        lint_strike(run, LINT_EKU_SERVER_EXTRA);
}

/* The content of subjectKeyIdentifier; empty when there is none, or it is malformed. */
static struct bytes subject_key_id(const struct lint_parts *parts, bool *malformed)
{
    const struct lint_extension *found = lint_find(&parts->extensions, ID_SKI);
    struct bytes rest;
    struct der_item item;

    *malformed = false;
    if (found == NULL)
        return bytes_of(NULL, 0);
    rest = found->value;
    *malformed =
        !der_next_of(&rest, DER_OCTET_STRING, &item) || rest.len > 0 || item.content.len == 0;
    return *malformed ? bytes_of(NULL, 0) : item.content;
}

static void check_key_ids(struct lint_run *run, const struct lint_parts *parts,
                          const struct lint_issuer *issuer)
{
    const struct lint_extension *own = lint_find(&parts->extensions, ID_SKI);
    const struct lint_extension *found = lint_find(&parts->extensions, ID_AKI);
    struct lint_aki aki;
    struct bytes issuers;
    bool malformed;

    (void)subject_key_id(parts, &malformed);
    if (own == NULL)
        lint_strike(run,
                    run->context->use == LINT_CA ? LINT_SKI_MISSING_CA : LINT_SKI_MISSING_LEAF);
    else if (own->critical)
        lint_strike(run, LINT_SKI_CRITICAL);
    if (malformed)
        lint_strike(run, LINT_EXTENSION_MALFORMED);
    if (found == NULL) {
        if (!issuer->self)
            lint_strike(run, LINT_AKI_MISSING);
        return;
    }
    if (found->critical)
        lint_strike(run, LINT_AKI_CRITICAL);
    if (!lint_read_aki(found->value, &aki)) {
        lint_strike(run, LINT_EXTENSION_MALFORMED);
        return;
    }
    if (aki.has_issuer_or_serial)
        lint_strike(run, LINT_AKI_ISSUER_SERIAL);
    if (!aki.has_key_id) {
        lint_strike(run, LINT_AKI_NO_KEY_ID);
        return;
    }
    issuers = subject_key_id(issuer->self ? parts : &issuer->parts, &malformed);
    if (issuers.len > 0 && !bytes_equal(issuers, aki.key_id))
        lint_strike(run, LINT_AKI_MISMATCH);
}

/* What the issuer's own certificate allows it (RFC 5280 6.1.4 k-n). */
static void check_issuer(struct lint_run *run, const struct lint_parts *parts,
                         const struct lint_issuer *issuer)
{
    const struct lint_extension *constraints, *usage;
    bool ca = false, other;
    int64_t path_length = -1;
    unsigned bits = KU_CERT_SIGN;

    if (issuer->self)
        return;
    constraints = lint_find(&issuer->parts.extensions, ID_BASIC_CONSTRAINTS);
    usage = lint_find(&issuer->parts.extensions, ID_KEY_USAGE);
    if (!issuer->readable || constraints == NULL ||
        !lint_basic_constraints(constraints->value, &ca, &path_length, &other) || !ca ||
        (usage != NULL && !lint_key_usage(usage->value, &bits, &other)) ||
        (bits & KU_CERT_SIGN) == 0)
        lint_strike(run, LINT_ISSUER_MAY_NOT_SIGN);
    /* A CA that renews itself (same name) takes no step down. */
    if (run->context->use == LINT_CA && path_length == 0 &&
        !bytes_equal(parts->subject, parts->issuer))
        lint_strike(run, LINT_PATH_LENGTH_EXCEEDED);
}

void lint_extensions_check(struct lint_run *run, const struct lint_parts *parts,
                           const struct lint_issuer *issuer)
{
    if (parts->extensions_malformed) {
        lint_strike(run, LINT_EXTENSION_MALFORMED);
        return;
    }
    check_all(run, &parts->extensions);
    check_basic_constraints(run, parts);
    check_key_usage(run, parts);
    check_extended_key_usage(run, parts);
    check_key_ids(run, parts, issuer);
    check_issuer(run, parts, issuer);
}
