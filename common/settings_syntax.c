#include "config.h"

#include "common/settings_syntax.h"

#include "common/number.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#define HOST_MAX 256

static const struct {
    const char *prefix;
    bool has_host, is_plain;
} schemes[] = {
    {"ldap://", true, true},
    {"ldaps://", true, false},
    {"ldapi://", false, false},
};

struct uri {
    bool has_host, is_plain;
    char host[HOST_MAX]; /* without brackets */
    const char *rest;    /* what follows the host: ":port", "/" or "" */
};

static const char *split_uri(const char *uri, struct uri *out)
{
    const char *host, *end;
    size_t i, n;

    for (i = 0; i < sizeof schemes / sizeof schemes[0]; i++)
        if (strncasecmp(uri, schemes[i].prefix, strlen(schemes[i].prefix)) == 0)
            break;
    if (i == sizeof schemes / sizeof schemes[0])
        return "has no known scheme; write ldaps://HOST, ldap://HOST or ldapi:///";
    *out = (struct uri){.has_host = schemes[i].has_host, .is_plain = schemes[i].is_plain};
    host = uri + strlen(schemes[i].prefix);
    if (!out->has_host) {
        out->rest = host;
        return NULL;
    }
    if (host[0] == '[') {
        host++;
        n = strcspn(host, "]");
        if (host[n] != ']')
            return "has a [ without ]; write ldaps://[ADDRESS]";
        end = host + n + 1;
    } else {
        n = strcspn(host, ":/");
        end = host + n;
    }
    if (n == 0)
        return "names no host; write ldaps://HOST";
    if (n >= HOST_MAX)
        return "has a host name that is too long; write at most 255 bytes";
    memcpy(out->host, host, n);
    out->rest = end;
    return NULL;
}

const char *syntax_uri_fault(const char *uri)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789-._";
    struct uri parts;
    struct in6_addr address;
    const char *fault = split_uri(uri, &parts);
    int64_t port;

    if (fault != NULL)
        return fault;
    if (!parts.has_host)
        return strpbrk(parts.rest, " ,?#") != NULL ? "goes on behind the path; write ldapi:///"
                                                   : NULL;
    if (strchr(parts.host, ':') != NULL) {
        if (inet_pton(AF_INET6, parts.host, &address) != 1)
            return "has no IPv6 address in the brackets; write ldaps://[2001:db8::1]";
    } else if (strspn(parts.host, allowed) != strlen(parts.host)) {
        return "has bytes that no host name has; write one URI an entry, only scheme, host, port";
    }
    if (parts.rest[0] == ':') {
        size_t n = strcspn(parts.rest + 1, "/");

        if (number_parse(parts.rest + 1, n, 1, 65535, &port) != NUMBER_OK)
            return "has a port that is none; write 1 to 65535, or nothing";
        parts.rest += 1 + n;
    }
    if (parts.rest[0] != '\0' && strcmp(parts.rest, "/") != 0)
        return "goes on behind the host; write only scheme, host and port (bases have own keys)";
    return NULL;
}

bool syntax_uri_is_local(const char *uri)
{
    struct uri parts;
    struct in_addr v4;
    struct in6_addr v6;

    if (split_uri(uri, &parts) != NULL)
        return false;
    if (!parts.has_host || strcasecmp(parts.host, "localhost") == 0)
        return true;
    if (inet_pton(AF_INET, parts.host, &v4) == 1)
        return ntohl(v4.s_addr) >> 24 == 127;
    return inet_pton(AF_INET6, parts.host, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

bool syntax_uri_is_plain(const char *uri)
{
    struct uri parts;

    return split_uri(uri, &parts) == NULL && parts.is_plain;
}

/* One attribute type: a descriptor or a dotted number (RFC 4512, 1.4). */
static size_t type_length(const char *p)
{
    size_t n = 0;

    while (isalnum((unsigned char)p[n]) || p[n] == '-' || p[n] == '.')
        n++;
    return n;
}

bool syntax_is_dn(const char *dn)
{
    const char *p = dn;

    for (;;) {
        size_t n, value = 0;

        while (*p == ' ')
            p++;
        n = type_length(p);
        p += n;
        while (*p == ' ')
            p++;
        if (n == 0 || *p++ != '=')
            return false;
        while (*p != '\0' && *p != ',' && *p != '+') {
            if (strchr("\"<>;", *p) != NULL)
                return false;
            if (*p == '\\' && *++p == '\0')
                return false;
            if (*p != ' ')
                value++;
            p++;
        }
        if (value == 0)
            return false;
        if (*p == '\0')
            return true;
        p++;
    }
}

bool syntax_is_filter(const char *filter)
{
    size_t depth = 0;
    const char *p = filter;

    if (*p != '(')
        return false;
    for (; *p != '\0'; p++) {
        if (*p == '(') {
            depth++;
        } else if (*p == ')') {
            depth--;
            if (depth == 0)
                return p[1] == '\0' && strchr(filter, '=') != NULL;
        }
    }
    return false;
}
