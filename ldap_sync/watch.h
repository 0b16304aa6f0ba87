/*
 * watch.h - a run, and another each time the directory says that something changed.
 */
#ifndef PGSIGNET_SYNC_WATCH_H
#define PGSIGNET_SYNC_WATCH_H

#include "ldap_sync/run.h"

/* Until SIGTERM or SIGINT, between two runs.  The exit code of the last run. */
int watch(struct session *session, const struct run_wish *wish);

#endif
