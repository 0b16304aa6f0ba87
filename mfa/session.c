#include "config.h"

#include "mfa/session.h"

#include "common/clock.h"
#include "common/crypto.h"
#include "common/log.h"
#include "mfa/display.h"
#include "mfa/owner.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define WHY_SIZE    512  /* bytes: a sentence with a path in it */
#define DETAIL_SIZE 1024 /* bytes: the longest reason, and who it was */

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

    cli->settings = settings_load(cli->config, SETTINGS_FOR_LOGINS, stderr);
    if (cli->settings == NULL)
        return false;
    cli->settings->store.as_admin = true;
    if (!crypto_start(cli->settings->fips == FIPS_REQUIRE, why, sizeof why)) {
        log_error("%s", why);
        return false;
    }
    return session_enter(cli, needs);
}

bool session_enter(struct cli *cli, enum cli_needs needs)
{
    char why[WHY_SIZE] = "";

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
    if (mfa_notice(cli->mfa)[0] != '\0')
        log_error("%s", mfa_notice(cli->mfa));
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
    const struct session_event what = {.event = event, .user = user, .token = token};

    return session_record_event(cli, &what);
}

bool session_record_event(const struct cli *cli, const struct session_event *what)
{
    char detail[DETAIL_SIZE];
    const char *said = what->detail ? what->detail : "";

    snprintf(detail, sizeof detail, "%s%s%s", said, said[0] && cli->sudo_user[0] ? "; " : "",
             cli->sudo_user);
    struct audit_event record = {
        .time_ms = clock_wall_ms(),
        .event = what->event,
        .id = audit_new_id(),
        .result = what->judged ? NULL : "done",
        .severity = what->alert ? SEVERITY_ALERT : SEVERITY_USUAL,
        .reason = what->judged ? *what->judged : REASON_GRANTED,
        .user = what->user,
        .user_known = true, /* an operator typed it as a name, not in place of a password */
        .address = bytes_str(what->judged ? CLI_ADDRESS : ""),
        .token = what->token,
        .has_uid = true,
        .uid = cli->caller,
        .detail = detail,
    };

    /* A line on an operator's terminal is no record, unless there is to be no file. */
    enum audit_written written = audit_write(cli->audit, &record);
    if (written == AUDIT_IN_FILE ||
        (written == AUDIT_ON_STDERR && cli->settings->audit.file[0] == '\0'))
        return true;
    log_error("the change (%s) was made, but the audit file %s did not take its event; "
              "repair it and note the change there",
              what->event, cli->settings->audit.file);
    return false;
}

void session_doubt_name(const struct cli *cli, struct bytes user)
{
    struct token_info *tokens = NULL;
    char text[DISPLAY_USER_SIZE];
    size_t n = 0;

    enum mfa_result result = mfa_list(cli->mfa, user, &tokens, &n);
    free(tokens);
    if (result == MFA_NOT_FOUND || (result == MFA_OK && n == 0))
        log_warning("user \"%s\" has no token; is the name right?", display_user(cli, user, text));
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
    case MFA_EXPIRED:
        log_error("token \"%s\" of user \"%s\" was to be proved by a day that has passed; enrol it "
                  "anew",
                  token_text, user_text);
        return;
    case MFA_STATE:
        log_error("token \"%s\" of user \"%s\" is not in a state in which that can be done; see "
                  "pgsignet-mfa show",
                  token_text, user_text);
        return;
    case MFA_TOO_MANY:
        log_error("user \"%s\" has %d tokens already, which is the most; remove one first",
                  user_text, MFA_TOKENS_PER_USER);
        return;
    case MFA_CODE_WRONG:
        log_error("this code is wrong; try the next one, and check the phone's clock");
        return;
    case MFA_CODE_APP:
        log_error("this app ignores the algorithm parameter (or digits, or period): its code is "
                  "that of SHA1, 6 digits, 30 s; use another app, or enroll with these values");
        return;
    case MFA_CODE_USED:
        log_error("this code was right but is of a step that does not count any more; "
                  "wait for the app's next code");
        return;
    case MFA_SAME:
    case MFA_STORE:
    case MFA_KEY:
        break;
    }
    log_error("%s", cli->mfa ? mfa_error(cli->mfa) : "the store failed");
}
