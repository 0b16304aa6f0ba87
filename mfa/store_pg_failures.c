/*
 * Failures.  Each count is one statement that is right whatever runs beside it; the guard's row is
 * locked first all the same, so that those who share rows take turns and never wait in a circle.
 */
#include "config.h"

#include "mfa/store_pg.h"

static const struct pgconn_statement guard = {
    .name = "guard",
    .sql = "SELECT FROM pgsignet_mfa.guard WHERE id = $1 FOR UPDATE",
    .task = "wait for another attempt of the same name in",
    .types = "i",
};
/* Whoever else holds the slot of a newcomer goes; who has rows already changes nothing. */
static const struct pgconn_statement evict = {
    .name = "evict",
    .sql = "DELETE FROM pgsignet_mfa.subject WHERE slot = $1 AND id <> $2"
           " AND NOT EXISTS (SELECT FROM pgsignet_mfa.subject WHERE id = $2)",
    .task = "make room for failures in",
    .types = "ib",
};
static const struct pgconn_statement fail_subject = {
    .name = "fail_subject",
    .sql = "INSERT INTO pgsignet_mfa.subject AS s (id, slot, failures, touched_ms)"
           " VALUES ($1, $2, 1, $3) ON CONFLICT (id) DO UPDATE SET failures ="
           " CASE WHEN $4 > 0 AND (s.touched_ms > $3 OR $3::numeric - s.touched_ms > $4) THEN 1"
           " ELSE least(s.failures, 2147483646) + 1 END, touched_ms = excluded.touched_ms",
    .task = "count a failure in",
    .types = "biii",
};
static const struct pgconn_statement fail_address = {
    .name = "fail_address",
    .sql = "INSERT INTO pgsignet_mfa.address AS a"
           " (subject, address, failures, last_failure_ms, last_success_ms)"
           " VALUES ($1, $2, 1, $3, 0) ON CONFLICT (subject, address) DO UPDATE SET"
           " failures = least(a.failures, 2147483646) + 1,"
           " last_failure_ms = excluded.last_failure_ms",
    .task = "count a failure of an address in",
    .types = "bbi",
};
static const struct pgconn_statement forgive_subject = {
    .name = "forgive_subject",
    .sql = "INSERT INTO pgsignet_mfa.subject AS s (id, slot, failures, touched_ms)"
           " VALUES ($1, NULL, 0, $3) ON CONFLICT (id) DO UPDATE SET slot = NULL,"
           " failures = greatest(0, s.failures - coalesce((SELECT a.failures"
           "  FROM pgsignet_mfa.address a WHERE a.subject = $1 AND a.address = $2), 0)),"
           " touched_ms = excluded.touched_ms",
    .task = "note a success in",
    .types = "bbi",
};
static const struct pgconn_statement forgive_address = {
    .name = "forgive_address",
    .sql = "INSERT INTO pgsignet_mfa.address AS a"
           " (subject, address, failures, last_failure_ms, last_success_ms)"
           " VALUES ($1, $2, 0, 0, CASE WHEN $3 = 1 THEN $4 ELSE 0 END)"
           " ON CONFLICT (subject, address) DO UPDATE SET failures = 0, last_success_ms ="
           " CASE WHEN $3 = 1 THEN $4 ELSE a.last_success_ms END",
    .task = "note a success of an address in",
    .types = "bbii",
};
static const struct pgconn_statement subject_find = {
    .name = "subject_find",
    .sql = "SELECT id, slot, failures, touched_ms FROM pgsignet_mfa.subject WHERE id = $1",
    .task = "look up failures in",
    .types = "b",
};
static const struct pgconn_statement subject_page = {
    .name = "subject_page",
    .sql = "SELECT id, slot, failures, touched_ms FROM pgsignet_mfa.subject WHERE id > $1"
           " ORDER BY id LIMIT $2",
    .task = "list failures in",
    .types = "bi",
};
static const struct pgconn_statement dislodge = {
    .name = "dislodge",
    .sql = "UPDATE pgsignet_mfa.subject SET slot = NULL WHERE slot = $1 AND id <> $2",
    .task = "make room for failures in",
    .types = "ib",
};
static const struct pgconn_statement subject_put = {
    .name = "subject_put",
    .sql = "INSERT INTO pgsignet_mfa.subject (id, slot, failures, touched_ms)"
           " VALUES ($1, $2, $3, $4) ON CONFLICT (id) DO UPDATE SET slot = excluded.slot,"
           " failures = excluded.failures, touched_ms = excluded.touched_ms",
    .task = "record failures in",
    .types = "biii",
};
static const struct pgconn_statement subject_remove = {
    .name = "subject_remove",
    .sql = "DELETE FROM pgsignet_mfa.subject WHERE id = $1",
    .task = "forget failures in",
    .types = "b",
};
static const struct pgconn_statement address_find = {
    .name = "address_find",
    .sql = "SELECT address, failures, last_failure_ms, last_success_ms FROM pgsignet_mfa.address"
           " WHERE subject = $1 AND address = $2",
    .task = "look up failures of an address in",
    .types = "bb",
};
static const struct pgconn_statement address_list = {
    .name = "address_list",
    .sql = "SELECT address, failures, last_failure_ms, last_success_ms FROM pgsignet_mfa.address"
           " WHERE subject = $1 ORDER BY address LIMIT 256",
    .task = "list addresses in",
    .types = "b",
};
static const struct pgconn_statement address_page = {
    .name = "address_page",
    .sql = "SELECT subject, address, failures, last_failure_ms, last_success_ms"
           " FROM pgsignet_mfa.address WHERE (subject, address) > ($1, $2)"
           " ORDER BY subject, address LIMIT $3",
    .task = "list addresses in",
    .types = "bbi",
};
static const struct pgconn_statement guard_all = {
    .name = "guard_all",
    .sql = "SELECT FROM pgsignet_mfa.guard ORDER BY id FOR UPDATE",
    .task = "wait for all attempts in",
    .types = "",
};
static const struct pgconn_statement address_put = {
    .name = "address_put",
    .sql = "INSERT INTO pgsignet_mfa.address"
           " (subject, address, failures, last_failure_ms, last_success_ms)"
           " VALUES ($1, $2, $3, $4, $5) ON CONFLICT (subject, address) DO UPDATE SET"
           " failures = excluded.failures, last_failure_ms = excluded.last_failure_ms,"
           " last_success_ms = excluded.last_success_ms",
    .task = "record failures of an address in",
    .types = "bbiii",
};
static const struct pgconn_statement address_remove = {
    .name = "address_remove",
    .sql = "DELETE FROM pgsignet_mfa.address WHERE subject = $1 AND address = $2",
    .task = "forget an address in",
    .types = "bb",
};
static const struct pgconn_statement address_forgive = {
    .name = "address_forgive",
    .sql = "UPDATE pgsignet_mfa.address SET failures = 0 WHERE subject = $1",
    .task = "forgive failures in",
    .types = "b",
};

