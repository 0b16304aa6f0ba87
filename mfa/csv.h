/*
 * csv.h - records of comma-separated values (RFC 4180).
 *
 * Fields may be in double quotes, with quotes doubled and with commas and line ends inside.  A byte
 * order mark in front and LF alone as line end are forgiven; a quote in the middle of a plain field, or
 * anything but a comma behind a closing quote, is not.
 */
#ifndef PGSIGNET_MFA_CSV_H
#define PGSIGNET_MFA_CSV_H

#include "common/bytes.h"
#include "common/secret.h"

#define CSV_FIELDS     32
#define CSV_RECORD_MAX 65536 /* bytes */

enum csv_result { CSV_RECORD, CSV_END, CSV_FAULT };

/* Zero-initialise, set text, csv_free at the end. */
struct csv {
    struct bytes text;
    size_t at;
    size_t next_line;                /* the record after this one begins there, from 0 */
    size_t line;                     /* this one begins there, from 1 */
    struct bytes fields[CSV_FIELDS]; /* of this one, valid until the next */
    size_t n;
    const char *fault;  /* what is wrong with it, after CSV_FAULT */
    struct secret held; /* the fields' bytes */
};

/* The next record that is not an empty line.  After CSV_FAULT there is no next one. */
enum csv_result csv_next(struct csv *csv);
void csv_free(struct csv *csv);

#endif
