#include "config.h"

#include "tests/bench/fixture.h"

#include "common/clock.h"
#include "common/settings.h"
#include "mfa/engine.h"
#include "mfa/subject.h"

#include <inttypes.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * The store in PostgreSQL, filled and renewed by the superuser over the socket: COPY for a million users,
 * one UPDATE for all codes that were used.
 */

#define CHUNK 20000 /* users a transaction */

enum { AT_USER, AT_KEY, AT_TOKEN, AT_SUBJECT, AT_ADDRESS, TABLES };

static const char *const copies[TABLES] = {
    [AT_USER] = "COPY pgsignet_mfa.user (id, name, floor_s, locked_s, lock_reason) FROM STDIN",
    [AT_KEY] = "COPY pgsignet_mfa.user_key (user_id, data_key, sealed) FROM STDIN",
    [AT_TOKEN] = "COPY pgsignet_mfa.token (id, user_id, name, state, algorithm, digits, period,"
                 " created_s, confirmed_s, last_used_s, last_address, kind, last_step, version,"
                 " secret, clock_offset, drift, synced_s, expires_s) FROM STDIN",
    [AT_SUBJECT] = "COPY pgsignet_mfa.subject (id, slot, failures, touched_ms) FROM STDIN",
    [AT_ADDRESS] = ("COPY pgsignet_mfa.address (subject, address, failures, last_failure_ms,"
                    " last_success_ms) FROM STDIN"),
};

/* Rows of one chunk, in COPY's text format. */
struct rows {
    FILE *out[TABLES];
    char *text[TABLES];
    size_t len[TABLES];
};

static bool complain(PGconn *conn)
{
    fprintf(stderr, "bench: %s", PQerrorMessage(conn));
    return false;
}

static bool run(PGconn *conn, const char *sql)
{
    PGresult *result = PQexec(conn, sql);
    bool done = PQresultStatus(result) == PGRES_COMMAND_OK;

    PQclear(result);
    return done || complain(conn);
}

/* As the superuser: rows come without their triggers, which check references one by one. */
static PGconn *connect_server(const struct settings *settings)
{
    const char *const names[] = {"dbname", "user", NULL};
    const char *const values[] = {settings->store.admin_conninfo, "postgres", NULL};
    PGconn *conn = PQconnectdbParams(names, values, 1);

    if (PQstatus(conn) == CONNECTION_OK && run(conn, "SET session_replication_role = replica")) {
        return conn;
    }
    complain(conn);
    PQfinish(conn);
    return NULL;
}

static void put_bytes(FILE *out, const uint8_t *at, size_t len)
{
    fputs("\\\\x", out);
    for (size_t i = 0; i < len; i++) {
        fputc("0123456789abcdef"[at[i] >> 4], out);
        fputc("0123456789abcdef"[at[i] & 15], out);
    }
}

static void put_token(FILE *out, const struct store_token *token)
{
    fprintf(out, "%" PRId64 "\t%" PRId64 "\t", token->id, token->user);
    put_bytes(out, (const uint8_t *)token->name, strlen(token->name));
    fprintf(out, "\t%d\t%d\t%u\t%u\t%" PRId64 "\t%" PRId64 "\t0\t\\\\x\t%d\t-1\t%" PRId64 "\t",
            (int)token->state, (int)token->algorithm, token->digits, token->period,
            token->created_s, token->confirmed_s, (int)token->kind, token->version);
    put_bytes(out, token->secret.at, token->secret.len);
    fprintf(out, "\t0\t0\t%" PRId64 "\t0\n", token->synced_s);
}

static bool put_user(struct rows *rows, struct mfa *mfa, const struct pool_user *from,
                     int64_t now_s)
{
    struct store_user user;
    struct store_token token;
    struct store_ask ask;

    if (!fixture_store_rows(mfa, from, now_s, &user, &token, &ask)) {
        return false;
    }
    fprintf(rows->out[AT_USER], "%" PRId64 "\t", user.id);
    put_bytes(rows->out[AT_USER], user.name, user.name_len);
    fputs("\t0\t0\t\\\\x\n", rows->out[AT_USER]);
    fprintf(rows->out[AT_KEY], "%" PRId64 "\t%" PRId64 "\t", user.id, user.data_key);
    put_bytes(rows->out[AT_KEY], user.key.at, user.key.len);
    fputc('\n', rows->out[AT_KEY]);
    put_token(rows->out[AT_TOKEN], &token);
    put_bytes(rows->out[AT_SUBJECT], ask.name.id, ask.name.id_len);
    fprintf(rows->out[AT_SUBJECT], "\t\\N\t0\t%" PRId64 "\n", now_s * 1000);
    put_bytes(rows->out[AT_ADDRESS], ask.name.id, ask.name.id_len);
    fputc('\t', rows->out[AT_ADDRESS]);
    put_bytes(rows->out[AT_ADDRESS], ask.name_from.at, ask.name_from.len);
    fprintf(rows->out[AT_ADDRESS], "\t0\t0\t%" PRId64 "\n", now_s * 1000);
    return true;
}

