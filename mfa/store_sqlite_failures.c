#include "config.h"

#include "mfa/store_sqlite.h"

struct store_subject sq_subject_of_row(sqlite3_stmt *statement, struct bytes id)
{
    struct store_subject subject = {.slot = -1, .id_len = id.len};

    memcpy(subject.id, id.ptr, id.len);
    if (sqlite3_column_type(statement, 0) != SQLITE_NULL)
        subject.slot = sqlite3_column_int64(statement, 0);
    subject.failures = sqlite3_column_int64(statement, 1);
    subject.touched_ms = sqlite3_column_int64(statement, 2);
    return subject;
}

enum store_status sq_subject_find(struct store *store, struct bytes id,
                                  struct store_subject *subject)
{
    *subject = (struct store_subject){.slot = -1};
    sqlite3_stmt *statement = sq_take(store, SQ_SUBJECT_FIND);
    sq_bytes(statement, 1, id);
    enum store_status status = sq_row(store, statement, "look up failures");
    if (status == STORE_OK)
        *subject = sq_subject_of_row(statement, id);
    sq_end(statement);
    return status;
}

/* Whoever else holds the slot is forgotten (SQ_SUBJECT_EVICT), or kept without one (.._DISLODGE). */
static enum store_status clear_slot(struct store *store, const struct store_subject *subject,
                                    enum sq_statement how)
{
    if (subject->slot < 0)
        return STORE_OK;
    sqlite3_stmt *statement = sq_take(store, how);
    sq_number(statement, 1, subject->slot);
    sq_bytes(statement, 2, bytes_of(subject->id, subject->id_len));
    return sq_run(store, statement, "make room for failures");
}

enum store_status sq_failure_add(struct store *store, const struct store_subject *who,
                                 const struct store_address *from, int64_t forget_ms,
                                 int64_t now_ms)
{
    struct bytes id = bytes_of(who->id, who->id_len);

    if (clear_slot(store, who, SQ_SUBJECT_EVICT) != STORE_OK)
        return STORE_FAILED;
    sqlite3_stmt *statement = sq_take(store, SQ_FAILURE_WHO);
    sq_bytes(statement, 1, id);
    if (who->slot >= 0)
        sq_number(statement, 2, who->slot);
    sq_number(statement, 3, now_ms);
    sq_number(statement, 4, forget_ms);
    if (sq_run(store, statement, "count a failure") != STORE_OK)
        return STORE_FAILED;
    statement = sq_take(store, SQ_FAILURE_FROM);
    sq_bytes(statement, 1, id);
    sq_bytes(statement, 2, bytes_of(from->at, from->len));
    sq_number(statement, 3, now_ms);
    return sq_run(store, statement, "count a failure of an address");
}

enum store_status sq_success_note(struct store *store, const struct store_subject *who,
                                  const struct store_address *from, bool trusted, int64_t now_ms)
{
    struct bytes id = bytes_of(who->id, who->id_len);
    struct bytes address = bytes_of(from->at, from->len);
    sqlite3_stmt *statement = sq_take(store, SQ_SUCCESS_WHO);

    sq_bytes(statement, 1, id);
    sq_bytes(statement, 2, address);
    sq_number(statement, 3, now_ms);
    if (sq_run(store, statement, "note a success") != STORE_OK)
        return STORE_FAILED;
    statement = sq_take(store, SQ_SUCCESS_FROM);
    sq_bytes(statement, 1, id);
    sq_bytes(statement, 2, address);
    sq_number(statement, 3, trusted);
    sq_number(statement, 4, trusted ? now_ms : 0);
    return sq_run(store, statement, "note a success of an address");
}

enum store_status sq_subject_page(struct store *store, struct bytes after,
                                  struct store_subject subjects[STORE_BATCH], size_t *n)
{
    enum store_status status = STORE_OK;
    sqlite3_stmt *statement = sq_take(store, SQ_SUBJECT_PAGE);

    *n = 0;
    sq_bytes(statement, 1, after);
    sq_number(statement, 2, STORE_BATCH);
    while (*n < STORE_BATCH && (status = sq_row(store, statement, "list failures")) == STORE_OK) {
        uint8_t id[STORE_SUBJECT];
        size_t len;
        if (!sq_column_bytes(statement, 3, id, sizeof id, &len)) {
            sq_end(statement);
            return sq_damaged(store, "a row of failures");
        }
        subjects[(*n)++] = sq_subject_of_row(statement, bytes_of(id, len));
    }
    sq_end(statement);
    return status == STORE_FAILED ? STORE_FAILED : STORE_OK;
}

