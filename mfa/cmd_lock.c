/* pgsignet-mfa lock: nobody gets in under this name until unlock. */
#include "config.h"

#include "mfa/cli.h"

#include "common/clock.h"
#include "common/log.h"
#include "mfa/display.h"
#include "mfa/session.h"
#include "mfa/store.h"

#include <stdio.h>

bool check_lock(const struct arguments *arguments)
{
    const char *reason = arguments->text[OPT_REASON];

    if (reason == NULL) {
        log_error("lock needs --reason: whoever unlocks must know why");
        return false;
    }
    if (strlen(reason) < STORE_TEXT)
        return true;
    log_error("--reason: must have 1 to %d bytes", STORE_TEXT - 1);
    return false;
}

int cmd_lock(struct cli *cli, const struct arguments *arguments)
{
    struct bytes user = bytes_str(arguments->operand[0]);
    const char *reason = arguments->text[OPT_REASON];
    int64_t now_s = clock_wall_ms() / 1000;
    char text[DISPLAY_USER_SIZE];

    session_doubt_name(cli, user);
    enum mfa_result result = mfa_lock_user(cli->mfa, user, reason, now_s);
    if (result != MFA_OK) {
        session_explain(cli, result, user, NULL);
        return COMMAND_FAILED;
    }
    const struct session_event event = {.event = "lock", .user = user, .detail = reason};
    if (!session_record_event(cli, &event))
        return COMMAND_FAILED;
    if (cli->json)
        return display_end(display_with_text(
            display_with(display_change(user, NULL), "locked", display_json_time(now_s)),
            "lock_reason", bytes_str(reason)));
    printf("User \"%s\" is locked out; sessions that are open go on.\n",
           display_user(cli, user, text));
    return COMMAND_DONE;
}
