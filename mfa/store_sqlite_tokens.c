#include "config.h"

#include "mfa/store_sqlite.h"

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
    int64_t kind = sqlite3_column_int64(statement, 14);
    int64_t offset = sqlite3_column_int64(statement, 15);

    if (!in_range(state, TOKEN_PENDING, TOKEN_DISABLED) ||
        !in_range(algorithm, ALGORITHM_SHA1, ALGORITHM_SHA512) || !in_range(digits, 6, 8) ||
        !in_range(kind, TOKEN_TOTP, TOKEN_HOTP) ||
        !in_range(period, kind == TOKEN_TOTP ? 1 : 0, STORE_PERIOD_MAX) ||
        !in_range(offset, -RESYNC_STEPS, RESYNC_STEPS))
        return false;
    token->kind = (enum token_kind)kind;
    token->offset = offset;
    token->drift = sqlite3_column_int64(statement, 16);
    token->synced_s = sqlite3_column_int64(statement, 17);
    token->expires_s = sqlite3_column_int64(statement, 18);
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

enum store_status sq_token_page(struct store *store, int64_t after,
                                struct store_token tokens[STORE_BATCH], size_t *n)
{
    enum store_status status = STORE_OK;
    sqlite3_stmt *statement = sq_take(store, SQ_TOKEN_PAGE);

    *n = 0;
    sq_number(statement, 1, after);
    sq_number(statement, 2, STORE_BATCH);
    while (*n < STORE_BATCH && (status = sq_row(store, statement, "read tokens")) == STORE_OK) {
        if (!token_of_row(statement, &tokens[*n])) {
            sq_end(statement);
            return sq_damaged(store, "a token");
        }
        ++*n;
    }
    sq_end(statement);
    return status == STORE_FAILED ? STORE_FAILED : STORE_OK;
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
            !sq_column_bytes(statement, 19, name, sizeof name, &len)) {
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
    sq_text(statement, 3, token->name);
    sq_number(statement, 4, token->state);
    sq_number(statement, 5, token->algorithm);
    sq_number(statement, 6, token->digits);
    sq_number(statement, 7, token->period);
    sq_number(statement, 8, token->created_s);
    sq_number(statement, 9, token->confirmed_s);
    sq_number(statement, 10, token->last_used_s);
    sq_text(statement, 11, token->last_address);
    sq_number(statement, 12, token->last_step);
    sq_number(statement, 13, token->version);
    sq_bytes(statement, 14, bytes_of(token->secret.at, token->secret.len));
    sq_number(statement, 15, token->kind);
    sq_number(statement, 16, token->offset);
    sq_number(statement, 17, token->drift);
    sq_number(statement, 18, token->synced_s);
    sq_number(statement, 19, token->expires_s);
    return sq_run(store, statement, "add a token");
}

enum store_status sq_token_remove(struct store *store, int64_t token)
{
    return sq_change_number(store, SQ_TOKEN_REMOVE, token, "remove a token");
}

enum store_status sq_token_restore(struct store *store, int64_t token, int64_t step,
                                   int64_t previous)
{
    sqlite3_stmt *statement = sq_take(store, SQ_TOKEN_RESTORE);

    sq_number(statement, 1, token);
    sq_number(statement, 2, step);
    sq_number(statement, 3, previous);
    enum store_status status = sq_change(store, statement, "give a code back");
    if (status == STORE_OK)
        sq_note_back(store, token, previous);
    return status;
}

enum store_status sq_token_activate(struct store *store, int64_t token, int64_t step, int64_t now_s)
{
    sqlite3_stmt *statement = sq_take(store, SQ_TOKEN_ACTIVATE);

    sq_number(statement, 1, token);
    sq_number(statement, 2, step);
    sq_number(statement, 3, now_s);
    enum store_status status = sq_change(store, statement, "activate a token");
    if (status == STORE_OK)
        sq_note(store, token, step, now_s);
    return status;
}

enum store_status sq_token_set_state(struct store *store, int64_t token, enum token_state from,
                                     enum token_state to)
{
    sqlite3_stmt *statement = sq_take(store, SQ_TOKEN_SET_STATE);

    sq_number(statement, 1, token);
    sq_number(statement, 2, from);
    sq_number(statement, 3, to);
    return sq_change(store, statement, "change a token's state");
}

enum store_status sq_token_rename(struct store *store, int64_t token, const char *name)
{
    sqlite3_stmt *statement = sq_take(store, SQ_TOKEN_RENAME);

    sq_number(statement, 1, token);
    sq_text(statement, 2, name);
    enum store_status status = sq_change(store, statement, "rename a token");
    return status == STORE_NONE ? STORE_EXISTS : status;
}

enum store_status sq_token_resync(struct store *store, int64_t token, int64_t step, int64_t offset,
                                  int64_t now_s)
{
    sqlite3_stmt *statement = sq_take(store, SQ_TOKEN_RESYNC);

    sq_number(statement, 1, token);
    sq_number(statement, 2, step);
    sq_number(statement, 3, offset);
    sq_number(statement, 4, now_s);
    enum store_status status = sq_change(store, statement, "resynchronise a token");
    if (status == STORE_OK)
        sq_note(store, token, step, now_s);
    return status;
}

enum store_status sq_token_reseal(struct store *store, int64_t token, int64_t version,
                                  const struct store_sealed *secret)
{
    sqlite3_stmt *statement = sq_take(store, SQ_TOKEN_RESEAL);

    sq_number(statement, 1, token);
    sq_number(statement, 2, version);
    sq_bytes(statement, 3, bytes_of(secret->at, secret->len));
    return sq_change(store, statement, "change a token's secret");
}
