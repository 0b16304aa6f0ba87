/*
 * tiers.h - the four tiers of Pigsty: dbrole_readonly, dbrole_readwrite, dbrole_admin,
 * dbrole_offline; what makes them, and what differs from them.  And the SQL that sets up a runner
 * that is no superuser.
 */
#ifndef PGSIGNET_SYNC_TIERS_H
#define PGSIGNET_SYNC_TIERS_H

#include "ldap_sync/server.h"

/* One difference from what `roles init` makes; all texts are owned. */
struct tiers_difference {
    char *text;     /* for people: "database app: dbrole_admin lacks CREATE" */
    char *sql;      /* one statement that mends it */
    char *database; /* where to run it; NULL = anywhere */
};

/*
 * Compares server and sync.roles (owners, databases): roles, their options and memberships, the
 * marker, the 17 default-privilege entries an owner and database, CREATE on databases and on schema
 * public.  What the owner dbrole_admin would grant itself it has: that is no entry.  CONNECT is
 * left as it is (PUBLIC has it), but on a database closed to PUBLIC replicator, dbuser_monitor and
 * dbuser_dba have it where they exist.
 *
 * *out is a GPtrArray of struct tiers_difference, the caller's to unref, in the order to run them;
 * whatever the result.
 */
enum server_result tiers_check(struct server *server, const struct settings_sync *settings,
                               GPtrArray **out);

/* Mends the differences: one transaction a database.  Idempotent. */
enum server_result tiers_init(struct server *server, const struct settings_sync *settings,
                              const GPtrArray *differences);

/* The SQL, for a superuser's psql, that sets up `runner` for a server of that version. */
void tiers_print_grants(const struct settings_sync *settings, const char *runner, int version,
                        GString *out);

#endif
