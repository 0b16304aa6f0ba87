/* Worlds with all that may be met, and much that hardly will. */
#include "config.h"

#include "tests/unit/sync_plan_world.h"

#include <string.h>

static const char *const people[] = {
    "a",
    "b",
    "c",
    "d",
    "e",
    "f",
    "g",
    "h",
    "x\" SUPERUSER; --",
    "o'brien\n",
    "dbuser_p",
    "d\xc3\xa9j\xc3\xa0",
    "postgres",
    "sync",
    "helper",
    "dbrole_admin",
    "pg_new",
    "public",
    "sixty-four-bytes-are-one-too-many-for-a-role-of-postgresql-xxxxx",
};
#define SERVER_PEOPLE 12 /* those of the first that may be on the server */

static bool chance(GRand *rand, int percent)
{
    return g_rand_int_range(rand, 0, 100) < percent;
}

static const char *pick(GRand *rand, const char *const *of, size_t n)
{
    return of[g_rand_int_range(rand, 0, (gint32)n)];
}

static const char *random_comment(GRand *rand)
{
    static const char *const comments[] = {
        "Alice A",
        LEFT_PREFIX "2026-11-01T00:00:00Z | Alice A",
        LEFT_PREFIX "2026-11-29T04:59:59Z",
        LEFT_PREFIX "some day | Alice | A",
        LEFT_PREFIX "2026-11-01T00:00:00Z | " LEFT_PREFIX "2026-11-01T00:00:00Z",
        "",
    };

    return pick(rand, comments, G_N_ELEMENTS(comments));
}

static void random_settings(struct world *world, GRand *rand, GArray *settings)
{
    static const struct {
        const char *name, *value;
    } rows[] = {
        {"role", "dbrole_admin"}, {"role", "dbrole_readonly"},  {"work_mem", "64MB"},
        {"WORK_MEM", "1GB"},      {"search_path", "a,\"B c\""}, {"search_path", "a, \"B c\""},
    };

    for (int n = g_rand_int_range(rand, 0, 3); n > 0; n--) {
        size_t i = (size_t)g_rand_int_range(rand, 0, G_N_ELEMENTS(rows));
        bool twice = false;
        for (guint k = 0; k < settings->len; k++)
            twice |= g_ascii_strcasecmp(g_array_index(settings, struct wanted_setting, k).name,
                                        rows[i].name) == 0;
        if (!twice)
            world_setting_add(world, settings, rows[i].name, rows[i].value);
    }
}

static void random_memberships(struct world *world, GRand *rand, struct world_role *role)
{
    static const char *const roles[] = {
        "dbrole_admin", "dbrole_readonly", "dbrole_readwrite", "by_hand",
        "evil",         "pgsignet_managed"};
    static const char *const grantors[] = {"postgres", "sync", "helper", "a", "b", "c", "d"};
    int most = chance(rand, 20) ? 6 : 2;

    if (chance(rand, 75))
        world_membership_add(world, role, "pgsignet_managed", NULL, false, true, true);
    for (int n = g_rand_int_range(rand, 0, most); n > 0; n--) {
        const char *in = pick(rand, roles, chance(rand, 90) ? 4 : 6);
        const char *grantor = pick(rand, grantors, G_N_ELEMENTS(grantors));
        bool there = false;
        for (guint i = 0; i < role->memberships->len; i++) {
            const struct actual_membership *row =
                &g_array_index(role->memberships, struct actual_membership, i);
            there |= strcmp(row->role, in) == 0 &&
                     (world->version < 160000 || strcmp(row->grantor, grantor) == 0);
        }
        bool admin = chance(rand, 25), all = world->version < 160000;
        bool inherit = all || chance(rand, 75), set = all || chance(rand, 75);
        if (!there && strcmp(role->is.name, in) != 0 && strcmp(role->is.name, grantor) != 0)
            world_membership_add(world, role, in, grantor, admin, inherit, set);
    }
}

/* A grantor is on the server. */
static void mend_grantors(struct world *world)
{
    for (guint k = 0; k < world->roles->len; k++) {
        struct world_role *role = world->roles->pdata[k];
        for (guint i = role->memberships->len; i-- > 0;) {
            const struct actual_membership *row =
                &g_array_index(role->memberships, struct actual_membership, i);
            if (world_role_find(world, row->grantor) == NULL)
                g_array_remove_index(role->memberships, i);
        }
    }
}

