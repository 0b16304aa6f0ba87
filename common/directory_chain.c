#include "config.h"

#include "common/directory_groups.h"

#include "common/directory_entry.h"
#include "common/ldap_escape.h"

#include <stdio.h>
#include <stdlib.h>

#define RULE_IN_CHAIN "1.2.840.113556.1.4.1941" /* LDAP_MATCHING_RULE_IN_CHAIN */
#define AD_CAPABILITY "1.2.840.113556.1.4.800"  /* LDAP_CAP_ACTIVE_DIRECTORY_OID */

static bool read_capabilities(LDAP *ld, LDAPMessage *message, void *context)
{
    struct berval **values = ldap_get_values_len(ld, message, "supportedCapabilities");
    size_t i;

    for (i = 0; values != NULL && values[i] != NULL; i++)
        if (bytes_equal(bytes_of(values[i]->bv_val, values[i]->bv_len), bytes_str(AD_CAPABILITY)))
            *(bool *)context = true;
    ldap_value_free_len(values);
    return true;
}

static bool count_only(LDAP *ld, LDAPMessage *message, void *context)
{
    (void)ld;
    (void)message;
    (void)context;
    return true;
}

/*
 * A server without the rule finds nothing and says success, which would let members of denied groups
 * in: so it is asked first whether it is an AD at all.
 */
static enum ldapc_status call_in_chain(struct directory_link *link, int64_t limit_ms, void *context,
                                       char why[LDAPC_WHY_MAX])
{
    static const char *const attributes[] = {"supportedCapabilities", NULL};
    struct group_search *call = context;
    const struct ldapc_search root = {.base = "",
                                      .scope = LDAP_SCOPE_BASE,
                                      .filter = "(objectClass=*)",
                                      .attributes = attributes,
                                      .max_entries = 1,
                                      .each = read_capabilities,
                                      .context = &link->chain_known};
    enum ldapc_status status = LDAPC_OK;

    if (!link->chain_known)
        status = ldapc_search(link->connection, &root, limit_ms, &call->answer, why);
    if (status != LDAPC_OK)
        return status;
    if (!link->chain_known) {
        call->answer = (struct ldapc_search_answer){.code = LDAP_INAPPROPRIATE_MATCHING,
                                                    .diagnostic = "not an Active Directory: use "
                                                                  "ldap.nested: climb"};
        return LDAPC_OK;
    }
    return ldapc_search(link->connection, &call->search, limit_ms, &call->answer, why);
}

static enum reason in_chain_one(struct climb *climb, const char *dn, const struct wanted *wanted,
                                bool *member)
{
    static const char *const attributes[] = {LDAP_NO_ATTRS, NULL};
    char *value = ldapc_filter_escape(bytes_str(wanted->text)), *filter = NULL;
    struct group_search call = {
        .climb = climb,
        .search = {.base = dn,
                   .scope = LDAP_SCOPE_BASE,
                   .attributes = attributes,
                   .max_entries = 1,
                   .each = count_only}
    };
    enum reason reason = REASON_INTERNAL;

    *member = false;
    if (value == NULL || asprintf(&filter, "(memberOf:" RULE_IN_CHAIN ":=%s)", value) < 0) {
        filter = NULL;
        goto out;
    }
    call.search.filter = filter;
    reason = directory_run(climb->directory, &climb->directory->searches, "asking for a group",
                           climb->deadline_ms, call_in_chain, &call);
    if (reason == REASON_GRANTED)
        reason = directory_judge_groups(climb, &call.answer);
    *member = reason == REASON_GRANTED && call.answer.entries == 1;
out:
    free(filter);
    free(value);
    return reason;
}

static enum reason in_chain_list(struct climb *climb, const char *dn, const struct wanted *list,
                                 size_t n, const struct wanted **matched)
{
    size_t i;

    for (i = 0; i < n && *matched == NULL; i++) {
        bool member;
        enum reason reason = in_chain_one(climb, dn, &list[i], &member);

        if (reason != REASON_GRANTED)
            return reason;
        if (member)
            *matched = &list[i];
    }
    return REASON_GRANTED;
}

static enum reason in_chain_above(struct climb *climb, const char *dn)
{
    enum reason reason = in_chain_list(climb, dn, climb->deny, climb->n_deny, &climb->denied);

    if (reason != REASON_GRANTED || climb->denied != NULL)
        return reason;
    return in_chain_list(climb, dn, climb->require, climb->n_require, &climb->required);
}

enum reason directory_in_chain(struct climb *climb)
{
    enum reason reason = in_chain_above(climb, climb->entry->dn);

    if (reason != REASON_GRANTED || climb->denied != NULL ||
        (climb->required != NULL && climb->n_deny == 0))
        return reason;
    /* The rule does not follow the primary group: so it is asked for that as well. */
    reason = directory_primary(climb);
    if (reason != REASON_GRANTED || climb->denied != NULL || climb->seen.n == 0)
        return reason;
    return in_chain_above(climb, climb->seen.at[0].dn);
}
