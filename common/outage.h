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

#define OUTAGE_LDAP_MAX     15 /* ldap.uris by position come first; there are no more than these */
#define OUTAGE_POSTGRES     15
#define OUTAGE_STORE        16 /* a failure could not be counted: see authd/decide.c */
#define OUTAGE_STORE_SERVER 17 /* the PostgreSQL server that keeps the token store */
#define OUTAGE_SERVERS      18

struct outage {
    _Atomic int64_t until_ms[OUTAGE_SERVERS]; /* CLOCK_MONOTONIC; 0 = not down */
};

/* Each tolerates outage == NULL (a single process without shared memory): never down. */
bool outage_is_down(const struct outage *outage, unsigned server, int64_t now_ms);

/*
 * Whether this process may try the server now.  Where the time of a failed server has just come, the
 * first to ask is told yes and the others no until claim_until_ms: one worker finds out whether it is
 * back, not all of them, who would then hang together.  Clear or mark it when the try has ended.
 */
bool outage_may_try(struct outage *outage, unsigned server, int64_t now_ms, int64_t claim_until_ms);

void outage_mark(struct outage *outage, unsigned server, int64_t until_ms);
void outage_clear(struct outage *outage, unsigned server);

/*
 * For a process that may be ended while it waits for a server (guard.h): between outage_trying and
 * outage_tried, outage_hung marks that server, so that the next process does not end in the same way.
 * outage_hung is async-signal-safe; the other two belong around each try.
 */
void outage_trying(struct outage *outage, unsigned server, int64_t retry_after_ms);
void outage_tried(void);
void outage_hung(void);

#endif
