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
 * (pgbouncer need not be installed everywhere).  False when memory is short or no name is known.
 */
bool clients_resolve(const struct settings_strings *names, struct clients *clients);
/*
 * Is one of them known?  If none is, nobody could ask: why says so, and the daemon does not start, or keeps the
 * configuration that it has, instead of starting workers that end at once.
 */
bool clients_any_known(const struct settings_strings *names, char *why, size_t size);
/* One notice in the log for each name that clients_resolve leaves out; for the master, once. */
void clients_report_unknown(const struct settings_strings *names);
void clients_free(struct clients *clients);

bool clients_may_ask(const struct clients *clients, uid_t uid);

#endif
