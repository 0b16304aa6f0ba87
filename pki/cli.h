/*
 * cli.h - the commands of pgsignet-ca: each cmd_NAME is in cmd_NAME.c, opens the session it needs, and closes it.
 */
#ifndef PGSIGNET_PKI_CLI_H
#define PGSIGNET_PKI_CLI_H

#include "common/command.h"
#include "pki/session.h"

enum cli_group {
    GROUP_LEAVES,
    GROUP_REVOCATION,
    GROUP_LOOKING,
    GROUP_CA,
    GROUPS
}; /* headings of the help */

struct cli_command {
    struct command is;
    /* Returns the exit code, after messages on standard error if it is not COMMAND_DONE. */
    int (*run)(const struct arguments *arguments);
};

extern const struct cli_command cli_commands[];
extern const size_t cli_n_commands;

bool check_init(const struct arguments *arguments);
int cmd_init(const struct arguments *arguments);
bool check_adopt(const struct arguments *arguments);
int cmd_adopt(const struct arguments *arguments);
bool check_issue(const struct arguments *arguments);
int cmd_issue(const struct arguments *arguments);
bool check_sign(const struct arguments *arguments);
int cmd_sign(const struct arguments *arguments);
bool check_renew(const struct arguments *arguments);
int cmd_renew(const struct arguments *arguments);
int cmd_rekey(const struct arguments *arguments);
bool check_revoke(const struct arguments *arguments);
int cmd_revoke(const struct arguments *arguments);
int cmd_release(const struct arguments *arguments);
bool check_crl(const struct arguments *arguments);
int cmd_crl(const struct arguments *arguments);
int cmd_list(const struct arguments *arguments);
int cmd_show(const struct arguments *arguments);
int cmd_expiring(const struct arguments *arguments);
int cmd_check(const struct arguments *arguments);
bool check_deploy(const struct arguments *arguments);
int cmd_deploy(const struct arguments *arguments);
bool check_rotate(const struct arguments *arguments);
int cmd_rotate(const struct arguments *arguments);
int cmd_clock(const struct arguments *arguments);
int cmd_backup(const struct arguments *arguments);
int cmd_restore(const struct arguments *arguments);
int cmd_metrics(const struct arguments *arguments);
int cmd_events(const struct arguments *arguments);

/*
 * The rows that an operand means: a serial (hex, or decimal:N), a file with a certificate, or a name - then the live
 * ones, not replaced, of that name.  GArray of ledger_row with der; NULL after a message when there is none.
 */
GArray *cli_find(struct session *session, const char *operand);

#endif
