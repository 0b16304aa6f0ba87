#include "config.h"

#include "mfa/engine.h"

#include "common/text.h"
#include "mfa/split.h"
#include "mfa/subject.h"
#include "mfa/totp.h"

#include <stdio.h>

/* What one token says of the string. */
struct finding {
    bool has_code; /* the string has the form of this token's code */
    bool allowed;  /* it is the code of `step`, which may be accepted */
    bool used;     /* it is the code of a step at or below the last accepted one */
    bool early;    /* it is the code of a step that began before this machine started */
    int64_t step;
    struct split split;
};

struct judgement {
    struct mfa *mfa;
    const struct mfa_attempt *in;
    struct mfa_outcome *out;
    struct store_user user;
    struct store_token tokens[MFA_TOKENS_PER_USER]; /* pending ones included */
    size_t n_tokens;
    struct finding findings[MFA_TOKENS_PER_USER];
    struct subject subject;
};

static enum split_order order_of(const struct mfa_attempt *in)
{
    if (in->whole_is_code)
        return SPLIT_CODE_ONLY;
    return in->code_first ? SPLIT_CODE_PASSWORD : SPLIT_PASSWORD_CODE;
}

/* Reads user, tokens and failures. */
static enum store_status load(struct judgement *j)
{
    struct store *store = j->mfa->store;

    enum store_status status = store->engine->user_find(store, j->in->user, &j->user);
    /* An unknown user (id 0) has no tokens; looking costs the same. */
    if (status == STORE_FAILED ||
        store->engine->token_list(store, j->user.id, j->tokens, &j->n_tokens) == STORE_FAILED)
        return STORE_FAILED;
    j->out->user_known = j->n_tokens > 0;
    return subject_load(j->mfa, j->in->code_due && j->n_tokens == 0 ? SUBJECT_BUCKET : SUBJECT_NAME,
                        j->in->user, j->in->address, j->in->now_ms, &j->subject);
}

/* Computes the codes of one token and compares; the same work whatever the string is. */
static enum reason examine(struct judgement *j, const struct store_user *user,
                           const struct store_token *token, struct finding *finding)
{
    uint8_t secret[SEAL_PLAIN_MAX];
    size_t len;
    struct totp_window window;
    struct totp totp = {token->algorithm, token->digits, token->period};
    enum reason reason = REASON_GRANTED;

    *finding = (struct finding){0};
    finding->has_code =
        split_secret(j->in->secret, order_of(j->in), token->digits, &finding->split);
    if (!keyring_unseal(&j->mfa->ring, user, token, secret, &len)) {
        mfa_note(j->mfa,
                 "the secret of token %lld does not open: its row was changed, or moved here from "
                 "another user or store; remove the token and enrol it anew",
                 (long long)token->id);
        return REASON_KEY_UNAVAILABLE;
    }
    int64_t now_s = j->in->now_ms / 1000;
    if (!totp_compare(&totp, bytes_of(secret, len), now_s, (unsigned)j->mfa->token.window,
                      finding->split.code, &window)) {
        mfa_note(j->mfa, "liboath cannot compute the code of token %lld", (long long)token->id);
        reason = REASON_INTERNAL;
    }
    for (size_t i = 0; i < window.n; i++) {
        if (!window.match[i])
            continue;
        if (window.step[i] <= token->last_step) {
            finding->used = true;
        } else if (totp_step_start(window.step[i], token->period) < j->in->boot_s) {
            finding->early = true;
        } else {
            /* Of two steps with one code the later: burning it burns both. */
            finding->allowed = true;
            finding->step = window.step[i];
        }
    }
    secret_wipe(secret, sizeof secret);
    return reason;
}

/*
 * Looks at every active token, at a made-up one if there is none.  Returns what the code alone
 * deserves; REASON_GRANTED is not yet burnt.
 */
static enum reason examine_all(struct judgement *j)
{
    bool active = false, has_code = false, allowed = false, used = false, early = false;

    for (size_t i = 0; i < j->n_tokens; i++) {
        struct finding *finding = &j->findings[i];
        if (j->tokens[i].state != TOKEN_ACTIVE)
            continue;
        active = true;
        enum reason reason = examine(j, &j->user, &j->tokens[i], finding);
        if (reason != REASON_GRANTED)
            return reason;
        has_code |= finding->has_code;
        allowed |= finding->allowed;
        used |= finding->used;
        early |= finding->early;
        if (finding->has_code || i == 0) {
            j->out->password_offset = finding->split.password_offset;
            j->out->password_length = finding->split.password_length;
        }
    }
    if (!active) {
        struct finding nobody;
        enum reason reason = examine(j, &j->mfa->dummy_user, &j->mfa->dummy_token, &nobody);
        j->out->password_offset = nobody.split.password_offset;
        j->out->password_length = nobody.split.password_length;
        return reason != REASON_GRANTED ? reason : REASON_NOT_ENROLLED;
    }
    /* One code, one guess, over all tokens: a code that was accepted once is used, even if by chance
     * another token would take it now. */
    return used       ? REASON_CODE_USED
           : allowed  ? REASON_GRANTED
           : early    ? REASON_CODE_BEFORE_BOOT
           : has_code ? REASON_CODE_WRONG
                      : REASON_CODE_MISSING;
}

