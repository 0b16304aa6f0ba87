#include "config.h"

#include "common/pgconn.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/text.h"

#define OID_TEXT 25  /* pg_type.h; the same in every server */
#define QUICK_MS 200 /* a failure sooner than this held nobody up */

struct pgconn {
    const struct settings_postgres *settings;
    struct outage *outage;
    PGconn *pg;
    const struct pgconn_statement *prepared[PGCONN_STATEMENTS_MAX];
    size_t n_prepared;
    char sqlstate[6];
    char error[1024];
};

/* The end of one call: whichever of the caller's deadline and our own timeout is first. */
struct limit {
    int64_t at_ms;
    bool is_callers;
};

static const char advice_connect[] =
    "check that the server runs, postgres.conninfo, and that pg_hba.conf admits this user";

struct advice {
    const char *sqlstate; /* a prefix */
    const char *text;
};

static const struct advice advice_table[] = {
    {"42883", "install " PKGDATADIR "/pgsignet.sql in this database as a superuser"         },
    {"3F000", "install " PKGDATADIR "/pgsignet.sql in this database as a superuser"         },
    {"42501",
     "let postgres.conninfo name the role pgsignet, which " PKGDATADIR "/pgsignet.sql makes"},
    {"57014", "look what held it up (locks on pg_authid, load)"                             },
    {"",      "look into the server's log"                                                  },
};

struct pgconn *pgconn_new(const struct settings_postgres *settings, struct outage *outage)
{
    struct pgconn *c = calloc(1, sizeof *c);

    if (c != NULL) {
        c->settings = settings;
        c->outage = outage;
    }
    return c;
}

static void disconnect(struct pgconn *c)
{
    PQfinish(c->pg);
    c->pg = NULL;
    c->n_prepared = 0;
}

void pgconn_free(struct pgconn *c)
{
    if (c == NULL)
        return;
    disconnect(c);
    free(c);
}

const char *pgconn_sqlstate(const struct pgconn *c)
{
    return c->sqlstate;
}

const char *pgconn_error(const struct pgconn *c)
{
    return c->error;
}

static const char *or_default(const char *text)
{
    return text != NULL && text[0] != '\0' ? text : "(default)";
}

/* libpq ends its messages with a newline and puts each host's on a line: one line for all. */
static void one_line(char *out, size_t size, const char *text)
{
    char flat[768];
    size_t n = 0;

    for (; text != NULL && *text != '\0' && n + 1 < sizeof flat; text++)
        flat[n++] = *text == '\n' || *text == '\t' ? ' ' : *text;
    while (n > 0 && flat[n - 1] == ' ')
        n--;
    text_clean(out, size, bytes_of(flat, n));
}

static void set_error(struct pgconn *c, const char *task, const char *came_back, const char *advice)
{
    char line[640], where[256];
    char text[sizeof c->error];

    one_line(line, sizeof line, came_back);
    where[0] = '\0';
    if (c->pg != NULL)
        snprintf(where, sizeof where, " at %s port %s (database %s, user %s)",
                 or_default(PQhost(c->pg)), or_default(PQport(c->pg)), or_default(PQdb(c->pg)),
                 or_default(PQuser(c->pg)));
    snprintf(text, sizeof text, "cannot %s from PostgreSQL%s: %s; %s", task, where, line, advice);
    text_clean(c->error, sizeof c->error, bytes_str(text));
}

void pgconn_set_error(struct pgconn *c, const struct pgconn_statement *statement,
                      const char *came_back, const char *advice)
{
    set_error(c, statement->task, came_back, advice);
}

/*
 * A server that lets people wait is left alone for a while.  One that says no at once (not started, still
 * starting) costs nobody anything: asking again lets logins in the moment it is back.
 */
static void note_outcome(struct pgconn *c, enum pgconn_result outcome, int64_t began_ms)
{
    int64_t now_ms = clock_mono_ms();

    if (outcome == PGCONN_DEADLINE)
        return; /* the caller's time was short, which tells nothing of the server */
    if (outcome == PGCONN_UNAVAILABLE && now_ms - began_ms >= QUICK_MS)
        outage_mark(c->outage, OUTAGE_POSTGRES, now_ms + c->settings->retry_after * 1000);
    else
        outage_clear(c->outage, OUTAGE_POSTGRES);
}

/* The time is up: whose it was decides what that means. */
static enum pgconn_result out_of_time(struct pgconn *c, struct limit limit, const char *task)
{
    if (limit.is_callers) {
        set_error(c, task, "no answer before the login's deadline",
                  "the server, or something asked before it, is slow");
        return PGCONN_DEADLINE;
    }
    set_error(c, task, "no answer within postgres.timeout", "look why the server is slow");
    return PGCONN_UNAVAILABLE;
}

