#include "config.h"

#include "ldap_sync/plan_role.h"

#include <string.h>

static struct actual_membership *membership(const struct scope *scope,
                                            const struct actual_role *role, uint32_t i)
{
    return &g_array_index(scope->actual->memberships, struct actual_membership,
                          role->membership + i);
}

static const struct wanted_grant *wanted_grant(const struct scope *scope,
                                               const struct wanted_role *wanted, uint32_t i)
{
    return &g_array_index(scope->wanted->grants, struct wanted_grant, wanted->grant + i);
}

/* Whether the runner can take back what that grantor gave; a finding if not.  16+ */
static bool may_revoke(struct scope *scope, const char *member, const struct actual_membership *in,
                       bool *cascade)
{
    if (in->grantor != NULL && !scope->actual->runner_is_superuser &&
        !g_hash_table_contains(scope->revocable, in->grantor)) {
        scope_find(scope, SYNC_GUARD_FOREIGN, true, member,
                   "may not lose %s: %s granted it, in whose name the runner may not revoke",
                   in->role, in->grantor);
        if (!scope_forced(scope, SYNC_GUARD_FOREIGN))
            return false;
    }
    enum passed passed = in->admin ? scope_passed(scope, in->role, member) : PASSED_TO_NOBODY;
    if (passed == PASSED_TO_OTHERS) {
        scope_find(scope, SYNC_GUARD_FOREIGN, true, member,
                   "may not lose %s: it passed that on to roles that are not managed", in->role);
        if (!scope_forced(scope, SYNC_GUARD_FOREIGN))
            return false;
    }
    *cascade = passed != PASSED_TO_NOBODY;
    return true;
}

/* Takes a membership, or its ADMIN OPTION alone, away; false: it may not. */
static bool plan_revoke(struct scope *scope, const char *member, const struct actual_membership *in,
                        bool admin_only)
{
    bool cascade = false;

    if (scope->with_options && !may_revoke(scope, member, in, &cascade))
        return false;
    struct change *change = scope_change(scope, CHANGE_REVOKE, member, in->role);
    change->grantor = scope->with_options ? in->grantor : NULL;
    change->admin = admin_only;
    change->cascade = cascade;
    return true;
}

static void plan_grant(struct scope *scope, const char *member, const struct wanted_grant *wanted)
{
    if (!scope_governs(scope, wanted->role))
        return;
    struct change *change = scope_change(scope, CHANGE_GRANT, member, wanted->role);
    change->admin = wanted->admin;
    change->inherit = !scope->with_options || wanted->inherit;
    change->set = !scope->with_options || wanted->set;
    change->source = &g_array_index(scope->wanted->sources, struct wanted_source, wanted->source);
}

/* Before 16 there is one membership, with or without ADMIN OPTION. */
static void compare_one(struct scope *scope, const struct role_case *role,
                        const struct actual_membership *in, const struct wanted_grant *wanted)
{
    if (wanted->admin && !in->admin)
        plan_grant(scope, role->actual->name, wanted);
    else if (!wanted->admin && in->admin && !role->grants_only &&
             scope_governs(scope, wanted->role))
        (void)plan_revoke(scope, role->actual->name, in, true);
}

/* What is left of a membership when that which is too much has been taken from it. */
struct remains {
    bool member, admin, inherit, set;
    bool grant_again; /* ours has an option too many, which a GRANT takes away */
};

static void take_excess(struct scope *scope, const struct role_case *role,
                        const struct actual_membership *in, const struct wanted_grant *wanted,
                        struct role_losses *losses, struct remains *remains)
{
    bool ours = in->grantor == scope->grantor, admin = in->admin;
    bool excess = (in->inherit && !wanted->inherit) || (in->set && !wanted->set);

    if (role->grants_only || !scope_governs(scope, wanted->role)) {
        excess = false;
    } else if (excess && !ours) {
        if (plan_revoke(scope, role->actual->name, in, false)) {
            losses->set |= in->set && !wanted->set;
            return;
        }
    } else if (admin && !wanted->admin) {
        admin = !plan_revoke(scope, role->actual->name, in, true);
    }
    if (!ours && scope_touches(scope, scope_place(scope, in->grantor)))
        return;
    losses->set |= excess && ours && in->set && !wanted->set;
    remains->member = true;
    remains->admin |= admin;
    remains->inherit |= in->inherit;
    remains->set |= in->set;
    remains->grant_again |= excess && ours;
}

static void plan_wanted(struct scope *scope, const struct role_case *role,
                        const struct wanted_grant *wanted, struct role_losses *losses)
{
    const struct actual_role *actual = role->actual;
    struct remains remains = {0};

    for (uint32_t i = 0; i < actual->n_memberships; i++) {
        const struct actual_membership *in = membership(scope, actual, i);

        if (in->role != wanted->role)
            continue;
        if (!scope->with_options) {
            compare_one(scope, role, in, wanted);
            return;
        }
        take_excess(scope, role, in, wanted, losses, &remains);
    }
    if (!remains.member || remains.grant_again || (wanted->admin && !remains.admin) ||
        (wanted->inherit && !remains.inherit) || (wanted->set && !remains.set))
        plan_grant(scope, actual->name, wanted);
}

static bool is_wanted(const struct scope *scope, const struct wanted_role *wanted, const char *role)
{
    for (uint32_t i = 0; wanted != NULL && i < wanted->n_grants; i++)
        if (wanted_grant(scope, wanted, i)->role == role)
            return true;
    return false;
}

/* A role is lost when none of its memberships is kept. */
static void plan_unwanted(struct scope *scope, const struct role_case *role,
                          struct role_losses *losses)
{
    for (uint32_t i = 0; i < role->actual->n_memberships; i++) {
        const struct actual_membership *in = membership(scope, role->actual, i);

        if (in->role == scope->marker || is_wanted(scope, role->wanted, in->role) ||
            !scope_governs(scope, in->role))
            continue;
        bool gone = plan_revoke(scope, role->actual->name, in, false);
        g_ptr_array_add(gone ? losses->roles : losses->kept, (gpointer)(uintptr_t)in->role);
    }
    for (guint i = 0; i < losses->kept->len; i++)
        while (g_ptr_array_remove_fast(losses->roles, losses->kept->pdata[i]))
            ;
}

void role_plan_members(struct scope *scope, const struct role_case *role,
                       struct role_losses *losses)
{
    for (uint32_t i = 0; role->wanted != NULL && i < role->wanted->n_grants; i++) {
        const struct wanted_grant *wanted = wanted_grant(scope, role->wanted, i);

        if (role->actual == NULL)
            plan_grant(scope, role->wanted->name, wanted);
        else
            plan_wanted(scope, role, wanted, losses);
    }
    if (role->actual != NULL && !role->grants_only)
        plan_unwanted(scope, role, losses);
}
