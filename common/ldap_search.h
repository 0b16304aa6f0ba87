/*
 * ldap_search.h - one search, bounded in time, entries and bytes.
 */
#ifndef PGSIGNET_LDAP_SEARCH_H
#define PGSIGNET_LDAP_SEARCH_H

#include "common/ldap_connect.h"

/*
 * One answer in pages (RFC 2696), for what may be larger than a server gives at once.  The same
 * struct goes with each search of the row, on one connection, until more is false.
 */
struct ldapc_pages {
    int size;             /* entries of one page, 1 or more */
    bool more;            /* set by the search: there is a next page */
    uint8_t cookie[1024]; /* the server's place in its answer */
    size_t cookie_len;    /* 0 = the first page */
};

struct ldapc_search {
    const char *base;              /* DN */
    int scope;                     /* LDAP_SCOPE_BASE, _SUBTREE, ... */
    const char *filter;            /* values already escaped (ldap_escape.h) */
    const char *const *attributes; /* ends in NULL; {LDAP_NO_ATTRS, NULL} for DNs alone */
    int max_entries;               /* 1 or more: asked of the server, and held to by us */
    struct ldapc_pages *pages;     /* NULL = all at once; max_entries is then of one page */
    /* Called for each entry; false ends the search as LDAPC_LOCAL (memory is short). */
    bool (*each)(LDAP *ld, LDAPMessage *entry, void *context);
    /* Called for each continuation reference (RFC 4511 4.5.3) with its URIs, NULL at the end; may be NULL. */
    bool (*refer)(char *const *uris, void *context);
    void *context;
};

struct ldapc_search_answer {
    int code;             /* LDAP result code; _SIZELIMIT_EXCEEDED also when we stopped */
    int entries;          /* how many each() was given */
    bool referral;        /* the answer points to another server, so it is not whole */
    char diagnostic[256]; /* the server's words, cleaned; for a referral its first URI */
};

/* Referrals are noted and never followed. */
enum ldapc_status ldapc_search(struct ldapc *connection, const struct ldapc_search *search,
                               int64_t limit_ms, struct ldapc_search_answer *answer,
                               char why[LDAPC_WHY_MAX]);

#endif
