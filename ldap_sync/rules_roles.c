#include "config.h"

#include "ldap_sync/rules_scan.h"

#include "common/text.h"

#include <string.h>

#define ADMIN_ROLE "dbrole_admin"

/* A role while it is put together: of one entry, or of a static name. */
struct draft {
    const char *name;
    GArray *sources; /* uint32_t, in order: the first is the role's */
};

/* Kept over all entries, so that nothing is made for each. */
struct naming {
    GPtrArray *drafts; /* struct draft, owned; the first n are of the entry at hand */
    guint n;
    GArray *sources; /* uint32_t: of the entry's edges */
    GArray *grants;  /* struct wanted_grant: of the role at hand */
    GString *text;
    bool filled;       /* the template of a rule had all its values for the entry at hand */
    const char *admin; /* of wanted.names */
};

static void free_draft(void *data)
{
    struct draft *draft = data;

    g_array_unref(draft->sources);
    g_free(draft);
}

void scan_init_roles(struct scan *scan)
{
    struct naming *naming = g_new0(struct naming, 1);

    naming->drafts = g_ptr_array_new_with_free_func(free_draft);
    naming->sources = g_array_new(FALSE, FALSE, sizeof(uint32_t));
    naming->grants = g_array_new(FALSE, FALSE, sizeof(struct wanted_grant));
    naming->text = g_string_new(NULL);
    naming->admin = g_string_chunk_insert_const(scan->wanted->names, ADMIN_ROLE);
    scan->naming = naming;
}

void scan_free_roles(struct scan *scan)
{
    struct naming *naming = scan->naming;

    g_ptr_array_unref(naming->drafts);
    g_array_unref(naming->sources);
    g_array_unref(naming->grants);
    g_string_free(naming->text, TRUE);
    g_free(naming);
}

static struct rule *source_rule(const struct scan *scan, uint32_t source)
{
    return scan_rule(scan,
                     g_array_index(scan->wanted->sources, struct wanted_source, source).rule - 1);
}

/* --- names --- */

static bool is_ascii(const GString *text)
{
    unsigned char all = 0;

    for (gsize i = 0; i < text->len; i++)
        all |= (unsigned char)text->str[i];
    return all < 0x80;
}

/*
 * What keeps a text from being a role's name; NULL = nothing.  What PostgreSQL reserves is the
 * planner's to say.
 */
static const char *name_fault(const GString *name)
{
    if (name->len == 0)
        return "the name is empty";
    if (memchr(name->str, '\0', name->len) != NULL)
        return "the name holds a NUL";
    if (!is_ascii(name) && !text_is_utf8(bytes_of(name->str, name->len)))
        return "the name is not UTF-8";
    return name->len > ROLE_NAME_MAX
               ? "the name is longer than 63 bytes, and PostgreSQL would cut it"
               : NULL;
}

static void append_who(const struct scan *scan, const struct values *values, GString *out)
{
    if (values->entry != NULL)
        g_string_append_len(out, values->entry->dn.bv_val, (gssize)values->entry->dn.bv_len);
    else if (values->person != NULL)
        person_append_dn(&scan->persons, values->person, out);
}

static void refuse(struct scan *scan, const struct rule *rule, const struct values *values,
                   const GString *name, const char *fault)
{
    GString *who = g_string_new(NULL);
    char shown[256];

    append_who(scan, values, who);
    /* A finding's name ends at a NUL, so one that holds one is shown as it can be. */
    text_escape(shown, sizeof shown, bytes_of(name->str, name->len));
    scan_finding(scan, SYNC_GUARD_NAMES,
                 memchr(name->str, '\0', name->len) == NULL ? name->str : shown,
                 "%s (of %s, rule %u)", fault, who->str, rule->number);
    g_string_free(who, TRUE);
}

/*
 * Puts the name of values into naming->text; false when there is none, or a finding says why not.
 */
static bool make_name(struct scan *scan, const struct rule *rule, struct values *values)
{
    struct naming *naming = scan->naming;
    const char *missing, *fault;
    GString *who;

    g_string_truncate(naming->text, 0);
    if (!template_expand(rule->role, values_get, values, naming->text, &missing)) {
        /* Without an entry it may be a group, a computer: no person. */
        if (values->entry != NULL) {
            who = g_string_new(NULL);
            append_who(scan, values, who);
            scan_finding(scan, SYNC_GUARD_NAMES, who->str,
                         "the entry has no value of %s, or several, so rule %u cannot name it",
                         missing, rule->number);
            g_string_free(who, TRUE);
        }
        return false;
    }
    naming->filled = true;
    fault = name_fault(naming->text);
    if (fault != NULL)
        refuse(scan, rule, values, naming->text, fault);
    return fault == NULL;
}

