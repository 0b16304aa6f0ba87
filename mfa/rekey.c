#include "config.h"

#include "mfa/rekey.h"

#include "common/clock.h"
#include "common/secret.h"
#include "mfa/engine.h"

#include <stdio.h>
#include <stdlib.h>

#define PATIENCE_MS 30000
#define PASSES      3 /* over all users: somebody may enrol under the old data key meanwhile */

static enum mfa_result store_trouble(struct mfa *mfa)
{
    mfa_note_store(mfa);
    mfa->store->engine->rollback(mfa->store);
    return MFA_STORE;
}

static bool begin(struct mfa *mfa, enum store_mode mode)
{
    return mfa->store->engine->begin(mfa->store, mode, clock_mono_ms() + PATIENCE_MS) == STORE_OK;
}

/* begin, and the identity as it is in that transaction. */
static bool begin_identity(struct mfa *mfa, enum store_mode mode, struct store_identity *identity)
{
    return begin(mfa, mode) && mfa->store->engine->identity(mfa->store, identity) == STORE_OK;
}

static const struct store_data_key *wrap_of(const struct store_identity *identity, int64_t data_key,
                                            const char *kek_id)
{
    for (size_t i = 0; i < identity->n_keys; i++)
        if (identity->keys[i].id == data_key && strcmp(identity->keys[i].kek_id, kek_id) == 0)
            return &identity->keys[i];
    return NULL;
}

/* Is row i the first of its data key? */
static bool is_first(const struct store_identity *identity, size_t i)
{
    return i == 0 || identity->keys[i - 1].id != identity->keys[i].id;
}

/* Reads the keys anew, so that the ring has every data key there is. */
static bool refresh(struct mfa *mfa)
{
    return mfa_usable(mfa) && mfa_reload_keys(mfa);
}

enum mfa_result rekey_add_wraps(struct mfa *mfa, const struct settings_keys *to,
                                char id[KEK_ID_MAX])
{
    struct kek kek = {0};
    struct store_identity identity;
    char why[STORE_ERROR];
    size_t added = 0;
    enum mfa_result result = MFA_KEY;
    const struct store_engine *engine = mfa->store->engine;

    if (!refresh(mfa))
        return MFA_KEY;
    if (!kek_open(to, &kek, why, sizeof why)) {
        mfa_note(mfa, "%s", why);
        return MFA_KEY;
    }
    memcpy(id, kek.id, KEK_ID_MAX);
    if (!begin_identity(mfa, STORE_DURABLE, &identity)) {
        result = store_trouble(mfa);
        goto out;
    }
    for (size_t i = 0; i < identity.n_keys; i++) {
        struct store_data_key row = {.id = identity.keys[i].id};
        if (!is_first(&identity, i) || wrap_of(&identity, row.id, kek.id) != NULL)
            continue;
        if (!keyring_wrap(&mfa->ring, &kek, &row, why, sizeof why)) {
            mfa_note(mfa, "%s", why);
            goto out;
        }
        if (engine->wrap_add(mfa->store, &row) != STORE_OK) {
            result = store_trouble(mfa);
            goto out;
        }
        added++;
    }
    result = MFA_EXISTS;
    if (added > 0)
        result = engine->commit(mfa->store) == STORE_OK ? MFA_OK : store_trouble(mfa);
out:
    engine->rollback(mfa->store);
    kek_close(&kek);
    return result;
}

enum mfa_result rekey_has_others(struct mfa *mfa, bool *others, char id[KEK_ID_MAX])
{
    struct store_identity identity;

    *others = false;
    id[0] = '\0';
    if (!mfa_usable(mfa) || !begin_identity(mfa, STORE_READ, &identity))
        return store_trouble(mfa);
    mfa->store->engine->rollback(mfa->store);
    for (size_t i = 0; i < identity.n_keys; i++)
        if (strcmp(identity.keys[i].kek_id, mfa->ring.kek_id) != 0) {
            *others = true;
            memcpy(id, identity.keys[i].kek_id, KEK_ID_MAX);
        }
    return MFA_OK;
}

