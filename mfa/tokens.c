#include "config.h"

#include "mfa/tokens.h"

#include "common/clock.h"
#include "mfa/engine.h"
#include "mfa/subject.h"
#include "mfa/totp.h"

#include <stdio.h>
#include <stdlib.h>

#define PATIENCE_MS 10000 /* an operator's change waits so long for other writers */

static bool good_user(struct bytes user)
{
    return user.len > 0 && user.len <= MFA_USER_MAX && memchr(user.ptr, 0, user.len) == NULL;
}

static bool good_token_name(const char *name)
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

/* Ends a transaction: commits what went well, undoes the rest. */
static enum mfa_result end(struct mfa *mfa, enum mfa_result result)
{
    if (result != MFA_OK) {
        if (result == MFA_STORE)
            mfa_note_store(mfa);
        mfa->store->engine->rollback(mfa->store);
        return result;
    }
    return mfa->store->engine->commit(mfa->store) == STORE_OK ? MFA_OK : store_trouble(mfa);
}

/* Checks the handle and starts a transaction. */
static enum mfa_result start(struct mfa *mfa, enum store_mode mode)
{
    if (!mfa_usable(mfa))
        return MFA_STORE;
    if (mfa->store->engine->begin(mfa->store, mode, clock_mono_ms() + PATIENCE_MS) != STORE_OK)
        return store_trouble(mfa);
    return MFA_OK;
}

static void fill_info(struct token_info *info, struct bytes user, const struct store_token *token)
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
    };
    memcpy(info->user, user.ptr, user.len);
    memcpy(info->name, token->name, sizeof info->name);
    memcpy(info->last_address, token->last_address, sizeof info->last_address);
}

/* --- create --- */

static enum mfa_result find_or_add_user(struct mfa *mfa, struct bytes name, struct store_user *user)
{
    const struct store_engine *engine = mfa->store->engine;

    enum store_status status = engine->user_find(mfa->store, name, user);
    if (status == STORE_FAILED)
        return MFA_STORE;
    if (status == STORE_OK && user->data_key != 0)
        return MFA_OK;
    if (status == STORE_NONE) {
        *user = (struct store_user){.id = mfa_random_id(), .name_len = name.len};
        memcpy(user->name, name.ptr, name.len);
    }
    if (user->id == 0 || !keyring_make_user_key(&mfa->ring, user)) {
        mfa_note(mfa, "cannot make a user's key: OpenSSL fails or has no random bytes");
        return MFA_KEY;
    }
    status = status == STORE_NONE ? engine->user_add(mfa->store, user)
                                  : engine->user_set_key(mfa->store, user);
    return status == STORE_OK ? MFA_OK : MFA_STORE;
}

/* Makes room for a token of that name: a pending one gives way. */
static enum mfa_result make_room(struct mfa *mfa, const struct store_user *user, const char *name)
{
    const struct store_engine *engine = mfa->store->engine;
    struct store_token tokens[MFA_TOKENS_PER_USER];
    size_t n;

    if (engine->token_list(mfa->store, user->id, tokens, &n) != STORE_OK)
        return MFA_STORE;
    for (size_t i = 0; i < n; i++) {
        if (strcmp(tokens[i].name, name) != 0)
            continue;
        if (tokens[i].state == TOKEN_ACTIVE)
            return MFA_EXISTS;
        return engine->token_remove(mfa->store, tokens[i].id) == STORE_OK ? MFA_OK : MFA_STORE;
    }
    return n < MFA_TOKENS_PER_USER ? MFA_OK : MFA_TOO_MANY;
}

/* The last step that began before the floor: none at or below it is accepted. */
static int64_t step_below(int64_t floor_s, unsigned period)
{
    return floor_s <= 0 ? -1 : totp_step(floor_s - 1, period);
}

static enum mfa_result create(struct mfa *mfa, struct bytes name, struct store_token *token,
                              int64_t now_s, struct secret *secret)
{
    struct store_user user;

    enum mfa_result result = find_or_add_user(mfa, name, &user);
    if (result != MFA_OK)
        return result;
    result = make_room(mfa, &user, token->name);
    if (result != MFA_OK)
        return result;
    token->last_step = step_below(user.floor_s, token->period);
    if (!mfa_make_token(mfa, &user, token, secret)) {
        mfa_note(mfa, "cannot seal a secret: OpenSSL fails, or the user's key was changed");
        return MFA_KEY;
    }
    if (mfa->store->engine->token_add(mfa->store, token) != STORE_OK ||
        subject_keep(mfa, name, now_s * 1000) == STORE_FAILED)
        return MFA_STORE;
    return MFA_OK;
}

