/*
 * name.h - what a certificate may be called, and what a file may be called after it.
 *
 * A role's name is bytes from an attacker.  In a certificate it becomes the CN, which PostgreSQL compares
 * with the role octet for octet, and PgBouncer regardless of case, with wildcards, and after the SANs.
 */
#ifndef PGSIGNET_PKI_NAME_H
#define PGSIGNET_PKI_NAME_H

#include "common/bytes.h"

#include <glib.h>

#define NAME_ROLE_MAX 63  /* bytes: NAMEDATALEN - 1 */
#define NAME_DNS_MAX  253 /* bytes (RFC 1035 2.3.4, without the root's dot) */
#define NAME_SANS_MAX 100 /* of one certificate */

enum name_kind { NAME_DNS, NAME_IP, NAME_URI };

/* A subjectAltName (RFC 5280 4.2.1.6). */
struct name_san {
    enum name_kind kind;
    char *text; /* owned: lower-case host, "192.0.2.1" or "2001:db8::1" in its shortest form, URI */
};

/* What can be wrong with a text in a name, most telling first.  A length alone is nobody's flaw. */
enum name_flaw {
    NAME_EMPTY,
    NAME_NOT_UTF8,
    NAME_CONTROL,
    NAME_INVISIBLE, /* bidi, zero-width, fillers, other ignorable ones */
    NAME_UNASSIGNED,
    NAME_STAR,
    NAME_SLASH,
    NAME_BLANK_FIRST,
    NAME_BLANK_LAST,
    NAME_MARK_FIRST,
    NAME_DOT_FIRST,
    NAME_NOT_COMPOSED,
    NAME_FLAWS
};
/* All of them, as bits 1 << enum name_flaw. */
unsigned name_flaws(struct bytes text);

/*
 * NULL when the bytes are fit for a CN that logs in, else a static phrase ("begins with a blank"): 1..63
 * bytes of UTF-8 in normal form C, no control, bidi, zero-width or unassigned characters, no blank at
 * either end, no "*" (PgBouncer takes it for a wildcard), no "/", no leading "." (it becomes a file name).
 */
const char *name_role_fault(struct bytes name);

/*
 * The same for the CN of a server or a CA, which nobody logs in as: as above, but 64 bytes are refused
 * as well (ub-common-name counts characters, and the issue of 64 and more is refused), "*." in front
 * is allowed where wildcard is set.
 */
const char *name_common_fault(struct bytes name, bool wildcard);

/*
 * A SAN as people write it: "db1.example.com", "192.0.2.7", "::1", or with "DNS:", "IP:", "URI:" in
 * front.  Host names: letters, digits, hyphens, no underscore, labels of 1..63, no digits-only last label,
 * "*." in front for one label.  NULL with *san filled, else a static phrase.
 */
const char *name_san_parse(struct bytes text, struct name_san *san);
void name_san_clear(struct name_san *san);
/* The slice of 4 or 16 bytes of an address; false when text is none. */
bool name_ip_octets(const char *text, uint8_t octets[16], size_t *len);
/* "DNS:db1", "IP:192.0.2.1", "URI:urn:pgrole:app" appended. */
void name_san_write(const struct name_san *san, GString *out);

/*
 * What two names have in common when somebody compares them carelessly: Unicode case folding of NFC,
 * without a dot at the end.  Two names that fold alike are one login for PgBouncer.  The caller frees
 * (g_free); NULL when the bytes are not UTF-8.
 */
char *name_fold(struct bytes name);
/* Whether a host name, which may begin with "*.", covers the folded name (PgBouncer's comparison). */
bool name_covers(const char *dns_folded, const char *name_folded);

/*
 * The name as one component of a path: letters, digits and ".@+-_" stay, any other byte is %XX, so that
 * two names never meet.  At most 189 bytes.  The name must have passed name_role_fault or
 * name_common_fault.  The caller frees (g_free).
 */
char *name_file(struct bytes name);

/* urn:pgrole:NAME with every byte but unreserved ones (RFC 8141) percent-encoded.  g_free. */
char *name_role_urn(struct bytes role);

#endif
