/* What the store is: its identity, data keys, state, and its numbers. */
#include "config.h"

#include "mfa/store_pg.h"

static const struct pgconn_statement identity = {
    .name = "identity",
    .sql = "SELECT id, hash_data_key, audit, bucket FROM pgsignet_mfa.store",
    .task = "read the identity of the token store in",
    .types = "",
};
static const struct pgconn_statement wraps = {
    .name = "wraps",
    .sql = "SELECT data_key, kek_id, wrapped FROM pgsignet_mfa.data_key_wrap ORDER BY data_key, kek_id"
           " LIMIT 33",
    .task = "read the data keys from",
    .types = "",
};
static const struct pgconn_statement identity_add = {
    .name = "identity_add",
    .sql = "INSERT INTO pgsignet_mfa.store (one, id, hash_data_key, audit, bucket)"
           " VALUES (1, $1, $2, $3, $4)",
    .task = "make the token store in",
    .types = "bibb",
};
static const struct pgconn_statement state_add = {
    .name = "state_add",
    .sql = "INSERT INTO pgsignet_mfa.state (one, floor_s, moved, home) VALUES (1, 0, 0, '')",
    .task = "make the token store in",
    .types = "",
};
static const struct pgconn_statement data_key_add = {
    .name = "data_key_add",
    .sql = "INSERT INTO pgsignet_mfa.data_key (id) VALUES ($1) ON CONFLICT DO NOTHING",
    .task = "add a data key to",
    .types = "i",
};
static const struct pgconn_statement wrap_add = {
    .name = "wrap_add",
    .sql = "INSERT INTO pgsignet_mfa.data_key_wrap (data_key, kek_id, wrapped) VALUES ($1, $2, $3)"
           " ON CONFLICT (data_key, kek_id) DO UPDATE SET wrapped = excluded.wrapped",
    .task = "add a data key to",
    .types = "ibb",
};
static const struct pgconn_statement wrap_remove = {
    .name = "wrap_remove",
    .sql = "DELETE FROM pgsignet_mfa.data_key_wrap WHERE data_key = $1 AND kek_id = $2",
    .task = "remove a wrapped data key from",
    .types = "ib",
};
static const struct pgconn_statement data_key_remove = {
    .name = "data_key_remove",
    .sql = "DELETE FROM pgsignet_mfa.data_key WHERE id = $1",
    .task = "remove a data key from",
    .types = "i",
};
static const struct pgconn_statement data_key_uses = {
    .name = "data_key_uses",
    .sql = "SELECT (SELECT count(*) FROM pgsignet_mfa.user_key WHERE data_key = $1)"
           " + (SELECT count(*) FROM pgsignet_mfa.store WHERE hash_data_key = $1)",
    .task = "count the uses of a data key in",
    .types = "i",
};
static const struct pgconn_statement hash_keys_set = {
    .name = "hash_keys_set",
    .sql = "UPDATE pgsignet_mfa.store SET hash_data_key = $1, audit = $2, bucket = $3",
    .task = "change the hash keys in",
    .types = "ibb",
};
static const struct pgconn_statement state_find = {
    .name = "state_find",
    .sql = "SELECT floor_s, moved, home FROM pgsignet_mfa.state",
    .task = "read the state of the token store in",
    .types = "",
};
static const struct pgconn_statement state_hold = {
    .name = "state_hold",
    .sql = "SELECT floor_s, moved, home FROM pgsignet_mfa.state FOR SHARE",
    .task = "read the state of the token store in",
    .types = "",
};
static const struct pgconn_statement state_set = {
    .name = "state_set",
    .sql = "UPDATE pgsignet_mfa.state SET floor_s = greatest(floor_s, $1), moved = $2, home = $3",
    .task = "change the state of the token store in",
    .types = "iib",
};
/* The order of struct mfa_stats.  Buckets have ids of two bytes. */
static const struct pgconn_statement count = {
    .name = "count",
    .sql = "SELECT (SELECT count(*) FROM pgsignet_mfa.user),"
           " (SELECT count(*) FROM pgsignet_mfa.user WHERE locked_s <> 0),"
           " (SELECT count(*) FROM pgsignet_mfa.subject WHERE failures >= $3"
           "  AND octet_length(id) > 2),"
           " t.pending, t.active, t.disabled, t.hotp, t.stale, t.expired,"
           " (SELECT count(*) FROM pgsignet_mfa.recovery),"
           " (SELECT count(*) FROM pgsignet_mfa.recovery_code WHERE used_s = 0),"
           " (SELECT count(*) FROM pgsignet_mfa.subject WHERE failures > 0),"
           " (SELECT count(*) FROM pgsignet_mfa.data_key)"
           " FROM (SELECT count(*) FILTER (WHERE state = 0) AS pending,"
           "  count(*) FILTER (WHERE state = 1) AS active,"
           "  count(*) FILTER (WHERE state = 2) AS disabled,"
           "  count(*) FILTER (WHERE kind = 1) AS hotp,"
           "  count(*) FILTER (WHERE state = 1 AND "
           "   greatest(last_used_s, confirmed_s, created_s) < $1) AS stale,"
           "  count(*) FILTER (WHERE state = 0 AND expires_s <> 0 AND expires_s <= $2) AS expired"
           "  FROM pgsignet_mfa.token) t",
    .task = "count in",
    .types = "iii",
};

