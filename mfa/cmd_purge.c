/* pgsignet-mfa purge: destroys a user's key, so that no backup opens what it sealed. */
#include "config.h"

#include "mfa/cli.h"

#include "common/clock.h"
#include "common/log.h"
#include "mfa/ask.h"
#include "mfa/display.h"
#include "mfa/session.h"

#include <stdio.h>
#include <stdlib.h>

static bool agreed(const struct cli *cli, const struct arguments *arguments, struct bytes user)
{
    char text[DISPLAY_USER_SIZE], question[DISPLAY_USER_SIZE + 120];
    struct token_info *infos = NULL;
    size_t n = 0;

    (void)mfa_list(cli->mfa, user, &infos, &n); /* none, if it fails */
    free(infos);
    snprintf(question, sizeof question,
             "Destroy the key, %zu token%s, recovery codes, lock and failures of user \"%s\" for "
             "good?",
             n, n == 1 ? "" : "s", display_user(cli, user, text));
    return ask_agreed(arguments, "purge", question);
}

int cmd_purge(struct cli *cli, const struct arguments *arguments)
{
    struct bytes user = bytes_str(arguments->operand[0]);
    char text[DISPLAY_USER_SIZE];

    if (!agreed(cli, arguments, user))
        return COMMAND_FAILED;
    enum mfa_result result = mfa_purge(cli->mfa, user);
    if (result == MFA_NOT_FOUND) {
        log_error("nothing is known of user \"%s\"; is the name right?",
                  display_user(cli, user, text));
        return COMMAND_FAILED;
    }
    if (result != MFA_OK) {
        session_explain(cli, result, user, NULL);
        return COMMAND_FAILED;
    }
    if (!session_record(cli, "purge", user, NULL))
        return COMMAND_FAILED;
    if (cli->json)
        return display_end(display_with(display_change(user, NULL), "purged", json_true()));
    printf("Of user \"%s\" nothing is left here.\n", display_user(cli, user, text));
    return COMMAND_DONE;
}
