/* The chain of events. */
#include "config.h"

#include "pki/ledger_inside.h"

#include "common/audit.h"
#include "common/crypto.h"

#include <inttypes.h>
#include <stdio.h>

/* ,"seq":N,"prev":"64","hash":"64"} */
#define SEAL_MAX (7 + 19 + 9 + 64 + 1 + 9 + 64 + 2)

enum ledger_result ledger_read_head(struct ledger *ledger, struct ledger_head *head)
{
    sqlite3_stmt *statement = lq_take(ledger, LQ_HEAD);

    *head = (struct ledger_head){0};
    enum ledger_result result = lq_step(ledger, statement, "read the last event");
    if (result == LEDGER_OK) {
        struct bytes hash = lq_column(statement, 2);
        head->seq = sqlite3_column_int64(statement, 0);
        head->time_s = sqlite3_column_int64(statement, 1);
        if (hash.len == LEDGER_HASH)
            memcpy(head->hash, hash.ptr, LEDGER_HASH);
        else
            result = ledger_damaged(ledger, "the last event");
    }
    if (statement != NULL)
        lq_end(statement);
    return result == LEDGER_NONE ? LEDGER_OK : result;
}

enum ledger_result ledger_head(struct ledger *ledger, int64_t *seq, uint8_t hash[32])
{
    struct ledger_head head;
    enum ledger_result result = ledger_read_head(ledger, &head);

    *seq = head.seq;
    memcpy(hash, head.hash, LEDGER_HASH);
    return result;
}

enum ledger_result ledger_record_time(struct ledger *ledger, int64_t *time_s)
{
    struct ledger_head head;
    enum ledger_result result = ledger_read_head(ledger, &head);
    int64_t now_s = ledger->opening.now_s();

    *time_s = now_s > head.time_s ? now_s : head.time_s;
    return result;
}

static void append_hex(GString *line, const uint8_t hash[LEDGER_HASH])
{
    for (size_t i = 0; i < LEDGER_HASH; i++)
        g_string_append_printf(line, "%02x", hash[i]);
}

void ledger_line_prev(GString *line, int64_t seq, const uint8_t prev[LEDGER_HASH])
{
    g_string_append_printf(line, ",\"seq\":%" PRId64 ",\"prev\":\"", seq);
    append_hex(line, prev);
    g_string_append_c(line, '"');
}

void ledger_line_hash(GString *line, const uint8_t hash[LEDGER_HASH])
{
    g_string_append(line, ",\"hash\":\"");
    append_hex(line, hash);
    g_string_append(line, "\"}");
}

static enum ledger_result insert(struct ledger *ledger, const struct ledger_head *head,
                                 int64_t time_s, struct bytes text)
{
    sqlite3_stmt *statement = lq_take(ledger, LQ_EVENT_ADD);
    GString *line = g_string_new_len((const char *)text.ptr, (gssize)text.len);
    uint8_t hash[LEDGER_HASH];
    enum ledger_result result = LEDGER_FAILED;

    ledger_line_prev(line, head->seq + 1, head->hash);
    if (!crypto_sha256(bytes_of(line->str, line->len), hash))
        ledger_say(ledger, LEDGER_FAILED, "cannot record an event: SHA-256 cannot be computed");
    else if (statement != NULL) {
        lq_number(statement, 1, head->seq + 1);
        lq_number(statement, 2, time_s);
        sqlite3_bind_text64(statement, 3, (const char *)text.ptr, text.len, SQLITE_STATIC,
                            SQLITE_UTF8);
        lq_bytes(statement, 4, bytes_of(hash, sizeof hash));
        result = lq_run(ledger, statement, "record an event");
    }
    g_string_free(line, TRUE);
    return result;
}

