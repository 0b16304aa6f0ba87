#include "config.h"

#include "ldap_sync/rules_scan.h"

#include "common/directory_people.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* By enum entry_slot. */
static const char *const own_attributes[ENTRY_SLOTS] = {
    "userAccountControl", "accountExpires",       "nsAccountLock",
    "shadowExpire",       "pwdAccountLockedTime", "uid",
    "primaryGroupID",
};

int rules_scope(int64_t scope)
{
    return scope == SYNC_BASE        ? LDAP_SCOPE_BASE
           : scope == SYNC_ONE_LEVEL ? LDAP_SCOPE_ONELEVEL
                                     : LDAP_SCOPE_SUBTREE;
}

bool rule_needs_entry(const struct scan *scan, const struct rule *rule)
{
    return rule->needs_entry || (scan->groups_have_sid && rule->members != SYNC_MEMBER_OF);
}

/* --- templates --- */

struct needs {
    struct scan *scan;
    struct rule *rule;
    bool anything, group;
};

static bool equal_attributes(gconstpointer a, gconstpointer b)
{
    return strcasecmp(a, b) == 0;
}

static void note_attribute(GPtrArray *list, const char *attribute)
{
    for (guint i = 0; i < list->len; i++)
        if (equal_attributes(g_ptr_array_index(list, i), attribute))
            return;
    g_ptr_array_add(list, (gpointer)(uintptr_t)attribute);
}

static void note_need(void *context, enum template_from from, const char *attribute)
{
    struct needs *needs = context;

    needs->anything = true;
    needs->group = needs->group || from == FROM_GROUP || from == FROM_GROUP_DN;
    if (from == FROM_MEMBER) {
        needs->rule->needs_entry = true;
        note_attribute(needs->scan->entry_attributes, attribute);
    } else if (from == FROM_GROUP) {
        note_attribute(needs->scan->group_attributes, attribute);
    }
}

/* What parsing one rule is about, for messages. */
struct place {
    struct scan *scan;
    struct rule *rule;
    char *why;
    size_t size;
};

static bool parse(const struct place *place, const char *key, const char *text,
                  struct template **out)
{
    struct needs needs = {.scan = place->scan, .rule = place->rule};
    char fault[256];

    if (text == NULL)
        return true;
    *out = template_parse(text, fault, sizeof fault);
    if (*out == NULL) {
        g_snprintf(place->why, place->size, "sync.rules: rule %u: %s: %s", place->rule->number, key,
                   fault);
        return false;
    }
    template_needs(*out, note_need, &needs);
    if (out == &place->rule->role)
        place->rule->names_by_group = needs.group;
    else if (needs.anything)
        place->rule->fixed_options = false;
    return true;
}

static int by_pair_name(const void *a, const void *b)
{
    const struct settings_sync_pair *const *left = a, *const *right = b;

    return strcmp((*left)->name, (*right)->name);
}

static bool parse_set(const struct place *place)
{
    const struct settings_sync_options *options = &place->rule->settings->options;
    GPtrArray *pairs = g_ptr_array_new();
    bool good = true;

    for (size_t i = 0; i < options->n_set; i++)
        g_ptr_array_add(pairs, &options->set[i]);
    g_ptr_array_sort(pairs, by_pair_name);
    for (guint i = 0; good && i < pairs->len; i++) {
        const struct settings_sync_pair *pair = g_ptr_array_index(pairs, i);
        struct template *value = NULL;

        good = parse(place, "options.set", pair->value, &value);
        if (!good)
            break;
        g_ptr_array_add(place->rule->set_names,
                        g_string_chunk_insert_const(place->scan->wanted->names, pair->name));
        g_ptr_array_add(place->rule->set_values, value);
    }
    g_ptr_array_unref(pairs);
    return good;
}

/* --- rules --- */

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void read_grants(const struct scan *scan, struct rule *rule)
{
    const struct settings_strings *grant = &rule->settings->grant;

    for (size_t i = 0; i < grant->n; i++) {
        char *name = g_string_chunk_insert_const(scan->wanted->names, grant->at[i]);

        if (!g_ptr_array_find(rule->grants, name, NULL))
            g_ptr_array_add(rule->grants, name);
    }
    g_ptr_array_sort(rule->grants, by_text);
}

static int rule_members(const struct settings_sync_rule *settings)
{
    bool by_dn = settings->members == SYNC_MEMBER || settings->members == SYNC_UNIQUE_MEMBER;

    if (by_dn && settings->nested == NESTED_CLIMB)
        return MEMBERS_NESTED;
    return by_dn && settings->nested == NESTED_IN_CHAIN ? MEMBERS_IN_CHAIN : (int)settings->members;
}

