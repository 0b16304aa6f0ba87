/*
 * Members of nested groups that no search has shown: neither a group that is followed nor a person.
 *
 * Most are a computer, somebody whom ldap.user_filter leaves out, or an entry that is gone.  But it
 * may be a group outside of ldap.group_base, or one that the service account may not see: its
 * members would look like leavers.  So each parent of such DNs is asked once more:
 *
 *   a group is there             the answer is incomplete: group_base is too narrow
 *   another entry is there       passed over
 *   nothing, and among people    passed over: somebody who was deleted, which must end his grants
 *   nothing, elsewhere           a finding that counts only where somebody would lose something
 */
#include "config.h"

#include "ldap_sync/rules_scan.h"

#define BATCH    50  /* entries asked for in one search */
#define ALL_FROM 500 /* from so many on everything below the parent is asked for */

enum { HOLDS_PERSONS = 1, HOLDS_GROUPS = 2, HOLDS_UNSEEN = 4 };

struct looking {
    struct scan *scan;
    struct persons asked; /* the unseen below one parent: their flags tell what was found */
    GArray *places;       /* uint32_t: for each of asked, in its order, the place in scan.persons */
};

/* The place + 1 in wanted.sources of a rule that follows nested groups and holds him; 0 = none. */
static uint32_t nested_source(const struct scan *scan, const struct person *person)
{
    for (uint32_t e = person->first; e != 0; e = scan_edge(scan, e - 1)->next) {
        uint32_t at = scan_edge(scan, e - 1)->source;
        const struct wanted_source *source =
            &g_array_index(scan->wanted->sources, struct wanted_source, at);

        if (scan_rule(scan, source->rule - 1)->members == MEMBERS_NESTED)
            return at + 1;
    }
    return 0;
}

/* Marks who is unseen; says what each parent holds, by place (g_free), or NULL: nobody is unseen. */
static uint8_t *mark_unseen(struct scan *scan)
{
    const unsigned seen = PERSON_GROUP | PERSON_DONE | PERSON_DISABLED | PERSON_NAMED;
    uint8_t *holds = g_new0(uint8_t, scan->persons.parents->len);
    bool any = false;

    for (uint32_t i = 0; i < scan->persons.n; i++) {
        struct person *person = persons_at(&scan->persons, i);
        uint8_t *parent = &holds[person->parent];

        if (person->parent <= PARENT_ROOT)
            continue;
        if (person->flags & PERSON_GROUP) {
            *parent |= HOLDS_GROUPS;
        } else if (person->flags & seen) {
            *parent |= HOLDS_PERSONS;
        } else if (nested_source(scan, person) != 0) {
            person->flags |= PERSON_UNSEEN;
            *parent |= HOLDS_UNSEEN;
            any = true;
        }
    }
    if (!any)
        g_clear_pointer(&holds, g_free);
    return holds;
}

/* --- asking --- */

static void note_entry(struct looking *looking, LDAP *ld, LDAPMessage *message,
                       enum person_flag flag)
{
    BerElement *ber = NULL;
    struct berval dn;

    if (ldap_get_dn_ber(ld, message, &ber, &dn) == LDAP_SUCCESS) {
        struct person *person = persons_find_dn(&looking->asked, dn.bv_val, dn.bv_len);

        if (person != NULL)
            person->flags = (uint8_t)(person->flags | (unsigned)flag);
    }
    ber_free(ber, 0);
}

static bool each_group(LDAP *ld, LDAPMessage *message, void *context)
{
    note_entry(context, ld, message, PERSON_GROUP);
    return true;
}

static bool each_entry(LDAP *ld, LDAPMessage *message, void *context)
{
    note_entry(context, ld, message, PERSON_DONE);
    return true;
}

static enum reason ask(struct looking *looking, const char *base, const char *filter, bool groups)
{
    static const char *const nothing[] = {LDAP_NO_ATTRS, NULL};
    struct rules_search search = {.what = "looking for members that were not seen",
                                  .base = base,
                                  .scope = LDAP_SCOPE_ONELEVEL,
                                  .filter = filter,
                                  .attributes = nothing,
                                  .each = groups ? each_group : each_entry,
                                  .context = looking,
                                  .lenient = true};

    return scan_search(looking->scan, &search);
}

static enum reason ask_for_each(struct looking *looking, const char *base)
{
    enum reason reason = REASON_GRANTED;
    GString *filter = g_string_new(NULL);

