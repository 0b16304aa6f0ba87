/*
 * report.h - tells people and programs what a run does: lines, SQL, or one JSON document on standard
 * output; what is wrong on standard error.
 */
#ifndef PGSIGNET_SYNC_REPORT_H
#define PGSIGNET_SYNC_REPORT_H

#include "ldap_sync/outcome.h"

#include <jansson.h>

struct report {
    const struct session *session;
    const struct report_form *form;
    json_t *clusters; /* owned; of the JSON form */
};

/* One way to tell; NULL where it has nothing to say. */
struct report_form {
    /* A change is committed; in a run that only looks: is due. */
    void (*change)(struct report *report, const struct outcome *outcome,
                   const struct change *change);
    /* All of one server is known; its plan and states are about to go. */
    void (*cluster)(struct report *report, const struct outcome *outcome);
    /* directory_error: NULL when the directory was read. */
    void (*end)(struct report *report, const char *directory_error, int code);
};

extern const struct report_form report_forms[]; /* by enum sync_form */

void report_open(struct report *report, const struct session *session, enum sync_form form);
void report_close(struct report *report);

/* Findings, on standard error: a few of each guard, all with -v. */
void report_findings(const struct session *session, const struct outcome *outcome);

/* Appends "[prod] " where there are several servers. */
void report_prefix(const struct session *session, const struct cluster *cluster, GString *out);

#endif
