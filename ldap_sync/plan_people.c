#include "config.h"

#include "ldap_sync/plan_role.h"

#include "common/text.h"

#include <string.h>

/* What a timestamp of PostgreSQL holds, of the years from 1 on. */
#define UNTIL_FIRST (-INT64_C(62135596800)) /* 0001-01-01 */
#define UNTIL_LAST  INT64_C(9224318015999)  /* 294276-12-31T23:59:59Z */

static const struct wanted_options *options_of(const struct scope *scope,
                                               const struct wanted_role *wanted)
{
    return &g_array_index(scope->wanted->options, struct wanted_options, wanted->options);
}

static const struct wanted_source *source_of(const struct scope *scope,
                                             const struct wanted_role *wanted)
{
    return &g_array_index(scope->wanted->sources, struct wanted_source, wanted->source);
}

void role_open_losses(struct role_losses *losses)
{
    *losses = (struct role_losses){.roles = g_ptr_array_new(), .kept = g_ptr_array_new()};
}

void role_clear_losses(struct role_losses *losses)
{
    g_ptr_array_set_size(losses->roles, 0);
    g_ptr_array_set_size(losses->kept, 0);
    losses->set = false;
}

void role_close_losses(struct role_losses *losses)
{
    g_ptr_array_unref(losses->roles);
    g_ptr_array_unref(losses->kept);
}

int64_t role_limit(int64_t limit)
{
    return CLAMP(limit, -1, INT32_MAX);
}

int64_t role_until(int64_t until_s)
{
    return until_s > UNTIL_LAST ? UNTIL_INFINITY : MAX(until_s, UNTIL_FIRST);
}

static void plan_numbers(struct scope *scope, const struct wanted_role *wanted,
                         const struct actual_role *actual)
{
    const struct wanted_options *options = options_of(scope, wanted);
    const struct {
        enum change_kind kind;
        bool has;
        int64_t is, to;
    } rows[] = {
        {CHANGE_LIMIT, options->has_limit, actual->limit, role_limit(options->limit)},
        {CHANGE_UNTIL, options->has_until, role_until(actual->until_s),
         role_until(options->until_s)},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        if (!rows[i].has || rows[i].is == rows[i].to)
            continue;
        struct change *change = scope_change(scope, rows[i].kind, wanted->name, NULL);
        change->number = rows[i].to;
        change->source = source_of(scope, wanted);
    }
}

/* The comment that a role should have: a rule's, else the one without marks; NULL = none. */
static const char *wanted_comment(struct scope *scope, const struct wanted_role *wanted,
                                  const struct left_mark *mark)
{
    const char *comment = options_of(scope, wanted)->comment;

    if (comment == NULL || g_str_has_prefix(comment, LEFT_PREFIX))
        return mark->rest;
    if (!text_is_utf8(bytes_str(comment))) {
        scope_find(scope, SYNC_GUARD_NAMES, true, wanted->name,
                   "has a comment that is not UTF-8, which is left out");
        return mark->rest;
    }
    return comment[0] == '\0' ? NULL : comment;
}

static void plan_comment(struct scope *scope, const struct wanted_role *wanted, const char *is,
                         const struct left_mark *mark)
{
    const char *to = wanted_comment(scope, wanted, mark);

    if (g_strcmp0(is, to) == 0)
        return;
    struct change *change = scope_change(scope, CHANGE_COMMENT, wanted->name, NULL);
    change->value = to == NULL ? NULL : g_string_chunk_insert_const(scope->wanted->names, to);
    change->source = source_of(scope, wanted);
}

void role_plan_joiner(struct scope *scope, const struct wanted_role *wanted)
{
    const struct role_case role = {.wanted = wanted};
    const struct left_mark unmarked = {0};
    struct role_losses none = {0};

    struct change *change = scope_change(scope, CHANGE_CREATE, wanted->name, scope->marker);
    change->options = options_of(scope, wanted);
    change->source = source_of(scope, wanted);
    role_plan_settings(scope, &role, &none);
    plan_comment(scope, wanted, NULL, &unmarked);
    role_plan_members(scope, &role, &none);
    scope->plan->joiners++;
}

static void plan_terminate(struct scope *scope, const struct actual_role *actual)
{
    scope_change(scope, CHANGE_TERMINATE, actual->name, NULL)->number = actual->sessions;
}

/*
 * Whether the changes of a role from that place on may stay; if the runner may not make them, they
 * are taken back and a finding says what cannot be.
 */
