/*
 * plan_scope.h - whom and what a plan may touch.  Internal to plan*.c.
 */
#ifndef PGSIGNET_SYNC_PLAN_SCOPE_H
#define PGSIGNET_SYNC_PLAN_SCOPE_H

#include "ldap_sync/plan.h"

/* Of each role of the server. */
enum {
    SCOPE_MEMBER = 1 << 0,     /* of the marker */
    SCOPE_STEWARD = 1 << 1,    /* of the marker, with ADMIN OPTION */
    SCOPE_PRIVILEGED = 1 << 2, /* superuser, replication, bypasses RLS */
    SCOPE_RESERVED = 1 << 3,   /* never touched: system, runner, marker, governed, protected */
    SCOPE_WANTED = 1 << 4,     /* be it that a guard keeps it as it is */
    SCOPE_LEFT_OUT = 1 << 5,   /* by the readers: neither wanted nor a leaver */
    SCOPE_ADOPTED = 1 << 6,    /* by force: it becomes a member of the marker */
};

struct scope {
    const struct wanted *wanted;
    const struct actual *actual;
    const struct settings_sync *settings;
    int64_t now_s;
    unsigned forced;
    bool with_options;     /* 16+: memberships have a grantor each, inherit and set */
    const char *marker;    /* this and all names below are pointers of names */
    const char *grantor;   /* 16+: of what this run grants */
    uint8_t *flags;        /* of each role of actual */
    GHashTable *governed;  /* name -> 1, or 0 where it is neither granted nor revoked */
    GHashTable *revocable; /* 16+: grantors in whose name the runner may revoke */
    GHashTable *alterable; /* 16+: those the runner has ADMIN OPTION on; made when asked for */
    GHashTable *passed;    /* 16+: grantor -> GArray of struct passed_on; made when asked for */
    size_t adopted;        /* roles that become managed by force */
    struct plan *plan;
};

/* False: there is no marker, and nothing to plan.  scope_close is needed all the same. */
bool scope_open(struct scope *scope);
void scope_close(struct scope *scope);

/* The place of a name in actual.roles, or -1. */
int64_t scope_place(const struct scope *scope, const char *name);
const struct actual_role *scope_role(const struct scope *scope, int64_t place);

/* Whether the role of that place is managed (or is about to be) and nothing forbids to touch it. */
bool scope_touches(const struct scope *scope, int64_t place);

/*
 * Whether the wanted role is left out, by sync.protect or by a guard, which then is a finding.
 * twice: two wanted roles have that name.
 */
bool scope_refuses(struct scope *scope, const char *name, int64_t place, bool twice);

/* Notes that the role of that place is wanted; false: it had been noted before. */
bool scope_want(struct scope *scope, int64_t place);

bool scope_forced(const struct scope *scope, enum sync_guard guard);

/* Adds a finding.  passable: --force passes over it. */
void scope_find(struct scope *scope, enum sync_guard guard, bool passable, const char *name,
                const char *text, ...) G_GNUC_PRINTF(5, 6);

/*
 * Adds the findings of the readers, those of losses or the others; a name in them was left out there.
 */
void scope_take_findings(struct scope *scope, bool of_losses);

/* Appends a change; the caller completes it before the next. */
struct change *scope_change(struct scope *scope, enum change_kind kind, const char *role,
                            const char *object);

/* --- plan_governed.c */

/* Fills governed and revocable; finds governed roles that are MISSING or PRIVILEGED. */
void scope_govern(struct scope *scope);

/* The superuser (or as good as one) that a member of the role could become or act as, or NULL. */
const char *scope_privileged_behind(const struct scope *scope, const char *role);

/* Whether a rule grants the role, and it may be granted and revoked. */
bool scope_governs(const struct scope *scope, const char *role);

/* Whether the runner may ALTER, comment and drop the role (16+: not every one that it manages). */
bool scope_alters(struct scope *scope, const char *role);

/* 16+: to whom a grantor passed a role on, directly or through others. */
enum passed { PASSED_TO_NOBODY, PASSED_TO_MANAGED, PASSED_TO_OTHERS };
enum passed scope_passed(struct scope *scope, const char *role, const char *grantor);

#endif
