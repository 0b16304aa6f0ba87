#include "config.h"

#include "mfa/engine.h"

#include "common/text.h"
#include "mfa/breakglass.h"
#include "mfa/recovery.h"
#include "mfa/split.h"
#include "mfa/subject.h"

#include <stdio.h>

#include <openssl/crypto.h>

/* What one token, or the set of recovery codes, says of the string. */
struct finding {
    bool has_code; /* the string has the form of this token's code */
    struct split split;
    struct proof proof;
};

/* A string with the form of a recovery code, hashed before the transaction: that takes milliseconds. */
struct recovery_try {
    bool has_code;
    struct split split;
    uint8_t letters[SPLIT_RECOVERY];
    uint8_t salt[RECOVERY_SALT]; /* and iterations: what hash was made with */
    int64_t iterations;
    uint8_t hash[RECOVERY_HASH];
};

struct judgement {
    struct mfa *mfa;
    const struct mfa_attempt *in;
    struct mfa_outcome *out;
    struct store_ask ask;
    bool from_anybody;
    struct recovery_try recovery;
    struct glass_try glass;
    struct store_view view;
    struct subject subject;
    struct proof_rules rules;
    /* One a token, in the view's order, and one of the recovery codes. */
    struct finding findings[MFA_TOKENS_PER_USER + 1];
    int64_t recovery_code; /* the id of the one that matched; 0 = none */
    int64_t wants_data_key; /* of a row, which the ring has not; 0 = none */
};

#define OF_RECOVERY MFA_TOKENS_PER_USER
#define KEY_LOOKS   3 /* at a row whose data key is not known, while keys are being changed */

static enum split_order order_of(const struct mfa_attempt *in)
{
    if (in->whole_is_code)
        return SPLIT_CODE_ONLY;
    return in->code_first ? SPLIT_CODE_PASSWORD : SPLIT_PASSWORD_CODE;
}

/* Computes the codes of one token and compares; the same work whatever the string is. */
static enum reason examine(struct judgement *j, const struct store_user *user,
                           const struct store_token *token, struct finding *finding)
{
    uint8_t secret[SEAL_PLAIN_MAX];
    size_t len;
    enum reason reason = REASON_GRANTED;

    *finding = (struct finding){0};
    finding->has_code =
        split_secret(j->in->secret, order_of(j->in), token->digits, &finding->split);
    if (!keyring_unseal(&j->mfa->ring, user, token, secret, &len)) {
        if (!keyring_has(&j->mfa->ring, user->data_key))
            j->wants_data_key = user->data_key;
        mfa_note(j->mfa,
                 "the secret of token %lld does not open: its row was changed, or moved here from "
                 "another user or store; remove the token and enrol it anew",
                 (long long)token->id);
        return REASON_KEY_UNAVAILABLE;
    }
    if (!proof_of_code(&j->rules, token, bytes_of(secret, len), finding->split.code,
                       &finding->proof)) {
        mfa_note(j->mfa, "liboath cannot compute the code of token %lld", (long long)token->id);
        reason = REASON_INTERNAL;
    }
    secret_wipe(secret, sizeof secret);
    return reason;
}

/* Compares with all codes of the set, used ones too, without early exit. */
static void examine_recovery(struct judgement *j)
{
    const struct store_recovery *set = &j->view.recovery;
    struct finding *finding = &j->findings[OF_RECOVERY];

    *finding = (struct finding){.has_code = j->recovery.has_code, .split = j->recovery.split};
    j->recovery_code = 0;
    /* A set that was replaced since its salt was read has none of these codes. */
    if (!j->recovery.has_code || !j->view.has_recovery ||
        set->iterations != j->recovery.iterations ||
        memcmp(set->salt, j->recovery.salt, sizeof set->salt) != 0)
        return;
    for (size_t i = 0; i < set->n; i++) {
        if (CRYPTO_memcmp(set->codes[i].hash, j->recovery.hash, RECOVERY_HASH) != 0)
            continue;
        finding->proof.used = set->codes[i].used_s != 0;
        finding->proof.restored = set->created_s < j->view.state.floor_s;
        finding->proof.allowed = !finding->proof.used && !finding->proof.restored;
        finding->proof.lasting = true;
        j->recovery_code = set->codes[i].id;
    }
}

