#include "config.h"

#include "mfa/store_sqlite.h"

static enum store_status read_codes(struct store *store, struct store_recovery *recovery)
{
    enum store_status status;
    size_t len;
    sqlite3_stmt *statement = sq_take(store, SQ_RECOVERY_CODES);

    sq_number(statement, 1, recovery->user);
    while ((status = sq_row(store, statement, "read recovery codes")) == STORE_OK) {
        struct store_recovery_code *code = &recovery->codes[recovery->n];
        if (recovery->n == RECOVERY_CODES ||
            !sq_column_bytes(statement, 1, code->hash, sizeof code->hash, &len) ||
            len != sizeof code->hash) {
            status = sq_damaged(store, "a recovery code");
            break;
        }
        code->id = sqlite3_column_int64(statement, 0);
        code->used_s = sqlite3_column_int64(statement, 2);
        recovery->n++;
    }
    sq_end(statement);
    return status == STORE_NONE ? STORE_OK : status;
}

/* The row of SQ_RECOVERY_FIND, without the codes. */
static bool set_of_row(sqlite3_stmt *statement, int64_t user, struct store_recovery *recovery)
{
    size_t len;

    *recovery = (struct store_recovery){.user = user};
    recovery->iterations = sqlite3_column_int64(statement, 1);
    recovery->created_s = sqlite3_column_int64(statement, 2);
    return sq_column_bytes(statement, 0, recovery->salt, sizeof recovery->salt, &len) &&
           len == sizeof recovery->salt;
}

enum store_status sq_recovery_find(struct store *store, int64_t user,
                                   struct store_recovery *recovery)
{
    *recovery = (struct store_recovery){.user = user};
    sqlite3_stmt *statement = sq_take(store, SQ_RECOVERY_FIND);
    sq_number(statement, 1, user);
    enum store_status status = sq_row(store, statement, "look up recovery codes");
    if (status == STORE_OK && !set_of_row(statement, user, recovery))
        status = sq_damaged(store, "a set of recovery codes");
    sq_end(statement);
    return status == STORE_OK ? read_codes(store, recovery) : status;
}

enum store_status sq_recovery_page(struct store *store, int64_t after,
                                   struct store_recovery sets[STORE_BATCH], size_t *n)
{
    enum store_status status = STORE_OK;
    sqlite3_stmt *statement = sq_take(store, SQ_RECOVERY_PAGE);

    *n = 0;
    sq_number(statement, 1, after);
    sq_number(statement, 2, STORE_BATCH);
    while (*n < STORE_BATCH &&
           (status = sq_row(store, statement, "read recovery codes")) == STORE_OK) {
        struct store_recovery *set = &sets[*n];
        if (!set_of_row(statement, sqlite3_column_int64(statement, 3), set)) {
            sq_end(statement);
            return sq_damaged(store, "a set of recovery codes");
        }
        ++*n;
    }
    sq_end(statement);
    if (status == STORE_NONE)
        status = STORE_OK;
    for (size_t i = 0; status == STORE_OK && i < *n; i++)
        status = read_codes(store, &sets[i]);
    return status;
}

enum store_status sq_recovery_put(struct store *store, const struct store_recovery *recovery)
{
    if (sq_recovery_remove(store, recovery->user) == STORE_FAILED)
        return STORE_FAILED;
    sqlite3_stmt *statement = sq_take(store, SQ_RECOVERY_ADD);
    sq_number(statement, 1, recovery->user);
    sq_bytes(statement, 2, bytes_of(recovery->salt, sizeof recovery->salt));
    sq_number(statement, 3, recovery->iterations);
    sq_number(statement, 4, recovery->created_s);
    enum store_status status = sq_run(store, statement, "add recovery codes");
    for (size_t i = 0; status == STORE_OK && i < recovery->n; i++) {
        const struct store_recovery_code *code = &recovery->codes[i];
        statement = sq_take(store, SQ_RECOVERY_CODE_ADD);
        sq_number(statement, 1, code->id);
        sq_number(statement, 2, recovery->user);
        sq_bytes(statement, 3, bytes_of(code->hash, sizeof code->hash));
        sq_number(statement, 4, code->used_s);
        status = sq_run(store, statement, "add a recovery code");
    }
    return status;
}

