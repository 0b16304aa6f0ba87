#include "config.h"

#include "mfa/change.h"
#include "mfa/subject.h"

#include <stdio.h>
#include <stdlib.h>

static enum mfa_result read_failures(struct mfa *mfa, const struct store_subject *who,
                                     int64_t now_ms, struct user_info *info)
{
    struct store_subject found;
    struct store_address rows[STORE_ADDRESSES];
    size_t n = 0;
    struct bytes id = bytes_of(who->id, who->id_len);

    enum store_status status = mfa->store->engine->subject_find(mfa->store, id, &found);
    if (status == STORE_OK)
        status = mfa->store->engine->address_list(mfa->store, id, rows, &n);
    if (status == STORE_FAILED)
        return MFA_STORE;
    info->failures = found.failures;
    info->capped = found.failures >= mfa->throttle.cap;
    for (size_t i = 0; i < n; i++) {
        struct throttle_address row = {rows[i].failures, rows[i].last_failure_ms,
                                       rows[i].last_success_ms};
        int64_t until_ms = throttle_until_ms(&mfa->throttle, &row, now_ms);
        if (until_ms == 0)
            continue;
        int64_t until_s = until_ms / 1000 + (until_ms % 1000 != 0);
        info->addresses++;
        if (until_s > info->refused_until_s)
            info->refused_until_s = until_s;
    }
    return MFA_OK;
}

/* Lock and recovery codes. */
static enum mfa_result read_user(struct mfa *mfa, struct bytes name, struct user_info *info)
{
    struct store_user user;
    struct store_recovery recovery;

    enum store_status status = mfa->store->engine->user_find(mfa->store, name, &user);
    if (status != STORE_OK)
        return status == STORE_NONE ? MFA_OK : MFA_STORE;
    info->locked_s = user.locked_s;
    memcpy(info->lock_reason, user.lock_reason, sizeof info->lock_reason);
    status = mfa->store->engine->recovery_find(mfa->store, user.id, &recovery);
    if (status != STORE_OK)
        return status == STORE_NONE ? MFA_OK : MFA_STORE;
    info->recovery_made_s = recovery.created_s;
    for (size_t i = 0; i < recovery.n; i++)
        info->recovery_codes += recovery.codes[i].used_s == 0;
    return MFA_OK;
}

enum mfa_result mfa_user(struct mfa *mfa, struct bytes user, int64_t now_ms, struct user_info *info)
{
    struct store_subject who;
    uint8_t hash[KEYRING_HASH];

    *info = (struct user_info){0};
    if (!change_good_user(user))
        return MFA_BAD_NAME;
    if (!subject_identify(mfa, user, &who) || !keyring_hash(mfa->ring.audit, user, hash)) {
        mfa_note(mfa, "cannot hash a name: HMAC-SHA256 fails in OpenSSL");
        return MFA_KEY;
    }
    keyring_hash_text(hash, info->hash);
    enum mfa_result result = change_begin(mfa, STORE_READ);
    if (result != MFA_OK)
        return result;
    result = read_failures(mfa, &who, now_ms, info);
    if (result == MFA_OK)
        result = read_user(mfa, user, info);
    return change_end(mfa, result);
}

typedef enum mfa_result subject_work(struct mfa *mfa, struct bytes user,
                                     const struct store_subject *who);

/* A change of what is kept of a user under the hash of his name. */
static enum mfa_result change_subject(struct mfa *mfa, struct bytes user, subject_work *work)
{
    struct store_subject who;

    if (!change_good_user(user))
        return MFA_BAD_NAME;
    if (!subject_identify(mfa, user, &who)) {
        mfa_note(mfa, "cannot hash a name: HMAC-SHA256 fails in OpenSSL");
        return MFA_KEY;
    }
    enum mfa_result result = change_begin(mfa, STORE_DURABLE);
    return result != MFA_OK ? result : change_end(mfa, work(mfa, user, &who));
}

static enum mfa_result forgive(struct mfa *mfa, struct bytes user, const struct store_subject *who)
{
    const struct store_engine *engine = mfa->store->engine;
    struct store_subject found;
    struct bytes id = bytes_of(who->id, who->id_len);

    (void)user;
    enum store_status status = engine->subject_find(mfa->store, id, &found);
    if (status != STORE_OK)
        return status == STORE_NONE ? MFA_OK : MFA_STORE;
    found.failures = 0;
    if (engine->subject_put(mfa->store, &found) != STORE_OK ||
        engine->address_forgive(mfa->store, id) != STORE_OK)
        return MFA_STORE;
    return MFA_OK;
}

enum mfa_result mfa_unlock(struct mfa *mfa, struct bytes user)
{
    return change_subject(mfa, user, forgive);
}

/* --- locks --- */

enum mfa_result mfa_lock_user(struct mfa *mfa, struct bytes name, const char *reason, int64_t now_s)
{
    struct store_user user;

    if (!change_good_user(name))
        return MFA_BAD_NAME;
    if (strlen(reason) >= STORE_TEXT) {
        mfa_note(mfa, "the reason of a lock has at most %d bytes", STORE_TEXT - 1);
        return MFA_STATE;
    }
    enum mfa_result result = change_begin(mfa, STORE_DURABLE);
    if (result != MFA_OK)
        return result;
    result = change_need_user(mfa, name, false, &user);
    if (result == MFA_OK)
        result = change_result(mfa->store->engine->user_set_lock(
            mfa->store, user.id, now_s > 0 ? now_s : 1, reason));
    return change_end(mfa, result);
}

enum mfa_result mfa_unlock_user(struct mfa *mfa, struct bytes name)
{
    struct store_user user;

