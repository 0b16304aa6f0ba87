/*
 * terminal.h - one line from a person or from a pipe.
 *
 * What is asked for here is a one-time code that is burnt when it is right, or "yes"; so the terminal
 * keeps its echo, and there is nothing to restore when the program is interrupted.
 */
#ifndef PGSIGNET_MFA_TERMINAL_H
#define PGSIGNET_MFA_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum line {
    LINE_OK,
    LINE_END,      /* the input ended before any byte */
    LINE_TOO_LONG, /* the line did not fit; it was read to its end and dropped */
    LINE_TIMEOUT,  /* the deadline passed */
    LINE_FAILED,   /* errno says why */
};

/*
 * Writes the prompt to standard error if fd is a terminal (never otherwise), then reads one line
 * into out (size bytes), without its line end.  Reads byte by byte, so that a pipe's next line is
 * left for the next reader.  A last line without line end counts.  NUL bytes become a line that is
 * too long, as no caller has use for them.  Waits until deadline_ms (CLOCK_MONOTONIC) at most.
 * out is "" unless LINE_OK.
 */
enum line terminal_line(int fd, const char *prompt, int64_t deadline_ms, char *out, size_t size);

#endif
