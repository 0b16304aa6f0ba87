/* Recovery codes and break-glass accounts. */
#include "config.h"

#include "mfa/store_pg.h"

static const struct pgconn_statement recovery_find = {
    .name = "recovery_find",
    .sql = "SELECT " PG_RECOVERY_COLUMNS " FROM pgsignet_mfa.recovery r"
           " LEFT JOIN pgsignet_mfa.recovery_code c ON c.user_id = r.user_id"
           " WHERE r.user_id = $1 ORDER BY c.id LIMIT 21",
    .task = "read recovery codes from",
    .types = "i",
};
static const struct pgconn_statement recovery_page = {
    .name = "recovery_page",
    .sql = "SELECT " PG_RECOVERY_COLUMNS
           " FROM (SELECT * FROM pgsignet_mfa.recovery WHERE user_id > $1 ORDER BY user_id LIMIT $2)"
           " r LEFT JOIN pgsignet_mfa.recovery_code c ON c.user_id = r.user_id"
           " ORDER BY r.user_id, c.id",
    .task = "read all recovery codes from",
    .types = "ii",
};
static const struct pgconn_statement recovery_remove = {
    .name = "recovery_remove",
    .sql = "DELETE FROM pgsignet_mfa.recovery WHERE user_id = $1",
    .task = "remove recovery codes from",
    .types = "i",
};
static const struct pgconn_statement recovery_put = {
    .name = "recovery_put",
    .sql = "INSERT INTO pgsignet_mfa.recovery (user_id, salt, iterations, created_s)"
           " VALUES ($1, $2, $3, $4)",
    .task = "add recovery codes to",
    .types = "ibii",
};
static const struct pgconn_statement recovery_code_put = {
    .name = "recovery_code_put",
    .sql = "INSERT INTO pgsignet_mfa.recovery_code (id, user_id, hash, used_s)"
           " VALUES ($1, $2, $3, $4)",
    .task = "add recovery codes to",
    .types = "iibi",
};
static const struct pgconn_statement recovery_restore = {
    .name = "recovery_restore",
    .sql = "UPDATE pgsignet_mfa.recovery_code SET used_s = 0"
           " WHERE id = $1 AND used_s = $2 AND used_s <> 0",
    .task = "give a recovery code back in",
    .types = "ii",
};
static const struct pgconn_statement break_glass_find = {
    .name = "break_glass_find",
    .sql = "SELECT " PG_BREAK_GLASS_COLUMNS " FROM pgsignet_mfa.break_glass WHERE name = $1",
    .task = "read break-glass accounts from",
    .types = "b",
};
static const struct pgconn_statement break_glass_scan = {
    .name = "break_glass_scan",
    .sql = "SELECT " PG_BREAK_GLASS_COLUMNS " FROM pgsignet_mfa.break_glass ORDER BY name",
    .task = "read break-glass accounts from",
    .types = "",
};
static const struct pgconn_statement break_glass_put = {
    .name = "break_glass_put",
    .sql = "INSERT INTO pgsignet_mfa.break_glass (" PG_BREAK_GLASS_COLUMNS ")"
           " VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (name) DO UPDATE SET"
           " salt = excluded.salt, iterations = excluded.iterations, hash = excluded.hash,"
           " created_s = excluded.created_s, armed_until_s = excluded.armed_until_s,"
           " reason = excluded.reason, armed_by = excluded.armed_by",
    .task = "change a break-glass account in",
    .types = "bbibiibb",
};
static const struct pgconn_statement break_glass_remove = {
    .name = "break_glass_remove",
    .sql = "DELETE FROM pgsignet_mfa.break_glass WHERE name = $1",
    .task = "remove a break-glass account from",
    .types = "b",
};

enum store_status pg_recovery_find(struct store *store, int64_t user,
                                   struct store_recovery *recovery)
{
    const struct pgconn_call call = {.statement = &recovery_find, .params = {PG_NUMBER(user)}};
    PGresult *rows;
    int row = 0;

    *recovery = (struct store_recovery){0};
    enum store_status status = pg_rows(store, &call, &rows);
    if (status == STORE_OK && PQntuples(rows) == 0)
        status = STORE_NONE;
    else if (status == STORE_OK && !pg_recovery_of(rows, &row, recovery))
        status = pg_damaged(store, "a set of recovery codes");
    PQclear(rows);
    return status;
}

