/*
 * request.h - one connection: who asks, what he asks, the answer.
 */
#ifndef PGSIGNET_REQUEST_H
#define PGSIGNET_REQUEST_H

#include "authd/clients.h"
#include "authd/decide.h"
#include "common/audit.h"

/* What a worker keeps between requests. */
struct worker {
    struct providers providers;
    struct clients clients;
    struct own_roles own_roles;
    struct audit *audit;
    struct slot *slot;
    int64_t own_role_logged_ms; /* CLOCK_MONOTONIC of the last line about a login as the daemon's role */
    int64_t refusal_logged_ms; /* CLOCK_MONOTONIC of the last event about a refused peer */
    uint64_t refusals_unlogged;
};

/*
 * Serves one accepted connection, which stays the caller's to close.  Waits at most REQUEST_WAIT_MS
 * for the datagram and answers before the request's deadline, or not at all.
 */
void request_serve(struct worker *worker, int fd);

/* Settles what a predecessor in this slot left: gives the code back if its deadline ended it, and
 * writes the event it owes. */
void request_settle(struct worker *worker);

#endif
