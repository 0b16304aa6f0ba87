/*
 * arguments.h - the options of a command line: one table a program, read and checked before anything is
 * opened.
 *
 *     enum option_id { OPT_CONFIG, OPT_HELP, OPTIONS };
 *     static const struct option_row rows[OPTIONS] = {...};
 *     const struct option_table table = {"pgsignet-x", rows, OPTIONS, NULL};
 *     struct arguments arguments = {.table = &table};
 *     if (!arguments_read(&arguments, argc, argv, OPT_BIT(OPT_CONFIG) | OPT_BIT(OPT_HELP), true))
 *         return 64;
 */
#ifndef PGSIGNET_ARGUMENTS_H
#define PGSIGNET_ARGUMENTS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define OPTIONS_MAX 64 /* rows of one table: a bit for each */
#define OPT_BIT(id) (UINT64_C(1) << (id))

enum option_kind {
    OPT_FLAG,
    OPT_TEXT,     /* not empty */
    OPT_NUMBER,   /* low..high */
    OPT_DURATION, /* 90d, 12h, 30m, 45s, 45: low..high seconds, in number */
    OPT_OWN,      /* this and what is above: the program's, judged by its table */
};

struct option_row {
    const char *name;     /* without the hyphens */
    const char *argument; /* what the help calls it; NULL for flags */
    int kind;             /* enum option_kind, or above */
    int64_t low, high;
    const char *help; /* half a sentence; fits all commands that know the option */
    char letter;      /* -v; 0 = none */
    bool many;        /* may be given several times: each is judged, the last text is kept */
};

struct option_table {
    const char *program; /* for messages */
    const struct option_row *rows;
    int n; /* OPTIONS_MAX at most */
    /* Of a kind of the program's own: NULL with *number set as it likes, or what the text must be. */
    const char *(*judge)(const struct option_row *row, const char *text, int64_t *number);
};

/* Indices are those of the rows. */
struct arguments {
    const struct option_table *table;
    bool given[OPTIONS_MAX];
    const char *text[OPTIONS_MAX]; /* as typed; not owned; NULL for flags and what was not given */
    int64_t number[OPTIONS_MAX];   /* checked */
    char **operand;                /* not owned: what is left of argv */
    int operands;
};

/*
 * Reads the options whose bits are in allowed from argv[1..], adding to *arguments, and leaves the rest
 * in operand.  With in_front it stops at the first operand (the subcommand); otherwise options may
 * come anywhere before "--".  Long names must be written in full: an abbreviation is a slip of the
 * pen next week, when another option begins alike.  False after a message on standard error.
 */
bool arguments_read(struct arguments *arguments, int argc, char **argv, uint64_t allowed,
                    bool in_front);

/* Whether at most one of these is given; false after a message. */
bool arguments_one_of(const struct arguments *arguments, uint64_t bits);
/* Whether, if `id` is given, one of `others` is as well; false after a message. */
bool arguments_needs(const struct arguments *arguments, int id, uint64_t others);

/* Prints the options whose bits are in wanted, one a line, with their help. */
void arguments_help(const struct option_table *table, FILE *stream, uint64_t wanted);

#endif
