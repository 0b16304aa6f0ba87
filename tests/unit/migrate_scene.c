#include "config.h"

#include "tests/unit/migrate_scene.h"

#include "mfa/engine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static struct scene scene;

const char *scene_person(size_t i)
{
    static char name[16];

    snprintf(name, sizeof name, "alice%zu", i);
    return name;
}

int scene_setup(void **state)
{
    struct scene *s = &scene;
    char codes[10][RECOVERY_TEXT];
    struct store_break_glass glass = {
        .name = "vault", .name_len = 5, .iterations = 1, .reason = "fire", .armed_by = "root"};

    memset(s, 0, sizeof *s);
    fixture_begin(&s->f);
    snprintf(s->socket, sizeof s->socket, "%.60s/socket", s->f.folder);
    s->f.settings.daemon.socket = s->socket;
    assert_int_equal(mfa_init(&s->f.settings, s->f.why, sizeof s->f.why), MFA_OK);
    fixture_reopen(&s->f);
    for (size_t i = 0; i < PEOPLE; i++)
        fixture_enroll(&s->f, scene_person(i), "phone", &usual, &s->secrets[i]);
    assert_int_equal(mfa_make_recovery(s->f.mfa, bytes_str("alice1"), 10, NOON, codes), MFA_OK);
    assert_int_equal(mfa_lock_user(s->f.mfa, bytes_str("alice2"), "left", NOON), MFA_OK);
    assert_int_equal(mfa_disable(s->f.mfa, bytes_str("alice3"), "phone"), MFA_OK);
    for (int i = 0; i < 5; i++)
        fixture_attempt(&s->f, "alice4", EVIL, "pw000000", NULL);
    fixture_attempt(&s->f, "stranger", EVIL, "pw000000", NULL);
    struct store *store = s->f.mfa->store;
    assert_int_equal(store->engine->begin(store, STORE_DURABLE, fixture_deadline()), STORE_OK);
    assert_int_equal(store->engine->break_glass_put(store, &glass), STORE_OK);
    assert_int_equal(store->engine->commit(store), STORE_OK);
    snprintf(s->target, sizeof s->target, "%.60s/new.db", s->f.folder);
    s->to = s->f.settings;
    s->to.store = (struct settings_store){.engine = STORE_ENGINE_SQLITE, .path = s->target};
    s->there = s->f.settings;
    *state = s;
    return 0;
}

int scene_setup_back(void **state)
{
    struct scene *s = &scene;

    scene_setup(state);
    assert_int_equal(scene_migrate(s, NULL), MFA_OK);
    scene_switch_over(s);
    s->f.settings.store = s->to.store;
    s->to.store = s->there.store;
    s->looks = COMPARED;
    return 0;
}

/* The one beside the socket: its name is made of the store's path. */
static void remove_witness(struct scene *s, char *path)
{
    struct settings settings = {.daemon.socket = s->socket, .store.path = path};
    char *witness;

    assert_true(mfa_witness_path(&settings, &witness));
    unlink(witness);
    free(witness);
}

void scene_remove_target(struct scene *s)
{
    static const char *const endings[] = {"", "-wal", "-shm", "-witness"};
    char path[160];

    for (size_t i = 0; i < 4; i++) {
        snprintf(path, sizeof path, "%s%s", s->target, endings[i]);
        unlink(path);
    }
    remove_witness(s, s->target);
}

int scene_teardown(void **state)
{
    struct scene *s = *state;

    s->f.settings = s->there;
    remove_witness(s, s->f.store);
    scene_remove_target(s);
    for (size_t i = 0; i < PEOPLE; i++)
        secret_free(&s->secrets[i]);
    fixture_end(&s->f);
    return 0;
}

struct mfa *scene_step_aside(struct scene *s)
{
    struct mfa *migrating = s->f.mfa;

    s->f.mfa = NULL;
    fixture_reopen(&s->f);
    return migrating;
}

void scene_step_back(struct scene *s, struct mfa *migrating)
{
    mfa_close(s->f.mfa);
    s->f.mfa = migrating;
}

static void watch(void *context, enum migrate_stage stage, size_t done)
{
    struct scene *s = context;

    (void)done;
    if (++s->calls == s->die_at)
        _exit(9);
    if (s->calls == s->beside_at && stage == MIGRATE_COPY)
        s->beside(s);
}