/*
 * Does the KEK that opened the ring open every data key of the store as it now is?  The ring was opened
 * a moment ago; a wrap that was added since is one it has not proved.
 */
static bool all_proved(struct mfa *mfa, const struct store_identity *identity)
{
    for (size_t i = 0; i < identity->n_keys; i++) {
        int64_t id = identity->keys[i].id;
        if (wrap_of(identity, id, mfa->ring.kek_id) == NULL || !keyring_has(&mfa->ring, id)) {
            mfa_note(mfa,
                     "the configured key %s does not open data key %lld, which is needed: nothing "
                     "is removed; run this again when no other rekey runs",
                     mfa->ring.kek_id, (long long)id);
            return false;
        }
    }
    return identity->n_keys > 0;
}

enum mfa_result rekey_retire_wraps(struct mfa *mfa, size_t *removed)
{
    struct store_identity identity;
    const struct store_engine *engine = mfa->store->engine;

    *removed = 0;
    if (!refresh(mfa))
        return MFA_KEY;
    if (!begin_identity(mfa, STORE_DURABLE, &identity))
        return store_trouble(mfa);
    if (!all_proved(mfa, &identity)) {
        engine->rollback(mfa->store);
        return MFA_KEY;
    }
    for (size_t i = 0; i < identity.n_keys; i++) {
        const struct store_data_key *row = &identity.keys[i];
        if (strcmp(row->kek_id, mfa->ring.kek_id) == 0)
            continue;
        if (engine->wrap_remove(mfa->store, row->id, row->kek_id) != STORE_OK)
            return store_trouble(mfa);
        ++*removed;
    }
    if (*removed == 0) {
        engine->rollback(mfa->store);
        return MFA_OK;
    }
    return engine->commit(mfa->store) == STORE_OK ? MFA_OK : store_trouble(mfa);
}

/* --- the data key --- */

struct rekey {
    struct mfa *mfa;
    rekey_watch *watch;
    void *context;
    struct rekey_count *count;
    struct store_identity identity;
    struct store_user *page; /* STORE_BATCH of them; owned */
    int64_t target;          /* the data key to be */
};

static enum mfa_result tell(struct rekey *r, enum rekey_stage stage, int64_t done, int64_t total)
{
    if (r->watch == NULL || r->watch(r->context, stage, done, total))
        return MFA_OK;
    mfa_note(r->mfa, "the change of the data key was stopped; run it again to end it");
    return MFA_STATE;
}

/* A new data key, unless one is there that has not taken over yet. */
static enum mfa_result add_key(struct rekey *r)
{
    struct mfa *mfa = r->mfa;
    struct store_data_key row;
    struct kek kek = {0};
    char why[STORE_ERROR];
    enum mfa_result result = MFA_KEY;
    const struct store_engine *engine = mfa->store->engine;

    if (!kek_open(&mfa->settings->keys, &kek, why, sizeof why)) {
        mfa_note(mfa, "%s", why);
        return MFA_KEY;
    }
    if (!begin_identity(mfa, STORE_DURABLE, &r->identity)) {
        result = store_trouble(mfa);
        goto out;
    }
    const struct store_identity *identity = &r->identity;
    for (size_t i = 0; i < identity->n_keys; i++)
        if (strcmp(identity->keys[i].kek_id, kek.id) != 0) {
            mfa_note(mfa,
                     "a change of the KEK has not ended: data key %lld is wrapped by the key %s "
                     "too; run `rekey --kek` (or `rekey --kek --retire`) first",
                     (long long)identity->keys[i].id, identity->keys[i].kek_id);
            result = MFA_STATE;
            goto out;
        }
    if (!all_proved(mfa, identity))
        goto out;
    r->target = identity->keys[identity->n_keys - 1].id;
    if (identity->n_keys > 1) { /* begun before */
        result = MFA_OK;
        goto out;
    }
    if (!keyring_add_data_key(&mfa->ring, &kek, r->target + 1, &row, why, sizeof why)) {
        mfa_note(mfa, "%s", why);
        goto out;
    }
    r->target++;
    if (engine->wrap_add(mfa->store, &row) != STORE_OK || engine->commit(mfa->store) != STORE_OK) {
        result = store_trouble(mfa);
        (void)refresh(mfa); /* the ring must not seal with a key that the store has not */
        goto out;
    }
    result = tell(r, REKEY_KEY_ADDED, r->target, 0);
out:
    engine->rollback(mfa->store);
    kek_close(&kek);
    return result;
}

