/* Proves that a migration loses nothing, revives nothing, and can be killed anywhere. */
#include "config.h"

#include "tests/unit/migrate_scene.h"

#include "mfa/engine.h"
#include "mfa/rekey.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void everything_is_carried_over(void **state)
{
    struct scene *s = *state;
    struct migrate_report report;

    assert_int_equal(scene_migrate(s, &report), MFA_OK);
    assert_int_equal(report.rows[0], PEOPLE);
    assert_int_equal(report.rows[1], PEOPLE);
    assert_int_equal(report.rows[2], 1);
    assert_int_equal(report.break_glass, 1);
    assert_int_equal(report.again, 0);
    scene_expect_equal(s);
    scene_switch_over(s);
    scene_expect_no_floor(s);
    ASSERT_REASON(fixture_attempt(&s->f, "alice5", HOME, typed(&usual, &s->secrets[5], NOON), NULL),
                  REASON_GRANTED);
    ASSERT_REASON(fixture_attempt(&s->f, "alice4", EVIL, typed(&usual, &s->secrets[4], NOON), NULL),
                  REASON_THROTTLED);
    ASSERT_REASON(fixture_attempt(&s->f, "alice2", HOME, typed(&usual, &s->secrets[2], NOON), NULL),
                  REASON_LOCKED);
}

static void the_old_store_admits_nobody_any_more(void **state)
{
    struct scene *s = *state;

    assert_int_equal(scene_migrate(s, NULL), MFA_OK);
    ASSERT_REASON(fixture_attempt(&s->f, "alice5", HOME, typed(&usual, &s->secrets[5], NOON), NULL),
                  REASON_STORE_UNAVAILABLE);
}

static void log_in(struct scene *s)
{
    struct mfa *migrating = scene_step_aside(s);
    char text[32];

    snprintf(text, sizeof text, "%s", typed(&usual, &s->secrets[0], NOON));
    s->result = fixture_attempt(&s->f, "alice0", HOME, text, NULL) == REASON_GRANTED ? 1 : -1;
    scene_step_back(s, migrating);
}

static void a_code_used_during_the_copy_stays_used(void **state)
{
    struct scene *s = *state;
    struct migrate_report report;

    s->beside = log_in;
    s->beside_at = MIGRATE_TABLES; /* all rows were copied once */
    assert_int_equal(scene_migrate(s, &report), MFA_OK);
    assert_int_equal(s->result, 1);
    assert_true(report.again > 0);
    scene_expect_equal(s);
    scene_switch_over(s);
    ASSERT_REASON(fixture_attempt(&s->f, "alice0", HOME, typed(&usual, &s->secrets[0], NOON), NULL),
                  REASON_CODE_USED);
}

static void killed_anywhere_it_is_gone_on_with_and_never_do_two_stores_admit(void **state)
{
    struct scene *s = *state;
    size_t who = 5;
    int call;

    for (call = 1; call < 60 && who + 1 < PEOPLE; call++) {
        if (!scene_killed_at(s, call))
            break;
        bool target_is_there = access(s->target, F_OK) == 0;
        bool both =
            scene_admits(&s->f.settings, s, who) && target_is_there && scene_admits(&s->to, s, who);
        assert_false(both);
        who++;
    }
    assert_true(call > 5);
    scene_expect_equal(s);
    assert_false(scene_admits(&s->f.settings, s, PEOPLE - 1));
    assert_true(scene_admits(&s->to, s, PEOPLE - 1));
}

static void without_the_witness_of_an_unfinished_store_it_is_gone_on_with(void **state)
{
    struct scene *s = *state;
    char lasting[160];

    snprintf(lasting, sizeof lasting, "%s-witness", s->target);
    assert_true(scene_killed_at(s, 4));
    assert_int_equal(unlink(lasting), 0);
    assert_int_equal(scene_migrate(s, NULL), MFA_OK);
    scene_switch_over(s);
    scene_expect_no_floor(s);
}

/* Killed between the making of the new store and its mark. */
static void a_store_that_was_only_just_made_is_gone_on_with(void **state)
{
    struct scene *s = *state;
    struct store *source = s->f.mfa->store;
    struct store_identity identity;
    struct migrate_report report;

    assert_int_equal(source->engine->begin(source, STORE_READ, fixture_deadline()), STORE_OK);
    assert_int_equal(source->engine->identity(source, &identity), STORE_OK);
    source->engine->rollback(source);
    assert_int_equal(
        store_engine(&s->to.store)->create(&s->to.store, &identity, s->f.why, sizeof s->f.why),
        STORE_OK);
    assert_int_equal(scene_migrate(s, &report), MFA_OK);
    assert_true(report.resumed);
    scene_expect_equal(s);
    assert_true(scene_admits(&s->to, s, 6));
}

/* An operator's change would be made for nobody: a leaver, say, would not be locked. */
static void the_old_store_takes_no_changes(void **state)
{
    struct scene *s = *state;

    assert_int_equal(scene_migrate(s, NULL), MFA_OK);
    assert_int_equal(mfa_lock_user(s->f.mfa, bytes_str("alice6"), "left", NOON), MFA_STORE);
    assert_non_null(strstr(mfa_error(s->f.mfa), "closed by a migration"));
    assert_true(scene_admits(&s->to, s, 6));
    scene_switch_over(s);
    assert_int_equal(mfa_lock_user(s->f.mfa, bytes_str("alice6"), "left", NOON), MFA_OK);
}

