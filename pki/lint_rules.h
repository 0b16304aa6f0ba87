/*
 * lint_rules.h - inside of the lint: the rules by number, what is read of a certificate, and the checks.
 *
 * A check looks at one topic and strikes rules; each rule is reported once, however often it is broken.
 */
#ifndef PGSIGNET_PKI_LINT_RULES_H
#define PGSIGNET_PKI_LINT_RULES_H

#include "pki/der.h"
#include "pki/lint.h"

enum lint_id {
    /* form */
    LINT_NOT_DER,
    LINT_TRAILING_OCTETS,
    LINT_VERSION,
    LINT_DEFAULT_ENCODED,
    LINT_UNIQUE_IDENTIFIER,
    /* serial */
    LINT_SERIAL_LONG,
    LINT_SERIAL_NOT_POSITIVE,
    LINT_SERIAL_NOT_MINIMAL,
    LINT_SERIAL_LOW_ENTROPY,
    /* signature */
    LINT_ALGORITHM_MISMATCH,
    LINT_SHA1,
    LINT_ALGORITHM_UNKNOWN,
    LINT_ALGORITHM_PARAMETERS,
    LINT_ALGORITHM_NOT_OF_ISSUER,
    LINT_SIGNATURE_MALFORMED,
    /* validity */
    LINT_TIME_PRE2050,
    LINT_TIME_MALFORMED,
    LINT_TIME_NOT_POSITIVE,
    LINT_BACKDATED,
    LINT_IN_FUTURE,
    LINT_BEFORE_ISSUER,
    LINT_OUTLIVES_ISSUER,
    LINT_TOO_LONG,
    /* names */
    LINT_ISSUER_EMPTY,
    LINT_ISSUER_MISMATCH,
    LINT_SUBJECT_EMPTY,
    LINT_NAME_MALFORMED,
    LINT_CN_COUNT,
    LINT_CN_LONG,
    LINT_CN_UNFIT,
    LINT_CN_NOT_IN_SAN,
    LINT_NAME_EMPTY_VALUE,
    LINT_NAME_STRING_TYPE,
    LINT_NAME_COUNTRY,
    LINT_NAME_BAD_ALPHA,
    LINT_NAME_LATIN1,
    LINT_NAME_NOT_PRINTABLE,
    LINT_NAME_LEADING_BLANK,
    LINT_NAME_TRAILING_BLANK,
    LINT_NAME_NOT_NFC,
    /* alternative names */
    LINT_SAN_MISSING,
    LINT_SAN_EMPTY,
    LINT_SAN_CRITICAL,
    LINT_SAN_OTHER_KIND,
    LINT_SAN_DUPLICATE,
    LINT_SAN_UNDERSCORE,
    LINT_SAN_BARE_WILDCARD,
    LINT_SAN_DNS_IS_IP,
    LINT_SAN_DNS_SYNTAX,
    LINT_SAN_IP_OCTETS,
    LINT_SAN_URI_SYNTAX,
    LINT_SAN_OF_CLIENT,
    /* public key */
    LINT_KEY_KIND,
    LINT_KEY_MALFORMED,
    LINT_KEY_PARAMETERS,
    LINT_RSA_SHORT,
    LINT_RSA_EVEN,
    LINT_RSA_EXPONENT_EVEN,
    LINT_RSA_EXPONENT_RANGE,
    LINT_EC_CURVE,
    LINT_EC_POINT,
    /* extensions */
    LINT_EXTENSION_DUPLICATE,
    LINT_EXTENSION_MALFORMED,
    LINT_EXTENSION_UNKNOWN_CRITICAL,
    LINT_CA_IS_NONE,
    LINT_CA_CONSTRAINTS_NOT_CRITICAL,
    LINT_LEAF_IS_CA,
    LINT_PATH_LENGTH_IMPROPER,
    LINT_PATH_LENGTH_EXCEEDED,
    LINT_ISSUER_MAY_NOT_SIGN,
    LINT_KU_MISSING_CA,
    LINT_KU_MISSING_LEAF,
    LINT_KU_NOT_CRITICAL,
    LINT_KU_NO_BITS,
    LINT_KU_SUPERFLUOUS,
    LINT_KU_CA_NO_CERT_SIGN,
    LINT_KU_CA_NO_CRL_SIGN,
    LINT_KU_CA_OTHER,
    LINT_KU_LEAF_CERT_SIGN,
    LINT_KU_LEAF_CRL_SIGN,
    LINT_KU_OF_KEY,
    LINT_KU_INCONSISTENT,
    LINT_EKU_MISSING,
    LINT_EKU_EMPTY,
    LINT_EKU_OF_CA,
    LINT_EKU_SERVER_INCOMPLETE,
    LINT_EKU_SERVER_EXTRA,
    LINT_EKU_CLIENT,
    LINT_SKI_MISSING_CA,
    LINT_SKI_MISSING_LEAF,
    LINT_SKI_CRITICAL,
    LINT_AKI_MISSING,
    LINT_AKI_CRITICAL,
    LINT_AKI_NO_KEY_ID,
    LINT_AKI_ISSUER_SERIAL,
    LINT_AKI_MISMATCH,
    /* CRLs */
    LINT_CRL_NOT_DER,
    LINT_CRL_TRAILING_OCTETS,
    LINT_CRL_VERSION,
    LINT_CRL_DEFAULT_ENCODED,
    LINT_CRL_ALGORITHM_MISMATCH,
    LINT_CRL_SHA1,
    LINT_CRL_ALGORITHM_UNKNOWN,
    LINT_CRL_ALGORITHM_PARAMETERS,
    LINT_CRL_ALGORITHM_NOT_OF_ISSUER,
    LINT_CRL_SIGNATURE_MALFORMED,
    LINT_CRL_ISSUER_MISMATCH,
    LINT_CRL_ISSUER_MAY_NOT_SIGN,
    LINT_CRL_TIME_PRE2050,
    LINT_CRL_TIME_MALFORMED,
    LINT_CRL_NO_NEXT_UPDATE,
    LINT_CRL_NEXT_UPDATE_INVALID,
    LINT_CRL_IN_FUTURE,
    LINT_CRL_EXPIRED,
    LINT_CRL_BEFORE_ISSUER,
    LINT_CRL_EMPTY_LIST,
    LINT_CRL_NO_EXTENSIONS,
    LINT_CRL_EXTENSION_DUPLICATE,
    LINT_CRL_EXTENSION_MALFORMED,
    LINT_CRL_EXTENSION_UNKNOWN_CRITICAL,
    LINT_CRL_NUMBER_MISSING,
    LINT_CRL_NUMBER_CRITICAL,
    LINT_CRL_NUMBER_LONG,
    LINT_CRL_AKI_MISSING,
    LINT_CRL_AKI_CRITICAL,
    LINT_CRL_AKI_FORM,
    LINT_CRL_AKI_MISMATCH,
    LINT_CRL_IDP,
    LINT_CRL_DELTA,
    LINT_CRL_ENTRY_SERIAL,
    LINT_CRL_NOT_SORTED,
    LINT_CRL_SERIAL_TWICE,
    LINT_CRL_ENTRY_AHEAD,
    LINT_CRL_REASON_INVALID,
    LINT_CRL_REASON_UNSPECIFIED,
    LINT_CRL_REASON_REMOVE,
    LINT_CRL_REASON_CRITICAL,
    LINT_IDS
};