/* Burns the code on every token that would take it; the first is the one that is reported. */
static enum reason burn(struct judgement *j)
{
    struct store *store = j->mfa->store;
    char address[sizeof j->tokens[0].last_address];

    if (j->in->address.len == 0)
        snprintf(address, sizeof address, "local");
    else
        text_escape(address, sizeof address, j->in->address);
    for (size_t i = 0; i < j->n_tokens; i++) {
        const struct store_token *token = &j->tokens[i];
        const struct finding *finding = &j->findings[i];
        if (!finding->allowed)
            continue;
        enum store_status status = store->engine->token_burn(store, token->id, finding->step,
                                                             j->in->now_ms / 1000, address);
        if (status != STORE_OK)
            return status == STORE_NONE ? REASON_CODE_USED : REASON_STORE_UNAVAILABLE;
        if (j->out->burn.token != 0)
            continue;
        j->out->burn = (struct mfa_burn){token->id, finding->step, token->last_step};
        j->out->password_offset = finding->split.password_offset;
        j->out->password_length = finding->split.password_length;
        memcpy(j->out->token_name, token->name, sizeof j->out->token_name);
    }
    return REASON_GRANTED;
}

/* Noted at most once an hour: a store that is written at each login is not worth a finer date. */
static bool nothing_to_note(const struct subject *subject, int64_t now_ms)
{
    const int64_t hour_ms = INT64_C(3600) * 1000;
    int64_t last = subject->from.last_success_ms;

    return subject->from.failures == 0 && subject->who.slot < 0 && last > now_ms - hour_ms &&
           last <= now_ms + hour_ms;
}

static enum reason refusal(enum throttle_verdict verdict)
{
    return verdict == THROTTLE_CAPPED ? REASON_CAPPED : REASON_THROTTLED;
}

/* Inside a writing transaction; *write says whether there is something to commit. */
static enum reason judge_code(struct judgement *j, bool *write)
{
    enum reason reason;

    if (load(j) != STORE_OK)
        return REASON_STORE_UNAVAILABLE;
    *write = subject_mend(&j->subject, j->in->now_ms);
    if (*write && subject_save_address(j->mfa, &j->subject) != STORE_OK)
        return REASON_STORE_UNAVAILABLE;
    enum throttle_verdict verdict = subject_judge(j->mfa, &j->subject, j->in->now_ms);
    reason = examine_all(j);
    if (reason_verdict(reason) == VERDICT_UNAVAILABLE)
        return reason;
    if (verdict != THROTTLE_FREE)
        /* Of a name without tokens the event says that, not what its bucket's neighbours did. */
        return j->n_tokens == 0 ? REASON_NOT_ENROLLED : refusal(verdict);
    if (reason == REASON_GRANTED)
        reason = burn(j);
    else if (subject_fail(j->mfa, &j->subject, j->in->now_ms) != STORE_OK)
        reason = REASON_STORE_UNAVAILABLE;
    *write = true;
    return reason;
}

/* No code due: only whether the attempt is refused. */
static enum reason judge_refusal(struct judgement *j, bool *write)
{
    if (load(j) != STORE_OK)
        return REASON_STORE_UNAVAILABLE;
    *write = subject_mend(&j->subject, j->in->now_ms);
    enum throttle_verdict verdict = subject_judge(j->mfa, &j->subject, j->in->now_ms);
    return verdict == THROTTLE_FREE ? REASON_GRANTED : refusal(verdict);
}

static enum reason decide(struct judgement *j, int64_t deadline_ms)
{
    struct store *store = j->mfa->store;
    enum store_mode mode = j->in->code_due ? STORE_STEP : STORE_READ;
    bool write = false;
    enum reason reason;

