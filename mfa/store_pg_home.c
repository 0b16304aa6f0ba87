/*
 * Where the store lives, looked at on each new connection.
 *
 * A standby that was promoted may not have the last commits of its primary: it has forgotten which codes
 * were used since.  It has another timeline, and a store restored from a dump has other tables, if not
 * another database or server.  So whoever finds that the home changed raises the floor to now first: codes from before it
 * are refused from then on.
 */
#include "config.h"

#include "mfa/store_pg.h"

#include "common/clock.h"

#include <inttypes.h>
#include <stdio.h>

/* Time zones and leap days of a clock that is set wrong; more is no clock. */
#define CLOCKS_APART_S INT64_C(86400)

/* Before the schema is looked at: what this session must have whatever the role's defaults are. */
static const struct pgconn_statement set_path = {
    .name = "set_path",
    .sql = "SELECT pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', false)",
    .task = "set up a session in",
    .types = "",
};
/*
 * A worker that vanished with its host must not keep its locks.  A commit that is lost when the server
 * alone crashes would revive a code: synchronous_commit is at least local; where a standby is promised to
 * have every commit ($1), it is on.  The mark tells that all this was said to this very session.
 */
static const struct pgconn_statement set_session = {
    .name = "set_session",
    .sql = "SELECT set_config('client_min_messages', 'warning', false),"
           " set_config('idle_in_transaction_session_timeout', '15s', false),"
           " set_config('jit', 'off', false),"
           " set_config('plan_cache_mode', 'force_generic_plan', false),"
           " set_config('synchronous_commit', CASE"
           "  WHEN $1 = 1 AND current_setting('synchronous_commit') <> 'remote_apply' THEN 'on'"
           "  WHEN current_setting('synchronous_commit') = 'off' THEN 'local'"
           "  ELSE current_setting('synchronous_commit') END, false),"
           " set_config('" PG_MARK "', 'on', false)",
    .task = "set up a session in",
    .types = "i",
};
static const struct pgconn_statement read_version = {
    .name = "read_version",
    .sql = "SELECT version FROM pgsignet_mfa.schema_version",
    .task = "find the token store in",
    .types = "",
};
/*
 * The timeline comes from the log's position: pg_control_checkpoint() still shows the old one for a
 * while after a promotion.
 */
static const struct pgconn_statement read_home = {
    .name = "read_home",
    .sql = "SELECT s.home, convert_to(c.system_identifier::text || '/' || d.oid::text || '/' ||"
           " " PG_MADE ", 'SQL_ASCII'),"
           " convert_to(substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8), 'SQL_ASCII'),"
           " extract(epoch FROM clock_timestamp())::bigint"
           " FROM pgsignet_mfa.state s, pg_control_system() c, pg_database d"
           " WHERE d.datname = current_database()",
    .task = "learn which server keeps the token store in",
    .types = "",
};
static const struct pgconn_statement move_begin = {
    .name = "move_begin",
    .sql = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE",
    .task = "note the failover in",
    .types = "",
};
/* Of the two clocks the later one: the floor must not be below any code that was accepted. */
static const struct pgconn_statement move = {
    .name = "move",
    .sql = "UPDATE pgsignet_mfa.state SET home = $2, floor_s = CASE WHEN $3 = 0 THEN floor_s ELSE"
           " greatest(floor_s + 1, $4, ceil(extract(epoch FROM clock_timestamp()))::bigint) END"
           " WHERE home = $1",
    .task = "note the failover in",
    .types = "bbii",
};

static enum pgconn_result refuse(struct pgconn *c, const char *came_back, const char *advice)
{
    pgconn_set_error(c, &read_version, came_back, advice);
    return PGCONN_REFUSED;
}

static enum pgconn_result judge_version(struct pgconn *c, const PGresult *rows)
{
    int64_t version;
    char came_back[96];

    if (!pgconn_number(rows, 0, 0, &version) || version < 1)
        return refuse(c, "its schema has no version", "restore the store from your backup");
    snprintf(came_back, sizeof came_back,
             "its schema is version %" PRId64 " and this program knows %d", version, PG_SCHEMA);
    if (version > PG_SCHEMA)
        return refuse(c, came_back, "upgrade pgsignet on this host");
    if (version < PG_SCHEMA)
        return refuse(c, came_back, "run `pgsignet-mfa init` to upgrade the schema");
    return PGCONN_ROWS;
}

/* Does the floor rise?  Not for a store that was just made, nor where every standby has every commit. */
static bool floor_rises(const struct store_pg *s, struct bytes old, struct bytes place)
{
    if (old.len == 0)
        return false;
    return !s->keeps_floor || old.len <= place.len ||
           !bytes_equal(bytes_of(old.ptr, place.len), place) || old.ptr[place.len] != '/';
}

/*
 * A floor never sinks: one that came from a clock that is days ahead would refuse every code of everybody
 * until that day.  Which of the two is wrong nobody can tell from here; a host that is, lets nobody in anyway.
 */
static enum pgconn_result compare_clocks(struct pgconn *c, int64_t servers_s)
{
    int64_t ahead_s = clock_wall_ms() / 1000 - servers_s;
    char came_back[200];

