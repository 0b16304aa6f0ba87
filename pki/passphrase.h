/*
 * passphrase.h - a secret line from a terminal, a file or a file descriptor; never from a command line or the
 * environment, which others can read.
 */
#ifndef PGSIGNET_PKI_PASSPHRASE_H
#define PGSIGNET_PKI_PASSPHRASE_H

#include "common/secret.h"

#define PASSPHRASE_MAX    1024 /* bytes */
#define PASSPHRASE_WAIT_S 600  /* for a person, or for the other end of a pipe */

/* Is there somebody to ask: are standard input and standard error a terminal? */
bool passphrase_can_ask(void);

/*
 * Asks at the terminal, without echo.  A signal that ends or stops the program restores the terminal first.  twice:
 * until both lines are alike, three times at most.  All return false after a message; *out is then empty.
 */
bool passphrase_ask(const char *prompt, bool twice, struct secret *out);
/* Asks a question at the terminal; true for "y" or "yes".  Call it only if passphrase_can_ask. */
bool passphrase_agreed(const char *question);
/* The first line of a file that is nobody else's to read (secret_read_file). */
bool passphrase_from_file(const char *path, struct secret *out);
/* The first line, read byte by byte, so that the descriptor's next line is left for the next reader. */
bool passphrase_from_fd(int fd, struct secret *out);

#endif
