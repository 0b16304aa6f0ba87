#include "config.h"

#include "ldap_sync/metrics.h"

#include "common/log.h"
#include "common/write_all.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PREFIX    "pgsignet_ldap_sync_"
#define VALUE_MAX 64 /* bytes of a number */

void metrics_row(const struct outcome *outcome, struct metrics_row *row)
{
    const struct plan *plan = &outcome->plan;

    *row = (struct metrics_row){
        .cluster = outcome->cluster->label,
        .succeeded = outcome->state == OUTCOME_DONE,
        .planned = outcome->planned,
        .roles = plan->roles,
        .managed = plan->managed,
        .leavers = plan->leavers,
    };
    memcpy(row->changes, outcome->applied, sizeof row->changes);
    memcpy(row->seconds, outcome->seconds, sizeof row->seconds);
    for (guint i = 0; outcome->planned && i < plan->findings->len; i++) {
        const struct sync_finding *finding = &g_array_index(plan->findings, struct sync_finding, i);

        if (!finding->forced)
            row->guards[finding->guard]++;
    }
    if (outcome->state == OUTCOME_RUNNING)
        row->guards[SYNC_GUARD_RUNNING]++;
}

/* --- what the old file says --- */

/* "NAME{LABELS}" -> "VALUE", both within text, which is cut up. */
static GHashTable *read_samples(char *text)
{
    GHashTable *samples = g_hash_table_new(g_str_hash, g_str_equal);
    char *save = NULL;

    for (char *line = strtok_r(text, "\n", &save); line != NULL;
         line = strtok_r(NULL, "\n", &save)) {
        char *value = strrchr(line, ' ');

        if (line[0] == '#' || value == NULL)
            continue;
        *value = '\0';
        g_hash_table_insert(samples, line, value + 1);
    }
    return samples;
}

static double old_value(GHashTable *samples, const char *key)
{
    const char *text = g_hash_table_lookup(samples, key);

    return text != NULL ? g_ascii_strtod(text, NULL) : 0;
}

/* --- the new one --- */

struct page {
    GHashTable *old;
    GString *out;
};

static void head(struct page *page, const char *name, const char *type, const char *help)
{
    g_string_append_printf(page->out, "# HELP " PREFIX "%s %s\n# TYPE " PREFIX "%s %s\n", name,
                           help, name, type);
}

/* cluster="LABEL", as the exposition format escapes it; then another label, unless key is NULL. */
static char *labels(const char *cluster, const char *key, const char *value)
{
    GString *text = g_string_new("cluster=\"");

    for (const char *p = cluster; *p != '\0'; p++) {
        if (*p == '\n') {
            g_string_append(text, "\\n");
            continue;
        }
        if (*p == '"' || *p == '\\')
            g_string_append_c(text, '\\');
        g_string_append_c(text, *p);
    }
    g_string_append_c(text, '"');
    if (key != NULL)
        g_string_append_printf(text, ",%s=\"%s\"", key, value);
    return g_string_free(text, FALSE);
}

enum sample_kind { SET, ADD, KEEP }; /* the number; the old one and the number; the old one */

static void sample(struct page *page, enum sample_kind kind, const char *name, char *label,
                   double number)
{
    char *key = g_strdup_printf(PREFIX "%s{%s}", name, label);
    char value[VALUE_MAX];
    double before = kind == SET ? 0 : old_value(page->old, key);

    /* %.17g would show 0.1 as 0.10000000000000001; times and counts need 15 digits at most. */
    g_ascii_formatd(value, sizeof value, "%.15g", kind == KEEP ? before : before + number);
    g_string_append_printf(page->out, "%s %s\n", key, value);
    g_free(key);
    g_free(label);
}

static void write_times(struct page *page, const struct metrics_row *rows, size_t n, int64_t now_s)
{
    head(page, "last_run_timestamp_seconds", "gauge", "When the sync ran last.");
    for (size_t i = 0; i < n; i++)
        sample(page, SET, "last_run_timestamp_seconds", labels(rows[i].cluster, NULL, NULL),
               (double)now_s);
    head(page, "last_success_timestamp_seconds", "gauge",
         "When it ran last without failure and without a guard that stopped it; 0: never.");
    for (size_t i = 0; i < n; i++)
        sample(page, rows[i].succeeded ? SET : KEEP, "last_success_timestamp_seconds",
               labels(rows[i].cluster, NULL, NULL), (double)now_s);
    head(page, "runs_total", "counter", "Runs, by how they ended.");
    for (size_t i = 0; i < n; i++)
        for (int good = 0; good < 2; good++)
            sample(page, ADD, "runs_total",
                   labels(rows[i].cluster, "result", good ? "success" : "failure"),
                   rows[i].succeeded == good ? 1 : 0);
}