static struct draft *add_draft(struct naming *naming, const char *name)
{
    struct draft *draft;

    if (naming->n == naming->drafts->len) {
        draft = g_new0(struct draft, 1);
        draft->sources = g_array_new(FALSE, FALSE, sizeof(uint32_t));
        g_ptr_array_add(naming->drafts, draft);
    }
    draft = g_ptr_array_index(naming->drafts, naming->n++);
    draft->name = name;
    g_array_set_size(draft->sources, 0);
    return draft;
}

static void note_source(struct naming *naming, const char *name, uint32_t source)
{
    struct draft *draft = NULL;

    for (guint i = 0; i < naming->n; i++) {
        struct draft *at = g_ptr_array_index(naming->drafts, i);

        if (at->name == name)
            draft = at;
    }
    if (draft == NULL)
        draft = add_draft(naming, name);
    g_array_append_val(draft->sources, source);
}

/* --- what a draft comes to --- */

static int by_role(const void *a, const void *b)
{
    const struct wanted_grant *left = a, *right = b;

    return strcmp(left->role, right->role);
}

/* Several rules may give the same: then the wider option counts, as it would of two grantors. */
static void add_grant(GArray *grants, const char *role, uint32_t source,
                      const struct settings_sync_with *with)
{
    struct wanted_grant grant = {.role = role,
                                 .source = source,
                                 .admin = with->admin,
                                 .inherit = with->inherit,
                                 .set = with->set};

    for (guint i = 0; i < grants->len; i++) {
        struct wanted_grant *at = &g_array_index(grants, struct wanted_grant, i);

        if (at->role != role)
            continue;
        at->admin = at->admin || with->admin;
        at->inherit = at->inherit || with->inherit;
        at->set = at->set || with->set;
        return;
    }
    g_array_append_val(grants, grant);
}

static void collect_grants(struct scan *scan, const struct draft *draft)
{
    GArray *grants = scan->naming->grants;
    const struct rule *last = NULL;

    g_array_set_size(grants, 0);
    for (guint i = 0; i < draft->sources->len; i++) {
        uint32_t source = g_array_index(draft->sources, uint32_t, i);
        const struct rule *rule = source_rule(scan, source);

        for (guint g = 0; rule != last && g < rule->grants->len; g++)
            add_grant(grants, g_ptr_array_index(rule->grants, g), source, &rule->settings->with);
        last = rule;
    }
    if (grants->len > 1)
        g_array_sort(grants, by_role);
}

/* Unless a rule that gives it, or the one whose options count, says what is to be set. */
static bool wants_default_set(const struct scan *scan, const struct rule *first)
{
    const GArray *grants = scan->naming->grants;

    if (first->settings->options.has_set)
        return false;
    for (guint i = 0; i < grants->len; i++) {
        const struct wanted_grant *grant = &g_array_index(grants, struct wanted_grant, i);

        if (grant->role == scan->naming->admin)
            return !source_rule(scan, grant->source)->settings->options.has_set;
    }
    return false;
}

static const struct group *source_group(const struct scan *scan, uint32_t source)
{
    guint group = g_array_index(scan->source_groups, guint, source);

    return group > 0 ? scan_group(scan, group - 1) : NULL;
}

static void count_given(const struct scan *scan, const struct draft *draft)
{
    const struct rule *last = NULL;

    for (guint i = 0; i < draft->sources->len; i++) {
        struct rule *rule = source_rule(scan, g_array_index(draft->sources, uint32_t, i));

        if (rule != last)
            rule->given++;
        last = rule;
    }
}

