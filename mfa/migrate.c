#include "config.h"

#include "mfa/migrate.h"

#include "common/clock.h"
#include "mfa/engine.h"
#include "mfa/migrate_pass.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define CLAIM_PATIENCE_MS 3000
#define COPY_TRIES        3

static enum mfa_result read_state(struct migration *m, struct store *store,
                                  struct store_state *state)
{
    if (store->engine->begin(store, STORE_READ, migrate_soon()) != STORE_OK ||
        store->engine->state(store, state) != STORE_OK)
        return migrate_trouble(m, store);
    store->engine->rollback(store);
    return MFA_OK;
}

/*
 * Sets the mark of a store that has the mark `from`, or has been given the new one already; raises the floor.
 * Whatever the claims are worth: a store with any other mark is another migration's by now.
 */
static enum mfa_result mark(struct migration *m, struct store *store, int64_t from, int64_t moved,
                            int64_t floor_s)
{
    const struct store_engine *engine = store->engine;
    struct store_state state;

    if (engine->begin(store, STORE_DURABLE, migrate_soon()) != STORE_OK ||
        engine->state(store, &state) != STORE_OK)
        return migrate_trouble(m, store);
    if (state.moved != from && state.moved != moved) {
        engine->rollback(store);
        mfa_note(m->mfa,
                 "another migration of this store was faster; run migrate again to see what "
                 "is left to do");
        return MFA_STATE;
    }
    state.moved = moved;
    state.floor_s = floor_s > state.floor_s ? floor_s : state.floor_s;
    if (engine->state_set(store, &state) != STORE_OK || engine->commit(store) != STORE_OK)
        return migrate_trouble(m, store);
    return MFA_OK;
}

/* --- the two stores --- */

/*
 * One migration at a time: of two that fill one target each takes the other's rows for its own, and the one
 * that fails would open the source again behind the one that does not.  Whoever was killed keeps the claim
 * for a moment.
 */
static enum mfa_result claim(struct migration *m, struct store *store)
{
    const struct timespec pause = {.tv_nsec = 20000000};
    int64_t until_ms = clock_mono_ms() + CLAIM_PATIENCE_MS;
    enum store_status status;

    while ((status = store->engine->claim(store, migrate_soon())) == STORE_NONE &&
           clock_mono_ms() < until_ms)
        nanosleep(&pause, NULL);
    if (status == STORE_FAILED)
        return migrate_trouble(m, store);
    if (status == STORE_OK)
        return MFA_OK;
    mfa_note(m->mfa, "another `pgsignet-mfa migrate` is at work on this store; let it end");
    return MFA_STATE;
}

static enum mfa_result read_identity(struct migration *m, struct store *store,
                                     struct store_identity *identity)
{
    if (store->engine->begin(store, STORE_READ, migrate_soon()) != STORE_OK ||
        store->engine->identity(store, identity) != STORE_OK)
        return migrate_trouble(m, store);
    store->engine->rollback(store);
    return MFA_OK;
}

/* The same data keys, wrapped by the same KEKs? */
static bool same_keys(const struct store_identity *a, const struct store_identity *b)
{
    bool same = a->n_keys == b->n_keys && a->hash_data_key == b->hash_data_key &&
                a->audit.len == b->audit.len && memcmp(a->audit.at, b->audit.at, a->audit.len) == 0;

    for (size_t i = 0; same && i < a->n_keys; i++)
        same = a->keys[i].id == b->keys[i].id && strcmp(a->keys[i].kek_id, b->keys[i].kek_id) == 0;
    return same;
}

/* Would a daemon with the new configuration open these keys? */
static enum mfa_result check_keys(struct migration *m, const struct settings *settings)
{
    struct keyring ring = {0};
    struct kek kek = {0};
    char why[STORE_ERROR] = "";

    bool ok = kek_open(&settings->keys, &kek, why, sizeof why) &&
              keyring_open(&ring, &kek, &m->identity, why, sizeof why);
    kek_close(&kek);
    keyring_close(&ring);
    if (ok)
        return MFA_OK;
    mfa_note(m->mfa, "with the new configuration's keys: %s", why);
    return MFA_KEY;
}

/* The target, which has that mark, becomes this migration's. */
static enum mfa_result new_id(struct migration *m, int64_t moved)
{
    m->id = mfa_random_id();
    if (m->id != 0)
        return mark(m, m->to, moved, -m->id, 0);
    mfa_note(m->mfa, "cannot migrate: no random bytes");
    return MFA_STORE;
}

static enum mfa_result make_target(struct migration *m, const struct settings *settings)
{
    const struct store_engine *engine = store_engine(&settings->store);
    char why[STORE_ERROR] = "";

