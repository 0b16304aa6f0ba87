/*
 * command.h - the subcommands of a program: one table, its help, and the reading of a command line.
 *
 * A program's row begins with a struct command, named `is`, and goes on with what is its own:
 *
 *     struct cli_command {
 *         struct command is;
 *         int (*run)(struct session *session, const struct arguments *arguments);
 *     };
 */
#ifndef PGSIGNET_COMMAND_H
#define PGSIGNET_COMMAND_H

#include "common/arguments.h"

#define COMMAND_DONE    0
#define COMMAND_FAILED  1
#define COMMAND_DIFFERS 2  /* of what looks: it is not so */
#define COMMAND_USAGE   64 /* EX_USAGE of sysexits.h */

struct command {
    const char *name;
    const char *synopsis; /* operands and options */
    const char *help;     /* one sentence */
    unsigned group;       /* index of its heading in the help */
    uint64_t options;     /* OPT_BIT()s besides the global ones */
    int least, most;      /* operands */
    /* Judges options and operands against each other; false after a message.  NULL: all go together. */
    bool (*check)(const struct arguments *arguments);
};

struct command_table {
    const char *program;
    const char *usage;  /* the lines below "Usage:" of the program's help, but for the last */
    const void *rows;   /* each begins with a struct command */
    size_t row_size, n; /* bytes of one; how many */
    const char *const *headings; /* by group; NULL ends them */
    const struct option_table *options;
    uint64_t globals;        /* OPT_BIT()s of all commands */
    uint64_t in_front;       /* further ones that may stand before the command */
    int help, version;       /* --help and --version: enum option_id of the program */
    const char *exit_status; /* what stands below each help, without a newline */
    /* May put a command in the place of options that were read in front of it.  NULL: there are none such. */
    void (*short_form)(struct arguments *arguments);
};

/*
 * Reads the command line into *arguments (zeroed), or prints the help or the version.  Returns the row of the command
 * that is to run; NULL when all was said, with *code the exit code.
 */
const void *command_read(const struct command_table *table, int argc, char **argv,
                         struct arguments *arguments, int *code);

/* The last of main: whether all that was printed got out.  Returns the exit code, which was `code` until now. */
int command_finish(int code);

#endif
