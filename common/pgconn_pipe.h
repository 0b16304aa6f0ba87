/*
 * pgconn_pipe.h - the inside of a struct pgconn, and the sending and collecting of one batch.
 *
 * Internal to common/pgconn*.c.
 */
#ifndef PGSIGNET_PGCONN_PIPE_H
#define PGSIGNET_PGCONN_PIPE_H

#include "common/pgconn.h"
#include "common/pgconn_hosts.h"

/* The end of one call: whichever of the caller's deadline and our own timeout is first. */
struct pgconn_limit {
    int64_t at_ms;
    bool is_callers;
};

/* Something that was sent and whose answer is still to come. */
struct pgconn_entry {
    const struct pgconn_statement *statement;
    bool is_prepare;
    PGresult **slot; /* NULL: nobody wants the result */
};

struct pgconn {
    struct pgconn_target target;
    PGconn *pg;
    const struct pgconn_statement *prepared[PGCONN_STATEMENTS_MAX];
    size_t n_prepared;
    struct pgconn_entry entries[2 * PGCONN_BATCH_MAX]; /* a prepare and a call each */
    size_t n_entries;
    struct pgconn_limit limit; /* of the batch that runs */
    struct pgconn_hosts hosts;
    bool greeting;
    char sqlstate[6];
    char warning[256];
    char error[1024];
};

enum pgconn_step {
    PIPE_DONE,
    PIPE_REFUSED, /* c->sqlstate and c->error are set */
    PIPE_LOST,
    PIPE_LATE,
};

/* Waits until the socket is ready.  False when the limit is reached; errors count as ready. */
bool pgconn_wait(PGconn *pg, short events, struct pgconn_limit limit);

/* Sends one call, prepared before if this connection has not yet.  False: the connection is of no use. */
bool pgconn_pipe_send(struct pgconn *c, const struct pgconn_call *call, PGresult **slot);

/* Asks for all answers and collects them; what was sent is then no more. */
enum pgconn_step pgconn_pipe_collect(struct pgconn *c);

/* Sends a text of statements outside of the pipeline and collects its answers. */
enum pgconn_step pgconn_pipe_script(struct pgconn *c, const char *sql, const char *task);

/* Notes a failure as the sentence for the operator (pgconn.c). */
void pgconn_note(struct pgconn *c, const char *task, const char *came_back, const char *advice);

#endif
