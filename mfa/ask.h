/*
 * ask.h - what the operator is asked for: a code, or "yes".
 */
#ifndef PGSIGNET_MFA_ASK_H
#define PGSIGNET_MFA_ASK_H

#include "mfa/cli.h"

#define ASK_WAIT_S    600 /* for one line */
#define ASK_CODE_SIZE 64  /* bytes of a line; recovery codes have 23, people add spaces */

enum ask {
    ASK_OK,
    ASK_UNFIT,  /* too long to be a code */
    ASK_FAILED, /* no line; a message was printed */
};

/*
 * Reads one line from standard input, with the prompt on standard error if it is a terminal, and takes
 * the blanks out ("123 456").  *code points into line, which the caller wipes.
 */
enum ask ask_code(const char *prompt, char line[ASK_CODE_SIZE], struct bytes *code);

/*
 * Whether codes can be asked for: standard input is a terminal, or --code-stdin was given.  Else false
 * after a message that says what to give instead.
 */
bool ask_may(const struct arguments *arguments, const char *command);

/*
 * With --yes true at once.  At a terminal asks the question ("Remove ...?"), and is true for yes.
 * Otherwise false after a message that nothing was changed, and without a terminal why.
 */
bool ask_agreed(const struct arguments *arguments, const char *command, const char *question);

#endif
