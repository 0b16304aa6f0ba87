/*
 * Random directories on random servers: a plan, applied, leaves nothing to do, gives just what is
 * wanted, and touches nobody else.  The seeds are fixed; a failure names its own.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/sync_plan_world.h"

#include <stdlib.h>
#include <string.h>

#define WORLDS 4000

static const char *const governed[] = {"dbrole_admin", "dbrole_readonly", "dbrole_readwrite"};

/* All of a role that somebody could miss, as text. */
static char *portrait(const struct world_role *role)
{
    GString *out = g_string_new(NULL);
    const struct actual_role *is = &role->is;

    g_string_append_printf(out, "%d %d %d %d %" G_GINT64_FORMAT " %" G_GINT64_FORMAT " %s %u\n",
                           is->superuser, is->replication, is->bypassrls, is->login, is->limit,
                           is->until_s, is->comment == NULL ? "-" : is->comment, is->sessions);
    for (guint i = 0; i < role->settings->len; i++) {
        const struct wanted_setting *setting =
            &g_array_index(role->settings, struct wanted_setting, i);
        g_string_append_printf(out, "%s=%s\n", setting->name, setting->value);
    }
    for (guint i = 0; i < role->memberships->len; i++) {
        const struct actual_membership *in =
            &g_array_index(role->memberships, struct actual_membership, i);
        g_string_append_printf(out, "%s %s %d %d %d\n", in->role, in->grantor, in->admin,
                               in->inherit, in->set);
    }
    return g_string_free(out, FALSE);
}

static const struct actual_membership *membership_of(const struct world_role *role, const char *in,
                                                     guint i)
{
    const struct actual_membership *row =
        &g_array_index(role->memberships, struct actual_membership, i);

    return strcmp(row->role, in) == 0 ? row : NULL;
}

static bool is_member(const struct world_role *role, const char *in, bool admin)
{
    for (guint i = 0; i < role->memberships->len; i++) {
        const struct actual_membership *row = membership_of(role, in, i);
        if (row != NULL && (row->admin || !admin))
            return true;
    }
    return false;
}

static bool forced(const struct world *world, enum sync_guard guard)
{
    return (world->forced >> guard & 1) != 0;
}

static bool name_is(const char *name, const char *const *of, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(name, of[i]) == 0)
            return true;
    return false;
}

/* Whether the role, as it is before, must stay as it is; written without the planner's help. */
static bool is_untouchable(const struct world *world, const struct world_role *role)
{
    static const char *const fixed[] = {"postgres",
                                        "pgsignet_managed",
                                        "dbrole_admin",
                                        "dbrole_readonly",
                                        "dbrole_readwrite",
                                        "root",
                                        "evil",
                                        "dbrole_offline",
                                        "by_hand"};
    const struct actual_role *is = &role->is;
    bool privileged = is->superuser || is->replication || is->bypassrls ||
                      is_member(role, "pgsignet_managed", true);

    if (name_is(is->name, fixed, G_N_ELEMENTS(fixed)))
        return true;
    for (size_t i = 0; i < world->settings.protect.n; i++) {
        GPatternSpec *glob = g_pattern_spec_new(world->protect[i]);
        bool matches = g_pattern_spec_match_string(glob, is->name);
        g_pattern_spec_free(glob);
        if (matches)
            return true;
    }
    if (privileged && !forced(world, SYNC_GUARD_PRIVILEGED))
        return true;
    return !is_member(role, "pgsignet_managed", false) && !forced(world, SYNC_GUARD_UNMANAGED);
}

static GHashTable *portraits(const struct world *world)
{
    GHashTable *all = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, g_free);

    for (guint i = 0; i < world->roles->len; i++) {
        const struct world_role *role = world->roles->pdata[i];
        /* The runner gets ADMIN OPTION on what it makes (16+): the server's doing. */
        if (is_untouchable(world, role) && strcmp(role->is.name, "sync") != 0)
            g_hash_table_insert(all, (gpointer)(uintptr_t)role->is.name, portrait(role));
    }
    return all;
}

