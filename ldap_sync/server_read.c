/* The reading of a server: one message, whose rows are taken as they come. */
#include "config.h"

#include "ldap_sync/server_rows.h"

#include <poll.h>
#include <stdlib.h>

#define TASK "read the roles of"

/*
 * Of pg_roles and not pg_authid, which a superuser alone may read.  In no order: sorting would be
 * half of what all of this costs the server.
 */
static const char roles_sql[] =
    "COPY (SELECT r.oid, r.rolname, r.rolsuper, r.rolreplication, r.rolbypassrls, r.rolcreaterole,"
    " r.rolcreatedb, r.rolcanlogin, r.rolinherit, r.rolconnlimit,"
    " CASE WHEN isfinite(r.rolvaliduntil) THEN floor(extract(epoch FROM r.rolvaliduntil))::int8"
    " WHEN r.rolvaliduntil < 'epoch' THEN -9223372036854775807 END,"
    " d.description, s.n"
    " FROM pg_roles r"
    " LEFT JOIN pg_shdescription d ON d.objoid = r.oid AND d.classoid = 'pg_authid'::regclass"
    /* Without pg_read_all_stats the kind of a foreign session is hidden, and its role is not. */
    " LEFT JOIN (SELECT usesysid, count(*) AS n FROM pg_stat_activity"
    " WHERE backend_type = 'client backend' OR backend_type IS NULL GROUP BY usesysid) s"
    " ON s.usesysid = r.oid) TO STDOUT;\n";

static const char settings_sql[] =
    "COPY (SELECT s.setrole, c FROM pg_db_role_setting s, unnest(s.setconfig) AS c"
    " WHERE s.setdatabase = 0 AND s.setrole <> 0"
    " ORDER BY s.setrole, split_part(c, '=', 1) COLLATE \"C\") TO STDOUT;\n";

/* By oid: the server has an index on it, and names would cost three joins. */
static const char memberships_sql_15[] =
    "COPY (SELECT member, roleid, grantor, admin_option, NULL, NULL FROM pg_auth_members)"
    " TO STDOUT;\n";
static const char memberships_sql_16[] =
    "COPY (SELECT member, roleid, grantor, admin_option, inherit_option, set_option"
    " FROM pg_auth_members) TO STDOUT;\n";

struct server_reading {
    enum server_intent intent;
    struct rows rows;
    enum rows_section section; /* the one that comes next, or is coming */
    bool copying;
    bool over; /* the answer has come to its end */
    bool lost;
    bool refused; /* the lock */
    struct link_answer answer;
};

/* The row of the first statement: is the lock ours, who are we, how much is there room for. */
static void take_runner(struct server *server, struct actual *actual, const PGresult *result)
{
    server->reading->refused = PQgetvalue(result, 0, 0)[0] != 't';
    actual->runner = g_string_chunk_insert_const(actual->names, PQgetvalue(result, 0, 1));
    actual->runner_is_superuser = PQgetvalue(result, 0, 2)[0] == 't';
    server->roles_most = strtoul(PQgetvalue(result, 0, 3), NULL, 10);
}

static void fail(struct server_reading *reading, const char *words)
{
    if (reading->answer.words[0] == '\0')
        link_words(reading->answer.words, sizeof reading->answer.words, words);
}

static void take_result(struct server *server, struct actual *actual, const PGresult *result)
{
    struct server_reading *reading = server->reading;

    switch (PQresultStatus(result)) {
    case PGRES_COMMAND_OK:
        break;
    case PGRES_TUPLES_OK:
        take_runner(server, actual, result);
        break;
    case PGRES_COPY_OUT:
        reading->copying = true;
        break;
    default:
        link_take_error(&reading->answer, result);
    }
}

/* Takes the rows that are there.  False when there are no more for now. */
static bool take_copy(struct server *server, struct actual *actual)
{
    struct server_reading *reading = server->reading;
    char *row;
    int len;

    while ((len = PQgetCopyData(server->pg, &row, 1)) > 0) {
        if (!rows_take(&reading->rows, reading->section, row, actual))
            fail(reading, "a row that is not understood");
        PQfreemem(row);
    }
    if (len == 0)
        return false;
    reading->copying = false; /* what went wrong, if anything, is in the next result */
    reading->section++;
    return true;
}