/* May a code of this token admit?  A pending one may for the first time, if it was made so. */
static bool eligible(const struct judgement *j, const struct store_token *token)
{
    return token->state == TOKEN_ACTIVE ||
           (token->state == TOKEN_PENDING && token->expires_s > j->in->now_ms / 1000);
}

/* What the findings together deserve, if the user has any token that may admit. */
static enum reason weigh(const struct judgement *j, bool enrolled)
{
    struct proof all = {0};
    bool has_code = false;

    for (size_t i = 0; i <= OF_RECOVERY; i++) {
        const struct finding *finding = &j->findings[i];
        has_code |= finding->has_code;
        all.allowed |= finding->proof.allowed;
        all.used |= finding->proof.used;
        all.early |= finding->proof.early;
        all.restored |= finding->proof.restored;
        all.resync |= finding->proof.resync;
    }
    /* One code, one guess, over all tokens: a code that was accepted once is used, even if by chance
     * another token would take it now. */
    return all.used       ? REASON_CODE_USED
           : all.allowed  ? REASON_GRANTED
           : all.early    ? REASON_CODE_BEFORE_BOOT
           : all.restored ? REASON_CODE_BEFORE_RESTORE
           : all.resync   ? REASON_NEEDS_RESYNC
           : !enrolled    ? REASON_NOT_ENROLLED
           : has_code     ? REASON_CODE_WRONG
                          : REASON_CODE_MISSING;
}

/*
 * Looks at every token that may admit, at a made-up one if there is none.  Returns what the code alone
 * deserves; REASON_GRANTED is not yet burnt.
 */
static enum reason examine_all(struct judgement *j)
{
    const struct split *split = NULL;
    struct finding nobody;
    enum reason reason = REASON_GRANTED;

    memset(j->findings, 0, sizeof j->findings);
    for (size_t i = 0; i < j->view.n_tokens && reason == REASON_GRANTED; i++) {
        struct finding *finding = &j->findings[i];
        if (!eligible(j, &j->view.tokens[i]))
            continue;
        reason = examine(j, &j->view.user, &j->view.tokens[i], finding);
        if (finding->has_code || split == NULL)
            split = &finding->split;
    }
    bool enrolled = split != NULL;
    if (!enrolled) {
        reason = examine(j, &j->mfa->dummy_user, &j->mfa->dummy_token, &nobody);
        split = &nobody.split;
    }
    examine_recovery(j);
    if (j->recovery_code != 0)
        split = &j->findings[OF_RECOVERY].split;
    j->out->password_offset = split->password_offset;
    j->out->password_length = split->password_length;
    return reason != REASON_GRANTED ? reason : weigh(j, enrolled);
}

/* Does a burn have to be on the disk before the login goes on?  What admits by time is kept from
 * coming back after a power cut by the boot floor. */
static bool needs_disk(const struct judgement *j)
{
    for (size_t i = 0; i <= OF_RECOVERY; i++)
        if (j->findings[i].proof.allowed &&
            (j->findings[i].proof.lasting ||
             (i < OF_RECOVERY && j->view.tokens[i].state == TOKEN_PENDING)))
            return true;
    return false;
}

/* The first is the one that is reported. */
static void report(struct judgement *j, const struct finding *finding, const char *name,
                   const struct mfa_burn *burn)
{
    if (j->out->burn.token != 0)
        return;
    j->out->burn = *burn;
    j->out->means = burn->is_recovery ? MFA_BY_RECOVERY : MFA_BY_CODE;
    j->out->password_offset = finding->split.password_offset;
    j->out->password_length = finding->split.password_length;
    snprintf(j->out->token_name, sizeof j->out->token_name, "%s", name);
}

/* Burns the code on every token that would take it, and commits. */
static enum reason burn(struct judgement *j)
{
    struct store *store = j->mfa->store;
    struct store_burn burns[MFA_TOKENS_PER_USER + 1];
    size_t n = 0;
    int64_t now_s = j->in->now_ms / 1000;
    char address[sizeof j->view.tokens[0].last_address];

