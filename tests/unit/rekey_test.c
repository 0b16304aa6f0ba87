/* Proves that KEK and data key change while others log in, from wherever a kill left them. */
#include "config.h"

#include "mfa/engine.h"
#include "mfa/fsck.h"
#include "mfa/key_file.h"
#include "mfa/rekey.h"
#include "mfa/rekey_file.h"
#include "tests/unit/engine_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define MANY 620 /* users: three batches */

static const struct settings_token usual = {.algorithm = ALGORITHM_SHA1, .digits = 6, .period = 30};

struct scene {
    struct fixture f;
    struct secret secret;
};

static int begin(void **state)
{
    static struct scene s;

    s = (struct scene){0};
    fixture_open(&s.f);
    fixture_enroll(&s.f, "alice", "default", &usual, &s.secret);
    *state = &s;
    return 0;
}

static int end(void **state)
{
    struct scene *s = *state;

    secret_free(&s->secret);
    fixture_end(&s->f);
    return 0;
}

/* A login of alice through this handle; each takes the next step. */
static enum reason log_in(struct scene *s, struct mfa *mfa)
{
    char code[OTP_DIGITS_MAX + 1];
    struct mfa *own = s->f.mfa;

    s->f.now_ms += 30000;
    fixture_code(&usual, &s->secret, s->f.now_ms / 1000, code);
    s->f.mfa = mfa;
    enum reason reason = fixture_attempt(&s->f, "alice", "192.0.2.1", code, NULL);
    s->f.mfa = own;
    if (reason != REASON_GRANTED)
        fprintf(stderr, "%s: %s\n", reason_name(reason), mfa_error(mfa));
    return reason;
}

static void expect_clean(struct scene *s);

/* By the configured key as it is now. */
static void expect_opens(struct scene *s)
{
    fixture_reopen(&s->f);
    assert_int_equal(log_in(s, s->f.mfa), REASON_GRANTED);
}

static bool there(struct scene *s, const char *ending)
{
    char path[128];
    struct stat st;

    snprintf(path, sizeof path, "%s%s", s->f.key, ending);
    return lstat(path, &st) == 0;
}

static void kek_id(struct scene *s, char id[KEK_ID_MAX])
{
    struct kek kek;

    assert_true(kek_open(&s->f.settings.keys, &kek, s->f.why, sizeof s->f.why));
    memcpy(id, kek.id, KEK_ID_MAX);
    kek_close(&kek);
}

struct stop {
    int at; /* the stage after which to stop; -1 = never */
    int seen;
};

static bool stop_at(void *context, enum rekey_file_stage stage)
{
    struct stop *stop = context;

    stop->seen++;
    return (int)stage != stop->at;
}

static void expect_changed(struct scene *s, const char *before)
{
    char after[KEK_ID_MAX];

    kek_id(s, after);
    assert_string_not_equal(before, after);
    assert_false(there(s, ".new"));
    assert_false(there(s, ".old"));
    assert_int_equal(fixture_sql(&s->f, "SELECT count(*) FROM data_key_wrap"), 1);
    expect_opens(s);
    expect_clean(s);
}

static void a_key_file_changes_from_wherever_it_was_stopped(void **state)
{
    struct scene *s = *state;
    char before[KEK_ID_MAX];

    for (int stage = -1; stage <= REKEY_FILE_WIPED; stage++) {
        struct stop stop = {.at = stage}, never = {.at = -1};
        struct mfa *worker;
        kek_id(s, before);
        assert_int_equal(mfa_open(&s->f.settings, &worker, s->f.why, sizeof s->f.why),
                         REASON_GRANTED);
        enum mfa_result result =
            rekey_key_file(&s->f.settings, stop_at, &stop, s->f.why, sizeof s->f.why);
        assert_int_equal(result, stage < 0 ? MFA_OK : MFA_STATE);
        assert_int_equal(stop.seen, stage < 0 ? 5 : stage + 1);
        expect_opens(s);
        assert_int_equal(log_in(s, worker), REASON_GRANTED); /* opened before */
        if (stage >= 0 && stage < REKEY_FILE_WIPED)
            assert_int_equal(
                rekey_key_file(&s->f.settings, stop_at, &never, s->f.why, sizeof s->f.why), MFA_OK);
        assert_int_equal(log_in(s, worker), REASON_GRANTED);
        mfa_close(worker);
        expect_changed(s, before);
    }
}

