/*
 * certificate_write.h - a tbsCertificate (RFC 5280 4.1), written from what is wanted.
 */
#ifndef PGSIGNET_PKI_CERTIFICATE_WRITE_H
#define PGSIGNET_PKI_CERTIFICATE_WRITE_H

#include "pki/certificate.h"

/* Appends it; subject and issuer as for certificate_sign.  False when a name or a key cannot be written. */
bool certificate_put_tbs(const struct certificate_wish *wish, const struct bytes *subject,
                         X509 *issuer, const struct key *issuer_key, GByteArray *out);

#endif
