/* pgsignet-mfa remove: takes one token, or all of a user's; the next login is without them. */
#include "config.h"

#include "mfa/cli.h"

#include "mfa/ask.h"
#include "mfa/display.h"
#include "mfa/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Whether there is something to remove; MFA_NOT_FOUND if not. */
static enum mfa_result look(struct cli *cli, struct bytes user, const char *name, size_t *count)
{
    struct token_info *infos = NULL;
    size_t n = 0;
    enum mfa_result result = mfa_list(cli->mfa, user, &infos, &n);

    *count = 0;
    for (size_t i = 0; result == MFA_OK && i < n; i++)
        if (name == NULL || strcmp(infos[i].name, name) == 0)
            ++*count;
    free(infos);
    return result == MFA_OK && *count == 0 ? MFA_NOT_FOUND : result;
}

static bool agreed(const struct cli *cli, const struct arguments *arguments, struct bytes user,
                   size_t count)
{
    const char *name = arguments->text[OPT_NAME];
    char user_text[DISPLAY_USER_SIZE], name_text[DISPLAY_TOKEN_SIZE];
    char question[DISPLAY_USER_SIZE + DISPLAY_TOKEN_SIZE + 80];

    display_user(cli, user, user_text);
    if (name != NULL)
        snprintf(question, sizeof question, "Remove token \"%s\" of user \"%s\"?",
                 display_token(cli, name, name_text), user_text);
    else
        snprintf(question, sizeof question, "Remove %zu token%s of user \"%s\"?", count,
                 count == 1 ? "" : "s", user_text);
    return ask_agreed(arguments, "remove", question);
}

int cmd_remove(struct cli *cli, const struct arguments *arguments)
{
    struct bytes user = bytes_str(arguments->operand[0]);
    const char *name = arguments->text[OPT_NAME];
    size_t count = 0;

    enum mfa_result result = look(cli, user, name, &count);
    if (result == MFA_OK) {
        if (!agreed(cli, arguments, user, count))
            return COMMAND_FAILED;
        result = mfa_remove(cli->mfa, user, name, &count);
    }
    if (result != MFA_OK) {
        session_explain(cli, result, user, name);
        return COMMAND_FAILED;
    }
    if (!session_record(cli, "remove", user, name))
        return COMMAND_FAILED;
    if (cli->json)
        return display_end(
            display_with(display_change(user, NULL), "removed", json_integer((json_int_t)count)));
    printf("Removed %zu token%s.\n", count, count == 1 ? "" : "s");
    return COMMAND_DONE;
}