enum mfa_result mfa_create(struct mfa *mfa, struct bytes user, const char *name,
                           const struct settings_token *parameters, int64_t now_s,
                           struct token_info *info, struct secret *secret)
{
    *info = (struct token_info){0};
    *secret = (struct secret){0};
    if (!good_user(user) || !good_token_name(name))
        return MFA_BAD_NAME;
    if (parameters->digits < TOTP_DIGITS_MIN || parameters->digits > TOTP_DIGITS_MAX ||
        parameters->period < 1 || parameters->period > STORE_PERIOD_MAX ||
        parameters->algorithm < ALGORITHM_SHA1 || parameters->algorithm > ALGORITHM_SHA512) {
        mfa_note(mfa, "cannot create a token: digits, period or algorithm out of range");
        return MFA_STORE;
    }
    struct store_token token = {
        .state = TOKEN_PENDING,
        .algorithm = (enum settings_algorithm)parameters->algorithm,
        .digits = (unsigned)parameters->digits,
        .period = (unsigned)parameters->period,
        .created_s = now_s,
    };
    snprintf(token.name, sizeof token.name, "%s", name);
    enum mfa_result result = start(mfa, STORE_DURABLE);
    if (result != MFA_OK)
        return result;
    result = end(mfa, create(mfa, user, &token, now_s, secret));
    if (result == MFA_OK)
        fill_info(info, user, &token);
    else
        secret_free(secret);
    return result;
}

/* --- confirm --- */

/* Would the code be right if the app had ignored algorithm, digits and period? */
static bool right_by_default(struct bytes secret, int64_t now_s, unsigned window, struct bytes code)
{
    const struct totp usual = {ALGORITHM_SHA1, 6, 30};
    struct totp_window found;
    bool match = false;

    if (!totp_compare(&usual, secret, now_s, window, code, &found))
        return false;
    for (size_t i = 0; i < found.n; i++)
        match |= found.match[i];
    return match;
}

static enum mfa_result prove(struct mfa *mfa, const struct store_user *user,
                             const struct store_token *token, struct bytes code, int64_t now_s,
                             int64_t boot_s, int64_t *step)
{
    uint8_t secret[SEAL_PLAIN_MAX];
    size_t len;
    struct totp_window found;
    unsigned window = (unsigned)mfa->token.window;
    struct totp totp = {token->algorithm, token->digits, token->period};
    enum mfa_result result = MFA_CODE_WRONG;

    if (!keyring_unseal(&mfa->ring, user, token, secret, &len)) {
        mfa_note(mfa,
                 "the secret of token \"%s\" does not open: its row was changed or moved; "
                 "enrol it anew",
                 token->name);
        return MFA_KEY;
    }
    if (!totp_compare(&totp, bytes_of(secret, len), now_s, window, code, &found)) {
        mfa_note(mfa, "liboath cannot compute a code");
        result = MFA_KEY;
    }
    for (size_t i = 0; i < found.n; i++) {
        if (!found.match[i])
            continue;
        bool allowed = found.step[i] > token->last_step &&
                       totp_step_start(found.step[i], token->period) >= boot_s;
        if (allowed) {
            *step = found.step[i];
            result = MFA_OK;
        } else if (result == MFA_CODE_WRONG) {
            result = MFA_CODE_USED;
        }
    }
    if (result == MFA_CODE_WRONG && right_by_default(bytes_of(secret, len), now_s, window, code))
        result = MFA_CODE_APP;
    secret_wipe(secret, sizeof secret);
    return result;
}

static enum mfa_result confirm(struct mfa *mfa, struct bytes name, const char *token_name,
                               struct bytes code, int64_t now_s, int64_t boot_s)
{
    const struct store_engine *engine = mfa->store->engine;
    struct store_user user;
    struct store_token tokens[MFA_TOKENS_PER_USER];
    size_t n = 0, i = 0;
    int64_t step = 0;

    enum store_status status = engine->user_find(mfa->store, name, &user);
    if (status == STORE_OK)
        status = engine->token_list(mfa->store, user.id, tokens, &n);
    if (status == STORE_FAILED)
        return MFA_STORE;
    while (i < n && strcmp(tokens[i].name, token_name) != 0)
        i++;
    if (i == n)
        return MFA_NOT_FOUND;
    if (tokens[i].state == TOKEN_ACTIVE)
        return MFA_EXISTS;
    enum mfa_result result = prove(mfa, &user, &tokens[i], code, now_s, boot_s, &step);
    if (result != MFA_OK)
        return result;
    status = engine->token_activate(mfa->store, tokens[i].id, step, now_s);
    return status == STORE_OK ? MFA_OK : status == STORE_NONE ? MFA_CODE_USED : MFA_STORE;
}

enum mfa_result mfa_confirm(struct mfa *mfa, struct bytes user, const char *name, struct bytes code,
                            int64_t now_s, int64_t boot_s)
{
    if (!good_user(user) || !good_token_name(name))
        return MFA_BAD_NAME;
    enum mfa_result result = start(mfa, STORE_DURABLE);
    return result != MFA_OK ? result : end(mfa, confirm(mfa, user, name, code, now_s, boot_s));
}

/* --- list, remove, unlock --- */

struct collection {
    struct token_info *infos;
    size_t n, cap;
    bool short_of_memory;
};

