/*
 * tiers_rows.h - what the four tiers are, as tables (Pigsty's defaults).
 *
 * Internal to ldap_sync/tiers*.c.
 */
#ifndef PGSIGNET_SYNC_TIERS_ROWS_H
#define PGSIGNET_SYNC_TIERS_ROWS_H

#include <stddef.h>

#define TIERS             4
#define TIERS_DEFAULTS    17
#define TIERS_IN_MOST     2
#define TIERS_OF_CLOSED   3
#define TIER_THAT_CREATES "dbrole_admin"

struct tiers_role {
    const char *name;
    const char *in[TIERS_IN_MOST]; /* that it is a member of; NULL = none */
    const char *comment;           /* where it has none */
};

extern const struct tiers_role tiers_roles[TIERS]; /* in the order of creation */

/* A right that a tier gets on new objects of each owner. */
struct tiers_default {
    const char *object; /* pg_default_acl.defaclobjtype */
    const char *tier;
    const char *privilege;
};

extern const struct tiers_default tiers_defaults[TIERS_DEFAULTS];

/* "TABLES" for "r": of ALTER DEFAULT PRIVILEGES. */
const char *tiers_objects(const char *object);

/* Who keeps CONNECT on a database that is closed to PUBLIC, where the role exists. */
struct tiers_connect {
    const char *role;
    const char *grantable; /* "true": WITH GRANT OPTION; or "false" */
};

extern const struct tiers_connect tiers_of_closed[TIERS_OF_CLOSED];

#endif