static struct bytes id_of(const struct store_subject *subject)
{
    return bytes_of(subject->id, subject->id_len);
}

/* A bucket of names, the names in it, and the slots they may take all share one row of the guard. */
struct pgconn_call pg_guard_call(const struct store_subject *who)
{
    unsigned row = 0;

    if (who->id_len >= 4)
        row = (unsigned)who->id[2] << 8 | (unsigned)who->id[3];
    else if (who->id_len >= 2)
        row = (unsigned)who->id[0] << 8 | (unsigned)who->id[1];
    return (struct pgconn_call){.statement = &guard,
                                .params = {PG_NUMBER((int64_t)(row % PG_GUARDS))}};
}

static struct pgconn_value slot_value(int64_t slot)
{
    return (struct pgconn_value){.number = slot, .is_null = slot < 0};
}

/* Sends them along, in this order. */
static enum store_status all_later(struct store *store, const struct pgconn_call *calls, size_t n)
{
    enum store_status status = STORE_OK;

    for (size_t i = 0; status == STORE_OK && i < n; i++)
        status = pg_later(store, &calls[i]);
    return status;
}

enum store_status pg_failure_add(struct store *store, const struct store_subject *who,
                                 const struct store_address *from, int64_t forget_ms,
                                 int64_t now_ms)
{
    const struct pgconn_call calls[] = {
        pg_guard_call(who),
        {.statement = &evict, .params = {slot_value(who->slot), PG_BYTES(id_of(who))}},
        {.statement = &fail_subject,
         .params = {PG_BYTES(id_of(who)), slot_value(who->slot), PG_NUMBER(now_ms),
                    PG_NUMBER(forget_ms)}},
        {.statement = &fail_address,
         .params = {PG_BYTES(id_of(who)), PG_BYTES(bytes_of(from->at, from->len)),
                    PG_NUMBER(now_ms)}},
    };

    return all_later(store, calls, 4);
}

