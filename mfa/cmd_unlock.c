/* pgsignet-mfa unlock: forgets a user's failures. */
#include "config.h"

#include "mfa/cli.h"

#include "common/log.h"
#include "mfa/display.h"
#include "mfa/session.h"

#include <stdio.h>
#include <stdlib.h>

int cmd_unlock(struct cli *cli, const struct arguments *arguments)
{
    struct bytes user = bytes_str(arguments->operand[0]);
    struct token_info *tokens = NULL;
    char text[DISPLAY_USER_SIZE];
    size_t n = 0;

    /* Somebody without a token can have failures too, but a misspelt name is likelier. */
    enum mfa_result result = mfa_list(cli->mfa, user, &tokens, &n);
    free(tokens);
    if (result == MFA_NOT_FOUND || (result == MFA_OK && n == 0))
        log_warning("user \"%s\" has no token; is the name right?", display_user(cli, user, text));
    result = mfa_unlock(cli->mfa, user);
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
