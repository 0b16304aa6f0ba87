#include "config.h"

#include "ldap_sync/report.h"

#include "common/log.h"
#include "common/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FINDINGS_SHOWN 10 /* of one guard, without -v */
#define NAME_SHOWN     (4 * 256 + 4)

void report_open(struct report *report, const struct session *session, enum sync_form form)
{
    *report = (struct report){.session = session, .form = &report_forms[form]};
    if (form == FORM_JSON)
        report->clusters = json_array();
}

void report_close(struct report *report)
{
    json_decref(report->clusters);
}

void report_prefix(const struct session *session, const struct cluster *cluster, GString *out)
{
    if (session->n_clusters > 1)
        g_string_append_printf(out, "[%s] ", cluster->label);
}

/* --- what is wrong --- */

static void say_finding(const struct session *session, const struct outcome *outcome,
                        const struct sync_finding *finding)
{
    const struct sync_guard_row *guard = &sync_guard_rows[finding->guard];
    bool stops = !finding->forced && (!guard->of_one_name || finding->name == NULL);
    char name[NAME_SHOWN] = "";
    GString *line = g_string_new(NULL);

    report_prefix(session, outcome->cluster, line);
    g_string_append_printf(line, "guard %s: ", guard->name);
    if (finding->name != NULL) {
        text_escape(name, sizeof name, bytes_str(finding->name));
        g_string_append_printf(line, "\"%s\" ", name);
    }
    g_string_append(line, finding->text);
    if (finding->forced)
        log_warning("%s; passed over by --force", line->str);
    else if (stops)
        log_error("%s; nothing was changed: %s", line->str, guard->advice);
    else
        log_warning("%s; left out: %s", line->str, guard->advice);
    g_string_free(line, TRUE);
}

void report_findings(const struct session *session, const struct outcome *outcome)
{
    const GArray *findings = outcome->plan.findings;
    size_t said[SYNC_GUARDS] = {0};

    for (guint i = 0; i < findings->len; i++) {
        const struct sync_finding *finding = &g_array_index(findings, struct sync_finding, i);

        if (said[finding->guard]++ < FINDINGS_SHOWN || session->verbose)
            say_finding(session, outcome, finding);
    }
    for (size_t guard = 0; guard < SYNC_GUARDS && !session->verbose; guard++)
        if (said[guard] > FINDINGS_SHOWN)
            log_warning("guard %s: %zu more; -v names all", sync_guard_rows[guard].name,
                        said[guard] - FINDINGS_SHOWN);
}

/* --- lines --- */

static void text_change(struct report *report, const struct outcome *outcome,
                        const struct change *change)
{
    GString *line;

    if (report->session->quiet)
        return;
    line = g_string_sized_new(160);
    report_prefix(report->session, outcome->cluster, line);
    plan_describe(change, line);
    g_string_append_c(line, '\n');
    fwrite(line->str, 1, line->len, stdout);
    g_string_free(line, TRUE);
}

static void append_count(GString *out, size_t n, const char *what)
{
    g_string_append_printf(out, "%s%zu %s", out->len > 0 ? ", " : "", n, what);
}

static void append_seconds(GString *out, const struct outcome *outcome)
{
    const char *between = "; ";

    for (enum outcome_step step = 0; step < STEPS; step++) {
        if (outcome->seconds[step] <= 0)
            continue;
        g_string_append_printf(out, "%s%s %.2f s", between, outcome_step_name(step),
                               outcome->seconds[step]);
        between = ", ";
    }
}