enum store_status sq_recovery_remove(struct store *store, int64_t user)
{
    return sq_change_number(store, SQ_RECOVERY_REMOVE, user, "remove recovery codes");
}

enum store_status sq_recovery_restore(struct store *store, int64_t code, int64_t used_s)
{
    sqlite3_stmt *statement = sq_take(store, SQ_RECOVERY_RESTORE);

    sq_number(statement, 1, code);
    sq_number(statement, 2, used_s);
    enum store_status status = sq_change(store, statement, "give a recovery code back");
    if (status == STORE_OK)
        sq_note_back(store, code, 0);
    return status;
}

/* The row of SQ_BREAK_GLASS_COLUMNS. */
static bool break_glass_of_row(sqlite3_stmt *statement, struct store_break_glass *row)
{
    size_t salt = 0, hash = 0;

    *row = (struct store_break_glass){0};
    row->iterations = sqlite3_column_int64(statement, 2);
    row->created_s = sqlite3_column_int64(statement, 4);
    row->armed_until_s = sqlite3_column_int64(statement, 5);
    return sq_column_bytes(statement, 0, row->name, sizeof row->name, &row->name_len) &&
           sq_column_bytes(statement, 1, row->salt, sizeof row->salt, &salt) &&
           salt == sizeof row->salt &&
           sq_column_bytes(statement, 3, row->hash, sizeof row->hash, &hash) &&
           hash == sizeof row->hash &&
           sq_column_text(statement, 6, row->reason, sizeof row->reason) &&
           sq_column_text(statement, 7, row->armed_by, sizeof row->armed_by);
}

enum store_status sq_break_glass_find(struct store *store, struct bytes name,
                                      struct store_break_glass *row)
{
    *row = (struct store_break_glass){0};
    sqlite3_stmt *statement = sq_take(store, SQ_BREAK_GLASS_FIND);
    sq_bytes(statement, 1, name);
    enum store_status status = sq_row(store, statement, "look up a break-glass account");
    if (status == STORE_OK && !break_glass_of_row(statement, row))
        status = sq_damaged(store, "a break-glass account");
    sq_end(statement);
    return status;
}

enum store_status sq_break_glass_put(struct store *store, const struct store_break_glass *row)
{
    sqlite3_stmt *statement = sq_take(store, SQ_BREAK_GLASS_PUT);

    sq_bytes(statement, 1, bytes_of(row->name, row->name_len));
    sq_bytes(statement, 2, bytes_of(row->salt, sizeof row->salt));
    sq_number(statement, 3, row->iterations);
    sq_bytes(statement, 4, bytes_of(row->hash, sizeof row->hash));
    sq_number(statement, 5, row->created_s);
    sq_number(statement, 6, row->armed_until_s);
    sq_text(statement, 7, row->reason);
    sq_text(statement, 8, row->armed_by);
    return sq_run(store, statement, "keep a break-glass account");
}

enum store_status sq_break_glass_remove(struct store *store, struct bytes name)
{
    sqlite3_stmt *statement = sq_take(store, SQ_BREAK_GLASS_REMOVE);

    sq_bytes(statement, 1, name);
    return sq_change(store, statement, "remove a break-glass account");
}

enum store_status sq_break_glass_scan(struct store *store, store_break_glass_visit *visit,
                                      void *context)
{
    enum store_status status;
    struct store_break_glass row;
    sqlite3_stmt *statement = sq_take(store, SQ_BREAK_GLASS_SCAN);

    while ((status = sq_row(store, statement, "read break-glass accounts")) == STORE_OK) {
        if (!break_glass_of_row(statement, &row)) {
            status = sq_damaged(store, "a break-glass account");
            break;
        }
        if (!visit(context, &row))
            break;
    }
    sq_end(statement);
    return status == STORE_NONE ? STORE_OK : status;
}
