/* What stops a plan, what it exits with, and what it counts. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/sync_plan_world.h"

#define LEFT "comment='" LEFT_PREFIX "2026-11-01T05:00:00Z'"

/* How many of `managed` roles may leave at once. */
static size_t most_leavers(const char *how, size_t managed, size_t left)
{
    size_t leaving = 0;

    for (bool stops = false; !stops && leaving <= managed; leaving += !stops) {
        struct world world;
        struct plan plan;

        world_init(&world);
        world_read(&world, how, NULL, NULL);
        for (size_t i = 0; i < managed + left; i++) {
            char *name = g_strdup_printf("u%zu", i), *line = NULL;
            bool has_left = i >= managed;
            line = g_strdup_printf("%s* %s", name, has_left ? "nologin " LEFT : "");
            world_read(&world, NULL, !has_left && i >= leaving ? name : NULL, line);
            g_free(name);
            g_free(line);
        }
        world_plan(&world, &plan);
        assert_int_equal(plan.leavers, leaving);
        assert_int_equal(plan.managed, managed + left);
        const struct sync_finding *stop = plan_stop(&plan);
        stops = stop != NULL;
        assert_true(!stops || stop->guard == SYNC_GUARD_LEAVERS);
        assert_int_equal(plan_exit_code(&plan), stops ? 12 : 0);
        plan_clear(&plan);
        world_clear(&world);
    }
    return leaving - 1;
}

static void only_so_many_leave_at_once(void **state)
{
    static const struct {
        const char *how;
        size_t managed, left, most;
    } rows[] = {
        {"share=10", 5, 0, 1},
        {"share=10", 1, 0, 1},
        {"share=10", 19, 0, 1},
        {"share=10", 20, 0, 2},
        {"share=10", 39, 0, 3},
        {"share=10", 20, 30, 2},
        {"share=0", 20, 0, 0},
        {"share=100", 7, 0, 7},
        {"leavers=0", 20, 0, 0},
        {"leavers=3", 20, 0, 3},
        {"share=10 force=leavers", 5, 0, 5},
    };

    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        size_t most = most_leavers(rows[i].how, rows[i].managed, rows[i].left);
        if (most != rows[i].most)
            fail_msg("%s of %zu (and %zu): %zu", rows[i].how, rows[i].managed, rows[i].left, most);
    }
}

static void findings_of_the_readers_are_the_plans(void **state)
{
    static const struct {
        enum sync_guard guard;
        const char *how, *name;
        bool stops;
        int exit_code;
    } rows[] = {
        {SYNC_GUARD_EMPTY, "", NULL, true, 10},
        {SYNC_GUARD_EMPTY, "force=empty", NULL, false, 0},
        {SYNC_GUARD_INCOMPLETE, "", NULL, true, 11},
        {SYNC_GUARD_INCOMPLETE, "force=empty", NULL, true, 11},
        {SYNC_GUARD_INCOMPLETE, "force=incomplete", NULL, false, 0},
        {SYNC_GUARD_NAMES, "", "alice", false, 16},
        {SYNC_GUARD_NAMES, "force=names", "alice", false, 0},
    };

    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct world world;
        struct plan plan;

        world_init(&world);
        world_read(&world, rows[i].how, "bob", "alice* : dbrole_admin\nbob*");
        char name[] = "alice"; /* not the pointer of names */
        struct sync_finding finding = {
            .guard = rows[i].guard, .name = rows[i].name == NULL ? NULL : name, .text = "was seen"};
        g_array_append_val(world.wanted.findings, finding);
        world_plan(&world, &plan);
        assert_int_equal(plan_stop(&plan) != NULL, rows[i].stops);
        assert_int_equal(plan_exit_code(&plan), rows[i].exit_code);
        /* Whose name was refused has not left. */
        assert_int_equal(plan.leavers, rows[i].name == NULL ? 1 : 0);
        plan_clear(&plan);
        world_clear(&world);
    }
}

static void figures_count_roles(void **state)
{
    struct world world;
    struct plan plan;

    (void)state;
    world_init(&world);
    world_read(&world, "drop=60", "a : dbrole_admin@1\nb : dbrole_admin@1\nc\nd\npublic\ne",
               "b*\nc*\nd\ng*\nh* nologin " LEFT);
    world_plan(&world, &plan);
    assert_int_equal(plan.roles, 4);     /* a, b, c, e */
    assert_int_equal(plan.managed, 4);   /* b, c, g, h */
    assert_int_equal(plan.joiners, 2);   /* a, e */
    assert_int_equal(plan.movers, 1);    /* b */
    assert_int_equal(plan.leavers, 1);   /* g */
    assert_int_equal(plan.droppable, 1); /* h */
    assert_null(plan_stop(&plan));
    assert_int_equal(plan_exit_code(&plan), 15); /* d is unmanaged: the first by guard */
    plan_clear(&plan);
    world_clear(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_so_many_leave_at_once),
        cmocka_unit_test(findings_of_the_readers_are_the_plans),
        cmocka_unit_test(figures_count_roles),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
