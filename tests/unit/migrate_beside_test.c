/* Proves that a migration comes out right whatever is done beside it: another one, and operators' changes. */
#include "config.h"

#include "tests/unit/migrate_scene.h"

#include "mfa/engine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

/* Calls from the first row on that is copied, after which ... */
#define USERS_COPIED    1
#define SUBJECTS_COPIED 4
#define ALL_COPIED      5

#define DONE(call) assert_int_equal(call, MFA_OK)

/* --- another migration --- */

/* In a process of its own, from its start to its end. */
static void migrate_as_well(struct scene *s)
{
    int status = 0;
    pid_t child = fork();

    if (child == 0) {
        struct mfa *own = NULL;
        s->beside_at = 0;
        s->f.mfa = NULL;
        if (mfa_open(&s->f.settings, &own, s->f.why, sizeof s->f.why) != REASON_GRANTED)
            _exit(99);
        s->f.mfa = own;
        _exit((int)scene_migrate(s, NULL));
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    s->result = WEXITSTATUS(status);
}

static void expect_that_one_store_admits(struct scene *s)
{
    scene_expect_equal(s);
    assert_false(scene_admits(&s->f.settings, s, 5));
    assert_true(scene_admits(&s->to, s, 5));
}

static void of_two_at_a_time_one_is_refused(void **state)
{
    struct scene *s = *state;

    s->beside = migrate_as_well;
    s->beside_at = s->looks + USERS_COPIED;
    DONE(scene_migrate(s, NULL));
    assert_int_equal(s->result, MFA_STATE);
    expect_that_one_store_admits(s);
}

/* A second target of the same store: both would be opened. */
static void migrate_elsewhere(struct scene *s)
{
    char own[128];

    snprintf(own, sizeof own, "%s", s->target);
    snprintf(s->target, sizeof s->target, "%.60s/third.db", s->f.folder);
    migrate_as_well(s);
    scene_remove_target(s);
    snprintf(s->target, sizeof s->target, "%s", own);
}

static void of_two_to_different_places_one_is_refused(void **state)
{
    struct scene *s = *state;

    s->beside = migrate_elsewhere;
    s->beside_at = s->looks + ALL_COPIED;
    DONE(scene_migrate(s, NULL));
    assert_int_equal(s->result, MFA_STATE);
    expect_that_one_store_admits(s);
}

/* Claims the store, tells so, and is gone a moment later, in the middle of it. */
static void be_killed_soon(struct scene *s, int tell)
{
    const struct timespec moment = {.tv_nsec = 200000000};
    struct mfa *own = NULL;

    s->f.mfa = NULL;
    if (mfa_open(&s->f.settings, &own, s->f.why, sizeof s->f.why) == REASON_GRANTED &&
        own->store->engine->claim(own->store, fixture_deadline()) == STORE_OK &&
        write(tell, "!", 1) == 1)
        nanosleep(&moment, NULL);
    _exit(9);
}

static void who_was_killed_is_waited_for_until_he_is_gone(void **state)
{
    struct scene *s = *state;
    char told;
    int ends[2], status;

    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0)
        be_killed_soon(s, ends[1]);
    close(ends[1]);
    assert_int_equal(read(ends[0], &told, 1), 1);
    close(ends[0]);
    DONE(scene_migrate(s, NULL));
    assert_int_equal(waitpid(child, &status, 0), child);
    expect_that_one_store_admits(s);
}

static void end_all_sessions(struct scene *s)
{
    s->result = (int)fixture_sql(&s->f, "SELECT count(pg_terminate_backend(pid, 5000))"
                                        " FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
                                        " AND application_name LIKE 'pgsignet%'");
}

/* The claim went with the session: another one may have begun, and come to its end. */
static void who_has_lost_his_session_does_not_go_on(void **state)
{
    struct scene *s = *state;

    if (!fixture_is_shared(&s->f))
        skip();
    s->beside = end_all_sessions;
    s->beside_at = s->looks + ALL_COPIED;
    assert_int_equal(scene_migrate(s, NULL), MFA_STORE);
    assert_true(s->result > 0);
    assert_false(scene_admits(&s->to, s, 5));
    assert_true(scene_admits(&s->f.settings, s, 5));
    s->beside_at = 0;
    fixture_reopen(&s->f);
    DONE(scene_migrate(s, NULL));
    scene_expect_equal(s);
}

/* --- operators' changes --- */

static void lock_people(struct scene *s)
{
    struct mfa *migrating = scene_step_aside(s);

    DONE(mfa_lock_user(s->f.mfa, bytes_str("alice7"), "left", NOON));
    DONE(mfa_unlock_user(s->f.mfa, bytes_str("alice2")));
    scene_step_back(s, migrating);
}

static void who_is_locked_meanwhile_is_locked_there(void **state)
{
    struct scene *s = *state;

    s->beside = lock_people;
    s->beside_at = s->looks + ALL_COPIED;
    DONE(scene_migrate(s, NULL));
    scene_expect_equal(s);
    assert_false(scene_admits(&s->to, s, 7));
    assert_true(scene_admits(&s->to, s, 2));
}