static bool collect(void *context, struct bytes user, const struct store_token *token)
{
    struct collection *c = context;

    if (c->n == c->cap) {
        size_t cap = c->cap == 0 ? 16 : 2 * c->cap;
        struct token_info *infos = reallocarray(c->infos, cap, sizeof *infos);
        if (infos == NULL) {
            c->short_of_memory = true;
            return false;
        }
        c->infos = infos;
        c->cap = cap;
    }
    fill_info(&c->infos[c->n++], user, token);
    return true;
}

static enum mfa_result list_one(struct mfa *mfa, struct bytes name, struct collection *c)
{
    struct store_user user;
    struct store_token tokens[MFA_TOKENS_PER_USER];
    size_t n = 0;

    enum store_status status = mfa->store->engine->user_find(mfa->store, name, &user);
    if (status == STORE_OK)
        status = mfa->store->engine->token_list(mfa->store, user.id, tokens, &n);
    if (status == STORE_FAILED)
        return MFA_STORE;
    for (size_t i = 0; i < n; i++)
        if (!collect(c, name, &tokens[i]))
            break;
    return n > 0 ? MFA_OK : MFA_NOT_FOUND;
}

enum mfa_result mfa_list(struct mfa *mfa, struct bytes user, struct token_info **infos, size_t *n)
{
    struct collection c = {0};

    *infos = NULL;
    *n = 0;
    if (user.len > 0 && !good_user(user))
        return MFA_BAD_NAME;
    enum mfa_result result = start(mfa, STORE_READ);
    if (result != MFA_OK)
        return result;
    if (user.len > 0)
        result = list_one(mfa, user, &c);
    else if (mfa->store->engine->token_scan(mfa->store, collect, &c) != STORE_OK)
        result = MFA_STORE;
    result = end(mfa, result);
    if (result == MFA_OK && c.short_of_memory) {
        mfa_note(mfa, "cannot list tokens: memory is short");
        result = MFA_STORE;
    }
    if (result != MFA_OK) {
        free(c.infos);
        return result;
    }
    *infos = c.infos;
    *n = c.n;
    return MFA_OK;
}

static enum mfa_result read_user(struct mfa *mfa, const struct store_subject *who, int64_t now_ms,
                                 struct user_info *info)
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

enum mfa_result mfa_user(struct mfa *mfa, struct bytes user, int64_t now_ms, struct user_info *info)
{
    struct store_subject who;
    uint8_t hash[KEYRING_HASH];

    *info = (struct user_info){0};
    if (!good_user(user))
        return MFA_BAD_NAME;
    if (!subject_identify(mfa, user, &who) || !keyring_hash(mfa->ring.audit, user, hash)) {
        mfa_note(mfa, "cannot hash a name: HMAC-SHA256 fails in OpenSSL");
        return MFA_KEY;
    }
    keyring_hash_text(hash, info->hash);
    enum mfa_result result = start(mfa, STORE_READ);
    return result != MFA_OK ? result : end(mfa, read_user(mfa, &who, now_ms, info));
}

/* Removes matching tokens; the user stays, with a floor above every step that was accepted. */
static enum mfa_result removal(struct mfa *mfa, struct bytes name, const char *token_name,
                               size_t *removed)
{
    const struct store_engine *engine = mfa->store->engine;
    struct store_user user;
    struct store_token tokens[MFA_TOKENS_PER_USER];
    size_t n = 0;

    enum store_status status = engine->user_find(mfa->store, name, &user);
    if (status == STORE_OK)
        status = engine->token_list(mfa->store, user.id, tokens, &n);
    if (status == STORE_FAILED)
        return MFA_STORE;
    for (size_t i = 0; i < n; i++) {
        if (token_name != NULL && strcmp(tokens[i].name, token_name) != 0)
            continue;
        if (tokens[i].last_step >= 0 &&
            engine->user_raise_floor(mfa->store, user.id,
                                     totp_step_start(tokens[i].last_step + 1, tokens[i].period)) !=
                STORE_OK)
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
    if (!good_user(user) || (name != NULL && !good_token_name(name)))
        return MFA_BAD_NAME;
    enum mfa_result result = start(mfa, STORE_DURABLE);
    if (result == MFA_OK)
        result = end(mfa, removal(mfa, user, name, removed));
    if (result != MFA_OK)
        *removed = 0;
    return result;
}

static enum mfa_result forgive(struct mfa *mfa, const struct store_subject *who)
{
    const struct store_engine *engine = mfa->store->engine;
    struct store_subject found;
    struct bytes id = bytes_of(who->id, who->id_len);

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
    struct store_subject who;

    if (!good_user(user))
        return MFA_BAD_NAME;
    if (!subject_identify(mfa, user, &who)) {
        mfa_note(mfa, "cannot hash a name: HMAC-SHA256 fails in OpenSSL");
        return MFA_KEY;
    }
    enum mfa_result result = start(mfa, STORE_DURABLE);
    return result != MFA_OK ? result : end(mfa, forgive(mfa, &who));
}