static void a_kill_between_link_and_rename_is_ended_too(void **state)
{
    struct scene *s = *state;
    struct stop stop = {.at = REKEY_FILE_ADDED}, never = {.at = -1};
    char before[KEK_ID_MAX], old[128];

    kek_id(s, before);
    assert_int_equal(rekey_key_file(&s->f.settings, stop_at, &stop, s->f.why, sizeof s->f.why),
                     MFA_STATE);
    snprintf(old, sizeof old, "%s.old", s->f.key);
    assert_int_equal(link(s->f.key, old), 0);
    expect_opens(s);
    assert_int_equal(rekey_key_file(&s->f.settings, stop_at, &never, s->f.why, sizeof s->f.why),
                     MFA_OK);
    expect_changed(s, before);
}

static void what_a_killed_run_left_is_swept_and_nothing_else(void **state)
{
    static const char *const names[] = {".new.new-aB3xYz", ".new.new-longer0", ".news.new-aB3xYz"};
    struct scene *s = *state;
    char path[160];

    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s%s", s->f.key, names[i]);
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        fclose(file);
    }
    assert_int_equal(rekey_key_file(&s->f.settings, NULL, NULL, s->f.why, sizeof s->f.why), MFA_OK);
    assert_false(there(s, names[0]));
    for (size_t i = 1; i < 3; i++) {
        assert_true(there(s, names[i]));
        snprintf(path, sizeof path, "%s%s", s->f.key, names[i]);
        unlink(path);
    }
}

static void a_stranger_at_path_old_is_left_alone(void **state)
{
    struct scene *s = *state;
    struct stop stop = {.at = REKEY_FILE_ADDED};
    char old[128];

    assert_int_equal(rekey_key_file(&s->f.settings, stop_at, &stop, s->f.why, sizeof s->f.why),
                     MFA_STATE);
    snprintf(old, sizeof old, "%s.old", s->f.key);
    assert_true(key_file_create(old, NULL, s->f.why, sizeof s->f.why));
    assert_int_equal(rekey_key_file(&s->f.settings, NULL, NULL, s->f.why, sizeof s->f.why),
                     MFA_KEY);
    assert_true(there(s, ".old"));
    expect_opens(s);
    unlink(old);
    assert_int_equal(rekey_key_file(&s->f.settings, NULL, NULL, s->f.why, sizeof s->f.why), MFA_OK);
}

static void wraps_of_another_key_are_added_and_retired(void **state)
{
    struct scene *s = *state;
    struct settings_keys to = s->f.settings.keys;
    char path[128], id[KEK_ID_MAX];
    size_t removed;
    bool others;
    struct rekey_count count;

    snprintf(path, sizeof path, "%s/kek2", s->f.folder);
    to.path = path;
    assert_int_equal(rekey_add_wraps(s->f.mfa, &to, id), MFA_KEY);
    assert_non_null(strstr(mfa_error(s->f.mfa), "No such file"));
    assert_true(key_file_create(path, NULL, s->f.why, sizeof s->f.why));
    assert_int_equal(rekey_add_wraps(s->f.mfa, &to, id), MFA_OK);
    assert_int_equal(rekey_add_wraps(s->f.mfa, &to, id), MFA_EXISTS);
    assert_int_equal(rekey_has_others(s->f.mfa, &others, id), MFA_OK);
    assert_true(others);
    /* one change at a time */
    assert_int_equal(rekey_data_key(s->f.mfa, NULL, NULL, &count), MFA_STATE);
    assert_non_null(strstr(mfa_error(s->f.mfa), "a change of the KEK has not ended"));
    assert_int_equal(rekey_key_file(&s->f.settings, NULL, NULL, s->f.why, sizeof s->f.why),
                     MFA_STATE);
    assert_false(there(s, ".new"));
    /* both open; then the configuration names the other */
    expect_opens(s);
    s->f.settings.keys.path = path;
    expect_opens(s);
    assert_int_equal(rekey_retire_wraps(s->f.mfa, &removed), MFA_OK);
    assert_int_equal(removed, 1);
    assert_int_equal(rekey_retire_wraps(s->f.mfa, &removed), MFA_OK);
    assert_int_equal(removed, 0);
    s->f.settings.keys.path = s->f.key;
    struct mfa *refused;
    assert_int_equal(mfa_open(&s->f.settings, &refused, s->f.why, sizeof s->f.why),
                     REASON_KEY_UNAVAILABLE);
    s->f.settings.keys.path = path;
    expect_opens(s);
    s->f.settings.keys.path = s->f.key;
    unlink(path);
}

