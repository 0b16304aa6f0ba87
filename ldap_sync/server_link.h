/*
 * server_link.h - the inside of a struct server: its connection, and one message on it at a time.
 *
 * Internal to ldap_sync/{server,apply,drop,tiers}*.c.
 */
#ifndef PGSIGNET_SYNC_SERVER_LINK_H
#define PGSIGNET_SYNC_SERVER_LINK_H

#include <libpq-fe.h>

#include "ldap_sync/server.h"

#define LINK_WORDS_MAX 512

struct server_reading; /* server_read.c */

struct server {
    const struct settings_sync *settings;
    const char *conninfo;
    const struct server *beside; /* connect to where this one is, but to `database`; else NULL */
    char *database;              /* owned */
    PGconn *pg;
    struct server_reading *reading; /* while an answer to server_read_begin is due */
    size_t roles_most; /* that one transaction may lock: half of what the server has room for */
    size_t messages;   /* sent, since server_new */
    bool forced;                    /* read without the lock, whoever has it */
    char name[256];
    char error[1200];
};

enum link_step {
    LINK_DONE,
    LINK_REFUSED, /* the server answered with an error */
    LINK_LOST,    /* the connection is gone */
    LINK_LATE,    /* no answer in time; the connection was ended */
};

struct link_answer {
    size_t done;    /* statements that ended well */
    PGresult *rows; /* of the last statement that gave rows, or NULL; to PQclear */
    char sqlstate[6];
    char words
        [LINK_WORDS_MAX]; /* what the server or libpq said, cleaned, one line; "" if all is well */
};

/*
 * A server for another database of the same cluster, at the very host and port where `server` is
 * connected; ends by server_free, before it.
 */
struct server *server_beside(const struct server *server, const char *database);

/* Gives up a reading that has not come to its end, and the connection with it (server_read.c). */
void server_read_drop(struct server *server);

/* Connects if need be.  False: server_error is set. */
bool link_connect(struct server *server, const char *task);
void link_drop(struct server *server);

/* Sends a message of one or more statements.  False: the connection is of no use. */
bool link_send(struct server *server, const char *sql, int64_t deadline_ms);
/* Takes what came.  False: the connection is lost. */
bool link_take(struct server *server);
/* Waits until there is something to take; false: the time is up. */
bool link_wait(struct server *server, short events, int64_t deadline_ms);
int64_t link_deadline(int64_t seconds); /* from now, CLOCK_MONOTONIC in ms */

/* Sends a message and takes its answers, within that many seconds.  rows are not freed by it. */
enum link_step link_ask(struct server *server, const char *sql, int64_t seconds,
                        struct link_answer *answer);
/* The same with an answer of its own; on failure server_error is set and the transaction ended. */
bool link_must(struct server *server, const char *task, const char *sql, int64_t seconds,
               PGresult **rows);

/*
 * Appends the start of a transaction: BEGIN with those options; names of pg_catalog alone, limits.
 */
void link_begin(const struct server *server, GString *sql, const char *options,
                int64_t statement_seconds);

/*
 * Begins one that changes, under the lock.  SERVER_RUNNING: another run has it, nothing was begun;
 * SERVER_FAILED: server_error is set.
 */
enum server_result link_lock(struct server *server, const char *task);
/* The same after a COMMIT, to go on: another run is a failure then. */
bool link_lock_again(struct server *server, const char *task);

/* Puts words[0..size) out of what libpq or the server wrote: cleaned, one line. */
void link_words(char *words, size_t size, const char *text);
/* What an answer says of a statement that failed. */
void link_take_error(struct link_answer *answer, const PGresult *result);

/* Sets server_error: "cannot TASK PostgreSQL at WHERE: CAME BACK; ADVICE". */
void link_note(struct server *server, const char *task, const char *came_back, const char *advice);
/* The same for an answer, with the advice that goes with it. */
void link_note_answer(struct server *server, const char *task, enum link_step step,
                      const struct link_answer *answer);

#endif
