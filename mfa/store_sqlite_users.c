#include "config.h"

#include "mfa/store_sqlite.h"

bool sq_user_of_row(sqlite3_stmt *statement, struct store_user *user)
{
    *user = (struct store_user){.id = sqlite3_column_int64(statement, 0)};
    user->floor_s = sqlite3_column_int64(statement, 2);
    user->locked_s = sqlite3_column_int64(statement, 3);
    user->data_key = sqlite3_column_int64(statement, 5);
    return user->id > 0 &&
           sq_column_bytes(statement, 1, user->name, sizeof user->name, &user->name_len) &&
           sq_column_text(statement, 4, user->lock_reason, sizeof user->lock_reason) &&
           sq_column_sealed(statement, 6, &user->key);
}

enum store_status sq_user_find(struct store *store, struct bytes name, struct store_user *user)
{
    *user = (struct store_user){0};
    if (name.len == 0 || name.len > sizeof user->name)
        return STORE_NONE;
    sqlite3_stmt *statement = sq_take(store, SQ_USER_FIND);
    sq_bytes(statement, 1, name);
    enum store_status status = sq_row(store, statement, "look up a user");
    if (status == STORE_OK && !sq_user_of_row(statement, user))
        status = sq_damaged(store, "a user");
    sq_end(statement);
    return status;
}

enum store_status sq_user_page(struct store *store, int64_t after,
                               struct store_user users[STORE_BATCH], size_t *n)
{
    enum store_status status = STORE_OK;
    sqlite3_stmt *statement = sq_take(store, SQ_USER_PAGE);

    *n = 0;
    sq_number(statement, 1, after);
    sq_number(statement, 2, STORE_BATCH);
    while (*n < STORE_BATCH && (status = sq_row(store, statement, "read users")) == STORE_OK) {
        if (!sq_user_of_row(statement, &users[*n])) {
            sq_end(statement);
            return sq_damaged(store, "a user");
        }
        ++*n;
    }
    sq_end(statement);
    return status == STORE_FAILED ? STORE_FAILED : STORE_OK;
}

enum store_status sq_user_scan(struct store *store, store_user_visit *visit, void *context)
{
    enum store_status status;
    sqlite3_stmt *statement = sq_take(store, SQ_USER_SCAN);

    while ((status = sq_row(store, statement, "read all users")) == STORE_OK) {
        struct user_row row = {.locked_s = sqlite3_column_int64(statement, 1)};
        for (int i = 0; i < 3; i++)
            row.tokens[i] = (size_t)sqlite3_column_int64(statement, 2 + i);
        row.recovery_left = (size_t)sqlite3_column_int64(statement, 5);
        if (!sq_column_bytes(statement, 0, row.name, sizeof row.name, &row.name_len)) {
            status = sq_damaged(store, "a user");
            break;
        }
        if (!visit(context, &row))
            break;
    }
    sq_end(statement);
    return status == STORE_NONE ? STORE_OK : status;
}

enum store_status sq_count(struct store *store, int64_t stale_before_s, int64_t now_s, int64_t cap,
                           struct mfa_stats *stats)
{
    sqlite3_stmt *statement = sq_take(store, SQ_COUNT_USERS);
    int64_t *const of_users[] = {&stats->users,         &stats->locked,    &stats->capped,
                                 &stats->failures_rows, &stats->data_keys, &stats->with_recovery,
                                 &stats->recovery_left};
    int64_t *const of_tokens[] = {&stats->tokens[0], &stats->tokens[1], &stats->tokens[2],
                                  &stats->hotp,      &stats->stale,     &stats->expired};

    *stats = (struct mfa_stats){0};
    sq_number(statement, 1, cap);
    enum store_status status = sq_row(store, statement, "count users");
    for (int i = 0; status == STORE_OK && i < 7; i++)
        *of_users[i] = sqlite3_column_int64(statement, i);
    sq_end(statement);
    if (status == STORE_FAILED)
        return status;
    statement = sq_take(store, SQ_COUNT_TOKENS);
    sq_number(statement, 1, stale_before_s);
    sq_number(statement, 2, now_s);
    status = sq_row(store, statement, "count tokens");
    for (int i = 0; status == STORE_OK && i < 6; i++)
        *of_tokens[i] = sqlite3_column_int64(statement, i);
    sq_end(statement);
    return status;
}

enum store_status sq_user_add(struct store *store, const struct store_user *user)
{
    sqlite3_stmt *statement = sq_take(store, SQ_USER_ADD);

    sq_number(statement, 1, user->id);
    sq_bytes(statement, 2, bytes_of(user->name, user->name_len));
    sq_number(statement, 3, user->floor_s);
    sq_number(statement, 4, user->locked_s);
    sq_text(statement, 5, user->lock_reason);
    enum store_status status = sq_run(store, statement, "add a user");
    return status == STORE_OK && user->data_key != 0 ? sq_user_set_key(store, user) : status;
}

enum store_status sq_user_set_key(struct store *store, const struct store_user *user)
{
    sqlite3_stmt *statement =
        sq_take(store, user->data_key != 0 ? SQ_USER_KEY_PUT : SQ_USER_KEY_REMOVE);

    sq_number(statement, 1, user->id);
    if (user->data_key != 0) {
        sq_number(statement, 2, user->data_key);
        sq_bytes(statement, 3, bytes_of(user->key.at, user->key.len));
    }
    return sq_run(store, statement, "change a user's key");
}

enum store_status sq_user_raise_floor(struct store *store, int64_t user, int64_t floor_s)
{
    sqlite3_stmt *statement = sq_take(store, SQ_USER_RAISE_FLOOR);

    sq_number(statement, 1, user);
    sq_number(statement, 2, floor_s);
    return sq_run(store, statement, "raise a user's floor");
}

enum store_status sq_user_set_lock(struct store *store, int64_t user, int64_t locked_s,
                                   const char *reason)
{
    sqlite3_stmt *statement = sq_take(store, SQ_USER_SET_LOCK);

    sq_number(statement, 1, user);
    sq_number(statement, 2, locked_s);
    sq_text(statement, 3, reason);
    return sq_change(store, statement, "lock or unlock a user");
}

enum store_status sq_user_rename(struct store *store, int64_t user, struct bytes name)
{
    struct store_user holder;

    enum store_status status = sq_user_find(store, name, &holder);
    if (status == STORE_FAILED || (status == STORE_OK && holder.id != user))
        return status == STORE_FAILED ? STORE_FAILED : STORE_EXISTS;
    sqlite3_stmt *statement = sq_take(store, SQ_USER_RENAME);
    sq_number(statement, 1, user);
    sq_bytes(statement, 2, name);
    return sq_change(store, statement, "rename a user");
}

enum store_status sq_user_remove(struct store *store, int64_t user)
{
    static const enum sq_statement parts[] = {SQ_RECOVERY_REMOVE, SQ_USER_TOKENS_REMOVE,
                                              SQ_USER_KEY_REMOVE};

    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        if (sq_change_number(store, parts[i], user, "remove a user") == STORE_FAILED)
            return STORE_FAILED;
    return sq_change_number(store, SQ_USER_REMOVE, user, "remove a user");
}
