/*
 * server_rows.h - rows of COPY ... TO STDOUT (text) into a struct actual.
 *
 * Internal to ldap_sync/server*.c.
 */
#ifndef PGSIGNET_SYNC_SERVER_ROWS_H
#define PGSIGNET_SYNC_SERVER_ROWS_H

#include "ldap_sync/server_link.h"

/* In the order in which they are read. */
enum rows_section {
    ROWS_ROLES,
    ROWS_SETTINGS, /* by oid of the role, then name */
    ROWS_MEMBERSHIPS,
    ROWS_SECTIONS
};

struct rows { /* zeroed at first */
    GHashTable *by_oid;
    GArray *members; /* uint32_t for each of actual.memberships: the place of who has it */
};

void rows_clear(struct rows *rows);

/* Takes a row, which it writes into.  False when it is not what was asked for. */
bool rows_take(struct rows *rows, enum rows_section section, char *row, struct actual *actual);

/* After the last row: puts the memberships of each role together. */
void rows_end(struct rows *rows, struct actual *actual);

/*
 * Splits a row into n fields, unescaped in place; NULL for a NULL.  False when it has more or
 * fewer.
 */
bool rows_split(char *row, char **fields, size_t n);

#endif
