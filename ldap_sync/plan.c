#include "config.h"

#include "ldap_sync/plan_role.h"

void plan_clear(struct plan *plan)
{
    if (plan->changes != NULL)
        g_array_unref(plan->changes);
    if (plan->findings != NULL)
        g_array_unref(plan->findings);
    *plan = (struct plan){0};
}

/* The wanted roles beside the server's. */
struct pairs {
    uint32_t *wanted;  /* of each role of the server: its place in wanted.roles + 1, or 0 */
    GArray *made;      /* places of those that are not on the server */
    GHashTable *twice; /* names that two have */
};

static void pair(struct scope *scope, struct pairs *pairs)
{
    const GArray *roles = scope->wanted->roles;
    GHashTable *names = g_hash_table_new(g_direct_hash, g_direct_equal);

    *pairs = (struct pairs){
        .wanted = g_new0(uint32_t, scope->actual->roles->len + 1),
        .made = g_array_new(FALSE, FALSE, sizeof(guint)),
        .twice = g_hash_table_new(g_direct_hash, g_direct_equal),
    };
    for (guint i = 0; i < roles->len; i++) {
        gpointer name = (gpointer)(uintptr_t)g_array_index(roles, struct wanted_role, i).name;
        int64_t place = scope_place(scope, name);
        bool first = place < 0 ? g_hash_table_add(names, name) : scope_want(scope, place);

        if (!first)
            g_hash_table_add(pairs->twice, name);
        else if (place < 0)
            g_array_append_val(pairs->made, i);
        else
            pairs->wanted[place] = i + 1;
    }
    g_hash_table_unref(names);
}

static void unpair(struct pairs *pairs)
{
    g_free(pairs->wanted);
    g_array_unref(pairs->made);
    g_hash_table_unref(pairs->twice);
}

static bool has_twin(const struct pairs *pairs, const char *name)
{
    return g_hash_table_size(pairs->twice) > 0 && g_hash_table_contains(pairs->twice, name);
}

static void plan_joiners(struct scope *scope, const struct pairs *pairs)
{
    for (guint i = 0; i < pairs->made->len; i++) {
        const struct wanted_role *role = &g_array_index(scope->wanted->roles, struct wanted_role,
                                                        g_array_index(pairs->made, guint, i));

        if (scope_refuses(scope, role->name, -1, has_twin(pairs, role->name)))
            continue;
        scope->plan->roles++;
        role_plan_joiner(scope, role);
    }
}

static void plan_mover(struct scope *scope, const struct pairs *pairs, guint place,
                       struct role_losses *losses)
{
    const struct wanted_role *role =
        &g_array_index(scope->wanted->roles, struct wanted_role, pairs->wanted[place] - 1);

    if (scope_refuses(scope, role->name, place, has_twin(pairs, role->name)))
        return;
    scope->plan->roles++;
    role_plan_mover(scope, role, place, losses);
}

/* Whether a managed role that is not wanted had left before. */
static bool plan_leaver(struct scope *scope, guint place, struct role_losses *losses)
{
    const unsigned reported = SCOPE_MEMBER | SCOPE_PRIVILEGED;
    unsigned flags = scope->flags[place];

    if ((flags & SCOPE_LEFT_OUT) != 0)
        return false;
    if ((flags & (reported | SCOPE_RESERVED | SCOPE_STEWARD)) == reported)
        scope_find(scope, SYNC_GUARD_PRIVILEGED, false, scope_role(scope, place)->name,
                   "has left, but is a superuser, a replication role or one that bypasses RLS: "
                   "it is not locked");
    return scope_touches(scope, place) && !role_plan_leaver(scope, place, losses);
}

