/*
 * address.h - where an attempt came from, in the form in which attempts are counted (pure).
 */
#ifndef PGSIGNET_ADDRESS_H
#define PGSIGNET_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/bytes.h"
#include "common/settings.h"

#define ADDRESS_MAX         256 /* bytes; what is longer is cut, and still counts */
#define ADDRESS_PROXIES_MAX 64

/* Addresses that agree in their first bits.  An IPv4 address is ::ffff:a.b.c.d here, its prefix 96 more. */
struct address_network {
    uint8_t at[16];
    unsigned bits; /* 0..128 */
};

/* What counts as one origin, and which origins are doors that many people come through. */
struct address_rules {
    unsigned ipv4_prefix; /* 0..32 */
    unsigned ipv6_prefix; /* 0..128 */
    bool local_is_proxy;  /* local sockets are */
    size_t n_proxies;
    struct address_network proxies[ADDRESS_PROXIES_MAX];
};

struct address {
    char at[ADDRESS_MAX];
    size_t len;
    bool is_name;  /* not a numeric address: whoever owns the reverse zone wrote it */
    bool is_proxy; /* one of the rules' proxies: who is behind it cannot be told */
};

/*
 * Reads "192.0.2.7", "192.0.2.0/24", "2001:db8::7" or "2001:db8::/32".  False for anything else, also
 * for an address that has bits beyond its prefix (which of the two was meant?) and for a zone.
 */
bool address_network_parse(struct bytes text, struct address_network *network);

bool address_network_has(const struct address_network *network, const uint8_t at[16]);

/* Adds one entry of throttle.proxies: an address, a network, or "local".  False when it is neither, or
 * there is no room. */
bool address_rules_add_proxy(struct address_rules *rules, struct bytes text);

/* The rules that a checked configuration says. */
void address_rules_read(const struct settings_throttle *throttle, struct address_rules *rules);

/*
 * One form for one origin, however it is spelt: of an address its network by the rules' prefix
 * ("2001:db8::/64", because a host has the other 64 bits to choose from, RFC 4291 2.5.1), an IPv4
 * address also when it comes as ::ffff:a.b.c.d.  Whole are those of a full prefix, IPv6's link-local and
 * loopback addresses (without the zone), and proxies, whose neighbours are somebody else.  Nothing (a
 * local socket) stays nothing.  Any other bytes stay as they are and are called a name: PostgreSQL's
 * pam_use_hostname gives what the reverse DNS of the client says, unproved.
 */
void address_parse(struct bytes text, const struct address_rules *rules, struct address *address);

#endif
