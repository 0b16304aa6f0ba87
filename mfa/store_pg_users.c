/* Users and their keys. */
#include "config.h"

#include "mfa/store_pg.h"

static const struct pgconn_statement user_find = {
    .name = "user_find",
    .sql = "SELECT " PG_USER_COLUMNS " FROM " PG_USER_FROM " WHERE u.name = $1",
    .task = "look up a user in",
    .types = "b",
};
static const struct pgconn_statement user_page = {
    .name = "user_page",
    .sql = "SELECT " PG_USER_COLUMNS " FROM " PG_USER_FROM " WHERE u.id > $1 ORDER BY u.id LIMIT $2",
    .task = "list users in",
    .types = "ii",
};
static const struct pgconn_statement user_scan = {
    .name = "user_scan",
    .sql = "SELECT u.name, u.locked_s,"
           " (SELECT count(*) FROM pgsignet_mfa.token t WHERE t.user_id = u.id AND t.state = 0),"
           " (SELECT count(*) FROM pgsignet_mfa.token t WHERE t.user_id = u.id AND t.state = 1),"
           " (SELECT count(*) FROM pgsignet_mfa.token t WHERE t.user_id = u.id AND t.state = 2),"
           " (SELECT count(*) FROM pgsignet_mfa.recovery_code c"
           "  WHERE c.user_id = u.id AND c.used_s = 0)"
           " FROM pgsignet_mfa.user u WHERE u.name > $1 ORDER BY u.name LIMIT $2",
    .task = "list users in",
    .types = "bi",
};
static const struct pgconn_statement user_add = {
    .name = "user_add",
    .sql = "INSERT INTO pgsignet_mfa.user (id, name, floor_s, locked_s, lock_reason)"
           " VALUES ($1, $2, $3, $4, $5)",
    .task = "add a user to",
    .types = "ibiib",
};
static const struct pgconn_statement user_key_put = {
    .name = "user_key_put",
    .sql = "INSERT INTO pgsignet_mfa.user_key (user_id, data_key, sealed) VALUES ($1, $2, $3)"
           " ON CONFLICT (user_id) DO UPDATE SET data_key = excluded.data_key,"
           " sealed = excluded.sealed",
    .task = "change a user's key in",
    .types = "iib",
};
static const struct pgconn_statement user_key_remove = {
    .name = "user_key_remove",
    .sql = "DELETE FROM pgsignet_mfa.user_key WHERE user_id = $1",
    .task = "remove a user's key from",
    .types = "i",
};
static const struct pgconn_statement user_raise_floor = {
    .name = "user_raise_floor",
    .sql = "UPDATE pgsignet_mfa.user SET floor_s = greatest(floor_s, $2) WHERE id = $1",
    .task = "raise a user's floor in",
    .types = "ii",
};
static const struct pgconn_statement user_set_lock = {
    .name = "user_set_lock",
    .sql = "UPDATE pgsignet_mfa.user SET locked_s = $2, lock_reason = $3 WHERE id = $1",
    .task = "lock a user in",
    .types = "iib",
};
static const struct pgconn_statement user_rename = {
    .name = "user_rename",
    .sql = "UPDATE pgsignet_mfa.user SET name = $2 WHERE id = $1 AND NOT EXISTS"
           " (SELECT FROM pgsignet_mfa.user WHERE name = $2 AND id <> $1)",
    .task = "rename a user in",
    .types = "ib",
};
static const struct pgconn_statement user_exists = {
    .name = "user_exists",
    .sql = "SELECT id FROM pgsignet_mfa.user WHERE id = $1",
    .task = "look for a user in",
    .types = "i",
};
static const struct pgconn_statement user_remove = {
    .name = "user_remove",
    .sql = "DELETE FROM pgsignet_mfa.user WHERE id = $1",
    .task = "remove a user from",
    .types = "i",
};

enum store_status pg_user_find(struct store *store, struct bytes name, struct store_user *user)
{
    const struct pgconn_call call = {.statement = &user_find, .params = {PG_BYTES(name)}};
    PGresult *rows;

    *user = (struct store_user){0};
    if (name.len == 0 || name.len > sizeof user->name)
        return STORE_NONE;
    enum store_status status = pg_turn_rows(store, &call, &rows);
    if (status == STORE_OK && PQntuples(rows) == 0)
        status = STORE_NONE;
    else if (status == STORE_OK && !pg_user_of(rows, 0, user))
        status = pg_damaged(store, "a user");
    PQclear(rows);
    return status;
}

