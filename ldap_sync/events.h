/*
 * events.h - the audit events of the sync: one a change, once it is committed; one a guard that struck.
 */
#ifndef PGSIGNET_SYNC_EVENTS_H
#define PGSIGNET_SYNC_EVENTS_H

#include "ldap_sync/outcome.h"

/* Between the two events are written many at once; false when the trail did not take all. */
void events_hold(struct session *session);
bool events_release(struct session *session);

/* False when the trail did not take it, for which a message is written the first time. */
bool event_change(struct session *session, const struct cluster *cluster,
                  const struct change *change);
/* A change that the server refused. */
bool event_trouble(struct session *session, const struct cluster *cluster,
                   const struct change *change, const char *text);
/* The rules cannot be used. */
bool event_rules(struct session *session, const char *text);
/* A commit whose answer did not come. */
bool event_unknown(struct session *session, const struct cluster *cluster, const char *text);
bool event_finding(struct session *session, const struct cluster *cluster,
                   const struct sync_finding *finding);

#endif
