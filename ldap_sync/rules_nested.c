#include "config.h"

#include "ldap_sync/rules_scan.h"

#include "common/ldap_dn.h"
#include "common/ldap_escape.h"

#include <stdlib.h>
#include <string.h>

#define BATCH 50 /* groups asked for in one search */

/* The classes of groups in the schemas of OpenLDAP, 389 Directory Server and AD. */
const char nested_group_filter[] =
    "(|(objectClass=group)(objectClass=groupOfNames)(objectClass=groupOfUniqueNames)"
    "(objectClass=groupOfMembers)(objectClass=groupOfEntries)(objectClass=posixGroup))";

/* Which DNs are groups: persons that have them are none. */
static bool note_group_dn(LDAP *ld, LDAPMessage *message, void *context)
{
    struct scan *scan = context;
    BerElement *ber = NULL;
    struct person *person;
    struct berval dn;

    if (ldap_get_dn_ber(ld, message, &ber, &dn) == LDAP_SUCCESS) {
        person = persons_by_dn(&scan->persons, dn.bv_val, dn.bv_len);
        if (person != NULL)
            person->flags |= PERSON_GROUP;
    }
    ber_free(ber, 0);
    return true;
}

static enum reason read_group_dns(struct scan *scan, const char *base)
{
    static const char *const nothing[] = {LDAP_NO_ATTRS, NULL};
    struct rules_search search = {.what = "searching groups in groups",
                                  .base = base,
                                  .scope = LDAP_SCOPE_SUBTREE,
                                  .filter = nested_group_filter,
                                  .attributes = nothing,
                                  .each = note_group_dn,
                                  .context = scan};

    return scan_search(scan, &search);
}

/* Where nested groups are looked for: owned by the settings, each once. */
static GPtrArray *nested_bases(const struct scan *scan)
{
    GPtrArray *bases = g_ptr_array_new();

    for (guint i = 0; i < scan->rules->len; i++) {
        const struct rule *rule = scan_rule(scan, i);
        char *base =
            scan->ldap->group_base != NULL ? scan->ldap->group_base : rule->settings->search.base;

        if (rule->members == MEMBERS_NESTED &&
            !g_ptr_array_find_with_equal_func(bases, base, g_str_equal, NULL))
            g_ptr_array_add(bases, base);
    }
    return bases;
}

void nested_append_rdn(GString *filter, const struct person *person)
{
    char *type = g_strndup(person->rdn, strcspn(person->rdn, "=")), *value, *escaped = NULL;
    size_t len;

    value = ldapc_dn_value(person_raw(person), type, &len);
    if (value != NULL)
        escaped = ldapc_filter_escape(bytes_of(value, len));
    if (escaped != NULL)
        g_string_append_printf(filter, "(%s=%s)", type, escaped);
    free(escaped);
    free(value);
    g_free(type);
}

/* Reads those of asked that lie below base. */
static enum reason read_batch(struct scan *scan, const char *base, const guint *asked, guint n,
                              GHashTable *only)
{
    const char **attributes = group_attributes(scan, MEMBERS_NESTED);
    struct group_read read = {.scan = scan, .members = MEMBERS_NESTED, .only = only};
    GString *filter = g_string_new("(|");
    struct rules_search search = {.what = "reading groups in groups",
                                  .base = base,
                                  .scope = LDAP_SCOPE_SUBTREE,
                                  .attributes = attributes,
                                  .each = group_read_entry,
                                  .context = &read};
    enum reason reason;

    for (guint i = 0; i < n; i++)
        nested_append_rdn(filter, persons_at(&scan->persons, asked[i]));
    g_string_append_c(filter, ')');
    search.filter = filter->str;
    reason = scan_search(scan, &search);
    g_string_free(filter, TRUE);
    g_free(attributes);
    return reason;
}

/* One level: the groups of asked, which are places of persons. */
static enum reason read_level(struct scan *scan, const GPtrArray *bases, const GArray *asked,
                              GHashTable *only)
{
    enum reason reason = REASON_GRANTED;
    guint before = scan->groups->len;

    for (guint b = 0; b < bases->len; b++)
        for (guint i = 0; reason == REASON_GRANTED && i < asked->len; i += BATCH)
            reason = read_batch(scan, g_ptr_array_index(bases, b), &g_array_index(asked, guint, i),
                                MIN(BATCH, asked->len - i), only);
    if (reason == REASON_GRANTED)
        reason = scan_ranges(scan, before);
    for (guint i = 0; reason == REASON_GRANTED && i < asked->len; i++) {
        guint place = g_array_index(asked, guint, i);
        GString *dn;

        if (group_find(scan, place, MEMBERS_NESTED) > 0)
            continue;
        dn = g_string_new(NULL);
        person_append_dn(&scan->persons, persons_at(&scan->persons, place), dn);
        scan_finding(scan, SYNC_GUARD_INCOMPLETE, NULL,
                     "the group %s, which is in another one, cannot be read", dn->str);
        g_string_free(dn, TRUE);
    }
    return reason;
}

/* The groups that those from place `from` on hold and that have not been read. */
static GArray *next_level(struct scan *scan, guint from, GHashTable *only)
{
    GArray *asked = g_array_new(FALSE, FALSE, sizeof(guint));

    for (guint i = from; i < scan->groups->len; i++) {
        const struct group *group = scan_group(scan, i);

        for (guint m = 0; group->members == MEMBERS_NESTED && m < group->list->len; m++) {
            uint32_t place = g_array_index(group->list, uint32_t, m);

            if ((persons_at(&scan->persons, place)->flags & PERSON_GROUP) &&
                group_find(scan, place, MEMBERS_NESTED) == 0 &&
                g_hash_table_add(only, GUINT_TO_POINTER(place + 1)))
                g_array_append_val(asked, place);
        }
    }
    return asked;
}

enum reason scan_nested(struct scan *scan)
{
    GPtrArray *bases = nested_bases(scan);
    GHashTable *only = g_hash_table_new(g_direct_hash, g_direct_equal);
    enum reason reason = REASON_GRANTED;
    int64_t level = 0;
    guint from = 0;

    for (guint i = 0; reason == REASON_GRANTED && i < bases->len; i++)
        reason = read_group_dns(scan, g_ptr_array_index(bases, i));
    for (bool more = bases->len > 0; reason == REASON_GRANTED && more; level++) {
        GArray *asked = next_level(scan, from, only);

        more = asked->len > 0;
        from = scan->groups->len;
        if (more && level >= scan->ldap->depth) {
            scan_finding(scan, SYNC_GUARD_INCOMPLETE, NULL,
                         "groups nest deeper than ldap.depth (%d)", (int)scan->ldap->depth);
            more = false;
        } else if (more) {
            reason = read_level(scan, bases, asked, only);
        }
        g_array_unref(asked);
    }
    g_hash_table_unref(only);
    g_ptr_array_unref(bases);
    return reason;
}
