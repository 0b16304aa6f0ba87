#include "config.h"

#include "mfa/store_pg.h"

#include "common/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define OPEN_PATIENCE_MS 10000
#define ADMIN_TIMEOUT    60    /* seconds: counting a million users takes a while, and no login waits */

static const struct pgconn_statement begin_write = {
    .name = "begin_write",
    .sql = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE",
    .task = "begin a change of the token store in",
    .types = "",
};
static const struct pgconn_statement begin_read = {
    .name = "begin_read",
    .sql = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
    .task = "read the token store in",
    .types = "",
};
/* A statement that we gave up must not go on waiting for a lock, or holding one. */
static const struct pgconn_statement set_limit = {
    .name = "set_limit",
    .sql = "SELECT set_config('statement_timeout', $1, true)",
    .task = "set a time limit in",
    .types = "t",
};
/* Nobody but operators locks this row; whoever only reads it does not wait. */
static const struct pgconn_statement take_turn = {
    .name = "take_turn",
    .sql = "SELECT FROM pgsignet_mfa.store FOR UPDATE",
    .task = "wait for another change of users in",
    .types = "",
};
const struct pgconn_statement pg_commit_statement = {
    .name = "commit",
    .sql = "COMMIT",
    .task = "commit a change of the token store in",
    .types = "",
};
static const struct pgconn_statement rollback = {
    .name = "rollback",
    .sql = "ROLLBACK",
    .task = "roll back in",
    .types = "",
};

static const struct pgconn_advice advices[] = {
    {"25006", "the server takes no changes: name all hosts of the cluster in store.conninfo, with "
              "target_session_attrs=read-write"                                                   },
    {"0A000", "the server may be a standby: name all hosts of the cluster in store.conninfo, with "
              "target_session_attrs=read-write"                                                   },
    {"55000", "the server may be a standby: name all hosts of the cluster in store.conninfo, with "
              "target_session_attrs=read-write"                                                   },
    {"42P01", "make the store with `pgsignet-mfa init`, and see that conninfo names its database"  },
    {"3F000", "make the store with `pgsignet-mfa init`, and see that conninfo names its database"  },
    {"42501", "let store.conninfo name the role pgsignet_store, and store.admin_conninfo "
              "pgsignet_admin; `pgsignet-mfa init --print-sql` shows what they may do"             },
    {"26000", "connect to PostgreSQL itself, or through a pooler in session mode"                 },
    {"53100", "the server's disk is full"                                                         },
    {"57014", "look what held it up (pg_locks, load, a synchronous standby that is down)"         },
    {"",      "look into the server's log"                                                        },
};

struct store_pg *pg_of(struct store *store)
{
    return (struct store_pg *)(void *)store;
}

enum store_status pg_failed(struct store *store)
{
    struct store_pg *s = pg_of(store);

    if (!s->failed)
        snprintf(store->error, sizeof store->error, "%s", pgconn_error(s->conn));
    s->failed = true;
    return STORE_FAILED;
}

enum store_status pg_damaged(struct store *store, const char *what)
{
    struct store_pg *s = pg_of(store);

    if (!s->failed)
        snprintf(store->error, sizeof store->error,
                 "cannot use the token store in PostgreSQL: %s is damaged; restore the store from "
                 "your backup",
                 what);
    /* Whoever only looks may look on: fsck tells of every row. */
    s->failed = s->failed || s->writes;
    return STORE_FAILED;
}

int64_t pg_changed(const PGresult *result)
{
    /* PQcmdTuples takes no const, and changes nothing. */
    union {
        const PGresult *in;
        PGresult *out;
    } same = {.in = result};

    return result != NULL ? strtoll(PQcmdTuples(same.out), NULL, 10) : 0;
}

bool pg_take(const PGresult *rows, int row, int column, uint8_t *out, size_t cap, size_t *len)
{
    struct bytes field = pgconn_bytes(rows, row, column);

    *len = field.len <= cap ? field.len : 0;
    if (*len > 0)
        memcpy(out, field.ptr, *len);
    return field.len <= cap;
}

