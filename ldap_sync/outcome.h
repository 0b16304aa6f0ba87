/*
 * outcome.h - what became of one server in one run: plain data between the run and those who tell of it.
 */
#ifndef PGSIGNET_SYNC_OUTCOME_H
#define PGSIGNET_SYNC_OUTCOME_H

#include "ldap_sync/plan.h"
#include "ldap_sync/session.h"

enum outcome_state {
    OUTCOME_DONE,    /* applied, or nothing to do; in a run that only looks: planned */
    OUTCOME_SKIPPED, /* applied but for some changes */
    OUTCOME_GUARD,   /* a guard of the whole run struck: nothing was changed */
    OUTCOME_RUNNING, /* another run is going there: nothing was changed */
    OUTCOME_FAILED,  /* nothing was changed */
    OUTCOME_UNKNOWN, /* the answer to the COMMIT did not come: all was changed, or nothing */
};

enum outcome_step { STEP_DIRECTORY, STEP_SERVER, STEP_PLAN, STEP_APPLY, STEP_DROP, STEPS };

struct outcome_trouble {
    const struct change *change;
    char *text; /* owned: the server's words */
};

struct outcome {
    struct cluster *cluster;
    enum outcome_state state;
    char *error; /* owned; of OUTCOME_FAILED and _UNKNOWN; else NULL */
    bool looked; /* only looked: nothing was to be changed */
    bool planned;
    struct actual actual;
    struct plan plan;             /* empty unless planned */
    enum sync_guard guard;        /* of OUTCOME_GUARD and _RUNNING */
    GArray *troubles;             /* struct outcome_trouble */
    size_t applied[CHANGE_KINDS]; /* that are committed */
    size_t messages;              /* with SQL that changes */
    double seconds[STEPS];        /* the directory's is that of the one reading for all */
};

void outcome_init(struct outcome *outcome, struct cluster *cluster, GStringChunk *names);
void outcome_clear(struct outcome *outcome);

/* How many changes are committed, or in a run that only looks: are due. */
size_t outcome_changes(const struct outcome *outcome);

/* Its exit code; differs: what a run that only looked says when changes are due (0 or COMMAND_DIFFERS). */
int outcome_code(const struct outcome *outcome, int differs);

/* Of the codes of two servers the worse: 1, then the guards of the whole run, those of a name, 2, 0. */
int outcome_worse(int a, int b);

/* "done", "guard", ...; "directory", "server", ...: of JSON and metrics. */
const char *outcome_state_name(enum outcome_state state);
const char *outcome_step_name(enum outcome_step step);

#endif
