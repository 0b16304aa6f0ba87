/*
 * pgconn.h - one kept libpq connection whose every wait is bounded.
 *
 * Connecting and asking are non-blocking and end by a deadline (CLOCK_MONOTONIC, milliseconds) and by
 * the target's timeout, whichever is first.  A connection that was given up in the middle is closed,
 * never cancelled: libpq's cancel has no limit, and the server ends the statement by a
 * statement_timeout.  A server that does not answer is marked in the outage page for retry_after
 * seconds; one that refuses at once is asked again by the next login.
 *
 * Statements are prepared once a connection, and go out in batches: one round trip each (libpq's
 * pipeline mode).  A batch that begins anew is asked again once on a new connection when the kept one
 * was found dead; one that goes on with a transaction is lost with its connection.  Whether a COMMIT
 * took effect whose answer did not come, nobody knows: who asked for it must take the worse of both.
 *
 * Bounded by guard.h alone: the resolution of a host name (numeric hosts and sockets need none) and
 * GSSAPI's talk with a KDC.
 */
#ifndef PGSIGNET_PGCONN_H
#define PGSIGNET_PGCONN_H

#include <libpq-fe.h>

#include "common/bytes.h"
#include "common/outage.h"

#define PGCONN_PARAMS_MAX     20
#define PGCONN_STATEMENTS_MAX 160  /* different statements a connection */
#define PGCONN_PARAM_LEN_MAX  8192 /* bytes of one parameter */
#define PGCONN_BATCH_MAX      80   /* calls of one batch, those queued before included */

struct pgconn;

/* One statement, static: it is prepared once a connection, known by its address. */
struct pgconn_statement {
    const char *name; /* of the prepared statement */
    const char *sql;
    const char *task;  /* for errors, with its preposition: "read a role's state from" */
    const char *types; /* a letter for each of $1...: i bigint, b bytea, t text */
};

/* A parameter: bigint is `number`; bytea and text are `bytes` (text without NUL).  Not copied. */
struct pgconn_value {
    int64_t number;
    struct bytes bytes;
    bool is_null;
};

struct pgconn_call {
    const struct pgconn_statement *statement;
    struct pgconn_value params[PGCONN_PARAMS_MAX];
};

enum pgconn_result {
    PGCONN_ROWS,        /* done; results are the caller's, to PQclear */
    PGCONN_REFUSED,     /* the server answered with an error; see pgconn_sqlstate */
    PGCONN_UNAVAILABLE, /* no connection, lost, or the target's timeout passed */
    PGCONN_DEADLINE,    /* the caller's deadline passed */
};

enum pgconn_start {
    PGCONN_ANEW, /* needs nothing of what was asked before, and may be asked twice */
    PGCONN_ON,   /* goes on with what was asked before on the same connection */
};

struct pgconn_advice {
    const char *sqlstate; /* a prefix */
    const char *text;
};

/*
 * Asks, on a new connection before anything else, what must be known or set there; pgconn_run on c is
 * bounded by the rest of the time.  Anything but PGCONN_ROWS ends the connection.
 */
typedef enum pgconn_result pgconn_greet(void *context, struct pgconn *c);

/* Where to connect, and how that is called in messages.  All texts are the caller's and outlive it. */
struct pgconn_target {
    const char *conninfo;
    const char *conninfo_key; /* "postgres.conninfo" */
    const char *section;      /* "postgres": whose timeout and retry_after these are */
    const char *example;      /* of a conninfo */
    const char *program;      /* application_name, unless conninfo has one */
    int64_t timeout;          /* seconds for one batch, connecting included */
    int64_t retry_after;      /* seconds */
    struct outage *outage;    /* may be NULL */
    unsigned outage_slot;
    const struct pgconn_advice *advice; /* by SQLSTATE; the last one's prefix is "" */
    pgconn_greet *greet;                /* may be NULL */
    void *context;                      /* for greet */
};

/* NULL when memory is short.  Connects to nothing yet. */
struct pgconn *pgconn_new(const struct pgconn_target *target);
void pgconn_free(struct pgconn *c); /* NULL is allowed */

/* In a process that inherited c by fork: frees it; its parent's session goes on untouched. */
void pgconn_abandon(struct pgconn *c);

/*
 * Runs a batch in one round trip.  results[i] (NULL where nobody wants it) gets what call i returned,
 * in binary.  On anything but PGCONN_ROWS all results are NULL, and what the batch did is undone unless
 * a COMMIT in it took effect.
 */
enum pgconn_result pgconn_run(struct pgconn *c, enum pgconn_start start,
                              const struct pgconn_call *calls, size_t n, int64_t deadline_ms,
                              PGresult **results);

/*
 * Sends a call whose result nobody needs along with the next batch, which fails if it fails.  False
 * when the connection is gone or PGCONN_BATCH_MAX is near: then run a batch first.
 */
bool pgconn_queue(struct pgconn *c, const struct pgconn_call *call);

/*
 * Runs a text of several statements, in the transaction that is open: it says neither BEGIN nor COMMIT.
 */
enum pgconn_result pgconn_script(struct pgconn *c, const char *sql, const char *task,
                                 int64_t deadline_ms);

/* Are there queued calls that no batch took along yet, and how many? */
size_t pgconn_queued(const struct pgconn *c);

/* Ends the connection, queued calls included; the next batch that begins anew makes another. */
void pgconn_drop(struct pgconn *c);

/* Is there a connection, and in a transaction? */
bool pgconn_in_transaction(const struct pgconn *c);

/* The address (numeric) and port of the server that it is connected to; "" and 0 for a Unix socket or none. */
const char *pgconn_address(const struct pgconn *c);
int pgconn_port(const struct pgconn *c);

/* The five characters of the last PGCONN_REFUSED; "" otherwise.  Valid until the next call. */
const char *pgconn_sqlstate(const struct pgconn *c);

/* The last WARNING that the server sent during the last batch; "" if none. */
const char *pgconn_warning(const struct pgconn *c);

/*
 * The last failure as a sentence for the operator: what was tried, where, what came back, what to do.
 * Without passwords and control characters.  "" if none.
 */
const char *pgconn_error(const struct pgconn *c);

/* Sets that sentence, for a caller who found the rows wrong. */
void pgconn_set_error(struct pgconn *c, const struct pgconn_statement *statement,
                      const char *came_back, const char *advice);

/*
 * One field of a result.  False when it is NULL, of another size than a bigint (one byte for bool), or
 * outside of the result.
 */
bool pgconn_number(const PGresult *rows, int row, int column, int64_t *out);
bool pgconn_bool(const PGresult *rows, int row, int column, bool *out);
/* The bytes of a field; empty when it is NULL or outside.  Valid as long as rows. */
struct bytes pgconn_bytes(const PGresult *rows, int row, int column);

#endif
