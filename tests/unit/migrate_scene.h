/*
 * migrate_scene.h - a store with one of everything, and a migration of it that can be looked at, joined
 * and killed while it runs.
 */
#ifndef PGSIGNET_MIGRATE_SCENE_H
#define PGSIGNET_MIGRATE_SCENE_H

#include "tests/unit/attempt_fixture.h"

#include "mfa/migrate.h"
#include "mfa/migrate_rows.h"

#define PEOPLE 40 /* one page of each table */

struct scene {
    struct fixture f;
    char target[128];
    char socket[80]; /* beside it is the witness */
    struct settings to;
    struct secret secrets[PEOPLE];
    /* While rows are copied.  Calls: one a page, which is one a table, from the users on. */
    int calls;
    int looks;     /* calls before the first row is copied, into a store with rows: COMPARED */
    int die_at;    /* the call at which the process ends; 0 = never */
    int beside_at; /* the call at which something happens beside it; 0 = never */
    void (*beside)(struct scene *s);
    int result;            /* for beside: what came of it */
    struct settings there; /* of the store that was there first */
};

/* Into a store with rows: each table of it is read, then compared, from the last on. */
#define COMPARED (2 * MIGRATE_TABLES)

const char *scene_person(size_t i);

int scene_setup(void **state);
/* The same store has come to the other place, and the migration to look at is the one back. */
int scene_setup_back(void **state);
int scene_teardown(void **state);
void scene_remove_target(struct scene *s);

enum mfa_result scene_migrate(struct scene *s, struct migrate_report *report);

/* One run in a process of its own that ends at the given call; true when it came that far. */
bool scene_killed_at(struct scene *s, int call);

/* From here on the fixture is on the new store. */
void scene_switch_over(struct scene *s);

/* Both stores hold the same rows, byte by byte. */
void scene_expect_equal(struct scene *s);

/* The new store is not taken for a backup that came back: counters and recovery codes go on. */
void scene_expect_no_floor(struct scene *s);

/* Does that store let the person in, right now? */
bool scene_admits(const struct settings *settings, struct scene *s, size_t who);

/* A handle of its own for what happens beside the migration, as in a daemon; and the migration's again. */
struct mfa *scene_step_aside(struct scene *s);
void scene_step_back(struct scene *s, struct mfa *migrating);

#endif