static bool keeps(struct scope *scope, const char *role, guint from, const char *what)
{
    if (scope->plan->changes->len == from || scope_alters(scope, role))
        return true;
    scope_find(scope, SYNC_GUARD_FOREIGN, true, role, "%s: the runner has no ADMIN OPTION on it",
               what);
    if (scope_forced(scope, SYNC_GUARD_FOREIGN))
        return true;
    g_array_set_size(scope->plan->changes, from);
    return false;
}

static void plan_options(struct scope *scope, const struct role_case *role,
                         const struct role_losses *losses)
{
    const struct left_mark mark = left_read(role->actual->comment);
    guint before = scope->plan->changes->len;

    if (mark.is_there && !mark.was_locked && !role->actual->login)
        scope_change(scope, CHANGE_LOGIN, role->wanted->name, NULL)->source =
            source_of(scope, role->wanted);
    plan_numbers(scope, role->wanted, role->actual);
    role_plan_settings(scope, role, losses);
    plan_comment(scope, role->wanted, role->actual->comment, &mark);
    (void)keeps(scope, role->wanted->name, before, "may not get the options of its rule");
}

void role_plan_mover(struct scope *scope, const struct wanted_role *wanted, int64_t place,
                     struct role_losses *losses)
{
    const unsigned untaken = SCOPE_PRIVILEGED | SCOPE_STEWARD;
    const struct role_case role = {
        .wanted = wanted,
        .actual = scope_role(scope, place),
        .grants_only = (scope->flags[place] & untaken) != 0,
    };
    guint before = scope->plan->changes->len;

    if ((scope->flags[place] & SCOPE_MEMBER) == 0) {
        scope_change(scope, CHANGE_ADOPT, wanted->name, scope->marker)->source =
            source_of(scope, wanted);
        scope->adopted++;
    }
    role_plan_members(scope, &role, losses);
    if (!role.grants_only)
        plan_options(scope, &role, losses);
    if ((losses->roles->len > 0 || losses->set) && !scope->settings->leavers.keep_movers)
        plan_terminate(scope, role.actual);
    scope->plan->movers += scope->plan->changes->len > before;
    scope->plan->losers += losses->roles->len > 0;
    role_clear_losses(losses);
}

/* Who has no LOGIN, and no mark of ours that would say why, was locked by somebody else. */
static void plan_mark(struct scope *scope, const struct actual_role *actual,
                      const struct left_mark *mark)
{
    bool was_locked = !actual->login && (!mark->is_there || mark->was_locked);
    char *comment = left_write(mark->rest, was_locked, scope->now_s);

    scope_change(scope, CHANGE_COMMENT, actual->name, NULL)->value =
        g_string_chunk_insert_const(scope->wanted->names, comment);
    g_free(comment);
}

static void plan_end(struct scope *scope, const struct actual_role *actual,
                     const struct role_losses *losses)
{
    const struct settings_sync_leavers *leavers = &scope->settings->leavers;
    const struct role_case role = {.actual = actual};
    const struct left_mark mark = left_read(actual->comment);
    bool locks = leavers->lock == LEAVERS_LOCK_NOW && actual->login;
    bool drops = !locks && mark.has_time && leavers->drop_after > 0 &&
                 scope->now_s - mark.time_s >= leavers->drop_after &&
                 g_strcmp0(actual->name, leavers->reassign_to) != 0;

    if (locks)
        (void)scope_change(scope, CHANGE_LOCK, actual->name, NULL);
    role_plan_settings(scope, &role, losses);
    if (locks || !mark.has_time) {
        plan_mark(scope, actual, &mark);
        scope->plan->leavers++;
    }
    if (drops) {
        scope_change(scope, CHANGE_DROP, actual->name, NULL)->number = mark.time_s;
        scope->plan->droppable++;
    }
}

/* Who may not be locked loses memberships and sessions all the same. */
bool role_plan_leaver(struct scope *scope, int64_t place, struct role_losses *losses)
{
    const struct actual_role *actual = scope_role(scope, place);
    const struct role_case role = {.actual = actual};
    struct plan *plan = scope->plan;
    size_t leavers = plan->leavers, droppable = plan->droppable;

    role_plan_members(scope, &role, losses);
    guint before = plan->changes->len;
    plan_end(scope, actual, losses);
    if (!keeps(scope, actual->name, before, "has left and may not be locked or dropped")) {
        plan->leavers = leavers;
        plan->droppable = droppable;
    }
    bool leaves = plan->leavers > leavers;
    if (scope->settings->leavers.terminate &&
        (leaves || losses->roles->len > 0 || actual->sessions > 0))
        plan_terminate(scope, actual);
    role_clear_losses(losses);
    return leaves;
}
