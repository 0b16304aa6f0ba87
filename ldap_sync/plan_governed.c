#include "config.h"

#include "ldap_sync/plan_scope.h"

#include <string.h>

struct passed_on {
    const char *role;
    const char *member;
    bool touched; /* the member is */
    bool admin;   /* it may pass the role on in turn */
};

static const struct actual_membership *membership(const struct scope *scope,
                                                  const struct actual_role *role, uint32_t i)
{
    return &g_array_index(scope->actual->memberships, struct actual_membership,
                          role->membership + i);
}

/* Roles from which the server's machine is one COPY away. */
static bool is_as_good_as_superuser(const char *name)
{
    static const char *const names[] = {"pg_execute_server_program", "pg_read_server_files",
                                        "pg_write_server_files"};

    for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

typedef bool follows(const struct actual_membership *in);

static bool by_any_option(const struct actual_membership *in)
{
    return in->admin || in->inherit || in->set;
}

static bool by_inheritance(const struct actual_membership *in)
{
    return in->inherit;
}

/* All that a role is a member of by such memberships, itself included: name -> name. */
static GHashTable *reach(const struct scope *scope, const char *name, follows *follow)
{
    GHashTable *seen = g_hash_table_new(g_direct_hash, g_direct_equal);
    GPtrArray *todo = g_ptr_array_new();

    g_hash_table_add(seen, (gpointer)(uintptr_t)name);
    g_ptr_array_add(todo, (gpointer)(uintptr_t)name);
    while (todo->len > 0) {
        const char *next = g_ptr_array_remove_index_fast(todo, todo->len - 1);
        const struct actual_role *role = actual_find(scope->actual, next);

        for (uint32_t i = 0; role != NULL && i < role->n_memberships; i++) {
            const struct actual_membership *in = membership(scope, role, i);
            gpointer to = (gpointer)(uintptr_t)in->role;
            if (follow(in) && g_hash_table_add(seen, to))
                g_ptr_array_add(todo, to);
        }
    }
    g_ptr_array_unref(todo);
    return seen;
}

/* Of several the first by name. */
const char *scope_privileged_behind(const struct scope *scope, const char *name)
{
    GHashTable *reached = reach(scope, name, by_any_option);
    const char *first = NULL;
    GHashTableIter each;
    gpointer key;

    g_hash_table_iter_init(&each, reached);
    while (g_hash_table_iter_next(&each, &key, NULL)) {
        const struct actual_role *role = actual_find(scope->actual, key);
        if (role != NULL &&
            (role->superuser || role->replication || role->bypassrls ||
             is_as_good_as_superuser(role->name)) &&
            (first == NULL || strcmp(role->name, first) < 0))
            first = role->name;
    }
    g_hash_table_unref(reached);
    return first;
}

/* Whether the governed role may be granted and revoked; reports why not. */
static bool may_govern(struct scope *scope, const char *name)
{
    if (scope_place(scope, name) < 0) {
        scope_find(scope, SYNC_GUARD_MISSING, false, name,
                   "is granted by a rule and not on the server");
        return false;
    }
    const char *behind = scope_privileged_behind(scope, name);
    if (behind == NULL)
        return true;
    scope_find(scope, SYNC_GUARD_PRIVILEGED, true, name,
               "is granted by a rule and gives the rights of %s", behind);
    return scope_forced(scope, SYNC_GUARD_PRIVILEGED);
}

/* What the marker is a member of, no revocation takes from those who are managed. */
static void watch_marker(struct scope *scope)
{
    GHashTable *reached = reach(scope, scope->marker, by_any_option);
    GHashTableIter each;
    gpointer name;

    g_hash_table_iter_init(&each, scope->governed);
    while (g_hash_table_iter_next(&each, &name, NULL))
        if (g_hash_table_contains(reached, name))
            scope_find(scope, SYNC_GUARD_PRIVILEGED, true, name,
                       "is granted by a rule, but all who are managed have it: the marker role %s "
                       "is a member of it",
                       scope->marker);
    g_hash_table_unref(reached);
}

/* Grants are recorded as the bootstrap superuser's when a superuser makes them. */
static const char *recorded_grantor(const struct scope *scope)
{
    const struct actual *actual = scope->actual;

    for (guint i = 0; actual->runner_is_superuser && i < actual->roles->len; i++) {
        const struct actual_role *role = &g_array_index(actual->roles, struct actual_role, i);
        if (role->system && role->superuser)
            return role->name;
    }
    return actual->runner;
}

void scope_govern(struct scope *scope)
{
    const struct settings_sync *settings = scope->settings;

    scope->governed = g_hash_table_new(g_direct_hash, g_direct_equal);
    for (size_t i = 0; i < settings->n_rules; i++)
        for (size_t k = 0; k < settings->rules[i].grant.n; k++) {
            char *name =
                g_string_chunk_insert_const(scope->wanted->names, settings->rules[i].grant.at[k]);
            if (name != scope->marker && !g_hash_table_contains(scope->governed, name))
                g_hash_table_insert(scope->governed, name,
                                    GINT_TO_POINTER(may_govern(scope, name)));
        }
    watch_marker(scope);
    if (!scope->with_options)
        return;
    scope->grantor = recorded_grantor(scope);
    scope->revocable = reach(scope, scope->actual->runner, by_inheritance);
}

bool scope_governs(const struct scope *scope, const char *role)
{
    return g_hash_table_lookup(scope->governed, role) != NULL;
}

static void index_alterable(struct scope *scope)
{
    GHashTable *reached = reach(scope, scope->actual->runner, by_any_option);
    GHashTableIter each;
    gpointer name;

    scope->alterable = g_hash_table_new(g_direct_hash, g_direct_equal);
    g_hash_table_iter_init(&each, reached);
    while (g_hash_table_iter_next(&each, &name, NULL)) {
        const struct actual_role *role = actual_find(scope->actual, name);
        for (uint32_t i = 0; role != NULL && i < role->n_memberships; i++)
            if (membership(scope, role, i)->admin)
                g_hash_table_add(scope->alterable,
                                 (gpointer)(uintptr_t)membership(scope, role, i)->role);
    }
    g_hash_table_unref(reached);
}

bool scope_alters(struct scope *scope, const char *role)
{
    if (!scope->with_options || scope->actual->runner_is_superuser)
        return true;
    if (scope->alterable == NULL)
        index_alterable(scope);
    return g_hash_table_contains(scope->alterable, role);
}

static void index_passed(struct scope *scope)
{
    const GArray *roles = scope->actual->roles;

    scope->passed = g_hash_table_new(g_direct_hash, g_direct_equal);
    for (guint i = 0; i < roles->len; i++) {
        const struct actual_role *role = scope_role(scope, i);

        for (uint32_t k = 0; k < role->n_memberships; k++) {
            const struct actual_membership *in = membership(scope, role, k);

            if (in->grantor == scope->grantor || in->role == scope->marker ||
                !scope_touches(scope, scope_place(scope, in->grantor)))
                continue;
            GArray *list = g_hash_table_lookup(scope->passed, in->grantor);
            if (list == NULL) {
                list = g_array_new(FALSE, FALSE, sizeof(struct passed_on));
                g_hash_table_insert(scope->passed, (gpointer)(uintptr_t)in->grantor, list);
            }
            struct passed_on on = {in->role, role->name, scope_touches(scope, i), in->admin};
            g_array_append_val(list, on);
        }
    }
}

enum passed scope_passed(struct scope *scope, const char *role, const char *grantor)
{
    enum passed passed = PASSED_TO_NOBODY;

    if (scope->passed == NULL)
        index_passed(scope);
    GHashTable *seen = g_hash_table_new(g_direct_hash, g_direct_equal);
    GPtrArray *todo = g_ptr_array_new();
    g_ptr_array_add(todo, (gpointer)(uintptr_t)grantor);
    while (todo->len > 0 && passed != PASSED_TO_OTHERS) {
        gpointer next = g_ptr_array_remove_index_fast(todo, todo->len - 1);
        const GArray *list = g_hash_table_lookup(scope->passed, next);

        for (guint i = 0; list != NULL && i < list->len; i++) {
            const struct passed_on *on = &g_array_index(list, struct passed_on, i);
            if (on->role != role)
                continue;
            passed = MAX(passed, on->touched ? PASSED_TO_MANAGED : PASSED_TO_OTHERS);
            if (on->admin && g_hash_table_add(seen, (gpointer)(uintptr_t)on->member))
                g_ptr_array_add(todo, (gpointer)(uintptr_t)on->member);
        }
    }
    g_ptr_array_unref(todo);
    g_hash_table_unref(seen);
    return passed;
}
