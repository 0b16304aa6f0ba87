/*
 * apply_turns.h - whose changes are made in which transaction.  Internal to ldap_sync/apply*.c.
 *
 * COMMENT ON ROLE and ALTER ROLE ... SET, and from 16 on CREATE ROLE, lock the role until the end
 * of the transaction, and the server has room for only so many locks (64 a connection, unless told
 * otherwise), which all sessions share.  So a transaction may lock only so many roles; if there are
 * more, as in a first sync of thousands, they take turns, each with all its changes in one.  The
 * first are those who lose something; who has nothing to be locked for is with them.
 */
#ifndef PGSIGNET_SYNC_APPLY_TURNS_H
#define PGSIGNET_SYNC_APPLY_TURNS_H

#include "ldap_sync/plan.h"

struct turns {
    size_t n;            /* transactions, at least one */
    GHashTable *of_role; /* name -> its turn; who is not in it has the first.  NULL: all have */
};

/* most: roles that one transaction may lock, at least one; version as in struct actual. */
void turns_make(const struct plan *plan, int version, size_t most, struct turns *turns);
void turns_clear(struct turns *turns);

/* From 0. */
size_t turns_of(const struct turns *turns, const char *role);

#endif
