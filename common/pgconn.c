#include "config.h"

#include "common/pgconn_pipe.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/number.h"
#include "common/text.h"

#define QUICK_MS 200 /* a failure sooner than this held nobody up */

struct pgconn *pgconn_new(const struct pgconn_target *target)
{
    struct pgconn *c = calloc(1, sizeof *c);

    if (c != NULL)
        c->target = *target;
    return c;
}

void pgconn_drop(struct pgconn *c)
{
    PQfinish(c->pg);
    c->pg = NULL;
    c->n_prepared = 0;
    c->n_entries = 0;
}

void pgconn_free(struct pgconn *c)
{
    if (c == NULL)
        return;
    pgconn_drop(c);
    free(c);
}

void pgconn_abandon(struct pgconn *c)
{
    if (c != NULL && c->pg != NULL) {
        /* PQfinish says goodbye to the server, which would end the session for the parent as well. */
        int fd = PQsocket(c->pg), nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
        if (fd >= 0 && (nowhere < 0 || dup3(nowhere, fd, O_CLOEXEC) < 0))
            c->pg = NULL; /* better a leak */
        if (nowhere >= 0)
            close(nowhere);
    }
    pgconn_free(c);
}

const char *pgconn_sqlstate(const struct pgconn *c)
{
    return c->sqlstate;
}

const char *pgconn_error(const struct pgconn *c)
{
    return c->error;
}

const char *pgconn_warning(const struct pgconn *c)
{
    return c->warning;
}

size_t pgconn_queued(const struct pgconn *c)
{
    return c->n_entries;
}

const char *pgconn_address(const struct pgconn *c)
{
    const char *address = c->pg != NULL ? PQhostaddr(c->pg) : NULL;

    return address != NULL && address[0] != '/' ? address : "";
}

int pgconn_port(const struct pgconn *c)
{
    int64_t port = 0;

    if (pgconn_address(c)[0] != '\0')
        (void)number_parse(PQport(c->pg), strlen(PQport(c->pg)), 1, 65535, &port);
    return (int)port;
}

bool pgconn_in_transaction(const struct pgconn *c)
{
    return c->pg != NULL && PQtransactionStatus(c->pg) != PQTRANS_IDLE;
}

/* --- what goes wrong ---------------------------------------------------------------------------- */

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

void pgconn_note(struct pgconn *c, const char *task, const char *came_back, const char *advice)
{
    char line[560], where[256];
    char text[sizeof c->error];

    one_line(line, sizeof line, came_back);
    where[0] = '\0';
    if (c->pg != NULL)
        snprintf(where, sizeof where, " at %s port %s (database %s, user %s)",
                 or_default(PQhost(c->pg)), or_default(PQport(c->pg)), or_default(PQdb(c->pg)),
                 or_default(PQuser(c->pg)));
    snprintf(text, sizeof text, "cannot %s PostgreSQL%s: %s; %s", task, where, line, advice);
    text_clean(c->error, sizeof c->error, bytes_str(text));
}

void pgconn_set_error(struct pgconn *c, const struct pgconn_statement *statement,
                      const char *came_back, const char *advice)
{
    pgconn_note(c, statement->task, came_back, advice);
}

/* Said by a server that sends the daemon's own connection to the daemon. */
static const char pam_failed[] = "PAM authentication failed";
static const char advice_own_role[] =
    "pg_hba.conf sends this user to pam, and pam asks this daemon: put a line above it, such as "
    "\"local all ROLE peer\" or \"hostssl all ROLE ADDRESS scram-sha-256\"";

static void note_unreachable(struct pgconn *c, const char *task)
{
    char advice[320];
    struct bytes silent = pgconn_hosts_silent(&c->hosts);

    if (strstr(PQerrorMessage(c->pg), pam_failed) != NULL) {
        pgconn_note(c, task, PQerrorMessage(c->pg), advice_own_role);
        return;
    }
    snprintf(advice, sizeof advice,
             "check that the server runs, %s, and that pg_hba.conf admits this user%s%.*s%s",
             c->target.conninfo_key, silent.len > 0 ? "; " : "",
             silent.len < 128 ? (int)silent.len : 128,
             silent.len > 0 ? (const char *)silent.ptr : "",
             silent.len > 0 ? " did not answer at all" : "");
    pgconn_note(c, task, PQerrorMessage(c->pg), advice);
}

