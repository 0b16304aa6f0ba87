/* run: the sync itself, once or for as long as it is let. */
#include "config.h"

#include "common/log.h"
#include "ldap_sync/cli.h"
#include "ldap_sync/run.h"
#include "ldap_sync/watch.h"

#include <string.h>

bool check_run(const struct arguments *arguments)
{
    const char *metrics = arguments->text[OPT_METRICS];

    if (metrics != NULL && !g_str_has_suffix(metrics, ".prom")) {
        log_error("--metrics: write a name that ends in .prom: node_exporter reads no others");
        return false;
    }
    if (arguments->given[OPT_WATCH] && arguments->given[OPT_JSON]) {
        log_error("--watch does not end, and --json prints one document at the end; keep one");
        return false;
    }
    return arguments_one_of(arguments, OPT_BIT(OPT_DRY_RUN) | OPT_BIT(OPT_WATCH)) &&
           arguments_one_of(arguments, OPT_BIT(OPT_DRY_RUN) | OPT_BIT(OPT_METRICS));
}

int cmd_run(struct session *session, const struct arguments *arguments)
{
    const struct run_wish wish = {
        .apply = !arguments->given[OPT_DRY_RUN],
        .form = arguments->given[OPT_JSON] ? FORM_JSON : FORM_TEXT,
        .differs = COMMAND_DONE,
    };

    if (wish.apply && !session_open_audit(session))
        return COMMAND_FAILED;
    return arguments->given[OPT_WATCH] ? watch(session, &wish) : run_once(session, &wish);
}