    if (engine->create(&settings->store, &m->identity, why, sizeof why) != STORE_OK ||
        engine->open(&settings->store, &m->to, why, sizeof why) != STORE_OK) {
        mfa_note(m->mfa, "%s", why);
        return MFA_STORE;
    }
    enum mfa_result result = claim(m, m->to);
    return result == MFA_OK ? new_id(m, 0) : result;
}

static enum mfa_result moved_elsewhere(struct migration *m)
{
    mfa_note(m->mfa, "this store was migrated elsewhere before and admits nobody; the "
                     "configuration must name the store it was migrated to");
    return MFA_STATE;
}

/*
 * May the store that is there be the target?  An unfinished copy of the source may, and one that was
 * closed when it was migrated to the source, which now goes back.
 */
static enum mfa_result judge_target(struct migration *m, const struct store_identity *identity,
                                    const struct store_state *target,
                                    const struct store_state *source)
{
    bool ours = memcmp(identity->id, m->identity.id, STORE_ID) == 0;

    if (ours && target->moved > 0)
        return source->moved == 0 ? MFA_OK : moved_elsewhere(m);
    if (ours && target->moved < 0)
        return MFA_OK;
    if (ours && source->moved != 0) {
        mfa_note(m->mfa, "nothing is left to do: this store is closed and its copy is in use; let the "
                         "configuration name the copy");
        return MFA_EXISTS;
    }
    /* Killed after it was made and before it was marked: it holds the keys and nothing else. */
    for (size_t i = 0; ours && i < MIGRATE_TABLES; i++)
        ours = m->memory[i].len == 0;
    if (ours)
        return MFA_OK;
    mfa_note(m->mfa, "there is a store already where the new configuration points, and it is not "
                     "the unfinished copy of this one; name another place, or remove it if nobody "
                     "uses it");
    return MFA_EXISTS;
}

static enum mfa_result open_target(struct migration *m, const struct settings *settings)
{
    const struct store_engine *engine = store_engine(&settings->store);
    struct store_identity identity;
    struct store_state target, source;
    char why[STORE_ERROR] = "";

    if (engine->open(&settings->store, &m->to, why, sizeof why) != STORE_OK) {
        mfa_note(m->mfa, "%s", why);
        return MFA_STORE;
    }
    enum mfa_result result = claim(m, m->to);
    if (result == MFA_OK)
        result = read_identity(m, m->to, &identity);
    if (result == MFA_OK)
        result = read_state(m, m->to, &target);
    if (result == MFA_OK)
        result = read_state(m, m->from, &source);
    if (result == MFA_OK && !migrate_remember_target(m))
        result = MFA_STORE;
    if (result == MFA_OK)
        result = judge_target(m, &identity, &target, &source);
    if (result != MFA_OK)
        return result;
    /* Its wraps are those of the day on which it was made: nobody might open it any more. */
    if (!same_keys(&identity, &m->identity)) {
        mfa_note(m->mfa, "the store that is there has other keys than this one, which was rekeyed "
                         "since; remove it and migrate anew");
        return MFA_STATE;
    }
    m->report->resumed = true;
    if (target.moved >= 0)
        return new_id(m, target.moved);
    m->id = -target.moved;
    return MFA_OK;
}

/* The keys of both stores must be the same to the end: sealed rows are copied as they are. */
static enum mfa_result check_identity(struct migration *m)
{
    struct store_identity now;

    enum mfa_result result = read_identity(m, m->from, &now);
    if (result != MFA_OK)
        return result;
    if (same_keys(&now, &m->identity))
        return MFA_OK;
    mfa_note(m->mfa, "the store's keys were changed (rekey) since the migration began; remove the "
                     "unfinished store and migrate anew");
    return MFA_STATE;
}

/* A copy that failed because new rows need new keys says so, in the operator's words. */
static enum mfa_result explain(struct migration *m, enum mfa_result result)
{
    char why[sizeof m->mfa->error];

    snprintf(why, sizeof why, "%s", m->mfa->error);
    if (check_identity(m) == MFA_STATE)
        return MFA_STATE;
    mfa_note(m->mfa, "%s", why);
    return result;
}

static enum mfa_result open_both(struct migration *m, const struct settings *to)
{
    struct store_state state;

