/*
 * rows.h - certificates of the ledger, as people and programs read them: a table, or a JSON list.
 *
 * Both are collected and printed at the end, so that a ledger that fails halfway leaves no half of a document.
 */
#ifndef PGSIGNET_PKI_ROWS_H
#define PGSIGNET_PKI_ROWS_H

#include "pki/session.h"

struct table;

/* "live", "replaced", "expired", "hold", "revoked", "reserved", "abandoned", "not yet valid"; static. */
const char *rows_state(const struct ledger_row *row, int64_t now_s);

/* Whole days until then, rounded down; negative = past. */
int64_t rows_days(int64_t until_s, int64_t now_s);
/* Fit for a terminal.  g_free. */
char *rows_printable(const char *text);
/* A JSON string of any bytes: what is not UTF-8 is replaced. */
json_t *rows_text_json(const char *text);
/* What list and expiring say of a certificate, and show says more of. */
json_t *rows_json(const struct session *session, const struct ledger_row *row, int64_t now_s);
/* The file of its certificate, or "" for one that was given away.  g_free. */
char *rows_file(const struct ledger_row *row);

struct rows {
    const struct session *session;
    int64_t now_s;
    struct table *table; /* owned; NULL with --json */
    GString *json;       /* owned; NULL without */
    size_t n;
    bool days;   /* a column of days left instead of the state */
    bool failed; /* memory is short */
};
/* rows_end is due.  days: a column of days left instead of the state. */
void rows_begin(struct rows *rows, const struct session *session, int64_t now_s, bool days);
/* For ledger_each; context is struct rows. */
bool rows_add(void *context, const struct ledger_row *row);
/* Prints them if told; false after a message.  none: what to say when there are none. */
bool rows_end(struct rows *rows, bool print, const char *none);

#endif
