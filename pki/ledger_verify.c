/* What can be wrong with the file: each check reads one thing, and says what does not fit. */
#include "config.h"

#include "pki/ledger_inside.h"

#include "common/crypto.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>

#define SAID_MAX 100 /* sentences; a damaged file would have thousands */

/* What the chain says of one serial. */
struct told {
    uint64_t signed_as[4]; /* xor of the fingerprints: several CAs may have had the serial */
    int times;             /* it was issued or adopted */
    bool revoked;
    int reason;
};

/* The number of a CA's last CRL, and how many restores there had been. */
struct numbered {
    int64_t number, restores;
};

struct verify {
    struct ledger *ledger;
    void (*say)(void *context, const char *sentence);
    void *context;
    size_t said;
    GHashTable *by_serial; /* hex -> struct told */
    GHashTable *by_file;   /* file of a CA -> struct numbered */
    int64_t restores;      /* so far in the chain: each passes over numbers of CRLs */
    GArray
        *clocks; /* of int64_t: the last row when each clock was accepted; it may be dated later */
    guint clock; /* how many of them the rows have passed */
    int64_t seq, time_s; /* of the event before */
    uint8_t hash[LEDGER_HASH];
};

static void say(struct verify *verify, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void say(struct verify *verify, const char *format, ...)
{
    char sentence[1024];
    va_list args;

    if (verify->said++ >= SAID_MAX)
        return;
    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    verify->say(verify->context, sentence);
}

/* Every row of a query, until it fails. */
static void each_row(struct verify *verify, const char *query, const char *tried,
                     void (*look)(struct verify *verify, sqlite3_stmt *statement))
{
    sqlite3_stmt *statement = NULL;
    int rc = sqlite3_prepare_v2(verify->ledger->db, query, -1, &statement, NULL);

    while (rc == SQLITE_OK || rc == SQLITE_ROW) {
        rc = sqlite3_step(statement);
        if (rc == SQLITE_ROW)
            look(verify, statement);
    }
    if (rc != SQLITE_DONE) {
        ledger_fail(verify->ledger, rc, tried);
        say(verify, "%s", verify->ledger->error);
    }
    sqlite3_finalize(statement);
}

static const char *text_of(sqlite3_stmt *statement, int at)
{
    const char *text = (const char *)sqlite3_column_text(statement, at);

    return text != NULL ? text : "";
}

/* --- SQLite's own account --- */

static void look_integrity(struct verify *verify, sqlite3_stmt *statement)
{
    if (strcmp(text_of(statement, 0), "ok") != 0)
        say(verify, "the ledger %s is damaged: %s", verify->ledger->path, text_of(statement, 0));
}

static void look_foreign(struct verify *verify, sqlite3_stmt *statement)
{
    say(verify, "the ledger's table %s has a row %lld that leads to none in %s",
        text_of(statement, 0), (long long)sqlite3_column_int64(statement, 1),
        text_of(statement, 2));
}

/* --- the chain --- */

static struct told *told_of(struct verify *verify, const char *serial)
{
    struct told *told = g_hash_table_lookup(verify->by_serial, serial);

    if (told == NULL) {
        told = g_new0(struct told, 1);
        g_hash_table_insert(verify->by_serial, g_strdup(serial), told);
    }
    return told;
}

static void mix(uint64_t into[4], const uint8_t fingerprint[32])
{
    uint64_t words[4];

    memcpy(words, fingerprint, sizeof words);
    for (size_t i = 0; i < 4; i++)
        into[i] ^= words[i];
}

static bool read_fingerprint(const char *detail, uint8_t out[32])
{
    const char *at = strstr(detail, "SHA-256 ");

    if (at == NULL || strlen(at) < 8 + 64)
        return false;
    for (size_t i = 0; i < 32; i++) {
        gint high = g_ascii_xdigit_value(at[8 + 2 * i]), low = g_ascii_xdigit_value(at[9 + 2 * i]);
        if (high < 0 || low < 0)
            return false;
        out[i] = (uint8_t)(high * 16 + low);
    }
    return true;
}

static void note_signed(struct verify *verify, const char *serial, const char *detail,
                        const char *object)
{
    struct told *told = told_of(verify, serial);
    uint8_t fingerprint[32];

    (void)object;
    told->times++;
    if (read_fingerprint(detail, fingerprint))
        mix(told->signed_as, fingerprint);
}

static void note_revoked(struct verify *verify, const char *serial, const char *detail,
                         const char *object)
{
    struct told *told = told_of(verify, serial);

    (void)object;
    told->revoked = true;
    told->reason = ledger_reason_find(detail);
}

static void note_released(struct verify *verify, const char *serial, const char *detail,
                          const char *object)
{
    struct told *told = told_of(verify, serial);

    (void)detail;
    (void)object;
    told->revoked = false;
    told->reason = 0;
}

/* The last number of a CA's CRLs, as the events have it. */
static int64_t number_of(const struct verify *verify, const char *file)
{
    const struct numbered *numbered = g_hash_table_lookup(verify->by_file, file);

    return numbered == NULL ? 0
                            : numbered->number + (int64_t)LEDGER_RESTORE_CRLS *
                                                     (verify->restores - numbered->restores);
}

static void set_number(struct verify *verify, const char *file, int64_t number)
{
    struct numbered *numbered = g_new(struct numbered, 1);

    *numbered = (struct numbered){.number = number, .restores = verify->restores};
    g_hash_table_insert(verify->by_file, g_strdup(file), numbered);
}

static void note_authority(struct verify *verify, const char *serial, const char *detail,
                           const char *object)
{
    (void)serial;
    (void)detail;
    set_number(verify, object, 0);
}

static void note_restore(struct verify *verify, const char *serial, const char *detail,
                         const char *object)
{
    (void)serial;
    (void)detail;
    (void)object;
    verify->restores++;
}

static void note_clock(struct verify *verify, const char *serial, const char *detail,
                       const char *object)
{
    long long row = 0;
    int64_t last;

    (void)serial;
    (void)object;
    if (sscanf(detail, LEDGER_CLOCK_DETAIL "%lld", &row) != 1)
        return;
    last = row;
    g_array_append_val(verify->clocks, last);
    verify->time_s = 0; /* the next events are measured by this one */
}

static void note_crl(struct verify *verify, const char *serial, const char *detail,
                     const char *object)
{
    long long number = 0;

    (void)serial;
    if (sscanf(detail, "number %lld", &number) != 1)
        return;
    if (number <= number_of(verify, object))
        say(verify, "the CRL number %lld of %s came after %lld", number, object,
            (long long)number_of(verify, object));
    set_number(verify, object, number);
}

static const struct {
    const char *event;
    void (*note)(struct verify *verify, const char *serial, const char *detail, const char *object);
} notes[] = {
    {"issue", note_signed},        {"renew", note_signed},
    {"rekey", note_signed},        {"adopt", note_signed},
    {"revoke", note_revoked},      {"hold", note_revoked},
    {"release", note_released},    {"crl", note_crl},
    {"ca-init", note_authority},   {"ca-adopt", note_authority},
    {"ca-rotate", note_authority}, {"restore", note_restore},
    {"clock", note_clock},
};

static const char *member(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text != NULL ? text : "";
}

static void note_line(struct verify *verify, int64_t seq, const GString *line)
{
    json_t *object = json_loadb(line->str, line->len, 0, NULL);
    const char *event = member(object, "event");

    if (object == NULL)
        say(verify, "the event %" PRId64 " of the ledger is no JSON", seq);
    for (size_t i = 0; i < G_N_ELEMENTS(notes); i++)
        if (strcmp(notes[i].event, event) == 0)
            notes[i].note(verify, member(object, "serial"), member(object, "detail"),
                          member(object, "object"));
    json_decref(object);
}

static void look_event(struct verify *verify, sqlite3_stmt *statement)
{
    int64_t seq = sqlite3_column_int64(statement, 0), time_s = sqlite3_column_int64(statement, 3);
    struct bytes text = lq_column(statement, 1), kept = lq_column(statement, 2);
    GString *line = g_string_new_len((const char *)text.ptr, (gssize)text.len);
    uint8_t hash[LEDGER_HASH];

    if (seq != verify->seq + 1)
        say(verify, "the events of the ledger go from %" PRId64 " to %" PRId64 ": some are missing",
            verify->seq, seq);
    ledger_line_prev(line, seq, verify->hash);
    if (!crypto_sha256(bytes_of(line->str, line->len), hash) || kept.len != LEDGER_HASH ||
        memcmp(hash, kept.ptr, LEDGER_HASH) != 0)
        say(verify,
            "the event %" PRId64 " of the ledger does not fit the chain of hashes: it, or "
            "one before it, was changed",
            seq);
    ledger_line_hash(line, hash);
    note_line(verify, seq, line);
    if (time_s < verify->time_s)
        say(verify, "the event %" PRId64 " of the ledger is older than the one before", seq);
    verify->seq = seq;
    verify->time_s = time_s;
    memset(verify->hash, 0, sizeof verify->hash);
    if (kept.len == LEDGER_HASH)
        memcpy(verify->hash, kept.ptr, LEDGER_HASH);
    g_string_free(line, TRUE);
}

/* --- certificates --- */

static void compare_told(struct verify *verify, const struct ledger_row *row, const char *serial)
{
    struct told *told = g_hash_table_lookup(verify->by_serial, serial);

    if (told == NULL || told->times == 0) {
        say(verify, "no event says that the certificate \"%s\" (serial %s) was issued", row->name,
            serial);
        return;
    }
    mix(told->signed_as, row->fingerprint);
    if (--told->times > 0)
        return; /* of another CA as well: what was revoked cannot be told apart */
    for (size_t i = 0; i < 4; i++)
        if (told->signed_as[i] != 0) {
            say(verify, "the certificate \"%s\" (serial %s) is another than the event says",
                row->name, serial);
            break;
        }
    if (told->revoked != (row->revoked_s != 0) || told->reason != row->reason)
        say(verify, "the certificate \"%s\" (serial %s) is %s, and the events say %s", row->name,
            serial, row->revoked_s != 0 ? ledger_reason_name(row->reason) : "not revoked",
            told->revoked ? ledger_reason_name(told->reason) : "not revoked");
}

static void look_row(struct verify *verify, sqlite3_stmt *statement)
{
    char serial[LEDGER_SERIAL_TEXT];
    struct ledger_row row;

    if (ledger_read_row(verify->ledger, statement, &row) != LEDGER_OK) {
        say(verify, "%s", verify->ledger->error);
        ledger_row_clear(&row);
        return;
    }
    ledger_serial_text(bytes_of(row.serial, row.serial_len), serial);
    while (verify->clock < verify->clocks->len &&
           row.id > g_array_index(verify->clocks, int64_t, verify->clock)) {
        verify->clock++;
        verify->time_s = 0;
    }
    if (row.created_s < verify->time_s)
        say(verify,
            "the certificate \"%s\" (serial %s) is older than the one before it in the ledger",
            row.name, serial);
    verify->time_s = row.created_s;
    if (row.state == LEDGER_ISSUED) {
        const char *fault = ledger_body_fault(&row);
        if (fault != NULL)
            say(verify, "the ledger's row of \"%s\" (serial %s) %s", row.name, serial, fault);
        compare_told(verify, &row, serial);
    }
    ledger_row_clear(&row);
}

static void look_untold(gpointer key, gpointer value, gpointer context)
{
    const struct told *told = value;

    if (told->times > 0)
        say(context,
            "an event says that a certificate of serial %s was issued, and the ledger has "
            "none",
            (const char *)key);
}

static void look_authority(struct verify *verify, sqlite3_stmt *statement)
{
    const char *file = text_of(statement, 0);
    int64_t number = sqlite3_column_int64(statement, 1);

    if (number != number_of(verify, file))
        say(verify, "the last CRL of %s has the number %" PRId64 ", and the events say %" PRId64,
            file, number, number_of(verify, file));
}

bool ledger_verify(struct ledger *ledger, void (*say_it)(void *context, const char *sentence),
                   void *context)
{
    struct verify verify = {
        .ledger = ledger,
        .say = say_it,
        .context = context,
        .by_serial = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free),
        .by_file = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free),
        .clocks = g_array_new(FALSE, FALSE, sizeof(int64_t)),
    };
    bool own = ledger->depth == 0;

    /* One moment of it, while others write. */
    if (own && lq_run(ledger, lq_take(ledger, LQ_BEGIN_READ), "begin to read") != LEDGER_OK)
        say(&verify, "%s", ledger->error);
    else {
        each_row(&verify, "PRAGMA integrity_check(20)", "check the file", look_integrity);
        each_row(&verify, "PRAGMA foreign_key_check", "check the file", look_foreign);
        each_row(&verify, "SELECT seq, line, hash, time_s FROM event ORDER BY seq",
                 "read the events", look_event);
        verify.time_s = 0;
        each_row(&verify, LQ_WHOLE "ORDER BY c.id", "read the certificates", look_row);
        g_hash_table_foreach(verify.by_serial, look_untold, &verify);
        each_row(&verify, "SELECT file, crl_number FROM authority ORDER BY id", "read the CAs",
                 look_authority);
        if (own)
            lq_run(ledger, lq_take(ledger, LQ_ROLLBACK), "end to read");
    }
    if (verify.said > SAID_MAX)
        verify.say(context, "... and more");
    g_hash_table_destroy(verify.by_serial);
    g_hash_table_destroy(verify.by_file);
    g_array_unref(verify.clocks);
    return verify.said == 0;
}