    if (!change_good_user(name))
        return MFA_BAD_NAME;
    enum mfa_result result = change_begin(mfa, STORE_DURABLE);
    if (result != MFA_OK)
        return result;
    enum store_status status = mfa->store->engine->user_find(mfa->store, name, &user);
    if (status == STORE_OK)
        result = user.locked_s == 0 ? MFA_STATE
                                    : change_result(mfa->store->engine->user_set_lock(
                                          mfa->store, user.id, 0, ""));
    else
        result = status == STORE_NONE ? MFA_NOT_FOUND : MFA_STORE;
    return change_end(mfa, result);
}

/* --- a user's name, a user's end --- */

/* Key and secrets are bound to the name: all are sealed anew. */
static enum mfa_result seal_for(struct mfa *mfa, const struct store_user *user,
                                struct bytes new_name, struct store_token *tokens, size_t n)
{
    const struct store_engine *engine = mfa->store->engine;
    struct store_user renamed = *user;
    enum mfa_result result = MFA_OK;

    renamed.name_len = new_name.len;
    memcpy(renamed.name, new_name.ptr, new_name.len);
    if (user->data_key == 0)
        return MFA_OK;
    if (!keyring_make_user_key(&mfa->ring, &renamed)) {
        mfa_note(mfa, "cannot make a user's key: OpenSSL fails or has no random bytes");
        return MFA_KEY;
    }
    if (engine->user_set_key(mfa->store, &renamed) != STORE_OK)
        return MFA_STORE;
    for (size_t i = 0; i < n && result == MFA_OK; i++) {
        uint8_t secret[SEAL_PLAIN_MAX];
        size_t len;
        result = change_open_secret(mfa, user, &tokens[i], secret, &len);
        if (result != MFA_OK)
            break;
        tokens[i].version++;
        if (!keyring_seal(&mfa->ring, &renamed, &tokens[i], bytes_of(secret, len))) {
            mfa_note(mfa, "cannot seal a secret: OpenSSL fails");
            result = MFA_KEY;
        } else {
            result = change_result(engine->token_reseal(mfa->store, tokens[i].id,
                                                        tokens[i].version, &tokens[i].secret));
        }
        secret_wipe(secret, sizeof secret);
    }
    return result;
}

enum mfa_result mfa_rename_user(struct mfa *mfa, struct bytes name, struct bytes new_name,
                                int64_t now_s)
{
    struct store_user user;
    struct store_token tokens[MFA_TOKENS_PER_USER];
    size_t n;

    if (!change_good_user(name) || !change_good_user(new_name))
        return MFA_BAD_NAME;
    enum mfa_result result = change_begin(mfa, STORE_DURABLE);
    if (result != MFA_OK)
        return result;
    result = change_find_user(mfa, name, &user, tokens, &n);
    if (result == MFA_OK)
        result = change_result(mfa->store->engine->user_rename(mfa->store, user.id, new_name));
    if (result == MFA_OK)
        result = seal_for(mfa, &user, new_name, tokens, n);
    if (result == MFA_OK && subject_keep(mfa, new_name, now_s * 1000) == STORE_FAILED)
        result = MFA_STORE;
    return change_end(mfa, result);
}

static enum mfa_result purge(struct mfa *mfa, struct bytes user, const struct store_subject *who)
{
    const struct store_engine *engine = mfa->store->engine;
    struct store_user row;

    enum store_status known = engine->user_find(mfa->store, user, &row);
    if (known == STORE_OK)
        known = engine->user_remove(mfa->store, row.id);
    if (known == STORE_FAILED)
        return MFA_STORE;
    enum store_status failed = engine->subject_remove(mfa->store, bytes_of(who->id, who->id_len));
    if (failed == STORE_FAILED)
        return MFA_STORE;
    return known == STORE_NONE && failed == STORE_NONE ? MFA_NOT_FOUND : MFA_OK;
}

enum mfa_result mfa_purge(struct mfa *mfa, struct bytes user)
{
    return change_subject(mfa, user, purge);
}

/* --- everybody --- */

enum mfa_result mfa_stats(struct mfa *mfa, int64_t stale_before_s, int64_t now_s,
                          struct mfa_stats *stats)
{
    *stats = (struct mfa_stats){0};
    enum mfa_result result = change_begin(mfa, STORE_READ);
    if (result != MFA_OK)
        return result;
    return change_end(mfa, change_result(mfa->store->engine->count(
                               mfa->store, stale_before_s, now_s, mfa->throttle.cap, stats)));
}

struct users {
    struct user_row *rows;
    size_t n, cap;
    bool short_of_memory;
};

static bool collect(void *context, const struct user_row *row)
{
    struct users *users = context;

    if (users->n == users->cap) {
        size_t cap = users->cap == 0 ? 64 : 2 * users->cap;
        struct user_row *rows = reallocarray(users->rows, cap, sizeof *rows);
        if (rows == NULL) {
            users->short_of_memory = true;
            return false;
        }
        users->rows = rows;
        users->cap = cap;
    }
    users->rows[users->n++] = *row;
    return true;
}

enum mfa_result mfa_users(struct mfa *mfa, struct user_row **users, size_t *n)
{
    struct users all = {0};

    *users = NULL;
    *n = 0;
    enum mfa_result result = change_begin(mfa, STORE_READ);
    if (result != MFA_OK)
        return result;
    result = change_result(mfa->store->engine->user_scan(mfa->store, collect, &all));
    result = change_end(mfa, result);
    if (result == MFA_OK && all.short_of_memory) {
        mfa_note(mfa, "cannot list users: memory is short");
        result = MFA_STORE;
    }
    if (result != MFA_OK) {
        free(all.rows);
        return result;
    }
    *users = all.rows;
    *n = all.n;
    return MFA_OK;
}
