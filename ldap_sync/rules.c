#include "config.h"

#include "ldap_sync/rules.h"

#include "common/directory_people.h"
#include "ldap_sync/rules_scan.h"

#include <stdlib.h>

/* A group of 2,000,000 members with long DNs is one message, where the server gives no ranges. */
#define ANSWER_MAX ((size_t)256 * 1024 * 1024) /* bytes */

/* Persons of rules that read no entry must be below where people are. */
static void init_persons(struct scan *scan)
{
    char *base = NULL, *filter = NULL;
    int scope;

    if (directory_people_search(scan->ldap, &base, &scope, &filter))
        persons_init(&scan->persons, base);
    else
        persons_init(&scan->persons, scan->ldap->user_base);
    free(base);
    free(filter);
}

static void init(struct scan *scan)
{
    init_persons(scan);
    scan_init_groups(scan);
    scan_init_roles(scan);
    scan->edges = g_array_new(FALSE, FALSE, sizeof(struct edge));
    scan->source_groups = g_array_new(FALSE, FALSE, sizeof(guint));
}

static void clear(struct scan *scan)
{
    scan_free_roles(scan);
    g_array_unref(scan->source_groups);
    g_array_unref(scan->edges);
    g_hash_table_unref(scan->group_of);
    g_ptr_array_unref(scan->groups);
    persons_clear(&scan->persons);
    for (size_t i = 0; scan->others != NULL && i < scan->ldap->uris.n; i++)
        directory_free(scan->others[i]);
    g_free(scan->others);
    g_free(scan->other_settings);
    g_free(scan->root_context);
}

static enum reason run(struct scan *scan)
{
    static enum reason (*const steps[])(struct scan *) = {
        scan_groups, scan_member_of, scan_urls, scan_nested, scan_in_chain,
    };
    enum reason reason = REASON_GRANTED;

    for (size_t i = 0; reason == REASON_GRANTED && i < G_N_ELEMENTS(steps); i++)
        reason = steps[i](scan);
    if (reason != REASON_GRANTED)
        return reason;
    scan_edges(scan);
    reason = scan_people(scan);
    if (reason == REASON_GRANTED)
        scan_roles(scan);
    if (reason == REASON_GRANTED)
        reason = scan_unseen(scan);
    if (reason == REASON_GRANTED && tracing(scan))
        trace_rest(scan);
    return reason;
}

bool rules_check(const struct settings *settings, char *why, size_t size)
{
    GStringChunk *names = g_string_chunk_new(1024);
    struct wanted wanted;
    struct scan scan = {.ldap = &settings->ldap, .sync = &settings->sync, .wanted = &wanted};
    bool good;

    wanted_init(&wanted, names);
    good = scan_prepare(&scan, why, size);
    scan_forget_rules(&scan);
    wanted_clear(&wanted);
    g_string_chunk_free(names);
    return good;
}

enum reason rules_read(const struct rules_request *request, struct wanted *wanted)
{
    struct scan scan = {.request = request,
                        .ldap = &request->settings->ldap,
                        .sync = &request->settings->sync,
                        .directory = request->directory,
                        .wanted = wanted};
    enum reason reason = REASON_RULES_UNUSABLE;
    char why[RULES_FAULT_MAX];

    if (!scan_prepare(&scan, why, sizeof why)) {
        if (request->fault != NULL)
            g_strlcpy(request->fault, why, request->fault_size);
    } else {
        init(&scan);
        if (request->directory != NULL)
            request->directory->answer_max = ANSWER_MAX;
        reason = run(&scan);
        clear(&scan);
    }
    scan_forget_rules(&scan);
    return reason;
}
