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

    statement = sq_take(store, SQ_WRAPS);
    while ((status = sq_row(store, statement, "read the data keys")) == STORE_OK) {
        if (identity->n_keys == STORE_WRAPS) {
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

enum store_status sq_state(struct store *store, struct store_state *state)
{
    *state = (struct store_state){0};
    sqlite3_stmt *statement = sq_take(store, SQ_STATE);
    enum store_status status = sq_row(store, statement, "read the store's state");
    if (status == STORE_OK) {
        state->floor_s = sqlite3_column_int64(statement, 0);
        state->moved = sqlite3_column_int64(statement, 1);
        if (!sq_column_text(statement, 2, state->home, sizeof state->home))
            status = sq_damaged(store, "its state");
    } else if (status == STORE_NONE) {
        status = sq_damaged(store, "its state");
    }
    sq_end(statement);
    return status;
}

enum store_status sq_state_set(struct store *store, const struct store_state *state)
{
    sqlite3_stmt *statement = sq_take(store, SQ_STATE_SET);

    sq_number(statement, 1, state->floor_s);
    sq_number(statement, 2, state->moved);
    sq_text(statement, 3, state->home);
    return sq_run(store, statement, "change the store's state");
}

enum store_status sq_wrap_add(struct store *store, const struct store_data_key *wrap)
{
    sqlite3_stmt *statement = sq_take(store, SQ_DATA_KEY_ADD);

    sq_number(statement, 1, wrap->id);
    if (sq_run(store, statement, "add a data key") != STORE_OK)
        return STORE_FAILED;
    statement = sq_take(store, SQ_WRAP_ADD);
    sq_number(statement, 1, wrap->id);
    sq_text(statement, 2, wrap->kek_id);
    sq_bytes(statement, 3, bytes_of(wrap->wrapped.at, wrap->wrapped.len));
    return sq_run(store, statement, "add a wrapped data key");
}

enum store_status sq_wrap_remove(struct store *store, int64_t data_key, const char *kek_id)
{
    sqlite3_stmt *statement = sq_take(store, SQ_WRAP_REMOVE);

    sq_number(statement, 1, data_key);
    sq_text(statement, 2, kek_id);
    return sq_change(store, statement, "remove a wrapped data key");
}

enum store_status sq_data_key_remove(struct store *store, int64_t data_key)
{
    return sq_change_number(store, SQ_DATA_KEY_REMOVE, data_key, "remove a data key");
}

enum store_status sq_data_key_uses(struct store *store, int64_t data_key, int64_t *uses)
{
    sqlite3_stmt *statement = sq_take(store, SQ_DATA_KEY_USES);

    *uses = 0;
    sq_number(statement, 1, data_key);
    enum store_status status = sq_row(store, statement, "count the uses of a data key");
    if (status == STORE_OK)
        *uses = sqlite3_column_int64(statement, 0);
    sq_end(statement);
    return status;
}

enum store_status sq_hash_keys_set(struct store *store, const struct store_identity *identity)
{
    sqlite3_stmt *statement = sq_take(store, SQ_HASH_KEYS_SET);

    sq_number(statement, 1, identity->hash_data_key);
    sq_bytes(statement, 2, bytes_of(identity->audit.at, identity->audit.len));
    sq_bytes(statement, 3, bytes_of(identity->bucket.at, identity->bucket.len));
    return sq_run(store, statement, "change the hash keys");
}
