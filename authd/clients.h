/*
 * clients.h - which OS users may ask the daemon.
 */
#ifndef PGSIGNET_CLIENTS_H
#define PGSIGNET_CLIENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "common/settings.h"

struct clients {
    uid_t *uids; /* owned */
    size_t n;
};

/*
 * Looks the names up once, before the first request.  A name that this host does not know is left out
 * (pgbouncer need not be installed everywhere).  False when memory is short or no name is known: then
 * nobody could ask, and the daemon says so instead of starting.
 */
bool clients_resolve(const struct settings_strings *names, struct clients *clients);
/* One notice in the log for each name that clients_resolve leaves out; for the master, once. */
void clients_report_unknown(const struct settings_strings *names);
void clients_free(struct clients *clients);

bool clients_may_ask(const struct clients *clients, uid_t uid);

#endif