    for (size_t i = 0; i < j->view.n_tokens; i++) {
        const struct store_token *token = &j->view.tokens[i];
        const struct proof *proof = &j->findings[i].proof;
        if (!proof->allowed)
            continue;
        burns[n++] = (struct store_burn){.token = token->id,
                                         .step = proof->step,
                                         .drift = proof->drift,
                                         .activate = token->state == TOKEN_PENDING,
                                         .is_counter = token->kind == TOKEN_HOTP};
        report(j, &j->findings[i], token->name,
               &(struct mfa_burn){token->id, proof->step, token->last_step, false});
    }
    if (j->findings[OF_RECOVERY].proof.allowed) {
        int64_t used_s = now_s > 0 ? now_s : 1; /* 0 would be "not used" */
        burns[n++] = (struct store_burn){j->recovery_code, true, .step = used_s};
        report(j, &j->findings[OF_RECOVERY], "recovery",
               &(struct mfa_burn){j->recovery_code, used_s, 0, true});
    }
    if (j->in->address.len == 0)
        snprintf(address, sizeof address, "local");
    else
        text_escape(address, sizeof address, j->in->address);
    enum store_status status =
        store->engine->burn_commit(store, burns, n, now_s, address, needs_disk(j));
    return status == STORE_OK     ? REASON_GRANTED
           : status == STORE_NONE ? REASON_CODE_USED
                                  : REASON_STORE_UNAVAILABLE;
}

static enum reason refusal(enum throttle_verdict verdict)
{
    return verdict == THROTTLE_CAPPED ? REASON_CAPPED : REASON_THROTTLED;
}

/* Commits the failure that counts (with what was mended); the reason stands if that works. */
static enum reason fail(struct judgement *j, enum reason reason)
{
    struct store *store = j->mfa->store;

    if (subject_fail(j->mfa, &j->subject, j->in->now_ms) == STORE_OK &&
        store->engine->commit(store) == STORE_OK)
        return reason;
    return REASON_STORE_UNAVAILABLE;
}

/* A refusal that counts no failure. */
static enum reason refuse(struct judgement *j, enum reason reason, bool mended)
{
    struct store *store = j->mfa->store;

    if (mended && store->engine->commit(store) != STORE_OK)
        return REASON_STORE_UNAVAILABLE;
    return reason;
}

/* Inside of a writing transaction, which it may end. */
static enum reason judge_code(struct judgement *j)
{
    bool mended = subject_mend(&j->subject, j->in->now_ms);

    if (mended && subject_save_address(j->mfa, &j->subject) != STORE_OK)
        return REASON_STORE_UNAVAILABLE;
    enum throttle_verdict verdict = subject_judge(j->mfa, &j->subject, j->in->now_ms);
    enum reason reason = examine_all(j);
    if (reason_verdict(reason) == VERDICT_UNAVAILABLE)
        return reason;
    bool locked = j->view.user.locked_s != 0;
    /* Of a name without tokens the event says that, not what its bucket's neighbours did. */
    bool nobody = j->view.n_tokens == 0 && !j->view.has_recovery;
    if (verdict != THROTTLE_FREE)
        return refuse(j, locked ? REASON_LOCKED : nobody ? REASON_NOT_ENROLLED : refusal(verdict),
                      mended);
    /* A lock counts like a wrong code: refused without a write, it would show by its speed. */
    if (locked)
        return fail(j, REASON_LOCKED);
    return reason == REASON_GRANTED ? burn(j) : fail(j, reason);
}

/* No code due: only whether the attempt is refused.  *again: the mended row is to be written. */
static enum reason judge_refusal(struct judgement *j, enum store_mode mode, bool *again)
{
    bool mended = subject_mend(&j->subject, j->in->now_ms);

