#include "config.h"

#include "ldap_sync/rules_scan.h"

#include "common/directory_people.h"
#include "common/ldap_search.h"
#include "common/number.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SID_SHORTEST 12 /* bytes: [MS-DTYP] 2.4.2.2 with one number, which is the last */
#define RANGE_MAX    100000000

/* What holds the members, by members; and whether AD's primary group counts as well. */
static const struct {
    const char *attributes[2];
    bool primary;
} kinds[] = {
    [SYNC_MEMBER] = {{"member"}, true},
    [SYNC_UNIQUE_MEMBER] = {{"uniqueMember"}, false},
    [SYNC_MEMBER_UID] = {{"memberUid"}, false},
    [SYNC_MEMBER_OF] = {{NULL}, false},
    [SYNC_MEMBER_URL] = {{"memberURL"}, false},
    [MEMBERS_IN_CHAIN] = {{NULL}, true},
    [MEMBERS_NESTED] = {{"member", "uniqueMember"}, true},
};

const char group_several[] = "several values";

static void free_group(void *data)
{
    struct group *group = data;

    g_array_unref(group->list);
    if (group->urls != NULL)
        g_ptr_array_unref(group->urls);
    g_free(group->values);
    g_free(group->range);
    g_free(group);
}

void scan_init_groups(struct scan *scan)
{
    scan->groups = g_ptr_array_new_with_free_func(free_group);
    scan->group_of = g_hash_table_new(g_direct_hash, g_direct_equal);
}

static gpointer group_key(uint32_t person, int members)
{
    return GSIZE_TO_POINTER((gsize)person << 3 | (gsize)members);
}

guint group_find(const struct scan *scan, uint32_t person, int members)
{
    return GPOINTER_TO_UINT(g_hash_table_lookup(scan->group_of, group_key(person, members)));
}

/* The group as it is known, or a new one; *place is where it is. */
static struct group *note_group(struct scan *scan, struct person *person, int members,
                                const struct berval *dn, guint *place)
{
    guint known = group_find(scan, person->self, members);
    struct group *group;

    if (known > 0) {
        *place = known - 1;
        return scan_group(scan, known - 1);
    }
    group = g_new0(struct group, 1);
    group->person = person->self;
    group->members = members;
    group->dn = g_string_chunk_insert_len(scan->wanted->names, dn->bv_val, (gssize)dn->bv_len);
    group->list = g_array_new(FALSE, FALSE, sizeof(uint32_t));
    if (members == SYNC_MEMBER_URL)
        group->urls = g_ptr_array_new_with_free_func(g_free);
    group->values = g_new0(const char *, scan->group_attributes->len + 1);
    *place = scan->groups->len;
    g_ptr_array_add(scan->groups, group);
    g_hash_table_insert(scan->group_of, group_key(person->self, members),
                        GUINT_TO_POINTER(*place + 1));
    return group;
}

void group_add(struct group *group, const struct person *person)
{
    if (person != NULL)
        g_array_append_val(group->list, person->self);
}

/* --- members --- */

/* uniqueMember may have a bit string behind the DN (RFC 4517 3.3.21): #'0101'B. */
static size_t without_bits(const char *text, size_t len)
{
    const char *mark;

    if (len < 5 || memcmp(text + len - 2, "'B", 2) != 0)
        return len;
    for (mark = text + len - 3; mark > text && (*mark == '0' || *mark == '1'); mark--)
        ;
    return mark > text + 1 && mark[0] == '\'' && mark[-1] == '#' ? (size_t)(mark - 1 - text) : len;
}

static void read_members(struct scan *scan, struct group *group, const struct berval *values)
{
    for (; values->bv_val != NULL; values++) {
        switch (group->members) {
        case SYNC_MEMBER_UID:
            group_add(group, persons_by_key(&scan->persons, PARENT_UID, values->bv_val,
                                            values->bv_len, true));
            break;
        case SYNC_MEMBER_URL:
            g_ptr_array_add(group->urls, g_strndup(values->bv_val, values->bv_len));
            break;
        case SYNC_UNIQUE_MEMBER:
        case MEMBERS_NESTED:
            group_add(group, persons_by_dn(&scan->persons, values->bv_val,
                                           without_bits(values->bv_val, values->bv_len)));
            break;
        default:
            group_add(group, persons_by_dn(&scan->persons, values->bv_val, values->bv_len));
        }
    }
}

bool group_parse_range(const char *text, size_t len, int64_t *from, int64_t *to)
{
    const char *dash = memchr(text, '-', len);

    if (dash == NULL || number_parse(text, (size_t)(dash - text), 0, RANGE_MAX, from) != NUMBER_OK)
        return false;
    len -= (size_t)(dash + 1 - text);
    *to = -1;
    if (len == 1 && dash[1] == '*')
        return true;
    return number_parse(dash + 1, len, *from, RANGE_MAX, to) == NUMBER_OK;
}

