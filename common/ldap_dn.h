/*
 * ldap_dn.h - distinguished names that can be compared as strings (RFC 4514, RFC 4518).
 *
 * Servers write one DN in many ways: `Sales\2C EMEA` and `Sales\, EMEA`, other case, other blanks.  The
 * normal form made here is for comparing alone; what is sent to a server is the text it gave.
 */
#ifndef PGSIGNET_LDAP_DN_H
#define PGSIGNET_LDAP_DN_H

#include <stdbool.h>

#define LDAPC_DN_MAX 8192 /* bytes of a DN's text; a longer one has no normal form */

/*
 * The normal form: attribute types in lower case and by their short name, values in ASCII lower case
 * with blanks at the ends removed and inner ones squeezed to one, escapes in one spelling, the parts of
 * a multi-valued RDN in order.  malloc'ed; NULL when the text is not a DN, is empty or too long, or
 * memory is short.
 */
char *ldapc_dn_normalise(const char *text);

/* Whether a normal form names something below base (a normal form too), or base itself. */
bool ldapc_dn_is_below(const char *normal, const char *base);

#endif
