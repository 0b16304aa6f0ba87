/*
 * run.h - one run: read the directory and the servers, plan, apply, drop, tell.
 */
#ifndef PGSIGNET_SYNC_RUN_H
#define PGSIGNET_SYNC_RUN_H

#include "ldap_sync/report.h"
#include "ldap_sync/rules.h"

struct run_wish {
    bool apply;          /* else only look */
    enum sync_form form; /* how to tell */
    int differs;         /* the exit code of a run that only looks and finds changes due */
};

/* Runs over all servers; one that fails does not keep the others from being done.  The exit code. */
int run_once(struct session *session, const struct run_wish *wish);

#endif