/*
 * The attribute with the members, or a range of them ([MS-ADTS] 3.1.1.3.1.3.3):
 * "member;range=0-1499".
 */
static bool read_attribute(struct scan *scan, struct group *group, const char *wanted,
                           const struct berval *name, const struct berval *values)
{
    static const char option[] = ";range=";
    size_t len = strlen(wanted), skip = len + strlen(option);
    int64_t from, to;

    if (name->bv_len == len) {
        /* AD gives the plain attribute too, empty, when it gives a range. */
        read_members(scan, group, values);
        return true;
    }
    if (name->bv_len <= skip || strncasecmp(name->bv_val + len, option, strlen(option)) != 0 ||
        !group_parse_range(name->bv_val + skip, name->bv_len - skip, &from, &to))
        return false;
    /* Not the range that was asked for: what lies between would be missing. */
    if (from != group->range_from)
        return true;
    read_members(scan, group, values);
    g_clear_pointer(&group->range, g_free);
    group->range_from = to + 1;
    if (to >= 0)
        group->range = g_strdup_printf("%s;range=%lld-*", wanted, (long long)to + 1);
    return true;
}

/* Those whose primary group it is, by the last number of its SID. */
void group_add_primary(struct scan *scan, struct group *group, const struct berval *values)
{
    const uint8_t *last;
    char rid[12];
    int len;

    if (values[0].bv_val == NULL || values[0].bv_len < SID_SHORTEST)
        return;
    last = (const uint8_t *)values[0].bv_val + values[0].bv_len - 4;
    len = g_snprintf(rid, sizeof rid, "%lu",
                     (unsigned long)last[0] | (unsigned long)last[1] << 8 |
                         (unsigned long)last[2] << 16 | (unsigned long)last[3] << 24);
    scan->groups_have_sid = true;
    group_add(group, persons_by_key(&scan->persons, PARENT_PRIMARY, rid, (size_t)len, true));
}

static void read_template_value(struct scan *scan, struct group *group, const struct berval *name,
                                const struct berval *values)
{
    for (guint i = 0; i < scan->group_attributes->len; i++) {
        const char *wanted = g_ptr_array_index(scan->group_attributes, i);

        if (strlen(wanted) != name->bv_len || strncasecmp(wanted, name->bv_val, name->bv_len) != 0)
            continue;
        group->values[i] = NULL;
        if (values[0].bv_val != NULL && values[1].bv_val != NULL)
            group->values[i] = group_several;
        else if (values[0].bv_val != NULL &&
                 memchr(values[0].bv_val, '\0', values[0].bv_len) == NULL)
            group->values[i] = g_string_chunk_insert_len(scan->persons.texts, values[0].bv_val,
                                                         (gssize)values[0].bv_len);
    }
}

/* --- entries --- */

const char **group_attributes(const struct scan *scan, int members)
{
    GPtrArray *list = g_ptr_array_new();

    for (size_t i = 0; i < 2 && kinds[members].attributes[i] != NULL; i++)
        g_ptr_array_add(list, (gpointer)(uintptr_t)kinds[members].attributes[i]);
    if (kinds[members].primary)
        g_ptr_array_add(list, (gpointer)(uintptr_t) "objectSid");
    for (guint i = 0; i < scan->group_attributes->len; i++)
        g_ptr_array_add(list, g_ptr_array_index(scan->group_attributes, i));
    if (list->len == 0)
        g_ptr_array_add(list, (gpointer)(uintptr_t)LDAP_NO_ATTRS);
    g_ptr_array_add(list, NULL);
    return (const char **)g_ptr_array_free(list, FALSE);
}

void group_read_begin(void *context)
{
    struct group_read *read = context;

    if (read->found != NULL)
        g_array_set_size(read->found, 0);
}

/* Whether it has members, or could have: what makes it a group, whatever the filter found. */
static bool read_values(struct scan *scan, struct group *group, LDAP *ld, LDAPMessage *message,
                        BerElement *ber)
{
    const char *const *members = kinds[group->members].attributes;
    struct berval name, *values = NULL;
    bool is_group = members[0] == NULL;

    while (ldap_get_attribute_ber(ld, message, ber, &name, &values) == LDAP_SUCCESS &&
           name.bv_val != NULL) {
        if (values != NULL) {
            for (size_t i = 0; i < 2 && members[i] != NULL; i++)
                if (name.bv_len >= strlen(members[i]) &&
                    strncasecmp(name.bv_val, members[i], strlen(members[i])) == 0)
                    is_group |= read_attribute(scan, group, members[i], &name, values);
            if (name.bv_len == 9 && strncasecmp(name.bv_val, "objectSid", 9) == 0)
                group_add_primary(scan, group, values);
            read_template_value(scan, group, &name, values);
        }
        ber_memfree(values);
        values = NULL;
    }
    return is_group;
}

