/* pgsignet-mfa confirm: proves a token that enroll left pending. */
#include "config.h"

#include "mfa/cli.h"

#include "common/log.h"
#include "mfa/display.h"
#include "mfa/prove.h"
#include "mfa/session.h"

#include <stdio.h>
#include <stdlib.h>

/* The user's pending token of that name, or the only one when name is NULL; NULL after a message. */
static const struct token_info *find_pending(const struct cli *cli, const struct token_info *infos,
                                             size_t n, const char *user, const char *name)
{
    const struct token_info *found = NULL;

    for (size_t i = 0; i < n; i++) {
        if (name != NULL && strcmp(infos[i].name, name) != 0)
            continue;
        if (infos[i].state != TOKEN_PENDING) {
            if (name == NULL)
                continue;
            log_error("this token is active already");
            return NULL;
        }
        if (found != NULL) {
            log_error("more than one token of this user is pending; say which with --name");
            return NULL;
        }
        found = &infos[i];
    }
    if (found == NULL && name != NULL)
        session_explain(cli, MFA_NOT_FOUND, bytes_str(user), name);
    else if (found == NULL)
        log_error("no token of this user is pending");
    return found;
}

int cmd_confirm(struct cli *cli, const struct arguments *arguments)
{
    const char *user = arguments->operand[0];
    struct token_info *infos = NULL;
    size_t n = 0;
    int code = COMMAND_FAILED;

    enum mfa_result result = mfa_list(cli->mfa, bytes_str(user), &infos, &n);
    if (result != MFA_OK) {
        session_explain(cli, result, bytes_str(user), NULL);
        goto out;
    }
    const struct token_info *token = find_pending(cli, infos, n, user, arguments->text[OPT_NAME]);
    if (token != NULL)
        code = prove_token(cli, bytes_str(user), token->name);
out:
    free(infos);
    return code;
}
