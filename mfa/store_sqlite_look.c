#include "config.h"

#include "mfa/store_sqlite.h"

/* State, user, key, and whether there is a break-glass account of that name: one statement. */
static enum store_status look_at_user(struct store *store, const struct store_ask *ask,
                                      struct store_view *view)
{
    bool break_glass = false;
    sqlite3_stmt *statement = sq_take(store, SQ_LOOK_USER);

    sq_bytes(statement, 1, ask->user);
    enum store_status status = sq_row(store, statement, "look up a user");
    if (status == STORE_OK) {
        if (sqlite3_column_type(statement, 0) != SQLITE_NULL &&
            !sq_user_of_row(statement, &view->user))
            status = sq_damaged(store, "a user");
        view->state.floor_s = sqlite3_column_int64(statement, 7);
        view->state.moved = sqlite3_column_int64(statement, 8);
        break_glass = sqlite3_column_int64(statement, 9) != 0;
    } else if (status == STORE_NONE) {
        status = sq_damaged(store, "its identity");
    }
    sq_end(statement);
    if (status == STORE_OK && break_glass) {
        status = sq_break_glass_find(store, ask->user, &view->break_glass);
        view->has_break_glass = status == STORE_OK;
    }
    return status;
}

static enum store_status look_at_subject(struct store *store, const struct store_ask *ask,
                                         struct store_view *view)
{
    view->in_bucket = store_in_bucket(ask, view);
    view->who = view->in_bucket ? ask->bucket : ask->name;
    view->from = view->in_bucket ? ask->bucket_from : ask->name_from;
    sqlite3_stmt *statement = sq_take(store, SQ_LOOK_SUBJECT);
    sq_bytes(statement, 1, bytes_of(view->who.id, view->who.id_len));
    sq_bytes(statement, 2, bytes_of(view->from.at, view->from.len));
    enum store_status status = sq_row(store, statement, "look up failures");
    view->who_stored = status == STORE_OK;
    if (view->who_stored) {
        view->who = sq_subject_of_row(statement, bytes_of(view->who.id, view->who.id_len));
        view->from_stored = sqlite3_column_int64(statement, 3) != 0;
    }
    if (view->from_stored) {
        view->from.failures = sqlite3_column_int64(statement, 4);
        view->from.last_failure_ms = sqlite3_column_int64(statement, 5);
        view->from.last_success_ms = sqlite3_column_int64(statement, 6);
    }
    sq_end(statement);
    return status == STORE_NONE ? STORE_OK : status;
}

enum store_status sq_look(struct store *store, enum store_mode mode, int64_t deadline_ms,
                          const struct store_ask *ask, struct store_view *view)
{
    *view = (struct store_view){0};
    if (store->engine->begin(store, mode, deadline_ms) != STORE_OK)
        return STORE_FAILED;
    enum store_status status = look_at_user(store, ask, view);
    /* An unknown user (id 0) has no tokens; looking costs the same. */
    if (status == STORE_OK)
        status = sq_token_list(store, view->user.id, view->tokens, &view->n_tokens);
    if (status == STORE_OK && ask->recovery) {
        status = sq_recovery_find(store, view->user.id, &view->recovery);
        view->has_recovery = status == STORE_OK;
        if (status == STORE_NONE)
            status = STORE_OK;
    }
    if (status == STORE_OK)
        status = look_at_subject(store, ask, view);
    if (status != STORE_OK)
        store->engine->rollback(store);
    return status;
}

static enum store_status burn(struct store *store, const struct store_burn *burn, int64_t now_s,
                              const char *address)
{
    enum store_status status;

    if (burn->is_recovery) {
        sqlite3_stmt *statement = sq_take(store, SQ_RECOVERY_BURN);
        sq_number(statement, 1, burn->token);
        sq_number(statement, 2, burn->step);
        status = sq_change(store, statement, "burn a recovery code");
    } else {
        sqlite3_stmt *statement =
            sq_take(store, burn->activate ? SQ_TOKEN_BURN_FIRST : SQ_TOKEN_BURN);
        sq_number(statement, 1, burn->token);
        sq_number(statement, 2, burn->step);
        sq_number(statement, 3, now_s);
        sq_text(statement, 4, address);
        sq_number(statement, 5, burn->drift);
        status = sq_change(store, statement, "burn a code");
    }
    if (status == STORE_OK)
        sq_note(store, burn->token, burn->step, now_s);
    return status;
}

enum store_status sq_burn_commit(struct store *store, const struct store_burn *burns, size_t n,
                                 int64_t now_s, const char *address, bool durable)
{
    bool counted = false;

    for (size_t i = 0; i < n; i++) {
        enum store_status status = burn(store, &burns[i], now_s, address);
        if (status != STORE_OK) {
            store->engine->rollback(store);
            return status;
        }
        counted |= burns[i].is_recovery || burns[i].is_counter;
    }
    enum store_status status = sq_commit_as(store, counted);
    return status == STORE_OK && durable && !counted ? sq_sync(store) : status;
}
