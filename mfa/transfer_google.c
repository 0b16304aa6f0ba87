/*
 * Reads a state file of google-authenticator: the secret in base32 on the first line, options on lines
 * that begin with `" `, then emergency codes of eight digits.  One file is one token of one user.
 */
#include "config.h"

#include "mfa/transfer.h"

#define COUNTER_MAX (INT64_MAX - 1)

/* A file being read. */
struct state {
    struct transfer *out;
    struct transfer_token *token;
    size_t line;
    bool totp, hotp;
};

static void take_totp(struct state *state, struct bytes rest)
{
    (void)rest;
    state->totp = true;
}

static void take_counter(struct state *state, struct bytes rest)
{
    state->hotp = true;
    if (!transfer_number(transfer_word(&rest), 0, COUNTER_MAX, &state->token->counter))
        transfer_say(state->out, TRANSFER_FAULT, state->line, "HOTP_COUNTER is not a number");
}

static void take_step(struct state *state, struct bytes rest)
{
    int64_t seconds;

    if (transfer_number(transfer_word(&rest), 0, UINT16_MAX, &seconds))
        state->token->period = (unsigned)seconds;
    else
        transfer_say(state->out, TRANSFER_FAULT, state->line, "STEP_SIZE is not a number");
}

static void take_window(struct state *state, struct bytes rest)
{
    int64_t window;

    if (!transfer_number(transfer_word(&rest), 0, 3, &window))
        transfer_say(state->out, TRANSFER_LOST, state->line,
                     "WINDOW_SIZE does not come along: token.window of the configuration counts");
}

static void take_skew(struct state *state, struct bytes rest)
{
    int64_t steps;

    if (!transfer_number(transfer_word(&rest), 0, 0, &steps))
        transfer_say(state->out, TRANSFER_LOST, state->line,
                     "TIME_SKEW does not come along: correct the clocks, or `pgsignet-mfa resync`");
}

static void take_rate(struct state *state, struct bytes rest)
{
    (void)rest;
    transfer_say(state->out, TRANSFER_LOST, state->line,
                 "RATE_LIMIT does not come along: throttle of the configuration counts");
}

static void take_nothing(struct state *state, struct bytes rest)
{
    (void)state;
    (void)rest;
}

static const struct {
    const char *name;
    void (*take)(struct state *state, struct bytes rest);
} options[] = {
    {"TOTP_AUTH", take_totp},
    {"HOTP_COUNTER", take_counter},
    {"STEP_SIZE", take_step},
    {"WINDOW_SIZE", take_window},
    {"TIME_SKEW", take_skew},
    {"RATE_LIMIT", take_rate},
    {"DISALLOW_REUSE", take_nothing},      /* always so here */
    {"RESETTING_TIME_SKEW", take_nothing}, /* of logins that have ended */
};

static void read_option(struct state *state, struct bytes line)
{
    struct bytes name = transfer_word(&line);

    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        if (bytes_equal(name, bytes_str(options[i].name))) {
            options[i].take(state, line);
            return;
        }
    }
    transfer_say(state->out, TRANSFER_LOST, state->line,
                 "an option that is not known does not come along: %.*s",
                 (int)(name.len < 32 ? name.len : 32), (const char *)name.ptr);
}

static void read_line(struct state *state, struct bytes line)
{
    int64_t code;

    if (line.len == 0)
        return;
    if (line.len >= 2 && line.ptr[0] == '"' && line.ptr[1] == ' ') {
        line.ptr += 2;
        line.len -= 2;
        read_option(state, line);
    } else if (line.len == 8 && line.ptr[0] != '0' &&
               transfer_number(line, 10000000, 99999999, &code)) {
        transfer_say(state->out, TRANSFER_LOST, state->line,
                     "an emergency code does not come along, as it looks like a one-time code: "
                     "`pgsignet-mfa recovery` makes new ones");
    } else {
        transfer_say(state->out, TRANSFER_FAULT, state->line,
                     "this is neither an option nor an emergency code");
    }
}

void transfer_read_google(const struct transfer_input *input, struct transfer *out)
{
    struct transfer_lines lines = {.text = input->text};
    struct bytes line;

    if (!transfer_line(&lines, &line)) {
        transfer_say(out, TRANSFER_FAULT, 0, "the file is empty");
        return;
    }
    struct state state = {.out = out, .token = transfer_add(out, 1, input->user)};
    if (state.token == NULL)
        return;
    if (!transfer_base32(line, &state.token->secret)) {
        transfer_say(out, TRANSFER_FAULT, 1, "the first line is no secret in base32");
        transfer_drop(out);
        return;
    }
    while (transfer_line(&lines, &line)) {
        state.line = lines.line;
        read_line(&state, line);
    }
    if (state.hotp == state.totp)
        transfer_say(out, TRANSFER_FAULT, 1,
                     state.hotp ? "both TOTP_AUTH and HOTP_COUNTER are in it"
                                : "neither TOTP_AUTH nor HOTP_COUNTER is in it");
    state.token->kind = state.hotp ? TOKEN_HOTP : TOKEN_TOTP;
    transfer_check(out, state.token);
}
