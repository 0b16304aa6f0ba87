/*
 * Proves that the single statements of a store count right and burn once although nothing serialises
 * them: the caller has emptied the guard of a PostgreSQL store, so that its row locks lock nothing.
 * Before that, that nothing is asked of a session which was not set up for it.
 */
#include "config.h"

#include "mfa/engine.h"
#include "mfa/store_pg.h"
#include "tests/unit/engine_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROCESSES 8
#define ROUNDS    60
#define FAILURES  60

struct shared {
    _Atomic int arrived;
    _Atomic int burnt[ROUNDS];
    _Atomic int trouble;
};

static void wait_for_all(struct shared *shared, int round)
{
    shared->arrived++;
    while (shared->arrived < PROCESSES * (round + 1))
        usleep(20);
}

static void failed(struct shared *shared, const struct store *store, const char *what)
{
    fprintf(stderr, "%s: %s\n", what, store->error);
    shared->trouble++;
}

/* One burn of `step` by each process, all of which saw the step free. */
static void burn(struct store *store, struct shared *shared, const struct store_ask *ask, int round)
{
    static struct store_view view;
    int64_t step = 1000 + round;

    if (store->engine->look(store, STORE_STEP, fixture_deadline(), ask, &view) != STORE_OK ||
        view.n_tokens != 1) {
        failed(shared, store, "look");
        wait_for_all(shared, round);
        return;
    }
    wait_for_all(shared, round);
    struct store_burn what = {.token = view.tokens[0].id, .step = step};
    switch (store->engine->burn_commit(store, &what, 1, step, "local", false)) {
    case STORE_OK:
        shared->burnt[round]++;
        break;
    case STORE_NONE:
        break;
    default:
        failed(shared, store, "burn");
    }
}

/* One's own address, everybody's subject; now and then a success of nobody. */
static void fail(struct store *store, struct shared *shared, const struct store_ask *ask, int self)
{
    struct store_address from = {.at = {(uint8_t)self}, .len = 1};

    if (store->engine->begin(store, STORE_STEP, fixture_deadline()) != STORE_OK ||
        store->engine->failure_add(store, &ask->name, &from, 0, 1000) != STORE_OK ||
        store->engine->commit(store) != STORE_OK)
        failed(shared, store, "failure");
}

static _Noreturn void play(struct fixture *f, struct shared *shared, const struct store_ask *ask,
                           int self)
{
    struct store *store;

    if (store_engine(&f->settings.store)->open(&f->settings.store, &store, f->why, sizeof f->why) !=
        STORE_OK) {
        fprintf(stderr, "open: %s\n", f->why);
        exit(1);
    }
    for (int round = 0; round < ROUNDS; round++)
        burn(store, shared, ask, round);
    for (int i = 0; i < FAILURES; i++)
        fail(store, shared, ask, self);
    store->engine->close(store, false);
    exit(0);
}

static int check(struct fixture *f, const struct shared *shared, const char *level)
{
    int faults = shared->trouble;

    for (int round = 0; round < ROUNDS; round++) {
        if (shared->burnt[round] == 1)
            continue;
        fprintf(stderr, "%s, round %d: burnt %d times\n", level, round, shared->burnt[round]);
        faults++;
    }
    int64_t who = fixture_sql(f, "SELECT failures FROM subject");
    int64_t from = fixture_sql(f, "SELECT sum(failures) FROM address");
    if (who != PROCESSES * FAILURES || from != PROCESSES * FAILURES) {
        fprintf(stderr, "%s: %lld and %lld failures counted, not %d\n", level, (long long)who,
                (long long)from, PROCESSES * FAILURES);
        faults++;
    }
    return faults;
}

static int at_level(struct fixture *f, const char *level)
{
    const struct store_ask ask = {.user = bytes_str("alice"),
                                  .name = {.id = {1, 2, 3, 4}, .id_len = 16, .slot = 7}};
    char sql[128];
    int faults = 0;

    struct shared *shared =
        mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        return 1;
    snprintf(sql, sizeof sql, "ALTER ROLE pgsignet_admin SET default_transaction_isolation = '%s'",
             level);
    fixture_sql(f, sql);
    fixture_sql(f, "UPDATE token SET state = 1, last_step = 0");
    fixture_sql(f, "DELETE FROM subject");
    for (int self = 0; self < PROCESSES; self++) {
        if (fork() == 0)
            play(f, shared, &ask, self);
    }
    for (int status; wait(&status) > 0;)
        faults += !WIFEXITED(status) || WEXITSTATUS(status) != 0;
    faults += check(f, shared, level);
    munmap(shared, sizeof *shared);
    return faults;
}

static bool ask_session(struct store *store, const struct pgconn_statement *statement, bool *answer)
{
    const struct pgconn_call call = {.statement = statement};
    PGresult *rows = NULL;

    bool ok = pgconn_run(pg_of(store)->conn, PGCONN_ANEW, &call, 1, fixture_deadline(), &rows) ==
              PGCONN_ROWS;
    *answer = ok && pgconn_bool(rows, 0, 0, answer) && *answer;
    PQclear(rows);
    return ok;
}

/*
 * A pooler may give a transaction a session that has none of our settings, as one has after RESET ALL: to
 * a server, perhaps, whose home nobody has compared.
 */
static int in_a_session_that_was_not_greeted(struct fixture *f)
{
    static const struct pgconn_statement reset = {
        .name = "reset", .sql = "RESET ALL", .task = "reset", .types = ""};
    static const struct pgconn_statement is_set = {
        .name = "is_set",
        .sql = "SELECT current_setting('plan_cache_mode') = 'force_generic_plan' AND"
               " current_setting('search_path') = 'pg_catalog, pg_temp'",
        .task = "look in",
        .types = ""};
    static struct store_view view;
    const struct store_ask ask = {.user = bytes_str("alice"),
                                  .name = {.id = {1, 2, 3, 4}, .id_len = 16, .slot = 7}};
    struct store *store = f->mfa->store;
    bool set_up = false, reset_done;

    if (!ask_session(store, &reset, &reset_done) ||
        store->engine->look(store, STORE_STEP, fixture_deadline(), &ask, &view) != STORE_OK) {
        fprintf(stderr, "after RESET ALL: %s\n", store->error);
        return 1;
    }
    store->engine->rollback(store);
    if (ask_session(store, &is_set, &set_up) && set_up)
        return 0;
    fprintf(stderr, "a session that was not greeted was asked\n");
    return 1;
}

int main(void)
{
    static const struct settings_token usual = {NULL, ALGORITHM_SHA1, 6, 30, 1, 10};
    struct fixture f;
    struct secret secret;
    struct token_info info;

    fixture_open(&f);
    if (!fixture_is_shared(&f) ||
        mfa_create(f.mfa, bytes_str("alice"), "phone", &usual, NOON, &info, &secret) != MFA_OK)
        return 99;
    int faults = in_a_session_that_was_not_greeted(&f);
    fixture_sql(&f, "DELETE FROM guard");
    faults += at_level(&f, "read committed");
    faults += at_level(&f, "repeatable read");
    faults += at_level(&f, "serializable");
    fixture_sql(&f, "ALTER ROLE pgsignet_admin RESET default_transaction_isolation");
    printf("%d processes, 3 isolation levels, %d faults\n", PROCESSES, faults);
    secret_free(&secret);
    fixture_end(&f);
    return faults == 0 ? 0 : 1;
}
