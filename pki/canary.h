/*
 * canary.h - a client certificate that is made to be shown to servers, and for nothing else.
 *
 * It goes through the ledger like any other, is never written to a file, lasts CANARY_S, and its name is no role's: the
 * handshake it is shown in ends before anybody logs in.
 */
#ifndef PGSIGNET_PKI_CANARY_H
#define PGSIGNET_PKI_CANARY_H

#include "pki/session.h"

#define CANARY_S    600               /* seconds */
#define CANARY_NAME "pgsignet-probe-" /* and 16 hex digits */

struct canary {
    int64_t id, authority; /* in the ledger */
    uint8_t serial[CERTIFICATE_SERIAL];
    size_t serial_len;
    char *certificate; /* owned; PEM, with the chain but roots; NULL = was not made */
    struct secret key; /* owned; PEM */
};

/*
 * Signed by this authority, whatever its state.  revoked: its life ends in the ledger in the moment it begins, so that it
 * is on no CRL before the next.  False after a message; canary_clear is due either way.
 */
bool canary_make(struct session *session, struct authority *authority, bool revoked,
                 struct canary *canary);
/* Revokes it in the ledger (cessationOfOperation).  False after a message. */
bool canary_revoke(struct session *session, const struct canary *canary);
void canary_clear(struct canary *canary);

#endif
