/*
 * One attempt: everything that it asks about in one round trip, the burn and its COMMIT in another.
 */
#include "config.h"

#include "mfa/store_pg.h"

#include <stdio.h>

/*
 * Statements outlive the tables that a restore puts others in place of: are these still the same?  And is
 * this the session that was greeted?
 */
static const struct pgconn_statement look_state = {
    .name = "look_state",
    .sql = "SELECT s.floor_s, s.moved, s.home, position(convert_to('/' || " PG_MADE " || '/',"
           " 'SQL_ASCII') in s.home) > 0 AND current_setting('" PG_MARK "', true) = 'on'"
           " FROM pgsignet_mfa.state s",
    .task = "read the state of the token store in",
    .types = "",
};
static const struct pgconn_statement look_user = {
    .name = "look_user",
    .sql = "SELECT " PG_USER_COLUMNS " FROM " PG_USER_FROM " WHERE u.name = $1",
    .task = "look up a user in",
    .types = "b",
};
static const struct pgconn_statement look_tokens = {
    .name = "look_tokens",
    .sql = "SELECT " PG_TOKEN_COLUMNS " FROM pgsignet_mfa.user u JOIN pgsignet_mfa.token t"
           " ON t.user_id = u.id WHERE u.name = $1 ORDER BY t.name LIMIT 9",
    .task = "read tokens from",
    .types = "b",
};
static const struct pgconn_statement look_recovery = {
    .name = "look_recovery",
    .sql = "SELECT " PG_RECOVERY_COLUMNS
           " FROM pgsignet_mfa.user u JOIN pgsignet_mfa.recovery r ON r.user_id = u.id"
           " LEFT JOIN pgsignet_mfa.recovery_code c ON c.user_id = u.id"
           " WHERE u.name = $1 ORDER BY c.id LIMIT 21",
    .task = "read recovery codes from",
    .types = "b",
};
static const struct pgconn_statement look_break_glass = {
    .name = "look_break_glass",
    .sql = "SELECT " PG_BREAK_GLASS_COLUMNS " FROM pgsignet_mfa.break_glass WHERE name = $1",
    .task = "read break-glass accounts from",
    .types = "b",
};
static const struct pgconn_statement look_subjects = {
    .name = "look_subjects",
    .sql = "SELECT id, slot, failures, touched_ms FROM pgsignet_mfa.subject WHERE id IN ($1, $2)",
    .task = "look up failures in",
    .types = "bb",
};
static const struct pgconn_statement look_addresses = {
    .name = "look_addresses",
    .sql = "SELECT subject, address, failures, last_failure_ms, last_success_ms"
           " FROM pgsignet_mfa.address"
           " WHERE subject = $1 AND address = $2 OR subject = $3 AND address = $4",
    .task = "look up failures of an address in",
    .types = "bbbb",
};

/* The compare-and-sets.  $1 id, $2 step, $3 now, $4 address, $5 drift. */
static const struct pgconn_statement burn_active = {
    .name = "burn_active",
    .sql = "UPDATE pgsignet_mfa.token SET last_step = $2, last_used_s = $3, last_address = $4,"
           " drift = $5 WHERE id = $1 AND last_step < $2 AND state = 1",
    .task = "burn a code in",
    .types = "iiibi",
};
static const struct pgconn_statement burn_pending = {
    .name = "burn_pending",
    .sql = "UPDATE pgsignet_mfa.token SET last_step = $2, last_used_s = $3, last_address = $4,"
           " drift = $5, state = 1, confirmed_s = $3, synced_s = $3, expires_s = 0"
           " WHERE id = $1 AND last_step < $2 AND state = 0",
    .task = "burn a code in",
    .types = "iiibi",
};
static const struct pgconn_statement burn_recovery = {
    .name = "burn_recovery",
    .sql = "UPDATE pgsignet_mfa.recovery_code SET used_s = $2 WHERE id = $1 AND used_s = 0",
    .task = "burn a recovery code in",
    .types = "ii",
};

#define BURNS_MAX (MFA_TOKENS_PER_USER + 1) /* and a recovery code */

/* The batch of a look, by place. */
enum {
    AT_STATE,
    AT_USER,
    AT_TOKENS,
    AT_BREAK_GLASS,
    AT_SUBJECTS,
    AT_ADDRESSES,
    AT_RECOVERY, /* only if asked for */
    LOOK_CALLS,
};