/* Takes all that came. */
static void pump(struct server *server, struct actual *actual)
{
    struct server_reading *reading = server->reading;

    while (!reading->over) {
        if (reading->copying) {
            if (!take_copy(server, actual))
                return;
            continue;
        }
        if (PQisBusy(server->pg))
            return;
        PGresult *result = PQgetResult(server->pg);
        if (result == NULL)
            reading->over = true;
        else
            take_result(server, actual, result);
        PQclear(result);
    }
}

static bool send_reading(struct server *server, enum server_intent intent)
{
    const struct settings_sync *settings = server->settings;
    GString *sql = g_string_new(NULL);
    bool sent;

    if (PQtransactionStatus(server->pg) != PQTRANS_IDLE)
        g_string_append(sql, "ROLLBACK;\n");
    /*
     * The snapshot of a REPEATABLE READ would be older than the lock.  The answer may have to wait
     * for a caller who reads the directory.
     */
    link_begin(server, sql,
               intent == SERVER_LOOK ? "ISOLATION LEVEL REPEATABLE READ READ ONLY"
                                     : "ISOLATION LEVEL READ COMMITTED READ WRITE",
               settings->timeout + settings->read_timeout);
    g_string_append_printf(
        sql,
        "SELECT %s, current_user, (SELECT rolsuper FROM pg_roles WHERE rolname = current_user),"
        " current_setting('max_locks_per_transaction')::int8"
        " * (current_setting('max_connections')::int8"
        " + current_setting('max_prepared_transactions')::int8) / 2;\n",
        intent == SERVER_CHANGE ? "pg_try_advisory_xact_lock(" SERVER_LOCK ")" : "true");
    g_string_append(sql, roles_sql);
    g_string_append(sql, settings_sql);
    g_string_append(sql, PQserverVersion(server->pg) >= 160000 ? memberships_sql_16
                                                               : memberships_sql_15);
    if (intent == SERVER_LOOK)
        g_string_append(sql, "COMMIT;\n");
    sent = link_send(server, sql->str, link_deadline(settings->timeout));
    g_string_free(sql, TRUE);
    return sent;
}

void server_read_begin(struct server *server, enum server_intent intent)
{
    if (server->reading != NULL)
        server_read_drop(server);
    server->error[0] = '\0';
    server->forced = intent == SERVER_FORCE;
    if (!link_connect(server, TASK))
        return;
    server->reading = g_new0(struct server_reading, 1);
    server->reading->intent = intent;
    if (!send_reading(server, intent))
        server->reading->lost = true;
}

void server_read_some(struct server *server, struct actual *actual)
{
    struct server_reading *reading = server->reading;

    if (reading == NULL)
        return;
    /* libpq takes 16 KiB or so at a time. */
    do {
        if (reading->lost || reading->over)
            return;
        if (!link_take(server))
            reading->lost = true;
        pump(server, actual);
    } while (poll(&(struct pollfd){.fd = PQsocket(server->pg), .events = POLLIN}, 1, 0) == 1);
}

static void free_reading(struct server *server)
{
    rows_clear(&server->reading->rows);
    g_free(server->reading);
    server->reading = NULL;
}

void server_read_drop(struct server *server)
{
    free_reading(server);
    link_drop(server);
}

static enum link_step wait_for_all(struct server *server, struct actual *actual)
{
    struct server_reading *reading = server->reading;
    int64_t deadline_ms = link_deadline(server->settings->timeout);

    if (!reading->lost)
        pump(server, actual);
    while (!reading->lost && !reading->over) {
        if (!link_wait(server, POLLIN, deadline_ms))
            return LINK_LATE;
        server_read_some(server, actual);
    }
    if (reading->lost || PQstatus(server->pg) == CONNECTION_BAD) {
        fail(reading, PQerrorMessage(server->pg));
        return LINK_LOST;
    }
    return reading->answer.words[0] == '\0' ? LINK_DONE : LINK_REFUSED;
}

enum server_result server_read_end(struct server *server, struct actual *actual)
{
    enum server_result result = SERVER_OK;
    enum link_step step;

    if (server->reading == NULL)
        return SERVER_FAILED; /* server_read_begin has said why */
    step = wait_for_all(server, actual);
    if (step == LINK_DONE) {
        actual->version = PQserverVersion(server->pg);
        rows_end(&server->reading->rows, actual);
        if (server->reading->refused)
            result = SERVER_RUNNING;
        free_reading(server);
    } else {
        link_note_answer(server, TASK, step, &server->reading->answer);
        result = SERVER_FAILED;
        if (step == LINK_REFUSED)
            free_reading(server);
        else
            server_read_drop(server);
    }
    if (result != SERVER_OK)
        server_end(server);
    return result;
}
