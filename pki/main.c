/* pgsignet-ca: the local CA.  The commands are in commands.c. */
#include "config.h"

#include "common/log.h"
#include "common/secret.h"
#include "pki/cli.h"

#include <locale.h>
#include <openssl/crypto.h>
#include <sys/stat.h>

static const char *const headings[GROUPS + 1] = {
    [GROUP_LEAVES] = "Certificates",
    [GROUP_REVOCATION] = "Revocation",
    [GROUP_LOOKING] = "Looking",
    [GROUP_CA] = "The CA",
};

int main(int argc, char **argv)
{
    const struct command_table table = {
        .program = "pgsignet-ca",
        .usage = "pgsignet-ca [OPTION]... COMMAND [OPTION]...",
        .rows = cli_commands,
        .row_size = sizeof cli_commands[0],
        .n = cli_n_commands,
        .headings = headings,
        .options = &ca_options,
        .globals = OPT_GLOBALS,
        .help = OPT_HELP,
        .version = OPT_VERSION,
        .exit_status = "Exit status: 0 done or nothing to do, 1 failed, 2 something was found "
                       "(check, events --verify), 64 wrong use.",
    };
    struct arguments arguments = {0};
    int code;

    secret_harden_process();
    secret_wipe_freed(true);
    /* What is secret is freed, and wiped, before the end; to take libcrypto apart is a twentieth of an issue. */
    OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, NULL);
    umask(077); /* what matters sets its own modes */
    setlocale(LC_CTYPE, "");
    log_open("pgsignet-ca", false, false);
    const struct cli_command *command = command_read(&table, argc, argv, &arguments, &code);
    if (command != NULL)
        code = command->run(&arguments);
    return command_finish(code);
}
