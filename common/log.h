/*
 * log.h - messages to the operator: one line each to stderr, and to syslog if asked for.
 *
 * What happened on what, what the system said, what to do.  Never a secret.  Foreign bytes in a
 * message cannot start a new line or drive a terminal: they come out as \xNN.  Under systemd, lines
 * carry its <N> priority.
 */
#ifndef PGSIGNET_LOG_H
#define PGSIGNET_LOG_H

#include <stdbool.h>

#define LOG_LINE_MAX 2048 /* bytes of one message; what is longer is cut and ends in "..." */

/*
 * Names the program in every line ("pgsignetd: error: ...").  program must stay valid.  Without this
 * call lines go to stderr as "pgsignet".  May be called again.
 */
void log_open(const char *program, bool to_syslog, bool debug);

void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_notice(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2))); /* if debug */

#endif
