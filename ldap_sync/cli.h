/*
 * cli.h - what the commands of pgsignet-ldap-sync share.
 */
#ifndef PGSIGNET_SYNC_CLI_H
#define PGSIGNET_SYNC_CLI_H

#include "common/command.h"
#include "ldap_sync/options.h"
#include "ldap_sync/session.h"

/* The guards' own exit codes are from 10. */
struct cli_command {
    struct command is;
    /* Returns the exit code, after messages on standard error if it is not COMMAND_DONE. */
    int (*run)(struct session *session, const struct arguments *arguments);
};

/* The table: commands.c.  cmd_NAME and check_NAME are in cmd_*.c. */
extern const struct cli_command cli_commands[];
extern const size_t cli_n_commands;

bool check_run(const struct arguments *arguments);
int cmd_run(struct session *session, const struct arguments *arguments);
bool check_plan(const struct arguments *arguments);
int cmd_plan(struct session *session, const struct arguments *arguments);
int cmd_check(struct session *session, const struct arguments *arguments);
int cmd_explain(struct session *session, const struct arguments *arguments);
bool check_roles(const struct arguments *arguments);
int cmd_roles(struct session *session, const struct arguments *arguments);

#endif
