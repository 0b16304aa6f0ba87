#include "config.h"

#include "ldap_sync/outcome.h"

#include "ldap_sync/cli.h"

static void free_trouble(gpointer at)
{
    g_free(((struct outcome_trouble *)at)->text);
}

void outcome_init(struct outcome *outcome, struct cluster *cluster, GStringChunk *names)
{
    *outcome = (struct outcome){.cluster = cluster};
    actual_init(&outcome->actual, names);
    outcome->troubles = g_array_new(FALSE, FALSE, sizeof(struct outcome_trouble));
    g_array_set_clear_func(outcome->troubles, free_trouble);
}

void outcome_clear(struct outcome *outcome)
{
    g_free(outcome->error);
    if (outcome->troubles != NULL)
        g_array_unref(outcome->troubles);
    plan_clear(&outcome->plan);
    actual_clear(&outcome->actual);
    *outcome = (struct outcome){0};
}

size_t outcome_changes(const struct outcome *outcome)
{
    size_t n = 0;

    if (outcome->looked)
        return outcome->planned ? outcome->plan.changes->len : 0;
    for (int kind = 0; kind < CHANGE_KINDS; kind++)
        n += outcome->applied[kind];
    return n;
}

int outcome_code(const struct outcome *outcome, int differs)
{
    int code;

    switch (outcome->state) {
    case OUTCOME_DONE:
        code = plan_exit_code(&outcome->plan);
        return code == 0 && outcome->looked && outcome_changes(outcome) > 0 ? differs : code;
    case OUTCOME_GUARD:
    case OUTCOME_RUNNING:
        return sync_guard_rows[outcome->guard].exit_code;
    case OUTCOME_SKIPPED:
    case OUTCOME_FAILED:
    case OUTCOME_UNKNOWN:
        break;
    }
    return COMMAND_FAILED;
}

static int badness(int code)
{
    for (size_t i = 0; i < SYNC_GUARDS; i++)
        if (sync_guard_rows[i].exit_code == code)
            return sync_guard_rows[i].of_one_name ? 2 : 3;
    return code == COMMAND_DONE ? 0 : code == COMMAND_DIFFERS ? 1 : 4;
}

int outcome_worse(int a, int b)
{
    return badness(b) > badness(a) ? b : a;
}

const char *outcome_state_name(enum outcome_state state)
{
    static const char *const names[] = {
        [OUTCOME_DONE] = "done",       [OUTCOME_SKIPPED] = "skipped", [OUTCOME_GUARD] = "guard",
        [OUTCOME_RUNNING] = "running", [OUTCOME_FAILED] = "failed",   [OUTCOME_UNKNOWN] = "unknown",
    };

    return names[state];
}

const char *outcome_step_name(enum outcome_step step)
{
    static const char *const names[] = {
        [STEP_DIRECTORY] = "directory", [STEP_SERVER] = "server", [STEP_PLAN] = "plan",
        [STEP_APPLY] = "apply",         [STEP_DROP] = "drop",
    };

    return names[step];
}
