/*
 * cli.h - what the subcommands of pgsignet-mfa share.
 */
#ifndef PGSIGNET_MFA_CLI_H
#define PGSIGNET_MFA_CLI_H

#include "common/audit.h"
#include "common/settings.h"
#include "mfa/arguments.h"
#include "mfa/tokens.h"

#define CLI_DONE   0
#define CLI_FAILED 1
#define CLI_USAGE  64 /* EX_USAGE of sysexits.h */

#define CLI_TOKEN_NAME "default" /* of a token enrolled without --name */

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

struct cli_command {
    const char *name;
    const char *synopsis; /* operands and options */
    const char *help;     /* one sentence */
    unsigned options;     /* OPT_BIT()s besides the global ones */
    int operands;         /* exactly so many; the first is a user */
    enum cli_needs needs;
    /* Returns the exit code, after messages on standard error if it is not CLI_DONE. */
    int (*run)(struct cli *cli, const struct arguments *arguments);
};

int cmd_init(struct cli *cli, const struct arguments *arguments);
int cmd_enroll(struct cli *cli, const struct arguments *arguments);
int cmd_confirm(struct cli *cli, const struct arguments *arguments);
int cmd_list(struct cli *cli, const struct arguments *arguments);
int cmd_show(struct cli *cli, const struct arguments *arguments);
int cmd_remove(struct cli *cli, const struct arguments *arguments);
int cmd_unlock(struct cli *cli, const struct arguments *arguments);

#endif
