#include "config.h"

#include "common/crypto.h"
#include "mfa/change.h"
#include "mfa/otp.h"
#include "mfa/proof.h"
#include "mfa/subject.h"

#include <stdio.h>
#include <stdlib.h>

#include <openssl/crypto.h>

/* The last step that began before the floor: none at or below it is accepted. */
static int64_t step_below(int64_t floor_s, unsigned period)
{
    return floor_s <= 0 ? -1 : totp_step(floor_s - 1, period);
}

static enum mfa_result check_request(struct mfa *mfa, const struct token_request *request)
{
    bool hotp = request->kind == TOKEN_HOTP;

    if (!change_good_user(request->user) || !change_good_token_name(request->name))
        return MFA_BAD_NAME;
    if ((request->kind == TOKEN_TOTP || hotp) && request->digits >= OTP_DIGITS_MIN &&
        request->digits <= OTP_DIGITS_MAX && request->algorithm >= ALGORITHM_SHA1 &&
        request->algorithm <= ALGORITHM_SHA512 && (request->period >= 1) != hotp &&
        request->period <= STORE_PERIOD_MAX && request->last_step >= -1 &&
        (request->secret.len == 0 ||
         (request->secret.len >= OTP_SECRET_MIN && request->secret.len <= OTP_SECRET_MAX)))
        return MFA_OK;
    mfa_note(mfa, "cannot create token \"%s\": kind, digits, period, algorithm or the secret's "
                  "length is out of range", request->name);
    return MFA_STATE;
}

/* The secret of the request, or a fresh one, which is the caller's to free. */
static enum mfa_result choose_secret(struct mfa *mfa, const struct token_request *request,
                                     struct secret *fresh, struct bytes *secret)
{
    *secret = request->secret;
    if (request->secret.len > 0)
        return MFA_OK;
    if (!secret_alloc(fresh, otp_secret_size(request->algorithm)) ||
        !crypto_random_secret(fresh->ptr, fresh->len)) {
        secret_free(fresh);
        mfa_note(mfa, "cannot make a secret: OpenSSL has no random bytes, or memory is short");
        return MFA_KEY;
    }
    *secret = secret_bytes(fresh);
    return MFA_OK;
}

/* A token gives way; *token starts above all that it accepted, if it is the same secret again. */
static enum mfa_result take_place(struct mfa *mfa, struct store_user *user,
                                  const struct store_token *old, struct bytes secret,
                                  struct store_token *token)
{
    const struct store_engine *engine = mfa->store->engine;
    uint8_t opened[SEAL_PLAIN_MAX];
    size_t len;

    if (old->kind == TOKEN_TOTP && old->last_step >= 0) {
        int64_t floor_s = totp_step_start(old->last_step + 1, old->period);
        if (engine->user_raise_floor(mfa->store, user->id, floor_s) == STORE_FAILED)
            return MFA_STORE;
        if (floor_s > user->floor_s)
            user->floor_s = floor_s;
    }
    /* One that does not open is no loss. */
    if (old->kind == TOKEN_HOTP && token->kind == TOKEN_HOTP &&
        keyring_unseal(&mfa->ring, user, old, opened, &len)) {
        if (len == secret.len && CRYPTO_memcmp(opened, secret.ptr, len) == 0 &&
            old->last_step > token->last_step)
            token->last_step = old->last_step;
        secret_wipe(opened, sizeof opened);
    }
    return change_result(engine->token_remove(mfa->store, old->id));
}

/*
 * Two tokens with one secret would each remember what it accepted, and after a resync of one of them the
 * other would take its codes once more.  Other digits make no difference: they end in the same ones.
 */
static enum mfa_result check_unlike(struct mfa *mfa, const struct store_user *user,
                                    const struct store_token *other, struct bytes secret)
{
    uint8_t opened[SEAL_PLAIN_MAX];
    size_t len;

    if (!keyring_unseal(&mfa->ring, user, other, opened, &len))
        return MFA_OK; /* it admits nobody */
    bool same = len == secret.len && CRYPTO_memcmp(opened, secret.ptr, len) == 0;
    secret_wipe(opened, sizeof opened);
    if (!same)
        return MFA_OK;
    mfa_note(mfa, "token \"%s\" of this user has the same secret: one code would count twice; "
                  "remove it, or replace it under its own name", other->name);
    return MFA_SAME;
}

