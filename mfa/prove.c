#include "config.h"

#include "mfa/prove.h"

#include "common/clock.h"
#include "common/log.h"
#include "mfa/display.h"
#include "mfa/session.h"
#include "mfa/terminal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void prove_later(const struct cli *cli, struct bytes user, const char *name)
{
    char user_text[DISPLAY_USER_SIZE], name_text[DISPLAY_TOKEN_SIZE];

    log_notice("token \"%s\" of \"%s\" is pending and admits nobody; confirm it with: "
               "pgsignet-mfa confirm --name NAME USER",
               display_token(cli, name, name_text), display_user(cli, user, user_text));
}

/* Apps show "123 456" and people type it so. */
static struct bytes drop_blanks(char *line)
{
    size_t kept = 0;

    for (const char *c = line; *c != '\0'; c++)
        if (*c != ' ' && *c != '\t')
            line[kept++] = *c;
    return bytes_of(line, kept);
}

static int report_active(struct cli *cli, struct bytes user, const char *name)
{
    char user_text[DISPLAY_USER_SIZE], name_text[DISPLAY_TOKEN_SIZE];

    if (!session_record(cli, "confirm", user, name))
        return CLI_FAILED;
    if (!cli->json) {
        printf("Token \"%s\" of user \"%s\" is active; the next login needs the next code.\n",
               display_token(cli, name, name_text), display_user(cli, user, user_text));
        return CLI_DONE;
    }
    json_t *object = json_object();
    if (object == NULL || !escape_json(object, "user", user) ||
        !escape_json(object, "name", bytes_str(name)) ||
        json_object_set_new(object, "state", json_string(display_state(TOKEN_ACTIVE))) != 0) {
        json_decref(object);
        object = NULL;
    }
    return display_print(object) ? CLI_DONE : CLI_FAILED;
}

static const char *line_trouble(enum line line)
{
    switch (line) {
    case LINE_END:
        return "no code was given";
    case LINE_TIMEOUT:
        return "no code was given in time";
    case LINE_FAILED:
        return strerror(errno);
    case LINE_OK:
    case LINE_TOO_LONG:
        break;
    }
    return NULL;
}

int prove_token(struct cli *cli, struct bytes user, const char *name)
{
    char code[PROVE_CODE_SIZE];

    for (int tried = 0; tried < PROVE_TRIES; tried++) {
        enum mfa_result result = MFA_CODE_WRONG;
        enum line line = terminal_line(STDIN_FILENO, "Code that the app shows: ",
                                       clock_mono_ms() + PROVE_WAIT_S * 1000, code, sizeof code);
        const char *trouble = line_trouble(line);
        if (trouble != NULL) {
            log_error("%s", trouble);
            break;
        }
        if (line == LINE_OK)
            result = mfa_confirm(cli->mfa, user, name, drop_blanks(code), clock_wall_ms() / 1000,
                                 clock_boot_s());
        secret_wipe(code, sizeof code);
        if (result == MFA_OK)
            return report_active(cli, user, name);
        session_explain(cli, result, user, name);
        if (result != MFA_CODE_WRONG && result != MFA_CODE_APP && result != MFA_CODE_USED)
            return CLI_FAILED;
    }
    prove_later(cli, user, name);
    return CLI_FAILED;
}