enum mfa_result scene_migrate(struct scene *s, struct migrate_report *report)
{
    struct migrate_report unused;

    s->calls = 0;
    enum mfa_result result =
        mfa_migrate(s->f.mfa, &s->to, watch, s, report != NULL ? report : &unused);
    if (result != MFA_OK)
        print_message("migrate: %s\n", mfa_error(s->f.mfa));
    return result;
}

struct sum {
    uint64_t digest;
    size_t n;
};

/* Keys and digests of a whole table of a store. */
static struct sum sum_of(struct store *store, const struct migrate_table *table)
{
    struct sum sum = {0};
    uint8_t key[MIGRATE_KEY];
    size_t n = 0;
    uint8_t *rows = calloc(STORE_BATCH, table->size);

    assert_int_equal(store->engine->begin(store, STORE_READ, fixture_deadline()), STORE_OK);
    assert_int_not_equal(table->page(store, NULL, rows, &n), STORE_FAILED);
    store->engine->rollback(store);
    assert_true(n < STORE_BATCH);
    for (size_t i = 0; i < n; i++) {
        const void *row = rows + i * table->size;
        struct bytes at = table->key(row, key);
        sum.digest = sum.digest * 31 + table->digest(row);
        for (size_t j = 0; j < at.len; j++)
            sum.digest = sum.digest * 31 + at.ptr[j];
    }
    sum.n = n;
    free(rows);
    return sum;
}

void scene_expect_equal(struct scene *s)
{
    struct mfa *copy = NULL;

    assert_int_equal(mfa_open(&s->to, &copy, s->f.why, sizeof s->f.why), REASON_GRANTED);
    for (size_t i = 0; i < MIGRATE_TABLES; i++) {
        struct sum a = sum_of(s->f.mfa->store, &migrate_tables[i]);
        struct sum b = sum_of(copy->store, &migrate_tables[i]);
        if (a.n != b.n || a.digest != b.digest)
            fail_msg("%s differ: %zu rows and %zu", migrate_tables[i].name, a.n, b.n);
    }
    struct store_break_glass glass;
    assert_int_equal(copy->store->engine->begin(copy->store, STORE_READ, fixture_deadline()),
                     STORE_OK);
    assert_int_equal(copy->store->engine->break_glass_find(copy->store, bytes_str("vault"), &glass),
                     STORE_OK);
    copy->store->engine->rollback(copy->store);
    assert_string_equal(glass.reason, "fire");
    mfa_close(copy);
}

void scene_switch_over(struct scene *s)
{
    mfa_close(s->f.mfa);
    s->f.mfa = NULL;
    assert_int_equal(mfa_open(&s->to, &s->f.mfa, s->f.why, sizeof s->f.why), REASON_GRANTED);
}

void scene_expect_no_floor(struct scene *s)
{
    struct store *store = s->f.mfa->store;
    struct store_state now;

    assert_int_equal(store->engine->begin(store, STORE_READ, fixture_deadline()), STORE_OK);
    assert_int_equal(store->engine->state(store, &now), STORE_OK);
    store->engine->rollback(store);
    assert_int_equal(now.floor_s, 0);
}

bool scene_killed_at(struct scene *s, int call)
{
    int status = 0;
    pid_t child = fork();

    if (child == 0) {
        struct mfa *own = NULL;
        s->f.mfa = NULL;
        s->die_at = call;
        if (mfa_open(&s->f.settings, &own, s->f.why, sizeof s->f.why) != REASON_GRANTED)
            _exit(1);
        s->f.mfa = own;
        _exit(scene_migrate(s, NULL) == MFA_OK ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_not_equal(WEXITSTATUS(status), 1);
    return WEXITSTATUS(status) == 9;
}

bool scene_admits(const struct settings *settings, struct scene *s, size_t who)
{
    struct fixture other = s->f;

    other.mfa = NULL;
    assert_int_equal(mfa_open(settings, &other.mfa, other.why, sizeof other.why), REASON_GRANTED);
    enum reason reason = fixture_attempt(&other, scene_person(who), HOME,
                                         typed(&usual, &s->secrets[who], NOON), NULL);
    mfa_close(other.mfa);
    return reason == REASON_GRANTED;
}
