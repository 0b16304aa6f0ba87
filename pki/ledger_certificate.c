/* The life of a row: reserved, then issued or abandoned; or adopted at once. */
#include "config.h"

#include "pki/ledger_inside.h"

#include "common/clock.h"
#include "common/crypto.h"

#include <stdio.h>

static struct bytes serial_of(const struct ledger_row *row)
{
    return ledger_serial(bytes_of(row->serial, row->serial_len));
}

/* All columns; id is set. */
static enum ledger_result insert_row(struct ledger *ledger, struct ledger_row *row,
                                     const char *process)
{
    sqlite3_stmt *statement = lq_take(ledger, LQ_ROW_ADD);
    char *folded = ledger_fold(row->name != NULL ? row->name : "");
    enum ledger_result result = LEDGER_FAILED;

    if (statement == NULL)
        goto out;
    lq_number(statement, 1, row->authority);
    lq_number(statement, 2, row->kind);
    lq_number(statement, 3, row->state);
    lq_bytes(statement, 4, serial_of(row));
    lq_text(statement, 5, row->name);
    lq_text(statement, 6, folded);
    lq_text(statement, 7, row->sans);
    lq_number(statement, 8, row->not_before);
    lq_number(statement, 9, row->not_after);
    lq_bytes(statement, 10, bytes_of(row->key_id, sizeof row->key_id));
    if (row->state == LEDGER_ISSUED)
        lq_bytes(statement, 11, bytes_of(row->fingerprint, sizeof row->fingerprint));
    lq_text(statement, 12, row->path);
    lq_number(statement, 13, row->has_key);
    lq_maybe(statement, 14, row->replaces);
    lq_number(statement, 15, row->created_s);
    lq_number(statement, 16, row->revoked_s);
    lq_number(statement, 17, row->reason);
    lq_number(statement, 18, row->adopted);
    lq_text(statement, 19, process);
    result = lq_run(ledger, statement, "write down a certificate");
    if (result == LEDGER_OK)
        row->id = sqlite3_last_insert_rowid(ledger->db);
out:
    g_free(folded);
    return result;
}

static enum ledger_result insert_hosts(struct ledger *ledger, const struct ledger_row *row)
{
    GPtrArray *hosts = ledger_hosts(row);
    enum ledger_result result = LEDGER_OK;

    for (guint i = 0; i < hosts->len && result == LEDGER_OK; i++) {
        sqlite3_stmt *statement = lq_take(ledger, LQ_HOST_ADD);
        if (statement != NULL) {
            lq_text(statement, 1, hosts->pdata[i]);
            lq_number(statement, 2, row->id);
        }
        result = lq_run(ledger, statement, "write down a host name");
    }
    g_ptr_array_unref(hosts);
    return result;
}

static enum ledger_result insert_body(struct ledger *ledger, int64_t id, struct bytes der)
{
    sqlite3_stmt *statement = lq_take(ledger, LQ_BODY_ADD);

    if (statement != NULL) {
        lq_number(statement, 1, id);
        lq_bytes(statement, 2, der);
    }
    return lq_run(ledger, statement, "write down a certificate");
}

/* "client until 2027-12-31T10:00:00Z, SHA-256 AB12.., instead of 01CD..": what the chain is to prove later. */
static enum ledger_result record_row(struct ledger *ledger, const char *event,
                                     const struct ledger_row *row,
                                     const struct ledger_row *replaced)
{
    char end[CLOCK_TEXT_MAX], serial[LEDGER_SERIAL_TEXT];
    GString *detail = g_string_new(NULL);

    clock_text(row->not_after * 1000, end);
    g_string_printf(detail, "%s until %.19sZ, SHA-256 ", ledger_kind_names[row->kind], end);
    for (size_t i = 0; i < sizeof row->fingerprint; i++)
        g_string_append_printf(detail, "%02X", row->fingerprint[i]);
    if (replaced != NULL) {
        ledger_serial_text(serial_of(replaced), serial);
        g_string_append_printf(detail, ", instead of %s", serial);
    }
    enum ledger_result result =
        ledger_put_event(ledger, &(struct ledger_event){.event = event,
                                                        .result = "done",
                                                        .name = bytes_str(row->name),
                                                        .serial = serial_of(row),
                                                        .object = row->path,
                                                        .detail = detail->str});
    g_string_free(detail, TRUE);
    return result;
}

