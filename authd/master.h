/*
 * master.h - keeps the workers running; never touches a request, a secret or the store.
 */
#ifndef PGSIGNET_MASTER_H
#define PGSIGNET_MASTER_H

#include "common/settings.h"

/*
 * Serves until SIGTERM or SIGINT, then lets the workers finish their request and returns the exit
 * code.  SIGHUP loads settings->path anew: if it is valid every worker is replaced once it has
 * finished its request, if not the old configuration stays and the faults are logged.
 * Privileges are dropped before this is called.  Takes ownership of settings; listen_fd stays the
 * caller's.  ready_fd (or -1) gets one byte when the workers run.
 */
int master_run(struct settings *settings, int listen_fd, int ready_fd);

#endif
