#include "config.h"

#include "mfa/change.h"
#include "mfa/otp.h"

/* Removes matching tokens; the user stays, with a floor above every step that was accepted. */
static enum mfa_result removal(struct mfa *mfa, struct bytes name, const char *token_name,
                               size_t *removed)
{
    const struct store_engine *engine = mfa->store->engine;
    struct store_user user;
    struct store_token tokens[MFA_TOKENS_PER_USER];
    size_t n;

    enum mfa_result result = change_find_user(mfa, name, &user, tokens, &n);
    if (result != MFA_OK)
        return result;
    for (size_t i = 0; i < n; i++) {
        if (token_name != NULL && strcmp(tokens[i].name, token_name) != 0)
            continue;
        if (tokens[i].kind == TOKEN_TOTP && tokens[i].last_step >= 0 &&
            engine->user_raise_floor(mfa->store, user.id,
                                     totp_step_start(tokens[i].last_step + 1, tokens[i].period)) ==
                STORE_FAILED)
            return MFA_STORE;
        if (engine->token_remove(mfa->store, tokens[i].id) != STORE_OK)
            return MFA_STORE;
        ++*removed;
    }
    if (*removed == 0)
        return MFA_NOT_FOUND;
    if (*removed == n) {
        /* Old pages of the file or its log may still hold the sealed secrets; their key goes with them. */
        user.data_key = 0;
        if (engine->user_set_key(mfa->store, &user) != STORE_OK)
            return MFA_STORE;
    }
    return MFA_OK;
}

enum mfa_result mfa_remove(struct mfa *mfa, struct bytes user, const char *name, size_t *removed)
{
    *removed = 0;
    if (!change_good_user(user) || (name != NULL && !change_good_token_name(name)))
        return MFA_BAD_NAME;
    enum mfa_result result = change_begin(mfa, STORE_DURABLE);
    if (result == MFA_OK)
        result = change_end(mfa, removal(mfa, user, name, removed));
    if (result != MFA_OK)
        *removed = 0;
    return result;
}

static enum mfa_result set_state(struct mfa *mfa, struct bytes user_name, const char *name,
                                 enum token_state from, enum token_state to)
{
    struct store_user user;
    struct store_token token;

    if (!change_good_user(user_name) || !change_good_token_name(name))
        return MFA_BAD_NAME;
    enum mfa_result result = change_begin(mfa, STORE_DURABLE);
    if (result != MFA_OK)
        return result;
    result = change_find_token(mfa, user_name, name, &user, &token);
    if (result == MFA_OK)
        result = change_result(mfa->store->engine->token_set_state(mfa->store, token.id, from, to));
    return change_end(mfa, result);
}

enum mfa_result mfa_disable(struct mfa *mfa, struct bytes user, const char *name)
{
    return set_state(mfa, user, name, TOKEN_ACTIVE, TOKEN_DISABLED);
}

enum mfa_result mfa_enable(struct mfa *mfa, struct bytes user, const char *name)
{
    return set_state(mfa, user, name, TOKEN_DISABLED, TOKEN_ACTIVE);
}

enum mfa_result mfa_rename_token(struct mfa *mfa, struct bytes user_name, const char *name,
                                 const char *new_name)
{
    struct store_user user;
    struct store_token tokens[MFA_TOKENS_PER_USER];
    const struct store_token *token = NULL;
    size_t n;

    if (!change_good_user(user_name) || !change_good_token_name(name) ||
        !change_good_token_name(new_name))
        return MFA_BAD_NAME;
    enum mfa_result result = change_begin(mfa, STORE_DURABLE);
    if (result != MFA_OK)
        return result;
    result = change_find_user(mfa, user_name, &user, tokens, &n);
    for (size_t i = 0; i < n; i++)
        if (strcmp(tokens[i].name, name) == 0)
            token = &tokens[i];
    if (result == MFA_OK)
        result = token == NULL ? MFA_NOT_FOUND
                 : strcmp(name, new_name) == 0
                     ? MFA_EXISTS
                     : change_result(
                           mfa->store->engine->token_rename(mfa->store, token->id, new_name));
    return change_end(mfa, result);
}

enum mfa_result mfa_secret(struct mfa *mfa, struct bytes user_name, const char *name,
                           struct token_info *info, struct secret *secret)
{
    struct store_user user;
    struct store_token token;
    uint8_t opened[SEAL_PLAIN_MAX];
    size_t len = 0;

    *info = (struct token_info){0};
    *secret = (struct secret){0};
    if (!change_good_user(user_name) || !change_good_token_name(name))
        return MFA_BAD_NAME;
    enum mfa_result result = change_begin(mfa, STORE_READ);
    if (result != MFA_OK)
        return result;
    result = change_end(mfa, change_find_token(mfa, user_name, name, &user, &token));
    if (result == MFA_OK)
        result = change_open_secret(mfa, &user, &token, opened, &len);
    if (result != MFA_OK)
        return result;
    if (secret_copy(secret, bytes_of(opened, len))) {
        change_fill_info(info, user_name, &token);
    } else {
        mfa_note(mfa, "cannot read a secret: memory is short");
        result = MFA_KEY;
    }
    secret_wipe(opened, sizeof opened);
    return result;
}
