#include "config.h"

#include "mfa/store_sqlite.h"

enum store_status sq_subject_find(struct store *store, struct bytes id,
                                  struct store_subject *subject)
{
    *subject = (struct store_subject){.slot = -1};
    sqlite3_stmt *statement = sq_take(store, SQ_SUBJECT_FIND);
    sq_bytes(statement, 1, id);
    enum store_status status = sq_row(store, statement, "look up failures");
    if (status == STORE_OK) {
        memcpy(subject->id, id.ptr, id.len);
        subject->id_len = id.len;
        if (sqlite3_column_type(statement, 0) != SQLITE_NULL)
            subject->slot = sqlite3_column_int64(statement, 0);
        subject->failures = sqlite3_column_int64(statement, 1);
        subject->touched_ms = sqlite3_column_int64(statement, 2);
    }
    sq_end(statement);
    return status;
}

enum store_status sq_subject_put(struct store *store, const struct store_subject *subject)
{
    struct bytes id = bytes_of(subject->id, subject->id_len);
    sqlite3_stmt *statement;

    if (subject->slot >= 0) {
        statement = sq_take(store, SQ_SUBJECT_EVICT);
        sq_number(statement, 1, subject->slot);
        sq_bytes(statement, 2, id);
        if (sq_run(store, statement, "make room for failures") != STORE_OK)
            return STORE_FAILED;
    }
    statement = sq_take(store, SQ_SUBJECT_PUT);
    sq_bytes(statement, 1, id);
    if (subject->slot >= 0)
        sq_number(statement, 2, subject->slot);
    sq_number(statement, 3, subject->failures);
    sq_number(statement, 4, subject->touched_ms);
    return sq_run(store, statement, "record failures");
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
