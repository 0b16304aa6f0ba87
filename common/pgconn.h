/*
 * pgconn.h - one kept libpq connection whose every wait is bounded.
 *
 * Connecting and asking are non-blocking and end by a deadline (CLOCK_MONOTONIC, milliseconds) and by
 * settings.timeout, whichever is first.  A connection found dead (idle disconnect, server restart) is
 * re-made once and the statement asked again, so statements must only read.  A connection that was
 * given up in the middle is closed, never cancelled: libpq's cancel has no limit, and the server ends
 * the statement by the statement_timeout that pgsignet.sql gives to the role.  A server that does
 * not answer is marked in the outage page for settings.retry_after seconds; one that refuses at once is
 * asked again by the next login.
 *
 * Bounded by guard.h alone: the resolution of a host name (numeric hosts and sockets need none) and
 * GSSAPI's talk with a KDC.
 */
#ifndef PGSIGNET_PGCONN_H
#define PGSIGNET_PGCONN_H

#include <libpq-fe.h>

#include "common/bytes.h"
#include "common/outage.h"
#include "common/settings.h"

#define PGCONN_PARAMS_MAX     8
#define PGCONN_STATEMENTS_MAX 8    /* different statements a connection */
#define PGCONN_PARAM_LEN_MAX  8192 /* bytes of one parameter */

struct pgconn;

/* One statement, static: it is prepared once a connection, known by its address. */
struct pgconn_statement {
    const char *name; /* of the prepared statement */
    const char *sql;  /* $1... are of type text */
    const char *task; /* for errors: "read the role's state" */
    int n_params;
};

enum pgconn_result {
    PGCONN_ROWS,        /* *rows is the caller's, to PQclear */
    PGCONN_REFUSED,     /* the server answered with an error; see pgconn_sqlstate */
    PGCONN_UNAVAILABLE, /* no connection, lost twice, or settings.timeout passed */
    PGCONN_DEADLINE,    /* the caller's deadline passed */
};

/* NULL when memory is short.  Connects to nothing yet.  settings and outage (may be NULL) must outlive it. */
struct pgconn *pgconn_new(const struct settings_postgres *settings, struct outage *outage);
void pgconn_free(struct pgconn *c); /* NULL is allowed */

/*
 * Runs a statement that only reads.  Parameters are bytes without NUL, passed unconverted
 * (client_encoding SQL_ASCII); the server refuses (22021) what is not valid in its own encoding.
 */
enum pgconn_result pgconn_read(struct pgconn *c, const struct pgconn_statement *statement,
                               const struct bytes *params, int64_t deadline_ms, PGresult **rows);

/* The five characters of the last PGCONN_REFUSED; "" otherwise.  Valid until the next call. */
const char *pgconn_sqlstate(const struct pgconn *c);

/*
 * The last failure as a sentence for the operator: what was tried, where, what came back, what to do.
 * Without passwords and control characters.  "" if none.
 */
const char *pgconn_error(const struct pgconn *c);

/* Sets that sentence, for a caller who found the rows wrong. */
void pgconn_set_error(struct pgconn *c, const struct pgconn_statement *statement,
                      const char *came_back, const char *advice);

#endif
