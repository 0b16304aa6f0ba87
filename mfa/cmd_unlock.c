/* pgsignet-mfa unlock: forgets a user's failures, and lifts an operator's lock. */
#include "config.h"

#include "mfa/cli.h"

#include "common/clock.h"
#include "common/log.h"
#include "mfa/ask.h"
#include "mfa/display.h"
#include "mfa/session.h"
#include "mfa/store.h"

#include <inttypes.h>
#include <stdio.h>

/* Somebody locked this user on purpose: say why, and ask. */
static bool agreed(const struct cli *cli, const struct arguments *arguments, struct bytes user,
                   const struct user_info *info)
{
    char question[DISPLAY_USER_SIZE + ESCAPE_SIZE(STORE_TEXT) + 80];
    char text[DISPLAY_USER_SIZE], reason[ESCAPE_SIZE(STORE_TEXT)], since[CLOCK_TEXT_MAX];

    escape_text(bytes_str(info->lock_reason), cli->utf8, reason, sizeof reason);
    snprintf(question, sizeof question, "User \"%s\" is locked since %s: %s\nLift this lock?",
             display_user(cli, user, text), display_time(info->locked_s, since), reason);
    return ask_agreed(arguments, "unlock of a user whom an operator locked", question);
}

static int report(const struct cli *cli, struct bytes user, const struct user_info *info,
                  bool lifted)
{
    char text[DISPLAY_USER_SIZE];

    if (cli->json) {
        json_t *object = display_with(display_change(user, NULL), "unlocked", json_true());
        object = display_with(object, "failures_forgotten", json_integer(info->failures));
        return display_end(display_with(object, "lock_lifted", json_boolean(lifted)));
    }
    display_user(cli, user, text);
    printf("The failures of user \"%s\" are forgotten (%" PRId64 " counted towards the cap).\n",
           text, info->failures);
    if (lifted)
        printf("The lock is lifted.\n");
    else if (info->locked_s != 0)
        printf("The operator's lock stays.\n");
    return COMMAND_DONE;
}

int cmd_unlock(struct cli *cli, const struct arguments *arguments)
{
    struct bytes user = bytes_str(arguments->operand[0]);
    struct user_info info;

    enum mfa_result result = mfa_user(cli->mfa, user, clock_wall_ms(), &info);
    if (result != MFA_OK)
        goto fail;
    bool lift = info.locked_s != 0 && !arguments->given[OPT_FAILURES];
    if (lift && !agreed(cli, arguments, user, &info))
        return COMMAND_FAILED;
    /* Somebody without a token can have failures too, but a misspelt name is likelier. */
    session_doubt_name(cli, user);
    result = mfa_unlock(cli->mfa, user);
    if (result == MFA_OK && lift)
        result = mfa_unlock_user(cli->mfa, user);
    if (result == MFA_STATE) /* another operator was quicker */
        result = MFA_OK;
    if (result != MFA_OK)
        goto fail;
    const struct session_event event = {
        .event = "unlock",
        .user = user,
        .detail = lift ? "failures forgotten, lock lifted" : "failures forgotten",
    };
    return session_record_event(cli, &event) ? report(cli, user, &info, lift) : COMMAND_FAILED;
fail:
    session_explain(cli, result, user, NULL);
    return COMMAND_FAILED;
}
