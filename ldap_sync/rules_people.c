#include "config.h"

#include "ldap_sync/rules_scan.h"

#include "common/directory_people.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define AS_MANY_AS_HE_IS 16 /* persons one entry may be: its DN, its primary group, each uid */

/* What of an entry tells that it is disabled or expired.  A lock by wrong passwords does not: else
 * anybody could end anybody's sessions. */
static const enum directory_account_attribute accounts[] = {
    [ENTRY_CONTROL] = ACCOUNT_USER_CONTROL,
    [ENTRY_EXPIRES] = ACCOUNT_EXPIRES,
    [ENTRY_NS_LOCK] = ACCOUNT_NS_LOCK,
    [ENTRY_SHADOW] = ACCOUNT_SHADOW_EXPIRE,
    [ENTRY_PWD_LOCKED] = ACCOUNT_PWD_LOCKED_TIME,
};

/* --- one entry --- */

static void clear_entry(struct entry *entry)
{
    for (size_t i = 0; i < ENTRY_ATTRIBUTES_MAX; i++)
        if (entry->values[i] != NULL)
            ber_memfree(entry->values[i]);
}

static void take_attribute(const struct scan *scan, struct entry *entry, const struct berval *name,
                           struct berval *values)
{
    const GPtrArray *wanted = scan->entry_attributes;

    for (guint i = 0; i < wanted->len; i++) {
        const char *at = g_ptr_array_index(wanted, i);

        if (strncasecmp(at, name->bv_val, name->bv_len) != 0 || at[name->bv_len] != '\0' ||
            entry->values[i] != NULL)
            continue;
        entry->values[i] = values;
        while (values != NULL && values[entry->n[i]].bv_val != NULL)
            entry->n[i]++;
        return;
    }
    ber_memfree(values);
}

/* False when the message is damaged.  clear_entry and ber_free are due either way. */
static bool read_entry(const struct scan *scan, LDAP *ld, LDAPMessage *message, BerElement **ber,
                       struct entry *entry)
{
    struct berval name, *values = NULL;

    memset(entry, 0, sizeof *entry);
    if (ldap_get_dn_ber(ld, message, ber, &entry->dn) != LDAP_SUCCESS)
        return false;
    while (ldap_get_attribute_ber(ld, message, *ber, &name, &values) == LDAP_SUCCESS &&
           name.bv_val != NULL) {
        take_attribute(scan, entry, &name, values);
        values = NULL;
    }
    return true;
}

static enum reason judge_account(const struct scan *scan, const struct entry *entry)
{
    struct directory_entry state = {0};

    for (size_t i = 0; i < G_N_ELEMENTS(accounts); i++) {
        struct directory_value *value = &state.account[accounts[i]];
        const struct berval *at = entry->values[i];

        value->present = entry->n[i] > 0;
        if (!value->present)
            continue;
        value->damaged = entry->n[i] > 1 || at->bv_len >= sizeof value->text ||
                         memchr(at->bv_val, '\0', at->bv_len) != NULL;
        if (!value->damaged)
            memcpy(value->text, at->bv_val, at->bv_len);
    }
    /* A timed lock is a lock by wrong passwords. */
    return directory_account(&state, scan->request->now_s, true);
}

/* --- everybody --- */

/* The persons that groups know this entry as, his DN first. */
static size_t find_persons(struct scan *scan, const struct entry *entry,
                           struct person *found[AS_MANY_AS_HE_IS])
{
    struct persons *persons = &scan->persons;
    struct person *person = persons_find_dn(persons, entry->dn.bv_val, entry->dn.bv_len);
    const struct berval *primary = entry->values[ENTRY_PRIMARY];
    size_t n = 0;

    if (person != NULL)
        found[n++] = person;
    if (entry->n[ENTRY_PRIMARY] == 1 &&
        (person = persons_by_key(persons, PARENT_PRIMARY, primary->bv_val, primary->bv_len,
                                 false)) != NULL)
        found[n++] = person;
    for (unsigned i = 0; i < entry->n[ENTRY_UID] && n < AS_MANY_AS_HE_IS; i++) {
        const struct berval *uid = &entry->values[ENTRY_UID][i];

        person = persons_by_key(persons, PARENT_UID, uid->bv_val, uid->bv_len, false);
        if (person != NULL)
            found[n++] = person;
    }
    return n;
}

static bool has_edges(struct person *const *persons, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (persons[i]->first != 0)
            return true;
    return false;
}

