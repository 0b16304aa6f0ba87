/* What stops a plan, what it exits with, and what it counts. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/sync_plan_world.h"

#define LEFT "comment='" LEFT_PREFIX "2026-11-01T05:00:00Z'"

/* What is done to some of the managed roles at once. */
struct blow {
    const char *before;    /* what each has on the server */
    const char *stays;     /* what the directory gives to who is spared */
    const char *hit;       /* ... and to who is not; NULL: he is wanted no more */
    enum sync_guard guard; /* which counts it */
    int exit_code;
    size_t leavers, losers; /* that each of those who are hit is */
};

static const struct blow leaves = {
    .before = "", .stays = "", .guard = SYNC_GUARD_LEAVERS, .exit_code = 12, .leavers = 1};
/* They stay: another rule still names them. */
static const struct blow loses = {.before = " : dbrole_admin dbrole_readonly",
                                  .stays = " : dbrole_admin@1 dbrole_readonly@2",
                                  .hit = " : dbrole_readonly@2",
                                  .guard = SYNC_GUARD_REVOKES,
                                  .exit_code = 19,
                                  .losers = 1};
/* They get another instead. */
static const struct blow falls = {.before = " : dbrole_admin",
                                  .stays = " : dbrole_admin@1",
                                  .hit = " : dbrole_readonly@2",
                                  .guard = SYNC_GUARD_REVOKES,
                                  .exit_code = 19,
                                  .losers = 1};

/* `hit` of `managed` roles are; `left` had left before, and count for nothing. */
static void make_world(struct world *world, const struct blow *blow, const char *how,
                       size_t managed, size_t left, size_t hit)
{
    world_init(world);
    world_read(world, how, NULL, NULL);
    for (size_t i = 0; i < managed + left; i++) {
        const char *gets = i >= hit ? blow->stays : blow->hit;
        bool has_left = i >= managed;
        char *is = g_strdup_printf("u%zu* %s", i, has_left ? "nologin " LEFT : blow->before);
        char *wanted = g_strdup_printf("u%zu%s", i, gets != NULL ? gets : "");

        world_read(world, NULL, has_left || gets == NULL ? NULL : wanted, is);
        g_free(wanted);
        g_free(is);
    }
}

/* How many of `managed` roles it may hit at once. */
static size_t most_hit(const struct blow *blow, const char *how, size_t managed, size_t left)
{
    size_t hit = 0;

    for (bool stops = false; !stops && hit <= managed; hit += !stops) {
        struct world world;
        struct plan plan;

        make_world(&world, blow, how, managed, left, hit);
        world_plan(&world, &plan);
        assert_int_equal(plan.leavers, hit * blow->leavers);
        assert_int_equal(plan.losers, hit * blow->losers);
        assert_int_equal(plan.managed, managed + left);
        const struct sync_finding *stop = plan_stop(&plan);
        stops = stop != NULL;
        assert_true(!stops || stop->guard == blow->guard);
        assert_int_equal(plan_exit_code(&plan), stops ? blow->exit_code : 0);
        plan_clear(&plan);
        world_clear(&world);
    }
    return hit - 1;
}

