#include "config.h"

#include "mfa/store_sqlite.h"

enum store_status sq_identity(struct store *store, struct store_identity *identity)
{
    size_t len = 0;

    *identity = (struct store_identity){0};
    sqlite3_stmt *statement = sq_take(store, SQ_IDENTITY);
    enum store_status status = sq_row(store, statement, "read the identity");
    if (status == STORE_OK) {
        identity->hash_data_key = sqlite3_column_int64(statement, 1);
        if (!sq_column_bytes(statement, 0, identity->id, STORE_ID, &len) || len != STORE_ID ||
            !sq_column_sealed(statement, 2, &identity->audit) ||
            !sq_column_sealed(statement, 3, &identity->bucket))
            status = sq_damaged(store, "its identity");
    } else if (status == STORE_NONE) {
        status = sq_damaged(store, "its identity");
    }
    sq_end(statement);
    if (status != STORE_OK)
        return status;

    statement = sq_take(store, SQ_DATA_KEYS);
    while ((status = sq_row(store, statement, "read the data keys")) == STORE_OK) {
        if (identity->n_keys == STORE_DATA_KEYS) {
            status = sq_damaged(store, "its list of data keys");
            break;
        }
        struct store_data_key *row = &identity->keys[identity->n_keys++];
        row->id = sqlite3_column_int64(statement, 0);
        if (!sq_column_text(statement, 1, row->kek_id, sizeof row->kek_id) ||
            !sq_column_sealed(statement, 2, &row->wrapped)) {
            status = sq_damaged(store, "a data key");
            break;
        }
    }
    sq_end(statement);
    return status == STORE_NONE ? STORE_OK : status;
}

enum store_status sq_user_find(struct store *store, struct bytes name, struct store_user *user)
{
    *user = (struct store_user){0};
    if (name.len == 0 || name.len > sizeof user->name)
        return STORE_NONE;
    sqlite3_stmt *statement = sq_take(store, SQ_USER_FIND);
    sq_bytes(statement, 1, name);
    enum store_status status = sq_row(store, statement, "look up a user");
    if (status == STORE_OK) {
        user->id = sqlite3_column_int64(statement, 0);
        memcpy(user->name, name.ptr, name.len);
        user->name_len = name.len;
        user->floor_s = sqlite3_column_int64(statement, 1);
        user->data_key = sqlite3_column_int64(statement, 2);
        if (!sq_column_sealed(statement, 3, &user->key))
            status = sq_damaged(store, "a user's key");
    }
    sq_end(statement);
    return status;
}

enum store_status sq_user_add(struct store *store, const struct store_user *user)
{
    sqlite3_stmt *statement = sq_take(store, SQ_USER_ADD);

    sq_number(statement, 1, user->id);
    sq_bytes(statement, 2, bytes_of(user->name, user->name_len));
    sq_number(statement, 3, user->floor_s);
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

static bool in_range(int64_t value, int64_t min, int64_t max)
{
    return value >= min && value <= max;
}

/* The row of SQ_TOKEN_COLUMNS.  What a stranger's hand may have written is checked before it is used. */
static bool token_of_row(sqlite3_stmt *statement, struct store_token *token)
{
    int64_t state = sqlite3_column_int64(statement, 3);
    int64_t algorithm = sqlite3_column_int64(statement, 4);
    int64_t digits = sqlite3_column_int64(statement, 5);
    int64_t period = sqlite3_column_int64(statement, 6);

    *token = (struct store_token){0};
    if (!in_range(state, TOKEN_PENDING, TOKEN_ACTIVE) ||
        !in_range(algorithm, ALGORITHM_SHA1, ALGORITHM_SHA512) || !in_range(digits, 6, 8) ||
        !in_range(period, 1, STORE_PERIOD_MAX))
        return false;
    token->id = sqlite3_column_int64(statement, 0);
    token->user = sqlite3_column_int64(statement, 1);
    token->state = (enum token_state)state;
    token->algorithm = (enum settings_algorithm)algorithm;
    token->digits = (unsigned)digits;
    token->period = (unsigned)period;
    token->created_s = sqlite3_column_int64(statement, 7);
    token->confirmed_s = sqlite3_column_int64(statement, 8);
    token->last_used_s = sqlite3_column_int64(statement, 9);
    token->last_step = sqlite3_column_int64(statement, 11);
    token->version = sqlite3_column_int64(statement, 12);
    return token->id > 0 && sq_column_text(statement, 2, token->name, sizeof token->name) &&
           sq_column_text(statement, 10, token->last_address, sizeof token->last_address) &&
           sq_column_sealed(statement, 13, &token->secret);
}

enum store_status sq_token_list(struct store *store, int64_t user,
                                struct store_token tokens[MFA_TOKENS_PER_USER], size_t *n)
{
    enum store_status status;
    sqlite3_stmt *statement = sq_take(store, SQ_TOKEN_LIST);

