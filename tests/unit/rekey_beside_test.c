/* Proves that a token made while another program changes its user is sealed, renamed or removed with the rest. */
#include "config.h"

#include "mfa/engine.h"
#include "mfa/rekey.h"
#include "tests/unit/rekey_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

typedef enum mfa_result other_work(struct scene *s, struct mfa *mfa);

static enum mfa_result other_rekey(struct scene *s, struct mfa *mfa)
{
    struct rekey_count count;

    (void)s;
    return rekey_data_key(mfa, NULL, NULL, &count);
}

static enum mfa_result other_purge(struct scene *s, struct mfa *mfa)
{
    (void)s;
    return mfa_purge(mfa, bytes_str("alice"));
}

static enum mfa_result other_rename(struct scene *s, struct mfa *mfa)
{
    return mfa_rename_user(mfa, bytes_str("alice"), bytes_str("alicia"), s->f.now_ms / 1000);
}

static enum mfa_result other_create(struct scene *s, struct mfa *mfa)
{
    struct token_info info;
    struct secret secret;

    enum mfa_result result =
        mfa_create(mfa, bytes_str("carol"), "other", &usual, s->f.now_ms / 1000, &info, &secret);
    secret_free(&secret);
    return result;
}

/*
 * Another program, on a connection of its own, which begins its work when something can be read from
 * `ends`.  Nothing is open here when it starts: SQLite's locks do not go through a fork.
 */
static pid_t start_other(struct scene *s, other_work *work, int ends[2])
{
    struct mfa *mfa = NULL;
    enum mfa_result result = MFA_STORE;
    char byte;

    assert_int_equal(pipe(ends), 0);
    mfa_close(s->f.mfa);
    s->f.mfa = NULL;
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child > 0)
        return child;
    close(ends[1]);
    if (mfa_open(&s->f.settings, &mfa, s->f.why, sizeof s->f.why) == REASON_GRANTED &&
        read(ends[0], &byte, 1) == 1)
        result = work(s, mfa);
    if (result != MFA_OK)
        fprintf(stderr, "the other: %s%s\n", s->f.why, mfa != NULL ? mfa_error(mfa) : "");
    mfa_close(mfa);
    _exit((int)result);
}

static int ending(int status)
{
    return WIFEXITED(status) ? WEXITSTATUS(status) : 99;
}

/* Until it waits for us.  SQLite does not show that; it can do nothing else. */
static void await_its_waiting(struct scene *s, pid_t child)
{
    int status;

    while (fixture_is_shared(&s->f) &&
           fixture_sql(&s->f, "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type"
                              " = 'Lock'") == 0)
        if (waitpid(child, &status, WNOHANG) != 0)
            fail_msg("it did not wait, and ended with %d", ending(status));
}

/* What a token's creation does, with the other program's work begun between its two halves. */
static void create_beside(struct scene *s, const char *name, other_work *work)
{
    struct store_user user;
    struct store_token token = {.name = "second",
                                .state = TOKEN_ACTIVE,
                                .digits = 6,
                                .period = 30,
                                .created_s = 5,
                                .confirmed_s = 5,
                                .version = 1,
                                .last_step = -1};
    int ends[2], status;

    pid_t child = start_other(s, work, ends);
    fixture_reopen(&s->f);
    struct store *store = s->f.mfa->store;
    const struct store_engine *engine = store->engine;
    assert_int_equal(engine->begin(store, STORE_DURABLE, fixture_deadline()), STORE_OK);
    bool is_new = engine->user_find(store, bytes_str(name), &user) == STORE_NONE;
    assert_int_equal(write(ends[1], "", 1), 1);
    await_its_waiting(s, child);
    if (is_new) {
        user = (struct store_user){.id = mfa_random_id(), .name_len = strlen(name)};
        memcpy(user.name, name, user.name_len);
        assert_true(keyring_make_user_key(&s->f.mfa->ring, &user));
        assert_int_equal(engine->user_add(store, &user), STORE_OK);
    }
    token.id = mfa_random_id();
    token.user = user.id;
    assert_true(keyring_seal(&s->f.mfa->ring, &user, &token, bytes_str("0123456789abcdefghij")));
    assert_int_equal(engine->token_add(store, &token), STORE_OK);
    assert_int_equal(engine->commit(store), STORE_OK);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(ending(status), MFA_OK);
    close(ends[0]);
    close(ends[1]);
    fixture_reopen(&s->f);
    expect_clean(s);
}

static void a_token_made_beside_a_rekey_is_sealed_anew_too(void **state)
{
    struct scene *s = *state;

    create_beside(s, "alice", other_rekey);
    assert_int_equal(fixture_sql(&s->f, "SELECT count(*) FROM token"), 2);
    assert_int_equal(fixture_sql(&s->f, "SELECT count(DISTINCT data_key) FROM user_key"), 1);
}

static void a_token_made_beside_a_rename_goes_along(void **state)
{
    struct scene *s = *state;
    struct store_user user;

    create_beside(s, "alice", other_rename);
    struct store *store = s->f.mfa->store;
    assert_int_equal(store->engine->begin(store, STORE_READ, fixture_deadline()), STORE_OK);
    assert_int_equal(store->engine->user_find(store, bytes_str("alicia"), &user), STORE_OK);
    store->engine->rollback(store);
    assert_int_equal(fixture_sql(&s->f, "SELECT count(*) FROM token"), 2);
}

static void a_token_made_beside_a_purge_goes_too(void **state)
{
    struct scene *s = *state;

    create_beside(s, "alice", other_purge);
    assert_int_equal(fixture_sql(&s->f, "SELECT count(*) FROM token"), 0);
}

static void two_programs_enrol_one_new_user(void **state)
{
    struct scene *s = *state;

    create_beside(s, "carol", other_create);
    assert_int_equal(fixture_sql(&s->f, "SELECT count(*) FROM token"), 3);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, scene_begin, scene_end)
    const struct CMUnitTest tests[] = {
        TEST(a_token_made_beside_a_rekey_is_sealed_anew_too),
        TEST(a_token_made_beside_a_rename_goes_along),
        TEST(a_token_made_beside_a_purge_goes_too),
        TEST(two_programs_enrol_one_new_user),
    };

    return cmocka_run_group_tests_name("rekey_beside", tests, NULL, NULL);
}