struct lint_run {
    const struct lint_context *context;
    struct lint_finding *findings; /* LINT_FINDINGS */
    size_t n;
    bool struck[LINT_IDS];
};
void lint_strike(struct lint_run *run, enum lint_id id);

/* --- what is read; nothing is owned, all points into the DER --- */

/* id-ce (2.5.29) and its numbers. */
enum lint_extension_id {
    ID_SKI = 14,
    ID_KEY_USAGE = 15,
    ID_SAN = 17,
    ID_BASIC_CONSTRAINTS = 19,
    ID_CRL_NUMBER = 20,
    ID_REASON = 21,
    ID_DELTA_CRL = 27,
    ID_IDP = 28,
    ID_NAME_CONSTRAINTS = 30,
    ID_AKI = 35,
    ID_POLICY_CONSTRAINTS = 36,
    ID_EXTENDED_KEY_USAGE = 37,
};
struct lint_extension {
    int id;             /* enum lint_extension_id or another number of id-ce; -1 = another OID */
    struct bytes oid;   /* content */
    struct bytes value; /* inside of the OCTET STRING */
    bool critical, default_encoded;
};
/* Takes one Extension off *rest; false when it is none. */
bool lint_next_extension(struct bytes *rest, struct lint_extension *extension);

#define LINT_EXTENSIONS 32 /* that are kept */
struct lint_extensions {
    struct lint_extension at[LINT_EXTENSIONS];
    size_t n;
    bool duplicate; /* one OID came twice */
};
/* Reads the content of Extensions; false when it is malformed, or there are too many. */
bool lint_read_extensions(struct bytes content, struct lint_extensions *out);
const struct lint_extension *lint_find(const struct lint_extensions *extensions, int id);

