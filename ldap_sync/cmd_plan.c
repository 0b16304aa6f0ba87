/* plan and check: what a run would do. */
#include "config.h"

#include "common/log.h"
#include "ldap_sync/cli.h"
#include "ldap_sync/run.h"

static enum sync_form form_of(const struct arguments *arguments)
{
    if (arguments->given[OPT_FORMAT])
        return (enum sync_form)arguments->number[OPT_FORMAT];
    return arguments->given[OPT_JSON] ? FORM_JSON : FORM_TEXT;
}

bool check_plan(const struct arguments *arguments)
{
    if (arguments->given[OPT_JSON] && form_of(arguments) != FORM_JSON) {
        log_error("--json and --format: one at a time");
        return false;
    }
    return true;
}

int cmd_plan(struct session *session, const struct arguments *arguments)
{
    const struct run_wish wish = {.form = form_of(arguments), .differs = COMMAND_DONE};

    return run_once(session, &wish);
}

int cmd_check(struct session *session, const struct arguments *arguments)
{
    const struct run_wish wish = {.form = form_of(arguments), .differs = COMMAND_DIFFERS};

    return run_once(session, &wish);
}
