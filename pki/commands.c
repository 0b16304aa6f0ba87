/* The commands of pgsignet-ca, one row each, in the order of the help. */
#include "config.h"

#include "pki/cli.h"

#include <limits.h>

#define PASSPHRASES      (OPT_BIT(OPT_PASSPHRASE_FILE) | OPT_BIT(OPT_PASSPHRASE_FD))
#define FILE_PASSPHRASES (OPT_BIT(OPT_OTHER_PASSPHRASE_FILE) | OPT_BIT(OPT_OTHER_PASSPHRASE_FD))
#define SERVERS          (OPT_BIT(OPT_POSTGRES) | OPT_BIT(OPT_PID_FILE) | OPT_BIT(OPT_PROBE))
#define WHICH            (OPT_BIT(OPT_SERVER) | OPT_BIT(OPT_CLIENT))
#define TARGETS          (OPT_BIT(OPT_CRL_FILE) | OPT_BIT(OPT_CRL_DIR) | OPT_BIT(OPT_OWNER) | SERVERS)
#define OUTPUTS                                                                                    \
    (OPT_BIT(OPT_OUTPUT) | OPT_BIT(OPT_BUNDLE) | OPT_BIT(OPT_OUT) | OPT_BIT(OPT_HOST) |            \
     OPT_BIT(OPT_DATABASE) | OPT_BIT(OPT_SSLROOTCERT) | FILE_PASSPHRASES)
#define DUE (OPT_BIT(OPT_ALL_DUE) | OPT_BIT(OPT_WINDOW) | OPT_BIT(OPT_JITTER))