/* A fresh key for one user, and every token sealed anew under it.  Within a transaction. */
static enum mfa_result reseal_user(struct rekey *r, const struct store_user *user)
{
    struct mfa *mfa = r->mfa;
    const struct store_engine *engine = mfa->store->engine;
    struct store_token tokens[MFA_TOKENS_PER_USER];
    struct store_user after = *user;
    uint8_t secret[SEAL_PLAIN_MAX];
    size_t n = 0, len;
    enum mfa_result result = MFA_OK;

    if (!keyring_make_user_key(&mfa->ring, &after)) {
        mfa_note(mfa, "cannot make a user's key: OpenSSL fails or has no random bytes");
        return MFA_KEY;
    }
    if (engine->token_list(mfa->store, user->id, tokens, &n) == STORE_FAILED ||
        engine->user_set_key(mfa->store, &after) != STORE_OK)
        return store_trouble(mfa);
    for (size_t i = 0; i < n && result == MFA_OK; i++) {
        bool opened = keyring_unseal(&mfa->ring, user, &tokens[i], secret, &len);
        tokens[i].version++;
        if (!opened || !keyring_seal(&mfa->ring, &after, &tokens[i], bytes_of(secret, len))) {
            mfa_note(mfa,
                     "the secret of token %lld does not open, so it cannot be sealed anew: run "
                     "`pgsignet-mfa fsck`, remove the tokens it names, then run this again",
                     (long long)tokens[i].id);
            result = MFA_KEY;
        } else if (engine->token_reseal(mfa->store, tokens[i].id, tokens[i].version,
                                        &tokens[i].secret) != STORE_OK) {
            result = store_trouble(mfa);
        }
        secret_wipe(secret, sizeof secret);
    }
    r->count->users++;
    r->count->tokens += (int64_t)n;
    return result;
}

/* One batch; *after moves on, *end says that there was nobody above it. */
static enum mfa_result reseal_batch(struct rekey *r, int64_t *after, int64_t *looked, bool *end)
{
    struct mfa *mfa = r->mfa;
    const struct store_engine *engine = mfa->store->engine;
    size_t n = 0, resealed = 0, i = 0;

    if (!begin(mfa, STORE_DURABLE) ||
        engine->user_page(mfa->store, *after, r->page, &n) != STORE_OK)
        return store_trouble(mfa);
    for (; i < n && resealed < REKEY_BATCH; i++) {
        if (r->page[i].data_key != 0 && r->page[i].data_key != r->target) {
            enum mfa_result result = reseal_user(r, &r->page[i]);
            if (result != MFA_OK) {
                engine->rollback(mfa->store);
                return result;
            }
            resealed++;
        }
        *after = r->page[i].id;
    }
    *end = n == 0;
    *looked += (int64_t)i;
    if (resealed == 0)
        engine->rollback(mfa->store);
    else if (engine->commit(mfa->store) != STORE_OK)
        return store_trouble(mfa);
    return MFA_OK;
}

static enum mfa_result reseal_users(struct rekey *r)
{
    int64_t after = 0, looked = 0, total = 0, uses = 0;
    bool end = false;
    enum mfa_result result = MFA_OK;
    const struct store_engine *engine = r->mfa->store->engine;

