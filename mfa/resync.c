#include "config.h"

#include "mfa/change.h"
#include "mfa/otp.h"
#include "mfa/subject.h"

#include <stdlib.h>

/* The two codes were found: `step` is that of the second one. */
struct found {
    bool any;
    bool used; /* found, but not above all that was accepted */
    int64_t step;
};

/* Looks for two consecutive counters from `first` on; the pair nearest to `middle` is taken. */
static bool find_pair(const struct store_token *token, struct bytes secret, struct bytes one,
                      struct bytes two, int64_t first, size_t n, int64_t middle,
                      struct found *found)
{
    struct otp otp = {token->algorithm, token->digits};
    bool *match = calloc(2 * n, sizeof *match);
    bool ok = match != NULL && otp_compare(&otp, secret, first, n, one, match) &&
              otp_compare(&otp, secret, first, n, two, match + n);

    for (size_t i = 0; ok && i + 1 < n; i++) {
        int64_t step = first + (int64_t)i + 1;
        if (!match[i] || !match[n + i + 1])
            continue;
        if (step - 1 <= token->last_step)
            found->used = true;
        else if (!found->any || llabs(step - middle) < llabs(found->step - middle))
            *found = (struct found){.any = true, .used = found->used, .step = step};
    }
    if (match != NULL)
        secret_wipe(match, 2 * n * sizeof *match);
    free(match);
    return ok;
}

static bool search(const struct store_token *token, struct bytes secret, struct bytes one,
                   struct bytes two, int64_t now_s, struct found *found)
{
    if (token->kind == TOKEN_HOTP)
        return find_pair(token, secret, one, two, token->last_step, RESYNC_COUNTERS + 1,
                         token->last_step, found);
    int64_t middle = totp_step(now_s, token->period);
    return find_pair(token, secret, one, two, middle - RESYNC_STEPS, 2 * RESYNC_STEPS + 1, middle,
                     found);
}

/* Were the codes shown (by true time) before the machine started, or the store was restored? */
static bool too_old(struct mfa *mfa, const struct store_token *token, int64_t step, int64_t offset,
                    int64_t boot_s, int64_t floor_s)
{
    int64_t shown_s = totp_step_start(step - 1 - offset, token->period);
    int64_t first_s =
        totp_step_start(step - 1 - offset - mfa->token.window, token->period);

    return token->kind == TOKEN_TOTP && (shown_s < boot_s || first_s < floor_s);
}

static enum mfa_result set_right(struct mfa *mfa, const struct store_user *user,
                                 const struct store_token *token, struct bytes one,
                                 struct bytes two, int64_t now_s, int64_t boot_s)
{
    uint8_t secret[SEAL_PLAIN_MAX];
    size_t len;
    struct found found = {0};
    struct store_state state;

    if (mfa->store->engine->state(mfa->store, &state) != STORE_OK)
        return MFA_STORE;
    enum mfa_result result = change_open_secret(mfa, user, token, secret, &len);
    if (result != MFA_OK)
        return result;
    bool ok = search(token, bytes_of(secret, len), one, two, now_s, &found);
    secret_wipe(secret, sizeof secret);
    if (!ok) {
        mfa_note(mfa, "liboath cannot compute a code, or memory is short");
        return MFA_KEY;
    }
    if (!found.any)
        return found.used ? MFA_CODE_USED : MFA_CODE_WRONG;
    /* The second code is the one that is shown now. */
    int64_t offset =
        token->kind == TOKEN_TOTP ? found.step - totp_step(now_s, token->period) : 0;
    if (too_old(mfa, token, found.step, offset, boot_s, state.floor_s))
        return MFA_CODE_USED;
    result = change_time(mfa, now_s, &now_s);
    if (result != MFA_OK)
        return result;
    enum store_status status =
        mfa->store->engine->token_resync(mfa->store, token->id, found.step, offset, now_s);
    return status == STORE_NONE ? MFA_CODE_USED : change_result(status);
}

/*
 * In one transaction.  *counted: a failure was counted, which is to be committed although the result is
 * not MFA_OK.
 */
static enum mfa_result resync(struct mfa *mfa, struct bytes name, const char *token_name,
                              struct bytes one, struct bytes two, int64_t now_s, int64_t boot_s,
                              bool *counted)
{
    struct store_user user;
    struct store_token token;
    struct subject subject;
    int64_t now_ms = now_s * 1000;

    enum mfa_result result = change_find_token(mfa, name, token_name, &user, &token);
    if (result != MFA_OK)
        return result;
    if (token.state != TOKEN_ACTIVE) {
        mfa_note(mfa, "token \"%s\" is not active", token_name);
        return MFA_STATE;
    }
    if (subject_load(mfa, name, bytes_str(MFA_DESK), now_ms, &subject) != STORE_OK)
        return MFA_STORE;
    if (subject_judge(mfa, &subject, now_ms) != THROTTLE_FREE) {
        mfa_note(mfa, "too many failures of this user: wait, or run `pgsignet-mfa unlock`");
        return MFA_STATE;
    }
    result = set_right(mfa, &user, &token, one, two, now_s, boot_s);
    if (result == MFA_CODE_WRONG || result == MFA_CODE_USED) {
        if (subject_fail(mfa, &subject, now_ms) != STORE_OK)
            return MFA_STORE;
        *counted = true;
    }
    return result;
}

enum mfa_result mfa_resync(struct mfa *mfa, struct bytes user, const char *name, struct bytes first,
                           struct bytes second, int64_t now_s, int64_t boot_s)
{
    bool counted = false;

    if (!change_good_user(user) || !change_good_token_name(name))
        return MFA_BAD_NAME;
    enum mfa_result result = change_begin(mfa, STORE_DURABLE);
    if (result != MFA_OK)
        return result;
    result = resync(mfa, user, name, first, second, now_s, boot_s, &counted);
    enum mfa_result ended = change_end(mfa, counted ? MFA_OK : result);
    return counted && ended == MFA_OK ? result : ended;
}
