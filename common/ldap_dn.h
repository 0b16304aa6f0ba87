/*
 * ldap_dn.h - distinguished names that can be compared as strings (RFC 4514, RFC 4518).
 *
 * Servers write one DN in many ways: `Sales\2C EMEA` and `Sales\, EMEA`, other case, other blanks.  The
 * normal form made here is for comparing alone; what is sent to a server is the text it gave.
 */
#ifndef PGSIGNET_LDAP_DN_H
#define PGSIGNET_LDAP_DN_H

#include <stdbool.h>
#include <stddef.h>

#define LDAPC_DN_MAX  8192 /* bytes of a DN's text; a longer one has no normal form */
#define LDAPC_RDN_MAX 1024 /* bytes of a normal form of one RDN, for those that are plain */

/*
 * The normal form: attribute types in lower case and by their short name, values in ASCII lower case
 * with blanks at the ends removed and inner ones squeezed to one, escapes in one spelling, the parts of
 * a multi-valued RDN in order.  malloc'ed; NULL when the text is not a DN, is empty or too long, or
 * memory is short.
 */
char *ldapc_dn_normalise(const char *text);

/*
 * The fast way for the many DNs that are plain: the normal form of the first RDN, as ldapc_dn_normalise
 * makes it, without libldap.  Returns how many bytes of the text it took (the next is a comma, or the
 * end), or 0 when the RDN is not plain: escapes, quotes, several parts, an OID or a long name as its type,
 * blanks where they are rare, a long value.  out ends in NUL, which *out_len does not count.
 */
size_t ldapc_rdn_plain(const char *text, size_t len, char out[LDAPC_RDN_MAX], size_t *out_len);

/* The first RDN of a DN as RFC 4514 writes it, its letters as they are.  malloc'ed; NULL as above. */
char *ldapc_rdn_first(const char *text);

/*
 * The value of an attribute in a DN: of the RDN nearest to the entry that has the attribute (by its short name
 * or any other).  malloc'ed, *len bytes and a NUL; NULL when no RDN has it, or one has it twice, or as above.
 */
char *ldapc_dn_value(const char *text, const char *attribute, size_t *len);

/* Whether a normal form names something below base (a normal form too), or base itself. */
bool ldapc_dn_is_below(const char *normal, const char *base);

#endif
