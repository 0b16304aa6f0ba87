#include "config.h"

#include "ldap_sync/actual.h"

static void clear_array(GArray **array)
{
    if (*array != NULL)
        g_array_unref(*array);
    *array = NULL;
}

void wanted_init(struct wanted *wanted, GStringChunk *names)
{
    *wanted = (struct wanted){
        .names = names,
        .sources = g_array_new(FALSE, FALSE, sizeof(struct wanted_source)),
        .options = g_array_new(FALSE, FALSE, sizeof(struct wanted_options)),
        .settings = g_array_new(FALSE, FALSE, sizeof(struct wanted_setting)),
        .roles = g_array_new(FALSE, FALSE, sizeof(struct wanted_role)),
        .grants = g_array_new(FALSE, FALSE, sizeof(struct wanted_grant)),
        .findings = g_array_new(FALSE, FALSE, sizeof(struct sync_finding)),
    };
}

void wanted_clear(struct wanted *wanted)
{
    clear_array(&wanted->sources);
    clear_array(&wanted->options);
    clear_array(&wanted->settings);
    clear_array(&wanted->roles);
    clear_array(&wanted->grants);
    clear_array(&wanted->findings);
}

void actual_init(struct actual *actual, GStringChunk *names)
{
    *actual = (struct actual){
        .names = names,
        .roles = g_array_new(FALSE, FALSE, sizeof(struct actual_role)),
        .memberships = g_array_new(FALSE, FALSE, sizeof(struct actual_membership)),
        .settings = g_array_new(FALSE, FALSE, sizeof(struct wanted_setting)),
        .by_name = g_hash_table_new(g_direct_hash, g_direct_equal),
    };
}

void actual_clear(struct actual *actual)
{
    clear_array(&actual->roles);
    clear_array(&actual->memberships);
    clear_array(&actual->settings);
    if (actual->by_name != NULL)
        g_hash_table_unref(actual->by_name);
    actual->by_name = NULL;
}

void actual_index(struct actual *actual)
{
    g_hash_table_remove_all(actual->by_name);
    for (guint i = 0; i < actual->roles->len; i++) {
        const struct actual_role *role = &g_array_index(actual->roles, struct actual_role, i);
        g_hash_table_insert(actual->by_name, (gpointer)(uintptr_t)role->name,
                            GUINT_TO_POINTER(i + 1));
    }
}

const struct actual_role *actual_find(const struct actual *actual, const char *name)
{
    guint i = GPOINTER_TO_UINT(g_hash_table_lookup(actual->by_name, name));

    return i == 0 ? NULL : &g_array_index(actual->roles, struct actual_role, i - 1);
}