/*
 * A server that lets people wait is left alone for a while.  One that says no at once (not started, still
 * starting) costs nobody anything: asking again lets logins in the moment it is back.
 */
static void note_outcome(struct pgconn *c, enum pgconn_result outcome, int64_t began_ms)
{
    const struct pgconn_target *target = &c->target;
    int64_t now_ms = clock_mono_ms();

    if (outcome == PGCONN_DEADLINE)
        return; /* the caller's time was short, which tells nothing of the server */
    if (outcome == PGCONN_UNAVAILABLE && now_ms - began_ms >= QUICK_MS)
        outage_mark(target->outage, target->outage_slot, now_ms + target->retry_after * 1000);
    else
        outage_clear(target->outage, target->outage_slot);
}

/* The time is up: whose it was decides what that means. */
static enum pgconn_result out_of_time(struct pgconn *c, const char *task)
{
    char came_back[96];

    if (c->limit.is_callers) {
        pgconn_note(c, task, "no answer before the login's deadline",
                    "the server, or something asked before it, is slow");
        return PGCONN_DEADLINE;
    }
    snprintf(came_back, sizeof came_back, "no answer within %s.timeout", c->target.section);
    pgconn_note(c, task, came_back, "look why the server is slow");
    return PGCONN_UNAVAILABLE;
}

/* --- connecting --------------------------------------------------------------------------------- */

static void take_notice(void *arg, const PGresult *result)
{
    struct pgconn *c = arg;
    const char *severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);
    const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);

    if (severity != NULL && strcmp(severity, "WARNING") == 0)
        one_line(c->warning, sizeof c->warning, text != NULL ? text : "?");
}

/* libpq's message about a malformed string may quote part of a password: it is not shown. */
static bool conninfo_is_valid(const char *conninfo)
{
    PQconninfoOption *options = PQconninfoParse(conninfo, NULL);

    PQconninfoFree(options);
    return options != NULL;
}

static bool start_connecting(struct pgconn *c, const char *task)
{
    struct pgconn_order order;
    char text[256], unheard[24];

    if (c->target.conninfo == NULL || !conninfo_is_valid(c->target.conninfo)) {
        snprintf(text, sizeof text, "write it as in: %s", c->target.example);
        char came_back[96];
        snprintf(came_back, sizeof came_back, "%s is not a libpq connection string",
                 c->target.conninfo_key);
        pgconn_note(c, task, came_back, text);
        return false;
    }
    pgconn_hosts_order(&c->hosts, &order);
    /* A peer that is switched off is found out while there is time to connect to another. */
    snprintf(unheard, sizeof unheard, "%lld", (long long)c->target.timeout * 500);
    /* Later keywords win over those in conninfo, earlier ones do not; empty ones do not count. */
    static const char *const keywords[] = {"fallback_application_name", "tcp_user_timeout", "dbname",
                                           "client_encoding", "host", "hostaddr", "port", NULL};
    const char *const values[] = {c->target.program, unheard, c->target.conninfo, "SQL_ASCII",
                                  order.host, order.hostaddr, order.port, NULL};
    c->pg = PQconnectStartParams(keywords, values, 1);
    if (c->pg == NULL) {
        pgconn_note(c, task, "memory is short", "stop what takes it");
        return false;
    }
    pgconn_hosts_started(&c->hosts, c->pg);
    PQsetNoticeReceiver(c->pg, take_notice, c);
    return true;
}

