/*
 * ldap_search.h - one search, bounded in time, entries and bytes.
 */
#ifndef PGSIGNET_LDAP_SEARCH_H
#define PGSIGNET_LDAP_SEARCH_H

#include "common/ldap_connect.h"

struct ldapc_search {
    const char *base;              /* DN */
    int scope;                     /* LDAP_SCOPE_BASE, _SUBTREE, ... */
    const char *filter;            /* values already escaped (ldap_escape.h) */
    const char *const *attributes; /* ends in NULL; {LDAP_NO_ATTRS, NULL} for DNs alone */
    int max_entries;               /* 1 or more: asked of the server, and held to by us */
    /* Called for each entry; false ends the search as LDAPC_LOCAL (memory is short). */
    bool (*each)(LDAP *ld, LDAPMessage *entry, void *context);
    void *context;
};

struct ldapc_search_answer {
    int code;             /* LDAP result code; _SIZELIMIT_EXCEEDED also when we stopped */
    int entries;          /* how many each() was given */
    bool referral;        /* the answer points to another server, so it is not whole */
    char diagnostic[256]; /* the server's words, cleaned; for a referral its first URI */
};

/* Referrals are counted and never followed. */
enum ldapc_status ldapc_search(struct ldapc *connection, const struct ldapc_search *search,
                               int64_t limit_ms, struct ldapc_search_answer *answer,
                               char why[LDAPC_WHY_MAX]);

#endif