    /* First of all: what is read before may be another one's work. */
    enum mfa_result result = claim(m, m->from);
    if (result == MFA_OK)
        result = read_identity(m, m->from, &m->identity);
    if (result == MFA_OK)
        result = read_state(m, m->from, &state);
    if (result == MFA_OK && state.moved < 0) {
        mfa_note(m->mfa, "this store is itself the unfinished copy of another one: run migrate with the "
                         "configuration that names that one");
        return MFA_STATE;
    }
    if (result == MFA_OK)
        result = check_keys(m, to);
    if (result == MFA_OK)
        result = store_engine(&to->store)->exists(&to->store) ? open_target(m, to)
                                                               : make_target(m, to);
    if (result == MFA_OK)
        result = read_state(m, m->from, &state);
    if (result == MFA_OK && state.moved != 0 && state.moved != m->id)
        result = moved_elsewhere(m);
    return result;
}

/*
 * Somebody may be renamed or enrolled anew between two looks at the source, so that two rows want one name.
 * Then the target is looked at, and made equal, once more.
 */
static enum mfa_result copy(struct migration *m)
{
    enum mfa_result result = migrate_pass(m, MIGRATE_COPY);
    char why[sizeof m->mfa->error];

    for (int tries = 1; result == MFA_STORE && tries < COPY_TRIES; tries++) {
        if ((result = explain(m, result)) != MFA_STORE)
            return result;
        snprintf(why, sizeof why, "%s", m->mfa->error);
        if (!migrate_remember_target(m)) {
            mfa_note(m->mfa, "%s", why); /* that is where it began */
            return result;
        }
        result = migrate_pass(m, MIGRATE_COPY);
    }
    return result == MFA_STORE ? explain(m, result) : result;
}

/* With the source closed: what has changed since. */
static enum mfa_result catch_up(struct migration *m)
{
    if (m->from->engine->drain(m->from, migrate_soon()) != STORE_OK)
        return migrate_trouble(m, m->from);
    enum mfa_result result = check_identity(m);
    return result == MFA_OK ? migrate_pass(m, MIGRATE_AGAIN) : result;
}

/* Its rows are as new as those that it was copied from: it is not a backup that came back. */
static enum mfa_result adopt_target(struct migration *m)
{
    char *witness = NULL;

    if (m->to->engine->adopt == NULL)
        return MFA_OK;
    if (!mfa_witness_path(m->settings, &witness))
        return migrate_short_of_memory(m);
    enum store_status status = m->to->engine->adopt(m->to, witness);
    free(witness);
    return status == STORE_OK ? MFA_OK : migrate_trouble(m, m->to);
}

static enum mfa_result open_target_for_logins(struct migration *m)
{
    struct store_state source;

    enum mfa_result result = adopt_target(m);
    if (result == MFA_OK)
        result = read_state(m, m->from, &source);
    return result == MFA_OK ? mark(m, m->to, -m->id, 0, source.floor_s) : result;
}

/* The target is still closed: the source goes on as if nothing had been. */
static void open_source_again(struct migration *m)
{
    char why[sizeof m->mfa->error];

    snprintf(why, sizeof why, "%s", m->mfa->error);
    if (mark(m, m->from, m->id, 0, 0) == MFA_OK)
        mfa_note(m->mfa, "%s", why);
    else
        mfa_note(m->mfa, "%.400s; and this store is closed meanwhile: run migrate again", why);
}

static enum mfa_result close_and_finish(struct migration *m)
{
    int64_t closed_ms = clock_mono_ms();

    enum mfa_result result = mark(m, m->from, 0, m->id, 0);
    if (result == MFA_STATE)
        return result;
    if (result == MFA_OK)
        result = catch_up(m);
    /* A mark that failed may have been set all the same: its answer was lost. */
    if (result != MFA_OK) {
        open_source_again(m);
        return result;
    }
    /* If this fails it may have been done all the same: the source stays closed, whatever it says. */
    result = open_target_for_logins(m);
    if (result != MFA_OK) {
        char why[sizeof m->mfa->error];
        snprintf(why, sizeof why, "%s", m->mfa->error);
        mfa_note(m->mfa, "%.400s; both stores are closed: run migrate again", why);
    }
    m->report->closed_ms = clock_mono_ms() - closed_ms;
    return result;
}

enum mfa_result mfa_migrate(struct mfa *mfa, const struct settings *to, migrate_progress *progress,
                            void *context, struct migrate_report *report)
{
    struct migration m = {
        .mfa = mfa,
        .settings = to,
        .from = mfa->store,
        .progress = progress,
        .context = context,
        .report = report,
    };

    *report = (struct migrate_report){0};
    if (!mfa_usable(mfa))
        return MFA_STORE;
    enum mfa_result result = open_both(&m, to);
    if (result == MFA_OK)
        result = copy(&m);
    if (result == MFA_OK)
        result = close_and_finish(&m);
    for (size_t i = 0; i < MIGRATE_TABLES; i++)
        migrate_forget(&m.memory[i]);
    if (m.to != NULL)
        m.to->engine->close(m.to, false);
    return result;
}
