#include "config.h"

#include "common/pgconn_pipe.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>

#include "common/clock.h"

/* pg_type.h; the same in every server */
#define OID_BYTEA 17
#define OID_INT8  20
#define OID_TEXT  25

bool pgconn_wait(PGconn *pg, short events, struct pgconn_limit limit)
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

/* --- sending ------------------------------------------------------------------------------------ */

static bool is_prepared(const struct pgconn *c, const struct pgconn_statement *statement)
{
    for (size_t i = 0; i < c->n_prepared; i++) {
        if (c->prepared[i] == statement)
            return true;
    }
    for (size_t i = 0; i < c->n_entries; i++) {
        if (c->entries[i].is_prepare && c->entries[i].statement == statement)
            return true; /* on its way */
    }
    return false;
}

static Oid oid_of(char type)
{
    return type == 'i' ? OID_INT8 : type == 'b' ? OID_BYTEA : OID_TEXT;
}

static bool send_prepare(struct pgconn *c, const struct pgconn_statement *statement)
{
    Oid types[PGCONN_PARAMS_MAX] = {0};
    int n = (int)strlen(statement->types);

    for (int i = 0; i < n; i++)
        types[i] = oid_of(statement->types[i]);
    if (c->n_prepared == PGCONN_STATEMENTS_MAX ||
        PQsendPrepare(c->pg, statement->name, statement->sql, n, types) != 1)
        return false;
    c->entries[c->n_entries++] = (struct pgconn_entry){.statement = statement, .is_prepare = true};
    return true;
}

static void put_number(unsigned char out[8], int64_t number)
{
    uint64_t u = (uint64_t)number;

    for (int i = 7; i >= 0; i--, u >>= 8)
        out[i] = (unsigned char)(u & 0xff);
}

static bool send_execute(struct pgconn *c, const struct pgconn_call *call, PGresult **slot)
{
    unsigned char numbers[PGCONN_PARAMS_MAX][8];
    const char *values[PGCONN_PARAMS_MAX] = {NULL};
    int lengths[PGCONN_PARAMS_MAX] = {0}, formats[PGCONN_PARAMS_MAX] = {0};
    const struct pgconn_statement *statement = call->statement;
    int n = (int)strlen(statement->types);

    for (int i = 0; i < n; i++) {
        const struct pgconn_value *value = &call->params[i];
        formats[i] = 1;
        if (value->is_null)
            continue;
        if (statement->types[i] == 'i') {
            put_number(numbers[i], value->number);
            values[i] = (const char *)numbers[i];
            lengths[i] = sizeof numbers[i];
        } else {
            values[i] = value->bytes.len > 0 ? (const char *)value->bytes.ptr : "";
            lengths[i] = (int)value->bytes.len;
        }
    }
    if (PQsendQueryPrepared(c->pg, statement->name, n, values, lengths, formats, 1) != 1)
        return false;
    c->entries[c->n_entries++] = (struct pgconn_entry){.statement = statement, .slot = slot};
    return true;
}

bool pgconn_pipe_send(struct pgconn *c, const struct pgconn_call *call, PGresult **slot)
{
    if (c->n_entries + 2 > sizeof c->entries / sizeof c->entries[0])
        return false;
    if (!is_prepared(c, call->statement) && !send_prepare(c, call->statement))
        return false;
    return send_execute(c, call, slot);
}

/* --- collecting --------------------------------------------------------------------------------- */

/* The server may not read on before we have read what it says: both ways are served at a time. */
static enum pgconn_step next_result(struct pgconn *c, PGresult **result)
{
    *result = NULL;
    for (;;) {
        int unsent = PQflush(c->pg);
        if (unsent < 0)
            return PIPE_LOST;
        if (PQisBusy(c->pg) == 0) {
            *result = PQgetResult(c->pg);
            return PIPE_DONE;
        }
        if (!pgconn_wait(c->pg, unsent > 0 ? POLLIN | POLLOUT : POLLIN, c->limit))
            return PIPE_LATE;
        if (PQconsumeInput(c->pg) == 0)
            return PIPE_LOST;
    }
}

static const char *advice_for(const struct pgconn *c)
{
    size_t i = 0;
    const struct pgconn_advice *table = c->target.advice;

    while (strncmp(c->sqlstate, table[i].sqlstate, strlen(table[i].sqlstate)) != 0)
        i++;
    return table[i].text;
}