/* Back to where it came from, killed on the way, and then by mistake as if it went there. */
static void it_goes_back_and_never_the_wrong_way(void **state)
{
    struct scene *s = *state;
    const struct settings there = s->f.settings, back = s->to;

    assert_int_equal(scene_migrate(s, NULL), MFA_OK);
    scene_switch_over(s);
    ASSERT_REASON(fixture_attempt(&s->f, "alice5", HOME, typed(&usual, &s->secrets[5], NOON), NULL),
                  REASON_GRANTED);
    s->f.settings.store = back.store;
    s->to.store = there.store;
    assert_true(scene_killed_at(s, 8));
    struct settings right = s->to;
    s->f.settings.store = there.store;
    s->to = back;
    fixture_reopen(&s->f);
    assert_int_equal(scene_migrate(s, NULL), MFA_STATE);
    s->f.settings.store = back.store;
    s->to = right;
    fixture_reopen(&s->f);
    assert_int_equal(scene_migrate(s, NULL), MFA_OK);
    scene_expect_equal(s);
    scene_switch_over(s);
    scene_expect_no_floor(s);
    ASSERT_REASON(fixture_attempt(&s->f, "alice5", HOME, typed(&usual, &s->secrets[5], NOON), NULL),
                  REASON_CODE_USED);
    s->f.settings = there;
}

/* The store that was closed has the wraps of its day: it must not be what is left. */
static void a_store_that_was_rekeyed_does_not_go_back_into_its_old_keys(void **state)
{
    struct scene *s = *state;
    struct settings there = s->f.settings;
    struct rekey_count count;

    assert_int_equal(scene_migrate(s, NULL), MFA_OK);
    scene_switch_over(s);
    assert_int_equal(rekey_data_key(s->f.mfa, NULL, NULL, &count), MFA_OK);
    s->f.settings.store = s->to.store;
    s->to.store = there.store;
    assert_int_equal(scene_migrate(s, NULL), MFA_STATE);
    assert_non_null(strstr(mfa_error(s->f.mfa), "other keys"));
    assert_true(scene_admits(&s->f.settings, s, 5));
    s->f.settings = there;
}

static void another_store_is_never_overwritten(void **state)
{
    struct scene *s = *state;

    assert_int_equal(mfa_init(&s->to, s->f.why, sizeof s->f.why), MFA_OK);
    assert_int_equal(scene_migrate(s, NULL), MFA_EXISTS);
    ASSERT_REASON(fixture_attempt(&s->f, "alice5", HOME, typed(&usual, &s->secrets[5], NOON), NULL),
                  REASON_GRANTED);
}

static void done_twice_says_that_it_is_done(void **state)
{
    struct scene *s = *state;

    assert_int_equal(scene_migrate(s, NULL), MFA_OK);
    assert_int_equal(scene_migrate(s, NULL), MFA_EXISTS);
    assert_non_null(strstr(mfa_error(s->f.mfa), "nothing is left to do"));
    assert_true(scene_admits(&s->to, s, 6));
}

static void a_store_that_was_moved_is_not_moved_elsewhere(void **state)
{
    struct scene *s = *state;

    assert_int_equal(scene_migrate(s, NULL), MFA_OK);
    scene_remove_target(s);
    assert_int_equal(scene_migrate(s, NULL), MFA_STATE);
    assert_non_null(strstr(mfa_error(s->f.mfa), "migrated elsewhere"));
}

static void keys_that_do_not_fit_are_noticed_before_anything_is_done(void **state)
{
    struct scene *s = *state;
    char key[128];

    snprintf(key, sizeof key, "%s/other-kek", s->f.folder);
    FILE *out = fopen(key, "w");
    assert_non_null(out);
    fprintf(out, "%064d\n", 7);
    fclose(out);
    assert_int_equal(chmod(key, 0400), 0);
    s->to.keys.path = key;
    assert_int_equal(scene_migrate(s, NULL), MFA_KEY);
    unlink(key);
    assert_int_not_equal(access(s->target, F_OK), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, scene_setup, scene_teardown)
    const struct CMUnitTest tests[] = {
        TEST(everything_is_carried_over),
        TEST(the_old_store_admits_nobody_any_more),
        TEST(a_code_used_during_the_copy_stays_used),
        TEST(killed_anywhere_it_is_gone_on_with_and_never_do_two_stores_admit),
        TEST(it_goes_back_and_never_the_wrong_way),
        TEST(a_store_that_was_rekeyed_does_not_go_back_into_its_old_keys),
        TEST(another_store_is_never_overwritten),
        TEST(a_store_that_was_only_just_made_is_gone_on_with),
        TEST(without_the_witness_of_an_unfinished_store_it_is_gone_on_with),
        TEST(the_old_store_takes_no_changes),
        TEST(done_twice_says_that_it_is_done),
        TEST(a_store_that_was_moved_is_not_moved_elsewhere),
        TEST(keys_that_do_not_fit_are_noticed_before_anything_is_done),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
