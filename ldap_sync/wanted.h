/*
 * wanted.h - what directory and rules say: which roles there should be, in what, with which options.
 *
 * Plain data.  Every name of a role stands once in `names`, which wanted and actual share: two names are
 * equal when their pointers are.  Texts are in `names` as well and live as long as it.
 */
#ifndef PGSIGNET_SYNC_WANTED_H
#define PGSIGNET_SYNC_WANTED_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "ldap_sync/guards.h"

#define ROLE_NAME_MAX  63 /* bytes: NAMEDATALEN - 1; PostgreSQL cuts what is longer */
#define UNTIL_INFINITY INT64_MAX

/* Why a role is wanted, or gets a grant. */
struct wanted_source {
    unsigned rule;     /* its place in sync.rules, from 1 */
    const char *group; /* the group's DN as the server wrote it; NULL = a static rule */
};

struct wanted_setting { /* ALTER ROLE ... SET name = value */
    const char *name;
    const char *value;
};

/* What a rule says of its roles beside grants.  Rows are shared by all roles that have the same. */
struct wanted_options {
    bool has_limit, has_until;    /* else the server's value is left alone */
    int64_t limit;                /* CONNECTION LIMIT, -1 = none */
    int64_t until_s;              /* VALID UNTIL, Unix time, or UNTIL_INFINITY */
    const char *comment;          /* NULL = left alone */
    uint32_t setting, n_settings; /* first and number in wanted.settings, by name */
};

struct wanted_grant {
    const char *role;         /* that the member is granted */
    uint32_t source;          /* in wanted.sources: the first that gave it */
    bool admin, inherit, set; /* WITH ADMIN, INHERIT, SET; PostgreSQL before 16 knows admin alone */
};

struct wanted_role {
    const char *name;
    uint32_t source;          /* of the rule that named it first: its options count */
    uint32_t options;         /* in wanted.options */
    uint32_t grant, n_grants; /* first and number in wanted.grants, by role in order of bytes */
};

struct wanted {
    GStringChunk *names; /* not owned */
    GArray *sources;     /* struct wanted_source */
    GArray *options;     /* struct wanted_options */
    GArray *settings;    /* struct wanted_setting */
    GArray *roles;       /* struct wanted_role, each name once, in no order */
    GArray *grants;      /* struct wanted_grant */
    GArray *findings;    /* struct sync_finding: EMPTY, INCOMPLETE, NAMES */
};

/* names is not taken over. */
void wanted_init(struct wanted *wanted, GStringChunk *names);
void wanted_clear(struct wanted *wanted); /* what it holds; a zeroed one is fine */

#endif
