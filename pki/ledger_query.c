/* Questions to the ledger. */
#include "config.h"

#include "pki/ledger_inside.h"

enum ledger_result ledger_get(struct ledger *ledger, int64_t id, struct ledger_row *out)
{
    return ledger_find_row(ledger, id, out);
}

/* Two rows are one too many: adopted CAs may have had the same serial. */
static enum ledger_result by_bytes(struct ledger *ledger, enum lq_statement which,
                                   struct bytes value, const char *what, struct ledger_row *out)
{
    sqlite3_stmt *statement = lq_take(ledger, which);

    *out = (struct ledger_row){0};
    if (statement == NULL)
        return LEDGER_FAILED;
    lq_bytes(statement, 1, value);
    enum ledger_result result = lq_step(ledger, statement, "look up a certificate");
    if (result == LEDGER_OK)
        result = ledger_read_row(ledger, statement, out);
    else if (result == LEDGER_NONE)
        ledger_say(ledger, LEDGER_NONE, "the ledger %s has no certificate of this %s", ledger->path,
                   what);
    if (result == LEDGER_OK) {
        enum ledger_result more = lq_step(ledger, statement, "look up a certificate");
        if (more == LEDGER_OK)
            result = ledger_say(ledger, LEDGER_REFUSED,
                                "two CAs have signed certificates of this %s; name the file", what);
        else if (more == LEDGER_FAILED)
            result = more;
    }
    lq_end(statement);
    if (result != LEDGER_OK)
        ledger_row_clear(out);
    return result;
}

enum ledger_result ledger_by_serial(struct ledger *ledger, struct bytes serial,
                                    struct ledger_row *out)
{
    return by_bytes(ledger, LQ_BY_SERIAL, ledger_serial(serial), "serial", out);
}

enum ledger_result ledger_by_fingerprint(struct ledger *ledger, const uint8_t fingerprint[32],
                                         struct ledger_row *out)
{
    return by_bytes(ledger, LQ_BY_FINGERPRINT, bytes_of(fingerprint, 32), "fingerprint", out);
}

/* The index that leads to the fewest rows. */
static const char *best_index(const struct ledger_filter *filter)
{
    if (filter->name != NULL)
        return "certificate_folded";
    if (filter->revoked)
        return "certificate_revoked_end";
    if (filter->kind != 0)
        return "certificate_kind";
    return "certificate_end";
}

/* The conditions; parameters: ?1 name, ?2 authority, ?3 expires_before, ?4 live_at, ?5 kind. */
static GString *query_text(const struct ledger_filter *filter)
{
    const struct {
        bool on;
        const char *condition;
    } conditions[] = {
        {filter->name != NULL, "c.folded = ?1"},
        {filter->authority != 0, "c.authority = ?2"},
        {filter->expires_before != 0, "c.not_after < ?3"},
        {filter->live_at != 0, "c.not_after > ?4 AND c.not_before <= ?4 AND c.revoked_s = 0"},
        {filter->kind != 0, "c.kind = ?5"},
        {filter->revoked, "c.revoked_s > 0"},
        {filter->not_replaced, "c.replaced_by IS NULL"},
        {!filter->every_state, "c.state = 1"},
    };
    GString *text = g_string_new("SELECT " LQ_ROW);
    const char *word = " WHERE ";

    g_string_append_printf(text, ", %s FROM certificate c INDEXED BY %s",
                           filter->with_der ? "(SELECT der FROM body b WHERE b.certificate = c.id)"
                                            : "NULL",
                           best_index(filter));
    for (size_t i = 0; i < G_N_ELEMENTS(conditions); i++) {
        if (!conditions[i].on)
            continue;
        g_string_append_printf(text, "%s%s", word, conditions[i].condition);
        word = " AND ";
    }
    g_string_append(text, " ORDER BY c.not_after, c.id");
    return text;
}

