/*
 * The schema: installed, upgraded, filled with a new store's identity.  As the administrator's role, in
 * one transaction, with the advisory lock against two of us at a time.
 */
#include "config.h"

#include "mfa/store_pg.h"

#include "common/clock.h"

#include <inttypes.h>
#include <stdio.h>

#define PATIENCE_MS 30000

const char store_pg_sql[] =
#include "mfa/store_pg_schema.inc"
    ;

/* What brings version i + 1 to i + 2; the last one's end is PG_SCHEMA.  None yet. */
static const char *const upgrades[PG_SCHEMA] = {NULL};

static const struct pgconn_statement begin = {
    .name = "begin",
    .sql = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE",
    .task = "begin to make the token store in",
    .types = "",
};
static const struct pgconn_statement set_path = {
    .name = "set_path",
    .sql = "SELECT pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true),"
           " pg_catalog.set_config('synchronous_commit', CASE"
           "  WHEN pg_catalog.current_setting('synchronous_commit') = 'off' THEN 'local'"
           "  ELSE pg_catalog.current_setting('synchronous_commit') END, true)",
    .task = "set up a session in",
    .types = "",
};
static const struct pgconn_statement lock = {
    .name = "lock",
    .sql = "SELECT pg_advisory_xact_lock(8099847259106567985)", /* "pgsig mf" */
    .task = "wait for another `pgsignet-mfa init` in",
    .types = "",
};
static const struct pgconn_statement find_schema = {
    .name = "find_schema",
    .sql = "SELECT to_regclass('pgsignet_mfa.schema_version') IS NOT NULL,"
           " has_database_privilege(current_database(), 'CREATE'),"
           " (SELECT count(*) FROM pg_roles"
           "  WHERE rolname IN ('pgsignet_store', 'pgsignet_admin')) = 2"
           " OR (SELECT rolcreaterole OR rolsuper FROM pg_roles WHERE rolname = current_user)",
    .task = "look for the token store in",
    .types = "",
};
static const struct pgconn_statement find_version = {
    .name = "find_version",
    .sql = "SELECT (SELECT version FROM pgsignet_mfa.schema_version),"
           " EXISTS (SELECT FROM pgsignet_mfa.store)",
    .task = "look for the token store in",
    .types = "",
};

/* What is there: version 0 without a schema. */
struct found {
    int64_t version;
    bool filled;
    bool may_install;
};

static enum store_status explain(struct pgconn *c, char *why, size_t size)
{
    snprintf(why, size, "%s", pgconn_error(c));
    return STORE_FAILED;
}

/* Begins the transaction in which everything happens, and looks what is there. */
static enum store_status find(struct pgconn *c, int64_t deadline_ms, struct found *found,
                              char *why, size_t size)
{
    const struct pgconn_call calls[] = {
        {.statement = &begin}, {.statement = &set_path}, {.statement = &lock},
        {.statement = &find_schema}};
    const struct pgconn_call version = {.statement = &find_version};
    PGresult *results[4], *rows = NULL;
    bool has_schema = false, may_create = false, has_roles = false;
    enum store_status status = STORE_OK;

    *found = (struct found){0};
    if (pgconn_run(c, PGCONN_ANEW, calls, 4, deadline_ms, results) != PGCONN_ROWS)
        return explain(c, why, size);
    if (!pgconn_bool(results[3], 0, 0, &has_schema) ||
        !pgconn_bool(results[3], 0, 1, &may_create) || !pgconn_bool(results[3], 0, 2, &has_roles))
        status = STORE_FAILED;
    found->may_install = may_create && has_roles;
    if (status == STORE_OK && has_schema) {
        if (pgconn_run(c, PGCONN_ON, &version, 1, deadline_ms, &rows) != PGCONN_ROWS ||
            !pgconn_number(rows, 0, 0, &found->version) ||
            !pgconn_bool(rows, 0, 1, &found->filled))
            status = STORE_FAILED;
        PQclear(rows);
    }
    if (status != STORE_OK)
        explain(c, why, size);
    for (size_t i = 0; i < 4; i++)
        PQclear(results[i]);
    return status;
}

static enum store_status commit(struct pgconn *c, int64_t deadline_ms, char *why, size_t size)
{
    const struct pgconn_call call = {.statement = &pg_commit_statement};
    PGresult *result = NULL;
    enum store_status status = STORE_OK;

