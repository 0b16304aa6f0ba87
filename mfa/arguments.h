/*
 * arguments.h - the options of pgsignet-mfa, read and checked before anything is opened.
 */
#ifndef PGSIGNET_MFA_ARGUMENTS_H
#define PGSIGNET_MFA_ARGUMENTS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum option_id {
    OPT_CONFIG,
    OPT_JSON,
    OPT_HELP,
    OPT_VERSION,
    OPT_NAME,
    OPT_ISSUER,
    OPT_DIGITS,
    OPT_PERIOD,
    OPT_ALGORITHM,
    OPT_NO_CONFIRM,
    OPT_YES,
    OPTIONS
};
#define OPT_BIT(id) (1U << (id))
#define OPT_GLOBALS                                                                                \
    (OPT_BIT(OPT_CONFIG) | OPT_BIT(OPT_JSON) | OPT_BIT(OPT_HELP) | OPT_BIT(OPT_VERSION))
#define OPT_MAX_SIZE 64 /* bytes of an issuer or of a token's name */

struct arguments {
    bool given[OPTIONS];
    const char *text[OPTIONS]; /* as typed; not owned; NULL for flags and what was not given */
    int64_t number[OPTIONS];   /* checked; for the algorithm an enum settings_algorithm */
    char **operand;            /* not owned: what is left of argv */
    int operands;
};

/*
 * Reads the options whose bits are in allowed from argv[1..], adding to *arguments, and leaves the rest
 * in operand.  With in_front it stops at the first operand (the subcommand); otherwise options may
 * come anywhere before "--".  Long names must be written in full: an abbreviation is a slip of the
 * pen next week, when another option begins alike.  False after a message on standard error.
 */
bool arguments_read(struct arguments *arguments, int argc, char **argv, unsigned allowed,
                    bool in_front);

/* Prints the options whose bits are in wanted, one a line, with their help. */
void arguments_help(FILE *stream, unsigned wanted);

#endif
