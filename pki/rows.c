#include "config.h"

#include "pki/rows.h"

#include "common/log.h"
#include "common/table.h"
#include "common/text.h"
#include "pki/publish.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DAY 86400

const char *rows_state(const struct ledger_row *row, int64_t now_s)
{
    if (row->state == LEDGER_RESERVED)
        return "reserved";
    if (row->state == LEDGER_ABANDONED)
        return "abandoned";
    if (row->revoked_s != 0)
        return row->reason == REVOKED_HOLD ? "hold" : "revoked";
    if (row->not_after <= now_s)
        return "expired";
    if (row->not_before > now_s)
        return "not yet valid";
    return row->replaced_by != 0 ? "replaced" : "live";
}

int64_t rows_days(int64_t until_s, int64_t now_s)
{
    int64_t left = until_s - now_s;

    return left >= 0 ? left / DAY : -((DAY - 1 - left) / DAY);
}

char *rows_printable(const char *text)
{
    size_t size = 4 * strlen(text) + 1;
    char *out = g_malloc(size);

    text_clean(out, size, bytes_str(text));
    return out;
}

json_t *rows_text_json(const char *text)
{
    g_autofree char *valid = g_utf8_make_valid(text, -1);

    return json_string(valid);
}

char *rows_file(const struct ledger_row *row)
{
    return row->path[0] != '\0' ? g_strconcat(row->path, ".crt", NULL) : g_strdup("");
}

static const char *issuer_of(const struct session *session, const struct ledger_row *row)
{
    for (size_t i = 0; i < session->n_authorities; i++)
        if (session->authorities[i].row.id == row->authority)
            return session->authorities[i].row.file;
    return "";
}

/* --- one row: text by hand, since a list may have 100,000 --- */

/* before: what stands in front, the key among it. */
static void put_text(GString *out, const char *before, const char *text)
{
    bool plain = true;

    g_string_append(out, before);
    for (const char *at = text; *at != '\0' && plain; at++)
        plain = *at >= 0x20 && *at < 0x7f && *at != '"' && *at != '\\';
    if (plain) {
        g_string_append_c(out, '"');
        g_string_append(out, text);
        g_string_append_c(out, '"');
    } else {
        json_t *string = rows_text_json(text);
        char *dumped = json_dumps(string, JSON_COMPACT | JSON_ENCODE_ANY);

        g_string_append(out, dumped != NULL ? dumped : "\"\"");
        free(dumped);
        json_decref(string);
    }
}

/* As publish_time, without printf and strftime, which took a third of the time of a long list. */
static void time_text(int64_t unix_s, char out[CLOCK_TEXT_MAX])
{
    time_t seconds = (time_t)unix_s;
    struct tm tm;

    if (unix_s < 0 || gmtime_r(&seconds, &tm) == NULL || tm.tm_year >= 10000 - 1900) {
        publish_time(unix_s, out);
        return;
    }
    const int parts[] = {(tm.tm_year + 1900) / 100,
                         (tm.tm_year + 1900) % 100,
                         tm.tm_mon + 1,
                         tm.tm_mday,
                         tm.tm_hour,
                         tm.tm_min,
                         tm.tm_sec};
    static const char behind[] = {0, '-', '-', 'T', ':', ':', 'Z'};
    char *at = out;

    for (size_t i = 0; i < G_N_ELEMENTS(parts); i++) {
        *at++ = (char)('0' + parts[i] / 10);
        *at++ = (char)('0' + parts[i] % 10);
        if (behind[i] != 0)
            *at++ = behind[i];
    }
    *at = '\0';
}

static void put_time(GString *out, const char *before, int64_t unix_s)
{
    char text[CLOCK_TEXT_MAX];

    time_text(unix_s, text);
    put_text(out, before, text);
}

static void put_sans(GString *out, const char *sans)
{
    g_auto(GStrv) all = g_strsplit(sans, ",", -1);

    g_string_append(out, ",\"sans\":[");
    for (size_t i = 0; all[i] != NULL; i++)
        put_text(out, i > 0 ? "," : "", all[i]);
    g_string_append_c(out, ']');
}