static void unlock_person(struct scene *s)
{
    struct mfa *migrating = scene_step_aside(s);

    DONE(mfa_unlock_user(s->f.mfa, bytes_str("alice7")));
    scene_step_back(s, migrating);
}

/* He was found changed, and is then as he was copied at first. */
static void who_is_locked_and_unlocked_again_is_as_he_was(void **state)
{
    struct scene *s = *state;

    assert_true(scene_killed_at(s, s->looks + ALL_COPIED));
    lock_people(s);
    s->beside = unlock_person;
    s->beside_at = COMPARED;
    DONE(scene_migrate(s, NULL));
    scene_expect_equal(s);
    assert_true(scene_admits(&s->to, s, 7));
}

static void rename_person(struct scene *s, const char *from, const char *to)
{
    DONE(mfa_rename_user(s->f.mfa, bytes_str(from), bytes_str(to), NOON));
}

/* Ids are random: of many that pass their names on, some stand before those who take them. */
static void pass_names_on(struct scene *s)
{
    struct mfa *migrating = scene_step_aside(s);
    char from[16], to[16];

    rename_person(s, "alice39", "somebody");
    for (size_t i = 39; i > 20; i--) {
        snprintf(from, sizeof from, "alice%zu", i - 1);
        snprintf(to, sizeof to, "alice%zu", i);
        rename_person(s, from, to);
    }
    for (size_t i = 10; i < 18; i += 2) { /* and these swap */
        snprintf(from, sizeof from, "alice%zu", i);
        snprintf(to, sizeof to, "alice%zu", i + 1);
        rename_person(s, from, "between");
        rename_person(s, to, from);
        rename_person(s, "between", to);
    }
    scene_step_back(s, migrating);
}

static void names_that_are_passed_on_meanwhile_are_passed_on_there(void **state)
{
    struct scene *s = *state;

    s->beside = pass_names_on;
    s->beside_at = s->looks + ALL_COPIED;
    DONE(scene_migrate(s, NULL));
    scene_expect_equal(s);
}

/* The same before and while one that was killed is gone on with. */
static void names_may_be_passed_on_after_it_was_killed(void **state)
{
    struct scene *s = *state;

    assert_true(scene_killed_at(s, s->looks + ALL_COPIED));
    pass_names_on(s);
    s->beside = lock_people;
    s->beside_at = COMPARED;
    DONE(scene_migrate(s, NULL));
    scene_expect_equal(s);
}

static void enroll_again(struct scene *s, const char *name)
{
    struct token_info info;
    struct secret secret = {0};

    DONE(mfa_create(s->f.mfa, bytes_str(name), "phone", &usual, NOON, &info, &secret));
    secret_free(&secret);
}

/* New ids under names that others bore: of users, and of a token. */
static void replace_people(struct scene *s)
{
    struct mfa *migrating = scene_step_aside(s);

    for (size_t i = 10; i < 20; i++) {
        const char *name = scene_person(i);
        size_t removed;
        if (i % 2 == 0)
            DONE(mfa_purge(s->f.mfa, bytes_str(name)));
        else
            DONE(mfa_remove(s->f.mfa, bytes_str(name), "phone", &removed));
        enroll_again(s, name);
    }
    scene_step_back(s, migrating);
}

static void who_is_enrolled_anew_meanwhile_is_anew_there(void **state)
{
    struct scene *s = *state;

    s->beside = replace_people;
    s->beside_at = s->looks + ALL_COPIED;
    DONE(scene_migrate(s, NULL));
    scene_expect_equal(s);
}

/* What went was looked for before: the old rows are still there when the new ones come. */
static void who_is_enrolled_anew_between_two_looks_is_anew_there(void **state)
{
    struct scene *s = *state;

    assert_true(scene_killed_at(s, s->looks + ALL_COPIED));
    s->beside = replace_people;
    s->beside_at = COMPARED;
    DONE(scene_migrate(s, NULL));
    scene_expect_equal(s);
}

static void swap_token_names(struct scene *s)
{
    struct mfa *migrating = scene_step_aside(s);

    for (size_t i = 10; i < 20; i++) {
        struct bytes user = bytes_str(scene_person(i));
        DONE(mfa_rename_token(s->f.mfa, user, "phone", "between"));
        DONE(mfa_rename_token(s->f.mfa, user, "tablet", "phone"));
        DONE(mfa_rename_token(s->f.mfa, user, "between", "tablet"));
    }
    scene_step_back(s, migrating);
}

static void tokens_that_swap_names_meanwhile_swap_them_there(void **state)
{
    struct scene *s = *state;

    for (size_t i = 10; i < 20; i++) {
        struct token_info info;
        struct secret secret = {0};
        DONE(mfa_create(s->f.mfa, bytes_str(scene_person(i)), "tablet", &usual, NOON, &info,
                        &secret));
        secret_free(&secret);
    }
    s->beside = swap_token_names;
    s->beside_at = s->looks + ALL_COPIED;
    DONE(scene_migrate(s, NULL));
    scene_expect_equal(s);
}

