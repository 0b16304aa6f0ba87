/* pgsignet-mfa remove: takes one token, or all of a user's; the next login is without them. */
#include "config.h"

#include "mfa/cli.h"

#include "common/clock.h"
#include "common/log.h"
#include "mfa/display.h"
#include "mfa/session.h"
#include "mfa/terminal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ANSWER_WAIT_MS 600000

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

static bool agreed(const struct cli *cli, struct bytes user, const char *name, size_t count)
{
    char user_text[DISPLAY_USER_SIZE], name_text[DISPLAY_TOKEN_SIZE], answer[16];
    char prompt[DISPLAY_USER_SIZE + DISPLAY_TOKEN_SIZE + 80];

    if (!isatty(STDIN_FILENO)) {
        log_error("nothing was removed: without a terminal to ask on, remove needs --yes");
        return false;
    }
    display_user(cli, user, user_text);
    if (name != NULL)
        snprintf(prompt, sizeof prompt, "Remove token \"%s\" of user \"%s\"? [yes/no] ",
                 display_token(cli, name, name_text), user_text);
    else
        snprintf(prompt, sizeof prompt, "Remove %zu token%s of user \"%s\"? [yes/no] ", count,
                 count == 1 ? "" : "s", user_text);
    if (terminal_line(STDIN_FILENO, prompt, clock_mono_ms() + ANSWER_WAIT_MS, answer,
                      sizeof answer) == LINE_OK &&
        (strcmp(answer, "yes") == 0 || strcmp(answer, "y") == 0))
        return true;
    log_error("nothing was removed");
    return false;
}

int cmd_remove(struct cli *cli, const struct arguments *arguments)
{
    struct bytes user = bytes_str(arguments->operand[0]);
    const char *name = arguments->text[OPT_NAME];
    size_t count = 0;

    enum mfa_result result = look(cli, user, name, &count);
    if (result == MFA_OK) {
        if (!arguments->given[OPT_YES] && !agreed(cli, user, name, count))
            return CLI_FAILED;
        result = mfa_remove(cli->mfa, user, name, &count);
    }
    if (result != MFA_OK) {
        session_explain(cli, result, user, name);
        return CLI_FAILED;
    }
    if (!session_record(cli, "remove", user, name))
        return CLI_FAILED;
    if (!cli->json) {
        printf("Removed %zu token%s.\n", count, count == 1 ? "" : "s");
        return CLI_DONE;
    }
    json_t *object = json_object();
    if (object == NULL || !escape_json(object, "user", user) ||
        json_object_set_new(object, "removed", json_integer((json_int_t)count)) != 0) {
        json_decref(object);
        object = NULL;
    }
    return display_print(object) ? CLI_DONE : CLI_FAILED;
}
