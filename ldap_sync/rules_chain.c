#include "config.h"

#include "ldap_sync/rules_scan.h"

#include "common/ldap_escape.h"
#include "common/ldap_search.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define RULE_IN_CHAIN "1.2.840.113556.1.4.1941" /* LDAP_MATCHING_RULE_IN_CHAIN */
#define AD_CAPABILITY "1.2.840.113556.1.4.800"  /* LDAP_CAP_ACTIVE_DIRECTORY_OID */

/* --- is it an AD: another server would ignore the rule and find nobody --- */

static bool read_root(LDAP *ld, LDAPMessage *message, void *context)
{
    struct scan *scan = context;
    struct berval **capabilities = ldap_get_values_len(ld, message, "supportedCapabilities");
    struct berval **contexts = ldap_get_values_len(ld, message, "defaultNamingContext");
    bool ad = false;

    for (size_t i = 0; capabilities != NULL && capabilities[i] != NULL; i++)
        ad = ad || bytes_equal(bytes_of(capabilities[i]->bv_val, capabilities[i]->bv_len),
                               bytes_str(AD_CAPABILITY));
    if (ad && contexts != NULL && contexts[0] != NULL) {
        g_free(scan->root_context);
        scan->root_context = g_strndup(contexts[0]->bv_val, contexts[0]->bv_len);
    }
    ldap_value_free_len(capabilities);
    ldap_value_free_len(contexts);
    return true;
}

static enum ldapc_status call_root(struct directory_link *link, int64_t limit_ms, void *context,
                                   char why[LDAPC_WHY_MAX])
{
    static const char *const attributes[] = {"supportedCapabilities", "defaultNamingContext", NULL};
    const struct ldapc_search search = {.base = "",
                                        .scope = LDAP_SCOPE_BASE,
                                        .filter = "(objectClass=*)",
                                        .attributes = attributes,
                                        .max_entries = 1,
                                        .each = read_root,
                                        .context = context};
    struct ldapc_search_answer answer;

    return ldapc_search(link->connection, &search, limit_ms, &answer, why);
}

/* --- one group --- */

struct chain {
    struct scan *scan;
    struct group *group;
    guint before; /* members that its own entry gave */
};

static void begin_chain(void *context)
{
    struct chain *chain = context;

    g_array_set_size(chain->group->list, chain->before);
}

static bool read_member(LDAP *ld, LDAPMessage *message, void *context)
{
    struct chain *chain = context;
    struct berval dn, name, *values = NULL, sid[2] = {{0}};
    struct berval *kept = NULL;
    BerElement *ber = NULL;
    struct person *person;
    bool is_group = false;

    if (ldap_get_dn_ber(ld, message, &ber, &dn) != LDAP_SUCCESS)
        return true;
    while (ldap_get_attribute_ber(ld, message, ber, &name, &values) == LDAP_SUCCESS &&
           name.bv_val != NULL) {
        if (name.bv_len == 9 && strncasecmp(name.bv_val, "groupType", 9) == 0)
            is_group = true;
        if (name.bv_len == 9 && strncasecmp(name.bv_val, "objectSid", 9) == 0 && values != NULL)
            sid[0] = values[0];
        if (kept != NULL)
            ber_memfree(kept);
        kept = values;
        values = NULL;
    }
    person = persons_by_dn(&chain->scan->persons, dn.bv_val, dn.bv_len);
    /* The rule does not follow primary groups. */
    if (is_group)
        group_add_primary(chain->scan, chain->group, sid);
    else
        group_add(chain->group, person);
    if (person != NULL && is_group)
        person->flags |= PERSON_GROUP;
    ber_memfree(kept);
    ber_free(ber, 0);
    return true;
}

static enum reason read_chain(struct scan *scan, const struct rule *rule, struct group *group)
{
    static const char *const attributes[] = {"groupType", "objectSid", NULL};
    char *value = ldapc_filter_escape(bytes_str(group->dn));
    char *filter = g_strdup_printf("(memberOf:" RULE_IN_CHAIN ":=%s)", value != NULL ? value : "");
    struct chain chain = {.scan = scan, .group = group, .before = group->list->len};
    struct rules_search search = {.what = "searching members in chain",
                                  .rule = rule->number,
                                  .base = scan->root_context,
                                  .scope = LDAP_SCOPE_SUBTREE,
                                  .filter = filter,
                                  .attributes = attributes,
                                  .begin = begin_chain,
                                  .each = read_member,
                                  .context = &chain};
    enum reason reason = value != NULL ? scan_search(scan, &search) : REASON_INTERNAL;

    g_free(filter);
    free(value);
    return reason;
}

enum reason scan_in_chain(struct scan *scan)
{
    enum reason reason = REASON_GRANTED;

    for (guint i = 0; i < scan->groups->len; i++) {
        struct group *group = scan_group(scan, i);
        const struct rule *rule = NULL;

        if (group->members != MEMBERS_IN_CHAIN)
            continue;
        for (guint r = 0; rule == NULL; r++)
            if (scan_rule(scan, r)->members == MEMBERS_IN_CHAIN)
                rule = scan_rule(scan, r);
        if (scan->root_context == NULL)
            reason = directory_run(scan->directory, &scan->directory->searches,
                                   "asking whether this is an Active Directory",
                                   scan->request->deadline_ms, call_root, scan);
        if (reason == REASON_GRANTED && scan->root_context == NULL) {
            scan_finding(scan, SYNC_GUARD_INCOMPLETE, NULL,
                         "nested: in_chain (rule %u) is for Active Directory, which this "
                         "server is not; write nested: climb",
                         rule->number);
            return reason;
        }
        if (reason == REASON_GRANTED)
            reason = read_chain(scan, rule, group);
        if (reason != REASON_GRANTED)
            return reason;
    }
    return reason;
}
