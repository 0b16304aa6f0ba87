/*
 * number.h - the one parser for integers, durations and dates that people write.
 *
 * Nothing is guessed: no blanks, no sign but a leading '-', no leading zeroes, no hexadecimal.  The
 * text need not end in NUL; a NUL inside it is a fault like any other byte that is not a digit.
 */
#ifndef PGSIGNET_NUMBER_H
#define PGSIGNET_NUMBER_H

#include <stddef.h>
#include <stdint.h>

enum number_fault {
    NUMBER_OK = 0,
    NUMBER_SYNTAX, /* not a number (duration, date) at all */
    NUMBER_RANGE,  /* well formed, but below min, above max, or not in the calendar */
};

/* A decimal integer of min..max.  *out is written only on NUMBER_OK. */
enum number_fault number_parse(const char *text, size_t len, int64_t min, int64_t max,
                               int64_t *out);

/*
 * A duration of min..max seconds: a number that is not negative, then s, m, h, d or nothing
 * (seconds).  *out, in seconds, is written only on NUMBER_OK.
 */
enum number_fault number_duration(const char *text, size_t len, int64_t min, int64_t max,
                                  int64_t *out);

/*
 * A day "YYYY-MM-DD" (years 1970..9999, real Gregorian days only).  *out is the Unix time in seconds
 * at which the next day starts in UTC, so "until that day" is now < *out.  NUMBER_RANGE for a day
 * that does not exist.
 */
enum number_fault number_day_end(const char *text, size_t len, int64_t *out);

#endif
