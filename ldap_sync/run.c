#include "config.h"

#include "ldap_sync/run.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/progress.h"
#include "ldap_sync/events.h"
#include "ldap_sync/metrics.h"
#include "ldap_sync/reading.h"

#include <signal.h>
#include <stdio.h>

/* What the callbacks of one server's run need. */
struct run {
    struct session *session;
    struct report *report;
    struct outcome *outcome;
    struct progress progress;
    bool deaf; /* to signals that end a program, until what was changed is recorded */
    sigset_t heard;
};

static void on_commit(void *context)
{
    struct run *run = context;
    sigset_t ending;

    if (run->deaf)
        return;
    sigemptyset(&ending);
    sigaddset(&ending, SIGTERM);
    sigaddset(&ending, SIGINT);
    sigaddset(&ending, SIGHUP);
    sigaddset(&ending, SIGPIPE);
    run->deaf = sigprocmask(SIG_BLOCK, &ending, &run->heard) == 0;
}

static void hear_again(struct run *run)
{
    if (!run->deaf)
        return;
    fflush(stdout);
    (void)sigprocmask(SIG_SETMASK, &run->heard, NULL);
    run->deaf = false;
}

static void on_change(void *context, const struct change *change)
{
    struct run *run = context;

    progress_clear(&run->progress);
    run->outcome->applied[change->kind]++;
    event_change(run->session, run->outcome->cluster, change);
    if (run->report->form->change != NULL)
        run->report->form->change(run->report, run->outcome, change);
}

static void on_trouble(void *context, const struct server_trouble *trouble)
{
    struct run *run = context;
    struct outcome_trouble kept = {.change = trouble->change, .text = g_strdup(trouble->text)};
    GString *line = g_string_new(NULL);

    progress_clear(&run->progress);
    report_prefix(run->session, run->outcome->cluster, line);
    plan_describe(trouble->change, line);
    log_error("%s: %s", line->str, trouble->text);
    g_string_free(line, TRUE);
    g_array_append_val(run->outcome->troubles, kept);
    event_trouble(run->session, run->outcome->cluster, trouble->change, trouble->text);
}

static void on_progress(void *context, size_t done, size_t of)
{
    struct run *run = context;

    run->progress.total = of;
    progress_at(&run->progress, done, clock_mono_ms());
}

static double seconds_since(int64_t us)
{
    return (double)(clock_mono_us() - us) / 1e6;
}

static size_t count_drops(const struct plan *plan)
{
    size_t n = 0;

    for (guint i = 0; i < plan->changes->len; i++)
        if (g_array_index(plan->changes, struct change, i).kind == CHANGE_DROP)
            n++;
    return n;
}

/* Takes what server_apply or server_drop came to.  False when the run of this server is over. */
static bool take_result(struct outcome *outcome, enum server_result result)
{
    switch (result) {
    case SERVER_OK:
        return true;
    case SERVER_SKIPPED:
        outcome->state = OUTCOME_SKIPPED;
        return true;
    case SERVER_RUNNING:
        outcome->state = OUTCOME_RUNNING;
        outcome->guard = SYNC_GUARD_RUNNING;
        return false;
    case SERVER_FAILED:
    case SERVER_UNKNOWN:
        break;
    }
    outcome->state = result == SERVER_UNKNOWN ? OUTCOME_UNKNOWN : OUTCOME_FAILED;
    outcome->error = g_strdup(server_error(outcome->cluster->server));
    return false;
}

static void apply(struct run *run)
{
    struct outcome *outcome = run->outcome;
    struct server *server = outcome->cluster->server;
    struct server_report report = {.changed = on_change,
                                   .trouble = on_trouble,
                                   .commits = on_commit,
                                   .progress = run->session->quiet ? NULL : on_progress,
                                   .context = run};
    size_t drops = count_drops(&outcome->plan);
    int64_t started = clock_mono_us();

    progress_start(&run->progress, stderr, "Applying", outcome->plan.changes->len, clock_mono_ms());
    events_hold(run->session);
    if (outcome->plan.changes->len > drops) {
        bool going = take_result(outcome, server_apply(server, &outcome->plan, &report));

        outcome->messages = report.messages;
        outcome->seconds[STEP_APPLY] = seconds_since(started);
        if (!going)
            drops = 0;
    }
    if (drops > 0) {
        started = clock_mono_us();
        take_result(outcome, server_drop(server, &outcome->plan, &report));
        outcome->seconds[STEP_DROP] = seconds_since(started);
    }
    events_release(run->session);
    progress_end(&run->progress);
}

static void tell_all(struct report *report, const struct outcome *outcome)
{
    for (guint i = 0; i < outcome->plan.changes->len && report->form->change != NULL; i++)
        report->form->change(report, outcome,
                             &g_array_index(outcome->plan.changes, struct change, i));
}