/* Waits until the socket is ready.  False when the limit is reached; errors count as ready. */
static bool wait_socket(PGconn *pg, short events, struct limit limit)
{
    struct pollfd p = {.fd = PQsocket(pg), .events = events};

    for (;;) {
        int64_t left = limit.at_ms - clock_mono_ms();
        if (left <= 0)
            return false;
        int n = poll(&p, 1, left > 60000 ? 60000 : (int)left);
        if (n > 0 || (n < 0 && errno != EINTR))
            return true; /* what is wrong with the socket, libpq will say */
    }
}

static void ignore_notice(void *arg, const PGresult *result)
{
    (void)arg;
    (void)result;
}

/* libpq's message about a malformed string may quote part of a password: it is not shown. */
static bool conninfo_is_valid(const char *conninfo)
{
    PQconninfoOption *options = PQconninfoParse(conninfo, NULL);

    PQconninfoFree(options);
    return options != NULL;
}

static enum pgconn_result connect_bounded(struct pgconn *c, struct limit limit, const char *task)
{
    /* Later keywords win over those in conninfo.  connect_timeout has no effect on PQconnectPoll. */
    static const char *const keywords[] = {"fallback_application_name", "dbname", "client_encoding",
                                           NULL};
    const char *const values[] = {"pgsignetd", c->settings->conninfo, "SQL_ASCII", NULL};

    if (c->settings->conninfo == NULL || !conninfo_is_valid(c->settings->conninfo)) {
        set_error(c, task, "postgres.conninfo is not a libpq connection string",
                  "write it as in: host=/run/postgresql dbname=postgres user=pgsignet");
        return PGCONN_UNAVAILABLE;
    }
    c->pg = PQconnectStartParams(keywords, values, 1);
    if (c->pg == NULL) {
        set_error(c, task, "memory is short", "stop what takes it");
        return PGCONN_UNAVAILABLE;
    }
    PQsetNoticeReceiver(c->pg, ignore_notice, NULL);

    PostgresPollingStatusType step =
        PQstatus(c->pg) == CONNECTION_BAD ? PGRES_POLLING_FAILED : PGRES_POLLING_WRITING;
    while (step != PGRES_POLLING_OK && step != PGRES_POLLING_FAILED) {
        if (!wait_socket(c->pg, step == PGRES_POLLING_READING ? POLLIN : POLLOUT, limit)) {
            enum pgconn_result result = out_of_time(c, limit, task);
            disconnect(c);
            return result;
        }
        step = PQconnectPoll(c->pg);
    }
    if (step == PGRES_POLLING_FAILED || PQsetnonblocking(c->pg, 1) != 0) {
        set_error(c, task, PQerrorMessage(c->pg), advice_connect);
        disconnect(c);
        return PGCONN_UNAVAILABLE;
    }
    return PGCONN_ROWS;
}

enum step { STEP_DONE, STEP_LOST, STEP_LATE };

static enum step flush(PGconn *pg, struct limit limit)
{
    for (;;) {
        int unsent = PQflush(pg);
        if (unsent == 0)
            return STEP_DONE;
        /* The server may not read on before we have read what it says. */
        if (unsent < 0)
            return STEP_LOST;
        if (!wait_socket(pg, POLLIN | POLLOUT, limit))
            return STEP_LATE;
        if (PQconsumeInput(pg) == 0)
            return STEP_LOST;
    }
}

/* Collects the one result of what was just sent.  *result is the caller's, and may be NULL. */
static enum step collect(PGconn *pg, struct limit limit, PGresult **result)
{
    enum step step = flush(pg, limit);

    *result = NULL;
    while (step == STEP_DONE) {
        while (PQisBusy(pg)) {
            if (!wait_socket(pg, POLLIN, limit))
                return STEP_LATE;
            if (PQconsumeInput(pg) == 0)
                return STEP_LOST;
        }
        PGresult *next = PQgetResult(pg);
        if (next == NULL)
            return *result == NULL || PQstatus(pg) == CONNECTION_BAD ? STEP_LOST : STEP_DONE;
        PQclear(*result);
        *result = next;
    }
    return step;
}

static bool is_prepared(const struct pgconn *c, const struct pgconn_statement *statement)
{
    for (size_t i = 0; i < c->n_prepared; i++) {
        if (c->prepared[i] == statement)
            return true;
    }
    return false;
}

static bool send_prepare(PGconn *pg, const struct pgconn_statement *statement)
{
    static const Oid types[PGCONN_PARAMS_MAX] = {OID_TEXT, OID_TEXT, OID_TEXT, OID_TEXT,
                                                 OID_TEXT, OID_TEXT, OID_TEXT, OID_TEXT};

    return PQsendPrepare(pg, statement->name, statement->sql, statement->n_params, types) == 1;
}