static enum ledger_result reserve_one(struct ledger *ledger, struct ledger_row *row, int64_t now_s,
                                      unsigned flags, const char *const *roles, size_t n_roles)
{
    enum ledger_result result = ledger_rules(ledger, row, now_s, flags, roles, n_roles);

    if (result != LEDGER_OK)
        return result;
    row->state = LEDGER_RESERVED;
    row->created_s = now_s;
    row->revoked_s = 0;
    row->reason = 0;
    row->adopted = false;
    result = insert_row(ledger, row, ledger->process);
    if (result == LEDGER_FAILED && sqlite3_extended_errcode(ledger->db) == SQLITE_CONSTRAINT_UNIQUE)
        return ledger_say(ledger, LEDGER_REFUSED,
                          "the drawn serial is in the ledger already: are the random numbers of "
                          "this machine to be trusted?");
    return result == LEDGER_OK ? insert_hosts(ledger, row) : result;
}

enum ledger_result ledger_reserve(struct ledger *ledger, struct ledger_row *rows, size_t n,
                                  unsigned flags, const char *const *roles, size_t n_roles,
                                  size_t *refused)
{
    if (ledger->process[0] == '\0')
        ledger_process_self(ledger->process);
    enum ledger_result result = ledger_enter(ledger, "reserve serials");
    if (result != LEDGER_OK)
        return result;
    /* Under the lock: whoever held it before us has read an earlier clock. */
    int64_t now_s = ledger->opening.now_s();
    for (size_t i = 0; i < n && result == LEDGER_OK; i++) {
        result = reserve_one(ledger, &rows[i], now_s, flags, roles, n_roles);
        if (result != LEDGER_OK && refused != NULL)
            *refused = i;
    }
    return ledger_leave(ledger, result);
}

/* Which of issue, renew, rekey it was; *replaced is filled when it was not the first. */
static enum ledger_result what_it_was(struct ledger *ledger, const struct ledger_row *row,
                                      struct ledger_row *replaced, const char **event)
{
    *event = "issue";
    if (row->replaces == 0)
        return LEDGER_OK;
    enum ledger_result result = ledger_find_row(ledger, row->replaces, replaced);
    if (result == LEDGER_OK)
        *event = memcmp(row->key_id, replaced->key_id, KEY_ID) == 0 ? "renew" : "rekey";
    return result;
}

static enum ledger_result not_reserved(struct ledger *ledger, const struct ledger_row *row)
{
    char serial[LEDGER_SERIAL_TEXT];

    ledger_serial_text(serial_of(row), serial);
    return ledger_say(
        ledger, LEDGER_REFUSED,
        "the certificate %s (serial %s) is not reserved any more: it was %s meanwhile; "
        "do not use its files, and issue it anew",
        row->name, serial, row->state == LEDGER_ABANDONED ? "abandoned" : "completed");
}

static bool is_tainted(const struct ledger_row *row)
{
    return row->revoked_s != 0 && row->reason != REVOKED_SUPERSEDED;
}

/*
 * While it was being made, what it replaces or another certificate of its key may have been revoked: whoever did that did
 * not see it, and meant it as well.  *reason: of that one; -1 = there is none.
 */
static enum ledger_result look_again(struct ledger *ledger, const struct ledger_row *row,
                                     const struct ledger_row *replaced, int *reason)
{
    sqlite3_stmt *statement;
    enum ledger_result result;

    *reason = replaced != NULL && is_tainted(replaced) ? replaced->reason : -1;
    if (*reason >= 0 || (row->kind != KIND_SERVER && row->kind != KIND_CLIENT))
        return LEDGER_OK;
    if ((statement = lq_take(ledger, LQ_SAME_KEY)) == NULL)
        return LEDGER_FAILED;
    lq_bytes(statement, 1, bytes_of(row->key_id, KEY_ID));
    while ((result = lq_step(ledger, statement, "look at the key's users")) == LEDGER_OK) {
        struct ledger_row other;
        result = ledger_read_row(ledger, statement, &other);
        if (result == LEDGER_OK && other.id != row->id && is_tainted(&other))
            *reason = other.reason;
        ledger_row_clear(&other);
        if (result != LEDGER_OK || *reason >= 0)
            break;
    }
    lq_end(statement);
    return result == LEDGER_NONE ? LEDGER_OK : result;
}