/* A watch that meets the same findings every few seconds says and records them once. */
static bool findings_are_news(const struct session *session, struct outcome *outcome)
{
    GString *text = g_string_new(NULL);
    struct cluster *cluster = outcome->cluster;
    bool news;

    for (guint i = 0; outcome->planned && i < outcome->plan.findings->len; i++) {
        const struct sync_finding *finding =
            &g_array_index(outcome->plan.findings, struct sync_finding, i);

        g_string_append_printf(text, "%d %s %s\n", (int)finding->guard,
                               finding->name != NULL ? finding->name : "", finding->text);
    }
    news = text->len > 0 && (!session->again || g_strcmp0(cluster->findings, text->str) != 0);
    g_free(cluster->findings);
    cluster->findings = g_string_free(text, FALSE);
    return news;
}

static void tell_findings(struct session *session, const struct run_wish *wish,
                          const struct outcome *outcome)
{
    report_findings(session, outcome);
    for (guint i = 0; wish->apply && i < outcome->plan.findings->len; i++)
        event_finding(session, outcome->cluster,
                      &g_array_index(outcome->plan.findings, struct sync_finding, i));
}

static void say_how_it_ended(struct session *session, const struct outcome *outcome)
{
    static const struct sync_finding other_run = {.guard = SYNC_GUARD_RUNNING,
                                                  .text = "another run is going there"};
    GString *prefix = g_string_new(NULL);

    report_prefix(session, outcome->cluster, prefix);
    if (outcome->error != NULL)
        log_error("%s%s", prefix->str, outcome->error);
    if (outcome->state == OUTCOME_RUNNING)
        log_error("%sguard running: another run is going on %s; nothing was changed: %s",
                  prefix->str, server_name(outcome->cluster->server),
                  sync_guard_rows[SYNC_GUARD_RUNNING].advice);
    if (outcome->state == OUTCOME_RUNNING && !outcome->looked)
        event_finding(session, outcome->cluster, &other_run);
    if (outcome->state == OUTCOME_UNKNOWN)
        event_unknown(session, outcome->cluster, outcome->error);
    g_string_free(prefix, TRUE);
}

static void run_cluster(struct session *session, const struct run_wish *wish,
                        const struct reading *reading, struct report *report,
                        struct outcome *outcome)
{
    struct run run = {.session = session, .report = report, .outcome = outcome};

    outcome->looked = !wish->apply;
    reading_plan(reading, session, outcome);
    if (findings_are_news(session, outcome))
        tell_findings(session, wish, outcome);
    if (outcome->state == OUTCOME_DONE && wish->apply)
        apply(&run);
    else if (outcome->planned && outcome->looked)
        tell_all(report, outcome);
    say_how_it_ended(session, outcome);
    hear_again(&run);
}

/* The directory could not be read: nothing can be said of any server. */
static void fail_cluster(const struct reading *reading, struct outcome *outcome)
{
    outcome->state = OUTCOME_FAILED;
    outcome->error = g_strdup(reading->error);
    outcome->seconds[STEP_DIRECTORY] = reading->seconds;
}

int run_once(struct session *session, const struct run_wish *wish)
{
    struct metrics_row *rows = g_new0(struct metrics_row, session->n_clusters);
    const bool unlocked = (session->forced & 1u << SYNC_GUARD_RUNNING) != 0;
    const enum server_intent intent = !wish->apply ? SERVER_LOOK
                                      : unlocked   ? SERVER_FORCE
                                                   : SERVER_CHANGE;
    struct reading reading;
    struct report report;
    struct outcome outcome;
    int code = 0;

    report_open(&report, session, wish->form);
    reading_init(&reading);
    /* The first server answers while the directory is read. */
    reading_begin(&reading, &session->clusters[0], intent, &outcome);
    if (!reading_read(&reading, session, &outcome, NULL)) {
        log_error("%s; nothing was changed", reading.error);
        if (reading.unusable && wish->apply)
            event_rules(session, reading.error);
    }
    for (size_t i = 0; i < session->n_clusters; i++) {
        if (i > 0)
            reading_begin(&reading, &session->clusters[i], intent, &outcome);
        if (reading.done)
            run_cluster(session, wish, &reading, &report, &outcome);
        else
            fail_cluster(&reading, &outcome);
        server_end(session->clusters[i].server);
        if (report.form->cluster != NULL)
            report.form->cluster(&report, &outcome);
        code = outcome_worse(code, outcome_code(&outcome, wish->differs));
        metrics_row(&outcome, &rows[i]);
        outcome_clear(&outcome);
    }
    if (wish->apply && session->metrics != NULL &&
        !metrics_write(session->metrics, rows, session->n_clusters, reading.now_s))
        code = outcome_worse(code, 1);
    if (session->audit_failed)
        code = outcome_worse(code, 1);
    if (report.form->end != NULL)
        report.form->end(&report, reading.error, code);
    report_close(&report);
    reading_close(&reading);
    g_free(rows);
    return code;
}
