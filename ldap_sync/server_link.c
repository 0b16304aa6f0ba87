#include "config.h"

#include "ldap_sync/server_link.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>

#include "common/clock.h"
#include "common/text.h"

struct server *server_new(const struct settings_sync *settings, const char *conninfo)
{
    struct server *server = g_new0(struct server, 1);

    *server = (struct server){.settings = settings, .conninfo = conninfo};
    return server;
}

struct server *server_beside(const struct server *server, const char *database)
{
    struct server *other = g_new0(struct server, 1);

    *other = (struct server){.settings = server->settings,
                             .conninfo = server->conninfo,
                             .beside = server,
                             .database = g_strdup(database)};
    return other;
}

const char *server_error(const struct server *server)
{
    return server->error;
}

const char *server_name(const struct server *server)
{
    return server->name;
}

/* --- what went wrong -------------------------------------------------------------------------- */

void link_words(char *words, size_t size, const char *text)
{
    char flat[LINK_WORDS_MAX + 64];
    size_t n = 0;

    /* libpq ends its messages with a newline and puts each host's on a line. */
    for (; text != NULL && *text != '\0' && n + 1 < sizeof flat; text++)
        flat[n++] = *text == '\n' || *text == '\t' ? ' ' : *text;
    while (n > 0 && flat[n - 1] == ' ')
        n--;
    text_clean(words, size, bytes_of(flat, n));
}

void link_take_error(struct link_answer *answer, const PGresult *result)
{
    const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *primary = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    const char *detail = PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL);
    char *all = NULL;

    if (answer->words[0] != '\0')
        return; /* the first one is the cause */
    snprintf(answer->sqlstate, sizeof answer->sqlstate, "%s", sqlstate != NULL ? sqlstate : "");
    if (primary == NULL)
        primary = PQresultErrorMessage(result);
    all = detail == NULL ? g_strdup(primary) : g_strdup_printf("%s (%s)", primary, detail);
    link_words(answer->words, sizeof answer->words, all);
    g_free(all);
}

void link_note(struct server *server, const char *task, const char *came_back, const char *advice)
{
    char *text =
        g_strdup_printf("cannot %s PostgreSQL%s%s: %s; %s", task,
                        server->name[0] != '\0' ? " at " : "", server->name, came_back, advice);

    text_clean(server->error, sizeof server->error, bytes_str(text));
    g_free(text);
}

static const struct {
    const char *sqlstate; /* a prefix */
    const char *advice;
} advices[] = {
    {"42501", "give the role what `pgsignet-ldap-sync roles print-grants` prints"},
    {"0A000", "connect to the primary: target_session_attrs=read-write in sync.postgres"},
    {"25006", "connect to the primary: target_session_attrs=read-write in sync.postgres"},
    {"55P03", "look in pg_locks who holds the lock, and run again"},
    {"57014", "raise sync.timeout or sync.apply_timeout, or look in pg_locks what it waited for"},
    {"57P", "the server is stopping or starting; run again"},
    {"", "look into the server's log"},
};

void link_note_answer(struct server *server, const char *task, enum link_step step,
                      const struct link_answer *answer)
{
    size_t i = 0;

    if (step == LINK_LATE) {
        link_note(server, task, "no answer in time",
                  "look why the server is slow, or raise sync.timeout or sync.apply_timeout");
        return;
    }
    if (step == LINK_LOST && answer->sqlstate[0] == '\0') {
        link_note(server, task, answer->words, "check that the server runs");
        return;
    }
    while (strncmp(answer->sqlstate, advices[i].sqlstate, strlen(advices[i].sqlstate)) != 0)
        i++;
    link_note(server, task, answer->words, advices[i].advice);
}

/* --- connecting ------------------------------------------------------------------------------- */

int64_t link_deadline(int64_t seconds)
{
    return clock_mono_ms() + seconds * 1000;
}

bool link_wait(struct server *server, short events, int64_t deadline_ms)
{
    struct pollfd p = {.fd = PQsocket(server->pg), .events = events};

    for (;;) {
        int64_t left = deadline_ms - clock_mono_ms();
        if (left <= 0)
            return false;
        int n = poll(&p, 1, left > 60000 ? 60000 : (int)left);
        if (n > 0 || (n < 0 && errno != EINTR))
            return true; /* what is wrong with the socket, libpq will say */
    }
}

