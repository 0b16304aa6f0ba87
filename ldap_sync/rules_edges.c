#include "config.h"

#include "ldap_sync/rules_scan.h"

/* A source of wanted, and which group it is. */
static uint32_t add_source(struct scan *scan, const struct rule *rule, const char *text,
                           guint group)
{
    struct wanted_source source = {.rule = rule->number, .group = text};

    g_array_append_val(scan->wanted->sources, source);
    g_array_append_val(scan->source_groups, group);
    return scan->wanted->sources->len - 1;
}

static void add_edge(struct scan *scan, struct person *person, uint32_t source)
{
    struct edge edge = {.source = source};

    /* Sources come one after the other, so who was found twice has it as his last. */
    if (person->last != 0 && scan_edge(scan, person->last - 1)->source == source)
        return;
    g_array_append_val(scan->edges, edge);
    if (person->last != 0)
        scan_edge(scan, person->last - 1)->next = scan->edges->len;
    else
        person->first = scan->edges->len;
    person->last = scan->edges->len;
}

void edges_walk(struct scan *scan, const struct rule *rule, guint place, edges_visit *visit,
                void *context)
{
    GArray *queue = g_array_new(FALSE, FALSE, sizeof(guint));
    guint walk = ++scan->walks;

    scan_group(scan, place)->walk = walk;
    scan_group(scan, place)->from = 0;
    g_array_append_val(queue, place);
    for (guint q = 0; q < queue->len; q++) {
        guint at = g_array_index(queue, guint, q);
        struct group *group = scan_group(scan, at);

        visit(scan, group, context);
        for (guint m = 0; rule->members == MEMBERS_NESTED && m < group->list->len; m++) {
            const struct person *person =
                persons_at(&scan->persons, g_array_index(group->list, uint32_t, m));
            guint next =
                (person->flags & PERSON_GROUP) ? group_find(scan, person->self, MEMBERS_NESTED) : 0;

            if (next == 0 || scan_group(scan, next - 1)->walk == walk)
                continue;
            next--;
            scan_group(scan, next)->walk = walk; /* groups may hold each other */
            scan_group(scan, next)->from = at + 1;
            g_array_append_val(queue, next);
        }
    }
    g_array_unref(queue);
}

static void add_edges(struct scan *scan, struct group *group, void *context)
{
    const uint32_t *source = context;

    for (guint m = 0; m < group->list->len; m++) {
        struct person *person = persons_at(&scan->persons, g_array_index(group->list, uint32_t, m));

        if (!(person->flags & PERSON_GROUP))
            add_edge(scan, person, *source);
    }
}

/* What groups hold is in the edges now; only `explain` asks for the way. */
static void forget_members(struct scan *scan)
{
    for (guint i = 0; i < scan->groups->len; i++) {
        struct group *group = scan_group(scan, i);

        g_array_unref(group->list);
        group->list = g_array_new(FALSE, FALSE, sizeof(uint32_t));
    }
}

void scan_edges(struct scan *scan)
{
    for (guint r = 0; r < scan->rules->len; r++) {
        const struct rule *rule = scan_rule(scan, r);
        const struct group_search *search;
        bool people = rule->members == SYNC_MEMBER_OF;
        uint32_t source = 0;

        if (!rule->settings->has_search)
            continue;
        search = &g_array_index(scan->searches, struct group_search, rule->search);
        if (people)
            source = add_source(
                scan, rule,
                g_string_chunk_insert(scan->wanted->names, rule->settings->search.filter), 0);
        for (guint i = 0; i < search->found->len; i++) {
            guint place = g_array_index(search->found, guint, i);

            if (people) {
                add_edge(scan, persons_at(&scan->persons, place), source);
                continue;
            }
            if (scan_group(scan, place)->list->len == 0)
                continue;
            source = add_source(scan, rule, scan_group(scan, place)->dn, place + 1);
            edges_walk(scan, rule, place, add_edges, &source);
        }
    }
    if (!tracing(scan))
        forget_members(scan);
}