static void finish_draft(struct scan *scan, const struct draft *draft, struct values *values)
{
    struct wanted *wanted = scan->wanted;
    uint32_t first = g_array_index(draft->sources, uint32_t, 0);
    struct rule *rule = source_rule(scan, first);
    struct wanted_role role = {.name = draft->name, .source = first};
    char why[256];

    /* Also who is left out below: he keeps his role, so that one person cannot end each run. */
    count_given(scan, draft);
    collect_grants(scan, draft);
    values->group = source_group(scan, first);
    if (!options_row(scan, rule, values, wants_default_set(scan, rule), &role.options, why,
                     sizeof why)) {
        scan_finding(scan, SYNC_GUARD_NAMES, draft->name, "%s", why);
        return;
    }
    role.grant = wanted->grants->len;
    role.n_grants = scan->naming->grants->len;
    g_array_append_vals(wanted->grants, scan->naming->grants->data, role.n_grants);
    g_array_append_val(wanted->roles, role);
}

/* --- one entry --- */

static int by_number(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;

    return (left > right) - (left < right);
}

static void collect_sources(const struct scan *scan, struct person *const *persons, size_t n)
{
    GArray *sources = scan->naming->sources;

    g_array_set_size(sources, 0);
    for (size_t i = 0; i < n; i++)
        for (uint32_t e = persons[i]->first; e != 0; e = scan_edge(scan, e - 1)->next)
            g_array_append_val(sources, scan_edge(scan, e - 1)->source);
    if (n > 1)
        g_array_sort(sources, by_number);
}

void roles_give(struct scan *scan, struct person *const *persons, size_t n,
                const struct entry *entry)
{
    struct naming *naming = scan->naming;
    struct values values = {
        .scan = scan, .entry = entry, .person = entry == NULL ? persons[0] : NULL};
    const struct rule *last = NULL;
    const char *name = NULL;

    collect_sources(scan, persons, n);
    naming->n = 0;
    naming->filled = false;
    for (guint i = 0; i < naming->sources->len; i++) {
        uint32_t source = g_array_index(naming->sources, uint32_t, i);
        const struct rule *rule = source_rule(scan, source);

        if (entry == NULL && rule_needs_entry(scan, rule))
            continue;
        /* The name is the same again, unless it hangs on the group. */
        if (rule != last || rule->names_by_group) {
            values.group = source_group(scan, source);
            name = make_name(scan, rule, &values)
                       ? g_string_chunk_insert_const(scan->wanted->names, naming->text->str)
                       : NULL;
        }
        last = rule;
        if (name != NULL)
            note_source(naming, name, source);
    }
    for (guint i = 0; i < naming->n; i++)
        finish_draft(scan, g_ptr_array_index(naming->drafts, i), &values);
    values_clear(&values);
}

/* --- at the end --- */

/* Who needed no entry: whether it exists is not known, only that its DN is one of a person. */
static void give_by_dn(struct scan *scan)
{
    for (uint32_t i = 0; i < scan->persons.n; i++) {
        struct person *person = persons_at(&scan->persons, i);

        if (person->parent < PARENT_ROOT ||
            (person->flags & (PERSON_GROUP | PERSON_DONE | PERSON_DISABLED)) ||
            person->first == 0 || !person_inside(&scan->persons, person))
            continue;
        roles_give(scan, &person, 1, NULL);
        if (scan->naming->filled)
            person->flags |= PERSON_NAMED;
    }
}

/* name -> struct draft: the rules that name roles themselves. */
static GHashTable *static_drafts(struct scan *scan)
{
    GHashTable *drafts = g_hash_table_new_full(g_direct_hash, g_direct_equal, NULL, free_draft);

    for (guint r = 0; r < scan->rules->len; r++) {
        const struct rule *rule = scan_rule(scan, r);
        struct wanted_source source = {.rule = rule->number};
        uint32_t place = scan->wanted->sources->len;
        guint no_group = 0;

        if (rule->settings->statics.n == 0)
            continue;
        g_array_append_val(scan->wanted->sources, source);
        g_array_append_val(scan->source_groups, no_group);
        for (size_t i = 0; i < rule->settings->statics.n; i++) {
            const char *name =
                g_string_chunk_insert_const(scan->wanted->names, rule->settings->statics.at[i]);
            struct draft *draft = g_hash_table_lookup(drafts, name);

            if (draft == NULL) {
                draft = g_new0(struct draft, 1);
                draft->name = name;
                draft->sources = g_array_new(FALSE, FALSE, sizeof(uint32_t));
                g_hash_table_insert(drafts, (gpointer)(uintptr_t)name, draft);
            }
            g_array_append_val(draft->sources, place);
        }
    }
    return drafts;
}