static void nothing_is_retired_that_the_configured_key_does_not_replace(void **state)
{
    struct scene *s = *state;
    struct settings_keys to = s->f.settings.keys;
    char path[128], id[KEK_ID_MAX], sql[160];
    size_t removed;

    snprintf(path, sizeof path, "%s/kek2", s->f.folder);
    to.path = path;
    assert_true(key_file_create(path, NULL, s->f.why, sizeof s->f.why));
    assert_int_equal(rekey_add_wraps(s->f.mfa, &to, id), MFA_OK);
    snprintf(sql, sizeof sql, "DELETE FROM data_key_wrap WHERE kek_id <> '%s'", id);
    assert_int_equal(fixture_sql(&s->f, sql), 1);
    assert_int_equal(rekey_retire_wraps(s->f.mfa, &removed), MFA_KEY);
    assert_int_equal(fixture_sql(&s->f, "SELECT count(*) FROM data_key_wrap"), 1);
    unlink(path);
}

static void enroll_many(struct scene *s)
{
    static struct token_request requests[MANY];
    static struct token_outcome outcomes[MANY];
    static char names[MANY][16];

    for (size_t i = 0; i < MANY; i++) {
        snprintf(names[i], sizeof names[i], "user%zu", i);
        requests[i] = (struct token_request){
            .user = bytes_str(names[i]),
            .name = "default",
            .algorithm = ALGORITHM_SHA1,
            .digits = 6,
            .period = 30,
            .active = true,
            .last_step = -1,
        };
    }
    assert_int_equal(mfa_create_many(s->f.mfa, requests, MANY, true, s->f.now_ms / 1000, outcomes),
                     MFA_OK);
    for (size_t i = 0; i < MANY; i++)
        secret_free(&outcomes[i].secret);
}

struct dek_stop {
    struct scene *s;
    struct mfa *worker; /* that logs in at every step */
    int left;           /* steps until the stop; -1 = never */
    int steps;
};

static bool dek_step(void *context, enum rekey_stage stage, int64_t done, int64_t total)
{
    struct dek_stop *stop = context;

    (void)done;
    (void)total;
    (void)stage;
    stop->steps++;
    if (stop->worker != NULL)
        assert_int_equal(log_in(stop->s, stop->worker), REASON_GRANTED);
    return stop->left < 0 || stop->left-- > 0;
}

static void the_data_key_changes_from_wherever_it_was_stopped(void **state)
{
    struct scene *s = *state;
    struct rekey_count count;
    struct dek_stop never = {.s = s, .left = -1};

    enroll_many(s);
    assert_int_equal(rekey_data_key(s->f.mfa, dek_step, &never, &count), MFA_OK);
    assert_int_equal(count.data_key, 2);
    assert_int_equal(count.users, MANY + 1);
    assert_int_equal(count.tokens, MANY + 1);
    assert_int_equal(count.retired, 1);
    assert_in_range(never.steps, 6, 12);
    for (int left = 0; left < never.steps; left++) {
        struct dek_stop stop = {.s = s, .left = left};
        assert_int_equal(mfa_open(&s->f.settings, &stop.worker, s->f.why, sizeof s->f.why),
                         REASON_GRANTED);
        int64_t key = fixture_sql(&s->f, "SELECT max(id) FROM data_key");
        assert_int_equal(rekey_data_key(s->f.mfa, dek_step, &stop, &count), MFA_STATE);
        expect_opens(s);
        expect_clean(s);
        stop.left = -1;
        assert_int_equal(rekey_data_key(s->f.mfa, dek_step, &stop, &count), MFA_OK);
        mfa_close(stop.worker);
        /* one change, not two, unless nothing was left to do */
        assert_int_equal(count.data_key, key + 1 + (left == never.steps - 1));
        assert_int_equal(fixture_sql(&s->f, "SELECT count(*) FROM data_key"), 1);
        assert_int_equal(fixture_sql(&s->f, "SELECT count(DISTINCT data_key) FROM user_key"), 1);
        expect_opens(s);
    }
    expect_clean(s);
}

