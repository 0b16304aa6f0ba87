/* pgsignet-mfa rename: a token's name, or a user's after ALTER ROLE ... RENAME. */
#include "config.h"

#include "mfa/cli.h"

#include "common/clock.h"
#include "common/log.h"
#include "mfa/display.h"
#include "mfa/session.h"

#include <stdio.h>

bool check_rename(const struct arguments *arguments)
{
    const uint64_t targets = OPT_BIT(OPT_TO) | OPT_BIT(OPT_TO_USER);

    if (!arguments->given[OPT_TO] && !arguments->given[OPT_TO_USER]) {
        log_error("rename needs --name with --to for a token, or --to-user for the user");
        return false;
    }
    const char *to = arguments->text[OPT_TO];
    if (to != NULL && strlen(to) > OPT_MAX_SIZE) {
        log_error("--to: a token's name has 1 to %d bytes", OPT_MAX_SIZE);
        return false;
    }
    return arguments_one_of(arguments, targets) &&
           arguments_needs(arguments, OPT_TO, OPT_BIT(OPT_NAME)) &&
           arguments_needs(arguments, OPT_NAME, OPT_BIT(OPT_TO));
}

static int rename_token(struct cli *cli, struct bytes user, const char *name, const char *to)
{
    char detail[ESCAPE_SIZE(OPT_MAX_SIZE) + 16], old_text[DISPLAY_TOKEN_SIZE];
    char new_text[DISPLAY_TOKEN_SIZE];

    enum mfa_result result = mfa_rename_token(cli->mfa, user, name, to);
    display_token(cli, name, old_text);
    display_token(cli, to, new_text);
    if (result == MFA_EXISTS) {
        log_error("this user has a token \"%s\" already", new_text);
        return COMMAND_FAILED;
    }
    if (result != MFA_OK) {
        session_explain(cli, result, user, name);
        return COMMAND_FAILED;
    }
    snprintf(detail, sizeof detail, "now \"%s\"", to);
    const struct session_event event = {
        .event = "rename", .user = user, .token = name, .detail = detail};
    if (!session_record_event(cli, &event))
        return COMMAND_FAILED;
    if (cli->json)
        return display_end(display_with_text(display_change(user, name), "to", bytes_str(to)));
    printf("Token \"%s\" is now \"%s\".\n", old_text, new_text);
    return COMMAND_DONE;
}

static int rename_user(struct cli *cli, struct bytes user, const char *to)
{
    char detail[MFA_USER_MAX + 16], old_text[DISPLAY_USER_SIZE], new_text[DISPLAY_USER_SIZE];

    enum mfa_result result = mfa_rename_user(cli->mfa, user, bytes_str(to), clock_wall_ms() / 1000);
    display_user(cli, user, old_text);
    display_user(cli, bytes_str(to), new_text);
    if (result == MFA_EXISTS) {
        log_error("there is a user \"%s\" already; purge that one first, if it is nobody's",
                  new_text);
        return COMMAND_FAILED;
    }
    if (result != MFA_OK) {
        session_explain(cli, result, user, NULL);
        return COMMAND_FAILED;
    }
    snprintf(detail, sizeof detail, "now \"%s\"", to);
    const struct session_event event = {.event = "rename", .user = user, .detail = detail};
    if (!session_record_event(cli, &event))
        return COMMAND_FAILED;
    if (cli->json)
        return display_end(display_with_text(display_change(user, NULL), "to_user", bytes_str(to)));
    printf("User \"%s\" is now \"%s\"; apps go on showing the old name.\n", old_text, new_text);
    return COMMAND_DONE;
}

int cmd_rename(struct cli *cli, const struct arguments *arguments)
{
    struct bytes user = bytes_str(arguments->operand[0]);

    if (arguments->given[OPT_TO])
        return rename_token(cli, user, arguments->text[OPT_NAME], arguments->text[OPT_TO]);
    return rename_user(cli, user, arguments->text[OPT_TO_USER]);
}