static void check_untouched(struct world *world, GHashTable *before, int seed)
{
    GHashTableIter each;
    gpointer name, was;

    g_hash_table_iter_init(&each, before);
    while (g_hash_table_iter_next(&each, &name, &was)) {
        struct world_role *role = world_role_find(world, name);
        if (role == NULL)
            fail_msg("seed %d: %s is gone", seed, (char *)name);
        char *is = portrait(role);
        /* --force foreign may take what a managed role had passed on: that is what it says. */
        if (strcmp(is, was) != 0 && !forced(world, SYNC_GUARD_FOREIGN))
            fail_msg("seed %d: %s was\n%sand is\n%s", seed, (char *)name, (char *)was, is);
        g_free(is);
    }
}

static bool has_finding(const struct plan *plan, const char *name)
{
    for (guint i = 0; i < plan->findings->len; i++) {
        const struct sync_finding *finding = &g_array_index(plan->findings, struct sync_finding, i);
        if (finding->name != NULL && strcmp(finding->name, name) == 0)
            return true;
    }
    return false;
}

static const struct wanted_grant *grant_of(const struct world *world,
                                           const struct wanted_role *role, const char *in)
{
    for (uint32_t i = 0; i < role->n_grants; i++) {
        const struct wanted_grant *grant =
            &g_array_index(world->wanted.grants, struct wanted_grant, role->grant + i);
        if (strcmp(grant->role, in) == 0)
            return grant;
    }
    return NULL;
}

/* Just the memberships that are wanted, with just their options. */
static void check_memberships(const struct world *world, const struct world_role *role,
                              const struct wanted_role *wanted, int seed)
{
    for (size_t k = 0; k < G_N_ELEMENTS(governed); k++) {
        const struct wanted_grant *grant =
            wanted == NULL ? NULL : grant_of(world, wanted, governed[k]);
        bool member = false, admin = false, inherit = false, set = false;

        for (guint i = 0; i < role->memberships->len; i++) {
            const struct actual_membership *row = membership_of(role, governed[k], i);
            if (row == NULL)
                continue;
            member = true;
            admin |= row->admin;
            inherit |= row->inherit;
            set |= row->set;
        }
        if (member != (grant != NULL) ||
            (member &&
             (admin != grant->admin ||
              (world->version >= 160000 && (inherit != grant->inherit || set != grant->set)))))
            fail_msg("seed %d: %s in %s", seed, role->is.name, governed[k]);
    }
}

static void check_wanted(struct world *world, const struct plan *plan, int seed)
{
    for (guint i = 0; i < world->wanted.roles->len; i++) {
        const struct wanted_role *wanted =
            &g_array_index(world->wanted.roles, struct wanted_role, i);
        struct world_role *role = world_role_find(world, wanted->name);

        if (has_finding(plan, wanted->name) || (role != NULL && is_untouchable(world, role)))
            continue;
        if (role == NULL) {
            if (!g_pattern_match_simple(world->protect[0], wanted->name))
                fail_msg("seed %d: %s was not made", seed, wanted->name);
            continue;
        }
        check_memberships(world, role, wanted, seed);
        if (role->is.comment != NULL && g_str_has_prefix(role->is.comment, LEFT_PREFIX))
            fail_msg("seed %d: %s is still marked", seed, wanted->name);
    }
}

static bool is_wanted(const struct world *world, const char *name)
{
    for (guint i = 0; i < world->wanted.roles->len; i++)
        if (strcmp(g_array_index(world->wanted.roles, struct wanted_role, i).name, name) == 0)
            return true;
    return false;
}

static void check_unwanted(struct world *world, const struct plan *plan, int seed)
{
    for (guint i = 0; i < world->roles->len; i++) {
        const struct world_role *role = world->roles->pdata[i];

        if (is_wanted(world, role->is.name) || is_untouchable(world, role) ||
            has_finding(plan, role->is.name) || strcmp(role->is.name, "sync") == 0 ||
            !is_member(role, "pgsignet_managed", false) ||
            is_member(role, "pgsignet_managed", true) || role->is.superuser ||
            role->is.replication || role->is.bypassrls)
            continue;
        check_memberships(world, role, NULL, seed);
        if ((role->is.login && world->settings.leavers.lock == LEAVERS_LOCK_NOW) ||
            role->is.comment == NULL || !g_str_has_prefix(role->is.comment, LEFT_PREFIX))
            fail_msg("seed %d: %s has left and is not locked", seed, role->is.name);
    }
}

