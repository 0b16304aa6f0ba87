#include "config.h"

#include "ldap_sync/apply_turns.h"

static bool locks_its_role(const struct change *change, int version)
{
    switch (change->kind) {
    case CHANGE_SET:
    case CHANGE_RESET:
    case CHANGE_COMMENT:
        return true;
    case CHANGE_CREATE:
        return version >= 160000;
    default:
        return false;
    }
}

static const struct change *change_at(const struct plan *plan, guint i)
{
    return &g_array_index(plan->changes, struct change, i);
}

/* The roles that are locked, each with turn 0. */
static GHashTable *locked_roles(const struct plan *plan, int version)
{
    GHashTable *roles = g_hash_table_new(g_direct_hash, g_direct_equal);

    for (guint i = 0; i < plan->changes->len; i++)
        if (locks_its_role(change_at(plan, i), version))
            g_hash_table_insert(roles, (gpointer)(uintptr_t)change_at(plan, i)->role, NULL);
    return roles;
}

/* A plan begins with what is taken away. */
static void give_turns(const struct plan *plan, size_t most, struct turns *turns)
{
    GHashTable *seen = g_hash_table_new(g_direct_hash, g_direct_equal);

    for (guint i = 0; i < plan->changes->len; i++) {
        gpointer role = (gpointer)(uintptr_t)change_at(plan, i)->role;

        if (!g_hash_table_contains(turns->of_role, role) || !g_hash_table_add(seen, role))
            continue;
        turns->n = (g_hash_table_size(seen) - 1) / most + 1;
        g_hash_table_insert(turns->of_role, role, GSIZE_TO_POINTER(turns->n - 1));
    }
    g_hash_table_unref(seen);
}

void turns_make(const struct plan *plan, int version, size_t most, struct turns *turns)
{
    *turns = (struct turns){.n = 1, .of_role = locked_roles(plan, version)};
    if (g_hash_table_size(turns->of_role) > most)
        give_turns(plan, most, turns);
    else
        turns_clear(turns);
}

void turns_clear(struct turns *turns)
{
    if (turns->of_role != NULL)
        g_hash_table_unref(turns->of_role);
    turns->of_role = NULL;
}

size_t turns_of(const struct turns *turns, const char *role)
{
    return turns->of_role == NULL ? 0 : GPOINTER_TO_SIZE(g_hash_table_lookup(turns->of_role, role));
}