/* head: the event before. */
static enum ledger_result put(struct ledger *ledger, const struct ledger_head *head,
                              const struct ledger_event *event, int64_t time_s)
{
    char line[AUDIT_LINE_MAX + 1];
    const struct audit_event record = {
        .time_ms = time_s * 1000,
        .event = event->event,
        .id = audit_new_id(),
        .result = event->result,
        .severity = event->alert ? SEVERITY_ALERT : SEVERITY_USUAL,
        .subject = event->name,
        .serial = ledger_serial(event->serial),
        .object = event->object,
        .has_uid = true,
        .uid = ledger->opening.uid,
        .detail = event->detail,
        .room = SEAL_MAX,
    };
    size_t len = audit_render(&record, UNKNOWN_NAMES_PLAIN, line);
    if (len < 2)
        return ledger_say(ledger, LEDGER_FAILED, "cannot record an event: it fits no line");
    return insert(ledger, head, time_s, bytes_of(line, len - 2)); /* without "}\n" */
}

enum ledger_result ledger_put_event(struct ledger *ledger, const struct ledger_event *event)
{
    struct ledger_head head;
    enum ledger_result result = ledger_read_head(ledger, &head);

    if (result != LEDGER_OK)
        return result;
    int64_t now_s = ledger->opening.now_s();
    return put(ledger, &head, event, now_s > head.time_s ? now_s : head.time_s);
}

enum ledger_result ledger_put_event_at(struct ledger *ledger, const struct ledger_event *event,
                                       int64_t time_s)
{
    struct ledger_head head;
    enum ledger_result result = ledger_read_head(ledger, &head);

    return result == LEDGER_OK ? put(ledger, &head, event, time_s) : result;
}

enum ledger_result ledger_record(struct ledger *ledger, const struct ledger_event *event)
{
    enum ledger_result result = ledger_enter(ledger, "record an event");

    if (result != LEDGER_OK)
        return result;
    return ledger_leave(ledger, ledger_put_event(ledger, event));
}

/* The hash of event seq; zeroes for the one before the first. */
static enum ledger_result hash_before(struct ledger *ledger, int64_t seq, uint8_t hash[LEDGER_HASH])
{
    sqlite3_stmt *statement = lq_take(ledger, LQ_EVENT_HASH);

    memset(hash, 0, LEDGER_HASH);
    if (statement == NULL)
        return LEDGER_FAILED;
    lq_number(statement, 1, seq);
    enum ledger_result result = lq_step(ledger, statement, "read an event");
    if (result == LEDGER_OK) {
        struct bytes value = lq_column(statement, 0);
        if (value.len == LEDGER_HASH)
            memcpy(hash, value.ptr, LEDGER_HASH);
    }
    lq_end(statement);
    return result == LEDGER_NONE ? LEDGER_OK : result;
}

enum ledger_result ledger_each_event(struct ledger *ledger, int64_t from_seq,
                                     bool (*each)(void *context, int64_t seq, struct bytes line),
                                     void *context)
{
    uint8_t hash[LEDGER_HASH];
    sqlite3_stmt *statement = lq_take(ledger, LQ_EVENTS);
    GString *line = g_string_new(NULL);
    bool more = true;

    if (from_seq < 1)
        from_seq = 1;
    enum ledger_result result =
        statement != NULL ? hash_before(ledger, from_seq - 1, hash) : LEDGER_FAILED;
    if (result == LEDGER_OK) {
        lq_number(statement, 1, from_seq);
        while (more && (result = lq_step(ledger, statement, "read the events")) == LEDGER_OK) {
            struct bytes text = lq_column(statement, 1), kept = lq_column(statement, 2);
            int64_t seq = sqlite3_column_int64(statement, 0);
            g_string_truncate(line, 0);
            g_string_append_len(line, (const char *)text.ptr, (gssize)text.len);
            ledger_line_prev(line, seq, hash);
            if (kept.len == LEDGER_HASH)
                memcpy(hash, kept.ptr, LEDGER_HASH);
            ledger_line_hash(line, hash);
            more = each(context, seq, bytes_of(line->str, line->len));
        }
    }
    if (statement != NULL)
        lq_end(statement);
    g_string_free(line, TRUE);
    return result == LEDGER_NONE ? LEDGER_OK : result;
}