    if (pgconn_run(c, PGCONN_ON, &call, 1, deadline_ms, &result) != PGCONN_ROWS) {
        status = explain(c, why, size);
    } else if (strcmp(PQcmdStatus(result), "COMMIT") != 0) {
        snprintf(why, size, "cannot make the token store: PostgreSQL rolled it back");
        status = STORE_FAILED;
    }
    PQclear(result);
    return status;
}

/* From what was found to PG_SCHEMA; nothing to do is STORE_NONE. */
static enum store_status bring_up(struct pgconn *c, const struct found *found, int64_t deadline_ms,
                                  char *why, size_t size)
{
    if (found->version > PG_SCHEMA) {
        snprintf(why, size,
                 "the schema of the token store is version %" PRId64 " and this program knows up "
                 "to %d; upgrade pgsignet on this host",
                 found->version, PG_SCHEMA);
        return STORE_FAILED;
    }
    if (found->version == PG_SCHEMA)
        return STORE_NONE;
    if (found->version == 0 && !found->may_install) {
        snprintf(why, size,
                 "the database has no schema pgsignet_mfa, and the role of store.admin_conninfo may "
                 "not make it (it needs CREATE on the database, and CREATEROLE unless the roles "
                 "are there); let an administrator run `pgsignet-mfa init --print-sql | psql -X -v "
                 "ON_ERROR_STOP=1` in it, and init again");
        return STORE_FAILED;
    }
    if (found->version == 0)
        return pgconn_script(c, store_pg_sql, "make the schema of the token store in",
                             deadline_ms) == PGCONN_ROWS
                   ? STORE_OK
                   : explain(c, why, size);
    for (int64_t v = found->version; v < PG_SCHEMA; v++) {
        if (upgrades[v - 1] == NULL ||
            pgconn_script(c, upgrades[v - 1], "upgrade the schema of the token store in",
                          deadline_ms) != PGCONN_ROWS)
            return explain(c, why, size);
    }
    return STORE_OK;
}

static enum store_status fill(struct pgconn *c, const struct store_identity *identity,
                              int64_t deadline_ms, char *why, size_t size)
{
    struct pgconn_call calls[2 * STORE_WRAPS + 2];
    PGresult *results[2 * STORE_WRAPS + 2];
    size_t n = pg_identity_calls(identity, calls);

    if (pgconn_run(c, PGCONN_ON, calls, n, deadline_ms, results) != PGCONN_ROWS)
        return explain(c, why, size);
    for (size_t i = 0; i < n; i++)
        PQclear(results[i]);
    return STORE_OK;
}

enum store_status pg_create(const struct settings_store *settings,
                            const struct store_identity *identity, char *why, size_t size)
{
    int64_t deadline_ms = clock_mono_ms() + PATIENCE_MS;
    struct pgconn *c = pg_connect(settings, true, NULL, NULL);
    struct found found;

    if (c == NULL) {
        snprintf(why, size, "cannot make the token store: memory is short");
        return STORE_FAILED;
    }
    enum store_status status = find(c, deadline_ms, &found, why, size);
    if (status == STORE_OK && found.filled) {
        snprintf(why, size, "there is a token store in this database already; nothing was changed");
        status = STORE_EXISTS;
    }
    if (status == STORE_OK &&
        bring_up(c, &found, deadline_ms, why, size) == STORE_FAILED)
        status = STORE_FAILED;
    if (status == STORE_OK)
        status = fill(c, identity, deadline_ms, why, size);
    if (status == STORE_OK)
        status = commit(c, deadline_ms, why, size);
    pgconn_free(c); /* whatever is open is rolled back by the server */
    return status;
}

bool pg_exists(const struct settings_store *settings)
{
    struct pgconn *c = pg_connect(settings, true, NULL, NULL);
    struct found found = {0};
    char why[STORE_ERROR];

    if (c != NULL)
        find(c, clock_mono_ms() + PATIENCE_MS, &found, why, sizeof why);
    pgconn_free(c);
    return found.filled;
}

enum store_status pg_upgrade(const struct settings_store *settings, char *why, size_t size)
{
    int64_t deadline_ms = clock_mono_ms() + PATIENCE_MS;
    struct pgconn *c = pg_connect(settings, true, NULL, NULL);
    struct found found;

    if (c == NULL) {
        snprintf(why, size, "cannot upgrade the token store: memory is short");
        return STORE_FAILED;
    }
    enum store_status status = find(c, deadline_ms, &found, why, size);
    if (status == STORE_OK)
        status = bring_up(c, &found, deadline_ms, why, size);
    if (status == STORE_OK)
        status = commit(c, deadline_ms, why, size);
    pgconn_free(c);
    return status;
}
