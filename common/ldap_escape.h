/*
 * ldap_escape.h - names from an attacker, made harmless inside filters and DNs.
 *
 * Every byte that is not plainly harmless becomes \XX, so the result is printable ASCII whatever went
 * in, and the server sees exactly the bytes that went in as one value.
 */
#ifndef PGSIGNET_LDAP_ESCAPE_H
#define PGSIGNET_LDAP_ESCAPE_H

#include "common/bytes.h"

/*
 * The value as an assertion value of a filter (RFC 4515 section 3): NUL, `*`, `(`, `)`, `\` and all bytes
 * outside printable ASCII escaped.  malloc'ed; NULL when memory is short.
 */
char *ldapc_filter_escape(struct bytes value);

/*
 * The value as an attribute value of a DN (RFC 4514 section 2.4): all bytes but ASCII letters, digits
 * and "-_.@", and single blanks between others, escaped.  malloc'ed; NULL when memory is short.
 */
char *ldapc_dn_escape(struct bytes value);

/*
 * A template with every %u replaced by the name, escaped for a filter or for a DN.  Other text,
 * a lone % included, stays.  malloc'ed; NULL when memory is short.
 */
char *ldapc_filter_expand(const char *template, struct bytes name);
char *ldapc_dn_expand(const char *template, struct bytes name);

#endif