static void random_server(struct world *world, GRand *rand)
{
    static const char *const groups[] = {"by_hand", "evil", "helper", "dbrole_offline"};

    for (size_t i = 0; i < G_N_ELEMENTS(groups); i++)
        world_role_add(world, groups[i])->is.login = false;
    world_role_add(world, "root")->is.superuser = true;
    world_membership_add(world, world_role_find(world, "evil"), "root", "postgres", false, true,
                         true);
    if (chance(rand, 30))
        world_membership_add(world, world_role_find(world, "sync"), "helper", "postgres", false,
                             true, true);
    for (size_t i = 0; i < SERVER_PEOPLE; i++) {
        if (!chance(rand, 60))
            continue;
        struct world_role *role = world_role_add(world, people[i]);
        role->is.superuser = chance(rand, 4);
        role->is.replication = chance(rand, 4);
        role->is.bypassrls = chance(rand, 4);
        role->is.login = chance(rand, 70);
        role->is.sessions = chance(rand, 20) ? 2 : 0;
        role->is.limit = chance(rand, 20) ? 5 : -1;
        role->is.until_s = chance(rand, 20) ? 1000 : UNTIL_INFINITY;
        role->is.comment = chance(rand, 60) ? world_name(world, random_comment(rand)) : NULL;
        if (role->is.comment != NULL && role->is.comment[0] == '\0')
            role->is.comment = NULL;
        random_settings(world, rand, role->settings);
        random_memberships(world, rand, role);
        if (chance(rand, 90))
            world_membership_add(world, world_role_find(world, "sync"), people[i], "postgres", true,
                                 false, false);
    }
    mend_grantors(world);
}

static void random_grants(struct world *world, GRand *rand, struct wanted_role *role)
{
    for (uint32_t i = 0; i < world->settings.n_rules; i++) {
        if (!chance(rand, 35))
            continue;
        struct wanted_grant grant = {
            .role = world_name(world, world->rules[i].grant.at[0]),
            .source = i,
            .admin = chance(rand, 20),
            .inherit = chance(rand, 80),
            .set = chance(rand, 80),
        };
        g_array_append_val(world->wanted.grants, grant);
        role->n_grants++;
    }
}

static void random_directory(struct world *world, GRand *rand)
{
    struct wanted *wanted = &world->wanted;

    for (size_t i = 0; i < G_N_ELEMENTS(people); i++) {
        if (!chance(rand, 60))
            continue;
        struct wanted_options options = {
            .has_limit = chance(rand, 30),
            .has_until = chance(rand, 30),
            .limit = chance(rand, 50) ? 5 : -1,
            .until_s = chance(rand, 50) ? 1000 : UNTIL_INFINITY,
            .comment = chance(rand, 30) ? world_name(world, random_comment(rand)) : NULL,
            .setting = wanted->settings->len,
        };
        random_settings(world, rand, wanted->settings);
        GArray *settings = wanted->settings;
        options.n_settings = settings->len - options.setting;
        struct wanted_role role = {
            .name = world_name(world, people[i]),
            .source = (uint32_t)g_rand_int_range(rand, 0, 3),
            .options = wanted->options->len,
            .grant = wanted->grants->len,
        };
        random_grants(world, rand, &role);
        g_array_append_val(wanted->options, options);
        g_array_append_val(wanted->roles, role);
    }
}

void world_random(struct world *world, GRand *rand)
{
    static const char *const fourth[] = {"evil", "dbrole_gone", "dbrole_offline", "dbrole_offline"};
    static const char *const protects[] = {"dbuser_*", "*e*", "h", "post*s"};
    struct settings_sync_leavers *leavers = &world->settings.leavers;

    world_init(world);
    world->version = chance(rand, 50) ? 150004 : 170000;
    if (chance(rand, 40))
        world_read(world, "super", NULL, NULL);
    char *how = g_strdup_printf("grant=%s protect=%s", pick(rand, fourth, G_N_ELEMENTS(fourth)),
                                chance(rand, 70) ? "dbuser_*" : pick(rand, protects, 4));
    world_read(world, how, NULL, NULL);
    g_free(how);
    for (unsigned guard = 0; guard < SYNC_GUARDS; guard++)
        if (chance(rand, 20))
            world->forced |= 1U << guard;
    world->forced |= 1U << SYNC_GUARD_LEAVERS;
    leavers->lock = chance(rand, 80) ? LEAVERS_LOCK_NOW : LEAVERS_LOCK_NEVER;
    leavers->terminate = chance(rand, 80);
    leavers->keep_movers = chance(rand, 30);
    leavers->drop_after = chance(rand, 50) ? 86400 : 0;
    random_server(world, rand);
    random_directory(world, rand);
}