enum store_status pg_success_note(struct store *store, const struct store_subject *who,
                                  const struct store_address *from, bool trusted, int64_t now_ms)
{
    struct bytes at = bytes_of(from->at, from->len);
    const struct pgconn_call calls[] = {
        pg_guard_call(who),
        {.statement = &forgive_subject,
         .params = {PG_BYTES(id_of(who)), PG_BYTES(at), PG_NUMBER(now_ms)}},
        {.statement = &forgive_address,
         .params = {PG_BYTES(id_of(who)), PG_BYTES(at), PG_NUMBER(trusted ? 1 : 0),
                    PG_NUMBER(now_ms)}},
    };

    return all_later(store, calls, 3);
}

enum store_status pg_subject_find(struct store *store, struct bytes id,
                                  struct store_subject *subject)
{
    const struct pgconn_call call = {.statement = &subject_find, .params = {PG_BYTES(id)}};
    PGresult *rows;

    *subject = (struct store_subject){.slot = -1};
    if (id.len > STORE_SUBJECT)
        return STORE_NONE;
    enum store_status status = pg_rows(store, &call, &rows);
    if (status == STORE_OK && PQntuples(rows) == 0)
        status = STORE_NONE;
    else if (status == STORE_OK && !pg_subject_of(rows, 0, subject))
        status = pg_damaged(store, "a row of failures");
    PQclear(rows);
    return status;
}

enum store_status pg_subject_page(struct store *store, struct bytes after,
                                  struct store_subject subjects[STORE_BATCH], size_t *n)
{
    const struct pgconn_call call = {.statement = &subject_page,
                                     .params = {PG_BYTES(after), PG_NUMBER(STORE_BATCH)}};
    PGresult *rows;

    *n = 0;
    enum store_status status = pg_rows(store, &call, &rows);
    for (int i = 0; status == STORE_OK && i < PQntuples(rows); i++) {
        if (*n == STORE_BATCH || !pg_subject_of(rows, i, &subjects[*n]))
            status = pg_damaged(store, "a row of failures");
        else
            ++*n;
    }
    PQclear(rows);
    return status;
}

enum store_status pg_subject_put(struct store *store, const struct store_subject *subject)
{
    const struct pgconn_call calls[] = {
        pg_guard_call(subject),
        {.statement = &dislodge, .params = {slot_value(subject->slot), PG_BYTES(id_of(subject))}},
        {.statement = &subject_put,
         .params = {PG_BYTES(id_of(subject)), slot_value(subject->slot),
                    PG_NUMBER(subject->failures), PG_NUMBER(subject->touched_ms)}},
    };

    /* Who has no slot shares nothing; and many who are enrolled at once must not hold all the guard. */
    if (subject->slot < 0)
        return pg_later(store, &calls[2]);
    return all_later(store, calls, 3);
}

