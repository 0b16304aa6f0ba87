/*
 * certificate.h - from what is wanted to a signed certificate.  Plain data in, DER out; no files, no record.
 */
#ifndef PGSIGNET_PKI_CERTIFICATE_H
#define PGSIGNET_PKI_CERTIFICATE_H

#include "pki/key.h"
#include "pki/lint.h"
#include "pki/name.h"

#include <openssl/x509.h>

#define CERTIFICATE_SERIAL                                                                         \
    20 /* bytes at most; ours have 17: a positive byte, then 128 random bits */
#define CERTIFICATE_BACKDATE 300 /* seconds at most that notBefore lies before now */
#define CERTIFICATE_LEAF_S   (INT64_C(398) * 86400)
#define CERTIFICATE_CA_S     (INT64_C(3650) * 86400)

/* What is to be in it.  Nothing is owned. */
struct certificate_wish {
    enum lint_use use;
    struct bytes common_name;
    const char *organisation, *unit; /* NULL = none; CAs: "pgsignet", or as told */
    const struct name_san *sans;
    size_t n_sans;
    EVP_PKEY *key;                 /* public */
    int64_t not_before, not_after; /* Unix time; used as they are: see certificate_validity */
    int path_length;               /* CAs: 0.., -1 = none */
    bool server_auth, client_auth; /* EKU; neither: a CA has no EKU */
    struct bytes serial;           /* from certificate_serial */
    int64_t now_s;     /* that the window was made from: the lint looks at it; 0 = does not */
    int64_t longest_s; /* a leaf's lifetime at most, seconds; 0 = any */
};

/*
 * The window for a leaf: from backdate before now (not before the issuer's own), for lasts seconds, cut to the
 * issuer's end.  False when there is nothing left.
 */
bool certificate_validity(X509 *issuer, int64_t now_s, int64_t lasts_s, int64_t *not_before,
                          int64_t *not_after);

/* notBefore and notAfter of a certificate; false when one is not to be read. */
bool certificate_window(X509 *certificate, int64_t *not_before, int64_t *not_after);

/* Draws a serial (17 bytes: 0x01..0x7f, then 128 bits).  False without random bytes. */
bool certificate_serial(uint8_t serial[CERTIFICATE_SERIAL], size_t *len);

/*
 * Signs.  issuer NULL: by itself.  subject, when not NULL, is used as it is (DER of the Name) instead of one
 * that is made of common_name: cross-certificates and renewed CAs keep theirs.  The DER goes to out (emptied
 * first), has passed lint_certificate, and its signature was verified.  False after why.
 */
bool certificate_sign(const struct certificate_wish *wish, const struct bytes *subject,
                      X509 *issuer, struct key *issuer_key, GByteArray *out, char *why,
                      size_t size);

/* --- reading certificates --- */

/* One certificate from PEM or DER; NULL after why.  X509_free. */
X509 *certificate_read(struct bytes text, char *why, size_t size);
/* All of a PEM text, in order; array of X509 * that frees them.  NULL after why. */
GPtrArray *certificate_read_all(struct bytes text, char *why, size_t size);
void certificate_pem(struct bytes der, GString *out); /* appends */
GByteArray *certificate_der(X509 *certificate);

/* Appends the serial in upper-case hex without colons or leading zeroes ("01AB..": an even number of digits). */
void certificate_serial_text(struct bytes serial, GString *out);
/* Reads hex, colons allowed, or "decimal:123", as pg_stat_ssl has it; false when it is neither. */
bool certificate_serial_parse(const char *text, uint8_t serial[CERTIFICATE_SERIAL], size_t *len);
/* As pg_stat_ssl.client_serial shows it.  g_free. */
char *certificate_serial_decimal(struct bytes serial);

/* Has issuer's key signed it, and is it issuer's name that is in it?  Of one that signed itself: with itself. */
bool certificate_is_signed_by(X509 *certificate, X509 *issuer);

/* Plain facts of a certificate. */
struct certificate_facts {
    struct bytes serial; /* points into the X509 */
    char *common_name;   /* owned; the one CN; NULL = none or several */
    int n_common_names;
    struct name_san *sans; /* owned array; other kinds are left out and counted */
    size_t n_sans, n_other_sans;
    int64_t not_before, not_after;
    bool is_ca, has_eku, server_auth, client_auth;
    uint8_t key_id[KEY_ID];
    uint8_t fingerprint[32]; /* SHA-256 of the DER */
};
bool certificate_facts(X509 *certificate,
                       struct certificate_facts *out); /* certificate_facts_clear is due */
void certificate_facts_clear(struct certificate_facts *facts);

#endif