static void apply(struct world *world, const struct plan *plan, int seed)
{
    for (guint i = 0; i < plan->changes->len; i++) {
        const struct change *change = &g_array_index(plan->changes, struct change, i);
        char *refusal = world_apply(world, change);

        if (refusal != NULL && !forced(world, SYNC_GUARD_FOREIGN)) {
            GString *text = g_string_new(NULL);
            plan_describe(change, text);
            fail_msg("seed %d: %s: the server refuses: %s", seed, text->str, refusal);
        }
        g_free(refusal);
    }
}

static void check_nothing_left(struct world *world, const char *first, unsigned forces, int seed)
{
    struct plan again;

    world->forced = forces;
    world_plan(world, &again);
    char *text = world_text(&again);
    if (again.changes->len > 0) {
        print_error("%s", first);
        fail_msg("seed %d: the second plan is\n%s", seed, text);
    }
    g_free(text);
    plan_clear(&again);
}

/* The server and what is planned, for a failure's message. */
static char *picture(const struct world *world, const struct plan *plan)
{
    GString *out = g_string_new(NULL);

    for (guint i = 0; i < world->roles->len; i++) {
        const struct world_role *role = world->roles->pdata[i];
        char *text = portrait(role);
        g_string_append_printf(out, "[%s] %s", role->is.name, text);
        g_free(text);
    }
    char *text = world_text(plan);
    g_string_append(out, text);
    g_free(text);
    return g_string_free(out, FALSE);
}

static void what_is_planned_is_right_and_leaves_nothing_to_do(void **state)
{
    size_t changes = 0;

    (void)state;
    for (int seed = 1; seed <= WORLDS; seed++) {
        GRand *rand = g_rand_new_with_seed((guint32)seed);
        struct world world;
        struct plan plan;

        world_random(&world, rand);
        world_plan(&world, &plan);
        GHashTable *before = portraits(&world);
        unsigned forces = world.forced;
        char *first = picture(&world, &plan);
        changes += plan.changes->len;
        if (plan_stop(&plan) != NULL)
            fail_msg("seed %d: %s", seed, plan_stop(&plan)->text);
        apply(&world, &plan, seed);
        check_untouched(&world, before, seed);
        if (!forced(&world, SYNC_GUARD_FOREIGN)) {
            check_wanted(&world, &plan, seed);
            check_unwanted(&world, &plan, seed);
            check_nothing_left(&world, first, forces, seed);
            check_nothing_left(&world, first, 1U << SYNC_GUARD_LEAVERS, seed);
        }
        g_free(first);
        g_hash_table_unref(before);
        plan_clear(&plan);
        world_clear(&world);
        g_rand_free(rand);
    }
    assert_true(changes > 10 * WORLDS); /* the worlds are no idle ones */
}

static void shuffle(GArray *array, GRand *rand, size_t size)
{
    char held[256];

    assert_true(size <= sizeof held);
    for (guint i = array->len; i > 1; i--) {
        char *a = array->data + (i - 1) * size;
        char *b = array->data + (size_t)g_rand_int_range(rand, 0, (gint32)i) * size;
        memcpy(held, a, size);
        memmove(a, b, size);
        memcpy(b, held, size);
    }
}

static char *everything(struct world *world)
{
    struct plan plan;
    GString *out = g_string_new(NULL);

    world_plan(world, &plan);
    char *text = world_text(&plan), *json = plan_print_json(&plan);
    g_string_append_printf(out, "%s%s", text, json);
    plan_print_sql(&plan, &world->settings, world->version, out);
    g_free(text);
    free(json);
    plan_clear(&plan);
    return g_string_free(out, FALSE);
}

static void the_order_of_what_is_read_does_not_matter(void **state)
{
    (void)state;
    for (int seed = 1; seed <= WORLDS / 10; seed++) {
        GRand *rand = g_rand_new_with_seed((guint32)seed);
        struct world world;

        world_random(&world, rand);
        char *first = everything(&world);
        shuffle(world.wanted.roles, rand, sizeof(struct wanted_role));
        for (guint i = 0; i < world.roles->len; i++) {
            struct world_role *role = world.roles->pdata[i];
            shuffle(role->memberships, rand, sizeof(struct actual_membership));
        }
        char *second = everything(&world);
        if (strcmp(first, second) != 0)
            fail_msg("seed %d:\n%s\nbut shuffled\n%s", seed, first, second);
        g_free(first);
        g_free(second);
        world_clear(&world);
        g_rand_free(rand);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_planned_is_right_and_leaves_nothing_to_do),
        cmocka_unit_test(the_order_of_what_is_read_does_not_matter),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