static void write_roles(struct page *page, const struct metrics_row *rows, size_t n)
{
    static const struct {
        const char *name, *help;
        size_t offset;
    } gauges[] = {
        {"roles_wanted", "Roles that the directory asks for.", offsetof(struct metrics_row, roles)},
        {"roles_managed", "Managed roles that were on the server.",
         offsetof(struct metrics_row, managed)},
        {"leavers", "Roles that the last plan let leave.", offsetof(struct metrics_row, leavers)},
    };

    for (size_t g = 0; g < G_N_ELEMENTS(gauges); g++) {
        head(page, gauges[g].name, "gauge", gauges[g].help);
        for (size_t i = 0; i < n; i++) {
            const size_t *number = (const void *)((const char *)&rows[i] + gauges[g].offset);

            sample(page, rows[i].planned ? SET : KEEP, gauges[g].name,
                   labels(rows[i].cluster, NULL, NULL), (double)*number);
        }
    }
}

static void write_counts(struct page *page, const struct metrics_row *rows, size_t n)
{
    head(page, "changes_total", "counter", "Changes made, by kind.");
    for (size_t i = 0; i < n; i++)
        for (int kind = 0; kind < CHANGE_KINDS; kind++)
            sample(page, ADD, "changes_total",
                   labels(rows[i].cluster, "kind", plan_kind_name((enum change_kind)kind)),
                   (double)rows[i].changes[kind]);
    head(page, "guard_hits_total", "counter", "What guards found, by guard.");
    for (size_t i = 0; i < n; i++)
        for (int guard = 0; guard < SYNC_GUARDS; guard++)
            sample(page, ADD, "guard_hits_total",
                   labels(rows[i].cluster, "guard", sync_guard_rows[guard].name),
                   (double)rows[i].guards[guard]);
    head(page, "step_seconds", "gauge", "How long each step of the last run took.");
    for (size_t i = 0; i < n; i++)
        for (int step = 0; step < STEPS; step++)
            sample(page, SET, "step_seconds",
                   labels(rows[i].cluster, "step", outcome_step_name((enum outcome_step)step)),
                   rows[i].seconds[step]);
}

void metrics_render(const struct metrics_row *rows, size_t n, int64_t now_s, const char *old,
                    GString *out)
{
    char *copy = g_strdup(old);
    struct page page = {.old = read_samples(copy), .out = out};

    write_times(&page, rows, n, now_s);
    write_roles(&page, rows, n);
    write_counts(&page, rows, n);
    g_hash_table_unref(page.old);
    g_free(copy);
}

/* --- the file --- */

/* node_exporter reads no file but *.prom, so it never sees the half of one. */
static bool replace(const char *path, const GString *text)
{
    char *temporary = g_strdup_printf("%s.XXXXXX", path);
    int fd = g_mkstemp_full(temporary, O_WRONLY | O_CLOEXEC, 0644);
    bool done =
        fd >= 0 && fchmod(fd, 0644) == 0 && write_all(fd, bytes_of(text->str, text->len)) == 0;
    int saved = errno;

    if (fd >= 0 && close(fd) != 0)
        done = false;
    if (done && rename(temporary, path) != 0) {
        saved = errno;
        done = false;
    }
    if (!done) {
        if (fd >= 0)
            unlink(temporary);
        log_error("the metrics file %s cannot be written: %s; its folder must be writable for uid "
                  "%lu",
                  path, strerror(saved), (unsigned long)geteuid());
    }
    g_free(temporary);
    return done;
}

bool metrics_write(const char *path, const struct metrics_row *rows, size_t n, int64_t now_s)
{
    GString *text = g_string_new(NULL);
    char *old = NULL;
    bool done;

    if (!g_file_get_contents(path, &old, NULL, NULL))
        old = g_strdup("");
    metrics_render(rows, n, now_s, old, text);
    done = replace(path, text);
    g_free(old);
    g_string_free(text, TRUE);
    return done;
}
