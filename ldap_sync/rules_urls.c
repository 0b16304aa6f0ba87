#include "config.h"

#include "ldap_sync/rules_scan.h"

/* Dynamic groups: memberURL holds an LDAP URL (RFC 4516), and what it finds are the members. */

struct url_read {
    struct scan *scan;
    struct group *group;
    guint before;
};

static void begin_url(void *context)
{
    struct url_read *read = context;

    g_array_set_size(read->group->list, read->before);
}

static bool read_member(LDAP *ld, LDAPMessage *message, void *context)
{
    struct url_read *read = context;
    BerElement *ber = NULL;
    struct berval dn;

    if (ldap_get_dn_ber(ld, message, &ber, &dn) == LDAP_SUCCESS)
        group_add(read->group, persons_by_dn(&read->scan->persons, dn.bv_val, dn.bv_len));
    ber_free(ber, 0);
    return true;
}

/* What keeps a URL from being searched here; NULL = nothing. */
static const char *judge(const struct scan *scan, const char *text, const LDAPURLDesc *url)
{
    if (url->lud_crit_exts > 0)
        return "has an extension that is critical";
    if (url->lud_host != NULL && *url->lud_host != '\0' && scan_server(scan, text) < 0)
        return "names a server that is not in ldap.uris";
    return url->lud_dn == NULL || *url->lud_dn == '\0' ? "says no base" : NULL;
}

static enum reason read_url(struct scan *scan, struct group *group, const char *text)
{
    static const char *const nothing[] = {LDAP_NO_ATTRS, NULL};
    struct url_read read = {.scan = scan, .group = group, .before = group->list->len};
    LDAPURLDesc *url = NULL;
    const char *fault =
        ldap_url_parse(text, &url) == LDAP_URL_SUCCESS ? judge(scan, text, url) : "is no LDAP URL";
    enum reason reason = REASON_GRANTED;

    if (fault != NULL) {
        scan_finding(scan, SYNC_GUARD_INCOMPLETE, NULL, "memberURL of %s %s: %s", group->dn, fault,
                     text);
    } else {
        struct rules_search search = {
            .what = "searching members by memberURL",
            .base = url->lud_dn,
            .scope = url->lud_scope != LDAP_SCOPE_DEFAULT ? url->lud_scope : LDAP_SCOPE_BASE,
            .filter = url->lud_filter != NULL ? url->lud_filter : "(objectClass=*)",
            .attributes = nothing,
            .begin = begin_url,
            .each = read_member,
            .context = &read};

        reason = scan_search(scan, &search);
    }
    ldap_free_urldesc(url);
    return reason;
}

enum reason scan_urls(struct scan *scan)
{
    enum reason reason = REASON_GRANTED;

    for (guint i = 0; i < scan->groups->len; i++) {
        struct group *group = scan_group(scan, i);

        for (guint u = 0; group->urls != NULL && reason == REASON_GRANTED && u < group->urls->len;
             u++)
            reason = read_url(scan, group, g_ptr_array_index(group->urls, u));
    }
    return reason;
}
