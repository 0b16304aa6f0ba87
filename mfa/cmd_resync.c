/* pgsignet-mfa resync: two codes in a row set a token's clock or counter right. */
#include "config.h"

#include "mfa/cli.h"

#include "common/clock.h"
#include "common/log.h"
#include "mfa/ask.h"
#include "mfa/display.h"
#include "mfa/session.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* The token of that name, or the only one that is not pending; NULL after a message. */
static const struct token_info *find(const struct cli *cli, const struct token_info *infos,
                                     size_t n, struct bytes user, const char *name)
{
    const struct token_info *found = NULL;

    for (size_t i = 0; i < n; i++) {
        if (name != NULL ? strcmp(infos[i].name, name) != 0 : infos[i].state == TOKEN_PENDING)
            continue;
        if (found != NULL) {
            log_error("this user has more than one token; say which with --name");
            return NULL;
        }
        found = &infos[i];
    }
    if (found == NULL && name != NULL)
        session_explain(cli, MFA_NOT_FOUND, user, name);
    else if (found == NULL)
        log_error("no token of this user is active; a pending one needs confirm, not resync");
    return found;
}

static void explain(const struct cli *cli, enum mfa_result result, struct bytes user,
                    const struct token_info *token)
{
    if (result == MFA_CODE_WRONG && token->kind == TOKEN_HOTP)
        log_error("these are not two codes in a row of this token, within the next %d",
                  RESYNC_COUNTERS);
    else if (result == MFA_CODE_WRONG)
        log_error("these are not two codes in a row of this token, within %d steps of now either "
                  "way",
                  RESYNC_STEPS);
    else if (result == MFA_STATE)
        log_error("refused: the token is not active, or too many wrong codes were tried; see "
                  "pgsignet-mfa show");
    else
        session_explain(cli, result, user, token->name);
}

/* With what the token has become. */
static int report(struct cli *cli, struct bytes user, const char *name)
{
    struct token_info *infos = NULL;
    size_t n = 0, i = 0;
    char text[DISPLAY_TOKEN_SIZE];
    int code = COMMAND_FAILED;

    enum mfa_result result = mfa_list(cli->mfa, user, &infos, &n);
    while (i < n && strcmp(infos[i].name, name) != 0)
        i++;
    if (result != MFA_OK || i == n) {
        session_explain(cli, result == MFA_OK ? MFA_NOT_FOUND : result, user, name);
        goto out;
    }
    if (cli->json) {
        code = display_end(display_json(&infos[i]));
        goto out;
    }
    display_token(cli, name, text);
    if (infos[i].kind == TOKEN_HOTP)
        printf("Token \"%s\" is in step again; its next counter is %" PRId64 ".\n", text,
               infos[i].last_step + 1);
    else
        printf("Token \"%s\" is in step again; its clock is off by %+" PRId64 " s.\n", text,
               display_drift_s(&infos[i]));
    code = COMMAND_DONE;
out:
    free(infos);
    return code;
}

static int resync(struct cli *cli, struct bytes user, const struct token_info *token)
{
    char first_line[ASK_CODE_SIZE] = "", second_line[ASK_CODE_SIZE] = "";
    struct bytes first, second;
    int code = COMMAND_FAILED;

    if (ask_code("Code that the token shows: ", first_line, &first) != ASK_FAILED &&
        ask_code("The code after that one: ", second_line, &second) != ASK_FAILED) {
        enum mfa_result result = mfa_resync(cli->mfa, user, token->name, first, second,
                                            clock_wall_ms() / 1000, clock_boot_s());
        if (result != MFA_OK)
            explain(cli, result, user, token);
        else if (session_record(cli, "resync", user, token->name))
            code = report(cli, user, token->name);
    }
    secret_wipe(first_line, sizeof first_line);
    secret_wipe(second_line, sizeof second_line);
    return code;
}

int cmd_resync(struct cli *cli, const struct arguments *arguments)
{
    struct bytes user = bytes_str(arguments->operand[0]);
    struct token_info *infos = NULL;
    size_t n = 0;
    int code = COMMAND_FAILED;

    if (!ask_may(arguments, "resync"))
        return COMMAND_FAILED;
    enum mfa_result result = mfa_list(cli->mfa, user, &infos, &n);
    if (result != MFA_OK) {
        session_explain(cli, result, user, NULL);
        goto out;
    }
    const struct token_info *token = find(cli, infos, n, user, arguments->text[OPT_NAME]);
    if (token != NULL)
        code = resync(cli, user, token);
out:
    free(infos);
    return code;
}
