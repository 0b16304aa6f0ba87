/*
 * server.h - one PostgreSQL server: read in one message, changed in one transaction.
 *
 * Every wait has a limit: connecting and each message sync.timeout seconds (of a message that
 * changes, sync.apply_timeout).  The server ends what takes longer by statement_timeout and
 * lock_timeout.
 *
 * A run that changes takes the advisory lock SERVER_LOCK first and reads under it, and its
 * transaction stays open until server_apply or server_end: no other run can have changed anything
 * since.  A lock is of one database: all runs on a cluster have to name the same.
 */
#ifndef PGSIGNET_SYNC_SERVER_H
#define PGSIGNET_SYNC_SERVER_H

#include "common/settings.h"
#include "ldap_sync/plan.h"

#define SERVER_LOCK   "8099569351393507694" /* pg_try_advisory_xact_lock: the bytes "pgsigsyn" */
#define SERVER_OLDEST 140000                /* PQserverVersion: what we know the catalogs of */

enum server_result {
    SERVER_OK,
    SERVER_FAILED,  /* server_error says what was tried, where, what came back, what to do */
    SERVER_UNKNOWN, /* the same, and the answer to the COMMIT did not come: all of it, or nothing */
    SERVER_RUNNING, /* another run holds the advisory lock */
    SERVER_SKIPPED, /* applied but for some changes (on_error: skip), which were reported */
};

struct server;

/* Both must outlive it.  Connects to nothing yet. */
struct server *server_new(const struct settings_sync *settings, const char *conninfo);
void server_free(struct server *server); /* NULL is allowed; what is not committed is undone */
const char *server_error(const struct server *server);
/* "host port 5432 database postgres", for messages; "" before it is connected. */
const char *server_name(const struct server *server);

enum server_intent {
    SERVER_LOOK,   /* in a read-only transaction that ends with the reading */
    SERVER_CHANGE, /* under the lock, in the transaction that server_apply goes on with */
    SERVER_FORCE,  /* the same without the lock: --force running */
};

/*
 * Connects if need be, and asks for everything: one message.  actual (after actual_init) is filled
 * as the answer comes (not indexed): server_read_some takes what is there and waits for nothing,
 * for a caller who reads the directory meanwhile; server_read_end waits for the rest.  What went
 * wrong in the first two is said by the last.  SERVER_RUNNING comes from server_read_end alone.
 */
void server_read_begin(struct server *server, enum server_intent intent);
void server_read_some(struct server *server, struct actual *actual);
enum server_result server_read_end(struct server *server, struct actual *actual);

/* Ends the transaction of SERVER_CHANGE, if there is one: nothing is changed, the lock given up. */
void server_end(struct server *server);

/* One change that could not be made: the culprit of a statement. */
struct server_trouble {
    const struct change *change;
    const char *text; /* the server's words, cleaned */
};

struct server_report {
    void (*changed)(void *context,
                    const struct change *change); /* after the commit, in order; NULL is allowed */
    void (*trouble)(void *context, const struct server_trouble *trouble); /* NULL is allowed */
    void (*commits)(void *context); /* before a COMMIT is sent; NULL is allowed */
    void (*progress)(void *context, size_t done, size_t of); /* changes; NULL is allowed */
    void *context;
    size_t messages; /* set: how many messages with SQL went out */
};

/*
 * Applies all but CHANGE_DROP in the transaction of SERVER_CHANGE, in messages of some 500
 * statements, a savepoint each; CHANGE_TERMINATE in the message of the COMMIT, after it.  Of a
 * message that fails the server tells the statement; one of many members is tried by halves until
 * the member is named.  Then nothing is applied (on_error: abort; SERVER_FAILED, the culprit is a
 * trouble), or all but it (skip; SERVER_SKIPPED).  What else would fail for want of a role that
 * could not be created is left out without words.
 *
 * More than one transaction only where the server has no room for the locks (apply_turns.h): then
 * each role's changes are in one of them, and what one committed stays if a later one fails.
 */
enum server_result server_apply(struct server *server, const struct plan *plan,
                                struct server_report *report);

/*
 * CHANGE_DROP: for each such role, in every database where it has something, REASSIGN OWNED and
 * DROP OWNED, then DROP ROLE.  Under the lock each is looked at again: in the marker, without LOGIN
 * and sessions, comment with LEFT_PREFIX.  Each is a trouble of its own if it cannot be yet;
 * SERVER_SKIPPED then.
 */
enum server_result server_drop(struct server *server, const struct plan *plan,
                               struct server_report *report);

#endif
