/* Tokens. */
#include "config.h"

#include "mfa/store_pg.h"

static const struct pgconn_statement token_list = {
    .name = "token_list",
    .sql = "SELECT " PG_TOKEN_COLUMNS " FROM pgsignet_mfa.token t WHERE t.user_id = $1"
           " ORDER BY t.name LIMIT 9",
    .task = "read tokens from",
    .types = "i",
};
static const struct pgconn_statement token_page = {
    .name = "token_page",
    .sql = "SELECT " PG_TOKEN_COLUMNS " FROM pgsignet_mfa.token t WHERE t.id > $1"
           " ORDER BY t.id LIMIT $2",
    .task = "read all tokens from",
    .types = "ii",
};
/* By users: those of one stand on one page. */
static const struct pgconn_statement token_scan = {
    .name = "token_scan",
    .sql = "SELECT " PG_TOKEN_COLUMNS ", u.name FROM (SELECT id, name FROM pgsignet_mfa.user"
           "  WHERE name > $1 ORDER BY name LIMIT $2) u"
           " LEFT JOIN pgsignet_mfa.token t ON t.user_id = u.id ORDER BY u.name, t.name",
    .task = "read all tokens from",
    .types = "bi",
};
static const struct pgconn_statement token_add = {
    .name = "token_add",
    .sql = "INSERT INTO pgsignet_mfa.token (id, user_id, name, state, algorithm, digits, period,"
           " created_s, confirmed_s, last_used_s, last_address, kind, last_step, version, secret,"
           " clock_offset, drift, synced_s, expires_s) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9,"
           " $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)",
    .task = "add a token to",
    .types = "iibiiiiiiibiiibiiii",
};
static const struct pgconn_statement token_remove = {
    .name = "token_remove",
    .sql = "DELETE FROM pgsignet_mfa.token WHERE id = $1",
    .task = "remove a token from",
    .types = "i",
};
static const struct pgconn_statement token_restore = {
    .name = "token_restore",
    .sql = "UPDATE pgsignet_mfa.token SET last_step = $3 WHERE id = $1 AND last_step = $2",
    .task = "give a code back in",
    .types = "iii",
};
static const struct pgconn_statement token_activate = {
    .name = "token_activate",
    .sql = "UPDATE pgsignet_mfa.token SET state = 1, last_step = $2, confirmed_s = $3,"
           " synced_s = $3, expires_s = 0 WHERE id = $1 AND last_step < $2 AND state = 0",
    .task = "activate a token in",
    .types = "iii",
};
static const struct pgconn_statement token_set_state = {
    .name = "token_set_state",
    .sql = "UPDATE pgsignet_mfa.token SET state = $3 WHERE id = $1 AND state = $2",
    .task = "change a token in",
    .types = "iii",
};
static const struct pgconn_statement token_rename = {
    .name = "token_rename",
    .sql = "UPDATE pgsignet_mfa.token t SET name = $2 WHERE t.id = $1 AND NOT EXISTS"
           " (SELECT FROM pgsignet_mfa.token o"
           "  WHERE o.user_id = t.user_id AND o.name = $2 AND o.id <> $1)",
    .task = "rename a token in",
    .types = "ib",
};
static const struct pgconn_statement token_exists = {
    .name = "token_exists",
    .sql = "SELECT id FROM pgsignet_mfa.token WHERE id = $1",
    .task = "look for a token in",
    .types = "i",
};
static const struct pgconn_statement token_resync = {
    .name = "token_resync",
    .sql = "UPDATE pgsignet_mfa.token SET last_step = $2, clock_offset = $3, drift = 0,"
           " synced_s = $4 WHERE id = $1 AND last_step < $2",
    .task = "set a token's clock right in",
    .types = "iiii",
};
static const struct pgconn_statement token_reseal = {
    .name = "token_reseal",
    .sql = "UPDATE pgsignet_mfa.token SET version = $2, secret = $3"
           " WHERE id = $1 AND version = $2 - 1",
    .task = "seal a token anew in",
    .types = "iib",
};

enum store_status pg_token_list(struct store *store, int64_t user,
                                struct store_token tokens[MFA_TOKENS_PER_USER], size_t *n)
{
    const struct pgconn_call call = {.statement = &token_list, .params = {PG_NUMBER(user)}};
    PGresult *rows;

    *n = 0;
    enum store_status status = pg_rows(store, &call, &rows);
    if (status == STORE_OK && !pg_tokens_of(rows, tokens, n))
        status = pg_damaged(store, "a token");
    PQclear(rows);
    return status;
}

enum store_status pg_token_page(struct store *store, int64_t after,
                                struct store_token tokens[STORE_BATCH], size_t *n)
{
    const struct pgconn_call call = {.statement = &token_page,
                                     .params = {PG_NUMBER(after), PG_NUMBER(STORE_BATCH)}};
    PGresult *rows;

    *n = 0;
    enum store_status status = pg_rows(store, &call, &rows);
    for (int i = 0; status == STORE_OK && i < PQntuples(rows); i++) {
        if (*n == STORE_BATCH || !pg_token_of(rows, i, &tokens[*n]))
            status = pg_damaged(store, "a token");
        else
            ++*n;
    }
    PQclear(rows);
    return status;
}

