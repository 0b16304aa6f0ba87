/*
 * address.h - where an attempt came from, in the form in which attempts are counted (pure).
 */
#ifndef PGSIGNET_ADDRESS_H
#define PGSIGNET_ADDRESS_H

#include <stdbool.h>

#include "common/bytes.h"

#define ADDRESS_MAX 256 /* bytes; what is longer is cut, and still counts */

struct address {
    char at[ADDRESS_MAX];
    size_t len;
    bool is_name; /* not a numeric address: whoever owns the reverse zone wrote it */
};

/*
 * One form for one origin, however it is spelt: an IPv4 address also when it comes as ::ffff:a.b.c.d;
 * of an IPv6 address its first 64 bits ("2001:db8::/64"), because a host has the other 64 to choose
 * from (RFC 4291 2.5.1); a link-local one whole, without its zone.  Nothing (a local socket) stays
 * nothing.  Any other bytes stay as they are and are called a name: PostgreSQL's pam_use_hostname
 * gives what the reverse DNS of the client says, unproved.
 */
void address_parse(struct bytes text, struct address *address);

#endif
