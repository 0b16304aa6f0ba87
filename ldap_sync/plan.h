/*
 * plan.h - from two states to an ordered list of changes.  Pure: no server, no clock, no file.
 *
 * WHO IS TOUCHED.  Only roles that are direct members of the marker role (sync.managed), and roles
 * that are made now; of these only memberships in roles that some rule grants (the governed roles),
 * the options that rules name, and LOGIN.  Never, whatever is forced: what matches sync.protect
 * (silently), pg_* and the bootstrap superuser, the runner, the marker, the governed roles
 * themselves.  Superusers, replication roles, those that bypass RLS, and members of the marker WITH
 * ADMIN OPTION (who run a sync, or adopt roles) are PRIVILEGED: by --force privileged they are
 * adopted and granted to, but nothing of theirs is taken away.  One that has left is reported,
 * whatever is forced: sync.protect makes it silent.  A name that a guard leaves out is no leaver:
 * its role stays as it is.
 *
 * A GOVERNED ROLE that is a superuser, a replication role, bypasses RLS or reads and writes the
 * server's files, or is a member of such a role by any path, is PRIVILEGED too: it is neither
 * granted nor revoked.  One that the marker is a member of is PRIVILEGED, too, as all have it.  One
 * that is not on the server is MISSING.  The marker missing ends the run.
 * A role that no rule grants any more is not governed any more: who has it keeps it.  To take it
 * from all, let a rule that finds nobody grant it (guards.min_members 0) for one run.
 *
 * JOINERS are created with LOGIN in the marker.  Names that cannot be made are refused (NAMES).
 *
 * MOVERS get grants and revokes.  One who loses a governed role (16+: or its SET option) loses his
 * sessions, seen or not (he may come between reading and commit), unless sync.leavers.keep_movers.
 * A membership with options that differ is granted again with the right ones; ADMIN OPTION that is
 * not wanted is revoked by itself.  Before 16 inherit and set do not exist and are planned as true.
 * 16+ keeps one membership for each grantor.  All of them are looked at, and what must go is
 * revoked GRANTED BY its grantor.  A membership that a managed role granted does not count (it ends
 * with that role's): the runner grants its own beside it.  FOREIGN, and left as it is, is what the
 * runner may not revoke (it is no superuser, and not the grantor), a membership that was passed on
 * to roles that are not touched, and, but for grants and revokes, a role on which the runner has no
 * ADMIN OPTION.
 *
 * OPTIONS are changed where they differ, settings by name (any case) and value (search_path and its
 * like by elements).  A setting that no rule wants is left, as it may be an admin's, but for two
 * that go with the governed role that is lost in this plan: `role` that names it, and what a rule
 * that grants it sets to just that value, as it is written.  A comment that starts with LEFT_PREFIX
 * is not set.
 *
 * LEAVERS (managed, wanted no more) lose LOGIN (leavers.lock), their governed memberships and, with
 * leavers.terminate, their sessions; their comment gets LEFT_PREFIX and the time.  Who still has
 * sessions later loses them again.  leavers.drop_after after that time they are dropped.  A time
 * that cannot be read, or LOGIN given back by hand, makes him a leaver anew, with a new time.  Who
 * comes back within that time is a mover: his comment is restored, and LOGIN, which is given back
 * only with such a comment that says nothing of a lock before: NOLOGIN by an admin's hand stays.
 *
 * The guard LEAVERS counts new leavers.  A share is of the managed roles that had not left, rounded
 * down, but at least one (of 0 %: none): so that of five people one may leave.  The guard REVOKES
 * counts in the same way those who stay and lose a governed role, be it that they get another.
 */
#ifndef PGSIGNET_SYNC_PLAN_H
#define PGSIGNET_SYNC_PLAN_H

#include "common/settings.h"
#include "ldap_sync/actual.h"

/*
 * "pgsignet: left 2026-11-29T04:52:59Z", then ", was locked" if it was by somebody else, then " | "
 * and the comment from before, if there was one.
 */
#define LEFT_PREFIX "pgsignet: left "

