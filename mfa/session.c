#include "config.h"

#include "mfa/session.h"

#include "common/clock.h"
#include "common/log.h"
#include "mfa/display.h"
#include "mfa/owner.h"

#include <unistd.h>

#define WHY_SIZE 512 /* bytes: a sentence with a path in it */

bool session_become_owner(struct cli *cli)
{
    const char *user = cli->settings->daemon.user;
    struct owner owner;
    char why[WHY_SIZE] = "";

    if (!owner_find(user, &owner, why, sizeof why) || !owner_become(user, why, sizeof why)) {
        log_error("%s", why);
        return false;
    }
    if (geteuid() != owner.uid) {
        log_error("the store belongs to user %s: run this as root (sudo) or as %s", user, user);
        return false;
    }
    return true;
}

bool session_open_audit(struct cli *cli)
{
    char why[WHY_SIZE] = "";

    cli->audit = audit_open(&cli->settings->audit, why, sizeof why);
    if (cli->audit == NULL)
        log_error("no change without its audit event: %s", why);
    return cli->audit != NULL;
}

bool session_open(struct cli *cli, enum cli_needs needs)
{
    char why[WHY_SIZE] = "";

    cli->settings = settings_load(cli->config, stderr);
    if (cli->settings == NULL)
        return false;
    if (needs < NEEDS_STORE)
        return true;
    if (!session_become_owner(cli))
        return false;
    if (needs >= NEEDS_AUDIT && !session_open_audit(cli))
        return false;
    if (mfa_open(cli->settings, &cli->mfa, why, sizeof why) != REASON_GRANTED) {
        log_error("%s", why);
        return false;
    }
    return true;
}

void session_close(struct cli *cli)
{
    mfa_close(cli->mfa);
    audit_close(cli->audit);
    settings_free(cli->settings);
    cli->mfa = NULL;
    cli->audit = NULL;
    cli->settings = NULL;
}

bool session_record(struct cli *cli, const char *event, struct bytes user, const char *token)
{
    struct audit_event record = {
        .time_ms = clock_wall_ms(),
        .event = event,
        .id = audit_new_id(),
        .result = "done",
        .user = user,
        .user_known = true, /* an operator typed it as a name, not in place of a password */
        .token = token,
        .has_uid = true,
        .uid = cli->caller,
        .detail = cli->sudo_user,
    };

    /* A line on an operator's terminal is no record, unless there is to be no file. */
    enum audit_written written = audit_write(cli->audit, &record);
    if (written == AUDIT_IN_FILE ||
        (written == AUDIT_ON_STDERR && cli->settings->audit.file[0] == '\0'))
        return true;
    log_error("the change (%s) was made, but the audit file %s did not take its event; "
              "repair it and note the change there",
              event, cli->settings->audit.file);
    return false;
}

void session_explain(const struct cli *cli, enum mfa_result result, struct bytes user,
                     const char *token)
{
    char user_text[DISPLAY_USER_SIZE], token_text[DISPLAY_TOKEN_SIZE];

    display_user(cli, user, user_text);
    display_token(cli, token ? token : "", token_text);
    switch (result) {
    case MFA_OK:
        return;
    case MFA_BAD_NAME:
        log_error("a user's name has 1 to %d bytes, a token's 1 to %d", MFA_USER_MAX,
                  MFA_TOKEN_NAME_MAX);
        return;
    case MFA_NOT_FOUND:
        if (token != NULL)
            log_error("user \"%s\" has no token \"%s\"", user_text, token_text);
        else
            log_error("user \"%s\" has no token", user_text);
        return;
    case MFA_EXISTS:
        log_error("user \"%s\" has an active token \"%s\" already; remove it first (pgsignet-mfa "
                  "remove), or add another one with --name",
                  user_text, token_text);
        return;
    case MFA_TOO_MANY:
        log_error("user \"%s\" has %d tokens already, which is the most; remove one first",
                  user_text, MFA_TOKENS_PER_USER);
        return;
    case MFA_CODE_WRONG:
        log_error("this code is wrong");
        return;
    case MFA_CODE_APP:
        log_error("this app ignores the algorithm parameter (or digits, or period): its code is "
                  "that of SHA1, 6 digits, 30 s; use another app, or enroll with these values");
        return;
    case MFA_CODE_USED:
        log_error("this code was right but is of a step that does not count any more; "
                  "wait for the app's next code");
        return;
    case MFA_STORE:
    case MFA_KEY:
        break;
    }
    log_error("%s", cli->mfa ? mfa_error(cli->mfa) : "the store failed");
}
