/* metrics: figures for node_exporter's textfile collector (Prometheus text format 0.0.4). */
#include "config.h"

#include "pki/cli.h"

#include "common/log.h"
#include "pki/crl.h"
#include "pki/place.h"
#include "pki/place_path.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PREFIX "pgsignet_ca_"
#define DAY    86400.0

struct page {
    GString *text;
    json_t *json; /* the same as {"NAME":[{"labels":..., "value":...}]} */
};

static void head(struct page *page, const char *name, const char *help)
{
    g_string_append_printf(page->text, "# HELP " PREFIX "%s %s\n# TYPE " PREFIX "%s gauge\n", name,
                           help, name);
    json_object_set_new(page->json, name, json_array());
}

static void put_label(GString *out, const char *key, const char *value)
{
    g_string_append_printf(out, "%s=\"", key);
    for (const char *at = value; *at != '\0'; at++) {
        if (*at == '"' || *at == '\\')
            g_string_append_c(out, '\\');
        if (*at == '\n')
            g_string_append(out, "\\n");
        else
            g_string_append_c(out, *at);
    }
    g_string_append_c(out, '"');
}

/* Up to two labels; key NULL = none. */
static void sample(struct page *page, const char *name, const char *const labels[4], double value)
{
    char number[G_ASCII_DTOSTR_BUF_SIZE];
    json_t *object = json_object(), *all = json_object();

    g_string_append_printf(page->text, PREFIX "%s", name);
    for (size_t i = 0; i < 4 && labels[i] != NULL; i += 2) {
        g_string_append_c(page->text, i == 0 ? '{' : ',');
        put_label(page->text, labels[i], labels[i + 1]);
        json_object_set_new(all, labels[i], json_string(labels[i + 1]));
    }
    g_ascii_formatd(number, sizeof number, "%.15g", value);
    g_string_append_printf(page->text, "%s %s\n", labels[0] != NULL ? "}" : "", number);
    json_object_set_new(object, "labels", all);
    json_object_set_new(object, "value",
                        value == floor(value) ? json_integer((json_int_t)value) : json_real(value));
    json_array_append_new(json_object_get(page->json, name), object);
}

static void write_certificates(struct page *page, const struct ledger_counts *counts, int64_t now_s)
{
    const struct {
        const char *state;
        const int64_t *of;
    } states[] = {
        {"live", counts->live}, {"expired", counts->expired}, {"revoked", counts->revoked}};

    head(page, "certificates", "Certificates in the ledger, by kind and state.");
    for (size_t kind = 0; kind < KINDS; kind++)
        for (size_t i = 0; i < G_N_ELEMENTS(states); i++)
            sample(
                page, "certificates",
                (const char *const[4]){"kind", ledger_kind_names[kind], "state", states[i].state},
                (double)states[i].of[kind]);
    head(page, "certificates_unfinished", "Serials that were reserved, or given up.");
    sample(page, "certificates_unfinished", (const char *const[4]){"state", "reserved"},
           (double)counts->reserved);
    sample(page, "certificates_unfinished", (const char *const[4]){"state", "abandoned"},
           (double)counts->abandoned);
    head(page, "certificate_days_left",
         "Days until the first live certificate of the kind ends that was not replaced.");
    for (size_t kind = 0; kind < KINDS; kind++)
        if (counts->soonest[kind] != 0)
            sample(page, "certificate_days_left",
                   (const char *const[4]){"kind", ledger_kind_names[kind]},
                   (double)(counts->soonest[kind] - now_s) / DAY);
}

static void write_authorities(struct page *page, const struct session *session, int64_t now_s)
{
    head(page, "authority_days_left", "Days until the CA's certificate ends.");
    for (size_t i = 0; i < session->n_authorities; i++) {
        const struct ledger_authority *row = &session->authorities[i].row;

        if (row->state != AUTHORITY_DROPPED)
            sample(page, "authority_days_left", (const char *const[4]){"ca", row->file},
                   (double)(row->not_after - now_s) / DAY);
    }
}

