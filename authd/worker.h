/*
 * worker.h - one worker process: takes a request, decides, records, answers; one at a time.
 */
#ifndef PGSIGNET_WORKER_H
#define PGSIGNET_WORKER_H

#include <sys/types.h>

#include "authd/shared.h"
#include "common/settings.h"

/*
 * Runs in a fresh child of the master until SIGTERM (the request in hand is finished first) or until
 * the master is gone; returns the exit code.  slot is this worker's place in shared->slots; what its
 * predecessor left there is settled before the first request.  parent is the master's pid.
 */
int worker_run(const struct settings *settings, struct shared *shared, size_t slot, int listen_fd,
               pid_t parent);

#endif
