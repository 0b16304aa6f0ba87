/* pgsignet-mfa recovery: codes on paper for the day the phone is lost. */
#include "config.h"

#include "mfa/cli.h"

#include "common/clock.h"
#include "common/log.h"
#include "mfa/display.h"
#include "mfa/handover.h"
#include "mfa/session.h"
#include "mfa/store.h"

#include <stdio.h>

#define USUAL_CODES 10

bool check_recovery(const struct arguments *arguments)
{
    return arguments_one_of(arguments, OPT_BIT(OPT_CODES) | OPT_BIT(OPT_REMOVE));
}

static int take_away(struct cli *cli, struct bytes user, size_t left)
{
    enum mfa_result result = mfa_make_recovery(cli->mfa, user, 0, clock_wall_ms() / 1000, NULL);

    if (result != MFA_OK) {
        session_explain(cli, result, user, NULL);
        return COMMAND_FAILED;
    }
    if (!session_record(cli, "recovery-remove", user, NULL))
        return COMMAND_FAILED;
    if (cli->json)
        return display_end(
            display_with(display_change(user, NULL), "removed", json_integer((json_int_t)left)));
    printf("Removed %zu unused recovery code%s.\n", left, left == 1 ? "" : "s");
    return COMMAND_DONE;
}

static int make(struct cli *cli, struct bytes user, size_t n, size_t left)
{
    char codes[RECOVERY_CODES][RECOVERY_TEXT] = {{0}};
    int code = COMMAND_FAILED;

    enum mfa_result result = mfa_make_recovery(cli->mfa, user, n, clock_wall_ms() / 1000, codes);
    if (result != MFA_OK) {
        session_explain(cli, result, user, NULL);
        goto out;
    }
    if (left > 0)
        log_notice("%zu unused code%s from before %s worth nothing now", left, left == 1 ? "" : "s",
                   left == 1 ? "is" : "are");
    if (!session_record(cli, "recovery", user, NULL))
        goto out;
    if (handover_recovery(cli, user, (const char(*)[RECOVERY_TEXT])codes, n))
        code = COMMAND_DONE;
    else
        log_error("make new codes: nobody may have all of these");
out:
    secret_wipe(codes, sizeof codes);
    return code;
}

int cmd_recovery(struct cli *cli, const struct arguments *arguments)
{
    struct bytes user = bytes_str(arguments->operand[0]);
    struct user_info info;

    enum mfa_result result = mfa_user(cli->mfa, user, clock_wall_ms(), &info);
    if (result != MFA_OK) {
        session_explain(cli, result, user, NULL);
        return COMMAND_FAILED;
    }
    if (arguments->given[OPT_REMOVE])
        return take_away(cli, user, info.recovery_codes);
    size_t n = arguments->given[OPT_CODES] ? (size_t)arguments->number[OPT_CODES] : USUAL_CODES;
    return make(cli, user, n, info.recovery_codes);
}