/* Those in the folder; one that is not there has -1 days, so that an alarm needs no second rule. */
static void write_crls(struct page *page, struct session *session, int64_t now_s)
{
    struct {
        const char *name, *help;
        double value;
    } figures[] = {
        {"crl_days_left",
         "Days until nextUpdate; after it every client with a certificate is refused.", -1},
        {"crl_number", "CRLNumber.", 0},
        {"crl_entries", "Certificates on the CRL.", 0},
        {"crl_due", "1: something was revoked or released since, or it is damaged.", 1},
    };

    for (size_t which = 0; which < G_N_ELEMENTS(figures); which++) {
        head(page, figures[which].name, figures[which].help);
        for (size_t i = 0; i < session->n_authorities; i++) {
            const struct authority *authority = &session->authorities[i];
            g_autoptr(GByteArray) der = g_byte_array_new();
            struct crl_facts facts;
            double value = figures[which].value;

            if (authority->row.state == AUTHORITY_DROPPED)
                continue;
            if (crl_load(session, authority, der) && der->len > 0 &&
                crl_facts(bytes_of(der->data, der->len), &facts) == NULL) {
                const double values[] = {
                    (double)(facts.next_s - now_s) / DAY,
                    (double)crl_number(&facts),
                    (double)facts.entries,
                    which == 3 && crl_due(session, authority, 0) != NULL ? 1 : 0,
                };
                value = values[which];
            }
            sample(page, figures[which].name, (const char *const[4]){"ca", authority->row.file},
                   value);
        }
    }
}

static bool write_page(struct page *page, struct session *session)
{
    struct ledger_counts counts;
    int64_t now_s = session_now_s(), seq = 0;
    uint8_t hash[32];

    if (ledger_count(session->ledger, now_s, &counts) != LEDGER_OK ||
        ledger_head(session->ledger, &seq, hash) != LEDGER_OK) {
        log_error("%s", ledger_error(session->ledger));
        return false;
    }
    write_certificates(page, &counts, now_s);
    write_authorities(page, session, now_s);
    write_crls(page, session, now_s);
    head(page, "events", "Audit events in the ledger.");
    sample(page, "events", (const char *const[4]){NULL}, (double)seq);
    head(page, "metrics_timestamp_seconds", "When these figures were taken.");
    sample(page, "metrics_timestamp_seconds", (const char *const[4]){NULL}, (double)now_s);
    return true;
}

/* By rename: the collector never reads half of it. */
static bool publish(const struct session *session, const char *path, const GString *text)
{
    g_autofree char *whole = g_canonicalize_filename(path, NULL);
    const struct place_file file = {
        .path = whole,
        .mode = 0644,
        .content = bytes_of(text->str, text->len),
        .replace = true,
    };
    char why[PLACE_WHY] = "";

    if (place_write(session->folder_fd, &file, 1, why, sizeof why))
        return true;
    log_error("cannot write the metrics to %s: %s", path, why);
    return false;
}

/* What of publish can be known before. */
static bool could_publish(const struct session *session, const char *path, const GString *text)
{
    g_autofree char *whole = g_canonicalize_filename(path, NULL);
    char why[PLACE_WHY] = "";
    const char *name = NULL, *fault;
    struct stat st;
    int dir = place_open_parent(session->folder_fd, whole, false, &name, why, sizeof why);

    if (dir < 0) {
        log_error("cannot write the metrics to %s: %s", path, why);
        return false;
    }
    fault = place_fault(dir, name, &st);
    close(dir);
    if (fault != NULL) {
        log_error("cannot write the metrics to %s: %s", path, fault);
        return false;
    }
    if (!session->json && !session->quiet)
        printf("Would write %zu bytes to %s; nothing was written.\n", text->len, whole);
    return true;
}

int cmd_metrics(const struct arguments *arguments)
{
    struct session session;
    struct page page = {.text = g_string_new(NULL), .json = json_object()};
    const char *path = arguments->operands > 0 ? arguments->operand[0] : NULL;
    int code = COMMAND_FAILED;

    if (path != NULL && strcmp(path, "-") != 0 && !g_str_has_suffix(path, ".prom")) {
        log_error("the collector reads files that end in .prom; \"%s\" does not", path);
        code = COMMAND_USAGE;
    } else {
        if (session_open(&session, arguments, NEEDS_LOOK) && write_page(&page, &session)) {
            bool done = true;

            if (path == NULL)
                path = session.ca.metrics;
            if (path != NULL && strcmp(path, "-") != 0)
                done = session.dry_run ? could_publish(&session, path, page.text)
                                       : publish(&session, path, page.text);
            else if (!session.json)
                done = fwrite(page.text->str, 1, page.text->len, stdout) == page.text->len &&
                       fflush(stdout) == 0;
            if (done && session.json)
                done = session_print(json_incref(page.json));
            code = done ? COMMAND_DONE : COMMAND_FAILED;
        }
        session_close(&session);
    }
    g_string_free(page.text, TRUE);
    json_decref(page.json);
    return code;
}