struct lint_parts {
    bool has_version, has_extensions, unique_identifier;
    struct bytes version, serial; /* contents */
    struct bytes inner, outer;    /* AlgorithmIdentifiers, whole */
    struct bytes issuer, subject; /* Names, whole */
    struct der_item times[2];     /* notBefore, notAfter */
    struct bytes spki;            /* whole */
    struct bytes signature;       /* content of the BIT STRING */
    struct lint_extensions extensions;
    bool extensions_malformed;
};
enum lint_shape { SHAPE_WHOLE, SHAPE_TRAILING, SHAPE_NONE };
enum lint_shape lint_read(struct bytes der, struct lint_parts *parts);
/* The outer three of a certificate or a CRL: content of what is signed, algorithm, signature. */
enum lint_shape lint_read_signed(struct bytes der, struct bytes *tbs, struct bytes *algorithm,
                                 struct bytes *signature);

/* KeyUsage as bits, the first one (digitalSignature) lowest; false when malformed. */
#define KU_DIGITAL_SIGNATURE (1u << 0)
#define KU_KEY_ENCIPHERMENT  (1u << 2)
#define KU_CERT_SIGN         (1u << 5)
#define KU_CRL_SIGN          (1u << 6)
bool lint_key_usage(struct bytes value, unsigned *bits, bool *superfluous);
/* BasicConstraints; path_length -1 = none. */
bool lint_basic_constraints(struct bytes value, bool *ca, int64_t *path_length,
                            bool *default_encoded);
struct lint_aki {
    bool has_key_id, has_issuer_or_serial;
    struct bytes key_id;
};
bool lint_read_aki(struct bytes value, struct lint_aki *aki);

enum lint_key { LINT_KEY_OTHER, LINT_KEY_RSA, LINT_KEY_EC, LINT_KEY_ED25519 };
/* AlgorithmIdentifier (whole), or SubjectPublicKeyInfo: which key it is. */
enum lint_key lint_key_kind(struct bytes spki);

/* --- checks of certificates --- */

/* What of the issuer counts; its own parts for one that signs itself. */
struct lint_issuer {
    bool self, readable;
    struct lint_parts parts;
};
void lint_key_check(struct lint_run *run, struct bytes spki);
void lint_names_check(struct lint_run *run, const struct lint_parts *parts);
void lint_san_check(struct lint_run *run, const struct lint_parts *parts);
void lint_extensions_check(struct lint_run *run, const struct lint_parts *parts,
                           const struct lint_issuer *issuer);

/*
 * The algorithm that signed, for both kinds: which rules stand for what.  issuer_spki may be empty.
 */
struct lint_signature_rules {
    enum lint_id mismatch, sha1, unknown, parameters, not_of_issuer, malformed;
};
void lint_signature_check(struct lint_run *run, const struct lint_signature_rules *rules,
                          struct bytes inner, struct bytes outer, struct bytes signature,
                          struct bytes issuer_spki);

#endif
