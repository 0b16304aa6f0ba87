/* Proves that fsck finds each fault that a store can have, and no other. */
#include "config.h"

#include "mfa/engine.h"
#include "mfa/fsck.h"
#include "mfa/rekey.h"
#include "tests/unit/rekey_scene.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void fsck_tells_of_a_floor_in_the_future(void **state)
{
    struct scene *s = *state;
    struct store *store = s->f.mfa->store;
    struct store_state mark;
    struct fsck_count count;

    expect_clean(s);
    assert_int_equal(store->engine->begin(store, STORE_DURABLE, fixture_deadline()), STORE_OK);
    assert_int_equal(store->engine->state(store, &mark), STORE_OK);
    mark.floor_s = s->f.now_ms / 1000 + 3600;
    assert_int_equal(store->engine->state_set(store, &mark), STORE_OK);
    assert_int_equal(store->engine->commit(store), STORE_OK);
    assert_int_equal(check(s, &count), 1);
    assert_string_equal(kinds, "store ");
}

static void fsck_finds_each_fault(void **state)
{
    static const struct {
        const char *damage, *repair, *kinds;
    } rows[] = {
        {"UPDATE token SET secret = CAST('no secret' AS BLOB)", NULL, "secret "},
        {"UPDATE token SET digits = 9", "UPDATE token SET digits = 6", "token "},
        {"UPDATE token SET period = 0", "UPDATE token SET period = 30", "token "},
        {"UPDATE token SET version = 0", "UPDATE token SET version = 1", "token secret "},
        {"UPDATE token SET last_step = 99999999999", "UPDATE token SET last_step = 5", "token "},
        {"UPDATE token SET drift = 4", "UPDATE token SET drift = 0", "token "},
        {"UPDATE token SET clock_offset = 21", "UPDATE token SET clock_offset = 0", "token "},
        {"UPDATE token SET confirmed_s = 0", "UPDATE token SET confirmed_s = 5", "token "},
        {"UPDATE token SET created_s = 9999999999", "UPDATE token SET created_s = 5", "token "},
        {"UPDATE user_key SET sealed = CAST('no key' AS BLOB)", NULL, "user-key secret "},
        {"UPDATE user SET name = CAST('bob' AS BLOB)",
         "UPDATE user SET name = CAST('alice' AS BLOB)", "user-key secret "},
        {"UPDATE user SET floor_s = -1", "UPDATE user SET floor_s = 0", "user "},
        {"DELETE FROM user_key", NULL, "user-key "},
    };
    struct scene *s = *state;
    struct fsck_count count;

    expect_clean(s);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        fixture_sql(&s->f, "CREATE TABLE kept_token AS SELECT * FROM token");
        fixture_sql(&s->f, "CREATE TABLE kept_key AS SELECT * FROM user_key");
        assert_true(fixture_sql(&s->f, rows[i].damage) > 0);
        check(s, &count);
        if (strcmp(kinds, rows[i].kinds) != 0)
            fail_msg("%s: \"%s\", not \"%s\"", rows[i].damage, kinds, rows[i].kinds);
        if (rows[i].repair != NULL)
            fixture_sql(&s->f, rows[i].repair);
        fixture_sql(&s->f, "UPDATE token SET secret = (SELECT secret FROM kept_token)");
        fixture_sql(&s->f, "DELETE FROM user_key");
        fixture_sql(&s->f, "INSERT INTO user_key SELECT * FROM kept_key");
        fixture_sql(&s->f, "DROP TABLE kept_token");
        fixture_sql(&s->f, "DROP TABLE kept_key");
        expect_clean(s);
    }
    assert_int_equal(count.users, 1);
    assert_int_equal(count.tokens, 1);
    assert_int_equal(count.data_keys, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, scene_begin, scene_end)
    const struct CMUnitTest tests[] = {
        TEST(fsck_finds_each_fault),
        TEST(fsck_tells_of_a_floor_in_the_future),
    };

    return cmocka_run_group_tests_name("fsck", tests, NULL, NULL);
}