/* Makes room for a token of that name: a pending one gives way. */
static enum mfa_result make_room(struct mfa *mfa, struct store_user *user, bool replace,
                                 struct bytes secret, struct store_token *token)
{
    struct store_token tokens[MFA_TOKENS_PER_USER];
    size_t n;

    if (mfa->store->engine->token_list(mfa->store, user->id, tokens, &n) != STORE_OK)
        return MFA_STORE;
    for (size_t i = 0; i < n; i++) {
        if (strcmp(tokens[i].name, token->name) == 0)
            continue;
        enum mfa_result result = check_unlike(mfa, user, &tokens[i], secret);
        if (result != MFA_OK)
            return result;
    }
    for (size_t i = 0; i < n; i++) {
        if (strcmp(tokens[i].name, token->name) != 0)
            continue;
        if (tokens[i].state != TOKEN_PENDING && !replace)
            return MFA_EXISTS;
        return take_place(mfa, user, &tokens[i], secret, token);
    }
    return n < MFA_TOKENS_PER_USER ? MFA_OK : MFA_TOO_MANY;
}

static enum mfa_result make(struct mfa *mfa, const struct token_request *request, int64_t now_s,
                            struct token_outcome *outcome)
{
    struct store_user user;
    struct bytes secret;
    struct store_token token = {
        .id = mfa_random_id(),
        .state = request->active ? TOKEN_ACTIVE : TOKEN_PENDING,
        .kind = request->kind,
        .algorithm = request->algorithm,
        .digits = request->digits,
        .period = request->period,
        .created_s = now_s,
        .confirmed_s = request->active ? now_s : 0,
        .expires_s = request->active ? 0 : request->expires_s,
        .last_step = request->last_step,
        .version = 1,
    };

    enum mfa_result result = check_request(mfa, request);
    if (result == MFA_OK)
        result = change_time(mfa, now_s, &token.synced_s); /* nothing of it was accepted before */
    if (result != MFA_OK)
        return result;
    snprintf(token.name, sizeof token.name, "%s", request->name);
    result = change_need_user(mfa, request->user, true, &user);
    if (result == MFA_OK)
        result = choose_secret(mfa, request, &outcome->secret, &secret);
    if (result == MFA_OK)
        result = make_room(mfa, &user, request->replace, secret, &token);
    if (result != MFA_OK)
        return result;
    if (token.kind == TOKEN_TOTP && step_below(user.floor_s, token.period) > token.last_step)
        token.last_step = step_below(user.floor_s, token.period);
    token.user = user.id;
    if (token.id == 0 || !keyring_seal(&mfa->ring, &user, &token, secret)) {
        mfa_note(mfa, "cannot seal a secret: OpenSSL fails, or the user's key was changed");
        return MFA_KEY;
    }
    if (mfa->store->engine->token_add(mfa->store, &token) != STORE_OK ||
        subject_keep(mfa, request->user, now_s * 1000) == STORE_FAILED)
        return MFA_STORE;
    change_fill_info(&outcome->info, request->user, &token);
    return MFA_OK;
}

/* Nothing was made after all; what was a fault stays said. */
static void unmake(struct token_outcome *outcomes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        secret_free(&outcomes[i].secret);
        if (outcomes[i].result == MFA_OK)
            outcomes[i] = (struct token_outcome){.result = MFA_STATE};
    }
}

enum mfa_result mfa_create_many(struct mfa *mfa, const struct token_request *requests, size_t n,
                                bool all_or_nothing, int64_t now_s, struct token_outcome *outcomes)
{
    for (size_t i = 0; i < n; i++)
        outcomes[i] = (struct token_outcome){.result = MFA_STATE};
    enum mfa_result result = change_begin(mfa, STORE_DURABLE);
    if (result != MFA_OK)
        return result;
    for (size_t i = 0; i < n && result == MFA_OK; i++) {
        enum mfa_result one = outcomes[i].result = make(mfa, &requests[i], now_s, &outcomes[i]);
        if (one == MFA_OK)
            continue;
        secret_free(&outcomes[i].secret);
        if (all_or_nothing || one == MFA_STORE || one == MFA_KEY)
            result = one;
    }
    result = change_end(mfa, result);
    if (result != MFA_OK)
        unmake(outcomes, n);
    return result;
}