/* Text parameters end in NUL for libpq, so they are copied; none has a NUL inside (pgconn_read). */
static bool send_query(PGconn *pg, const struct pgconn_statement *statement,
                       const struct bytes *params)
{
    char *values[PGCONN_PARAMS_MAX] = {NULL};
    bool sent = true;

    for (int i = 0; i < statement->n_params && sent; i++) {
        values[i] = calloc(1, params[i].len + 1);
        sent = values[i] != NULL;
        if (sent && params[i].len > 0)
            memcpy(values[i], params[i].ptr, params[i].len);
    }
    sent = sent && PQsendQueryPrepared(pg, statement->name, statement->n_params,
                                       (const char *const *)values, NULL, NULL, 0) == 1;
    for (int i = 0; i < statement->n_params; i++)
        free(values[i]);
    return sent;
}

static const char *advice_for(const char *sqlstate)
{
    size_t i = 0;

    while (strncmp(sqlstate, advice_table[i].sqlstate, strlen(advice_table[i].sqlstate)) != 0)
        i++;
    return advice_table[i].text;
}

/* Prepares the statement if this connection has not yet, and runs it.  *result is the caller's. */
static enum step ask(struct pgconn *c, const struct pgconn_statement *statement,
                     const struct bytes *params, struct limit limit, PGresult **result)
{
    enum step step;

    *result = NULL;
    if (!is_prepared(c, statement)) {
        step = send_prepare(c->pg, statement) ? collect(c->pg, limit, result) : STEP_LOST;
        if (step != STEP_DONE || PQresultStatus(*result) != PGRES_COMMAND_OK)
            return step;
        PQclear(*result);
        *result = NULL;
        if (c->n_prepared == PGCONN_STATEMENTS_MAX)
            return STEP_LOST;
        c->prepared[c->n_prepared++] = statement;
    }
    return send_query(c->pg, statement, params) ? collect(c->pg, limit, result) : STEP_LOST;
}

static enum pgconn_result judge(struct pgconn *c, const struct pgconn_statement *statement,
                                PGresult *result)
{
    if (PQresultStatus(result) == PGRES_TUPLES_OK)
        return PGCONN_ROWS;
    const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    snprintf(c->sqlstate, sizeof c->sqlstate, "%s", sqlstate != NULL ? sqlstate : "");
    set_error(c, statement->task, PQresultErrorMessage(result), advice_for(c->sqlstate));
    return PGCONN_REFUSED;
}

static bool params_are_valid(const struct pgconn_statement *statement, const struct bytes *params)
{
    if (statement->n_params < 0 || statement->n_params > PGCONN_PARAMS_MAX)
        return false;
    for (int i = 0; i < statement->n_params; i++) {
        if (params[i].len > PGCONN_PARAM_LEN_MAX ||
            (params[i].len > 0 && memchr(params[i].ptr, 0, params[i].len) != NULL))
            return false;
    }
    return true;
}

static enum pgconn_result read_bounded(struct pgconn *c, const struct pgconn_statement *statement,
                                       const struct bytes *params, struct limit limit,
                                       PGresult **rows)
{
    for (;;) {
        bool is_new = c->pg == NULL;
        if (is_new) {
            enum pgconn_result connected = connect_bounded(c, limit, statement->task);
            if (connected != PGCONN_ROWS)
                return connected;
        }

        PGresult *result = NULL;
        enum step step = ask(c, statement, params, limit, &result);
        enum pgconn_result outcome = PGCONN_UNAVAILABLE;
        if (step == STEP_DONE) {
            outcome = judge(c, statement, result);
            if (outcome == PGCONN_ROWS)
                *rows = result;
            else
                PQclear(result);
            return outcome;
        }
        PQclear(result);
        if (step == STEP_LATE)
            outcome = out_of_time(c, limit, statement->task);
        else if (is_new)
            set_error(c, statement->task, PQerrorMessage(c->pg), advice_connect);
        disconnect(c);
        if (step == STEP_LATE || is_new)
            return outcome;
    }
}

enum pgconn_result pgconn_read(struct pgconn *c, const struct pgconn_statement *statement,
                               const struct bytes *params, int64_t deadline_ms, PGresult **rows)
{
    int64_t now_ms = clock_mono_ms();
    int64_t own_ms = now_ms + c->settings->timeout * 1000;
    struct limit limit = {.at_ms = own_ms < deadline_ms ? own_ms : deadline_ms,
                          .is_callers = deadline_ms <= own_ms};

    *rows = NULL;
    c->sqlstate[0] = '\0';
    c->error[0] = '\0';
    if (!params_are_valid(statement, params)) {
        set_error(c, statement->task, "a parameter is too long or holds a NUL",
                  "this is a fault in pgsignet");
        return PGCONN_UNAVAILABLE;
    }
    if (!outage_may_try(c->outage, OUTAGE_POSTGRES, now_ms, limit.at_ms)) {
        set_error(c, statement->task, "the server failed a moment ago and is left alone",
                  "it is tried again after postgres.retry_after");
        return PGCONN_UNAVAILABLE;
    }
    outage_trying(c->outage, OUTAGE_POSTGRES, c->settings->retry_after * 1000);
    enum pgconn_result outcome = read_bounded(c, statement, params, limit, rows);
    outage_tried();
    note_outcome(c, outcome, now_ms);
    return outcome;
}
