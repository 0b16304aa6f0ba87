/*
 * outage.h - "this server just failed", known to all workers.
 *
 * One page of shared memory, made before the fork.  A server that failed is not tried again until
 * its time has come; meanwhile logins that need it are answered UNAVAILABLE at once.
 */
#ifndef PGSIGNET_OUTAGE_H
#define PGSIGNET_OUTAGE_H

#include <stdbool.h>
#include <stdint.h>

#define OUTAGE_LDAP_MAX 15 /* ldap.uris by position: 0 to 14 */
#define OUTAGE_POSTGRES 15
#define OUTAGE_STORE    16 /* a failure could not be counted: see authd/decide.c */
#define OUTAGE_SERVERS  17

struct outage {
    _Atomic int64_t until_ms[OUTAGE_SERVERS]; /* CLOCK_MONOTONIC; 0 = not down */
};

/* Each tolerates outage == NULL (a single process without shared memory): never down. */
bool outage_is_down(const struct outage *outage, unsigned server, int64_t now_ms);
void outage_mark(struct outage *outage, unsigned server, int64_t until_ms);
void outage_clear(struct outage *outage, unsigned server);

#endif