void link_drop(struct server *server)
{
    PQfinish(server->pg);
    server->pg = NULL;
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

/* NULL where nothing is to be said: libpq passes over values that are empty. */
static const char *of_other(const struct server *server, char *(*get)(const PGconn *pg))
{
    return server->beside == NULL ? NULL : get(server->beside->pg);
}

static PGconn *start(const struct server *server)
{
    /* A later value wins over an earlier one and those of conninfo, which is the first dbname. */
    const char *const keywords[] = {"fallback_application_name",
                                    "dbname",
                                    "client_encoding",
                                    "host",
                                    "hostaddr",
                                    "port",
                                    "dbname",
                                    NULL};
    const char *const values[] = {"pgsignet-ldap-sync",
                                  server->conninfo,
                                  "SQL_ASCII",
                                  of_other(server, PQhost),
                                  of_other(server, PQhostaddr),
                                  of_other(server, PQport),
                                  server->database,
                                  NULL};

    return PQconnectStartParams(keywords, values, 1);
}

static enum link_step connect_until(struct server *server, int64_t deadline_ms)
{
    PostgresPollingStatusType step =
        PQstatus(server->pg) == CONNECTION_BAD ? PGRES_POLLING_FAILED : PGRES_POLLING_WRITING;

    while (step != PGRES_POLLING_OK && step != PGRES_POLLING_FAILED) {
        if (!link_wait(server, step == PGRES_POLLING_READING ? POLLIN : POLLOUT, deadline_ms))
            return LINK_LATE;
        step = PQconnectPoll(server->pg);
    }
    return step == PGRES_POLLING_OK && PQsetnonblocking(server->pg, 1) == 0 ? LINK_DONE : LINK_LOST;
}

static const char *or_default(const char *text)
{
    return text != NULL && text[0] != '\0' ? text : "(default)";
}

static void take_name(struct server *server)
{
    char name[sizeof server->name];

    snprintf(name, sizeof name, "%s port %s database %s", or_default(PQhost(server->pg)),
             or_default(PQport(server->pg)), or_default(PQdb(server->pg)));
    text_clean(server->name, sizeof server->name, bytes_str(name));
}

static bool version_is_known(struct server *server, const char *task)
{
    char came_back[80];

    if (PQserverVersion(server->pg) >= SERVER_OLDEST)
        return true;
    snprintf(came_back, sizeof came_back, "its version is %d, older than %d",
             PQserverVersion(server->pg) / 10000, SERVER_OLDEST / 10000);
    link_note(server, task, came_back, "use a newer server");
    return false;
}

bool link_connect(struct server *server, const char *task)
{
    struct link_answer answer = {0};
    enum link_step step;

    if (server->pg != NULL && PQstatus(server->pg) == CONNECTION_OK)
        return true;
    link_drop(server);
    if (!conninfo_is_valid(server->conninfo)) {
        link_note(server, task, "sync.postgres is not a libpq connection string",
                  "write it as in: host=/run/postgresql dbname=postgres user=pgsignet_sync");
        return false;
    }
    server->pg = start(server);
    if (server->pg == NULL) {
        link_note(server, task, "memory is short", "stop what takes it");
        return false;
    }
    PQsetNoticeReceiver(server->pg, ignore_notice, NULL);
    step = connect_until(server, link_deadline(server->settings->timeout));
    take_name(server);
    if (step == LINK_DONE && version_is_known(server, task))
        return true;
    if (step == LINK_LATE)
        link_note(server, task, "no connection within sync.timeout",
                  "check that the server runs and can be reached");
    if (step == LINK_LOST) {
        link_words(answer.words, sizeof answer.words, PQerrorMessage(server->pg));
        link_note(
            server, task, answer.words,
            "check that the server runs, sync.postgres, and that pg_hba.conf admits this user");
    }
    link_drop(server);
    return false;
}

/* --- messages --------------------------------------------------------------------------------- */

bool link_take(struct server *server)
{
    return PQconsumeInput(server->pg) == 1;
}

bool link_send(struct server *server, const char *sql, int64_t deadline_ms)
{
    int left;

    server->messages++;
    if (PQsendQuery(server->pg, sql) != 1)
        return false;
    while ((left = PQflush(server->pg)) == 1)
        if (!link_wait(server, POLLIN | POLLOUT, deadline_ms) || !link_take(server))
            return false;
    return left == 0;
}

static void take_result(struct link_answer *answer, PGresult *result)
{
    switch (PQresultStatus(result)) {
    case PGRES_TUPLES_OK:
        PQclear(answer->rows);
        answer->rows = result;
        answer->done++;
        return;
    case PGRES_COMMAND_OK:
        answer->done++;
        break;
    default:
        link_take_error(answer, result);
    }
    PQclear(result);
}

static enum link_step collect(struct server *server, int64_t deadline_ms,
                              struct link_answer *answer)
{
    PGresult *result;

    do {
        while (PQisBusy(server->pg)) {
            if (!link_wait(server, POLLIN, deadline_ms))
                return LINK_LATE;
            if (!link_take(server))
                return LINK_LOST;
        }
        result = PQgetResult(server->pg);
        if (result != NULL)
            take_result(answer, result);
    } while (result != NULL);
    if (PQstatus(server->pg) == CONNECTION_BAD)
        return LINK_LOST;
    return answer->words[0] == '\0' ? LINK_DONE : LINK_REFUSED;
}

enum link_step link_ask(struct server *server, const char *sql, int64_t seconds,
                        struct link_answer *answer)
{
    int64_t deadline_ms = link_deadline(seconds);
    enum link_step step = LINK_LOST;

    *answer = (struct link_answer){0};
    if (server->pg == NULL)
        link_words(answer->words, sizeof answer->words, "the connection was lost before");
    else if (link_send(server, sql, deadline_ms))
        step = collect(server, deadline_ms, answer);
    else if (clock_mono_ms() >= deadline_ms)
        step = LINK_LATE;
    if (step == LINK_LOST && answer->words[0] == '\0')
        link_words(answer->words, sizeof answer->words, PQerrorMessage(server->pg));
    if (step == LINK_LOST || step == LINK_LATE)
        link_drop(server);
    return step;
}

bool link_must(struct server *server, const char *task, const char *sql, int64_t seconds,
               PGresult **rows)
{
    struct link_answer answer;
    enum link_step step = link_ask(server, sql, seconds, &answer);

    if (step == LINK_DONE && rows != NULL && answer.rows != NULL) {
        *rows = answer.rows;
        return true;
    }
    PQclear(answer.rows);
    if (step == LINK_DONE)
        return true;
    link_note_answer(server, task, step, &answer);
    server_end(server);
    return false;
}

void link_begin(const struct server *server, GString *sql, const char *options,
                int64_t statement_seconds)
{
    const struct settings_sync *settings = server->settings;

    /* Who owns the database may have put a schema of his own before pg_catalog. */
    g_string_append_printf(sql,
                           "BEGIN %s;\n"
                           "SET LOCAL search_path = pg_catalog, pg_temp;\n"
                           "SET LOCAL standard_conforming_strings = on;\n"
                           "SET LOCAL lock_timeout = '%" G_GINT64_FORMAT "s';\n"
                           "SET LOCAL statement_timeout = '%" G_GINT64_FORMAT "s';\n"
                           "SET LOCAL idle_in_transaction_session_timeout = '%" G_GINT64_FORMAT
                           "s';\n",
                           options, settings->timeout, statement_seconds,
                           settings->timeout + settings->read_timeout + settings->apply_timeout);
}

enum server_result link_lock(struct server *server, const char *task)
{
    GString *sql = g_string_new(NULL);
    PGresult *rows = NULL;
    bool locked = false, done;

    link_begin(server, sql, "ISOLATION LEVEL READ COMMITTED READ WRITE",
               server->settings->apply_timeout);
    g_string_append_printf(sql, "SELECT %s;\n",
                           server->forced ? "true" : "pg_try_advisory_xact_lock(" SERVER_LOCK ")");
    done = link_must(server, task, sql->str, server->settings->timeout, &rows);
    g_string_free(sql, TRUE);
    if (!done)
        return SERVER_FAILED;
    locked = PQgetvalue(rows, 0, 0)[0] == 't';
    PQclear(rows);
    if (!locked)
        server_end(server);
    return locked ? SERVER_OK : SERVER_RUNNING;
}

bool link_lock_again(struct server *server, const char *task)
{
    enum server_result result = link_lock(server, task);

    if (result == SERVER_RUNNING)
        link_note(server, task, "another run took the lock between two transactions",
                  "what was committed before it stays; the rest is for the next run");
    return result == SERVER_OK;
}

void server_end(struct server *server)
{
    struct link_answer answer;

    if (server->reading != NULL)
        server_read_drop(server);
    if (server->pg == NULL || PQtransactionStatus(server->pg) == PQTRANS_IDLE)
        return;
    link_ask(server, "ROLLBACK", server->settings->timeout, &answer);
    PQclear(answer.rows);
}

void server_free(struct server *server)
{
    if (server == NULL)
        return;
    if (server->reading != NULL)
        server_read_drop(server);
    link_drop(server);
    g_free(server->database);
    g_free(server);
}