enum store_status pg_subject_remove(struct store *store, struct bytes id)
{
    const struct pgconn_call call = {.statement = &subject_remove, .params = {PG_BYTES(id)}};

    return pg_change(store, &call);
}

enum store_status pg_address_find(struct store *store, struct bytes subject, struct bytes address,
                                  struct store_address *row)
{
    const struct pgconn_call call = {.statement = &address_find,
                                     .params = {PG_BYTES(subject), PG_BYTES(address)}};
    PGresult *rows;

    *row = (struct store_address){.len = address.len};
    if (address.len > sizeof row->at || subject.len > STORE_SUBJECT)
        return STORE_NONE;
    if (address.len > 0)
        memcpy(row->at, address.ptr, address.len);
    enum store_status status = pg_rows(store, &call, &rows);
    if (status == STORE_OK && PQntuples(rows) == 0)
        status = STORE_NONE;
    else if (status == STORE_OK && !pg_address_of(rows, 0, 0, row))
        status = pg_damaged(store, "an address");
    PQclear(rows);
    return status;
}

enum store_status pg_address_list(struct store *store, struct bytes subject,
                                  struct store_address rows[STORE_ADDRESSES], size_t *n)
{
    const struct pgconn_call call = {.statement = &address_list, .params = {PG_BYTES(subject)}};
    PGresult *got;

    *n = 0;
    enum store_status status = pg_rows(store, &call, &got);
    for (int i = 0; status == STORE_OK && i < PQntuples(got); i++) {
        if (*n == STORE_ADDRESSES || !pg_address_of(got, i, 0, &rows[*n]))
            status = pg_damaged(store, "an address");
        else
            ++*n;
    }
    PQclear(got);
    return status;
}

enum store_status pg_address_page(struct store *store, struct bytes subject, struct bytes address,
                                  struct store_from rows[STORE_BATCH], size_t *n)
{
    const struct pgconn_call call = {
        .statement = &address_page,
        .params = {PG_BYTES(subject), PG_BYTES(address), PG_NUMBER(STORE_BATCH)},
    };
    PGresult *got;

    *n = 0;
    enum store_status status = pg_rows(store, &call, &got);
    for (int i = 0; status == STORE_OK && i < PQntuples(got); i++) {
        struct store_from *row = &rows[*n];
        if (*n == STORE_BATCH || !pg_address_of(got, i, 1, &row->address) ||
            !pg_take(got, i, 0, row->subject, sizeof row->subject, &row->subject_len))
            status = pg_damaged(store, "an address");
        else
            ++*n;
    }
    PQclear(got);
    return status;
}

/* Whoever began an attempt holds a row of the guard until its end. */
enum store_status pg_drain(struct store *store, int64_t deadline_ms)
{
    const struct pgconn_call call = {.statement = &guard_all};

    enum store_status status = pg_begin(store, STORE_DURABLE, deadline_ms);
    if (status == STORE_OK)
        status = pg_later(store, &call);
    if (status == STORE_OK)
        status = pg_commit(store);
    pg_rollback(store);
    return status;
}

enum store_status pg_address_put(struct store *store, struct bytes subject,
                                 const struct store_address *row)
{
    const struct pgconn_call call = {
        .statement = &address_put,
        .params = {PG_BYTES(subject), PG_BYTES(bytes_of(row->at, row->len)),
                   PG_NUMBER(row->failures), PG_NUMBER(row->last_failure_ms),
                   PG_NUMBER(row->last_success_ms)},
    };

    return pg_later(store, &call);
}

enum store_status pg_address_remove(struct store *store, struct bytes subject, struct bytes address)
{
    const struct pgconn_call call = {.statement = &address_remove,
                                     .params = {PG_BYTES(subject), PG_BYTES(address)}};

    return pg_later(store, &call);
}

enum store_status pg_address_forgive(struct store *store, struct bytes subject)
{
    const struct pgconn_call call = {.statement = &address_forgive, .params = {PG_BYTES(subject)}};

    return pg_later(store, &call);
}
