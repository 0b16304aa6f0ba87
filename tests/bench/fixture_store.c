#include "config.h"

#include "tests/bench/fixture.h"

#include "common/clock.h"
#include "common/settings.h"
#include "mfa/engine.h"
#include "mfa/store_sqlite.h"
#include "mfa/subject.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * Rows as mfa_create and mfa_confirm write them, but with secrets that the benchmark knows, and all in
 * one transaction: 100,000 users one by one would take as many waits for the disk.
 */

#define TOKEN_NAME  "bench"
#define PATIENCE_MS 60000

static struct bytes name_of(const struct pool_user *user)
{
    return bytes_of(user->name, strlen(user->name));
}

bool fixture_store_rows(struct mfa *mfa, const struct pool_user *from, int64_t now_s,
                        struct store_user *user, struct store_token *token, struct store_ask *ask)
{
    bool from_anybody;

    *user = (struct store_user){.id = mfa_random_id(), .name_len = strlen(from->name)};
    *token = (struct store_token){
        .id = mfa_random_id(),
        .user = user->id,
        .name = TOKEN_NAME,
        .state = TOKEN_ACTIVE,
        .algorithm = ALGORITHM_SHA1,
        .digits = POOL_DIGITS,
        .period = POOL_PERIOD,
        .created_s = now_s,
        .confirmed_s = now_s,
        .synced_s = now_s,
        .last_step = -1,
        .version = 1,
    };
    memcpy(user->name, from->name, user->name_len);
    return user->id != 0 && token->id != 0 && keyring_make_user_key(&mfa->ring, user) &&
           keyring_seal(&mfa->ring, user, token, bytes_of(from->secret, POOL_SECRET)) &&
           subject_ask(mfa, name_of(from), bytes_str("127.0.0.1"), ask, &from_anybody);
}

static bool add_user(struct mfa *mfa, const struct pool_user *from, int64_t now_s)
{
    const struct store_engine *engine = mfa->store->engine;
    struct store_user user;
    struct store_token token;
    struct store_ask ask;

    return fixture_store_rows(mfa, from, now_s, &user, &token, &ask) &&
           engine->user_add(mfa->store, &user) == STORE_OK &&
           engine->token_add(mfa->store, &token) == STORE_OK &&
           engine->success_note(mfa->store, &ask.name, &ask.name_from, true, now_s * 1000) ==
               STORE_OK;
}

bool fixture_store_make(const struct pool *pool, const char *where)
{
    struct settings *settings = settings_load(where, SETTINGS_FOR_LOGINS, stderr);
    struct mfa *mfa = NULL;
    int64_t now_s = clock_wall_ms() / 1000;
    char why[STORE_ERROR] = "";

    if (settings != NULL)
        settings->store.as_admin = true; /* users are made as pgsignet-mfa makes them */
    bool done = settings != NULL && mfa_open(settings, &mfa, why, sizeof why) == REASON_GRANTED;

    if (done) {
        const struct store_engine *engine = mfa->store->engine;

        /* Rows come in no order of any index: what is written must stay in memory meanwhile. */
        if (settings->store.engine == STORE_ENGINE_SQLITE)
            sqlite3_exec(sq_of(mfa->store)->db,
                         "PRAGMA cache_size=-4000000; PRAGMA foreign_keys=OFF", NULL, NULL, NULL);
        done = engine->begin(mfa->store, STORE_DURABLE, clock_mono_ms() + PATIENCE_MS) == STORE_OK;
        for (size_t i = 0; i < pool->n && done; i++) {
            done = add_user(mfa, &pool->at[i], now_s);
        }
        done = done && engine->commit(mfa->store) == STORE_OK;
        snprintf(why, sizeof why, "%s", mfa->store->error);
    }
    if (!done) {
        fprintf(stderr, "seed: %s\n", why);
    }
    mfa_close(mfa);
    settings_free(settings);
    return done;
}

/* The store is for its owner alone; as anybody else it is not opened, not even as root. */
static bool become_owner(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && (st.st_uid == geteuid() || seteuid(st.st_uid) == 0);
}

static bool forget_step(struct store *store, const struct pool_user *from)
{
    struct store_user user;
    struct store_token tokens[MFA_TOKENS_PER_USER];
    size_t n = 0;

    return store->engine->user_find(store, name_of(from), &user) == STORE_OK &&
           store->engine->token_list(store, user.id, tokens, &n) == STORE_OK && n == 1 &&
           store->engine->token_restore(store, tokens[0].id, tokens[0].last_step, -1) == STORE_OK;
}

/* With its witness, which would otherwise call the store a restored one at the daemon's next start. */
static struct store *open_store(const char *where)
{
    struct settings *settings = settings_load(where, SETTINGS_FOR_LOGINS, stderr);
    struct store *store = NULL;
    char why[STORE_ERROR] = "";
    char *witness = NULL;

    if (settings == NULL || !become_owner(settings->store.path) ||
        !mfa_witness_path(settings, &witness)) {
        fprintf(stderr, "bench: cannot open the store of %s\n", where);
    } else {
        struct settings_store with = settings->store;

        with.witness = witness;
        if (store_engine(&with)->open(&with, &store, why, sizeof why) != STORE_OK) {
            fprintf(stderr, "bench: cannot open the store of %s: %s\n", where, why);
        }
    }
    free(witness);
    settings_free(settings);
    return store;
}

bool fixture_store_renew(const struct pool *pool, const char *where)
{
    /* Opened once by the process that renews, and closed by its end. */
    static struct store *store;

    if (store == NULL) {
        store = open_store(where);
    }
    bool done = store != NULL &&
                store->engine->begin(store, STORE_STEP, clock_mono_ms() + PATIENCE_MS) == STORE_OK;

    for (size_t i = 0; i < pool->n && done; i++) {
        done = pool->at[i].next_step == 0 || forget_step(store, &pool->at[i]);
    }
    done = done && store->engine->commit(store) == STORE_OK;
    if (!done && store != NULL) {
        fprintf(stderr, "bench: %s\n", store->error);
        store->engine->rollback(store);
    }
    return done;
}