/* libpq's own loop, but that no host of several may take the whole time. */
static PostgresPollingStatusType poll_host(struct pgconn *c, bool *late)
{
    PostgresPollingStatusType step =
        PQstatus(c->pg) == CONNECTION_BAD ? PGRES_POLLING_FAILED : PGRES_POLLING_WRITING;

    *late = false;
    while (step != PGRES_POLLING_OK && step != PGRES_POLLING_FAILED) {
        const struct pgconn_limit limit = {
            .at_ms = pgconn_hosts_until(&c->hosts, c->pg, c->limit.at_ms)};
        *late = !pgconn_wait(c->pg, step == PGRES_POLLING_READING ? POLLIN : POLLOUT, limit);
        if (*late)
            break;
        step = PQconnectPoll(c->pg);
    }
    return step;
}

static enum pgconn_result connect_bounded(struct pgconn *c, const char *task)
{
    enum pgconn_result result = PGCONN_UNAVAILABLE;
    PostgresPollingStatusType step;
    bool late;

    pgconn_hosts_begin(&c->hosts);
    for (;;) {
        if (!start_connecting(c, task))
            return result;
        step = poll_host(c, &late);
        if (!late)
            break;
        if (!pgconn_hosts_leave_out(&c->hosts) || clock_mono_ms() >= c->limit.at_ms) {
            result = out_of_time(c, task);
            pgconn_drop(c);
            return result;
        }
        pgconn_drop(c);
    }
    if (step == PGRES_POLLING_FAILED || PQsetnonblocking(c->pg, 1) != 0 ||
        PQenterPipelineMode(c->pg) != 1) {
        note_unreachable(c, task);
        pgconn_drop(c);
        return result;
    }
    pgconn_hosts_answered(&c->hosts);
    if (c->target.greet == NULL)
        return PGCONN_ROWS;
    c->greeting = true;
    result = c->target.greet(c->target.context, c);
    c->greeting = false;
    if (result != PGCONN_ROWS)
        pgconn_drop(c);
    return result;
}

/* --- asking ------------------------------------------------------------------------------------- */

static bool call_is_valid(const struct pgconn_call *call)
{
    const char *types = call->statement->types;

    if (strlen(types) > PGCONN_PARAMS_MAX)
        return false;
    for (size_t i = 0; types[i] != '\0'; i++) {
        struct bytes value = call->params[i].bytes;
        if (types[i] != 'i' && !call->params[i].is_null &&
            (value.len > PGCONN_PARAM_LEN_MAX ||
             (types[i] == 't' && value.len > 0 && memchr(value.ptr, 0, value.len) != NULL)))
            return false;
    }
    return true;
}

static bool calls_are_valid(struct pgconn *c, const struct pgconn_call *calls, size_t n)
{
    bool valid = n > 0 && n <= PGCONN_BATCH_MAX;

    for (size_t i = 0; valid && i < n; i++)
        valid = call_is_valid(&calls[i]);
    if (!valid)
        pgconn_note(c, n > 0 ? calls[0].statement->task : "ask",
                    "a parameter is too long or holds a NUL", "this is a fault in pgsignet");
    return valid;
}

bool pgconn_queue(struct pgconn *c, const struct pgconn_call *call)
{
    if (c->pg == NULL || c->n_entries >= PGCONN_BATCH_MAX)
        return false;
    c->warning[0] = '\0';
    if (calls_are_valid(c, call, 1) && pgconn_pipe_send(c, call, NULL))
        return true;
    pgconn_drop(c);
    return false;
}

static enum pgconn_step send_all(struct pgconn *c, const struct pgconn_call *calls, size_t n,
                                 PGresult **results)
{
    for (size_t i = 0; i < n; i++) {
        if (!pgconn_pipe_send(c, &calls[i], &results[i]))
            return PIPE_LOST;
    }
    return pgconn_pipe_collect(c);
}