enum store_status sq_subject_put(struct store *store, const struct store_subject *subject)
{
    if (clear_slot(store, subject, SQ_SUBJECT_DISLODGE) != STORE_OK)
        return STORE_FAILED;
    sqlite3_stmt *statement = sq_take(store, SQ_SUBJECT_PUT);
    sq_bytes(statement, 1, bytes_of(subject->id, subject->id_len));
    if (subject->slot >= 0)
        sq_number(statement, 2, subject->slot);
    sq_number(statement, 3, subject->failures);
    sq_number(statement, 4, subject->touched_ms);
    return sq_run(store, statement, "record failures");
}

enum store_status sq_subject_remove(struct store *store, struct bytes id)
{
    sqlite3_stmt *statement = sq_take(store, SQ_SUBJECT_REMOVE);

    sq_bytes(statement, 1, id);
    return sq_change(store, statement, "forget failures");
}

static void address_of_row(sqlite3_stmt *statement, struct store_address *row)
{
    row->failures = sqlite3_column_int64(statement, 0);
    row->last_failure_ms = sqlite3_column_int64(statement, 1);
    row->last_success_ms = sqlite3_column_int64(statement, 2);
}

enum store_status sq_address_find(struct store *store, struct bytes subject, struct bytes address,
                                  struct store_address *row)
{
    *row = (struct store_address){.len = address.len};
    if (address.len > sizeof row->at)
        return STORE_NONE;
    if (address.len > 0)
        memcpy(row->at, address.ptr, address.len);
    sqlite3_stmt *statement = sq_take(store, SQ_ADDRESS_FIND);
    sq_bytes(statement, 1, subject);
    sq_bytes(statement, 2, address);
    enum store_status status = sq_row(store, statement, "look up failures of an address");
    if (status == STORE_OK)
        address_of_row(statement, row);
    sq_end(statement);
    return status;
}

enum store_status sq_address_list(struct store *store, struct bytes subject,
                                  struct store_address rows[STORE_ADDRESSES], size_t *n)
{
    enum store_status status = STORE_OK;
    sqlite3_stmt *statement = sq_take(store, SQ_ADDRESS_LIST);

    *n = 0;
    sq_bytes(statement, 1, subject);
    while (*n < STORE_ADDRESSES &&
           (status = sq_row(store, statement, "list addresses")) == STORE_OK) {
        struct store_address *row = &rows[*n];
        address_of_row(statement, row);
        if (!sq_column_bytes(statement, 3, row->at, sizeof row->at, &row->len)) {
            sq_end(statement);
            return sq_damaged(store, "an address");
        }
        ++*n;
    }
    sq_end(statement);
    return *n < STORE_ADDRESSES && status == STORE_FAILED ? STORE_FAILED : STORE_OK;
}

enum store_status sq_address_page(struct store *store, struct bytes subject, struct bytes address,
                                  struct store_from rows[STORE_BATCH], size_t *n)
{
    enum store_status status = STORE_OK;
    sqlite3_stmt *statement = sq_take(store, SQ_ADDRESS_PAGE);

    *n = 0;
    sq_bytes(statement, 1, subject);
    sq_bytes(statement, 2, address);
    sq_number(statement, 3, STORE_BATCH);
    while (*n < STORE_BATCH && (status = sq_row(store, statement, "list addresses")) == STORE_OK) {
        struct store_from *row = &rows[*n];
        *row = (struct store_from){0};
        address_of_row(statement, &row->address);
        if (!sq_column_bytes(statement, 3, row->address.at, sizeof row->address.at,
                             &row->address.len) ||
            !sq_column_bytes(statement, 4, row->subject, sizeof row->subject, &row->subject_len)) {
            sq_end(statement);
            return sq_damaged(store, "an address");
        }
        ++*n;
    }
    sq_end(statement);
    return status == STORE_FAILED ? STORE_FAILED : STORE_OK;
}

enum store_status sq_address_put(struct store *store, struct bytes subject,
                                 const struct store_address *row)
{
    sqlite3_stmt *statement = sq_take(store, SQ_ADDRESS_PUT);

    sq_bytes(statement, 1, subject);
    sq_bytes(statement, 2, bytes_of(row->at, row->len));
    sq_number(statement, 3, row->failures);
    sq_number(statement, 4, row->last_failure_ms);
    sq_number(statement, 5, row->last_success_ms);
    return sq_run(store, statement, "record failures of an address");
}

enum store_status sq_address_remove(struct store *store, struct bytes subject, struct bytes address)
{
    sqlite3_stmt *statement = sq_take(store, SQ_ADDRESS_REMOVE);

    sq_bytes(statement, 1, subject);
    sq_bytes(statement, 2, address);
    return sq_run(store, statement, "forget an address");
}

enum store_status sq_address_forgive(struct store *store, struct bytes subject)
{
    sqlite3_stmt *statement = sq_take(store, SQ_ADDRESS_FORGIVE);

    sq_bytes(statement, 1, subject);
    return sq_run(store, statement, "forgive failures");
}
