/* The subcommands of pgsignet-mfa, one row each, in the order of the help. */
#include "config.h"

#include "mfa/cli.h"

/* clang-format off */
const struct cli_command cli_commands[] = {
    /* --- tokens --- */
    {
        .is = {
            .name = "enroll", .group = GROUP_TOKENS,
            .synopsis = "USER [--name NAME] [--issuer TEXT] [--digits N] [--period SECONDS]\n"
                        "         [--algorithm NAME] [--hotp] [--qr terminal|svg:FILE|png:FILE]\n"
                        "         [--no-confirm | --no-confirm-until WHEN]\n"
                        "       pgsignet-mfa enroll --from-file FILE | --ldap-group DN --pages FOLDER\n"
                        "         [--page svg|png] [--expires WHEN] [--name NAME] [--issuer TEXT] ...",
            .help = "Give USER a new token, show it once, and activate it when a code proves it.",
            .options = OPT_BIT(OPT_NAME) | OPT_BIT(OPT_ISSUER) | OPT_BIT(OPT_DIGITS) | OPT_BIT(OPT_PERIOD) |
                       OPT_BIT(OPT_ALGORITHM) | OPT_BIT(OPT_HOTP) | OPT_BIT(OPT_NO_CONFIRM) | OPT_BIT(OPT_QR) |
                       OPT_BIT(OPT_NO_CONFIRM_UNTIL) | OPT_BIT(OPT_FROM_FILE) | OPT_BIT(OPT_LDAP_GROUP) |
                       OPT_BIT(OPT_PAGES) | OPT_BIT(OPT_PAGE) | OPT_BIT(OPT_EXPIRES),
            .least = 0, .most = 1, .check = check_enroll,
        },
        .user = 1, .needs = NEEDS_SETTINGS, .run = cmd_enroll,
    },
    {
        .is = {
            .name = "confirm", .group = GROUP_TOKENS,
            .synopsis = "USER [--name NAME]",
            .help = "Prove a pending token by a code, and activate it.",
            .options = OPT_BIT(OPT_NAME),
            .least = 1, .most = 1,
        },
        .user = 1, .needs = NEEDS_AUDIT, .run = cmd_confirm,
    },
    {
        .is = {
            .name = "verify", .group = GROUP_TOKENS,
            .synopsis = "USER [--code-stdin]",
            .help = "Try a code of USER, counted and used up like a login (for the help desk).",
            .options = OPT_BIT(OPT_CODE_STDIN),
            .least = 1, .most = 1,
        },
        .user = 1, .needs = NEEDS_AUDIT, .run = cmd_verify,
    },
    {
        .is = {
            .name = "resync", .group = GROUP_TOKENS,
            .synopsis = "USER [--name NAME] [--code-stdin]",
            .help = "Set a token's clock or counter right by two codes in a row.",
            .options = OPT_BIT(OPT_NAME) | OPT_BIT(OPT_CODE_STDIN),
            .least = 1, .most = 1,
        },
        .user = 1, .needs = NEEDS_AUDIT, .run = cmd_resync,
    },
    {
        .is = {
            .name = "disable", .group = GROUP_TOKENS,
            .synopsis = "USER [--name NAME]",
            .help = "Let all active tokens of USER rest, or one.",
            .options = OPT_BIT(OPT_NAME),
            .least = 1, .most = 1,
        },
        .user = 1, .needs = NEEDS_AUDIT, .run = cmd_disable,
    },
    {
        .is = {
            .name = "enable", .group = GROUP_TOKENS,
            .synopsis = "USER [--name NAME]",
            .help = "Activate all disabled tokens of USER, or one.",
            .options = OPT_BIT(OPT_NAME),
            .least = 1, .most = 1,
        },
        .user = 1, .needs = NEEDS_AUDIT, .run = cmd_enable,
    },
    {
        .is = {
            .name = "rename", .group = GROUP_TOKENS,
            .synopsis = "USER --name NAME --to NAME\n       pgsignet-mfa rename USER --to-user USER",
            .help = "Rename a token, or USER himself after ALTER ROLE ... RENAME.",
            .options = OPT_BIT(OPT_NAME) | OPT_BIT(OPT_TO) | OPT_BIT(OPT_TO_USER),
            .least = 1, .most = 1, .check = check_rename,
        },
        .user = 1, .needs = NEEDS_AUDIT, .run = cmd_rename,
    },
    {
        .is = {
            .name = "remove", .group = GROUP_TOKENS,
            .synopsis = "USER [--name NAME] [--yes]",
            .help = "Remove all tokens of USER, or one.",
            .options = OPT_BIT(OPT_NAME) | OPT_BIT(OPT_YES),
            .least = 1, .most = 1,
        },
        .user = 1, .needs = NEEDS_AUDIT, .run = cmd_remove,
    },

    /* --- users --- */
    {
        .is = {
            .name = "show", .group = GROUP_USERS,
            .synopsis = "USER",
            .help = "Show USER's tokens, lock, failures by address, and name hash in the audit log.",
            .least = 1, .most = 1,
        },
        .user = 1, .needs = NEEDS_STORE, .run = cmd_show,
    },
    {
        .is = {
            .name = "policy", .group = GROUP_USERS,
            .synopsis = "USER [--address ADDRESS] [--service NAME | --policy NAME]",
            .help = "Say what would be asked of USER from ADDRESS, and why.",
            .options = OPT_BIT(OPT_ADDRESS) | OPT_BIT(OPT_SERVICE) | OPT_BIT(OPT_POLICY),
            .least = 1, .most = 1, .check = check_policy,
        },
        .user = 1, .needs = NEEDS_STORE, .run = cmd_policy,
    },
    {
        .is = {
            .name = "recovery", .group = GROUP_USERS,
            .synopsis = "USER [--codes N | --remove]",
            .help = "Give USER new recovery codes, shown once, in place of those from before.",
            .options = OPT_BIT(OPT_CODES) | OPT_BIT(OPT_REMOVE),
            .least = 1, .most = 1, .check = check_recovery,
        },
        .user = 1, .needs = NEEDS_AUDIT, .run = cmd_recovery,
    },
    {
        .is = {
            .name = "lock", .group = GROUP_USERS,
            .synopsis = "USER --reason TEXT",
            .help = "Lock USER out until `unlock`, enrolled or not.",
            .options = OPT_BIT(OPT_REASON),
            .least = 1, .most = 1, .check = check_lock,
        },
        .user = 1, .needs = NEEDS_AUDIT, .run = cmd_lock,
    },
    {
        .is = {
            .name = "unlock", .group = GROUP_USERS,
            .synopsis = "USER [--failures] [--yes]",
            .help = "Forget the failures of USER, and lift an operator's lock.",
            .options = OPT_BIT(OPT_FAILURES) | OPT_BIT(OPT_YES),
            .least = 1, .most = 1,
        },
        .user = 1, .needs = NEEDS_AUDIT, .run = cmd_unlock,
    },
    {
        .is = {
            .name = "purge", .group = GROUP_USERS,
            .synopsis = "USER [--yes]",
            .help = "Destroy all of USER's, with the key that would open it in a backup.",
            .options = OPT_BIT(OPT_YES),
            .least = 1, .most = 1,
        },
        .user = 1, .needs = NEEDS_AUDIT, .run = cmd_purge,
    },
    {
        .is = {
            .name = "breakglass", .group = GROUP_USERS,
            .synopsis = "create USER | list | disarm USER | remove USER\n"
                        "       pgsignet-mfa breakglass arm USER --reason TEXT --for TIME | --until TIME",
            .help = "Keep accounts whose sealed passphrase admits alone, while armed.",
            .options = OPT_BIT(OPT_REASON) | OPT_BIT(OPT_UNTIL) | OPT_BIT(OPT_FOR),
            .least = 1, .most = 2, .check = check_breakglass,
        },
        .user = 2, .needs = NEEDS_AUDIT, .run = cmd_breakglass,
    },

    /* --- many --- */
    {
        .is = {
            .name = "list", .group = GROUP_MANY,
            .synopsis = "[--pending | --disabled | --stale TIME | --locked | --unenrolled]",
            .help = "List tokens, locked users, or roles that have no token.",
            .options = OPT_BIT(OPT_PENDING) | OPT_BIT(OPT_DISABLED) | OPT_BIT(OPT_STALE) |
                       OPT_BIT(OPT_LOCKED) | OPT_BIT(OPT_UNENROLLED),
            .check = check_list,
        },
        .needs = NEEDS_STORE, .run = cmd_list,
    },
    {
        .is = {
            .name = "stats", .group = GROUP_MANY,
            .synopsis = "[--stale TIME]",
            .help = "Count users, tokens, recovery codes and failures.",
            .options = OPT_BIT(OPT_STALE),
        },
        .needs = NEEDS_STORE, .run = cmd_stats,
    },
    {
        .is = {
            .name = "import", .group = GROUP_MANY,
            .synopsis = "FILE --format FORMAT [--user USER] [--map FILE] [--pending] [--replace]\n"
                        "         [--key-file FILE] [--password-file FILE] [--dry-run]",
            .help = "Add the tokens of another program's file, all or none.",
            .options = OPT_BIT(OPT_FORMAT) | OPT_BIT(OPT_FOR_USER) | OPT_BIT(OPT_MAP) | OPT_BIT(OPT_UNPROVED) |
                       OPT_BIT(OPT_REPLACE) | OPT_BIT(OPT_KEY_FILE) | OPT_BIT(OPT_PASSWORD_FILE) |
                       OPT_BIT(OPT_DRY_RUN),
            .least = 1, .most = 1, .check = check_import,
        },
        .needs = NEEDS_SETTINGS, .run = cmd_import,
    },
    {
        .is = {
            .name = "export", .group = GROUP_MANY,
            .synopsis = "--format FORMAT --output FILE (--user USER | --all)\n"
                        "         [--key-file FILE | --password-file FILE]",
            .help = "Write active tokens, with their secrets, to a new file.",
            .options = OPT_BIT(OPT_FORMAT) | OPT_BIT(OPT_OUTPUT) | OPT_BIT(OPT_FOR_USER) | OPT_BIT(OPT_ALL) |
                       OPT_BIT(OPT_KEY_FILE) | OPT_BIT(OPT_PASSWORD_FILE),
            .check = check_export,
        },
        .needs = NEEDS_SETTINGS, .run = cmd_export,
    },

    /* --- store and keys --- */
    {
        .is = {
            .name = "migrate", .group = GROUP_STORE,
            .synopsis = "--to FILE",
            .help = "Copy the store to the one that the configuration FILE names, while logins go on.",
            .options = OPT_BIT(OPT_TO_STORE),
            .check = check_migrate,
        },
        .needs = NEEDS_AUDIT, .run = cmd_migrate,
    },
    {
        .is = {
            .name = "init", .group = GROUP_STORE,
            .synopsis = "[--print-sql]",
            .help = "Create the key and the empty store, or upgrade the tables of an old one.",
            .options = OPT_BIT(OPT_PRINT_SQL),
        },
        .needs = NEEDS_SETTINGS, .run = cmd_init,
    },
    {
        .is = {
            .name = "rekey", .group = GROUP_STORE,
            .synopsis = "--kek [--to FILE | --retire] | --dek",
            .help = "Change the key outside of the store or the data key in it, while logins go on.",
            .options = OPT_BIT(OPT_KEK) | OPT_BIT(OPT_DEK) | OPT_BIT(OPT_TO_CONFIG) | OPT_BIT(OPT_RETIRE),
            .check = check_rekey,
        },
        .needs = NEEDS_SETTINGS, .run = cmd_rekey,
    },
    {
        .is = {
            .name = "fsck", .group = GROUP_STORE,
            .synopsis = "",
            .help = "Open every record of the store and check what belongs to what; exit 2 on faults.",
        },
        .needs = NEEDS_STORE, .run = cmd_fsck,
    },
};
/* clang-format on */
const size_t cli_n_commands = sizeof cli_commands / sizeof cli_commands[0];