static enum pgconn_result run_bounded(struct pgconn *c, enum pgconn_start start,
                                      const struct pgconn_call *calls, size_t n, PGresult **results)
{
    const char *task = calls[0].statement->task;

    for (;;) {
        bool is_new = c->pg == NULL;
        if (is_new && start == PGCONN_ON) {
            pgconn_note(c, task, "the connection was lost in the middle of a transaction",
                        "what it had changed does not count; try again");
            return PGCONN_UNAVAILABLE;
        }
        if (is_new) {
            enum pgconn_result connected = connect_bounded(c, task);
            if (connected != PGCONN_ROWS)
                return connected;
        }
        enum pgconn_step step = send_all(c, calls, n, results);
        if (step == PIPE_DONE)
            return PGCONN_ROWS;
        if (step == PIPE_REFUSED)
            return PGCONN_REFUSED;
        enum pgconn_result outcome = PGCONN_UNAVAILABLE;
        if (step == PIPE_LATE)
            outcome = out_of_time(c, task);
        else if (c->sqlstate[0] == '\0') /* or the server said why it hung up */
            note_unreachable(c, task);
        pgconn_drop(c);
        for (size_t i = 0; i < n; i++) {
            PQclear(results[i]);
            results[i] = NULL;
        }
        if (step == PIPE_LATE || is_new || start == PGCONN_ON)
            return outcome;
        c->sqlstate[0] = '\0';
    }
}

enum pgconn_result pgconn_run(struct pgconn *c, enum pgconn_start start,
                              const struct pgconn_call *calls, size_t n, int64_t deadline_ms,
                              PGresult **results)
{
    int64_t now_ms = clock_mono_ms();
    int64_t own_ms = now_ms + c->target.timeout * 1000;
    struct pgconn_target *target = &c->target;

    for (size_t i = 0; i < n; i++)
        results[i] = NULL;
    c->sqlstate[0] = '\0';
    c->error[0] = '\0';
    if (c->n_entries == 0)
        c->warning[0] = '\0';
    if (!calls_are_valid(c, calls, n))
        return PGCONN_UNAVAILABLE;
    if (c->greeting)
        return run_bounded(c, PGCONN_ON, calls, n, results);
    c->limit = (struct pgconn_limit){.at_ms = own_ms < deadline_ms ? own_ms : deadline_ms,
                                     .is_callers = deadline_ms <= own_ms};
    if (start == PGCONN_ANEW && (c->n_entries > 0 || pgconn_in_transaction(c)))
        pgconn_drop(c); /* left open by a fault before: the server undoes it */
    /* Who is in the middle has the server's ear already. */
    if (start == PGCONN_ANEW &&
        !outage_may_try(target->outage, target->outage_slot, now_ms, c->limit.at_ms)) {
        char advice[96];
        snprintf(advice, sizeof advice, "it is tried again after %s.retry_after", target->section);
        pgconn_note(c, calls[0].statement->task, "the server failed a moment ago and is left alone",
                    advice);
        return PGCONN_UNAVAILABLE;
    }
    outage_trying(target->outage, target->outage_slot, target->retry_after * 1000);
    enum pgconn_result outcome = run_bounded(c, start, calls, n, results);
    outage_tried();
    note_outcome(c, outcome, now_ms);
    return outcome;
}

enum pgconn_result pgconn_script(struct pgconn *c, const char *sql, const char *task,
                                 int64_t deadline_ms)
{
    c->limit = (struct pgconn_limit){.at_ms = deadline_ms, .is_callers = true};
    c->sqlstate[0] = '\0';
    c->error[0] = '\0';
    if (c->pg == NULL || c->n_entries > 0)
        return PGCONN_UNAVAILABLE;
    switch (pgconn_pipe_script(c, sql, task)) {
    case PIPE_DONE:
        return PGCONN_ROWS;
    case PIPE_REFUSED:
        return PGCONN_REFUSED;
    case PIPE_LATE:
        out_of_time(c, task);
        pgconn_drop(c);
        return PGCONN_DEADLINE;
    case PIPE_LOST:
        break;
    }
    if (c->sqlstate[0] == '\0')
        note_unreachable(c, task);
    pgconn_drop(c);
    return PGCONN_UNAVAILABLE;
}