    *n = 0;
    sq_number(statement, 1, user);
    while ((status = sq_row(store, statement, "read tokens")) == STORE_OK) {
        if (*n == MFA_TOKENS_PER_USER || !token_of_row(statement, &tokens[*n])) {
            status = sq_damaged(store, "a token");
            break;
        }
        ++*n;
    }
    sq_end(statement);
    return status == STORE_NONE ? STORE_OK : status;
}

enum store_status sq_token_scan(struct store *store, store_token_visit *visit, void *context)
{
    enum store_status status;
    sqlite3_stmt *statement = sq_take(store, SQ_TOKEN_SCAN);

    while ((status = sq_row(store, statement, "read all tokens")) == STORE_OK) {
        struct store_token token;
        uint8_t name[MFA_USER_MAX];
        size_t len;
        if (!token_of_row(statement, &token) ||
            !sq_column_bytes(statement, 14, name, sizeof name, &len)) {
            status = sq_damaged(store, "a token");
            break;
        }
        if (!visit(context, bytes_of(name, len), &token))
            break;
    }
    sq_end(statement);
    return status == STORE_NONE ? STORE_OK : status;
}

enum store_status sq_token_add(struct store *store, const struct store_token *token)
{
    sqlite3_stmt *statement = sq_take(store, SQ_TOKEN_ADD);

    sq_number(statement, 1, token->id);
    sq_number(statement, 2, token->user);
    sqlite3_bind_text(statement, 3, token->name, -1, SQLITE_STATIC);
    sq_number(statement, 4, token->state);
    sq_number(statement, 5, token->algorithm);
    sq_number(statement, 6, token->digits);
    sq_number(statement, 7, token->period);
    sq_number(statement, 8, token->created_s);
    sq_number(statement, 9, token->confirmed_s);
    sq_number(statement, 10, token->last_used_s);
    sqlite3_bind_text(statement, 11, token->last_address, -1, SQLITE_STATIC);
    sq_number(statement, 12, token->last_step);
    sq_number(statement, 13, token->version);
    sq_bytes(statement, 14, bytes_of(token->secret.at, token->secret.len));
    return sq_run(store, statement, "add a token");
}

enum store_status sq_token_remove(struct store *store, int64_t token)
{
    sqlite3_stmt *statement = sq_take(store, SQ_TOKEN_REMOVE);

    sq_number(statement, 1, token);
    return sq_change(store, statement, "remove a token");
}

enum store_status sq_token_burn(struct store *store, int64_t token, int64_t step, int64_t now_s,
                                const char *address)
{
    sqlite3_stmt *statement = sq_take(store, SQ_TOKEN_BURN);

    sq_number(statement, 1, token);
    sq_number(statement, 2, step);
    sq_number(statement, 3, now_s);
    sqlite3_bind_text(statement, 4, address, -1, SQLITE_STATIC);
    return sq_change(store, statement, "burn a code");
}

enum store_status sq_token_restore(struct store *store, int64_t token, int64_t step,
                                   int64_t previous)
{
    sqlite3_stmt *statement = sq_take(store, SQ_TOKEN_RESTORE);

    sq_number(statement, 1, token);
    sq_number(statement, 2, step);
    sq_number(statement, 3, previous);
    return sq_change(store, statement, "give a code back");
}

enum store_status sq_token_activate(struct store *store, int64_t token, int64_t step, int64_t now_s)
{
    sqlite3_stmt *statement = sq_take(store, SQ_TOKEN_ACTIVATE);

    sq_number(statement, 1, token);
    sq_number(statement, 2, step);
    sq_number(statement, 3, now_s);
    return sq_change(store, statement, "activate a token");
}