/* One page of the scan; after moves to its last user, *more is false when there was none. */
static enum store_status scan_page(struct store *store, store_token_visit *visit, void *context,
                                   uint8_t after[MFA_USER_MAX], size_t *len, bool *more)
{
    const struct pgconn_call call = {
        .statement = &token_scan,
        .params = {PG_BYTES(bytes_of(after, *len)), PG_NUMBER(STORE_BATCH)},
    };
    PGresult *rows;

    enum store_status status = pg_rows(store, &call, &rows);
    *more = status == STORE_OK && PQntuples(rows) > 0;
    for (int i = 0; *more && i < PQntuples(rows); i++) {
        struct store_token token;
        if (PQgetisnull(rows, i, 0) != 0)
            continue; /* a user without tokens */
        if (!pg_token_of(rows, i, &token)) {
            status = pg_damaged(store, "a token");
            *more = false;
        } else if (!visit(context, pgconn_bytes(rows, i, PG_TOKEN_COUNT), &token)) {
            *more = false;
        }
    }
    if (*more && !pg_take(rows, PQntuples(rows) - 1, PG_TOKEN_COUNT, after, MFA_USER_MAX, len)) {
        status = pg_damaged(store, "a user");
        *more = false;
    }
    PQclear(rows);
    return status;
}

enum store_status pg_token_scan(struct store *store, store_token_visit *visit, void *context)
{
    enum store_status status = STORE_OK;
    uint8_t after[MFA_USER_MAX];
    size_t len = 0;

    for (bool more = true; more && status == STORE_OK;)
        status = scan_page(store, visit, context, after, &len, &more);
    return status;
}

enum store_status pg_token_add(struct store *store, const struct store_token *token)
{
    const struct pgconn_call call = {
        .statement = &token_add,
        .params = {PG_NUMBER(token->id), PG_NUMBER(token->user), PG_BYTES(bytes_str(token->name)),
                   PG_NUMBER(token->state), PG_NUMBER(token->algorithm), PG_NUMBER(token->digits),
                   PG_NUMBER(token->period), PG_NUMBER(token->created_s),
                   PG_NUMBER(token->confirmed_s), PG_NUMBER(token->last_used_s),
                   PG_BYTES(bytes_str(token->last_address)), PG_NUMBER(token->kind),
                   PG_NUMBER(token->last_step), PG_NUMBER(token->version),
                   PG_BYTES(bytes_of(token->secret.at, token->secret.len)),
                   PG_NUMBER(token->offset), PG_NUMBER(token->drift), PG_NUMBER(token->synced_s),
                   PG_NUMBER(token->expires_s)},
    };

    return pg_later(store, &call);
}

enum store_status pg_token_remove(struct store *store, int64_t token)
{
    const struct pgconn_call call = {.statement = &token_remove, .params = {PG_NUMBER(token)}};

    return pg_change(store, &call);
}

enum store_status pg_token_restore(struct store *store, int64_t token, int64_t step,
                                   int64_t previous)
{
    const struct pgconn_call call = {
        .statement = &token_restore,
        .params = {PG_NUMBER(token), PG_NUMBER(step), PG_NUMBER(previous)},
    };

    return pg_change(store, &call);
}

enum store_status pg_token_activate(struct store *store, int64_t token, int64_t step, int64_t now_s)
{
    const struct pgconn_call call = {
        .statement = &token_activate,
        .params = {PG_NUMBER(token), PG_NUMBER(step), PG_NUMBER(now_s)},
    };

    return pg_change(store, &call);
}

enum store_status pg_token_set_state(struct store *store, int64_t token, enum token_state from,
                                     enum token_state to)
{
    const struct pgconn_call call = {
        .statement = &token_set_state,
        .params = {PG_NUMBER(token), PG_NUMBER(from), PG_NUMBER(to)},
    };

    return pg_change(store, &call);
}

enum store_status pg_token_rename(struct store *store, int64_t token, const char *name)
{
    const struct pgconn_call call = {
        .statement = &token_rename,
        .params = {PG_NUMBER(token), PG_BYTES(bytes_str(name))},
    };
    const struct pgconn_call look = {.statement = &token_exists, .params = {PG_NUMBER(token)}};

    return pg_rename(store, &call, &look);
}

enum store_status pg_token_resync(struct store *store, int64_t token, int64_t step, int64_t offset,
                                  int64_t now_s)
{
    const struct pgconn_call call = {
        .statement = &token_resync,
        .params = {PG_NUMBER(token), PG_NUMBER(step), PG_NUMBER(offset), PG_NUMBER(now_s)},
    };

    return pg_change(store, &call);
}

enum store_status pg_token_reseal(struct store *store, int64_t token, int64_t version,
                                  const struct store_sealed *secret)
{
    const struct pgconn_call call = {
        .statement = &token_reseal,
        .params = {PG_NUMBER(token), PG_NUMBER(version),
                   PG_BYTES(bytes_of(secret->at, secret->len))},
    };

    return pg_change(store, &call);
}