static bool identity_of(const PGresult *store_row, const PGresult *wrap_rows,
                        struct store_identity *out)
{
    size_t len;

    if (PQntuples(store_row) != 1 || !pg_take(store_row, 0, 0, out->id, STORE_ID, &len) ||
        len != STORE_ID || !pgconn_number(store_row, 0, 1, &out->hash_data_key) ||
        !pg_sealed(store_row, 0, 2, &out->audit) || !pg_sealed(store_row, 0, 3, &out->bucket))
        return false;
    for (int i = 0; i < PQntuples(wrap_rows); i++) {
        if (out->n_keys == STORE_WRAPS)
            return false;
        struct store_data_key *key = &out->keys[out->n_keys++];
        if (!pgconn_number(wrap_rows, i, 0, &key->id) ||
            !pg_text(wrap_rows, i, 1, key->kek_id, sizeof key->kek_id) ||
            !pg_sealed(wrap_rows, i, 2, &key->wrapped))
            return false;
    }
    return true;
}

enum store_status pg_identity(struct store *store, struct store_identity *out)
{
    const struct pgconn_call calls[] = {{.statement = &identity}, {.statement = &wraps}};
    PGresult *results[2];

    *out = (struct store_identity){0};
    enum store_status status = pg_batch(store, calls, 2, results);
    if (status == STORE_OK && !identity_of(results[0], results[1], out))
        status = pg_damaged(store, "its identity");
    PQclear(results[0]);
    PQclear(results[1]);
    return status;
}

static struct pgconn_call wrap_call(const struct store_data_key *wrap)
{
    return (struct pgconn_call){
        .statement = &wrap_add,
        .params = {PG_NUMBER(wrap->id), PG_BYTES(bytes_str(wrap->kek_id)),
                   PG_BYTES(bytes_of(wrap->wrapped.at, wrap->wrapped.len))},
    };
}

size_t pg_identity_calls(const struct store_identity *id, struct pgconn_call *calls)
{
    size_t n = 0;

    for (size_t i = 0; i < id->n_keys; i++) {
        calls[n++] = (struct pgconn_call){.statement = &data_key_add,
                                          .params = {PG_NUMBER(id->keys[i].id)}};
        calls[n++] = wrap_call(&id->keys[i]);
    }
    calls[n++] = (struct pgconn_call){
        .statement = &identity_add,
        .params = {PG_BYTES(bytes_of(id->id, STORE_ID)), PG_NUMBER(id->hash_data_key),
                   PG_BYTES(bytes_of(id->audit.at, id->audit.len)),
                   PG_BYTES(bytes_of(id->bucket.at, id->bucket.len))},
    };
    calls[n++] = (struct pgconn_call){.statement = &state_add};
    return n;
}