/* active: the managed roles that had not left. */
static void guard_losses(struct scope *scope, size_t active)
{
    const struct settings_sync_guards *guards = &scope->settings->guards;
    const struct {
        enum sync_guard guard;
        int64_t number, share; /* of the settings: number -1 = it is a share */
        size_t n, of;
        const char *what, *key;
    } rows[] = {
        {SYNC_GUARD_LEAVERS, guards->leavers, guards->leavers_share, scope->plan->leavers, active,
         "leave", "max_leavers"},
        {SYNC_GUARD_REVOKES, guards->revokes, guards->revokes_share, scope->plan->losers,
         active + scope->adopted, "stay and lose a grant", "max_revokes"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        size_t most = (size_t)MAX(rows[i].number, 0);

        if (rows[i].number < 0 && rows[i].share > 0)
            most = MAX(rows[i].of * (size_t)rows[i].share / 100, 1);
        if (rows[i].n > most)
            scope_find(scope, rows[i].guard, true, NULL,
                       "%zu of %zu managed roles would %s, at most %zu may at once "
                       "(sync.guards.%s)",
                       rows[i].n, rows[i].of, rows[i].what, most, rows[i].key);
    }
    if (scope->plan->leavers + scope->plan->losers > 0)
        scope_take_findings(scope, true);
}

#define AHEAD 8 /* roles */

/*
 * Wanted roles lie in the directory's order, so each costs two waits for memory, its own and that
 * for its grants, unless they are asked for ahead: half of the time of a plan without changes.
 */
static void foresee(const struct scope *scope, const struct pairs *pairs, guint place)
{
    const struct wanted *wanted = scope->wanted;

    if (place + 2 * AHEAD >= scope->actual->roles->len)
        return;
    uint32_t far = pairs->wanted[place + 2 * AHEAD], near = pairs->wanted[place + AHEAD];
    if (far != 0)
        __builtin_prefetch(&g_array_index(wanted->roles, struct wanted_role, far - 1));
    if (near != 0)
        __builtin_prefetch(
            &g_array_index(wanted->grants, struct wanted_grant,
                           g_array_index(wanted->roles, struct wanted_role, near - 1).grant));
}

/*
 * In the server's order: what belongs to one of its roles then lies beside what belongs to the
 * next.
 */
static void plan_present(struct scope *scope, const struct pairs *pairs)
{
    struct role_losses losses;
    size_t left = 0;

    role_open_losses(&losses);
    for (guint i = 0; i < scope->actual->roles->len; i++) {
        foresee(scope, pairs, i);
        scope->plan->managed += scope_touches(scope, i) && (scope->flags[i] & SCOPE_MEMBER) != 0;
        if (pairs->wanted[i] != 0)
            plan_mover(scope, pairs, i, &losses);
        else
            left += plan_leaver(scope, i, &losses);
    }
    role_close_losses(&losses);
    guard_losses(scope, scope->plan->managed - left);
}

static int compare_findings(gconstpointer a, gconstpointer b)
{
    const struct sync_finding *left = a, *right = b;
    int order = (left->guard > right->guard) - (left->guard < right->guard);

    if (order == 0)
        order = g_strcmp0(left->name, right->name);
    return order != 0 ? order : g_strcmp0(left->text, right->text);
}

/* Two wanted roles of one name are one finding. */
static void sort_findings(GArray *findings)
{
    g_array_sort(findings, compare_findings);
    for (guint i = findings->len; i > 1; i--)
        if (compare_findings(&g_array_index(findings, struct sync_finding, i - 1),
                             &g_array_index(findings, struct sync_finding, i - 2)) == 0)
            g_array_remove_index(findings, i - 1);
}

void plan_make(const struct wanted *wanted, const struct actual *actual,
               const struct settings_sync *settings, int64_t now_s, unsigned forced,
               struct plan *plan)
{
    struct scope scope = {
        .wanted = wanted,
        .actual = actual,
        .settings = settings,
        .now_s = now_s,
        .forced = forced,
        .plan = plan,
    };
    struct pairs pairs;

    *plan = (struct plan){
        .changes = g_array_new(FALSE, FALSE, sizeof(struct change)),
        .findings = g_array_new(FALSE, FALSE, sizeof(struct sync_finding)),
    };
    if (scope_open(&scope)) {
        pair(&scope, &pairs);
        plan_present(&scope, &pairs);
        plan_joiners(&scope, &pairs);
        unpair(&pairs);
        plan_sort(plan);
    }
    sort_findings(plan->findings);
    scope_close(&scope);
}

static bool is_stop(const struct sync_finding *finding)
{
    return !finding->forced &&
           (finding->name == NULL || !sync_guard_rows[finding->guard].of_one_name);
}

const struct sync_finding *plan_stop(const struct plan *plan)
{
    for (guint i = 0; i < plan->findings->len; i++) {
        const struct sync_finding *finding = &g_array_index(plan->findings, struct sync_finding, i);
        if (is_stop(finding))
            return finding;
    }
    return NULL;
}

int plan_exit_code(const struct plan *plan)
{
    const struct sync_finding *stop = plan_stop(plan);

    if (stop != NULL)
        return sync_guard_rows[stop->guard].exit_code;
    for (guint i = 0; i < plan->findings->len; i++) {
        const struct sync_finding *finding = &g_array_index(plan->findings, struct sync_finding, i);
        if (!finding->forced)
            return sync_guard_rows[finding->guard].exit_code;
    }
    return 0;
}
