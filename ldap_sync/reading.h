/*
 * reading.h - the one reading of the directory that a run over all servers shares.
 */
#ifndef PGSIGNET_SYNC_READING_H
#define PGSIGNET_SYNC_READING_H

#include "ldap_sync/outcome.h"
#include "ldap_sync/rules.h"

struct reading {
    GStringChunk *names; /* owned: all names and texts of the run */
    struct wanted wanted;
    int64_t now_s;
    bool done;
    bool unusable; /* the rules cannot be used */
    char *error;   /* owned; why it is not done */
    double seconds;
};

void reading_init(struct reading *reading);
void reading_close(struct reading *reading);

/*
 * Reads, and takes meanwhile what the server answers whose outcome has begun (or NULL).  trace may be
 * NULL.  False with error set.
 */
bool reading_read(struct reading *reading, struct session *session, struct outcome *begun,
                  struct rules_trace *trace);

/*
 * The server's side: the outcome, and the question to the server; then the rest of its answer, and the
 * plan.  The outcome is then OUTCOME_FAILED with its error, _RUNNING, _GUARD, or _DONE with planned
 * set.  The transaction of SERVER_CHANGE is the caller's to end.
 */
void reading_begin(const struct reading *reading, struct cluster *cluster,
                   enum server_intent intent, struct outcome *outcome);
void reading_plan(const struct reading *reading, struct session *session, struct outcome *outcome);

#endif
