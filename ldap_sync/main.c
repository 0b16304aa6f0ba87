/* pgsignet-ldap-sync: LDAP groups become roles and grants.  The commands are in commands.c. */
#include "config.h"

#include "common/guard.h"
#include "common/log.h"
#include "common/secret.h"
#include "ldap_sync/cli.h"

#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const headings[] = {"Commands", NULL};

/* The exit codes, the guards' from their table. */
static const char *exit_status(void)
{
    static char text[512];
    int at =
        snprintf(text, sizeof text,
                 "Exit status: 0 done or nothing to do, 1 failed, 2 changes are pending (check), "
                 "64 wrong use;\na guard that struck:");

    for (size_t i = 0; i < SYNC_GUARDS; i++)
        at += snprintf(text + at, sizeof text - (size_t)at, "%s %d %s", i > 0 ? "," : "",
                       sync_guard_rows[i].exit_code, sync_guard_rows[i].name);
    snprintf(text + at, sizeof text - (size_t)at, ".");
    return text;
}

/* `--print-grants` is short for `roles print-grants`. */
static void short_form(struct arguments *arguments)
{
    static char roles[] = "roles", print_grants[] = "print-grants";
    static char *words[] = {roles, print_grants, NULL};

    if (!arguments->given[OPT_PRINT_GRANTS])
        return;
    arguments->operand = words;
    arguments->operands = 2;
}

/* Judges what the options of all commands say together. */
static const struct cli_command *read_command_line(int argc, char **argv,
                                                   struct arguments *arguments, int *code)
{
    const struct command_table table = {
        .program = "pgsignet-ldap-sync",
        .usage = "pgsignet-ldap-sync [OPTION]... COMMAND [OPTION]...\n"
                 "       pgsignet-ldap-sync --print-grants [OPTION]...",
        .rows = cli_commands,
        .row_size = sizeof cli_commands[0],
        .n = cli_n_commands,
        .headings = headings,
        .options = &sync_options,
        .globals = OPT_GLOBALS,
        .in_front = OPT_BIT(OPT_PRINT_GRANTS) | OPT_BIT(OPT_RUNNER) | OPT_BIT(OPT_SERVER_VERSION),
        .help = OPT_HELP,
        .version = OPT_VERSION,
        .exit_status = exit_status(),
        .short_form = short_form,
    };
    const struct cli_command *command = command_read(&table, argc, argv, arguments, code);

    if (command != NULL &&
        !arguments_one_of(arguments, OPT_BIT(OPT_QUIET) | OPT_BIT(OPT_VERBOSE))) {
        *code = COMMAND_USAGE;
        return NULL;
    }
    return command;
}

/* In signal context: a call into libldap did not come back (guard.h). */
static void say_stuck(void)
{
    static const char text[] = "pgsignet-ldap-sync: error: the directory did not answer within "
                               "ldap.timeout; nothing was changed\n";

    if (write(STDERR_FILENO, text, sizeof text - 1) < 0)
        return;
}

int main(int argc, char **argv)
{
    struct arguments arguments = {0};
    struct session session = {0};
    int code;

    secret_harden_process();
    guard_on_exit(say_stuck);
    umask(027); /* the audit file's group may read it; the metrics file sets its own mode */
    setlocale(LC_CTYPE, "");
    log_open("pgsignet-ldap-sync", false, false);
    const struct cli_command *command = read_command_line(argc, argv, &arguments, &code);
    if (command != NULL) {
        code = session_open(&session, &arguments) ? command->run(&session, &arguments)
                                                  : COMMAND_FAILED;
        session_close(&session);
    }
    return command_finish(code);
}
