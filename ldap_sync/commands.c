/* The commands of pgsignet-ldap-sync, one row each, in the order of the help. */
#include "config.h"

#include "ldap_sync/cli.h"

/* clang-format off */
const struct cli_command cli_commands[] = {
    {
        .is = {
            .name = "run",
            .synopsis = "[--dry-run | --watch] [--force GUARD]... [--metrics FILE]",
            .help = "Make roles and memberships of the servers equal to what the directory says.",
            .options = OPT_BIT(OPT_DRY_RUN) | OPT_BIT(OPT_WATCH) | OPT_BIT(OPT_FORCE) | OPT_BIT(OPT_METRICS),
            .check = check_run,
        },
        .run = cmd_run,
    },
    {
        .is = {
            .name = "plan",
            .synopsis = "[--format text|sql|json] [--force GUARD]...",
            .help = "Print what a run would do.",
            .options = OPT_BIT(OPT_FORMAT) | OPT_BIT(OPT_FORCE),
            .check = check_plan,
        },
        .run = cmd_plan,
    },
    {
        .is = {
            .name = "check",
            .synopsis = "[--force GUARD]...",
            .help = "As plan, and exit 2 when there is something to do.",
            .options = OPT_BIT(OPT_FORCE),
        },
        .run = cmd_check,
    },
    {
        .is = {
            .name = "explain",
            .synopsis = "USER",
            .help = "Which groups, by which rule and nesting, give USER what; and why not.",
            .least = 1, .most = 1,
        },
        .run = cmd_explain,
    },
    {
        .is = {
            .name = "roles",
            .synopsis = "init | check | print-grants [--runner ROLE] [--server-version N]",
            .help = "Make the dbrole_* tiers, report drift from them, or print what a runner needs.",
            .options = OPT_BIT(OPT_RUNNER) | OPT_BIT(OPT_SERVER_VERSION),
            .least = 1, .most = 1, .check = check_roles,
        },
        .run = cmd_roles,
    },
};
/* clang-format on */
const size_t cli_n_commands = sizeof cli_commands / sizeof cli_commands[0];
