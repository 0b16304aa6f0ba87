#include "config.h"

#include "common/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>

#define PREFIX_BYTES 8 /* of an IPv6 address that count */

static void write_v4(const void *bytes, struct address *address)
{
    inet_ntop(AF_INET, bytes, address->at, sizeof address->at);
    address->len = strlen(address->at);
}

static void write_v6(struct in6_addr *v6, struct address *address)
{
    bool link_local = IN6_IS_ADDR_LINKLOCAL(v6) || IN6_IS_ADDR_LOOPBACK(v6);

    if (IN6_IS_ADDR_V4MAPPED(v6)) {
        write_v4(&v6->s6_addr[12], address);
        return;
    }
    if (!link_local)
        memset(v6->s6_addr + PREFIX_BYTES, 0, sizeof v6->s6_addr - PREFIX_BYTES);
    inet_ntop(AF_INET6, v6, address->at, sizeof address->at);
    if (!link_local)
        strcat(address->at, "/64");
    address->len = strlen(address->at);
}

void address_parse(struct bytes text, struct address *address)
{
    char copy[INET6_ADDRSTRLEN + 32] = ""; /* a zone is an interface's name */
    struct in_addr v4;
    struct in6_addr v6;
    char *zone;

    *address = (struct address){.len = 0};
    if (text.len == 0)
        return;
    if (text.len < sizeof copy && memchr(text.ptr, '\0', text.len) == NULL)
        memcpy(copy, text.ptr, text.len);
    zone = strchr(copy, '%');
    if (zone != NULL)
        *zone = '\0';
    if (zone == NULL && inet_pton(AF_INET, copy, &v4) == 1) {
        write_v4(&v4, address);
    } else if (inet_pton(AF_INET6, copy, &v6) == 1) {
        write_v6(&v6, address);
    } else {
        address->is_name = true;
        address->len = text.len < sizeof address->at ? text.len : sizeof address->at;
        memcpy(address->at, text.ptr, address->len);
    }
}