bool pg_text(const PGresult *rows, int row, int column, char *out, size_t cap)
{
    size_t len;
    bool ok = pg_take(rows, row, column, (uint8_t *)out, cap - 1, &len);

    out[len] = '\0';
    return ok && strlen(out) == len;
}

bool pg_sealed(const PGresult *rows, int row, int column, struct store_sealed *out)
{
    return pg_take(rows, row, column, out->at, sizeof out->at, &out->len);
}

/* --- batches ------------------------------------------------------------------------------------ */

enum store_status pg_batch(struct store *store, const struct pgconn_call *calls, size_t n,
                           PGresult **results)
{
    struct store_pg *s = pg_of(store);

    for (size_t i = 0; i < n; i++)
        results[i] = NULL;
    if (s->failed)
        return STORE_FAILED; /* the server would say only that */
    if (pgconn_run(s->conn, PGCONN_ON, calls, n, s->deadline_ms, results) == PGCONN_ROWS)
        return STORE_OK;
    return pg_failed(store);
}

enum store_status pg_rows(struct store *store, const struct pgconn_call *call, PGresult **rows)
{
    return pg_batch(store, call, 1, rows);
}

enum store_status pg_turn_rows(struct store *store, const struct pgconn_call *call,
                               PGresult **rows)
{
    struct store_pg *s = pg_of(store);
    PGresult *results[2];

    if (!s->writes || s->has_turn)
        return pg_rows(store, call, rows);
    /* Two statements: the second sees what whoever had the turn before has committed. */
    const struct pgconn_call calls[] = {{.statement = &take_turn}, *call};
    enum store_status status = pg_batch(store, calls, 2, results);
    s->has_turn = status == STORE_OK;
    PQclear(results[0]);
    *rows = results[1];
    return status;
}

enum store_status pg_change(struct store *store, const struct pgconn_call *call)
{
    PGresult *result;
    enum store_status status = pg_batch(store, call, 1, &result);

    if (status == STORE_OK && pg_changed(result) == 0)
        status = STORE_NONE;
    PQclear(result);
    return status;
}

enum store_status pg_rename(struct store *store, const struct pgconn_call *call,
                            const struct pgconn_call *look)
{
    PGresult *rows;
    enum store_status status = pg_change(store, call);

    if (status != STORE_NONE)
        return status;
    status = pg_rows(store, look, &rows);
    if (status == STORE_OK)
        status = PQntuples(rows) > 0 ? STORE_EXISTS : STORE_NONE;
    PQclear(rows);
    return status;
}

enum store_status pg_later(struct store *store, const struct pgconn_call *call)
{
    struct store_pg *s = pg_of(store);
    PGresult *result;

    if (s->failed)
        return STORE_FAILED;
    if (pgconn_queued(s->conn) < PGCONN_BATCH_MAX - 2 && pgconn_queue(s->conn, call))
        return STORE_OK;
    enum store_status status = pg_batch(store, call, 1, &result);
    PQclear(result);
    return status;
}

/* --- transactions ------------------------------------------------------------------------------- */

void pg_begin_calls(const struct store_pg *s, enum store_mode mode, char limit[24],
                    struct pgconn_call calls[PG_BEGIN_CALLS])
{
    int64_t left_ms = s->deadline_ms - clock_mono_ms();

    snprintf(limit, 24, "%" PRId64, left_ms < 1 ? 1 : left_ms > 600000 ? 600000 : left_ms);
    calls[0] = (struct pgconn_call){.statement = mode == STORE_READ ? &begin_read : &begin_write};
    calls[1] = (struct pgconn_call){.statement = &set_limit,
                                    .params = {PG_BYTES(bytes_str(limit))}};
}

enum store_status pg_begin(struct store *store, enum store_mode mode, int64_t deadline_ms)
{
    struct store_pg *s = pg_of(store);
    struct pgconn_call calls[PG_BEGIN_CALLS];
    PGresult *results[PG_BEGIN_CALLS];
    char limit[24];