bool group_read_entry(LDAP *ld, LDAPMessage *message, void *context)
{
    struct group_read *read = context;
    struct scan *scan = read->scan;
    BerElement *ber = NULL;
    struct person *person;
    struct group *group;
    struct berval dn;
    guint place;

    if (ldap_get_dn_ber(ld, message, &ber, &dn) != LDAP_SUCCESS)
        return true;
    person = persons_by_dn(&scan->persons, dn.bv_val, dn.bv_len);
    if (person != NULL && (read->only == NULL ||
                           g_hash_table_contains(read->only, GUINT_TO_POINTER(person->self + 1)))) {
        group = note_group(scan, person, read->members, &dn, &place);
        /* Another search, or a try before, may have read it. */
        if (!group->read && read_values(scan, group, ld, message, ber))
            person->flags |= PERSON_GROUP;
        group->read = true;
        if (read->found != NULL)
            g_array_append_val(read->found, place);
    }
    ber_free(ber, 0);
    return true;
}

/* --- ranges --- */

struct range {
    struct scan *scan;
    struct group *group;
    struct ldapc_search_answer answer;
};

static bool read_range(LDAP *ld, LDAPMessage *message, void *context)
{
    struct range *range = context;
    BerElement *ber = NULL;
    struct berval dn;

    if (ldap_get_dn_ber(ld, message, &ber, &dn) == LDAP_SUCCESS)
        read_values(range->scan, range->group, ld, message, ber);
    ber_free(ber, 0);
    return true;
}

static enum ldapc_status call_range(struct directory_link *link, int64_t limit_ms, void *context,
                                    char why[LDAPC_WHY_MAX])
{
    struct range *range = context;
    const char *attributes[] = {range->group->range, NULL};
    const struct ldapc_search search = {.base = range->group->dn,
                                        .scope = LDAP_SCOPE_BASE,
                                        .filter = "(objectClass=*)",
                                        .attributes = attributes,
                                        .max_entries = 1,
                                        .each = read_range,
                                        .context = range};

    /* A try that was lost after its entry has left nothing to ask for. */
    if (range->group->range == NULL)
        return LDAPC_OK;
    return ldapc_search(link->connection, &search, limit_ms, &range->answer, why);
}

static enum reason read_ranges(struct scan *scan, struct group *group)
{
    struct range range = {.scan = scan, .group = group};

    while (group->range != NULL) {
        int64_t from = group->range_from;
        enum reason reason =
            directory_run(scan->directory, &scan->directory->searches, "reading a range",
                          scan->request->deadline_ms, call_range, &range);

        if (reason != REASON_GRANTED)
            return reason;
        if (group->range == NULL || group->range_from > from)
            continue;
        scan_finding(scan, SYNC_GUARD_INCOMPLETE, NULL,
                     "the group %s was given in parts, and the part \"%s\" is missing (%s)",
                     group->dn, group->range, ldap_err2string(range.answer.code));
        return REASON_GRANTED;
    }
    return REASON_GRANTED;
}

enum reason scan_ranges(struct scan *scan, guint from)
{
    enum reason reason = REASON_GRANTED;

    for (guint i = from; reason == REASON_GRANTED && i < scan->groups->len; i++)
        reason = read_ranges(scan, scan_group(scan, i));
    return reason;
}

/* --- the rules' searches --- */

static enum reason read_search(struct scan *scan, struct group_search *at)
{
    const struct settings_sync_search *settings = &at->rule->settings->search;
    const char **attributes = group_attributes(scan, at->rule->members);
    struct group_read read = {.scan = scan, .members = at->rule->members, .found = at->found};
    struct rules_search search = {.what = "searching groups",
                                  .rule = at->rule->number,
                                  .base = settings->base,
                                  .scope = rules_scope(settings->scope),
                                  .filter = settings->filter,
                                  .attributes = attributes,
                                  .begin = group_read_begin,
                                  .each = group_read_entry,
                                  .context = &read};
    enum reason reason = scan_search(scan, &search);

    at->whole = search.whole;
    g_free(attributes);
    return reason;
}

static int by_dn(const void *a, const void *b, void *context)
{
    const struct scan *scan = context;

    return strcmp(scan_group(scan, *(const guint *)a)->dn, scan_group(scan, *(const guint *)b)->dn);
}

enum reason scan_groups(struct scan *scan)
{
    enum reason reason = REASON_GRANTED;

    for (guint i = 0; reason == REASON_GRANTED && i < scan->searches->len; i++) {
        struct group_search *at = &g_array_index(scan->searches, struct group_search, i);

        if (at->rule->members == SYNC_MEMBER_OF)
            continue;
        reason = read_search(scan, at);
        /* So that nothing hangs on the order in which a server answers. */
        g_array_sort_with_data(at->found, by_dn, scan);
    }
    return reason == REASON_GRANTED ? scan_ranges(scan, 0) : reason;
}