    for (guint i = 0; reason == REASON_GRANTED && i < looking->places->len; i += BATCH) {
        g_string_assign(filter, "(|");
        for (guint k = i; k < MIN(i + BATCH, looking->places->len); k++)
            nested_append_rdn(filter, persons_at(&looking->asked, k));
        g_string_append_c(filter, ')');
        reason = ask(looking, base, filter->str, false);
    }
    g_string_free(filter, TRUE);
    return reason;
}

/* --- what was found --- */

static void tell(const struct looking *looking, guint i, bool among_people)
{
    struct scan *scan = looking->scan;
    const struct person *asked = persons_at(&looking->asked, i),
                        *person =
                            persons_at(&scan->persons, g_array_index(looking->places, uint32_t, i));
    const struct wanted_source *source = &g_array_index(scan->wanted->sources, struct wanted_source,
                                                        nested_source(scan, person) - 1);
    GString *dn;

    if (!(asked->flags & PERSON_GROUP) && ((asked->flags & PERSON_DONE) || among_people))
        return;
    dn = g_string_new(NULL);
    person_append_dn(&scan->persons, person, dn);
    if (asked->flags & PERSON_GROUP) {
        scan_finding(scan, SYNC_GUARD_INCOMPLETE, NULL,
                     "the group %s, which is in %s (rule %u), lies outside of ldap.group_base, "
                     "where nested groups are looked for: write a wider one",
                     dn->str, source->group, source->rule);
    } else {
        scan_finding(scan, SYNC_GUARD_INCOMPLETE, NULL,
                     "nobody can see %s, a member of %s (rule %u): it may be a group, whose "
                     "members would lose what it gives; let the service account read it, or take "
                     "it out of its group if it is gone",
                     dn->str, source->group, source->rule);
        g_array_index(scan->wanted->findings, struct sync_finding, scan->wanted->findings->len - 1)
            .of_losses = true;
    }
    g_string_free(dn, TRUE);
}

static void collect(struct looking *looking, uint32_t parent)
{
    struct scan *scan = looking->scan;
    GString *dn = g_string_new(NULL);

    for (uint32_t i = 0; i < scan->persons.n; i++) {
        const struct person *person = persons_at(&scan->persons, i);

        if (person->parent != parent || !(person->flags & PERSON_UNSEEN))
            continue;
        g_string_truncate(dn, 0);
        person_append_dn(&scan->persons, person, dn);
        if (persons_by_dn(&looking->asked, dn->str, dn->len) != NULL)
            g_array_append_val(looking->places, i);
    }
    g_string_free(dn, TRUE);
}

static enum reason look_below(struct scan *scan, uint32_t place, uint8_t holds)
{
    const struct parent *parent = &g_array_index(scan->persons.parents, struct parent, place);
    struct looking looking = {.scan = scan, .places = g_array_new(FALSE, FALSE, sizeof(uint32_t))};
    enum reason reason;

    persons_init(&looking.asked, NULL);
    collect(&looking, place);
    reason = ask(&looking, parent->raw, nested_group_filter, true);
    for (guint i = 0; i < looking.places->len; i++)
        if (persons_at(&looking.asked, i)->flags & PERSON_GROUP)
            holds |= HOLDS_GROUPS;
    bool among_people = (holds & (HOLDS_PERSONS | HOLDS_GROUPS)) == HOLDS_PERSONS;
    if (reason == REASON_GRANTED && !among_people)
        reason = looking.places->len < ALL_FROM
                     ? ask_for_each(&looking, parent->raw)
                     : ask(&looking, parent->raw, "(objectClass=*)", false);
    for (guint i = 0; reason == REASON_GRANTED && i < looking.places->len; i++)
        tell(&looking, i, among_people);
    persons_clear(&looking.asked);
    g_array_unref(looking.places);
    return reason;
}

enum reason scan_unseen(struct scan *scan)
{
    enum reason reason = REASON_GRANTED;
    bool follows = false;
    uint8_t *holds;
    guint n = scan->persons.parents->len;

    for (guint i = 0; i < scan->rules->len; i++)
        follows = follows || scan_rule(scan, i)->members == MEMBERS_NESTED;
    holds = follows ? mark_unseen(scan) : NULL;
    for (guint i = 0; holds != NULL && reason == REASON_GRANTED && i < n; i++)
        if (holds[i] & HOLDS_UNSEEN)
            reason = look_below(scan, i, holds[i]);
    g_free(holds);
    return reason;
}