enum store_status pg_state(struct store *store, struct store_state *state)
{
    const struct pgconn_call call = {.statement = pg_of(store)->writes ? &state_hold : &state_find};
    PGresult *rows;

    *state = (struct store_state){0};
    enum store_status status = pg_rows(store, &call, &rows);
    if (status == STORE_OK && !pg_state_of(rows, state))
        status = pg_damaged(store, "its state");
    PQclear(rows);
    return status;
}

enum store_status pg_state_set(struct store *store, const struct store_state *state)
{
    const struct pgconn_call call = {
        .statement = &state_set,
        .params = {PG_NUMBER(state->floor_s), PG_NUMBER(state->moved),
                   PG_BYTES(bytes_str(state->home))},
    };

    return pg_later(store, &call);
}

enum store_status pg_wrap_add(struct store *store, const struct store_data_key *wrap)
{
    const struct pgconn_call key = {.statement = &data_key_add, .params = {PG_NUMBER(wrap->id)}};
    const struct pgconn_call call = wrap_call(wrap);

    enum store_status status = pg_later(store, &key);
    return status == STORE_OK ? pg_later(store, &call) : status;
}

enum store_status pg_wrap_remove(struct store *store, int64_t data_key, const char *kek_id)
{
    const struct pgconn_call call = {
        .statement = &wrap_remove,
        .params = {PG_NUMBER(data_key), PG_BYTES(bytes_str(kek_id))},
    };

    return pg_change(store, &call);
}

enum store_status pg_data_key_remove(struct store *store, int64_t data_key)
{
    const struct pgconn_call call = {.statement = &data_key_remove,
                                     .params = {PG_NUMBER(data_key)}};

    return pg_change(store, &call);
}

enum store_status pg_data_key_uses(struct store *store, int64_t data_key, int64_t *uses)
{
    const struct pgconn_call call = {.statement = &data_key_uses, .params = {PG_NUMBER(data_key)}};
    PGresult *rows;

    *uses = 0;
    enum store_status status = pg_turn_rows(store, &call, &rows);
    if (status == STORE_OK && !pgconn_number(rows, 0, 0, uses))
        status = pg_damaged(store, "a count");
    PQclear(rows);
    return status;
}

enum store_status pg_hash_keys_set(struct store *store, const struct store_identity *id)
{
    const struct pgconn_call call = {
        .statement = &hash_keys_set,
        .params = {PG_NUMBER(id->hash_data_key), PG_BYTES(bytes_of(id->audit.at, id->audit.len)),
                   PG_BYTES(bytes_of(id->bucket.at, id->bucket.len))},
    };

    return pg_change(store, &call);
}

enum store_status pg_count(struct store *store, int64_t stale_before_s, int64_t now_s, int64_t cap,
                           struct mfa_stats *stats)
{
    const struct pgconn_call call = {
        .statement = &count,
        .params = {PG_NUMBER(stale_before_s), PG_NUMBER(now_s), PG_NUMBER(cap)},
    };
    int64_t *const fields[] = {
        &stats->users,         &stats->locked,        &stats->capped,    &stats->tokens[0],
        &stats->tokens[1],     &stats->tokens[2],     &stats->hotp,      &stats->stale,
        &stats->expired,       &stats->with_recovery, &stats->recovery_left,
        &stats->failures_rows, &stats->data_keys,
    };
    PGresult *rows;

    *stats = (struct mfa_stats){0};
    enum store_status status = pg_rows(store, &call, &rows);
    for (int i = 0; status == STORE_OK && i < (int)(sizeof fields / sizeof fields[0]); i++)
        if (!pgconn_number(rows, 0, i, fields[i]))
            status = pg_damaged(store, "a count");
    PQclear(rows);
    return status;
}
