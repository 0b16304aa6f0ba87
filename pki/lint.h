/*
 * lint.h - our own judge of certificates and CRLs, before one leaves the program.
 *
 * A table of rules, each with a name (of zlint where it has one), the RFC's section and a sentence.  Reads the
 * DER itself (der.h), not what a library understood of it.  Pure.
 */
#ifndef PGSIGNET_PKI_LINT_H
#define PGSIGNET_PKI_LINT_H

#include "common/bytes.h"

#include <glib.h>

/* What a certificate is for. */
enum lint_use { LINT_CA, LINT_SERVER, LINT_CLIENT, LINT_USES };

/* What the rules hold it against. */
struct lint_context {
    enum lint_use use;
    struct bytes issuer; /* the issuer's certificate, DER; empty: it signs itself */
    int64_t now_s;       /* 0: rules about the present are left out (an adopted certificate) */
    int64_t longest_s;   /* of a leaf's validity, seconds; 0 = any */
};

struct lint_finding {
    const char *rule;   /* "serial_number_longer_than_20_octets"; static */
    const char *source; /* "RFC 5280 4.1.2.2"; static */
    const char *text;   /* a sentence; static */
};

#define LINT_FINDINGS 64

/* All findings about a certificate; returns how many (0 = clean), at most LINT_FINDINGS. */
size_t lint_certificate(struct bytes der, const struct lint_context *context,
                        struct lint_finding findings[LINT_FINDINGS]);
/* About a complete CRL; context->use and longest_s do not matter.  Linear; 100,000 entries in some 10 ms. */
size_t lint_crl(struct bytes der, const struct lint_context *context,
                struct lint_finding findings[LINT_FINDINGS]);

/* The table, for `--help`-like lists and the test that has a certificate for each rule. */
struct lint_rule {
    const char *name, *source, *text;
    bool crl; /* of CRLs; else of certificates */
};
extern const struct lint_rule lint_rules[];
extern const size_t lint_n_rules;

#endif