/* clang-format off */
const struct cli_command cli_commands[] = {
    {
        .is = {
            .name = "init", .group = GROUP_CA,
            .synopsis = "[--layout seed|pigsty] [--client-ca] [--intermediate] [--algorithm NAME] [--passphrase | --pkcs11 URI]",
            .help = "Make a CA: its folder, key, certificate, ledger and first CRL.",
            .options = OPT_BIT(OPT_LAYOUT) | OPT_BIT(OPT_ALGORITHM) | OPT_BIT(OPT_INTERMEDIATE) | OPT_BIT(OPT_CLIENT_CA) |
                       OPT_BIT(OPT_ORGANISATION) | OPT_BIT(OPT_NAME) | OPT_BIT(OPT_PKCS11) | OPT_BIT(OPT_PASSPHRASE) |
                       PASSPHRASES | OPT_BIT(OPT_LASTS) | OPT_BIT(OPT_DRY_RUN),
            .check = check_init,
        },
        .run = cmd_init,
    },
    {
        .is = {
            .name = "adopt", .group = GROUP_CA,
            .synopsis = "[--layout seed|pigsty] [--pkcs11 URI] [TREE]",
            .help = "Take over a CA that is there as ca.crt and ca.key, and say what is wrong with its certificates.",
            .options = OPT_BIT(OPT_LAYOUT) | OPT_BIT(OPT_PKCS11) | PASSPHRASES | OPT_BIT(OPT_DRY_RUN),
            .most = 1, .check = check_adopt,
        },
        .run = cmd_adopt,
    },
    {
        .is = {
            .name = "issue", .group = GROUP_LEAVES,
            .synopsis = "server|client NAME... [--san NAME]... | --from-file FILE | --ldap-group GROUP",
            .help = "Make keys and certificates, for servers or for roles that log in by them.",
            .options = OPT_BIT(OPT_SAN) | OPT_BIT(OPT_FROM_FILE) | OPT_BIT(OPT_LDAP_GROUP) | OPT_BIT(OPT_ALGORITHM) |
                       OPT_BIT(OPT_LASTS) | OUTPUTS | OPT_BIT(OPT_SECOND) | OPT_BIT(OPT_KEEP_GOING) | OPT_BIT(OPT_POSTGRES) |
                       PASSPHRASES | OPT_BIT(OPT_DRY_RUN),
            .least = 1, .most = INT_MAX, .check = check_issue,
        },
        .run = cmd_issue,
    },
    {
        .is = {
            .name = "sign", .group = GROUP_LEAVES,
            .synopsis = "server|client REQUEST... [--name NAME | --take-names] [--san NAME]...",
            .help = "Sign requests (PKCS#10) of keys that were made elsewhere; - is standard input.",
            .options = OPT_BIT(OPT_NAME) | OPT_BIT(OPT_TAKE_NAMES) | OPT_BIT(OPT_SAN) | OPT_BIT(OPT_LASTS) | OPT_BIT(OPT_OUT) |
                       OPT_BIT(OPT_SECOND) | OPT_BIT(OPT_KEEP_GOING) | OPT_BIT(OPT_POSTGRES) | PASSPHRASES | OPT_BIT(OPT_DRY_RUN),
            .least = 2, .most = INT_MAX, .check = check_sign,
        },
        .run = cmd_sign,
    },
    {
        .is = {
            .name = "renew", .group = GROUP_LEAVES,
            .synopsis = "WHAT... | --all-due [--window TIME] [--jitter TIME] [--revoke-old]",
            .help = "Make a new certificate for the same key.",
            .options = DUE | OPT_BIT(OPT_LASTS) | OPT_BIT(OPT_REVOKE_OLD) | OUTPUTS |
                       OPT_BIT(OPT_KEEP_GOING) | OPT_BIT(OPT_POSTGRES) | PASSPHRASES | OPT_BIT(OPT_DRY_RUN),
            .most = INT_MAX, .check = check_renew,
        },
        .run = cmd_renew,
    },
    {
        .is = {
            .name = "rekey", .group = GROUP_LEAVES,
            .synopsis = "WHAT... [--request FILE] | --all-due [--window TIME] [--jitter TIME] [--revoke-old]",
            .help = "Make a new key and a certificate for it.",
            .options = DUE | OPT_BIT(OPT_LASTS) | OPT_BIT(OPT_ALGORITHM) | OPT_BIT(OPT_REQUEST) | OPT_BIT(OPT_REVOKE_OLD) | OUTPUTS |
                       OPT_BIT(OPT_KEEP_GOING) | OPT_BIT(OPT_POSTGRES) | PASSPHRASES | OPT_BIT(OPT_DRY_RUN),
            .most = INT_MAX, .check = check_renew,
        },
        .run = cmd_rekey,
    },
    {
        .is = {
            .name = "revoke", .group = GROUP_REVOCATION,
            .synopsis = "WHAT... [--server] [--client] [--reason WORD] [--terminate] [--no-publish]",
            .help = "Revoke certificates, publish the CRL, and prove that the servers refuse them.",
            .options = OPT_BIT(OPT_REASON) | OPT_BIT(OPT_TERMINATE) | OPT_BIT(OPT_NO_PUBLISH) | WHICH | TARGETS | PASSPHRASES |
                       OPT_BIT(OPT_YES) | OPT_BIT(OPT_DRY_RUN),
            .least = 1, .most = INT_MAX, .check = check_revoke,
        },
        .run = cmd_revoke,
    },
    {
        .is = {
            .name = "release", .group = GROUP_REVOCATION,
            .synopsis = "WHAT... [--server] [--client] [--no-publish]",
            .help = "Lift a hold (certificateHold), and publish the CRL.",
            .options = OPT_BIT(OPT_NO_PUBLISH) | WHICH | TARGETS | PASSPHRASES | OPT_BIT(OPT_DRY_RUN),
            .least = 1, .most = INT_MAX, .check = check_revoke,
        },
        .run = cmd_release,
    },
    {
        .is = {
            .name = "crl", .group = GROUP_REVOCATION,
            .synopsis = "[--due] [--publish]",
            .help = "Make new CRLs of all CAs.",
            .options = OPT_BIT(OPT_DUE) | OPT_BIT(OPT_PUBLISH) | OPT_BIT(OPT_LASTS) | (TARGETS & ~OPT_BIT(OPT_PROBE)) | PASSPHRASES | OPT_BIT(OPT_DRY_RUN),
            .check = check_crl,
        },
        .run = cmd_crl,
    },
    {
        .is = {
            .name = "list", .group = GROUP_LOOKING,
            .synopsis = "[--kind KIND] [--name NAME] [--revoked] [--all]",
            .help = "List certificates; without options the live ones.",
            .options = OPT_BIT(OPT_KIND) | OPT_BIT(OPT_NAME) | OPT_BIT(OPT_REVOKED) | OPT_BIT(OPT_ALL),
        },
        .run = cmd_list,
    },
    {
        .is = {
            .name = "show", .group = GROUP_LOOKING,
            .synopsis = "WHAT [--host HOST] [--dbname NAME] [--sslrootcert FILE]",
            .help = "Show all about a certificate, and the connection strings for it.",
            .options = OPT_BIT(OPT_HOST) | OPT_BIT(OPT_DATABASE) | OPT_BIT(OPT_SSLROOTCERT),
            .least = 1, .most = 1,
        },
        .run = cmd_show,
    },
    {
        .is = {
            .name = "expiring", .group = GROUP_LOOKING,
            .synopsis = "[--window TIME]",
            .help = "List what ends within the window and was not replaced.",
            .options = OPT_BIT(OPT_WINDOW) | OPT_BIT(OPT_KIND),
        },
        .run = cmd_expiring,
    },
    {
        .is = {
            .name = "check", .group = GROUP_LOOKING,
            .synopsis = "[--window TIME] [--postgres CONNINFO]... [--probe HOST:PORT]...",
            .help = "Look for what is wrong, or will be soon; exit 2 when something was found.",
            .options = OPT_BIT(OPT_WINDOW) | TARGETS,
        },
        .run = cmd_check,
    },
    {
        .is = {
            .name = "deploy", .group = GROUP_LEAVES,
            .synopsis = "NAME --to DIR [--owner USER | --group-key GROUP] | --print [ROLE]...",
            .help = "Put a server's certificate, key, CA and CRL where PostgreSQL reads them, reload, and prove it.",
            .options = OPT_BIT(OPT_TO) | OPT_BIT(OPT_GROUP_KEY) | OPT_BIT(OPT_PRINT) | OPT_BIT(OPT_OWNER) | SERVERS | OPT_BIT(OPT_DRY_RUN),
            .most = INT_MAX, .check = check_deploy,
        },
        .run = cmd_deploy,
    },
    {
        .is = {
            .name = "rotate", .group = GROUP_CA,
            .synopsis = "status|start|issue|drop|abort [--kind server|client] [--force]",
            .help = "Replace a CA's key step by step while everybody goes on; status says where it stands.",
            .options = OPT_BIT(OPT_FORCE) | OPT_BIT(OPT_KIND) | OPT_BIT(OPT_REASON) | OPT_BIT(OPT_ALGORITHM) | OPT_BIT(OPT_PKCS11) | OPT_BIT(OPT_LASTS) |
                       OPT_BIT(OPT_POSTGRES) | PASSPHRASES | OPT_BIT(OPT_DRY_RUN),
            .least = 1, .most = 1, .check = check_rotate,
        },
        .run = cmd_rotate,
    },
    {
        .is = {
            .name = "clock", .group = GROUP_CA,
            .synopsis = "",
            .help = "Accept the clock as it is, after it was ahead: what is dated later no longer keeps from signing.",
            .options = OPT_BIT(OPT_YES) | OPT_BIT(OPT_DRY_RUN),
        },
        .run = cmd_clock,
    },
    {
        .is = {
            .name = "backup", .group = GROUP_CA,
            .synopsis = "FILE",
            .help = "Write the whole CA into one encrypted file, and read it again to be sure.",
            .options = FILE_PASSPHRASES | OPT_BIT(OPT_DRY_RUN),
            .least = 1, .most = 1,
        },
        .run = cmd_backup,
    },
    {
        .is = {
            .name = "restore", .group = GROUP_CA,
            .synopsis = "FILE [--force]",
            .help = "Put a CA back from a backup; not behind what the ledger knows, unless forced.",
            .options = FILE_PASSPHRASES | OPT_BIT(OPT_FORCE) | OPT_BIT(OPT_DRY_RUN),
            .least = 1, .most = 1,
        },
        .run = cmd_restore,
    },
    {
        .is = {
            .name = "metrics", .group = GROUP_LOOKING,
            .synopsis = "[FILE]",
            .help = "Write figures for node_exporter's textfile collector; FILE ends in .prom.",
            .options = OPT_BIT(OPT_DRY_RUN),
            .most = 1,
        },
        .run = cmd_metrics,
    },
    {
        .is = {
            .name = "events", .group = GROUP_LOOKING,
            .synopsis = "[--verify]",
            .help = "Print the audit events, one JSON line each, or check their chain.",
            .options = OPT_BIT(OPT_VERIFY),
        },
        .run = cmd_events,
    },
};
/* clang-format on */
const size_t cli_n_commands = sizeof cli_commands / sizeof cli_commands[0];
