#include "config.h"

#include "common/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "common/number.h"

#define V4_AT    12 /* where an IPv4 address stands in its IPv6 form */
#define V4_BITS  96 /* of the form before it */
#define ALL_BITS 128

static const uint8_t v4_form[V4_AT] = {[10] = 0xff, [11] = 0xff};

static bool is_v4(const uint8_t at[16])
{
    return memcmp(at, v4_form, sizeof v4_form) == 0;
}

/* A numeric address without a zone, in the IPv6 form. */
static bool parse_numeric(const char *text, uint8_t at[16])
{
    if (inet_pton(AF_INET, text, at + V4_AT) == 1) {
        memcpy(at, v4_form, sizeof v4_form);
        return true;
    }
    return inet_pton(AF_INET6, text, at) == 1;
}

/* Clears what is beyond the prefix; true if there was something. */
static bool cut(uint8_t at[16], unsigned bits)
{
    bool more = false;

    for (unsigned i = 0; i < 16; i++) {
        unsigned kept = bits >= 8 * (i + 1) ? 8 : bits > 8 * i ? bits - 8 * i : 0;
        uint8_t mask = (uint8_t)(0xff00u >> kept);

        more |= (at[i] & (uint8_t)~mask) != 0;
        at[i] &= mask;
    }
    return more;
}

bool address_network_parse(struct bytes text, struct address_network *network)
{
    char copy[INET6_ADDRSTRLEN + 4] = "";
    int64_t bits = ALL_BITS;
    char *slash;

    *network = (struct address_network){.bits = ALL_BITS};
    if (text.len == 0 || text.len >= sizeof copy || memchr(text.ptr, '\0', text.len) != NULL)
        return false;
    memcpy(copy, text.ptr, text.len);
    slash = strchr(copy, '/');
    if (slash != NULL)
        *slash = '\0';
    if (!parse_numeric(copy, network->at))
        return false;
    if (slash != NULL) {
        /* "::ffff:0:0/96" is written by nobody who means all of IPv4; its bits are IPv6's. */
        int64_t before = strchr(copy, ':') == NULL ? V4_BITS : 0;

        if (number_parse(slash + 1, strlen(slash + 1), 0, ALL_BITS - before, &bits) != NUMBER_OK)
            return false;
        bits += before;
    }
    network->bits = (unsigned)bits;
    return !cut(network->at, network->bits);
}

bool address_network_has(const struct address_network *network, const uint8_t at[16])
{
    uint8_t start[16];

    memcpy(start, at, sizeof start);
    cut(start, network->bits);
    return memcmp(start, network->at, sizeof start) == 0;
}

bool address_rules_add_proxy(struct address_rules *rules, struct bytes text)
{
    if (bytes_equal(text, bytes_str("local"))) {
        rules->local_is_proxy = true;
        return true;
    }
    if (rules->n_proxies == ADDRESS_PROXIES_MAX ||
        !address_network_parse(text, &rules->proxies[rules->n_proxies]))
        return false;
    rules->n_proxies++;
    return true;
}

void address_rules_read(const struct settings_throttle *throttle, struct address_rules *rules)
{
    *rules = (struct address_rules){.ipv4_prefix = (unsigned)throttle->ipv4_prefix,
                                    .ipv6_prefix = (unsigned)throttle->ipv6_prefix};
    /* settings_check refused what cannot be added. */
    for (size_t i = 0; i < throttle->proxies.n; i++)
        (void)address_rules_add_proxy(rules, bytes_str(throttle->proxies.at[i]));
}

static bool is_proxy(const struct address_rules *rules, const uint8_t at[16])
{
    for (size_t i = 0; i < rules->n_proxies; i++)
        if (address_network_has(&rules->proxies[i], at))
            return true;
    return false;
}

static bool stays_whole(const uint8_t at[16])
{
    struct in6_addr v6;

    memcpy(&v6, at, sizeof v6);
    return IN6_IS_ADDR_LINKLOCAL(&v6) || IN6_IS_ADDR_LOOPBACK(&v6);
}

static void write_numeric(uint8_t at[16], const struct address_rules *rules,
                          struct address *address)
{
    bool v4 = is_v4(at);
    unsigned most = v4 ? 32 : 128;
    unsigned prefix = v4 ? rules->ipv4_prefix : rules->ipv6_prefix;

    address->is_proxy = is_proxy(rules, at);
    if (prefix > most || address->is_proxy || stays_whole(at))
        prefix = most;
    cut(at, v4 ? prefix + V4_BITS : prefix);
    inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? at + V4_AT : at, address->at, sizeof address->at);
    address->len = strlen(address->at);
    if (prefix < most)
        address->len += (size_t)snprintf(address->at + address->len, 8, "/%u", prefix);
}

void address_parse(struct bytes text, const struct address_rules *rules, struct address *address)
{
    char copy[INET6_ADDRSTRLEN + 32] = ""; /* a zone is an interface's name */
    uint8_t at[16];
    char *zone;

    *address = (struct address){.len = 0};
    if (text.len == 0) {
        address->is_proxy = rules->local_is_proxy;
        return;
    }
    if (text.len < sizeof copy && memchr(text.ptr, '\0', text.len) == NULL)
        memcpy(copy, text.ptr, text.len);
    zone = strchr(copy, '%');
    if (zone != NULL)
        *zone = '\0';
    if (parse_numeric(copy, at) && (zone == NULL || strchr(copy, ':') != NULL)) {
        write_numeric(at, rules, address);
    } else {
        address->is_name = true;
        address->len = text.len < sizeof address->at ? text.len : sizeof address->at;
        memcpy(address->at, text.ptr, address->len);
    }
}