enum store_status pg_recovery_page(struct store *store, int64_t after,
                                   struct store_recovery sets[STORE_BATCH], size_t *n)
{
    const struct pgconn_call call = {.statement = &recovery_page,
                                     .params = {PG_NUMBER(after), PG_NUMBER(STORE_BATCH)}};
    PGresult *rows;
    int row = 0;

    *n = 0;
    enum store_status status = pg_rows(store, &call, &rows);
    while (status == STORE_OK && row < PQntuples(rows)) {
        if (*n == STORE_BATCH || !pg_recovery_of(rows, &row, &sets[*n]))
            status = pg_damaged(store, "a set of recovery codes");
        else
            ++*n;
    }
    PQclear(rows);
    return status;
}

enum store_status pg_recovery_put(struct store *store, const struct store_recovery *recovery)
{
    const struct pgconn_call remove = {.statement = &recovery_remove,
                                       .params = {PG_NUMBER(recovery->user)}};
    const struct pgconn_call put = {
        .statement = &recovery_put,
        .params = {PG_NUMBER(recovery->user), PG_BYTES(bytes_of(recovery->salt, RECOVERY_SALT)),
                   PG_NUMBER(recovery->iterations), PG_NUMBER(recovery->created_s)},
    };

    enum store_status status = pg_later(store, &remove);
    if (status == STORE_OK)
        status = pg_later(store, &put);
    for (size_t i = 0; status == STORE_OK && i < recovery->n; i++) {
        const struct store_recovery_code *code = &recovery->codes[i];
        const struct pgconn_call call = {
            .statement = &recovery_code_put,
            .params = {PG_NUMBER(code->id), PG_NUMBER(recovery->user),
                       PG_BYTES(bytes_of(code->hash, RECOVERY_HASH)), PG_NUMBER(code->used_s)},
        };
        status = pg_later(store, &call);
    }
    return status;
}

enum store_status pg_recovery_remove(struct store *store, int64_t user)
{
    const struct pgconn_call call = {.statement = &recovery_remove, .params = {PG_NUMBER(user)}};

    return pg_change(store, &call);
}

enum store_status pg_recovery_restore(struct store *store, int64_t code, int64_t used_s)
{
    const struct pgconn_call call = {.statement = &recovery_restore,
                                     .params = {PG_NUMBER(code), PG_NUMBER(used_s)}};

    return pg_change(store, &call);
}

enum store_status pg_break_glass_find(struct store *store, struct bytes name,
                                      struct store_break_glass *row)
{
    const struct pgconn_call call = {.statement = &break_glass_find, .params = {PG_BYTES(name)}};
    PGresult *rows;

    *row = (struct store_break_glass){0};
    if (name.len > MFA_USER_MAX)
        return STORE_NONE;
    enum store_status status = pg_rows(store, &call, &rows);
    if (status == STORE_OK && PQntuples(rows) == 0)
        status = STORE_NONE;
    else if (status == STORE_OK && !pg_break_glass_of(rows, 0, row))
        status = pg_damaged(store, "a break-glass account");
    PQclear(rows);
    return status;
}

enum store_status pg_break_glass_put(struct store *store, const struct store_break_glass *row)
{
    const struct pgconn_call call = {
        .statement = &break_glass_put,
        .params = {PG_BYTES(bytes_of(row->name, row->name_len)),
                   PG_BYTES(bytes_of(row->salt, RECOVERY_SALT)), PG_NUMBER(row->iterations),
                   PG_BYTES(bytes_of(row->hash, RECOVERY_HASH)), PG_NUMBER(row->created_s),
                   PG_NUMBER(row->armed_until_s), PG_BYTES(bytes_str(row->reason)),
                   PG_BYTES(bytes_str(row->armed_by))},
    };

    return pg_later(store, &call);
}

enum store_status pg_break_glass_remove(struct store *store, struct bytes name)
{
    const struct pgconn_call call = {.statement = &break_glass_remove, .params = {PG_BYTES(name)}};

    return pg_change(store, &call);
}

enum store_status pg_break_glass_scan(struct store *store, store_break_glass_visit *visit,
                                      void *context)
{
    const struct pgconn_call call = {.statement = &break_glass_scan};
    PGresult *rows;

    enum store_status status = pg_rows(store, &call, &rows);
    for (int i = 0; status == STORE_OK && i < PQntuples(rows); i++) {
        struct store_break_glass row;
        if (!pg_break_glass_of(rows, i, &row))
            status = pg_damaged(store, "a break-glass account");
        else if (!visit(context, &row))
            break;
    }
    PQclear(rows);
    return status;
}
