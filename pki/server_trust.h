/*
 * server_trust.h - the CAs by which a client knows its servers: sslrootcert of connection strings, root.crt of bundles.
 *
 * They are this CA's own, unless --sslrootcert or ca.sslrootcert names a file: a CA that signs logins alone knows nothing
 * of who signs the servers.
 */
#ifndef PGSIGNET_PKI_SERVER_TRUST_H
#define PGSIGNET_PKI_SERVER_TRUST_H

#include "pki/session.h"

/* The absolute path of that file; g_free. */
char *server_trust_path(const struct session *session);
/* Appends the certificates, PEM: of a file that was named no more than these.  False after a message. */
bool server_trust(const struct session *session, GString *out);
/* Says so, once, where it is the CA's own and the CA has signed no server: it may be the wrong one. */
void server_trust_remark(const struct session *session);

#endif