static void bind_filter(sqlite3_stmt *statement, const struct ledger_filter *filter,
                        const char *folded)
{
    if (filter->name != NULL)
        lq_text(statement, 1, folded);
    lq_number(statement, 2, filter->authority);
    lq_number(statement, 3, filter->expires_before);
    lq_number(statement, 4, filter->live_at);
    lq_number(statement, 5, filter->kind - 1);
}

enum ledger_result ledger_each(struct ledger *ledger, const struct ledger_filter *filter,
                               bool (*each)(void *context, const struct ledger_row *row),
                               void *context)
{
    GString *text = query_text(filter);
    char *folded = filter->name != NULL ? ledger_fold(filter->name) : NULL;
    sqlite3_stmt *statement = NULL;
    enum ledger_result result = LEDGER_FAILED;
    bool more = true;

    int rc = sqlite3_prepare_v2(ledger->db, text->str, (int)text->len, &statement, NULL);
    if (rc != SQLITE_OK) {
        ledger_fail(ledger, rc, "look for certificates");
        goto out;
    }
    bind_filter(statement, filter, folded);
    while (more && (result = lq_step(ledger, statement, "look for certificates")) == LEDGER_OK) {
        struct ledger_row row;
        result = ledger_read_row(ledger, statement, &row);
        if (result == LEDGER_OK)
            more = each(context, &row);
        ledger_row_clear(&row);
        if (result != LEDGER_OK)
            break;
    }
    if (result == LEDGER_NONE)
        result = LEDGER_OK;
out:
    sqlite3_finalize(statement);
    g_string_free(text, TRUE);
    g_free(folded);
    return result;
}

static void clear_element(void *element)
{
    ledger_row_clear(element);
}

static bool keep(void *context, const struct ledger_row *row)
{
    GArray *list = context;
    struct ledger_row copy = *row;

    copy.name = g_strdup(row->name);
    copy.sans = g_strdup(row->sans);
    copy.path = g_strdup(row->path);
    if (row->der != NULL)
        g_byte_array_ref(row->der);
    g_array_append_val(list, copy);
    return true;
}

enum ledger_result ledger_list(struct ledger *ledger, const struct ledger_filter *filter,
                               GArray **out)
{
    GArray *list = g_array_new(FALSE, TRUE, sizeof(struct ledger_row));

    g_array_set_clear_func(list, clear_element);
    enum ledger_result result = ledger_each(ledger, filter, keep, list);
    if (result != LEDGER_OK) {
        g_array_unref(list);
        list = NULL;
    }
    *out = list;
    return result;
}

/* One group of rows: kind, state, revoked or not, over or not. */
static void count_group(sqlite3_stmt *statement, struct ledger_counts *out)
{
    int kind = sqlite3_column_int(statement, 0), state = sqlite3_column_int(statement, 1);
    bool revoked = sqlite3_column_int(statement, 2) != 0;
    bool lasts = sqlite3_column_int(statement, 3) != 0;
    int64_t n = sqlite3_column_int64(statement, 4), soonest = sqlite3_column_int64(statement, 5);

    if (kind < 0 || kind >= KINDS)
        return;
    if (state == LEDGER_RESERVED)
        out->reserved += n;
    else if (state == LEDGER_ABANDONED)
        out->abandoned += n;
    else if (!lasts)
        out->expired[kind] += n;
    else if (revoked)
        out->revoked[kind] += n;
    else {
        out->live[kind] += n;
        out->soonest[kind] = soonest;
    }
}

enum ledger_result ledger_count(struct ledger *ledger, int64_t now_s, struct ledger_counts *out)
{
    sqlite3_stmt *statement = lq_take(ledger, LQ_COUNT_ROWS);
    enum ledger_result result;

    *out = (struct ledger_counts){0};
    if (statement == NULL)
        return LEDGER_FAILED;
    lq_number(statement, 1, now_s);
    while ((result = lq_step(ledger, statement, "count certificates")) == LEDGER_OK)
        count_group(statement, out);
    lq_end(statement);
    return result == LEDGER_NONE ? LEDGER_OK : result;
}
