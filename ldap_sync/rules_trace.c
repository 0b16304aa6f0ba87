#include "config.h"

#include "ldap_sync/rules_scan.h"

#include "common/text.h"

#include <stdarg.h>
#include <string.h>
#include <strings.h>

void trace_line(struct scan *scan, const char *format, ...)
{
    va_list arguments;
    char *line, *clean;
    size_t size;

    va_start(arguments, format);
    line = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    size = strlen(line) * 4 + 1;
    clean = g_malloc(size);
    text_clean(clean, size, bytes_str(line));
    g_string_append_printf(scan->request->trace->text, "%s\n", clean);
    g_free(clean);
    g_free(line);
}

static const struct wanted_source *source_at(const struct scan *scan, uint32_t i)
{
    return &g_array_index(scan->wanted->sources, struct wanted_source, i);
}

/* Whether a rule's template names the traced one. */
static bool names_him(struct scan *scan, const struct rule *rule, struct values *values)
{
    GString *name = g_string_new(NULL);
    const char *missing;
    bool same = rule->role != NULL &&
                template_expand(rule->role, values_get, values, name, &missing) &&
                bytes_equal(bytes_of(name->str, name->len), bytes_str(scan->request->trace->role));

    g_string_free(name, TRUE);
    return same;
}

static char *grants_text(const struct rule *rule)
{
    GString *text = g_string_new(NULL);

    for (guint i = 0; i < rule->grants->len; i++)
        g_string_append_printf(text, "%s%s", i > 0 ? ", " : "",
                               (const char *)g_ptr_array_index(rule->grants, i));
    return g_string_free(text, FALSE);
}

/* --- the way from a rule's group to him --- */

struct way {
    struct person *const *persons;
    size_t n;
    const struct group *end; /* the first that holds him */
};

static void look_for_him(struct scan *scan, struct group *group, void *context)
{
    struct way *way = context;

    (void)scan;
    for (guint m = 0; way->end == NULL && m < group->list->len; m++)
        for (size_t i = 0; i < way->n; i++)
            if (g_array_index(group->list, uint32_t, m) == way->persons[i]->self)
                way->end = group;
}

/* " > cn=inner,... (in chain)": what lies between the rule's group and him. */
static char *way_text(struct scan *scan, const struct rule *rule, guint group,
                      struct person *const *persons, size_t n)
{
    struct way way = {.persons = persons, .n = n};
    GString *text = g_string_new(NULL);

    edges_walk(scan, rule, group - 1, look_for_him, &way);
    for (const struct group *at = way.end; at != NULL && at->from > 0;
         at = scan_group(scan, at->from - 1)) {
        char *part = g_strdup_printf(" > %s", at->dn);

        g_string_prepend(text, part);
        g_free(part);
    }
    if (rule->members == MEMBERS_IN_CHAIN)
        g_string_append(text, " (directly or in chain)");
    if (rule->members == SYNC_MEMBER_URL)
        g_string_append(text, " (memberURL)");
    return g_string_free(text, FALSE);
}

/* --- what becomes of an entry --- */

/* Whether any rule that he is in names him so. */
static bool is_traced(struct scan *scan, struct person *const *persons, size_t n,
                      struct values *values)
{
    for (size_t i = 0; i < n; i++)
        for (uint32_t e = persons[i]->first; e != 0; e = scan_edge(scan, e - 1)->next) {
            uint32_t source = scan_edge(scan, e - 1)->source;
            guint group = g_array_index(scan->source_groups, guint, source);

            values->group = group > 0 ? scan_group(scan, group - 1) : NULL;
            if (names_him(scan, scan_rule(scan, source_at(scan, source)->rule - 1), values))
                return true;
        }
    return false;
}

static void trace_edge(struct scan *scan, struct person *const *persons, size_t n, uint32_t source,
                       const char *who, const char *why_not)
{
    const struct wanted_source *at = source_at(scan, source);
    const struct rule *rule = scan_rule(scan, at->rule - 1);
    guint group = g_array_index(scan->source_groups, guint, source);
    char *way = group > 0 ? way_text(scan, rule, group, persons, n) : g_strdup("");
    char *grants = grants_text(rule);

    if (why_not != NULL)
        trace_line(scan, "rule %u: %s%s > %s: gives nothing: %s", at->rule, at->group, way, who,
                   why_not);
    else
        trace_line(scan, "rule %u: %s%s > %s: gives %s", at->rule, at->group, way, who, grants);
    g_free(grants);
    g_free(way);
}

