/* pgsignet-mfa disable, enable: tokens that rest for a while. */
#include "config.h"

#include "mfa/cli.h"

#include "common/log.h"
#include "mfa/display.h"
#include "mfa/session.h"

#include <stdio.h>
#include <stdlib.h>

struct turn {
    const char *event; /* the command's name as well */
    enum token_state from, to;
    enum mfa_result (*change)(struct mfa *mfa, struct bytes user, const char *name);
};

static bool concerns(const struct turn *turn, const struct token_info *info, const char *name)
{
    return name != NULL ? strcmp(info->name, name) == 0 : info->state == turn->from;
}

static bool change_one(struct cli *cli, const struct turn *turn, struct bytes user,
                       const char *name)
{
    enum mfa_result result = turn->change(cli->mfa, user, name);
    char text[DISPLAY_TOKEN_SIZE];

    if (result == MFA_STATE)
        log_error("token \"%s\" is not %s, so that %s has nothing to do",
                  display_token(cli, name, text), display_state(turn->from), turn->event);
    else if (result != MFA_OK)
        session_explain(cli, result, user, name);
    return result == MFA_OK && session_record(cli, turn->event, user, name);
}

static bool report_one(const struct cli *cli, const struct turn *turn, const char *name,
                       json_t *names)
{
    char text[DISPLAY_TOKEN_SIZE];

    if (cli->json)
        return json_array_append_new(names, json_string(display_token(cli, name, text))) == 0;
    printf("Token \"%s\" is %s.\n", display_token(cli, name, text), display_state(turn->to));
    return true;
}

static int turn_tokens(struct cli *cli, const struct arguments *arguments, const struct turn *turn)
{
    struct bytes user = bytes_str(arguments->operand[0]);
    const char *name = arguments->text[OPT_NAME];
    struct token_info *infos = NULL;
    json_t *names = json_array();
    size_t n = 0, concerned = 0;
    int code = COMMAND_FAILED;

    enum mfa_result result = mfa_list(cli->mfa, user, &infos, &n);
    if (result != MFA_OK) {
        session_explain(cli, result, user, NULL);
        goto out;
    }
    for (size_t i = 0; i < n; i++) {
        if (!concerns(turn, &infos[i], name))
            continue;
        concerned++;
        if (!change_one(cli, turn, user, infos[i].name) ||
            !report_one(cli, turn, infos[i].name, names))
            goto out;
    }
    if (concerned == 0 && name != NULL)
        session_explain(cli, MFA_NOT_FOUND, user, name);
    else if (concerned == 0)
        log_error("no token of this user is %s, so that %s has nothing to do",
                  display_state(turn->from), turn->event);
    if (concerned == 0)
        goto out;
    code = COMMAND_DONE;
    if (cli->json)
        code = display_end(display_with(
            display_with(display_change(user, NULL), "state", json_string(display_state(turn->to))),
            "tokens", json_incref(names)));
out:
    json_decref(names);
    free(infos);
    return code;
}

int cmd_disable(struct cli *cli, const struct arguments *arguments)
{
    static const struct turn off = {"disable", TOKEN_ACTIVE, TOKEN_DISABLED, mfa_disable};

    return turn_tokens(cli, arguments, &off);
}

int cmd_enable(struct cli *cli, const struct arguments *arguments)
{
    static const struct turn on = {"enable", TOKEN_DISABLED, TOKEN_ACTIVE, mfa_enable};

    return turn_tokens(cli, arguments, &on);
}