/* row: as the ledger has it. */
static enum ledger_result complete_row(struct ledger *ledger, struct ledger_row *row,
                                       struct bytes der)
{
    struct ledger_row replaced = {0};
    const char *event = NULL;
    int reason = -1;

    if (row->state != LEDGER_RESERVED)
        return not_reserved(ledger, row);
    if (!crypto_sha256(der, row->fingerprint))
        return ledger_say(ledger, LEDGER_FAILED, "cannot complete %s: SHA-256 cannot be computed",
                          row->name);
    sqlite3_stmt *statement = lq_take(ledger, LQ_ROW_DONE);
    if (statement != NULL) {
        lq_number(statement, 1, row->id);
        lq_bytes(statement, 2, bytes_of(row->fingerprint, sizeof row->fingerprint));
    }
    enum ledger_result result = lq_run(ledger, statement, "complete a certificate");
    if (result == LEDGER_OK)
        result = insert_body(ledger, row->id, der);
    if (result == LEDGER_OK)
        result = what_it_was(ledger, row, &replaced, &event);
    if (result == LEDGER_OK && row->replaces != 0) {
        statement = lq_take(ledger, LQ_ROW_REPLACED);
        if (statement != NULL) {
            lq_number(statement, 1, row->replaces);
            lq_number(statement, 2, row->id);
        }
        result = lq_run(ledger, statement, "note what was replaced");
    }
    if (result == LEDGER_OK)
        result = record_row(ledger, event, row, row->replaces != 0 ? &replaced : NULL);
    if (result == LEDGER_OK)
        result = look_again(ledger, row, row->replaces != 0 ? &replaced : NULL, &reason);
    if (result == LEDGER_OK && reason >= 0 &&
        (result = ledger_revoke(ledger, row->id, reason)) == LEDGER_OK &&
        (result = ledger_record_time(ledger, &row->revoked_s)) == LEDGER_OK)
        row->reason = reason;
    ledger_row_clear(&replaced);
    return result;
}

enum ledger_result ledger_complete(struct ledger *ledger, struct ledger_row *rows, size_t n)
{
    enum ledger_result result = ledger_enter(ledger, "complete certificates");

    if (result != LEDGER_OK)
        return result;
    for (size_t i = 0; i < n && result == LEDGER_OK; i++) {
        struct ledger_row row;
        result = ledger_find_row(ledger, rows[i].id, &row);
        if (result == LEDGER_OK && (rows[i].der == NULL || rows[i].der->len == 0))
            result = ledger_say(ledger, LEDGER_FAILED, "cannot complete %s without its certificate",
                                row.name);
        if (result == LEDGER_OK)
            result = complete_row(ledger, &row, bytes_of(rows[i].der->data, rows[i].der->len));
        rows[i].revoked_s = row.revoked_s;
        rows[i].reason = row.reason;
        ledger_row_clear(&row);
    }
    return ledger_leave(ledger, result);
}

static enum ledger_result abandon_row(struct ledger *ledger, const struct ledger_row *row,
                                      const char *detail, bool withdraw)
{
    if (row->state != LEDGER_RESERVED)
        return not_reserved(ledger, row);
    sqlite3_stmt *statement = lq_take(ledger, LQ_ROW_ABANDON);
    if (statement != NULL)
        lq_number(statement, 1, row->id);
    enum ledger_result result = lq_run(ledger, statement, "abandon a certificate");
    if (result == LEDGER_OK)
        result = ledger_put_event(ledger, &(struct ledger_event){.event = "abandon",
                                                                 .result = "done",
                                                                 .name = bytes_str(row->name),
                                                                 .serial = serial_of(row),
                                                                 .object = row->path,
                                                                 .detail = detail});
    return result == LEDGER_OK && withdraw ? ledger_revoke(ledger, row->id, REVOKED_CESSATION)
                                           : result;
}

static enum ledger_result abandon_all(struct ledger *ledger, const int64_t *ids, size_t n,
                                      const char *detail, bool withdraw)
{
    enum ledger_result result = ledger_enter(ledger, "abandon certificates");

    if (result != LEDGER_OK)
        return result;
    for (size_t i = 0; i < n && result == LEDGER_OK; i++) {
        struct ledger_row row;
        result = ledger_find_row(ledger, ids[i], &row);
        if (result == LEDGER_OK)
            result = abandon_row(ledger, &row, detail, withdraw);
        ledger_row_clear(&row);
    }
    return ledger_leave(ledger, result);
}