static void note_refusal(struct pgconn *c, const char *task, const PGresult *result)
{
    const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);

    snprintf(c->sqlstate, sizeof c->sqlstate, "%s", sqlstate != NULL ? sqlstate : "");
    pgconn_note(c, task, PQresultErrorMessage(result), advice_for(c));
}

/* Takes the answer to one entry; *refused is set by the first that is an error. */
static enum pgconn_step take_answer(struct pgconn *c, const struct pgconn_entry *entry,
                                    bool *refused)
{
    PGresult *result, *end = NULL;
    enum pgconn_step step = next_result(c, &result);

    if (step != PIPE_DONE || result == NULL)
        return step != PIPE_DONE ? step : PIPE_LOST;
    ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
        /* What comes after an error is not run, and says only that. */
        if (status != PGRES_PIPELINE_ABORTED && !*refused) {
            note_refusal(c, entry->statement->task, result);
            *refused = true;
        }
    } else if (entry->is_prepare) {
        c->prepared[c->n_prepared++] = entry->statement;
    } else if (entry->slot != NULL) {
        *entry->slot = result;
        result = NULL;
    }
    PQclear(result);
    step = next_result(c, &end);
    PQclear(end);
    return step == PIPE_DONE && end != NULL ? PIPE_LOST : step;
}

enum pgconn_step pgconn_pipe_collect(struct pgconn *c)
{
    enum pgconn_step step = PQpipelineSync(c->pg) == 1 ? PIPE_DONE : PIPE_LOST;
    bool refused = false;
    PGresult *sync = NULL;

    for (size_t i = 0; step == PIPE_DONE && i < c->n_entries; i++)
        step = take_answer(c, &c->entries[i], &refused);
    if (step == PIPE_DONE)
        step = next_result(c, &sync);
    if (step == PIPE_DONE &&
        (PQresultStatus(sync) != PGRES_PIPELINE_SYNC || PQstatus(c->pg) == CONNECTION_BAD))
        step = PIPE_LOST;
    PQclear(sync);
    if (step != PIPE_DONE || refused) {
        for (size_t i = 0; i < c->n_entries; i++) {
            if (c->entries[i].slot != NULL) {
                PQclear(*c->entries[i].slot);
                *c->entries[i].slot = NULL;
            }
        }
    }
    c->n_entries = 0;
    return step == PIPE_DONE && refused ? PIPE_REFUSED : step;
}

enum pgconn_step pgconn_pipe_script(struct pgconn *c, const char *sql, const char *task)
{
    PGresult *result = NULL;
    enum pgconn_step step = PIPE_LOST;
    bool refused = false;

    if (PQexitPipelineMode(c->pg) == 1 && PQsendQuery(c->pg, sql) == 1)
        step = next_result(c, &result);
    while (step == PIPE_DONE && result != NULL) {
        if (PQresultStatus(result) == PGRES_FATAL_ERROR && !refused) {
            note_refusal(c, task, result);
            refused = true;
        }
        PQclear(result);
        step = next_result(c, &result);
    }
    if (step == PIPE_DONE &&
        (PQstatus(c->pg) == CONNECTION_BAD || PQenterPipelineMode(c->pg) != 1))
        step = PIPE_LOST;
    return step == PIPE_DONE && refused ? PIPE_REFUSED : step;
}

/* --- reading ------------------------------------------------------------------------------------ */

struct bytes pgconn_bytes(const PGresult *rows, int row, int column)
{
    if (row < 0 || row >= PQntuples(rows) || column < 0 || column >= PQnfields(rows) ||
        PQgetisnull(rows, row, column) != 0)
        return bytes_of(NULL, 0);
    return bytes_of(PQgetvalue(rows, row, column), (size_t)PQgetlength(rows, row, column));
}

bool pgconn_number(const PGresult *rows, int row, int column, int64_t *out)
{
    struct bytes field = pgconn_bytes(rows, row, column);
    uint64_t u = 0;

    *out = 0;
    if (field.len != 8)
        return false;
    for (size_t i = 0; i < 8; i++)
        u = u << 8 | field.ptr[i];
    memcpy(out, &u, sizeof *out);
    return true;
}

bool pgconn_bool(const PGresult *rows, int row, int column, bool *out)
{
    struct bytes field = pgconn_bytes(rows, row, column);

    *out = field.len == 1 && field.ptr[0] == 1;
    return field.len == 1 && field.ptr[0] <= 1;
}