/* A person's role that static rules name as well: it gets both. */
static void unite(struct scan *scan, struct wanted_role *role, const struct draft *draft)
{
    struct wanted *wanted = scan->wanted;
    GArray *grants = scan->naming->grants;
    uint32_t first = g_array_index(draft->sources, uint32_t, 0);
    const struct rule *rule = source_rule(scan, first);
    struct values values = {.scan = scan};
    uint32_t row;
    char why[256];

    collect_grants(scan, draft);
    for (uint32_t i = 0; i < role->n_grants; i++) {
        struct wanted_grant grant =
            g_array_index(wanted->grants, struct wanted_grant, role->grant + i);
        const struct settings_sync_with with = {grant.admin, grant.inherit, grant.set};

        add_grant(grants, grant.role, grant.source, &with);
    }
    g_array_sort(grants, by_role);
    if (rule->number < source_rule(scan, role->source)->number &&
        options_row(scan, source_rule(scan, first), &values, wants_default_set(scan, rule), &row,
                    why, sizeof why)) {
        role->source = first;
        role->options = row;
    }
    values_clear(&values);
    role->grant = wanted->grants->len;
    role->n_grants = grants->len;
    g_array_append_vals(wanted->grants, grants->data, grants->len);
}

static void give_statics(struct scan *scan)
{
    GHashTable *drafts = static_drafts(scan);
    struct values values = {.scan = scan};
    GHashTableIter iterator;
    gpointer draft;

    for (guint i = 0; g_hash_table_size(drafts) > 0 && i < scan->wanted->roles->len; i++) {
        struct wanted_role *role = &g_array_index(scan->wanted->roles, struct wanted_role, i);
        const struct draft *also = g_hash_table_lookup(drafts, role->name);

        if (also == NULL)
            continue;
        unite(scan, role, also);
        g_hash_table_remove(drafts, role->name);
    }
    g_hash_table_iter_init(&iterator, drafts);
    while (g_hash_table_iter_next(&iterator, NULL, &draft))
        finish_draft(scan, draft, &values);
    values_clear(&values);
    g_hash_table_unref(drafts);
}

/* Two entries that give one name: nobody can tell whose role it is, so it is neither's. */
static void refuse_clashes(struct scan *scan)
{
    GArray *roles = scan->wanted->roles;
    GHashTable *seen = g_hash_table_new(g_direct_hash, g_direct_equal);
    GHashTable *clashes = g_hash_table_new(g_direct_hash, g_direct_equal);
    guint kept = 0;

    for (guint i = 0; i < roles->len; i++) {
        gpointer name = (gpointer)(uintptr_t)g_array_index(roles, struct wanted_role, i).name;

        if (!g_hash_table_add(seen, name) && g_hash_table_add(clashes, name))
            scan_finding(scan, SYNC_GUARD_NAMES, name,
                         "several entries give this name, so it is nobody's");
    }
    g_hash_table_unref(seen);
    for (guint i = 0; g_hash_table_size(clashes) > 0 && i < roles->len; i++) {
        struct wanted_role role = g_array_index(roles, struct wanted_role, i);

        if (!g_hash_table_contains(clashes, role.name))
            g_array_index(roles, struct wanted_role, kept++) = role;
    }
    if (g_hash_table_size(clashes) > 0)
        g_array_set_size(roles, kept);
    g_hash_table_unref(clashes);
}

static void guard_empty(struct scan *scan)
{
    for (guint r = 0; r < scan->rules->len; r++) {
        const struct rule *rule = scan_rule(scan, r);
        const struct settings_sync_search *search = &rule->settings->search;
        const struct group_search *at;

        if (!rule->settings->has_search)
            continue;
        at = &g_array_index(scan->searches, struct group_search, rule->search);
        if (at->whole && rule->given < (size_t)scan->sync->guards.min_members)
            scan_finding(scan, SYNC_GUARD_EMPTY, NULL,
                         "rule %u: %s below %s finds %u %s, and %zu persons that become roles; "
                         "guards.min_members is %d",
                         rule->number, search->filter, search->base, at->found->len,
                         rule->members == SYNC_MEMBER_OF ? "persons" : "groups", rule->given,
                         (int)scan->sync->guards.min_members);
    }
}

void scan_roles(struct scan *scan)
{
    persons_close(&scan->persons);
    give_by_dn(scan);
    refuse_clashes(scan);
    give_statics(scan);
    guard_empty(scan);
}
