#include "config.h"

#include "common/ldap_uri.h"

#include "common/ldap_memory.h"

#include <arpa/inet.h>
#include <stddef.h>
#include <string.h>

#include <ldap.h>

static const struct {
    const char *name;
    enum ldapc_scheme scheme;
} schemes[] = {
    {"ldap",  LDAPC_LDAP },
    {"ldaps", LDAPC_LDAPS},
    {"ldapi", LDAPC_LDAPI},
};

static bool host_is_loopback(const char *host)
{
    struct in_addr v4;
    struct in6_addr v6;

    if (strcasecmp(host, "localhost") == 0)
        return true;
    if (inet_pton(AF_INET, host, &v4) == 1)
        return ntohl(v4.s_addr) >> 24 == 127;
    return inet_pton(AF_INET6, host, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

static const char *judge(const LDAPURLDesc *url, struct ldapc_uri *uri)
{
    size_t i;

    for (i = 0; i < sizeof schemes / sizeof schemes[0]; i++)
        if (strcmp(url->lud_scheme, schemes[i].name) == 0)
            break;
    if (i == sizeof schemes / sizeof schemes[0])
        return "is not ldaps://, ldap:// or ldapi://";
    if (url->lud_next != NULL)
        return "names more than one server";
    if (url->lud_dn != NULL && *url->lud_dn != '\0')
        return "holds more than a server's address";
    uri->scheme = schemes[i].scheme;
    if (uri->scheme == LDAPC_LDAPI) {
        uri->loopback = true;
        return NULL;
    }
    /* Without a host libldap takes its default, which is not what anybody meant. */
    if (url->lud_host == NULL || *url->lud_host == '\0')
        return "has no host";
    if (url->lud_port < 1 || url->lud_port > 65535)
        return "has a port that is not one";
    uri->loopback = host_is_loopback(url->lud_host);
    return NULL;
}

const char *ldapc_uri_parse(const char *text, struct ldapc_uri *uri)
{
    LDAPURLDesc *url = NULL;
    const char *fault;

    ldapc_prepare();
    *uri = (struct ldapc_uri){0};
    /* libldap takes a list separated by blanks or commas as several servers. */
    if (strpbrk(text, " \t\r\n,") != NULL)
        return "names more than one server";
    /* An LDAP URL without a scope reads like one with scope base. */
    if (strchr(text, '?') != NULL)
        return "holds more than a server's address";
    if (ldap_url_parse(text, &url) != LDAP_URL_SUCCESS)
        return "is not an LDAP URI";
    fault = judge(url, uri);
    ldap_free_urldesc(url);
    return fault;
}
