/*
 * cli.h - what the subcommands of pgsignet-mfa share.
 */
#ifndef PGSIGNET_MFA_CLI_H
#define PGSIGNET_MFA_CLI_H

#include "common/audit.h"
#include "common/command.h"
#include "common/settings.h"
#include "mfa/arguments.h"
#include "mfa/tokens.h"

#define CLI_TOKEN_NAME "default" /* of a token enrolled without --name */
#define CLI_ADDRESS    MFA_DESK  /* from where codes come that operators type */

/* What a subcommand needs before it runs, each including the ones before it. */
enum cli_needs {
    NEEDS_SETTINGS, /* and nothing else: `init`, which stays root */
    NEEDS_STORE,    /* the owner's identity and the open store: what only reads */
    NEEDS_AUDIT,    /* the open audit trail: what changes */
};

struct cli {
    const char *config;
    struct settings *settings;
    struct mfa *mfa;     /* NULL before session_open */
    struct audit *audit; /* NULL unless NEEDS_AUDIT */
    uid_t caller;        /* who started the program, before it became the owner */
    char sudo_user[64];  /* "by sudo from NAME", or "" */
    bool json;
    bool utf8; /* the locale's */
};

enum cli_group {
    GROUP_TOKENS,
    GROUP_USERS,
    GROUP_MANY,
    GROUP_STORE,
    GROUPS
}; /* headings of the help */

struct cli_command {
    struct command is;
    int user; /* which operand is a user's name, counted from 1; 0 = none */
    enum cli_needs needs;
    /* Returns the exit code, after messages on standard error if it is not COMMAND_DONE. */
    int (*run)(struct cli *cli, const struct arguments *arguments);
};

/* The table: commands.c.  cmd_NAME and check_NAME are in cmd_NAME.c. */
extern const struct cli_command cli_commands[];
extern const size_t cli_n_commands;

int cmd_fsck(struct cli *cli, const struct arguments *arguments);
int cmd_rekey(struct cli *cli, const struct arguments *arguments);
int cmd_init(struct cli *cli, const struct arguments *arguments);
bool check_rekey(const struct arguments *arguments);
bool check_enroll(const struct arguments *arguments);
int cmd_enroll(struct cli *cli, const struct arguments *arguments);
int cmd_confirm(struct cli *cli, const struct arguments *arguments);
int cmd_verify(struct cli *cli, const struct arguments *arguments);
int cmd_resync(struct cli *cli, const struct arguments *arguments);
int cmd_disable(struct cli *cli, const struct arguments *arguments);
int cmd_enable(struct cli *cli, const struct arguments *arguments);
int cmd_rename(struct cli *cli, const struct arguments *arguments);
int cmd_remove(struct cli *cli, const struct arguments *arguments);
int cmd_show(struct cli *cli, const struct arguments *arguments);
int cmd_policy(struct cli *cli, const struct arguments *arguments);
int cmd_recovery(struct cli *cli, const struct arguments *arguments);
int cmd_lock(struct cli *cli, const struct arguments *arguments);
int cmd_unlock(struct cli *cli, const struct arguments *arguments);
int cmd_purge(struct cli *cli, const struct arguments *arguments);
int cmd_migrate(struct cli *cli, const struct arguments *arguments);
bool check_migrate(const struct arguments *arguments);
int cmd_breakglass(struct cli *cli, const struct arguments *arguments);
int cmd_list(struct cli *cli, const struct arguments *arguments);
int cmd_stats(struct cli *cli, const struct arguments *arguments);

bool check_rename(const struct arguments *arguments);
bool check_policy(const struct arguments *arguments);
bool check_recovery(const struct arguments *arguments);
bool check_lock(const struct arguments *arguments);
bool check_breakglass(const struct arguments *arguments);
bool check_list(const struct arguments *arguments);

bool check_import(const struct arguments *arguments);
int cmd_import(struct cli *cli, const struct arguments *arguments);
bool check_export(const struct arguments *arguments);
int cmd_export(struct cli *cli, const struct arguments *arguments);

#endif
