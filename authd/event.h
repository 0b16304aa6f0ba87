/*
 * event.h - what the daemon records: one audit event a request.
 */
#ifndef PGSIGNET_EVENT_H
#define PGSIGNET_EVENT_H

#include <sys/types.h>

#include "authd/decide.h"
#include "common/audit.h"

/* Each writes one event; false if no sink surely took it (audit == NULL counts as that). */

/*
 * A decided login; total_us is the time from the datagram to the decision, trouble what the store or a
 * server said if it could not be asked, or "".
 */
bool event_login(struct audit *audit, const struct login *login, uint64_t id, uid_t uid, pid_t pid,
                 int64_t total_us, const char *trouble);

/* A request whose worker ended before its event was written; by its successor. */
bool event_lost(struct audit *audit, const struct slot *slot, enum reason reason, bool gave_back);

/* A connection of somebody who is not in daemon.clients. */
bool event_refused_peer(struct audit *audit, uint64_t id, uid_t uid, pid_t pid);

/* A datagram that is not a request; fault is one of wire_fault_text. */
bool event_bad_request(struct audit *audit, uint64_t id, uid_t uid, pid_t pid, const char *fault);

#endif
