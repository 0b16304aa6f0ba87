/*
 * actual.h - what one PostgreSQL server has: its roles, their options and memberships, as of one snapshot.
 *
 * Plain data; names as in wanted.h.
 */
#ifndef PGSIGNET_SYNC_ACTUAL_H
#define PGSIGNET_SYNC_ACTUAL_H

#include "ldap_sync/wanted.h"

struct actual_membership {
    const char *role; /* that the member has */
    const char *grantor; /* NULL: a role that is no more (possible before 16) */
    bool admin, inherit, set; /* before 16: inherit as the member's rolinherit, set true */
};

struct actual_role {
    const char *name;
    bool superuser, replication, bypassrls, createrole, createdb, login,
        system;                         /* system: pg_*, or the bootstrap superuser */
    int64_t limit;                      /* -1 = none */
    int64_t until_s;                    /* UNTIL_INFINITY when NULL or 'infinity' */
    const char *comment;                /* NULL = none */
    uint32_t setting, n_settings;       /* in actual.settings, by name: those for all databases */
    uint32_t membership, n_memberships; /* in actual.memberships: of this role in others */
    uint32_t sessions; /* client backends of it now, as far as the runner may see */
};

struct actual {
    GStringChunk *names; /* not owned */
    int version;         /* PQserverVersion: 150004 */
    const char *runner;  /* current_user */
    bool runner_is_superuser;
    GArray *roles;       /* struct actual_role, all of the server, in no order */
    GArray *memberships; /* struct actual_membership */
    GArray *settings;    /* struct wanted_setting */
    GHashTable *by_name; /* name (its pointer in names) -> index in roles + 1 */
};

void actual_init(struct actual *actual, GStringChunk *names);
void actual_clear(struct actual *actual); /* a zeroed one is fine */

/* Fills by_name from roles. */
void actual_index(struct actual *actual);

/* The role of that name (a pointer of names), or NULL. */
const struct actual_role *actual_find(const struct actual *actual, const char *name);

#endif