static void enroll_newcomer(struct scene *s)
{
    struct mfa *migrating = scene_step_aside(s);
    char codes[10][RECOVERY_TEXT];

    enroll_again(s, "newcomer");
    DONE(mfa_make_recovery(s->f.mfa, bytes_str("newcomer"), 10, NOON, codes));
    scene_step_back(s, migrating);
}

/* The users were copied without him when his token's turn comes. */
static void who_is_enrolled_between_two_tables_comes_along(void **state)
{
    struct scene *s = *state;

    s->beside = enroll_newcomer;
    s->beside_at = s->looks + USERS_COPIED;
    DONE(scene_migrate(s, NULL));
    scene_expect_equal(s);
}

/* --- failures --- */

static void fail_somebody(struct scene *s)
{
    struct mfa *migrating = scene_step_aside(s);

    for (int i = 0; i < 50; i++) {
        char name[16];
        snprintf(name, sizeof name, "nobody%d", i);
        fixture_attempt(&s->f, name, EVIL, "pw000000", NULL);
    }
    scene_step_back(s, migrating);
}

/* Names were copied without theirs when their addresses' turn comes: an attacker must not stop it. */
static void who_fails_between_two_tables_comes_along(void **state)
{
    struct scene *s = *state;

    s->beside = fail_somebody;
    s->beside_at = s->looks + SUBJECTS_COPIED;
    DONE(scene_migrate(s, NULL));
    scene_expect_equal(s);
}

/* Newcomers share a slot by turns.  The first one's id stands behind the second's. */
static const struct store_subject first = {.id = "fedcba9876543210", .id_len = 16, .slot = 5};
static const struct store_subject second = {.id = "0123456789abcdef", .id_len = 16, .slot = 5};

static void change_failures(struct scene *s, void (*change)(struct store *store))
{
    struct store *store = s->f.mfa->store;

    assert_int_equal(store->engine->begin(store, STORE_DURABLE, fixture_deadline()), STORE_OK);
    change(store);
    assert_int_equal(store->engine->commit(store), STORE_OK);
}

static void first_fails_from_two(struct store *store)
{
    const struct store_address home = {.at = HOME, .len = sizeof HOME - 1};
    const struct store_address evil = {.at = EVIL, .len = sizeof EVIL - 1};

    assert_int_equal(store->engine->failure_add(store, &first, &home, 0, 1000), STORE_OK);
    assert_int_equal(store->engine->failure_add(store, &first, &evil, 0, 1000), STORE_OK);
}

static void first_succeeds_and_second_fails(struct store *store)
{
    const struct store_address home = {.at = HOME, .len = sizeof HOME - 1};

    assert_int_equal(store->engine->success_note(store, &first, &home, true, 2000), STORE_OK);
    assert_int_equal(store->engine->failure_add(store, &second, &home, 0, 3000), STORE_OK);
}

static void pass_slot_on(struct scene *s)
{
    struct mfa *migrating = scene_step_aside(s);

    change_failures(s, first_succeeds_and_second_fails);
    scene_step_back(s, migrating);
}

/* What the first one failed from elsewhere, which nothing has changed since, must not go with the slot. */
static void who_leaves_a_slot_meanwhile_keeps_all_his_failures(void **state)
{
    struct scene *s = *state;

    change_failures(s, first_fails_from_two);
    s->beside = pass_slot_on;
    s->beside_at = s->looks + ALL_COPIED;
    DONE(scene_migrate(s, NULL));
    scene_expect_equal(s);
}

int main(void)
{
#define THERE(name) cmocka_unit_test_setup_teardown(name, scene_setup, scene_teardown)
#define BACK(name)                                                                                 \
    {                                                                                              \
        "back: " #name, name, scene_setup_back, scene_teardown, NULL                               \
    }
#define BOTH(name) THERE(name), BACK(name)
    const struct CMUnitTest tests[] = {
        BOTH(of_two_at_a_time_one_is_refused),
        THERE(of_two_to_different_places_one_is_refused),
        BOTH(who_was_killed_is_waited_for_until_he_is_gone),
        BOTH(who_has_lost_his_session_does_not_go_on),
        BOTH(who_is_locked_meanwhile_is_locked_there),
        BOTH(who_is_locked_and_unlocked_again_is_as_he_was),
        BOTH(names_that_are_passed_on_meanwhile_are_passed_on_there),
        BOTH(names_may_be_passed_on_after_it_was_killed),
        BOTH(who_is_enrolled_anew_meanwhile_is_anew_there),
        BOTH(who_is_enrolled_anew_between_two_looks_is_anew_there),
        BOTH(tokens_that_swap_names_meanwhile_swap_them_there),
        BOTH(who_is_enrolled_between_two_tables_comes_along),
        BOTH(who_fails_between_two_tables_comes_along),
        BOTH(who_leaves_a_slot_meanwhile_keeps_all_his_failures),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
