/*
 * plan_role.h - one role: what it has beside what it should have.  Internal to plan*.c.
 */
#ifndef PGSIGNET_SYNC_PLAN_ROLE_H
#define PGSIGNET_SYNC_PLAN_ROLE_H

#include "ldap_sync/plan_scope.h"

/* A role that is to be, or one that is to go (wanted NULL). */
struct role_case {
    const struct wanted_role *wanted;
    const struct actual_role *actual; /* NULL: it is made */
    bool grants_only;                 /* privileged: nothing may be taken away or altered */
};

/* What a role loses, of all roles in turn. */
struct role_losses {
    GPtrArray *roles; /* governed roles that it is no more a member of */
    GPtrArray *kept;  /* those that it should lose, and cannot */
    bool set;         /* 16+: it may SET ROLE to one no more */
};

void role_open_losses(struct role_losses *losses);
void role_clear_losses(struct role_losses *losses);
void role_close_losses(struct role_losses *losses);

/* plan_members.c: CHANGE_REVOKE, CHANGE_GRANT. */
void role_plan_members(struct scope *scope, const struct role_case *role,
                       struct role_losses *losses);

/* plan_settings.c: CHANGE_SET, CHANGE_RESET. */
void role_plan_settings(struct scope *scope, const struct role_case *role,
                        const struct role_losses *losses);

/*
 * The elements of the value of search_path and its like (g_ptr_array_unref), what cannot be read as
 * elements being one; NULL: no such setting.
 */
GPtrArray *role_setting_elements(const char *name, const char *value);

/* Limit and end as the server keeps them: what it cannot hold becomes the nearest that it can. */
int64_t role_limit(int64_t limit);
int64_t role_until(int64_t until_s);

/* plan_people.c: all changes of one role. */
void role_plan_joiner(struct scope *scope, const struct wanted_role *wanted);
void role_plan_mover(struct scope *scope, const struct wanted_role *wanted, int64_t place,
                     struct role_losses *losses);
/* Whether it leaves now, and had not before. */
bool role_plan_leaver(struct scope *scope, int64_t place, struct role_losses *losses);

/* --- plan_left.c: the mark in the comment of one that has left */

struct left_mark {
    bool is_there;    /* the comment starts with LEFT_PREFIX */
    bool has_time;    /* and the time can be read */
    bool was_locked;  /* not by the sync: it is not unlocked when it comes back */
    int64_t time_s;   /* Unix time */
    const char *rest; /* the comment without marks, or NULL */
};

struct left_mark left_read(const char *comment);                    /* NULL is allowed */
char *left_write(const char *rest, bool was_locked, int64_t now_s); /* g_free */

/* "2026-11-29T04:52:59Z" with between = 'T' and end = "Z"; years up to 294276. */
#define LEFT_TIME_SIZE 96 /* of any ints */
void left_time_text(int64_t time_s, char between, const char *end, char out[LEFT_TIME_SIZE]);

/* --- plan_order.c */
void plan_sort(struct plan *plan);

#endif
