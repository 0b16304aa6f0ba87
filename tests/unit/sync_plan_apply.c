/* A server in a few lines: what each change does to roles and memberships, and what is refused. */
#include "config.h"

#include "tests/unit/sync_plan_world.h"

#include <string.h>

static bool has_options(const struct world *world)
{
    return world->version >= 160000;
}

static struct actual_membership *row_at(const struct world_role *role, guint i)
{
    return &g_array_index(role->memberships, struct actual_membership, i);
}

static bool is_admin_on(const struct world_role *role, const char *in)
{
    for (guint i = 0; i < role->memberships->len; i++)
        if (row_at(role, i)->role == in && row_at(role, i)->admin)
            return true;
    return false;
}

/* Whether the role is a member of the other by memberships that inherit, or is it. */
static bool acts_as(struct world *world, const char *name, const char *other, int depth)
{
    struct world_role *role = world_role_find(world, name);

    if (strcmp(name, other) == 0)
        return true;
    for (guint i = 0; role != NULL && depth > 0 && i < role->memberships->len; i++)
        if (row_at(role, i)->inherit && acts_as(world, row_at(role, i)->role, other, depth - 1))
            return true;
    return false;
}

/* Whether the runner has ADMIN OPTION on a role by any path. */
static bool administers(struct world *world, const char *name, const char *on, int depth)
{
    struct world_role *role = world_role_find(world, name);

    if (role == NULL || depth == 0)
        return false;
    if (is_admin_on(role, on))
        return true;
    for (guint i = 0; i < role->memberships->len; i++)
        if (administers(world, row_at(role, i)->role, on, depth - 1))
            return true;
    return false;
}

static char *refuse_alter(struct world *world, const struct world_role *role)
{
    if (world->super)
        return NULL;
    if (role->is.superuser || role->is.replication || role->is.bypassrls)
        return g_strdup("must be superuser to alter");
    if (has_options(world) && !administers(world, "sync", role->is.name, 4))
        return g_strdup("no ADMIN OPTION on the role");
    return NULL;
}

/*
 * What a grantor gave goes when its own last ADMIN OPTION on the role goes.  False: there is such,
 * and no CASCADE.
 */
static bool drop_passed(struct world *world, const char *in, const char *grantor, bool cascade)
{
    struct world_role *holder = world_role_find(world, grantor);

    if (holder == NULL || is_admin_on(holder, in))
        return true;
    for (guint k = 0; k < world->roles->len; k++) {
        struct world_role *role = world->roles->pdata[k];
        for (guint i = role->memberships->len; i-- > 0;) {
            if (row_at(role, i)->role != in || row_at(role, i)->grantor != grantor)
                continue;
            if (!cascade)
                return false;
            bool was_admin = row_at(role, i)->admin;
            g_array_remove_index(role->memberships, i);
            if (was_admin)
                (void)drop_passed(world, in, role->is.name, true);
            i = role->memberships->len;
        }
    }
    return true;
}

static char *apply_revoke(struct world *world, struct world_role *role, const struct change *change)
{
    if (has_options(world) && change->grantor == NULL)
        return g_strdup("no GRANTED BY");
    if (has_options(world) && !world->super && !acts_as(world, "sync", change->grantor, 4))
        return g_strdup("GRANTED BY a role that is not the runner's");
    for (guint i = 0; i < role->memberships->len; i++) {
        struct actual_membership *in = row_at(role, i);

        if (in->role != change->object || (has_options(world) && in->grantor != change->grantor))
            continue;
        bool was_admin = in->admin;
        if (change->admin)
            in->admin = false;
        else
            g_array_remove_index(role->memberships, i);
        if (has_options(world) && was_admin &&
            !drop_passed(world, change->object, role->is.name, change->cascade))
            return g_strdup("dependent privileges exist");
        return NULL;
    }
    return NULL; /* a warning: an earlier CASCADE took it */
}

static char *apply_grant(struct world *world, struct world_role *role, const struct change *change,
                         bool admin, bool inherit, bool set)
{
    const char *grantor = world_grantor(world);

    if (world_role_find(world, change->object) == NULL)
        return g_strdup("role to grant does not exist");
    for (guint i = 0; i < role->memberships->len; i++) {
        struct actual_membership *in = row_at(role, i);

        if (in->role != change->object || (has_options(world) && in->grantor != grantor))
            continue;
        if (has_options(world))
            *in = (struct actual_membership){in->role, grantor, admin, inherit, set};
        else
            in->admin |= admin;
        return NULL;
    }
    world_membership_add(world, role, change->object, grantor, admin, inherit, set);
    return NULL;
}

static char *apply_create(struct world *world, const struct change *change)
{
    if (world_role_find(world, change->role) != NULL)
        return g_strdup("role exists");
    if (strlen(change->role) > ROLE_NAME_MAX || change->role[0] == '\0')
        return g_strdup("no name for a role");
    struct world_role *role = world_role_add(world, change->role);
    if (change->options->has_limit)
        role->is.limit = change->options->limit;
    if (change->options->has_until)
        role->is.until_s = change->options->until_s;
    if (has_options(world) && !world->super)
        world_membership_add(world, world_role_find(world, "sync"), change->role, "postgres", true,
                             false, false);
    return apply_grant(world, role, change, false, true, true);
}

static void unset(struct world_role *role, const char *name)
{
    for (guint i = role->settings->len; i-- > 0;)
        if (g_ascii_strcasecmp(g_array_index(role->settings, struct wanted_setting, i).name,
                               name) == 0)
            g_array_remove_index(role->settings, i);
}

static char *apply_alter(struct world *world, struct world_role *role, const struct change *change)
{
    char *refusal = refuse_alter(world, role);

    if (refusal != NULL)
        return refusal;
    switch (change->kind) {
    case CHANGE_LOCK:
    case CHANGE_LOGIN:
        role->is.login = change->kind == CHANGE_LOGIN;
        break;
    case CHANGE_LIMIT:
        role->is.limit = change->number;
        break;
    case CHANGE_UNTIL:
        role->is.until_s = change->number;
        break;
    case CHANGE_COMMENT:
        role->is.comment = change->value;
        break;
    case CHANGE_DROP:
        world_role_drop(world, change->role);
        break;
    case CHANGE_SET:
        unset(role, change->object);
        world_setting_add(world, role->settings, change->object, change->value);
        break;
    default:
        unset(role, change->object);
        break;
    }
    return NULL;
}

char *world_apply(struct world *world, const struct change *change)
{
    struct world_role *role = world_role_find(world, change->role);

    if (change->kind == CHANGE_CREATE)
        return apply_create(world, change);
    if (role == NULL)
        return g_strdup("role does not exist");
    switch (change->kind) {
    case CHANGE_ADOPT:
        return apply_grant(world, role, change, false, true, true);
    case CHANGE_GRANT:
        return apply_grant(world, role, change, change->admin, change->inherit, change->set);
    case CHANGE_REVOKE:
        return apply_revoke(world, role, change);
    case CHANGE_TERMINATE:
        role->is.sessions = 0;
        return NULL;
    default:
        return apply_alter(world, role, change);
    }
}
