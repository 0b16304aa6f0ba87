/* pgsignet-mfa stats: how many of everything. */
#include "config.h"

#include "mfa/cli.h"

#include "common/clock.h"
#include "mfa/display.h"
#include "mfa/session.h"

#include <inttypes.h>
#include <stdio.h>

#define USUAL_STALE_S (INT64_C(90) * 86400)

int cmd_stats(struct cli *cli, const struct arguments *arguments)
{
    int64_t now_s = clock_wall_ms() / 1000;
    int64_t stale_s = arguments->given[OPT_STALE] ? arguments->number[OPT_STALE] : USUAL_STALE_S;
    struct mfa_stats stats;

    enum mfa_result result = mfa_stats(cli->mfa, now_s - stale_s, now_s, &stats);
    if (result != MFA_OK) {
        session_explain(cli, result, bytes_of(NULL, 0), NULL);
        return COMMAND_FAILED;
    }
    const struct {
        const char *key, *text;
        int64_t count;
    } rows[] = {
        {"users", "users known", stats.users},
        {"users_locked", "users locked by an operator", stats.locked},
        {"users_capped", "users at the cap of failures", stats.capped},
        {"tokens_active", "tokens active", stats.tokens[TOKEN_ACTIVE]},
        {"tokens_pending", "tokens pending", stats.tokens[TOKEN_PENDING]},
        {"tokens_disabled", "tokens disabled", stats.tokens[TOKEN_DISABLED]},
        {"tokens_expired", "pending past their day", stats.expired},
        {"tokens_hotp", "counter-based", stats.hotp},
        {"tokens_stale", "active, long not used", stats.stale},
        {"users_with_recovery", "users with recovery codes", stats.with_recovery},
        {"recovery_codes", "recovery codes unused", stats.recovery_left},
        {"failing_names", "names with failures", stats.failures_rows},
        {"data_keys", "data keys", stats.data_keys},
    };
    json_t *object = cli->json ? json_object() : NULL;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (cli->json)
            object = display_with(object, rows[i].key, json_integer(rows[i].count));
        else
            printf("%-28s %8" PRId64 "\n", rows[i].text, rows[i].count);
    }
    if (!cli->json)
        return COMMAND_DONE;
    return display_end(display_with(object, "stale_seconds", json_integer(stale_s)));
}