    /* The clock was set back: the row must say so, or the refusal would have no end. */
    *again = mended && mode == STORE_READ;
    if (mended && !*again &&
        (subject_save_address(j->mfa, &j->subject) != STORE_OK ||
         j->mfa->store->engine->commit(j->mfa->store) != STORE_OK))
        return REASON_STORE_UNAVAILABLE;
    enum throttle_verdict verdict = subject_judge(j->mfa, &j->subject, j->in->now_ms);
    return j->view.user.locked_s != 0  ? REASON_LOCKED
           : verdict == THROTTLE_FREE ? REASON_GRANTED
                                      : refusal(verdict);
}

/* An armed account's passphrase stands for all else, but for lock, throttle and cap. */
static enum reason judge_glass(struct judgement *j, enum store_mode mode, bool *again)
{
    enum reason reason = judge_refusal(j, mode, again);

    j->out->means = MFA_BY_BREAK_GLASS;
    j->out->password_length = 0;
    snprintf(j->out->break_glass_reason, sizeof j->out->break_glass_reason, "%s",
             j->view.break_glass.reason);
    return reason;
}

/* One look and what follows from it; the transaction is over afterwards. */
static enum reason look_and_judge(struct judgement *j, enum store_mode mode, int64_t deadline_ms,
                                  bool *again)
{
    struct store *store = j->mfa->store;
    enum reason reason = REASON_STORE_UNAVAILABLE;

    *again = false;
    if (store->engine->look(store, mode, deadline_ms, &j->ask, &j->view) == STORE_OK) {
        j->out->glass = glass_judge(&j->glass, j->view.has_break_glass ? &j->view.break_glass : NULL,
                                    j->in->now_ms / 1000);
        j->out->user_known = j->view.n_tokens > 0 || j->out->glass != MFA_GLASS_NONE;
        j->out->enrolled = false;
        for (size_t i = 0; i < j->view.n_tokens; i++)
            j->out->enrolled |= eligible(j, &j->view.tokens[i]);
        j->rules = mfa_proof_rules(j->mfa, j->in->now_ms / 1000, j->in->boot_s,
                                   j->view.state.floor_s);
        subject_of_view(&j->view, j->from_anybody, j->in->now_ms, &j->subject);
        if (j->view.state.moved != 0)
            snprintf(store->error, sizeof store->error,
                     "the token store was moved to another (`pgsignet-mfa migrate`), or is the "
                     "unfinished target of a move: point store at the one that is in use");
        else if (j->out->glass == MFA_GLASS_ARMED)
            reason = judge_glass(j, mode, again);
        else
            reason = j->in->code_due ? judge_code(j) : judge_refusal(j, mode, again);
    }
    if (reason == REASON_STORE_UNAVAILABLE)
        mfa_note_store(j->mfa);
    store->engine->rollback(store); /* harmless after a commit */
    return reason;
}

static enum reason decide(struct judgement *j, int64_t deadline_ms)
{
    enum store_mode mode = j->in->code_due ? STORE_STEP : STORE_READ;
    bool again;

    enum reason reason = look_and_judge(j, mode, deadline_ms, &again);
    for (int i = 0; i < KEY_LOOKS && reason == REASON_KEY_UNAVAILABLE && j->wants_data_key != 0;
         i++) {
        /* Whether it is there now or not: keys may have changed once more, and the row names the next. */
        (void)mfa_learn_data_key(j->mfa, j->wants_data_key);
        j->wants_data_key = 0;
        reason = look_and_judge(j, mode, deadline_ms, &again);
    }
    if (again)
        reason = look_and_judge(j, STORE_STEP, deadline_ms, &again);
    return reason;
}

/*
 * Hashes a string that has the form of a recovery code, under the user's salt or one of nobody's: those
 * who have none, and those who are not, cost the same.  Outside of the transaction that judges.
 */
static enum reason try_recovery(struct judgement *j, int64_t deadline_ms)
{
    struct store *store = j->mfa->store;
    struct recovery_try *try = &j->recovery;