static bool copy_in(PGconn *conn, const char *sql, const char *text, size_t len)
{
    PGresult *result = PQexec(conn, sql);
    bool done = PQresultStatus(result) == PGRES_COPY_IN;

    PQclear(result);
    /* A chunk of one table is some megabytes: far below what an int holds. */
    if (!done || PQputCopyData(conn, text, (int)len) != 1 || PQputCopyEnd(conn, NULL) != 1) {
        return complain(conn);
    }
    while ((result = PQgetResult(conn)) != NULL) {
        done = done && PQresultStatus(result) == PGRES_COMMAND_OK;
        PQclear(result);
    }
    return done || complain(conn);
}

static bool add_chunk(PGconn *conn, struct mfa *mfa, const struct pool_user *from, size_t n,
                      int64_t now_s)
{
    struct rows rows = {0};
    bool done = true;

    for (size_t i = 0; i < TABLES; i++) {
        rows.out[i] = open_memstream(&rows.text[i], &rows.len[i]);
        if (rows.out[i] == NULL) {
            abort();
        }
    }
    for (size_t i = 0; i < n && done; i++) {
        done = put_user(&rows, mfa, &from[i], now_s);
    }
    for (size_t i = 0; i < TABLES; i++) {
        done = fclose(rows.out[i]) == 0 && done;
    }
    done = done && run(conn, "BEGIN");
    for (size_t i = 0; i < TABLES && done; i++) {
        done = copy_in(conn, copies[i], rows.text[i], rows.len[i]);
    }
    done = done && run(conn, "COMMIT");
    for (size_t i = 0; i < TABLES; i++) {
        free(rows.text[i]);
    }
    return done;
}

bool fixture_pg_make(const struct pool *pool, const char *where)
{
    struct settings *settings = settings_load(where, SETTINGS_FOR_LOGINS, stderr);
    struct mfa *mfa = NULL;
    PGconn *conn = NULL;
    char why[STORE_ERROR] = "the settings cannot be used";
    bool done = settings != NULL && mfa_open(settings, &mfa, why, sizeof why) == REASON_GRANTED;

    if (!done) {
        fprintf(stderr, "seed: %s\n", why);
    }
    done = done && (conn = connect_server(settings)) != NULL;
    for (size_t i = 0; i < pool->n && done; i += CHUNK) {
        done = add_chunk(conn, mfa, &pool->at[i], pool->n - i < CHUNK ? pool->n - i : CHUNK,
                         clock_wall_ms() / 1000);
    }
    /* As the server's own housekeeping would in time; not while a sample is taken. */
    done = done && run(conn, "VACUUM ANALYZE") && run(conn, "CHECKPOINT");
    PQfinish(conn);
    mfa_close(mfa);
    settings_free(settings);
    return done;
}

static bool forget_steps(PGconn *conn, const char *names)
{
    const char *const values[] = {names};
    PGresult *result = PQexecParams(conn,
                                    "UPDATE pgsignet_mfa.token t SET last_step = -1"
                                    " FROM pgsignet_mfa.user u WHERE t.user_id = u.id"
                                    " AND u.name = ANY ($1::bytea[])",
                                    1, NULL, values, NULL, NULL, 0);
    bool done = PQresultStatus(result) == PGRES_COMMAND_OK;

    PQclear(result);
    return done || complain(conn);
}

bool fixture_pg_renew(const struct pool *pool, const char *where)
{
    /* Opened once by the process that renews, and closed by its end. */
    static PGconn *conn;
    char *names = NULL;
    size_t len = 0, n = 0;
    bool done = true;

    if (conn == NULL) {
        struct settings *settings = settings_load(where, SETTINGS_FOR_LOGINS, stderr);

        conn = settings != NULL ? connect_server(settings) : NULL;
        settings_free(settings);
    }
    FILE *out = open_memstream(&names, &len);

    if (out == NULL) {
        abort();
    }
    /* An array of byteas; the names are letters and digits. */
    for (size_t i = 0; i < pool->n; i++) {
        if (pool->at[i].next_step != 0) {
            fprintf(out, "%c%s", n++ == 0 ? '{' : ',', pool->at[i].name);
        }
    }
    fputs("}", out);
    done = fclose(out) == 0 && conn != NULL && (n == 0 || forget_steps(conn, names));
    free(names);
    return done;
}