static void put_row(const struct session *session, const struct ledger_row *row, int64_t now_s,
                    GString *out)
{
    g_autoptr(GString) serial = g_string_sized_new(2 * CERTIFICATE_SERIAL + 1);
    const char *reason = ledger_reason_name(row->reason);
    char days[24];

    certificate_serial_text(bytes_of(row->serial, row->serial_len), serial);
    put_text(out, "{\"kind\":", ledger_kind_names[row->kind]);
    put_text(out, ",\"name\":", row->name);
    put_text(out, ",\"serial\":", serial->str);
    put_text(out, ",\"state\":", rows_state(row, now_s));
    put_time(out, ",\"not_before\":", row->not_before);
    put_time(out, ",\"not_after\":", row->not_after);
    snprintf(days, sizeof days, "%" PRId64, rows_days(row->not_after, now_s));
    g_string_append(out, ",\"days_left\":");
    g_string_append(out, days);
    put_sans(out, row->sans);
    g_autofree char *file = rows_file(row);
    put_text(out, ",\"file\":", file);
    put_text(out, ",\"ca\":", issuer_of(session, row));
    if (row->revoked_s != 0) {
        put_time(out, ",\"revoked\":", row->revoked_s);
        put_text(out, ",\"reason\":", reason != NULL ? reason : "");
    }
    g_string_append_c(out, '}');
}

json_t *rows_json(const struct session *session, const struct ledger_row *row, int64_t now_s)
{
    GString *text = g_string_new(NULL);
    json_t *object;

    put_row(session, row, now_s, text);
    object = json_loadb(text->str, text->len, 0, NULL);
    g_string_free(text, TRUE);
    return object;
}

/* --- all of them --- */

void rows_begin(struct rows *rows, const struct session *session, int64_t now_s, bool days)
{
    const char *const headings[] = {"KIND", "NAME", "SERIAL", "UNTIL", days ? "DAYS" : "STATE",
                                    "FILE"};

    *rows = (struct rows){.session = session, .now_s = now_s};
    if (session->json) {
        rows->json = g_string_new("{\"certificates\":[");
        return;
    }
    rows->table = table_new(headings, G_N_ELEMENTS(headings));
    rows->failed = rows->table == NULL;
    rows->days = days;
}

bool rows_add(void *context, const struct ledger_row *row)
{
    struct rows *rows = context;
    char until[CLOCK_TEXT_MAX], days[24];

    if (rows->failed)
        return false;
    rows->n++;
    if (rows->json != NULL) {
        if (rows->n > 1)
            g_string_append_c(rows->json, ',');
        put_row(rows->session, row, rows->now_s, rows->json);
        return true;
    }
    GString *serial = g_string_sized_new(2 * CERTIFICATE_SERIAL + 1);
    g_autofree char *path = rows_file(row), *file = rows_printable(path),
                    *name = rows_printable(row->name);

    time_text(row->not_after, until);
    snprintf(days, sizeof days, "%" PRId64, rows_days(row->not_after, rows->now_s));
    certificate_serial_text(bytes_of(row->serial, row->serial_len), serial);
    const char *const cells[] = {
        ledger_kind_names[row->kind],
        name[0] != '\0' ? name : "-",
        serial->str,
        until,
        rows->days ? days : rows_state(row, rows->now_s),
        file[0] != '\0' ? file : "-",
    };
    rows->failed = !table_add(rows->table, cells);
    g_string_free(serial, TRUE);
    return !rows->failed;
}

bool rows_end(struct rows *rows, bool print, const char *none)
{
    bool done = !rows->failed;

    if (!done)
        log_error("cannot list the certificates: memory is short");
    else if (print && rows->json != NULL) {
        g_string_append(rows->json, "]}\n");
        done = fwrite(rows->json->str, 1, rows->json->len, stdout) == rows->json->len;
    } else if (print && rows->n > 0) {
        table_print(rows->table, stdout);
    } else if (print && !rows->session->quiet) {
        printf("%s\n", none);
    }
    if (print && done && (fflush(stdout) != 0 || ferror(stdout) != 0))
        done = false;
    if (print && !done && !rows->failed)
        log_error("cannot write the list to standard output");
    if (rows->json != NULL)
        g_string_free(rows->json, TRUE);
    table_free(rows->table);
    return done;
}
