#include "config.h"

#include "mfa/prove.h"

#include "common/clock.h"
#include "common/log.h"
#include "mfa/ask.h"
#include "mfa/display.h"
#include "mfa/session.h"

#include <stdio.h>
#include <string.h>

/* Whether a shell takes the text for one word that is no option, as it stands. */
static bool is_word(const char *text)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";

    return *text != '\0' && *text != '-' && text[strspn(text, plain)] == '\0';
}

void prove_later(const struct cli *cli, struct bytes user, const char *name)
{
    char user_text[DISPLAY_USER_SIZE], name_text[DISPLAY_TOKEN_SIZE];

    display_user(cli, user, user_text);
    display_token(cli, name, name_text);
    bool as_it_stands = is_word(user_text) && is_word(name_text);
    log_notice("token \"%s\" of \"%s\" is pending and admits nobody; a code proves it "
               "later: pgsignet-mfa confirm %s --name %s",
               name_text, user_text, as_it_stands ? user_text : "USER",
               as_it_stands ? name_text : "NAME");
}

static int report_active(struct cli *cli, struct bytes user, const char *name)
{
    char user_text[DISPLAY_USER_SIZE], name_text[DISPLAY_TOKEN_SIZE];

    if (!session_record(cli, "confirm", user, name))
        return COMMAND_FAILED;
    if (cli->json)
        return display_end(display_with(display_change(user, name), "state",
                                        json_string(display_state(TOKEN_ACTIVE))));
    printf("Token \"%s\" of user \"%s\" is active; the next login needs the next code.\n",
           display_token(cli, name, name_text), display_user(cli, user, user_text));
    return COMMAND_DONE;
}

int prove_token(struct cli *cli, struct bytes user, const char *name)
{
    char line[ASK_CODE_SIZE];
    struct bytes code;

    for (int tried = 0; tried < PROVE_TRIES; tried++) {
        enum mfa_result result = MFA_CODE_WRONG;
        enum ask asked = ask_code("Code that the app shows: ", line, &code);
        if (asked == ASK_FAILED)
            break;
        if (asked == ASK_OK)
            result =
                mfa_confirm(cli->mfa, user, name, code, clock_wall_ms() / 1000, clock_boot_s());
        secret_wipe(line, sizeof line);
        if (result == MFA_OK)
            return report_active(cli, user, name);
        session_explain(cli, result, user, name);
        if (result != MFA_CODE_WRONG && result != MFA_CODE_APP && result != MFA_CODE_USED)
            return COMMAND_FAILED;
    }
    prove_later(cli, user, name);
    return COMMAND_FAILED;
}