void trace_edges(struct scan *scan, struct person *const *persons, size_t n,
                 const struct entry *entry, const char *why_not)
{
    struct values values = {
        .scan = scan, .entry = entry, .person = entry == NULL ? persons[0] : NULL};
    GString *who = g_string_new(NULL);

    if (entry != NULL)
        g_string_append_len(who, entry->dn.bv_val, (gssize)entry->dn.bv_len);
    else
        person_append_dn(&scan->persons, persons[0], who);
    if (is_traced(scan, persons, n, &values))
        for (size_t i = 0; i < n; i++)
            for (uint32_t e = persons[i]->first; e != 0; e = scan_edge(scan, e - 1)->next) {
                uint32_t source = scan_edge(scan, e - 1)->source;
                const struct rule *rule = scan_rule(scan, source_at(scan, source)->rule - 1);

                if (entry != NULL || !rule_needs_entry(scan, rule))
                    trace_edge(scan, persons, n, source, who->str, why_not);
            }
    values_clear(&values);
    g_string_free(who, TRUE);
}

void trace_entry(struct scan *scan, const struct entry *entry)
{
    struct values values = {.scan = scan, .entry = entry};

    for (guint i = 0; i < scan->rules->len; i++) {
        const struct rule *rule = scan_rule(scan, i);

        if (rule->settings->has_search && names_him(scan, rule, &values))
            trace_line(scan, "rule %u: none of its groups holds %.*s", rule->number,
                       (int)entry->dn.bv_len, entry->dn.bv_val);
    }
    values_clear(&values);
}

/* Without the entry nobody can tell what it would be called, so the first RDN must do. */
static bool looks_like_him(const struct scan *scan, const struct person *person)
{
    const char *role = scan->request->trace->role, *value = strchr(person->rdn, '=');

    return strcasecmp(person->parent < PARENT_ROOT || value == NULL ? person->rdn : value + 1,
                      role) == 0;
}

static void trace_missing(struct scan *scan, struct person *person)
{
    for (uint32_t e = person->first; e != 0; e = scan_edge(scan, e - 1)->next) {
        uint32_t source = scan_edge(scan, e - 1)->source;
        const struct rule *rule = scan_rule(scan, source_at(scan, source)->rule - 1);
        GString *who;

        if (!rule_needs_entry(scan, rule))
            continue;
        who = g_string_new(NULL);
        person_append_dn(&scan->persons, person, who);
        trace_edge(scan, &person, 1, source, who->str,
                   "no entry that ldap.user_base and ldap.user_filter find");
        g_string_free(who, TRUE);
    }
}

/* --- at the end --- */

static void trace_statics(struct scan *scan)
{
    for (guint r = 0; r < scan->rules->len; r++) {
        const struct rule *rule = scan_rule(scan, r);

        for (size_t i = 0; i < rule->settings->statics.n; i++) {
            char *grants;

            if (strcmp(rule->settings->statics.at[i], scan->request->trace->role) != 0)
                continue;
            grants = grants_text(rule);
            trace_line(scan, "rule %u: static: gives %s", rule->number, grants);
            g_free(grants);
        }
    }
}

void trace_rest(struct scan *scan)
{
    for (uint32_t i = 0; i < scan->persons.n; i++) {
        struct person *person = persons_at(&scan->persons, i);

        if (person->first == 0 || (person->flags & (PERSON_DONE | PERSON_GROUP)))
            continue;
        if (person->parent >= PARENT_ROOT)
            trace_edges(scan, &person, 1, NULL,
                        !person_inside(&scan->persons, person) ? "it is not below ldap.user_base"
                        : (person->flags & PERSON_DISABLED)    ? "account-disabled"
                                                               : NULL);
        if (person->parent != PARENT_PRIMARY && looks_like_him(scan, person))
            trace_missing(scan, person);
    }
    trace_statics(scan);
    for (guint i = 0; i < scan->wanted->findings->len; i++) {
        const struct sync_finding *finding =
            &g_array_index(scan->wanted->findings, struct sync_finding, i);

        if (finding->name != NULL && strcmp(finding->name, scan->request->trace->role) == 0)
            trace_line(scan, "guard %s: %s", sync_guard_rows[finding->guard].name, finding->text);
    }
}
