/*
 * layout.h - where files lie in the CA's folder.  A table row for each layout.
 *
 *              seed                       pigsty
 *   CA         ca.crt ca.key              ca/ca.crt ca/ca.key
 *   root       root.crt root.key          ca/root.crt ca/root.key
 *   client CA  client-ca.crt ...          ca/client-ca.crt ...
 *   server     server.crt server.key (the first), servers/NAME.crt    pgsql/NAME.crt pgsql/NAME.key
 *   client     clients/NAME.crt           misc/NAME.crt
 *   CRLs       crl/ca.crl crl/ca.crl.der  crl/ca.crl ...
 *   bundles    trust.crt: what ssl_ca_file gets; client-trust.crt with a client CA;
 *              crl.pem: all CRLs, what ssl_crl_file gets
 *
 * A later generation of a CA has "-g2" behind its name: ca-g2.crt.
 */
#ifndef PGSIGNET_PKI_LAYOUT_H
#define PGSIGNET_PKI_LAYOUT_H

#include "pki/ledger.h"

enum layout { LAYOUT_SEED, LAYOUT_PIGSTY, LAYOUTS };
extern const char *const layout_names[LAYOUTS];

/* All return a path relative to the folder that the caller frees (g_free). */

/* "ca" for PURPOSE_ALL and _SERVER, "root", "client-ca"; without .crt/.key. */
char *layout_authority(enum layout layout, enum ledger_purpose purpose, int64_t generation);
/* A leaf's files, without .crt/.key.  `first`: no server has the place server.crt yet, or this name has it. */
char *layout_leaf(enum layout layout, enum ledger_kind kind, struct bytes name, bool first);
char *
layout_crl(const struct ledger_authority *authority); /* "crl/ca.crl"; DER: ".der" behind it */
const char *layout_trust(bool client_ca); /* "trust.crt" or "client-trust.crt"; static */
#define LAYOUT_CRLS "crl.pem"

#endif