static void only_so_many_leave_or_lose_at_once(void **state)
{
    static const struct {
        const struct blow *blow;
        const char *how;
        size_t managed, left, most;
    } rows[] = {
        {&leaves, "share=10", 5, 0, 1},
        {&leaves, "share=10", 1, 0, 1},
        {&leaves, "share=10", 19, 0, 1},
        {&leaves, "share=10", 20, 0, 2},
        {&leaves, "share=10", 39, 0, 3},
        {&leaves, "share=10", 20, 30, 2},
        {&leaves, "share=0", 20, 0, 0},
        {&leaves, "share=100", 7, 0, 7},
        {&leaves, "leavers=0", 20, 0, 0},
        {&leaves, "leavers=3", 20, 0, 3},
        {&leaves, "share=10 force=leavers", 5, 0, 5},
        {&leaves, "share=10 force=revokes", 5, 0, 1},
        {&leaves, "revokes=0", 5, 0, 5},
        {&loses, "revokes_share=10", 1, 0, 1},
        {&loses, "revokes_share=10", 19, 0, 1},
        {&loses, "revokes_share=10", 20, 0, 2},
        {&loses, "revokes_share=10", 20, 30, 2},
        {&loses, "revokes_share=0", 20, 0, 0},
        {&loses, "revokes_share=100", 7, 0, 7},
        {&loses, "revokes=0", 20, 0, 0},
        {&loses, "revokes=3", 20, 0, 3},
        {&loses, "revokes=3 version=16", 20, 0, 3},
        {&loses, "revokes_share=10 force=revokes", 5, 0, 5},
        {&loses, "revokes_share=10 force=leavers", 5, 0, 1},
        {&loses, "leavers=0", 5, 0, 5},
        {&falls, "revokes=3", 20, 0, 3},
    };

    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        size_t most = most_hit(rows[i].blow, rows[i].how, rows[i].managed, rows[i].left);
        if (most != rows[i].most)
            fail_msg("%s of %zu (and %zu): %zu", rows[i].how, rows[i].managed, rows[i].left, most);
    }
}

/* Who leaves loses all, and is counted there alone; the first of two guards is that of leavers. */
static void leavers_and_losers_are_counted_apart(void **state)
{
    struct world world;
    struct plan plan;

    (void)state;
    world_init(&world);
    world_read(&world, "leavers=0 revokes=0", "a : dbrole_readonly@2",
               "a* : dbrole_admin dbrole_readonly\nb* : dbrole_admin");
    world_plan(&world, &plan);
    assert_int_equal(plan.leavers, 1);
    assert_int_equal(plan.losers, 1);
    assert_int_equal(plan.findings->len, 2);
    assert_int_equal(plan_exit_code(&plan), 12);
    const struct sync_finding *last = &g_array_index(plan.findings, struct sync_finding, 1);
    assert_int_equal(last->guard, SYNC_GUARD_REVOKES);
    assert_null(last->name);
    assert_string_equal(last->text, "1 of 2 managed roles would stay and lose a grant, at most 0 "
                                    "may at once (sync.guards.max_revokes)");
    plan_clear(&plan);
    world_clear(&world);
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

/* A member that nobody can see may be a group: that matters where somebody would lose something. */
static void what_is_out_of_sight_stops_losses_alone(void **state)
{
    static const struct {
        const char *how, *wanted, *server;
        size_t findings;
        int exit_code;
    } rows[] = {
        {"", "a : dbrole_admin@1\nb", "a* : dbrole_admin\nb* ", 0, 0},
        {"", "a : dbrole_admin@1\nb", "a*", 0, 0},
        {"", "a", "a*\nb*", 1, 11},
        {"", "a", "a* : dbrole_admin", 1, 11},
        {"force=incomplete", "a", "a* : dbrole_admin", 1, 0},
        {"", "a", "a*\nb* nologin " LEFT, 0, 0},
    };

    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct sync_finding finding = {
            .guard = SYNC_GUARD_INCOMPLETE, .of_losses = true, .text = "nobody can see"};
        struct world world;
        struct plan plan;

        world_init(&world);
        world_read(&world, rows[i].how, rows[i].wanted, rows[i].server);
        g_array_append_val(world.wanted.findings, finding);
        world_plan(&world, &plan);
        assert_int_equal(plan.findings->len, rows[i].findings);
        assert_int_equal(plan_exit_code(&plan), rows[i].exit_code);
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
        cmocka_unit_test(only_so_many_leave_or_lose_at_once),
        cmocka_unit_test(leavers_and_losers_are_counted_apart),
        cmocka_unit_test(findings_of_the_readers_are_the_plans),
        cmocka_unit_test(what_is_out_of_sight_stops_losses_alone),
        cmocka_unit_test(figures_count_roles),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