    /* How many there are: of all data keys together. */
    if (!begin(r->mfa, STORE_READ))
        return store_trouble(r->mfa);
    for (size_t i = 0; i < r->mfa->ring.n_data; i++)
        if (engine->data_key_uses(r->mfa->store, r->mfa->ring.data[i].id, &uses) == STORE_OK)
            total += uses;
    engine->rollback(r->mfa->store);
    while (result == MFA_OK && !end) {
        result = reseal_batch(r, &after, &looked, &end);
        if (result == MFA_OK)
            result = tell(r, REKEY_USERS, looked, total);
    }
    return result;
}

static enum mfa_result reseal_hash_keys(struct rekey *r)
{
    struct mfa *mfa = r->mfa;
    struct store_identity identity;
    const struct store_engine *engine = mfa->store->engine;

    if (!begin_identity(mfa, STORE_DURABLE, &identity))
        return store_trouble(mfa);
    if (identity.hash_data_key == r->target) {
        engine->rollback(mfa->store);
        return MFA_OK;
    }
    if (!keyring_reseal_hash_keys(&mfa->ring, &identity)) {
        engine->rollback(mfa->store);
        mfa_note(mfa, "the store's hash keys do not open, so they cannot be sealed anew");
        return MFA_KEY;
    }
    if (engine->hash_keys_set(mfa->store, &identity) != STORE_OK ||
        engine->commit(mfa->store) != STORE_OK)
        return store_trouble(mfa);
    return tell(r, REKEY_HASH_KEYS, 0, 0);
}

/* Removes the data keys before the target that nothing uses.  MFA_EXISTS: one is still needed. */
static enum mfa_result retire_keys(struct rekey *r)
{
    struct mfa *mfa = r->mfa;
    struct store_identity identity;
    const struct store_engine *engine = mfa->store->engine;

    if (!begin_identity(mfa, STORE_READ, &identity))
        return store_trouble(mfa);
    engine->rollback(mfa->store);
    for (size_t i = 0; i < identity.n_keys; i++) {
        int64_t id = identity.keys[i].id, uses = 0;
        if (!is_first(&identity, i) || id == r->target)
            continue;
        if (!begin(mfa, STORE_DURABLE) || engine->data_key_uses(mfa->store, id, &uses) != STORE_OK)
            return store_trouble(mfa);
        if (uses > 0) {
            engine->rollback(mfa->store);
            mfa_note(mfa, "data key %lld is not removed: %lld rows still need it; run this again",
                     (long long)id, (long long)uses);
            return MFA_EXISTS;
        }
        if (engine->data_key_remove(mfa->store, id) != STORE_OK ||
            engine->commit(mfa->store) != STORE_OK)
            return store_trouble(mfa);
        r->count->retired++;
        enum mfa_result result = tell(r, REKEY_KEY_RETIRED, id, 0);
        if (result != MFA_OK)
            return result;
    }
    return MFA_OK;
}

enum mfa_result rekey_data_key(struct mfa *mfa, rekey_watch *watch, void *context,
                               struct rekey_count *count)
{
    struct rekey r = {.mfa = mfa, .watch = watch, .context = context, .count = count};
    enum mfa_result result;

    *count = (struct rekey_count){0};
    if (!refresh(mfa))
        return MFA_KEY;
    r.page = calloc(STORE_BATCH, sizeof *r.page);
    if (r.page == NULL) {
        mfa_note(mfa, "cannot change the data key: memory is short");
        return MFA_STORE;
    }
    result = add_key(&r);
    count->data_key = r.target;
    for (int pass = 0; result == MFA_OK; pass++) {
        result = reseal_users(&r);
        if (result == MFA_OK)
            result = reseal_hash_keys(&r);
        if (result == MFA_OK)
            result = retire_keys(&r);
        if (result == MFA_OK)
            break;
        if (result == MFA_EXISTS)
            result = pass + 1 < PASSES ? MFA_OK : MFA_STATE;
    }
    secret_wipe(r.page, STORE_BATCH * sizeof *r.page);
    free(r.page);
    if (result == MFA_OK)
        (void)refresh(mfa); /* lets go of the removed keys */
    return result;
}