static void text_cluster(struct report *report, const struct outcome *outcome)
{
    const struct plan *plan = &outcome->plan;
    GString *line, *counts;

    if (report->session->quiet || !outcome->planned)
        return;
    /* A watch that has nothing to do is silent. */
    if (report->session->again && !report->session->verbose && outcome_changes(outcome) == 0)
        return;
    line = g_string_new(NULL);
    counts = g_string_new(NULL);
    report_prefix(report->session, outcome->cluster, line);
    append_count(counts, plan->roles, plan->roles == 1 ? "role wanted" : "roles wanted");
    append_count(counts, plan->joiners, plan->joiners == 1 ? "joiner" : "joiners");
    append_count(counts, plan->movers, plan->movers == 1 ? "mover" : "movers");
    append_count(counts, plan->leavers, plan->leavers == 1 ? "leaver" : "leavers");
    append_count(counts, outcome_changes(outcome),
                 outcome->looked ? "changes due" : "changes made");
    if (outcome->troubles->len > 0)
        append_count(counts, outcome->troubles->len, "not made");
    g_string_append_len(line, counts->str, (gssize)counts->len);
    append_seconds(line, outcome);
    puts(line->str);
    g_string_free(counts, TRUE);
    g_string_free(line, TRUE);
}

/* --- SQL --- */

static void sql_cluster(struct report *report, const struct outcome *outcome)
{
    GString *sql;

    /* Nobody shall pipe into psql what a run would not do. */
    if (!outcome->planned || outcome->state != OUTCOME_DONE)
        return;
    sql = g_string_new(NULL);
    if (report->session->n_clusters > 1)
        g_string_append_printf(sql, "-- %s\n", outcome->cluster->label);
    plan_print_sql(&outcome->plan, &report->session->settings->sync, outcome->actual.version, sql);
    fwrite(sql->str, 1, sql->len, stdout);
    g_string_free(sql, TRUE);
}

/* --- JSON --- */

static json_t *json_troubles(const struct outcome *outcome)
{
    json_t *array = json_array();

    for (guint i = 0; i < outcome->troubles->len; i++) {
        const struct outcome_trouble *trouble =
            &g_array_index(outcome->troubles, struct outcome_trouble, i);
        GString *change = g_string_new(NULL);

        plan_describe(trouble->change, change);
        json_array_append_new(
            array, json_pack("{s:s, s:s}", "change", change->str, "error", trouble->text));
        g_string_free(change, TRUE);
    }
    return array;
}

static json_t *json_seconds(const struct outcome *outcome)
{
    json_t *object = json_object();

    for (enum outcome_step step = 0; step < STEPS; step++)
        json_object_set_new(object, outcome_step_name(step), json_real(outcome->seconds[step]));
    return object;
}

static json_t *json_plan(const struct outcome *outcome)
{
    char *text = outcome->planned ? plan_print_json(&outcome->plan) : NULL;
    json_t *plan = text != NULL ? json_loads(text, 0, NULL) : NULL;

    free(text);
    return plan != NULL ? plan : json_null();
}

static void json_cluster(struct report *report, const struct outcome *outcome)
{
    json_t *object =
        json_pack("{s:s, s:s, s:s, s:s?, s:b, s:I, s:I, s:o, s:o, s:o}", "cluster",
                  outcome->cluster->label, "server", server_name(outcome->cluster->server),
                  "result", outcome_state_name(outcome->state), "error", outcome->error, "dry_run",
                  (int)outcome->looked, "changes", (json_int_t)outcome_changes(outcome), "messages",
                  (json_int_t)outcome->messages, "seconds", json_seconds(outcome), "troubles",
                  json_troubles(outcome), "plan", json_plan(outcome));

    json_array_append_new(report->clusters, object);
}

static void json_end(struct report *report, const char *directory_error, int code)
{
    json_t *document = json_pack("{s:s?, s:O, s:i}", "directory_error", directory_error, "clusters",
                                 report->clusters, "exit_status", code);

    if (document == NULL ||
        json_dumpf(document, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6)) != 0)
        log_error("the JSON document could not be written");
    fputc('\n', stdout);
    json_decref(document);
}

const struct report_form report_forms[] = {
    [FORM_TEXT] = {text_change, text_cluster, NULL},
    [FORM_SQL] = {NULL, sql_cluster, NULL},
    [FORM_JSON] = {NULL, json_cluster, json_end},
};