enum store_status pg_user_page(struct store *store, int64_t after,
                               struct store_user users[STORE_BATCH], size_t *n)
{
    const struct pgconn_call call = {.statement = &user_page,
                                     .params = {PG_NUMBER(after), PG_NUMBER(STORE_BATCH)}};
    PGresult *rows;

    *n = 0;
    enum store_status status = pg_turn_rows(store, &call, &rows);
    for (int i = 0; status == STORE_OK && i < PQntuples(rows); i++) {
        if (*n == STORE_BATCH || !pg_user_of(rows, i, &users[*n]))
            status = pg_damaged(store, "a user");
        else
            ++*n;
    }
    PQclear(rows);
    return status;
}

static bool user_row_of(const PGresult *rows, int row, struct user_row *user)
{
    int64_t counts[4];
    bool ok = pg_take(rows, row, 0, user->name, sizeof user->name, &user->name_len) &&
              pgconn_number(rows, row, 1, &user->locked_s);

    for (int i = 0; i < 4; i++)
        ok = ok && pgconn_number(rows, row, 2 + i, &counts[i]) && counts[i] >= 0;
    if (!ok)
        return false;
    for (int i = 0; i < 3; i++)
        user->tokens[i] = (size_t)counts[i];
    user->recovery_left = (size_t)counts[3];
    return true;
}

enum store_status pg_user_scan(struct store *store, store_user_visit *visit, void *context)
{
    enum store_status status = STORE_OK;
    struct user_row user = {0};
    bool more = true;

    while (more && status == STORE_OK) {
        const struct pgconn_call call = {
            .statement = &user_scan,
            .params = {PG_BYTES(bytes_of(user.name, user.name_len)), PG_NUMBER(STORE_BATCH)},
        };
        PGresult *rows;

        status = pg_rows(store, &call, &rows);
        more = status == STORE_OK && PQntuples(rows) > 0;
        for (int i = 0; more && i < PQntuples(rows); i++) {
            if (!user_row_of(rows, i, &user)) {
                status = pg_damaged(store, "a user");
                more = false;
            } else if (!visit(context, &user)) {
                more = false;
            }
        }
        PQclear(rows);
    }
    return status;
}

enum store_status pg_user_add(struct store *store, const struct store_user *user)
{
    const struct pgconn_call call = {
        .statement = &user_add,
        .params = {PG_NUMBER(user->id), PG_BYTES(bytes_of(user->name, user->name_len)),
                   PG_NUMBER(user->floor_s), PG_NUMBER(user->locked_s),
                   PG_BYTES(bytes_str(user->lock_reason))},
    };

    enum store_status status = pg_later(store, &call);
    return status == STORE_OK && user->data_key != 0 ? pg_user_set_key(store, user) : status;
}

enum store_status pg_user_set_key(struct store *store, const struct store_user *user)
{
    const struct pgconn_call remove = {.statement = &user_key_remove,
                                       .params = {PG_NUMBER(user->id)}};
    const struct pgconn_call put = {
        .statement = &user_key_put,
        .params = {PG_NUMBER(user->id), PG_NUMBER(user->data_key),
                   PG_BYTES(bytes_of(user->key.at, user->key.len))},
    };

    return pg_later(store, user->data_key != 0 ? &put : &remove);
}

enum store_status pg_user_raise_floor(struct store *store, int64_t user, int64_t floor_s)
{
    const struct pgconn_call call = {.statement = &user_raise_floor,
                                     .params = {PG_NUMBER(user), PG_NUMBER(floor_s)}};

    return pg_later(store, &call);
}

enum store_status pg_user_set_lock(struct store *store, int64_t user, int64_t locked_s,
                                   const char *reason)
{
    const struct pgconn_call call = {
        .statement = &user_set_lock,
        .params = {PG_NUMBER(user), PG_NUMBER(locked_s), PG_BYTES(bytes_str(reason))},
    };

    return pg_change(store, &call);
}

enum store_status pg_user_rename(struct store *store, int64_t user, struct bytes name)
{
    const struct pgconn_call call = {.statement = &user_rename,
                                     .params = {PG_NUMBER(user), PG_BYTES(name)}};
    const struct pgconn_call look = {.statement = &user_exists, .params = {PG_NUMBER(user)}};

    return pg_rename(store, &call, &look);
}

enum store_status pg_user_remove(struct store *store, int64_t user)
{
    const struct pgconn_call call = {.statement = &user_remove, .params = {PG_NUMBER(user)}};

    return pg_change(store, &call);
}
