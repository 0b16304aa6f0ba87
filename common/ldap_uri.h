/*
 * ldap_uri.h - what a server's URI says (RFC 4516, and ldapi:// as OpenLDAP writes it).
 */
#ifndef PGSIGNET_LDAP_URI_H
#define PGSIGNET_LDAP_URI_H

#include <stdbool.h>

enum ldapc_scheme { LDAPC_LDAP, LDAPC_LDAPS, LDAPC_LDAPI };

struct ldapc_uri {
    enum ldapc_scheme scheme;
    /* No byte of the traffic leaves this machine: ldapi, 127.0.0.0/8, ::1, "localhost". */
    bool loopback;
};

/*
 * Reads a URI that names a server and nothing else: no base DN, attributes, scope, filter or
 * extensions, one host.  Returns NULL, else a static phrase that says what is wrong with it.
 */
const char *ldapc_uri_parse(const char *text, struct ldapc_uri *uri);

#endif
