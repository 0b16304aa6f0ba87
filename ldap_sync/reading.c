#include "config.h"

#include "ldap_sync/reading.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/progress.h"

static double seconds_since(int64_t us)
{
    return (double)(clock_mono_us() - us) / 1e6;
}

/* What goes on while the directory is read. */
struct meanwhile {
    struct progress progress;
    bool shown;
    struct outcome *begun; /* or NULL */
};

static void on_progress(void *context, const char *what, size_t done)
{
    struct meanwhile *meanwhile = context;
    struct progress *progress = &meanwhile->progress;

    if (meanwhile->begun != NULL)
        server_read_some(meanwhile->begun->cluster->server, &meanwhile->begun->actual);
    if (!meanwhile->shown)
        return;
    if (progress->what != what) {
        progress_end(progress);
        progress_start(progress, stderr, what, 0, clock_mono_ms());
    }
    progress_at(progress, done, clock_mono_ms());
}

void reading_init(struct reading *reading)
{
    *reading =
        (struct reading){.names = g_string_chunk_new(64 * 1024), .now_s = clock_wall_ms() / 1000};
    wanted_init(&reading->wanted, reading->names);
}

void reading_close(struct reading *reading)
{
    g_free(reading->error);
    wanted_clear(&reading->wanted);
    g_string_chunk_free(reading->names);
    *reading = (struct reading){0};
}

#define WARNINGS 10 /* that are shown */

/* What ends no run as long as nobody would lose anything is said all the same. */
static void warn(const struct wanted *wanted)
{
    guint n = 0;

    for (guint i = 0; i < wanted->findings->len; i++) {
        const struct sync_finding *finding =
            &g_array_index(wanted->findings, struct sync_finding, i);

        if (finding->of_losses && n++ < WARNINGS)
            log_warning("%s; a run that would take something from somebody ends (guard %s)",
                        finding->text, sync_guard_rows[finding->guard].name);
    }
    if (n > WARNINGS)
        log_warning("%u more members that nobody can see", n - WARNINGS);
}

static void fail(struct reading *reading, const struct session *session, enum reason reason,
                 const char *fault)
{
    const char *why = session->directory != NULL ? directory_error(session->directory) : "";

    reading->unusable = reason == REASON_RULES_UNUSABLE;
    if (reading->unusable)
        reading->error =
            g_strdup_printf("the rules cannot be used (%s): %s", reason_name(reason), fault);
    else
        reading->error = g_strdup_printf("the directory was not read (%s)%s%s", reason_name(reason),
                                         why[0] != '\0' ? ": " : "", why);
}

bool reading_read(struct reading *reading, struct session *session, struct outcome *begun,
                  struct rules_trace *trace)
{
    int64_t started = clock_mono_us();
    char fault[RULES_FAULT_MAX] = "";
    struct meanwhile meanwhile = {
        .progress = {.stream = stderr, .what = ""}, .shown = !session->quiet, .begun = begun};
    const struct rules_request request = {
        .settings = session->settings,
        .directory = session->directory,
        .now_s = reading->now_s,
        .deadline_ms = clock_mono_ms() + session->settings->sync.read_timeout * 1000,
        .fault = fault,
        .fault_size = sizeof fault,
        .trace = trace,
        .progress = on_progress,
        .progress_context = &meanwhile,
    };
    enum reason reason = rules_read(&request, &reading->wanted);

    progress_end(&meanwhile.progress);
    reading->seconds = seconds_since(started);
    reading->done = reason == REASON_GRANTED;
    if (!reading->done) {
        fail(reading, session, reason, fault);
        return false;
    }
    warn(&reading->wanted);
    if (session->verbose)
        log_info("directory: %u roles wanted, %.3f s", reading->wanted.roles->len,
                 reading->seconds);
    return true;
}

void reading_begin(const struct reading *reading, struct cluster *cluster,
                   enum server_intent intent, struct outcome *outcome)
{
    outcome_init(outcome, cluster, reading->names);
    server_read_begin(cluster->server, intent);
}

/* False when there is nothing to plan from. */
static bool take_server(struct outcome *outcome)
{
    struct server *server = outcome->cluster->server;

    switch (server_read_end(server, &outcome->actual)) {
    case SERVER_OK:
        actual_index(&outcome->actual);
        return true;
    case SERVER_RUNNING:
        outcome->state = OUTCOME_RUNNING;
        outcome->guard = SYNC_GUARD_RUNNING;
        return false;
    case SERVER_FAILED:
    case SERVER_UNKNOWN:
    case SERVER_SKIPPED:
        break;
    }
    outcome->state = OUTCOME_FAILED;
    outcome->error = g_strdup(server_error(server));
    return false;
}

void reading_plan(const struct reading *reading, struct session *session, struct outcome *outcome)
{
    struct server *server = outcome->cluster->server;
    int64_t started = clock_mono_us();
    const struct sync_finding *stop;

    outcome->seconds[STEP_DIRECTORY] = reading->seconds;
    if (!take_server(outcome))
        return;
    outcome->seconds[STEP_SERVER] = seconds_since(started);
    started = clock_mono_us();
    plan_make(&reading->wanted, &outcome->actual, &session->settings->sync, reading->now_s,
              session->forced, &outcome->plan);
    outcome->planned = true;
    outcome->seconds[STEP_PLAN] = seconds_since(started);
    if (session->verbose)
        log_info("%s: %s: %u roles on the server, %.3f s; %u changes planned, %.3f s",
                 outcome->cluster->label, server_name(server), outcome->actual.roles->len,
                 outcome->seconds[STEP_SERVER], outcome->plan.changes->len,
                 outcome->seconds[STEP_PLAN]);
    stop = plan_stop(&outcome->plan);
    if (stop != NULL) {
        outcome->state = OUTCOME_GUARD;
        outcome->guard = stop->guard;
    }
}
