/* pgsignet-mfa: the operator's tool for one-time codes.  Each subcommand is a row of one table. */
#include "config.h"

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

static const struct cli_command commands[] = {
    {"init",    "",                                "Create the key and the empty store.",                                         0, 0, NEEDS_SETTINGS, cmd_init   },
    {"enroll",
     "USER [--name NAME] [--issuer TEXT] [--digits N] [--period SECONDS]\n"
     "         [--algorithm NAME] [--no-confirm]", "Give USER a new token, show it once, and activate it when a code proves it.",
     OPT_BIT(OPT_NAME) | OPT_BIT(OPT_ISSUER) | OPT_BIT(OPT_DIGITS) | OPT_BIT(OPT_PERIOD) |
         OPT_BIT(OPT_ALGORITHM) | OPT_BIT(OPT_NO_CONFIRM),
     1,                                                                                                                                 NEEDS_AUDIT,    cmd_enroll },
    {"confirm", "USER [--name NAME]",              "Prove a pending token by a code, and activate it.",
     OPT_BIT(OPT_NAME),                                                                                                              1, NEEDS_AUDIT,    cmd_confirm},
    {"list",    "",                                "List the tokens of all users.",                                               0, 0, NEEDS_STORE,    cmd_list   },
    {"show",    "USER",                            "Show USER's tokens, failures, lock, and name hash in the audit log.",         0, 1,
     NEEDS_STORE,                                                                                                                                       cmd_show   },
    {"remove",  "USER [--name NAME] [--yes]",      "Remove all tokens of USER, or one.",
     OPT_BIT(OPT_NAME) | OPT_BIT(OPT_YES),                                                                                           1, NEEDS_AUDIT,    cmd_remove },
    {"unlock",  "USER",                            "Forget the failures of USER, so that logins are tried again.",                0, 1,
     NEEDS_AUDIT,                                                                                                                                       cmd_unlock },
};
#define COMMANDS (sizeof commands / sizeof commands[0])

#define WORD_MAX 32 /* bytes of a mistyped subcommand that are compared */

/* Levenshtein distance; words over WORD_MAX are as far as can be. */
static size_t distance(const char *a, const char *b)
{
    size_t row[WORD_MAX + 1], a_len = strlen(a), b_len = strlen(b);

    if (a_len > WORD_MAX || b_len > WORD_MAX)
        return SIZE_MAX;
    for (size_t j = 0; j <= b_len; j++)
        row[j] = j;
    for (size_t i = 1; i <= a_len; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            size_t change = diagonal + (a[i - 1] != b[j - 1]);
            size_t shorter = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            diagonal = row[j];
            row[j] = change < shorter ? change : shorter;
        }
    }
    return row[b_len];
}

static const struct cli_command *find_command(const char *name)
{
    const struct cli_command *nearest = NULL;
    size_t best = 4; /* further away is no slip of the finger */

    for (size_t i = 0; i < COMMANDS; i++) {
        size_t d = distance(name, commands[i].name);
        if (d == 0)
            return &commands[i];
        if (d < best) {
            best = d;
            nearest = &commands[i];
        }
    }
    if (nearest != NULL)
        log_error("unknown command \"%s\"; did you mean \"%s\"?", name, nearest->name);
    else
        log_error("unknown command \"%s\"; see pgsignet-mfa --help", name);
    return NULL;
}

static void print_help(const struct cli_command *one)
{
    unsigned options = 0;

    printf("Usage: pgsignet-mfa [OPTION]... COMMAND [USER] [OPTION]...\n\n");
    if (one == NULL)
        printf("Commands:\n");
    for (size_t i = 0; i < COMMANDS; i++) {
        if (one != NULL && one != &commands[i])
            continue;
        printf("  %s %s\n      %s\n", commands[i].name, commands[i].synopsis, commands[i].help);
        options |= commands[i].options;
    }
    if (options != 0)
        printf("\nOptions of %s:\n", one ? one->name : "commands");
    arguments_help(stdout, options);
    printf("\nOptions of all commands:\n");
    arguments_help(stdout, OPT_GLOBALS);
    printf("\nExit status: 0 done, 1 failed, 64 wrong use.\n");
}

/* Reads the whole command line.  Returns CLI_DONE with *command set, or NULL if all was said. */
static int read_command_line(int argc, char **argv, struct arguments *arguments,
                             const struct cli_command **command)
{
    const struct cli_command *found = NULL;

    *command = NULL;
    if (!arguments_read(arguments, argc, argv, OPT_GLOBALS, true))
        return CLI_USAGE;
    if (arguments->operands > 0) {
        found = find_command(arguments->operand[0]);
        if (found == NULL || !arguments_read(arguments, arguments->operands, arguments->operand,
                                             OPT_GLOBALS | found->options, false))
            return CLI_USAGE;
    }
    if (arguments->given[OPT_HELP]) {
        print_help(found);
        return CLI_DONE;
    }
    if (arguments->given[OPT_VERSION]) {
        printf("pgsignet-mfa %s\n", PACKAGE_VERSION);
        return CLI_DONE;
    }
    if (found == NULL) {
        log_error("no command was given; see pgsignet-mfa --help");
        return CLI_USAGE;
    }
    if (arguments->operands != found->operands) {
        fprintf(stderr, "Usage: pgsignet-mfa %s %s\n", found->name, found->synopsis);
        return CLI_USAGE;
    }
    size_t user_len = found->operands > 0 ? strlen(arguments->operand[0]) : 1;
    if (user_len < 1 || user_len > MFA_USER_MAX) {
        log_error("a user's name has 1 to %d bytes", MFA_USER_MAX);
        return CLI_USAGE;
    }
    *command = found;
    return CLI_DONE;
}

static void note_caller(struct cli *cli)
{
    const char *sudo_user = getenv("SUDO_USER");

    cli->caller = getuid();
    if (sudo_user != NULL && sudo_user[0] != '\0')
        snprintf(cli->sudo_user, sizeof cli->sudo_user, "by sudo from %.40s", sudo_user);
}

int main(int argc, char **argv)
{
    struct cli cli = {.config = SETTINGS_DEFAULT_PATH};
    struct arguments arguments = {0};
    const struct cli_command *command;

    secret_harden_process();
    secret_wipe_freed(true);
    umask(027); /* the audit file's group may read it; store and key set their own modes */
    setlocale(LC_CTYPE, "");
    log_open("pgsignet-mfa", false, false);
    int code = read_command_line(argc, argv, &arguments, &command);
    if (command != NULL) {
        if (arguments.given[OPT_CONFIG])
            cli.config = arguments.text[OPT_CONFIG];
        cli.json = arguments.given[OPT_JSON];
        cli.utf8 = escape_locale_utf8();
        note_caller(&cli);
        code = session_open(&cli, command->needs) ? command->run(&cli, &arguments) : CLI_FAILED;
        session_close(&cli);
    }
    if (fflush(stdout) != 0 || ferror(stdout)) {
        log_error("cannot write to standard output");
        code = code == CLI_DONE ? CLI_FAILED : code;
    }
    return code;
}
