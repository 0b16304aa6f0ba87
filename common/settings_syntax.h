/*
 * settings_syntax.h - the small grammars inside a configuration's texts: LDAP URIs, DNs,
 * filters.  Pure.
 *
 * Internal to common/settings*.c.  These judge what an administrator wrote, to explain a mistake
 * early; they are not the parsers that security rests on (libldap parses for itself).
 */
#ifndef PGSIGNET_SETTINGS_SYNTAX_H
#define PGSIGNET_SETTINGS_SYNTAX_H

#include <stdbool.h>
#include <stddef.h>

/*
 * An LDAP server's URI: ldap:// or ldaps:// with a host (an IPv6 address in brackets) and perhaps a
 * port, or ldapi:// with perhaps a percent-encoded path; nothing behind it but one '/'.  Returns NULL
 * if it is one, else a static phrase: "what is wrong; what to write".
 */
const char *syntax_uri_fault(const char *uri);

/* Whether a URI without fault sends nothing over a network: ldapi, localhost, 127.0.0.0/8, ::1. */
bool syntax_uri_is_local(const char *uri);

/* Whether a URI without fault has no TLS of its own: ldap:// */
bool syntax_uri_is_plain(const char *uri);

/*
 * Whether a text looks like a DN (RFC 4514): one or more type=value, parted by commas or plus signs,
 * with escapes where they are due.  The empty DN does not count.
 */
bool syntax_is_dn(const char *dn);

/* Whether a text looks like a filter (RFC 4515): one balanced pair of brackets around it all. */
bool syntax_is_filter(const char *filter);

#endif