static guint note_search(struct scan *scan, guint number)
{
    const struct rule *rule = scan_rule(scan, number);
    const struct settings_sync_search *mine = &rule->settings->search;
    struct group_search search = {.rule = rule};
    guint i;

    for (i = 0; i < scan->searches->len; i++) {
        const struct rule *other = g_array_index(scan->searches, struct group_search, i).rule;
        const struct settings_sync_search *its = &other->settings->search;

        if (rule->members == other->members && mine->scope == its->scope &&
            strcmp(mine->base, its->base) == 0 && strcmp(mine->filter, its->filter) == 0)
            return i;
    }
    search.found = g_array_new(FALSE, FALSE, sizeof(guint));
    g_array_append_val(scan->searches, search);
    return i;
}

static void clear_rule(void *data)
{
    struct rule *rule = data;

    template_free(rule->role);
    template_free(rule->limit);
    template_free(rule->until);
    template_free(rule->comment);
    g_ptr_array_unref(rule->set_names);
    g_ptr_array_unref(rule->set_values);
    g_ptr_array_unref(rule->grants);
}

static void clear_search(void *data)
{
    struct group_search *search = data;

    g_array_unref(search->found);
}

static bool parse_rule(struct scan *scan, struct rule *rule, char *why, size_t size)
{
    const struct settings_sync_rule *settings = rule->settings;
    const struct place place = {scan, rule, why, size};

    read_grants(scan, rule);
    if (rule->members == SYNC_MEMBER_OF && settings->nested != NESTED_NO) {
        g_snprintf(why, size,
                   "sync.rules: rule %u: nested means nothing with members: memberOf, whose filter "
                   "finds the people; write it into the filter",
                   rule->number);
        return false;
    }
    return parse(&place, "role", settings->role, &rule->role) &&
           parse(&place, "options.connection_limit", settings->options.connection_limit,
                 &rule->limit) &&
           parse(&place, "options.valid_until", settings->options.valid_until, &rule->until) &&
           parse(&place, "options.comment", settings->options.comment, &rule->comment) &&
           parse_set(&place);
}

/* Entries are read by ldap.user_base and user_filter, or user_dn. */
static bool check_people(const struct scan *scan, const struct rule *rule, char *why, size_t size)
{
    char *base, *filter;
    int scope;

    if (!rule->needs_entry || !rule->settings->has_search)
        return true;
    if (directory_people_search(scan->ldap, &base, &scope, &filter)) {
        free(base);
        free(filter);
        return true;
    }
    g_snprintf(why, size,
               "sync.rules: rule %u reads members' entries, but ldap does not say where people "
               "are; write ldap.user_base and ldap.user_filter: \"(uid=%%u)\"",
               rule->number);
    return false;
}

bool scan_prepare(struct scan *scan, char *why, size_t size)
{
    bool good = true;

    scan->rules = g_array_new(FALSE, TRUE, sizeof(struct rule));
    g_array_set_clear_func(scan->rules, clear_rule);
    scan->searches = g_array_new(FALSE, FALSE, sizeof(struct group_search));
    g_array_set_clear_func(scan->searches, clear_search);
    scan->group_attributes = g_ptr_array_new();
    scan->entry_attributes = g_ptr_array_new();
    for (size_t i = 0; i < ENTRY_SLOTS; i++)
        g_ptr_array_add(scan->entry_attributes, (gpointer)(uintptr_t)own_attributes[i]);
    for (size_t i = 0; i < scan->sync->n_rules; i++) {
        struct rule rule = {.settings = &scan->sync->rules[i],
                            .number = (unsigned)i + 1,
                            .fixed_options = true,
                            .rows = {-1, -1},
                            .set_names = g_ptr_array_new(),
                            .set_values =
                                g_ptr_array_new_with_free_func((GDestroyNotify)template_free),
                            .grants = g_ptr_array_new()};

        rule.members = rule_members(rule.settings);
        rule.needs_entry = rule.settings->has_search && rule.members == SYNC_MEMBER_UID;
        g_array_append_val(scan->rules, rule);
    }
    /* They no longer move. */
    for (guint i = 0; good && i < scan->rules->len; i++) {
        struct rule *rule = scan_rule(scan, i);

        good = parse_rule(scan, rule, why, size) && check_people(scan, rule, why, size);
        if (rule->settings->has_search)
            rule->search = note_search(scan, i);
    }
    if (good && scan->entry_attributes->len > ENTRY_ATTRIBUTES_MAX) {
        g_snprintf(why, size, "sync.rules read more than %d attributes of members",
                   ENTRY_ATTRIBUTES_MAX - ENTRY_SLOTS);
        good = false;
    }
    return good;
}

void scan_forget_rules(struct scan *scan)
{
    g_array_unref(scan->searches);
    g_array_unref(scan->rules);
    g_ptr_array_unref(scan->group_attributes);
    g_ptr_array_unref(scan->entry_attributes);
}
