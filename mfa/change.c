#include "config.h"

#include "mfa/change.h"

#include "common/clock.h"

bool change_good_user(struct bytes user)
{
    return user.len > 0 && user.len <= MFA_USER_MAX && memchr(user.ptr, 0, user.len) == NULL;
}

bool change_good_token_name(const char *name)
{
    size_t len = strlen(name);

    return len > 0 && len <= MFA_TOKEN_NAME_MAX;
}

static enum mfa_result store_trouble(struct mfa *mfa)
{
    mfa_note_store(mfa);
    mfa->store->engine->rollback(mfa->store);
    return MFA_STORE;
}

/* What is changed in a store that was migrated would be changed for nobody. */
static enum mfa_result check_in_use(struct mfa *mfa)
{
    struct store_state state;

    if (mfa->store->engine->state(mfa->store, &state) != STORE_OK)
        return store_trouble(mfa);
    if (state.moved == 0)
        return MFA_OK;
    mfa->store->engine->rollback(mfa->store);
    mfa_note(mfa, "this store is closed by a migration, and nothing was changed in it; let the "
                  "configuration name the new store, or end the migration first (`pgsignet-mfa "
                  "migrate` again)");
    return MFA_STORE;
}

enum mfa_result change_begin(struct mfa *mfa, enum store_mode mode)
{
    if (!mfa_usable(mfa))
        return MFA_STORE;
    if (mfa->store->engine->begin(mfa->store, mode, clock_mono_ms() + CHANGE_PATIENCE_MS) !=
        STORE_OK)
        return store_trouble(mfa);
    return mode == STORE_READ ? MFA_OK : check_in_use(mfa);
}

enum mfa_result change_end(struct mfa *mfa, enum mfa_result result)
{
    if (result == MFA_STORE)
        return store_trouble(mfa);
    if (result != MFA_OK) {
        mfa->store->engine->rollback(mfa->store);
        return result;
    }
    return mfa->store->engine->commit(mfa->store) == STORE_OK ? MFA_OK : store_trouble(mfa);
}

enum mfa_result change_time(struct mfa *mfa, int64_t now_s, int64_t *at_s)
{
    struct store_state state;

    if (mfa->store->engine->state(mfa->store, &state) != STORE_OK)
        return MFA_STORE;
    *at_s = now_s > state.floor_s ? now_s : state.floor_s;
    return MFA_OK;
}

enum mfa_result change_result(enum store_status status)
{
    static const enum mfa_result results[] = {
        [STORE_OK] = MFA_OK,
        [STORE_NONE] = MFA_STATE,
        [STORE_EXISTS] = MFA_EXISTS,
        [STORE_FAILED] = MFA_STORE,
    };

    return results[status];
}

enum mfa_result change_find_user(struct mfa *mfa, struct bytes name, struct store_user *user,
                                 struct store_token tokens[MFA_TOKENS_PER_USER], size_t *n)
{
    const struct store_engine *engine = mfa->store->engine;

    *n = 0;
    enum store_status status = engine->user_find(mfa->store, name, user);
    if (status == STORE_OK)
        status = engine->token_list(mfa->store, user->id, tokens, n);
    return status == STORE_NONE ? MFA_NOT_FOUND : change_result(status);
}

enum mfa_result change_find_token(struct mfa *mfa, struct bytes user_name, const char *name,
                                  struct store_user *user, struct store_token *token)
{
    struct store_token tokens[MFA_TOKENS_PER_USER];
    size_t n;

    enum mfa_result result = change_find_user(mfa, user_name, user, tokens, &n);
    if (result != MFA_OK)
        return result;
    for (size_t i = 0; i < n; i++) {
        if (strcmp(tokens[i].name, name) != 0)
            continue;
        *token = tokens[i];
        return MFA_OK;
    }
    return MFA_NOT_FOUND;
}

enum mfa_result change_need_user(struct mfa *mfa, struct bytes name, bool keyed,
                                 struct store_user *user)
{
    const struct store_engine *engine = mfa->store->engine;

    enum store_status status = engine->user_find(mfa->store, name, user);
    if (status == STORE_FAILED)
        return MFA_STORE;
    bool is_new = status == STORE_NONE;
    if (!is_new && (!keyed || user->data_key != 0))
        return MFA_OK;
    if (is_new) {
        *user = (struct store_user){.id = mfa_random_id(), .name_len = name.len};
        memcpy(user->name, name.ptr, name.len);
    }
    if (user->id == 0 || (keyed && !keyring_make_user_key(&mfa->ring, user))) {
        mfa_note(mfa, "cannot make a user's key: OpenSSL fails or has no random bytes");
        return MFA_KEY;
    }
    return change_result(is_new ? engine->user_add(mfa->store, user)
                                : engine->user_set_key(mfa->store, user));
}

enum mfa_result change_open_secret(struct mfa *mfa, const struct store_user *user,
                                   const struct store_token *token,
                                   uint8_t secret[SEAL_PLAIN_MAX], size_t *len)
{
    if (keyring_unseal(&mfa->ring, user, token, secret, len))
        return MFA_OK;
    mfa_note(mfa,
             "the secret of token \"%s\" does not open: its row was changed or moved; enrol it anew",
             token->name);
    return MFA_KEY;
}

void change_fill_info(struct token_info *info, struct bytes user, const struct store_token *token)
{
    *info = (struct token_info){
        .id = token->id,
        .user_len = user.len,
        .state = token->state,
        .algorithm = token->algorithm,
        .digits = token->digits,
        .period = token->period,
        .created_s = token->created_s,
        .confirmed_s = token->confirmed_s,
        .last_used_s = token->last_used_s,
        .last_step = token->last_step,
        .kind = token->kind,
        .offset = token->offset,
        .drift = token->drift,
        .synced_s = token->synced_s,
        .expires_s = token->expires_s,
    };
    memcpy(info->user, user.ptr, user.len);
    memcpy(info->name, token->name, sizeof info->name);
    memcpy(info->last_address, token->last_address, sizeof info->last_address);
}
