/* pgsignet-mfa enroll: a new token, shown once, active when a code has proved it. */
#include "config.h"

#include "mfa/cli.h"

#include "common/clock.h"
#include "common/log.h"
#include "mfa/handover.h"
#include "mfa/prove.h"
#include "mfa/session.h"

int cmd_enroll(struct cli *cli, const struct arguments *arguments)
{
    struct settings_token parameters = cli->settings->token; /* its issuer stays the settings' */
    struct bytes user = bytes_str(arguments->operand[0]);
    const char *name = arguments->given[OPT_NAME] ? arguments->text[OPT_NAME] : CLI_TOKEN_NAME;
    const char *issuer =
        arguments->given[OPT_ISSUER] ? arguments->text[OPT_ISSUER] : parameters.issuer;
    struct token_info info;
    struct secret secret = {0};

    if (arguments->given[OPT_DIGITS])
        parameters.digits = arguments->number[OPT_DIGITS];
    if (arguments->given[OPT_PERIOD])
        parameters.period = arguments->number[OPT_PERIOD];
    if (arguments->given[OPT_ALGORITHM])
        parameters.algorithm = arguments->number[OPT_ALGORITHM];

    enum mfa_result result =
        mfa_create(cli->mfa, user, name, &parameters, clock_wall_ms() / 1000, &info, &secret);
    if (result != MFA_OK) {
        session_explain(cli, result, user, name);
        secret_free(&secret);
        return CLI_FAILED;
    }
    bool shown = session_record(cli, "enroll", user, name) &&
                 handover_secret(cli, &info, issuer, secret_bytes(&secret));
    secret_free(&secret);
    if (!shown) {
        log_error("the new token is pending and admits nobody; enroll again to replace it");
        return CLI_FAILED;
    }
    if (arguments->given[OPT_NO_CONFIRM]) {
        prove_later(cli, user, name);
        return CLI_DONE;
    }
    return prove_token(cli, user, name);
}