    if (!j->in->code_due ||
        !split_recovery(j->in->secret, order_of(j->in), try->letters, &try->split))
        return REASON_GRANTED;
    try->has_code = j->ask.recovery = true;
    if (store->engine->look(store, STORE_READ, deadline_ms, &j->ask, &j->view) != STORE_OK) {
        mfa_note_store(j->mfa);
        return REASON_STORE_UNAVAILABLE;
    }
    store->engine->rollback(store);
    bool has = j->view.has_recovery;
    memcpy(try->salt, has ? j->view.recovery.salt : j->mfa->dummy_salt, sizeof try->salt);
    try->iterations = has ? j->view.recovery.iterations : RECOVERY_ITERATIONS;
    if (recovery_hash(try->letters, try->salt, try->iterations, try->hash))
        return REASON_GRANTED;
    mfa_note(j->mfa, "cannot hash a recovery code: OpenSSL fails, or the user's row was changed");
    return REASON_KEY_UNAVAILABLE;
}

/* The same for a string that has the form of a break-glass passphrase. */
static enum reason try_glass(struct judgement *j, int64_t deadline_ms)
{
    struct store *store = j->mfa->store;

    if (!glass_has_form(j->in->secret, &j->glass))
        return REASON_GRANTED;
    if (store->engine->look(store, STORE_READ, deadline_ms, &j->ask, &j->view) != STORE_OK) {
        mfa_note_store(j->mfa);
        return REASON_STORE_UNAVAILABLE;
    }
    store->engine->rollback(store);
    if (glass_hash(&j->glass, j->view.has_break_glass ? &j->view.break_glass : NULL,
                   j->mfa->dummy_salt))
        return REASON_GRANTED;
    mfa_note(j->mfa, "cannot hash a passphrase: OpenSSL fails, or the account's row was changed");
    return REASON_KEY_UNAVAILABLE;
}

static enum reason attempt(struct judgement *j, int64_t deadline_ms)
{
    uint8_t hash[KEYRING_HASH];

    if (!keyring_hash(j->mfa->ring.audit, j->in->user, hash) ||
        !subject_ask(j->mfa, j->in->user, j->in->address, &j->ask, &j->from_anybody)) {
        mfa_note(j->mfa, "cannot hash a name: HMAC-SHA256 fails in OpenSSL");
        return REASON_KEY_UNAVAILABLE;
    }
    keyring_hash_text(hash, j->out->user_hash);
    j->ask.bucket_without_token = j->in->code_due;
    enum reason reason = try_glass(j, deadline_ms);
    if (reason == REASON_GRANTED)
        reason = try_recovery(j, deadline_ms);
    return reason == REASON_GRANTED ? decide(j, deadline_ms) : reason;
}

enum reason mfa_attempt(struct mfa *mfa, const struct mfa_attempt *in, int64_t deadline_ms,
                        struct mfa_outcome *outcome)
{
    struct judgement j = {.mfa = mfa, .in = in, .out = outcome};

    *outcome = (struct mfa_outcome){.password_length = in->secret.len};
    outcome->reason = REASON_STORE_UNAVAILABLE;
    if (!mfa_usable(mfa))
        return outcome->reason;
    outcome->reason = attempt(&j, deadline_ms);
    outcome->success_is_noted =
        j.subject.kind == SUBJECT_NAME && subject_is_noted(&j.subject, in->now_ms);
    if (outcome->reason != REASON_GRANTED) {
        outcome->burn = (struct mfa_burn){0};
        outcome->token_name[0] = '\0';
        outcome->means = MFA_BY_CODE;
    }
    secret_wipe(&j.recovery, sizeof j.recovery);
    secret_wipe(&j.glass, sizeof j.glass);
    return outcome->reason;
}

bool mfa_give_back(struct mfa *mfa, const struct mfa_burn *burn, int64_t deadline_ms)
{
    struct store *store = mfa->store;

    if (burn->token == 0 || !mfa_usable(mfa))
        return false;
    enum store_status status = store->engine->begin(store, STORE_STEP, deadline_ms);
    if (status == STORE_OK)
        status = burn->is_recovery
                     ? store->engine->recovery_restore(store, burn->token, burn->step)
                     : store->engine->token_restore(store, burn->token, burn->step, burn->previous);
    if (status == STORE_OK)
        status = store->engine->commit(store);
    else
        store->engine->rollback(store);
    if (status == STORE_FAILED)
        mfa_note_store(mfa);
    return status == STORE_OK;
}