    if (store->engine->begin(store, mode, deadline_ms) != STORE_OK) {
        mfa_note_store(j->mfa);
        return REASON_STORE_UNAVAILABLE;
    }
    reason = j->in->code_due ? judge_code(j, &write) : judge_refusal(j, &write);
    if (reason == REASON_STORE_UNAVAILABLE)
        mfa_note_store(j->mfa);
    if (!write || mode == STORE_READ || reason_verdict(reason) == VERDICT_UNAVAILABLE) {
        store->engine->rollback(store);
    } else if (store->engine->commit(store) != STORE_OK) {
        mfa_note_store(j->mfa);
        reason = REASON_STORE_UNAVAILABLE;
    }
    if (write && mode == STORE_READ && reason_verdict(reason) != VERDICT_UNAVAILABLE) {
        /* The clock was set back: the row must say so, or the refusal would have no end. */
        if (store->engine->begin(store, STORE_STEP, deadline_ms) != STORE_OK ||
            load(j) != STORE_OK ||
            (subject_mend(&j->subject, j->in->now_ms) &&
             subject_save_address(j->mfa, &j->subject) != STORE_OK) ||
            store->engine->commit(store) != STORE_OK) {
            mfa_note_store(j->mfa);
            store->engine->rollback(store);
            reason = REASON_STORE_UNAVAILABLE;
        }
    }
    return reason;
}

enum reason mfa_attempt(struct mfa *mfa, const struct mfa_attempt *attempt, int64_t deadline_ms,
                        struct mfa_outcome *outcome)
{
    struct judgement j = {.mfa = mfa, .in = attempt, .out = outcome};
    uint8_t hash[KEYRING_HASH];

    *outcome = (struct mfa_outcome){.password_length = attempt->secret.len};
    outcome->reason = REASON_STORE_UNAVAILABLE;
    if (!mfa_usable(mfa))
        return outcome->reason;
    if (!keyring_hash(mfa->ring.audit, attempt->user, hash)) {
        mfa_note(mfa, "cannot hash a name: HMAC-SHA256 fails in OpenSSL");
        return outcome->reason = REASON_KEY_UNAVAILABLE;
    }
    keyring_hash_text(hash, outcome->user_hash);
    outcome->reason = decide(&j, deadline_ms);
    outcome->success_is_noted =
        j.subject.kind == SUBJECT_NAME && nothing_to_note(&j.subject, attempt->now_ms);
    if (outcome->reason != REASON_GRANTED) {
        outcome->burn = (struct mfa_burn){0};
        outcome->token_name[0] = '\0';
    }
    return outcome->reason;
}

bool mfa_give_back(struct mfa *mfa, const struct mfa_burn *burn, int64_t deadline_ms)
{
    struct store *store = mfa->store;

    if (burn->token == 0 || !mfa_usable(mfa))
        return false;
    enum store_status status = store->engine->begin(store, STORE_STEP, deadline_ms);
    if (status == STORE_OK)
        status = store->engine->token_restore(store, burn->token, burn->step, burn->previous);
    if (status == STORE_OK)
        status = store->engine->commit(store);
    else
        store->engine->rollback(store);
    if (status == STORE_FAILED)
        mfa_note_store(mfa);
    return status == STORE_OK;
}

bool mfa_count_failure(struct mfa *mfa, struct bytes user, struct bytes address, int64_t now_ms,
                       int64_t deadline_ms)
{
    struct store *store = mfa->store;
    struct subject subject;

    if (!mfa_usable(mfa))
        return false;
    if (store->engine->begin(store, STORE_STEP, deadline_ms) == STORE_OK &&
        subject_load(mfa, SUBJECT_NAME, user, address, now_ms, &subject) == STORE_OK &&
        subject_fail(mfa, &subject, now_ms) == STORE_OK && store->engine->commit(store) == STORE_OK)
        return true;
    mfa_note_store(mfa);
    store->engine->rollback(store);
    return false;
}

bool mfa_count_success(struct mfa *mfa, struct bytes user, struct bytes address, int64_t now_ms,
                       int64_t deadline_ms)
{
    struct store *store = mfa->store;
    struct subject subject;

    if (!mfa_usable(mfa))
        return false;
    if (store->engine->begin(store, STORE_READ, deadline_ms) != STORE_OK ||
        subject_load(mfa, SUBJECT_NAME, user, address, now_ms, &subject) != STORE_OK)
        goto fail;
    store->engine->rollback(store);
    if (nothing_to_note(&subject, now_ms))
        return true;
    if (store->engine->begin(store, STORE_STEP, deadline_ms) == STORE_OK &&
        subject_load(mfa, SUBJECT_NAME, user, address, now_ms, &subject) == STORE_OK &&
        subject_succeed(mfa, &subject, now_ms) == STORE_OK &&
        store->engine->commit(store) == STORE_OK)
        return true;
fail:
    mfa_note_store(mfa);
    store->engine->rollback(store);
    return false;
}
