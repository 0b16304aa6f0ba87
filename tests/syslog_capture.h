/*
 * syslog_capture.h - keeps what libpam hands to syslog(3) in this program, for tests to read.
 *
 * Linking syslog_capture.c takes the place of libc's function for libpam and its modules.
 */
#ifndef PGSIGNET_TESTS_SYSLOG_CAPTURE_H
#define PGSIGNET_TESTS_SYSLOG_CAPTURE_H

/* Forgets all lines. */
void syslog_capture_reset(void);

/* The lines since then, each ended by a newline; cut at 16 KiB.  Static. */
const char *syslog_captured(void);

/* Facility and level of the last line; 0 if there was none yet. */
int syslog_captured_priority(void);

#endif