static struct bytes subject_id(const struct store_subject *subject)
{
    return bytes_of(subject->id, subject->id_len);
}

static struct bytes address_at(const struct store_address *address)
{
    return bytes_of(address->at, address->len);
}

static size_t look_calls(const struct store_ask *ask, struct pgconn_call calls[LOOK_CALLS])
{
    calls[AT_STATE] = (struct pgconn_call){.statement = &look_state};
    calls[AT_USER] = (struct pgconn_call){.statement = &look_user, .params = {PG_BYTES(ask->user)}};
    calls[AT_TOKENS] =
        (struct pgconn_call){.statement = &look_tokens, .params = {PG_BYTES(ask->user)}};
    calls[AT_BREAK_GLASS] =
        (struct pgconn_call){.statement = &look_break_glass, .params = {PG_BYTES(ask->user)}};
    calls[AT_SUBJECTS] = (struct pgconn_call){
        .statement = &look_subjects,
        .params = {PG_BYTES(subject_id(&ask->name)), PG_BYTES(subject_id(&ask->bucket))}};
    calls[AT_ADDRESSES] = (struct pgconn_call){
        .statement = &look_addresses,
        .params = {PG_BYTES(subject_id(&ask->name)), PG_BYTES(address_at(&ask->name_from)),
                   PG_BYTES(subject_id(&ask->bucket)), PG_BYTES(address_at(&ask->bucket_from))},
    };
    calls[AT_RECOVERY] =
        (struct pgconn_call){.statement = &look_recovery, .params = {PG_BYTES(ask->user)}};
    return ask->recovery ? LOOK_CALLS : AT_RECOVERY;
}

/* Of the rows of both candidates, those of the one that counts. */
static bool take_failures(PGresult *const *results, const struct store_ask *ask,
                          struct store_view *view)
{
    const PGresult *rows = results[AT_SUBJECTS];

    view->in_bucket = store_in_bucket(ask, view);
    view->who = view->in_bucket ? ask->bucket : ask->name;
    view->from = view->in_bucket ? ask->bucket_from : ask->name_from;
    struct bytes who = view->in_bucket ? subject_id(&ask->bucket) : subject_id(&ask->name);
    struct bytes from =
        view->in_bucket ? address_at(&ask->bucket_from) : address_at(&ask->name_from);
    for (int i = 0; i < PQntuples(rows); i++) {
        if (!bytes_equal(pgconn_bytes(rows, i, 0), who))
            continue;
        view->who_stored = true;
        if (!pg_subject_of(rows, i, &view->who))
            return false;
    }
    rows = results[AT_ADDRESSES];
    for (int i = 0; i < PQntuples(rows); i++) {
        if (!bytes_equal(pgconn_bytes(rows, i, 0), who) ||
            !bytes_equal(pgconn_bytes(rows, i, 1), from))
            continue;
        view->from_stored = true;
        if (!pg_address_of(rows, i, 1, &view->from))
            return false;
    }
    return true;
}

/* What of the rows is damaged; NULL when all is well. */
static const char *take_view(PGresult *const *results, const struct store_ask *ask,
                             struct store_view *view)
{
    int row = 0;

    if (!pg_state_of(results[AT_STATE], &view->state))
        return "its state";
    if (PQntuples(results[AT_USER]) > 0 && !pg_user_of(results[AT_USER], 0, &view->user))
        return "a user";
    if (!pg_tokens_of(results[AT_TOKENS], view->tokens, &view->n_tokens))
        return "a token";
    view->has_break_glass = PQntuples(results[AT_BREAK_GLASS]) > 0;
    if (view->has_break_glass && !pg_break_glass_of(results[AT_BREAK_GLASS], 0, &view->break_glass))
        return "a break-glass account";
    view->has_recovery = ask->recovery && PQntuples(results[AT_RECOVERY]) > 0;
    if (view->has_recovery && !pg_recovery_of(results[AT_RECOVERY], &row, &view->recovery))
        return "a set of recovery codes";
    return take_failures(results, ask, view) ? NULL : "a row of failures";
}

