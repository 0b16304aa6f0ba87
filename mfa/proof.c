#include "config.h"

#include "mfa/proof.h"

#include "mfa/otp.h"

/* What may be said of one matching step; the latest that is allowed is the one to burn. */
static void judge_step(const struct proof_rules *rules, const struct store_token *token,
                       int64_t step, int64_t now_step, struct proof *proof)
{
    int64_t shown = step - token->offset; /* by true time: a fast clock must not outrun a floor */
    int64_t start_s = totp_step_start(shown, token->period);

    if (step <= token->last_step) {
        proof->used = true;
    } else if (start_s < rules->boot_s) {
        proof->early = true;
    } else if (totp_step_start(shown - (int64_t)rules->window, token->period) < rules->floor_s) {
        proof->restored = true;
    } else {
        /* Of two steps with one code the later: burning it burns both. */
        proof->allowed = true;
        proof->step = step;
        proof->drift = shown - now_step;
        proof->lasting = start_s > rules->now_s;
    }
}

static bool by_time(const struct proof_rules *rules, const struct store_token *token,
                    struct bytes secret, struct bytes code, struct proof *proof)
{
    bool match[2 * PROOF_WINDOW_MAX + 1];
    unsigned window = rules->window < PROOF_WINDOW_MAX ? rules->window : PROOF_WINDOW_MAX;
    struct otp otp = {token->algorithm, token->digits};
    int64_t now_step = totp_step(rules->now_s, token->period);
    int64_t first = now_step + token->offset - (int64_t)window;

    if (!otp_compare(&otp, secret, first, 2 * window + 1, code, match))
        return false;
    for (unsigned i = 0; i < 2 * window + 1; i++)
        if (match[i])
            judge_step(rules, token, first + i, now_step, proof);
    return true;
}

static bool by_counter(const struct proof_rules *rules, const struct store_token *token,
                       struct bytes secret, struct bytes code, struct proof *proof)
{
    bool match[PROOF_LOOK_AHEAD_MAX + 1];
    unsigned ahead =
        rules->look_ahead < PROOF_LOOK_AHEAD_MAX ? rules->look_ahead : PROOF_LOOK_AHEAD_MAX;
    struct otp otp = {token->algorithm, token->digits};

    /* From the last accepted one on: its code is a used one, not a wrong one. */
    if (!otp_compare(&otp, secret, token->last_step, ahead + 1, code, match))
        return false;
    proof->used = match[0];
    for (unsigned i = 1; i < ahead + 1; i++) {
        if (!match[i])
            continue;
        if (token->synced_s < rules->floor_s) {
            proof->resync = true;
        } else {
            proof->allowed = true;
            proof->step = token->last_step + i;
            proof->lasting = true;
        }
    }
    return true;
}

bool proof_of_code(const struct proof_rules *rules, const struct store_token *token,
                   struct bytes secret, struct bytes code, struct proof *proof)
{
    *proof = (struct proof){0};
    return token->kind == TOKEN_HOTP ? by_counter(rules, token, secret, code, proof)
                                     : by_time(rules, token, secret, code, proof);
}