static void take_entry(struct scan *scan, const struct entry *entry)
{
    struct person *persons[AS_MANY_AS_HE_IS], *own;
    size_t n = find_persons(scan, entry, persons);
    enum reason state;

    if (!has_edges(persons, n)) {
        if (tracing(scan))
            trace_entry(scan, entry);
        return;
    }
    own = persons_by_dn(&scan->persons, entry->dn.bv_val, entry->dn.bv_len);
    /* A lost connection may have begun anew what was read. */
    if (own == NULL || (own->flags & PERSON_DONE))
        return;
    own->flags |= PERSON_DONE;
    for (size_t i = 0; i < n; i++)
        persons[i]->flags |= persons[i]->parent == PARENT_UID ? PERSON_DONE : 0;
    state = judge_account(scan, entry);
    if (state == REASON_GRANTED && !(own->flags & PERSON_DISABLED))
        roles_give(scan, persons, n, entry);
    else
        own->flags |= PERSON_DISABLED;
    if (tracing(scan))
        trace_edges(scan, persons, n, entry, state == REASON_GRANTED ? NULL : reason_name(state));
}

static bool read_person(LDAP *ld, LDAPMessage *message, void *context)
{
    struct scan *scan = context;
    BerElement *ber = NULL;
    struct entry entry;

    if (read_entry(scan, ld, message, &ber, &entry))
        take_entry(scan, &entry);
    clear_entry(&entry);
    ber_free(ber, 0);
    return true;
}

/* What people's entries are asked for, NULL at the end; the array is the caller's. */
static const char **attributes(const struct scan *scan, guint n)
{
    const char **list = g_new0(const char *, n + 1);

    for (guint i = 0; i < n; i++)
        list[i] = g_ptr_array_index(scan->entry_attributes, i);
    return list;
}

enum reason scan_people(struct scan *scan)
{
    struct rules_search search = {.what = "searching people", .each = read_person, .context = scan};
    enum reason reason = REASON_GRANTED;
    char *base, *filter;
    const char **list;
    bool needed = tracing(scan) && scan->directory != NULL;

    for (guint i = 0; i < scan->rules->len; i++)
        needed = needed || (scan_rule(scan, i)->settings->has_search &&
                            rule_needs_entry(scan, scan_rule(scan, i)));
    if (!needed)
        return REASON_GRANTED;
    if (!directory_people_search(scan->ldap, &base, &search.scope, &filter)) {
        if (scan->groups_have_sid)
            scan_finding(scan, SYNC_GUARD_INCOMPLETE, NULL,
                         "Active Directory keeps disabled accounts in their groups, and ldap "
                         "does not say where people are; write ldap.user_base and user_filter");
        return REASON_GRANTED;
    }
    list = attributes(scan, scan->entry_attributes->len);
    search.base = base;
    search.filter = filter;
    search.attributes = list;
    reason = scan_search(scan, &search);
    g_free(list);
    free(base);
    free(filter);
    return reason;
}

/* --- memberOf: the rule's own search finds the people --- */

struct member_of {
    struct scan *scan;
    GArray *found;
};

static void begin_member_of(void *context)
{
    struct member_of *read = context;

    g_array_set_size(read->found, 0);
}

static bool read_member_of(LDAP *ld, LDAPMessage *message, void *context)
{
    struct member_of *read = context;
    BerElement *ber = NULL;
    struct entry entry;

    if (read_entry(read->scan, ld, message, &ber, &entry)) {
        struct person *person =
            persons_by_dn(&read->scan->persons, entry.dn.bv_val, entry.dn.bv_len);

        if (person != NULL) {
            if (judge_account(read->scan, &entry) != REASON_GRANTED)
                person->flags |= PERSON_DISABLED;
            g_array_append_val(read->found, person->self);
        }
    }
    clear_entry(&entry);
    ber_free(ber, 0);
    return true;
}

enum reason scan_member_of(struct scan *scan)
{
    const char **list = attributes(scan, G_N_ELEMENTS(accounts));
    enum reason reason = REASON_GRANTED;

    for (guint i = 0; reason == REASON_GRANTED && i < scan->searches->len; i++) {
        struct group_search *at = &g_array_index(scan->searches, struct group_search, i);
        const struct settings_sync_search *settings = &at->rule->settings->search;
        struct member_of read = {.scan = scan, .found = at->found};
        struct rules_search search = {.what = "searching people",
                                      .rule = at->rule->number,
                                      .base = settings->base,
                                      .scope = rules_scope(settings->scope),
                                      .filter = settings->filter,
                                      .attributes = list,
                                      .begin = begin_member_of,
                                      .each = read_member_of,
                                      .context = &read};

        if (at->rule->members != SYNC_MEMBER_OF)
            continue;
        reason = scan_search(scan, &search);
        at->whole = search.whole;
    }
    g_free(list);
    return reason;
}