/* *elsewhere: these are not the tables that the session was greeted in, or it is another one. */
static enum store_status look_once(struct store *store, enum store_mode mode, int64_t deadline_ms,
                                   const struct store_ask *ask, struct store_view *view,
                                   bool *elsewhere)
{
    struct store_pg *s = pg_of(store);
    struct pgconn_call calls[PG_BEGIN_CALLS + 1 + LOOK_CALLS];
    PGresult *results[PG_BEGIN_CALLS + 1 + LOOK_CALLS] = {NULL};
    enum store_status status = STORE_OK;
    size_t n = PG_BEGIN_CALLS;
    char limit[24];

    *view = (struct store_view){0};
    *elsewhere = false;
    pg_rollback(store);
    s->deadline_ms = deadline_ms;
    s->failed = false;
    s->writes = mode != STORE_READ;
    s->has_turn = false;
    pg_begin_calls(s, mode, limit, calls);
    /* A statement of its own: those that follow see what whoever held the row before committed. */
    if (mode != STORE_READ)
        calls[n++] = pg_guard_call(&ask->name);
    PGresult **rows = &results[n];
    n += look_calls(ask, &calls[n]);
    if (pgconn_run(s->conn, PGCONN_ANEW, calls, n, deadline_ms, results) != PGCONN_ROWS) {
        status = pg_failed(store);
        pgconn_drop(s->conn);
    } else {
        bool same = true;
        s->open = true;
        const char *damaged = take_view(rows, ask, view);
        if (damaged != NULL)
            status = pg_damaged(store, damaged);
        else
            *elsewhere = !pgconn_bool(rows[AT_STATE], 0, 3, &same) || !same;
    }
    for (size_t i = 0; i < n; i++)
        PQclear(results[i]);
    return status;
}

enum store_status pg_look(struct store *store, enum store_mode mode, int64_t deadline_ms,
                          const struct store_ask *ask, struct store_view *view)
{
    struct store_pg *s = pg_of(store);
    bool elsewhere;

    enum store_status status = look_once(store, mode, deadline_ms, ask, view, &elsewhere);
    if (status == STORE_OK && elsewhere) {
        /* A new session looks where it is, and raises the floor. */
        pg_rollback(store);
        pgconn_drop(s->conn);
        status = look_once(store, mode, deadline_ms, ask, view, &elsewhere);
        if (status == STORE_OK && elsewhere) {
            pg_rollback(store);
            snprintf(
                store->error, sizeof store->error,
                "cannot use the token store in PostgreSQL: what was set up in one session was "
                "asked of another; connect to PostgreSQL itself, or through a pooler in session "
                "mode");
            status = STORE_FAILED;
        }
    }
    return status;
}

static struct pgconn_call burn_call(const struct store_burn *burn, int64_t now_s,
                                    const char *address)
{
    if (burn->is_recovery)
        return (struct pgconn_call){.statement = &burn_recovery,
                                    .params = {PG_NUMBER(burn->token), PG_NUMBER(now_s)}};
    return (struct pgconn_call){
        .statement = burn->activate ? &burn_pending : &burn_active,
        .params = {PG_NUMBER(burn->token), PG_NUMBER(burn->step), PG_NUMBER(now_s),
                   PG_BYTES(bytes_str(address)), PG_NUMBER(burn->drift)},
    };
}

enum store_status pg_burn_commit(struct store *store, const struct store_burn *burns, size_t n,
                                 int64_t now_s, const char *address, bool durable)
{
    struct pgconn_call calls[BURNS_MAX + 1];
    PGresult *results[BURNS_MAX + 1] = {NULL};
    bool all = true;

    (void)durable; /* every commit is: see set_session */
    if (n > BURNS_MAX)
        return pg_damaged(store, "a list of burns");
    for (size_t i = 0; i < n; i++)
        calls[i] = burn_call(&burns[i], now_s, address);
    calls[n] = (struct pgconn_call){.statement = &pg_commit_statement};
    enum store_status status = pg_batch(store, calls, n + 1, results);
    for (size_t i = 0; status == STORE_OK && i < n; i++)
        all = pg_changed(results[i]) == 1 && all;
    if (status == STORE_OK)
        status = pg_committed(store, results[n]);
    for (size_t i = 0; i <= n; i++)
        PQclear(results[i]);
    /* Where the answer was lost nobody knows whether it is burnt: refused, so it is not used twice. */
    if (status != STORE_OK)
        pg_rollback(store);
    return status == STORE_OK && !all ? STORE_NONE : status;
}
