/*
 * pki_crl_fixture.h - CAs and CRLs made on the spot.
 */
#ifndef PGSIGNET_TESTS_PKI_CRL_FIXTURE_H
#define PGSIGNET_TESTS_PKI_CRL_FIXTURE_H

#include "pki/crl.h"

#define NOW INT64_C(1795000000) /* 2026-11-18 */
#define DAY INT64_C(86400)

struct ca {
    struct key *key;
    X509 *certificate;
    GByteArray *der;
};

extern char why[512]; /* for whatever says what went wrong */

/* A CA whose certificate is valid from 30 days before that time for 10 years; make_ca: before NOW.  free_ca. */
struct ca make_ca_at(int64_t now_s, const char *name, enum key_algorithm algorithm);
struct ca make_ca(const char *name, enum key_algorithm algorithm);
void free_ca(struct ca *ca);

struct bytes over(const GByteArray *array);

/* n entries with serials 1000, 1001, ...; every third one has a reason. */
void make_crl(const struct ca *ca, uint64_t number, int64_t this_s, int64_t next_s, size_t n,
              GByteArray *out);

#endif