    pg_rollback(store);
    s->deadline_ms = deadline_ms;
    s->failed = false;
    pg_begin_calls(s, mode, limit, calls);
    if (pgconn_run(s->conn, PGCONN_ANEW, calls, PG_BEGIN_CALLS, deadline_ms, results) !=
        PGCONN_ROWS) {
        pg_failed(store);
        /* A standby says no to every change; the next connection may find the primary. */
        pgconn_drop(s->conn);
        return STORE_FAILED;
    }
    for (size_t i = 0; i < PG_BEGIN_CALLS; i++)
        PQclear(results[i]);
    s->open = true;
    s->writes = mode != STORE_READ;
    s->has_turn = false;
    return STORE_OK;
}

enum store_status pg_committed(struct store *store, const PGresult *result)
{
    struct store_pg *s = pg_of(store);
    union {
        const PGresult *in;
        PGresult *out;
    } same = {.in = result};

    s->open = false;
    /* COMMIT of a transaction in which something failed is a ROLLBACK, and no error. */
    if (strcmp(PQcmdStatus(same.out), "COMMIT") != 0) {
        pgconn_set_error(s->conn, &pg_commit_statement, "it was rolled back instead",
                         "look into the server's log");
        return pg_failed(store);
    }
    /*
     * A wait for the synchronous standby that was cut short: committed here, but a failover may forget
     * it.  Whoever relied on it must not.
     */
    if (pgconn_warning(s->conn)[0] != '\0') {
        pgconn_set_error(s->conn, &pg_commit_statement, pgconn_warning(s->conn),
                         "see that the synchronous standby runs");
        return pg_failed(store);
    }
    return STORE_OK;
}

enum store_status pg_commit(struct store *store)
{
    struct store_pg *s = pg_of(store);
    const struct pgconn_call call = {.statement = &pg_commit_statement};
    PGresult *result = NULL;
    enum store_status status = STORE_FAILED;

    if (s->open && !s->failed)
        status = pg_batch(store, &call, 1, &result);
    if (status == STORE_OK)
        status = pg_committed(store, result);
    PQclear(result);
    if (status != STORE_OK)
        pg_rollback(store);
    return status;
}

void pg_rollback(struct store *store)
{
    struct store_pg *s = pg_of(store);
    const struct pgconn_call call = {.statement = &rollback};
    PGresult *result = NULL;

    if (!s->open)
        return;
    s->open = false;
    if (pgconn_in_transaction(s->conn) || pgconn_queued(s->conn) > 0) {
        int64_t soon_ms = clock_mono_ms() + 1000;
        int64_t until_ms = s->deadline_ms > soon_ms ? s->deadline_ms : soon_ms;
        char kept[sizeof store->error];
        memcpy(kept, store->error, sizeof kept);
        if (pgconn_run(s->conn, PGCONN_ON, &call, 1, until_ms, &result) != PGCONN_ROWS)
            pgconn_drop(s->conn); /* the server undoes it as well */
        memcpy(store->error, kept, sizeof kept);
        PQclear(result);
    }
}

/* --- opening ------------------------------------------------------------------------------------ */

static void close_store(struct store *store, bool abandon)
{
    if (store == NULL)
        return;
    struct store_pg *s = pg_of(store);
    if (abandon)
        pgconn_abandon(s->conn);
    else
        pgconn_free(s->conn);
    free(s);
}