enum mfa_result mfa_create(struct mfa *mfa, struct bytes user, const char *name,
                           const struct settings_token *parameters, int64_t now_s,
                           struct token_info *info, struct secret *secret)
{
    const struct token_request request = {
        .user = user,
        .name = name,
        .kind = TOKEN_TOTP,
        .algorithm = (enum settings_algorithm)parameters->algorithm,
        .digits = (unsigned)parameters->digits,
        .period = (unsigned)parameters->period,
        .last_step = -1,
    };
    struct token_outcome outcome;

    enum mfa_result result = mfa_create_many(mfa, &request, 1, true, now_s, &outcome);
    *info = outcome.info;
    *secret = outcome.secret;
    return result;
}

/* --- confirm --- */

/* Would the code be right if the app had ignored algorithm, digits and period? */
static bool right_by_default(const struct proof_rules *rules, const struct store_token *token,
                             struct bytes secret, struct bytes code)
{
    struct store_token usual = *token;
    struct proof proof;

    usual.algorithm = ALGORITHM_SHA1;
    usual.digits = 6;
    usual.period = 30;
    usual.last_step = token->kind == TOKEN_TOTP ? -1 : token->last_step;
    return proof_of_code(rules, &usual, secret, code, &proof) &&
           (proof.allowed || proof.early || proof.restored);
}

static enum mfa_result prove(struct mfa *mfa, const struct proof_rules *rules,
                             const struct store_user *user, const struct store_token *token,
                             struct bytes code, struct proof *proof)
{
    uint8_t secret[SEAL_PLAIN_MAX];
    size_t len;

    enum mfa_result result = change_open_secret(mfa, user, token, secret, &len);
    if (result != MFA_OK)
        return result;
    if (!proof_of_code(rules, token, bytes_of(secret, len), code, proof)) {
        mfa_note(mfa, "liboath cannot compute a code");
        result = MFA_KEY;
    } else if (proof->resync) {
        mfa_note(mfa, "the store was restored since token \"%s\" was made: enrol it anew",
                 token->name);
        result = MFA_STATE;
    } else if (!proof->allowed) {
        result = proof->used || proof->early || proof->restored ? MFA_CODE_USED
                 : right_by_default(rules, token, bytes_of(secret, len), code) ? MFA_CODE_APP
                                                                              : MFA_CODE_WRONG;
    }
    secret_wipe(secret, sizeof secret);
    return result;
}

static enum mfa_result confirm(struct mfa *mfa, struct bytes name, const char *token_name,
                               struct bytes code, int64_t now_s, int64_t boot_s)
{
    struct store_user user;
    struct store_token token;
    struct store_state state;
    struct proof proof;

    enum mfa_result result = change_find_token(mfa, name, token_name, &user, &token);
    if (result != MFA_OK)
        return result;
    if (token.state != TOKEN_PENDING)
        return token.state == TOKEN_ACTIVE ? MFA_EXISTS : MFA_STATE;
    if (token.expires_s != 0 && token.expires_s <= now_s)
        return MFA_EXPIRED;
    if (mfa->store->engine->state(mfa->store, &state) != STORE_OK)
        return MFA_STORE;
    struct proof_rules rules = mfa_proof_rules(mfa, now_s, boot_s, state.floor_s);
    result = prove(mfa, &rules, &user, &token, code, &proof);
    if (result != MFA_OK)
        return result;
    result = change_time(mfa, now_s, &now_s);
    if (result != MFA_OK)
        return result;
    enum store_status status =
        mfa->store->engine->token_activate(mfa->store, token.id, proof.step, now_s);
    return status == STORE_NONE ? MFA_CODE_USED : change_result(status);
}

enum mfa_result mfa_confirm(struct mfa *mfa, struct bytes user, const char *name, struct bytes code,
                            int64_t now_s, int64_t boot_s)
{
    if (!change_good_user(user) || !change_good_token_name(name))
        return MFA_BAD_NAME;
    enum mfa_result result = change_begin(mfa, STORE_DURABLE);
    if (result == MFA_OK)
        result = change_end(mfa, confirm(mfa, user, name, code, now_s, boot_s));
    return result;
}