struct late {
    struct scene *s;
    struct mfa *behind; /* a program that still seals with the old data key */
    int64_t times;
};

static bool enroll_late(void *context, enum rekey_stage stage, int64_t done, int64_t total)
{
    struct late *late = context;
    char name[32];
    struct token_info info;
    struct secret secret;

    (void)done;
    (void)total;
    if (stage == REKEY_USERS && late->times > 0) {
        late->times--;
        snprintf(name, sizeof name, "late%lld", (long long)late->times);
        assert_int_equal(mfa_create(late->behind, bytes_str(name), "default", &usual,
                                    late->s->f.now_ms / 1000, &info, &secret),
                         MFA_OK);
        secret_free(&secret);
    }
    return true;
}

static void a_data_key_that_rows_need_is_not_retired(void **state)
{
    struct scene *s = *state;
    struct late late = {.s = s, .times = 3};
    struct rekey_count count;

    assert_int_equal(mfa_open(&s->f.settings, &late.behind, s->f.why, sizeof s->f.why),
                     REASON_GRANTED);
    /* twice somebody enrols under the old key, and the next pass takes it along */
    late.times = 2;
    assert_int_equal(rekey_data_key(s->f.mfa, enroll_late, &late, &count), MFA_OK);
    assert_int_equal(count.retired, 1);
    mfa_close(late.behind);
    assert_int_equal(mfa_open(&s->f.settings, &late.behind, s->f.why, sizeof s->f.why),
                     REASON_GRANTED);
    late.times = 100; /* without end: refused */
    assert_int_equal(rekey_data_key(s->f.mfa, enroll_late, &late, &count), MFA_STATE);
    assert_non_null(strstr(mfa_error(s->f.mfa), "still need it"));
    assert_int_equal(fixture_sql(&s->f, "SELECT count(*) FROM data_key"), 2);
    mfa_close(late.behind);
    expect_opens(s);
    expect_clean(s);
    assert_int_equal(rekey_data_key(s->f.mfa, NULL, NULL, &count), MFA_OK);
    assert_int_equal(fixture_sql(&s->f, "SELECT count(*) FROM data_key"), 1);
    expect_clean(s);
}

/* --- two programs that change the same user --- */

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

    enum mfa_result result = mfa_create(mfa, bytes_str("carol"), "other", &usual,
                                        s->f.now_ms / 1000, &info, &secret);
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
    struct store_token token = {.name = "second", .state = TOKEN_ACTIVE, .digits = 6,
        .period = 30, .created_s = 5, .confirmed_s = 5, .version = 1, .last_step = -1};
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

/* --- fsck --- */

static char kinds[512];

static bool note_kind(void *context, const struct fsck_fault *fault)
{
    (void)context;
    snprintf(kinds + strlen(kinds), sizeof kinds - strlen(kinds), "%s ", fault->kind);
    assert_non_null(fault->what);
    return true;
}

static int64_t check(struct scene *s, struct fsck_count *count)
{
    kinds[0] = '\0';
    assert_int_equal(mfa_fsck(s->f.mfa, s->f.now_ms / 1000, note_kind, NULL, NULL, count), MFA_OK);
    return count->faults;
}

static void expect_clean(struct scene *s)
{
    struct fsck_count count;

    if (check(s, &count) != 0)
        fail_msg("fsck finds: %s", kinds);
}

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
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(a_key_file_changes_from_wherever_it_was_stopped),
        TEST(a_kill_between_link_and_rename_is_ended_too),
        TEST(what_a_killed_run_left_is_swept_and_nothing_else),
        TEST(a_stranger_at_path_old_is_left_alone),
        TEST(wraps_of_another_key_are_added_and_retired),
        TEST(nothing_is_retired_that_the_configured_key_does_not_replace),
        TEST(the_data_key_changes_from_wherever_it_was_stopped),
        TEST(a_data_key_that_rows_need_is_not_retired),
        TEST(a_token_made_beside_a_rekey_is_sealed_anew_too),
        TEST(a_token_made_beside_a_rename_goes_along),
        TEST(a_token_made_beside_a_purge_goes_too),
        TEST(two_programs_enrol_one_new_user),
        TEST(fsck_finds_each_fault),
        TEST(fsck_tells_of_a_floor_in_the_future),
    };

    return cmocka_run_group_tests_name("rekey", tests, NULL, NULL);
}
