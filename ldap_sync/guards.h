/*
 * guards.h - what keeps the sync from doing what nobody can have meant.  docs/ldap_sync.md says
 * what each means and what to do.
 *
 * A guard of the whole run ends it before anything is changed.  A guard of one name leaves that
 * name (or that one membership) out; the rest goes on, and the run ends with the guard's exit code.
 * A finding without a name ends the run, whatever its guard.
 */
#ifndef PGSIGNET_SYNC_GUARDS_H
#define PGSIGNET_SYNC_GUARDS_H

#include <stdbool.h>
#include <stddef.h>

enum sync_guard {
    SYNC_GUARD_EMPTY, /* a search, or all together, gave fewer members than guards.min_members */
    SYNC_GUARD_INCOMPLETE, /* size limit, missing range, referral, one of several searches failed */
    SYNC_GUARD_LEAVERS,    /* more leavers than guards.max_leavers */
    SYNC_GUARD_RUNNING,    /* another run holds the server's advisory lock */
    SYNC_GUARD_PRIVILEGED, /* a superuser, replication or system role, or one that may bypass RLS */
    SYNC_GUARD_UNMANAGED,  /* a role of that name exists and is not in the marker role */
    SYNC_GUARD_NAMES,      /* over 63 bytes, NUL, not UTF-8, reserved, or one of two entries */
    SYNC_GUARD_MISSING,    /* a role that a rule grants is not there; no name: the marker is not */
    SYNC_GUARD_FOREIGN,    /* 16+: what the runner may not revoke or alter, as it is others' */
    SYNC_GUARD_REVOKES,    /* more who stay would lose a grant than guards.max_revokes */
    SYNC_GUARDS
};

struct sync_guard_row {
    const char *name;   /* of --force, metrics and messages: "empty" */
    int exit_code;      /* 10 and up, one each */
    bool of_one_name;   /* leaves out what it names; false: ends the run */
    const char *advice; /* what to do, a sentence */
};

extern const struct sync_guard_row sync_guard_rows[SYNC_GUARDS];

/* The guard of that name, or SYNC_GUARDS. */
enum sync_guard sync_guard_find(const char *name);

/* One time a guard struck. */
struct sync_finding {
    enum sync_guard guard;
    bool forced;    /* --force named it: said, and passed over (never what cannot be passed over) */
    bool of_losses; /* counts only where the plan takes something from somebody */
    const char *name; /* of a role, foreign bytes; NULL for a guard of the whole run */
    const char *text; /* what was found, on what: half a sentence without the name; foreign bytes */
};

#endif