enum ledger_result ledger_abandon(struct ledger *ledger, const int64_t *ids, size_t n,
                                  const char *detail)
{
    return abandon_all(ledger, ids, n, detail, false);
}

enum ledger_result ledger_withdraw(struct ledger *ledger, const int64_t *ids, size_t n,
                                   const char *detail)
{
    return abandon_all(ledger, ids, n, detail, true);
}

static void clear_element(void *element)
{
    ledger_row_clear(element);
}

enum ledger_result ledger_left_over(struct ledger *ledger, GArray **out)
{
    sqlite3_stmt *statement = lq_take(ledger, LQ_LEFT_OVER);
    GArray *list = g_array_new(FALSE, TRUE, sizeof(struct ledger_row));
    enum ledger_result result = LEDGER_FAILED;
    int64_t now_s = ledger->opening.now_s();

    g_array_set_clear_func(list, clear_element);
    *out = NULL;
    while ((result = lq_step(ledger, statement, "look for what is half done")) == LEDGER_OK) {
        struct ledger_row row;
        const char *process = (const char *)sqlite3_column_text(statement, LEDGER_ROW_COLUMNS - 2);
        result = ledger_read_row(ledger, statement, &row);
        if (result != LEDGER_OK) {
            ledger_row_clear(&row);
            break;
        }
        if (ledger_process_gone(process != NULL ? process : "", now_s - row.created_s))
            g_array_append_val(list, row);
        else
            ledger_row_clear(&row);
    }
    if (statement != NULL)
        lq_end(statement);
    if (result != LEDGER_NONE) {
        g_array_unref(list);
        return LEDGER_FAILED;
    }
    *out = list;
    return LEDGER_OK;
}

/* Of what only a CRL knows, made up of the CA and the serial: it must be one that no other row has. */
static bool adopted_fingerprint(struct ledger_row *row, struct bytes der)
{
    uint8_t text[sizeof row->authority + CERTIFICATE_SERIAL];

    if (der.len > 0)
        return crypto_sha256(der, row->fingerprint);
    memcpy(text, &row->authority, sizeof row->authority);
    memcpy(text + sizeof row->authority, row->serial, row->serial_len);
    return crypto_sha256(bytes_of(text, sizeof row->authority + row->serial_len), row->fingerprint);
}

enum ledger_result ledger_adopt(struct ledger *ledger, struct ledger_row *row)
{
    struct bytes der =
        row->der != NULL ? bytes_of(row->der->data, row->der->len) : bytes_of(NULL, 0);
    char serial[LEDGER_SERIAL_TEXT];

    enum ledger_result result = ledger_enter(ledger, "adopt a certificate");
    if (result != LEDGER_OK)
        return result;
    row->state = LEDGER_ISSUED;
    row->adopted = true;
    if ((der.len == 0 && row->revoked_s == 0) || !adopted_fingerprint(row, der))
        result =
            ledger_say(ledger, LEDGER_FAILED, "cannot adopt %s without its certificate", row->name);
    if (result == LEDGER_OK)
        result = ledger_record_time(ledger, &row->created_s);
    if (result == LEDGER_OK) {
        result = insert_row(ledger, row, "");
        if (result == LEDGER_FAILED &&
            sqlite3_extended_errcode(ledger->db) == SQLITE_CONSTRAINT_UNIQUE) {
            ledger_serial_text(serial_of(row), serial);
            result = ledger_say(ledger, LEDGER_REFUSED,
                                "the ledger has a certificate of serial %s already", serial);
        }
    }
    if (result == LEDGER_OK)
        result = insert_hosts(ledger, row);
    if (result == LEDGER_OK && der.len > 0)
        result = insert_body(ledger, row->id, der);
    if (result == LEDGER_OK)
        result = record_row(ledger, "adopt", row, NULL);
    if (result == LEDGER_OK && row->revoked_s != 0)
        result = ledger_put_event(
            ledger, &(struct ledger_event){.event = row->reason == REVOKED_HOLD ? "hold" : "revoke",
                                           .result = "done",
                                           .name = bytes_str(row->name),
                                           .serial = serial_of(row),
                                           .object = row->path,
                                           .detail = ledger_reason_name(row->reason)});
    return ledger_leave(ledger, result);
}
