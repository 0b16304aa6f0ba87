#include "config.h"

#include "ldap_sync/plan_role.h"

#include "common/text.h"

#include <string.h>

static bool same_name(const char *a, const char *b)
{
    return a == b || g_ascii_strcasecmp(a, b) == 0;
}

/* Those that the server keeps as lists of quoted identifiers (GUC_LIST_QUOTE). */
static bool is_list(const char *name)
{
    static const char *const names[] = {
        "local_preload_libraries",  "search_path",      "session_preload_libraries",
        "shared_preload_libraries", "temp_tablespaces", "unix_socket_directories",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
        if (same_name(name, names[i]))
            return true;
    return false;
}

static const char *skip_blanks(const char *p)
{
    while (g_ascii_isspace(*p))
        p++;
    return p;
}

/* One element, as SplitIdentifierString reads it; NULL when it is none. */
static const char *read_element(const char *p, GString *element)
{
    if (*p != '"') {
        const char *start = p;
        while (*p != '\0' && *p != ',' && !g_ascii_isspace(*p))
            g_string_append_c(element, g_ascii_tolower(*p++));
        return p == start ? NULL : p;
    }
    for (p++; *p != '"' || p[1] == '"'; p++) {
        if (*p == '\0')
            return NULL;
        if (*p == '"')
            p++;
        g_string_append_c(element, *p);
    }
    return p + 1;
}

GPtrArray *role_setting_elements(const char *name, const char *value)
{
    if (!is_list(name))
        return NULL;
    GPtrArray *elements = g_ptr_array_new_with_free_func(g_free);
    const char *p = skip_blanks(value);

    if (*p == '\0') {
        g_ptr_array_add(elements, g_strdup(""));
        return elements;
    }
    for (;;) {
        GString *element = g_string_new(NULL);

        p = read_element(p, element);
        g_ptr_array_add(elements, g_string_free(element, FALSE));
        p = p == NULL ? NULL : skip_blanks(p);
        if (p != NULL && *p == '\0')
            return elements;
        if (p == NULL || *p != ',')
            break;
        p = skip_blanks(p + 1);
    }
    g_ptr_array_set_size(elements, 0);
    g_ptr_array_add(elements, g_strdup(value));
    return elements;
}

static bool same_elements(const GPtrArray *a, const GPtrArray *b)
{
    bool same = a->len == b->len;

    for (guint i = 0; same && i < a->len; i++)
        same = strcmp(a->pdata[i], b->pdata[i]) == 0;
    return same;
}

static bool same_value(const char *name, const char *a, const char *b)
{
    if (strcmp(a, b) == 0)
        return true;
    if (!is_list(name))
        return false;
    GPtrArray *left = role_setting_elements(name, a), *right = role_setting_elements(name, b);
    bool same = same_elements(left, right);
    g_ptr_array_unref(left);
    g_ptr_array_unref(right);
    return same;
}

static const struct wanted_setting *find(const GArray *settings, uint32_t first, uint32_t n,
                                         const char *name)
{
    for (uint32_t i = 0; i < n; i++) {
        const struct wanted_setting *setting =
            &g_array_index(settings, struct wanted_setting, first + i);
        if (same_name(setting->name, name))
            return setting;
    }
    return NULL;
}

static const struct wanted_setting *find_actual(const struct scope *scope,
                                                const struct actual_role *role, const char *name)
{
    return role == NULL ? NULL
                        : find(scope->actual->settings, role->setting, role->n_settings, name);
}

static void plan_wanted(struct scope *scope, const struct role_case *role,
                        const struct wanted_options *options)
{
    const GArray *settings = scope->wanted->settings;

    for (uint32_t i = 0; i < options->n_settings; i++) {
        const struct wanted_setting *to =
            &g_array_index(settings, struct wanted_setting, options->setting + i);
        const struct wanted_setting *is = find_actual(scope, role->actual, to->name);

        /* Of two that differ in case alone the first counts. */
        if (find(settings, options->setting, i, to->name) != NULL ||
            (is != NULL && same_value(to->name, is->value, to->value)))
            continue;
        if (!text_is_utf8(bytes_str(to->value))) {
            scope_find(scope, SYNC_GUARD_NAMES, true, role->wanted->name,
                       "has a value for %s that is not UTF-8, which is left out", to->name);
            continue;
        }
        struct change *change = scope_change(scope, CHANGE_SET, role->wanted->name, to->name);
        change->value = to->value;
        change->source =
            &g_array_index(scope->wanted->sources, struct wanted_source, role->wanted->source);
    }
}

static bool rule_sets(const struct settings_sync_rule *rule, const struct wanted_setting *setting)
{
    for (size_t i = 0; i < rule->options.n_set; i++) {
        const struct settings_sync_pair *pair = &rule->options.set[i];
        if (same_name(pair->name, setting->name) &&
            same_value(setting->name, pair->value, setting->value))
            return true;
    }
    return false;
}

static bool rule_grants(const struct settings_sync_rule *rule, const char *role)
{
    for (size_t i = 0; i < rule->grant.n; i++)
        if (strcmp(rule->grant.at[i], role) == 0)
            return true;
    return false;
}

/* Whether the setting came with a governed role that is lost. */
static bool goes_with(const struct settings_sync *settings, const struct wanted_setting *setting,
                      const char *lost)
{
    if (same_name(setting->name, "role") && strcmp(setting->value, lost) == 0)
        return true;
    for (size_t i = 0; i < settings->n_rules; i++)
        if (rule_grants(&settings->rules[i], lost) && rule_sets(&settings->rules[i], setting))
            return true;
    return false;
}

static void plan_lost(struct scope *scope, const struct role_case *role,
                      const struct wanted_options *options, const GPtrArray *lost)
{
    for (uint32_t i = 0; i < role->actual->n_settings; i++) {
        const struct wanted_setting *is = &g_array_index(
            scope->actual->settings, struct wanted_setting, role->actual->setting + i);
        bool goes = false;

        if (options != NULL &&
            find(scope->wanted->settings, options->setting, options->n_settings, is->name) != NULL)
            continue;
        for (guint k = 0; k < lost->len && !goes; k++)
            goes = goes_with(scope->settings, is, lost->pdata[k]);
        if (goes)
            scope_change(scope, CHANGE_RESET, role->actual->name, is->name)->value = is->value;
    }
}

void role_plan_settings(struct scope *scope, const struct role_case *role,
                        const struct role_losses *losses)
{
    const struct wanted_options *options =
        role->wanted == NULL
            ? NULL
            : &g_array_index(scope->wanted->options, struct wanted_options, role->wanted->options);

    if (options != NULL)
        plan_wanted(scope, role, options);
    if (role->actual != NULL && losses->roles->len > 0)
        plan_lost(scope, role, options, losses->roles);
}
