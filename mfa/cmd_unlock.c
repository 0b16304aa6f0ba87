/* pgsignet-mfa unlock: forgets a user's failures. */
#include "config.h"

#include "mfa/cli.h"

#include "mfa/display.h"
#include "mfa/session.h"

#include <stdio.h>

int cmd_unlock(struct cli *cli, const struct arguments *arguments)
{
    struct bytes user = bytes_str(arguments->operand[0]);
    char text[DISPLAY_USER_SIZE];

    enum mfa_result result = mfa_unlock(cli->mfa, user);
    if (result != MFA_OK) {
        session_explain(cli, result, user, NULL);
        return CLI_FAILED;
    }
    if (!session_record(cli, "unlock", user, NULL))
        return CLI_FAILED;
    if (!cli->json) {
        printf("The failures of user \"%s\" are forgotten.\n", display_user(cli, user, text));
        return CLI_DONE;
    }
    json_t *object = json_object();
    if (object == NULL || !escape_json(object, "user", user) ||
        json_object_set_new(object, "unlocked", json_true()) != 0) {
        json_decref(object);
        object = NULL;
    }
    return display_print(object) ? CLI_DONE : CLI_FAILED;
}
