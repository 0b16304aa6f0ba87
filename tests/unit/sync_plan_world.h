/*
 * sync_plan_world.h - a directory and a server in a few lines of text, for tests of the planner.
 *
 * Wanted, a role a line:      NAME[@RULE] [limit=N] [until=UNIX|infinity] [comment=T] [set:P=V] :
 * ROLE@RULE[OPTIONS] ...  The server, a role a line:  NAME[*] [nologin super repl bypass createrole
 * system] [sessions=N] [as above]
 *                             : ROLE[/GRANTOR][OPTIONS] ...
 * `*` is a member of the marker.  OPTIONS: +admin -inherit -set.  Words are quoted as in a shell.
 * Each server has, unless a line says otherwise: postgres (bootstrap superuser), sync (the runner,
 * with ADMIN OPTION on the marker), pgsignet_managed, dbrole_admin, dbrole_readonly,
 * dbrole_readwrite.  The rules: 1 = cn=pg-dba grants dbrole_admin and sets role = dbrole_admin; 2 =
 * cn=pg-read grants dbrole_readonly and sets work_mem = 64MB; 3 is static and grants
 * dbrole_readwrite.  How it is, words: version=16 super (the runner is one) share=P leavers=N
 * revokes_share=P revokes=N
 * lock=never keep_movers no_terminate drop=SECONDS force=GUARD protect=GLOB without=NAME grant=ROLE
 * (a 4th rule).
 */
#ifndef PGSIGNET_TESTS_SYNC_PLAN_WORLD_H
#define PGSIGNET_TESTS_SYNC_PLAN_WORLD_H

#include "ldap_sync/plan.h"

#define WORLD_NOW 1795928400 /* 2026-11-29T05:00:00Z */

struct world_role {
    struct actual_role is; /* but for the places of its rows */
    GArray *memberships;   /* struct actual_membership */
    GArray *settings;      /* struct wanted_setting */
};

struct world {
    GStringChunk *names;
    struct settings_sync settings;
    struct settings_sync_rule rules[4];
    char *rule_grants[4][2];
    struct settings_sync_pair sets[2];
    char *protect[8];
    unsigned forced;
    int version;
    bool super;
    struct wanted wanted;
    GPtrArray *roles; /* struct world_role: the server as it is now */
    struct actual actual;
};

void world_init(struct world *world);
void world_clear(struct world *world);

const char *world_name(struct world *world, const char *name);
struct world_role *world_role_add(struct world *world, const char *name);
struct world_role *world_role_find(struct world *world, const char *name); /* NULL: there is none */
void world_role_drop(struct world *world, const char *name);
void world_setting_add(struct world *world, GArray *settings, const char *name, const char *value);
/* grantor NULL: the one of what the runner grants. */
void world_membership_add(struct world *world, struct world_role *role, const char *in,
                          const char *grantor, bool admin, bool inherit, bool set);
const char *world_grantor(struct world *world);

/* Reads the notation above; each may be NULL. */
void world_read(struct world *world, const char *how, const char *wanted, const char *server);

/* actual, anew from roles. */
void world_snapshot(struct world *world);

/* plan_make of the snapshot. */
void world_plan(struct world *world, struct plan *plan);

/* The plan's text, then a line "! GUARD NAME" for each finding, "~" when it is forced. */
char *world_text(const struct plan *plan);

/* A world by chance: world_init and all; the same of the same seed.  sync_plan_random.c */
void world_random(struct world *world, GRand *rand);

/*
 * Does to roles what a server would do.  NULL, or why a server would refuse (g_free).
 * sync_plan_apply.c
 */
char *world_apply(struct world *world, const struct change *change);

#endif
