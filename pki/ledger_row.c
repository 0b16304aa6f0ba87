/* One row of the ledger: read, cleared, and what is derived from it. */
#include "config.h"

#include "pki/ledger_inside.h"

#include "common/text.h"

#include <stdio.h>

#define HOST_MARK "DNS:"

const char *const ledger_kind_names[KINDS] = {
    [KIND_SERVER] = "server", [KIND_CLIENT] = "client", [KIND_CA] = "ca",
    [KIND_CROSS] = "cross",   [KIND_OTHER] = "other",
};

void ledger_row_clear(struct ledger_row *row)
{
    if (row == NULL)
        return;
    g_free(row->name);
    g_free(row->sans);
    g_free(row->path);
    if (row->der != NULL)
        g_byte_array_unref(row->der);
    *row = (struct ledger_row){0};
}

static char *column_text(sqlite3_stmt *statement, int at)
{
    struct bytes text = lq_column(statement, at);

    return text.len == 0 ? g_strdup("") : g_strndup((const char *)text.ptr, text.len);
}

/* Into out, which has room for `most`; false when it is longer, or shorter than `least`. */
static bool column_bytes(sqlite3_stmt *statement, int at, uint8_t *out, size_t least, size_t most,
                         size_t *len)
{
    struct bytes value = lq_column(statement, at);

    *len = value.len;
    if (value.len < least || value.len > most)
        return false;
    if (value.len > 0)
        memcpy(out, value.ptr, value.len);
    return true;
}

static bool in_range(int64_t value, int64_t most)
{
    return value >= 0 && value <= most;
}

enum ledger_result ledger_read_row(struct ledger *ledger, sqlite3_stmt *statement,
                                   struct ledger_row *out)
{
    int64_t kind = sqlite3_column_int64(statement, 2), state = sqlite3_column_int64(statement, 3);
    bool issued = state == LEDGER_ISSUED;
    size_t len;

    *out = (struct ledger_row){.id = sqlite3_column_int64(statement, 0)};
    if (!in_range(kind, KINDS - 1) || !in_range(state, LEDGER_ABANDONED) ||
        !column_bytes(statement, 4, out->serial, 1, sizeof out->serial, &out->serial_len) ||
        !column_bytes(statement, 9, out->key_id, KEY_ID, KEY_ID, &len) ||
        !column_bytes(statement, 10, out->fingerprint, issued ? sizeof out->fingerprint : 0,
                      sizeof out->fingerprint, &len)) {
        char what[64];
        snprintf(what, sizeof what, "the row %lld", (long long)out->id);
        return ledger_damaged(ledger, what);
    }
    out->authority = sqlite3_column_int64(statement, 1);
    out->kind = (enum ledger_kind)kind;
    out->state = (enum ledger_state)state;
    out->name = column_text(statement, 5);
    out->sans = column_text(statement, 6);
    out->not_before = sqlite3_column_int64(statement, 7);
    out->not_after = sqlite3_column_int64(statement, 8);
    out->path = column_text(statement, 11);
    out->has_key = sqlite3_column_int(statement, 12) != 0;
    out->replaces = sqlite3_column_int64(statement, 13);
    out->replaced_by = sqlite3_column_int64(statement, 14);
    out->created_s = sqlite3_column_int64(statement, 15);
    out->revoked_s = sqlite3_column_int64(statement, 16);
    out->reason = sqlite3_column_int(statement, 17);
    out->adopted = sqlite3_column_int(statement, 18) != 0;
    if (sqlite3_column_type(statement, LEDGER_ROW_COLUMNS - 1) == SQLITE_BLOB) {
        struct bytes der = lq_column(statement, LEDGER_ROW_COLUMNS - 1);
        out->der = g_byte_array_sized_new((guint)der.len);
        g_byte_array_append(out->der, der.ptr, (guint)der.len);
    }
    return LEDGER_OK;
}

enum ledger_result ledger_find_row(struct ledger *ledger, int64_t id, struct ledger_row *out)
{
    sqlite3_stmt *statement = lq_take(ledger, LQ_BY_ID);

    *out = (struct ledger_row){0};
    if (statement == NULL)
        return LEDGER_FAILED;
    lq_number(statement, 1, id);
    enum ledger_result result = lq_step(ledger, statement, "look up a certificate");
    if (result == LEDGER_OK)
        result = ledger_read_row(ledger, statement, out);
    else if (result == LEDGER_NONE)
        ledger_say(ledger, LEDGER_NONE, "the ledger %s has no certificate with the number %lld",
                   ledger->path, (long long)id);
    lq_end(statement);
    return result;
}

struct bytes ledger_serial(struct bytes serial)
{
    while (serial.len > 1 && serial.ptr[0] == 0)
        serial = bytes_of(serial.ptr + 1, serial.len - 1);
    return serial;
}

void ledger_serial_text(struct bytes serial, char out[LEDGER_SERIAL_TEXT])
{
    serial = ledger_serial(serial);
    out[0] = '\0';
    for (size_t i = 0; i < serial.len && i < CERTIFICATE_SERIAL; i++)
        snprintf(out + 2 * i, 3, "%02X", serial.ptr[i]);
}

char *ledger_fold(const char *name)
{
    char *folded = name_fold(bytes_str(name));

    if (folded != NULL)
        return folded;
    size_t size = 4 * strlen(name) + 1;
    folded = g_malloc(size);
    text_escape(folded, size, bytes_str(name));
    return folded;
}

GPtrArray *ledger_hosts(const struct ledger_row *row)
{
    GPtrArray *hosts = g_ptr_array_new_with_free_func(g_free);

    if (row->kind == KIND_SERVER && row->name != NULL && row->name[0] != '\0')
        g_ptr_array_add(hosts, ledger_fold(row->name));
    /* A comma inside of a URI makes a piece too many, which only refuses more. */
    gchar **pieces = g_strsplit(row->sans != NULL ? row->sans : "", ",", -1);
    for (size_t i = 0; pieces[i] != NULL; i++)
        if (g_str_has_prefix(pieces[i], HOST_MARK))
            g_ptr_array_add(hosts, ledger_fold(pieces[i] + sizeof HOST_MARK - 1));
    g_strfreev(pieces);
    return hosts;
}