    if (ahead_s >= -CLOCKS_APART_S && ahead_s <= CLOCKS_APART_S)
        return PGCONN_ROWS;
    snprintf(came_back, sizeof came_back,
             "after the failover or restore codes from before it are to be refused, and this host's "
             "clock is %" PRId64 " hours %s the server's",
             (ahead_s < 0 ? -ahead_s : ahead_s) / 3600, ahead_s < 0 ? "behind" : "ahead of");
    pgconn_set_error(c, &move, came_back, "set right whichever is wrong (NTP), then try again");
    return PGCONN_REFUSED;
}

static enum pgconn_result note_move(const struct store_pg *s, struct pgconn *c, struct bytes old,
                                    struct bytes place, struct bytes home)
{
    const struct pgconn_call calls[] = {
        {.statement = &move_begin},
        {.statement = &move,
         .params = {PG_BYTES(old), PG_BYTES(home), PG_NUMBER(floor_rises(s, old, place) ? 1 : 0),
                    PG_NUMBER(clock_wall_ms() / 1000 + 1)}},
        {.statement = &pg_commit_statement},
    };
    PGresult *results[3];

    enum pgconn_result result = pgconn_run(c, PGCONN_ON, calls, 3, INT64_MAX, results);
    if (result == PGCONN_ROWS && (strcmp(PQcmdStatus(results[2]), "COMMIT") != 0 ||
                                  pgconn_warning(c)[0] != '\0')) {
        pgconn_set_error(c, &move, "it was not committed for good", "look into the server's log");
        result = PGCONN_REFUSED;
    }
    for (size_t i = 0; i < 3; i++)
        PQclear(results[i]);
    return result;
}

static enum pgconn_result judge_home(const struct store_pg *s, struct pgconn *c,
                                     const PGresult *rows)
{
    struct bytes old = pgconn_bytes(rows, 0, 0);
    struct bytes place = pgconn_bytes(rows, 0, 1), timeline = pgconn_bytes(rows, 0, 2);
    int64_t servers_s;
    char home[STORE_HOME];

    if (PQntuples(rows) == 0)
        return refuse(c, "the schema is there, but no store in it", "run `pgsignet-mfa init`");
    int n = snprintf(home, sizeof home, "%.*s/%.*s", (int)place.len, (const char *)place.ptr,
                     (int)timeline.len, (const char *)timeline.ptr);
    if (n < 0 || (size_t)n >= sizeof home || place.len == 0 || timeline.len == 0 ||
        !pgconn_number(rows, 0, 3, &servers_s))
        return refuse(c, "the server does not say who it is", "look into the server's log");
    if (bytes_equal(old, bytes_str(home)))
        return PGCONN_ROWS;
    if (floor_rises(s, old, place) && compare_clocks(c, servers_s) != PGCONN_ROWS)
        return PGCONN_REFUSED;
    return note_move(s, c, old, place, bytes_str(home));
}

/* The session's, not the transaction's.  Another number than that of whoever makes the schema. */
static const struct pgconn_statement claim = {
    .name = "claim",
    .sql = "SELECT pg_try_advisory_lock(8099569351388065127)", /* "pgsig mg" */
    .task = "claim to migrate the token store in",
    .types = "",
};

/*
 * The server keeps it until it has noticed that a client was killed, and undone or done what that had sent:
 * a COMMIT that was under way is over when another gets it.
 */
enum store_status pg_claim(struct store *store, int64_t deadline_ms)
{
    struct store_pg *s = pg_of(store);
    const struct pgconn_call call = {.statement = &claim};
    PGresult *rows = NULL;
    bool got = false;

    if (s->claimed)
        return STORE_OK;
    if (pg_begin(store, STORE_READ, deadline_ms) != STORE_OK)
        return STORE_FAILED;
    enum store_status status = pg_rows(store, &call, &rows);
    if (status == STORE_OK && !pgconn_bool(rows, 0, 0, &got))
        status = pg_damaged(store, "the answer to a claim");
    PQclear(rows);
    pg_rollback(store);
    s->claimed = status == STORE_OK && got;
    return status == STORE_OK && !got ? STORE_NONE : status;
}

enum pgconn_result pg_greet(void *context, struct pgconn *c)
{
    const struct store_pg *s = context;
    const struct pgconn_call calls[] = {
        {.statement = &set_path},
        {.statement = &set_session, .params = {PG_NUMBER(s->keeps_floor ? 1 : 0)}},
        {.statement = &read_version},
        {.statement = &read_home},
    };
    PGresult *results[4];

    if (s->claimed)
        return refuse(c, "the connection was lost, and another migration may have begun since",
                      "run migrate again");
    enum pgconn_result result = pgconn_run(c, PGCONN_ON, calls, 4, INT64_MAX, results);
    if (result == PGCONN_ROWS)
        result = judge_version(c, results[2]);
    if (result == PGCONN_ROWS)
        result = judge_home(s, c, results[3]);
    for (size_t i = 0; i < 4; i++)
        PQclear(results[i]);
    return result;
}
