/* pgsignet-mfa verify: the help desk tries a code as a login would, burnt and counted alike. */
#include "config.h"

#include "mfa/cli.h"

#include "common/clock.h"
#include "common/log.h"
#include "mfa/ask.h"
#include "mfa/display.h"
#include "mfa/session.h"

#include <stdio.h>

#define PATIENCE_MS 10000

/* What to tell the person on the phone. */
static const struct {
    enum reason reason;
    const char *advice;
} advices[] = {
    {REASON_THROTTLED, "too many wrong codes were tried here; wait, or unlock"},
    {REASON_CAPPED, "too many failures over all addresses; find out who is guessing, then unlock"},
    {REASON_LOCKED, "an operator locked this user out; see show"},
    {REASON_NOT_ENROLLED, "there is no active token; enroll, or confirm a pending one"},
    {REASON_CODE_MISSING, "this has not the form of a code"},
    {REASON_CODE_WRONG, "no token has this code now; check the phone's clock, or resync"},
    {REASON_CODE_USED, "a right code that was used already; wait for the next one"},
    {REASON_CODE_BEFORE_BOOT, "a right code from before this machine started; wait for the next"},
    {REASON_CODE_BEFORE_RESTORE, "a right code from before the store was restored; wait for the "
                                 "next, or make new recovery codes"},
    {REASON_NEEDS_RESYNC, "the store was restored; resync this token first"},
};

static const char *advice_for(enum reason reason)
{
    for (size_t i = 0; i < sizeof advices / sizeof advices[0]; i++)
        if (advices[i].reason == reason)
            return advices[i].advice;
    return "see the audit event";
}

static const char *means_name(enum mfa_means means)
{
    static const char *const names[] = {
        [MFA_BY_CODE] = "code",
        [MFA_BY_RECOVERY] = "recovery",
        [MFA_BY_BREAK_GLASS] = "break-glass",
    };

    return (size_t)means < sizeof names / sizeof names[0] ? names[means] : "unknown";
}

static int report(const struct cli *cli, struct bytes user, const struct mfa_outcome *outcome)
{
    enum verdict verdict = reason_verdict(outcome->reason);
    int code = verdict == VERDICT_GRANTED  ? COMMAND_DONE
               : verdict == VERDICT_DENIED ? COMMAND_DIFFERS
                                           : COMMAND_FAILED;
    char text[DISPLAY_TOKEN_SIZE];

    if (verdict == VERDICT_UNAVAILABLE)
        log_error("%s", mfa_error(cli->mfa));
    if (cli->json) {
        bool granted = verdict == VERDICT_GRANTED;
        json_t *object = display_change(user, NULL);
        object = display_with(object, "verdict", json_string(verdict_name(verdict)));
        object = display_with(object, "reason", json_string(reason_name(outcome->reason)));
        object = granted ? display_with_text(object, "token", bytes_str(outcome->token_name))
                         : display_with(object, "token", json_null());
        object = display_with(object, "by",
                              granted ? json_string(means_name(outcome->means)) : json_null());
        return display_print(object) ? code : COMMAND_FAILED;
    }
    if (verdict == VERDICT_GRANTED && outcome->means == MFA_BY_BREAK_GLASS)
        printf("granted: this is the passphrase of an armed break-glass account\n");
    else if (verdict == VERDICT_GRANTED && outcome->means == MFA_BY_RECOVERY)
        printf("granted: this is a recovery code; it is used up now\n");
    else if (verdict == VERDICT_GRANTED)
        printf("granted: the code is right, by token \"%s\"; it is used up now\n",
               display_token(cli, outcome->token_name, text));
    else
        printf("%s: %s: %s\n", verdict_name(verdict), reason_name(outcome->reason),
               advice_for(outcome->reason));
    return code;
}

int cmd_verify(struct cli *cli, const struct arguments *arguments)
{
    struct bytes user = bytes_str(arguments->operand[0]), address = bytes_str(CLI_ADDRESS);
    struct mfa_outcome outcome;
    char line[ASK_CODE_SIZE];
    struct bytes code;

    if (!ask_may(arguments, "verify") || ask_code("Code: ", line, &code) == ASK_FAILED)
        return COMMAND_FAILED;
    const struct mfa_attempt attempt = {
        .user = user,
        .address = address,
        .secret = code,
        .whole_is_code = true,
        .code_due = true,
        .now_ms = clock_wall_ms(),
        .boot_s = clock_boot_s(),
    };
    enum reason reason = mfa_attempt(cli->mfa, &attempt, clock_mono_ms() + PATIENCE_MS, &outcome);
    secret_wipe(line, sizeof line);
    if (reason == REASON_GRANTED) /* if this fails, earlier typing errors count a little longer */
        (void)mfa_count_success(cli->mfa, user, address, attempt.now_ms,
                                clock_mono_ms() + PATIENCE_MS);
    const struct session_event event = {
        .event = "verify",
        .user = user,
        .token = outcome.token_name,
        .detail = outcome.break_glass_reason,
        .alert = mfa_is_alarming(&outcome, reason),
        .judged = &reason,
    };
    bool recorded = session_record_event(cli, &event);
    int exit_code = report(cli, user, &outcome);
    return recorded ? exit_code : COMMAND_FAILED;
}
