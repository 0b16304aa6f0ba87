/* pgsignet-mfa: the operator's tool for one-time codes.  The subcommands are in commands.c. */
#include "config.h"

#include "common/guard.h"
#include "common/log.h"
#include "common/secret.h"
#include "mfa/cli.h"
#include "mfa/escape.h"
#include "mfa/session.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const headings[GROUPS + 1] = {
    [GROUP_TOKENS] = "Tokens",
    [GROUP_USERS] = "Users",
    [GROUP_MANY] = "Many",
    [GROUP_STORE] = "Store and keys",
};

static bool is_user_fine(const struct cli_command *command, const struct arguments *arguments)
{
    if (command->user == 0 || command->user > arguments->operands)
        return true;
    size_t len = strlen(arguments->operand[command->user - 1]);
    if (len >= 1 && len <= MFA_USER_MAX)
        return true;
    log_error("a user's name has 1 to %d bytes", MFA_USER_MAX);
    return false;
}

static const struct cli_command *read_command_line(int argc, char **argv,
                                                   struct arguments *arguments, int *code)
{
    const struct command_table table = {
        .program = "pgsignet-mfa",
        .usage = "pgsignet-mfa [OPTION]... COMMAND [USER] [OPTION]...",
        .rows = cli_commands,
        .row_size = sizeof cli_commands[0],
        .n = cli_n_commands,
        .headings = headings,
        .options = &mfa_options,
        .globals = OPT_GLOBALS,
        .help = OPT_HELP,
        .version = OPT_VERSION,
        .exit_status = "Exit status: 0 done, 1 failed, 2 looked at and not so, 64 wrong use.",
    };
    const struct cli_command *command = command_read(&table, argc, argv, arguments, code);

    if (command != NULL && !is_user_fine(command, arguments)) {
        *code = COMMAND_USAGE;
        return NULL;
    }
    return command;
}

static void note_caller(struct cli *cli)
{
    const char *sudo_user = getenv("SUDO_USER");

    cli->caller = getuid();
    if (sudo_user != NULL && sudo_user[0] != '\0')
        snprintf(cli->sudo_user, sizeof cli->sudo_user, "by sudo from %.40s", sudo_user);
}

/* In signal context: a call into a PKCS#11 module did not come back (key_pkcs11.h). */
static void say_stuck(void)
{
    static const char text[] =
        "pgsignet-mfa: error: the PKCS#11 module (keys.pkcs11) did not answer "
        "within keys.timeout\n";

    if (write(STDERR_FILENO, text, sizeof text - 1) < 0)
        return;
}

int main(int argc, char **argv)
{
    struct cli cli = {.config = SETTINGS_DEFAULT_PATH};
    struct arguments arguments = {0};
    int code;

    secret_harden_process();
    secret_wipe_freed(true);
    guard_on_exit(say_stuck);
    umask(027); /* the audit file's group may read it; store and key set their own modes */
    setlocale(LC_CTYPE, "");
    log_open("pgsignet-mfa", false, false);
    const struct cli_command *command = read_command_line(argc, argv, &arguments, &code);
    if (command != NULL) {
        if (arguments.given[OPT_CONFIG])
            cli.config = arguments.text[OPT_CONFIG];
        cli.json = arguments.given[OPT_JSON];
        cli.utf8 = escape_locale_utf8();
        note_caller(&cli);
        code = session_open(&cli, command->needs) ? command->run(&cli, &arguments) : COMMAND_FAILED;
        session_close(&cli);
    }
    return command_finish(code);
}