struct pgconn *pg_connect(const struct settings_store *settings, bool as_admin, pgconn_greet *greet,
                          void *context)
{
    const struct pgconn_target target = {
        .conninfo = as_admin ? settings->admin_conninfo : settings->conninfo,
        .conninfo_key = as_admin ? "store.admin_conninfo" : "store.conninfo",
        .section = "store",
        .example = "host=db1,db2 target_session_attrs=read-write dbname=pgsignet "
                   "user=pgsignet_store",
        .program = as_admin ? "pgsignet-mfa" : "pgsignetd",
        .timeout = as_admin ? ADMIN_TIMEOUT : settings->timeout,
        .retry_after = settings->retry_after,
        .outage = as_admin ? NULL : store_outage(),
        .outage_slot = OUTAGE_STORE_SERVER,
        .advice = advices,
        .greet = greet,
        .context = context,
    };

    return pgconn_new(&target);
}

static enum store_status open_store(const struct settings_store *settings, struct store **out,
                                    char *why, size_t size)
{
    *out = NULL;
    struct store_pg *s = calloc(1, sizeof *s);
    if (s == NULL ||
        (s->conn = pg_connect(settings, settings->as_admin, pg_greet, s)) == NULL) {
        snprintf(why, size, "cannot open the token store: memory is short");
        free(s);
        return STORE_FAILED;
    }
    s->base.engine = &store_pg_engine;
    s->keeps_floor = settings->standby == STANDBY_SYNCHRONOUS;
    if (pg_begin(&s->base, STORE_READ, clock_mono_ms() + OPEN_PATIENCE_MS) != STORE_OK) {
        snprintf(why, size, "%s", s->base.error);
        close_store(&s->base, false);
        return STORE_FAILED;
    }
    pg_rollback(&s->base);
    *out = &s->base;
    return STORE_OK;
}

const struct store_engine store_pg_engine = {
    .name = "postgresql",
    .create = pg_create,
    .exists = pg_exists,
    .open = open_store,
    .close = close_store,
    .begin = pg_begin,
    .commit = pg_commit,
    .rollback = pg_rollback,
    .claim = pg_claim,
    .identity = pg_identity,
    .upgrade = pg_upgrade,
    .look = pg_look,
    .burn_commit = pg_burn_commit,
    .failure_add = pg_failure_add,
    .success_note = pg_success_note,
    .drain = pg_drain,
    .state = pg_state,
    .state_set = pg_state_set,
    .wrap_add = pg_wrap_add,
    .wrap_remove = pg_wrap_remove,
    .data_key_remove = pg_data_key_remove,
    .data_key_uses = pg_data_key_uses,
    .hash_keys_set = pg_hash_keys_set,
    .user_find = pg_user_find,
    .user_add = pg_user_add,
    .user_set_key = pg_user_set_key,
    .user_raise_floor = pg_user_raise_floor,
    .user_page = pg_user_page,
    .user_scan = pg_user_scan,
    .count = pg_count,
    .user_set_lock = pg_user_set_lock,
    .user_rename = pg_user_rename,
    .user_remove = pg_user_remove,
    .token_list = pg_token_list,
    .token_scan = pg_token_scan,
    .token_page = pg_token_page,
    .token_add = pg_token_add,
    .token_remove = pg_token_remove,
    .token_restore = pg_token_restore,
    .token_activate = pg_token_activate,
    .token_set_state = pg_token_set_state,
    .token_rename = pg_token_rename,
    .token_resync = pg_token_resync,
    .token_reseal = pg_token_reseal,
    .recovery_find = pg_recovery_find,
    .recovery_page = pg_recovery_page,
    .recovery_put = pg_recovery_put,
    .recovery_remove = pg_recovery_remove,
    .recovery_restore = pg_recovery_restore,
    .break_glass_find = pg_break_glass_find,
    .break_glass_put = pg_break_glass_put,
    .break_glass_remove = pg_break_glass_remove,
    .break_glass_scan = pg_break_glass_scan,
    .subject_find = pg_subject_find,
    .subject_page = pg_subject_page,
    .subject_put = pg_subject_put,
    .subject_remove = pg_subject_remove,
    .address_find = pg_address_find,
    .address_list = pg_address_list,
    .address_page = pg_address_page,
    .address_put = pg_address_put,
    .address_remove = pg_address_remove,
    .address_forgive = pg_address_forgive,
};