/* In the order in which they are applied. */
enum change_kind {
    CHANGE_LOCK,    /* ALTER ROLE role NOLOGIN */
    CHANGE_REVOKE,  /* REVOKE object FROM role (16+: GRANTED BY grantor); admin: its ADMIN OPTION */
    CHANGE_CREATE,  /* CREATE ROLE role LOGIN IN ROLE object (the marker), with options; 16+: the
                     * marker is granted apart */
    CHANGE_ADOPT,   /* GRANT object (the marker) TO role */
    CHANGE_LOGIN,   /* ALTER ROLE role LOGIN: back again */
    CHANGE_LIMIT,   /* CONNECTION LIMIT number */
    CHANGE_UNTIL,   /* VALID UNTIL number (Unix time, UNTIL_INFINITY) */
    CHANGE_SET,     /* ALTER ROLE role SET object = value */
    CHANGE_RESET,   /* ALTER ROLE role RESET object; value: what it was */
    CHANGE_COMMENT, /* COMMENT ON ROLE role IS value (NULL: none) */
    CHANGE_GRANT,   /* GRANT object TO role, with admin, inherit, set */
    CHANGE_TERMINATE, /* its sessions, once the rest is committed */
    CHANGE_DROP,      /* REASSIGN OWNED, DROP OWNED in each database, DROP ROLE; each on its own */
    CHANGE_KINDS
};

/* Texts are of names or static. */
struct change {
    enum change_kind kind;
    bool admin, inherit, set; /* of CHANGE_GRANT; admin also of CHANGE_REVOKE */
    bool cascade;             /* of CHANGE_REVOKE, 16+: managed roles got it from this one */
    const char *role;
    const char *object;  /* governed role, marker, or setting; else NULL */
    const char *value;   /* of a setting or comment; else NULL */
    const char *grantor; /* 16+: of the membership to revoke; else NULL */
    int64_t number; /* limit, until; CHANGE_TERMINATE: sessions seen; CHANGE_DROP: when he left */
    const struct wanted_options *options; /* of CHANGE_CREATE; else NULL */
    const struct wanted_source *source;   /* why; NULL: because no rule gives it */
};

struct plan {
    GArray *changes; /* struct change, by kind, object, grantor, options, role, in order of bytes */
    GArray *findings;       /* struct sync_finding: those of wanted and the planner's own, sorted */
    size_t roles;           /* wanted and not left out */
    size_t managed;         /* on the server before, and touched */
    size_t joiners, movers; /* made; changed in any way */
    size_t losers;          /* movers who lose a governed role */
    size_t leavers, droppable; /* that leave now; that are dropped now */
};

/*
 * Makes the plan.  forced: bits 1 << enum sync_guard.  Texts of the plan are put into
 * wanted->names; wanted and actual must outlive it.  actual must be indexed.  Never fails; whether
 * it may be applied says plan_stop.
 */
void plan_make(const struct wanted *wanted, const struct actual *actual,
               const struct settings_sync *settings, int64_t now_s, unsigned forced,
               struct plan *plan);
void plan_clear(struct plan *plan); /* a zeroed one is fine */

/*
 * The first finding that ends the run (not forced, and not of one name), or NULL: it may be
 * applied.
 */
const struct sync_finding *plan_stop(const struct plan *plan);

/* The exit code that the findings ask for when all else went well; 0 if none does. */
int plan_exit_code(const struct plan *plan);

/* "grant dbrole_admin to alice  (cn=pg-dba, rule 1)" without a newline; foreign bytes escaped. */
void plan_describe(const struct change *change, GString *out);

/* n changes, as one statement; apart: as a statement for each, in order, and then one for all. */
struct plan_piece {
    size_t n;
    bool apart;
};

/*
 * Appends the SQL of the changes from `from` on that go together (grants, revokes, adoptions or
 * terminations that are alike, and from 16 on creations: up to PLAN_GRANT_MOST), each statement ended
 * by ";\n", for a server of that version.  CHANGE_TERMINATE and CHANGE_DROP are written as an
 * operator would run them by psql.  Identifiers and literals are quoted whatever they hold.
 */
#define PLAN_GRANT_MOST 1000
struct plan_piece plan_sql(const struct plan *plan, size_t from,
                           const struct settings_sync *settings, int version, GString *out);

/* Appends an identifier or literal, quoted; for standard_conforming_strings = on. */
void plan_quote_identifier(GString *out, const char *name);
void plan_quote_literal(GString *out, const char *text);

/* The whole plan, as SQL in one transaction, and as one JSON document. */
void plan_print_sql(const struct plan *plan, const struct settings_sync *settings, int version,
                    GString *out);
char *plan_print_json(const struct plan *plan); /* malloc'ed; NULL when memory is short */

/* "lock", "revoke", ...: of metrics, events and JSON. */
const char *plan_kind_name(enum change_kind kind);

#endif
