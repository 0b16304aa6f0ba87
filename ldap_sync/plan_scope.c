#include "config.h"

#include "ldap_sync/plan_scope.h"

#include "common/text.h"

#include <string.h>

int64_t scope_place(const struct scope *scope, const char *name)
{
    return (int64_t)GPOINTER_TO_UINT(g_hash_table_lookup(scope->actual->by_name, name)) - 1;
}

const struct actual_role *scope_role(const struct scope *scope, int64_t place)
{
    return place < 0 ? NULL : &g_array_index(scope->actual->roles, struct actual_role, place);
}

bool scope_touches(const struct scope *scope, int64_t place)
{
    const unsigned spared = SCOPE_STEWARD | SCOPE_PRIVILEGED | SCOPE_RESERVED;

    return place >= 0 && (scope->flags[place] & (SCOPE_MEMBER | SCOPE_ADOPTED)) != 0 &&
           (scope->flags[place] & spared) == 0;
}

bool scope_forced(const struct scope *scope, enum sync_guard guard)
{
    return (scope->forced >> guard & 1) != 0;
}

void scope_find(struct scope *scope, enum sync_guard guard, bool passable, const char *name,
                const char *text, ...)
{
    va_list args;

    va_start(args, text);
    char *whole = g_strdup_vprintf(text, args);
    va_end(args);
    struct sync_finding finding = {
        .guard = guard,
        .forced = passable && scope_forced(scope, guard),
        .name = name,
        .text = g_string_chunk_insert_const(scope->wanted->names, whole),
    };
    g_free(whole);
    g_array_append_val(scope->plan->findings, finding);
}

struct change *scope_change(struct scope *scope, enum change_kind kind, const char *role,
                            const char *object)
{
    GArray *changes = scope->plan->changes;

    g_array_set_size(changes, changes->len + 1);
    struct change *change = &g_array_index(changes, struct change, changes->len - 1);
    *change = (struct change){.kind = kind, .role = role, .object = object};
    return change;
}

/* `*` stands for any bytes, none too; the last one is the only one to go back to. */
static bool glob_matches(const char *glob, const char *name)
{
    const char *star = NULL, *resume = NULL;

    for (;;) {
        if (*glob == '*') {
            star = ++glob;
            resume = name;
        } else if (*glob == *name) {
            if (*name == '\0')
                return true;
            glob++;
            name++;
        } else {
            if (star == NULL || *resume == '\0')
                return false;
            glob = star;
            name = ++resume;
        }
    }
}

static bool is_protected(const struct settings_sync *settings, const char *name)
{
    for (size_t i = 0; i < settings->protect.n; i++)
        if (glob_matches(settings->protect.at[i], name))
            return true;
    return false;
}

static uint8_t flags_of(const struct scope *scope, const struct actual_role *role)
{
    unsigned flags = role->system ? SCOPE_RESERVED : 0;

    if (role->superuser || role->replication || role->bypassrls)
        flags |= SCOPE_PRIVILEGED;
    for (uint32_t i = 0; i < role->n_memberships; i++) {
        const struct actual_membership *in = &g_array_index(
            scope->actual->memberships, struct actual_membership, role->membership + i);
        if (in->role == scope->marker)
            flags |= SCOPE_MEMBER | (in->admin ? SCOPE_STEWARD : 0U);
    }
    if ((flags & SCOPE_MEMBER) != 0 && is_protected(scope->settings, role->name))
        flags |= SCOPE_RESERVED;
    return (uint8_t)flags;
}

bool scope_want(struct scope *scope, int64_t place)
{
    uint8_t *flags = &scope->flags[place];
    bool first = (*flags & SCOPE_WANTED) == 0;

    *flags |= SCOPE_WANTED;
    if ((*flags & SCOPE_MEMBER) == 0 && scope_forced(scope, SYNC_GUARD_UNMANAGED) &&
        !is_protected(scope->settings, scope_role(scope, place)->name))
        *flags |= SCOPE_ADOPTED;
    return first;
}

static void flag(struct scope *scope, const char *name, unsigned bits)
{
    int64_t place = name == NULL ? -1 : scope_place(scope, name);

    if (place >= 0)
        scope->flags[place] = (uint8_t)(scope->flags[place] | bits);
}

void scope_take_findings(struct scope *scope, bool of_losses)
{
    const GArray *findings = scope->wanted->findings;

    for (guint i = 0; i < findings->len; i++) {
        struct sync_finding finding = g_array_index(findings, struct sync_finding, i);

        if (finding.of_losses != of_losses)
            continue;
        finding.forced = scope_forced(scope, finding.guard);
        if (finding.name != NULL) {
            finding.name = g_string_chunk_insert_const(scope->wanted->names, finding.name);
            flag(scope, finding.name, SCOPE_LEFT_OUT);
        }
        g_array_append_val(scope->plan->findings, finding);
    }
}

static bool marker_is_fit(struct scope *scope)
{
    if (scope_place(scope, scope->marker) < 0) {
        scope_find(scope, SYNC_GUARD_MISSING, false, NULL,
                   "the marker role %s (sync.managed) is not on the server", scope->marker);
        return false;
    }
    const char *behind = scope_privileged_behind(scope, scope->marker);
    if (behind == NULL)
        return true;
    scope_find(scope, SYNC_GUARD_PRIVILEGED, false, NULL,
               "the marker role %s (sync.managed) gives its members the rights of %s",
               scope->marker, behind);
    return false;
}

bool scope_open(struct scope *scope)
{
    const struct actual *actual = scope->actual;
    GHashTableIter each;
    gpointer name;

    scope->with_options = actual->version >= 160000;
    scope->marker = g_string_chunk_insert_const(scope->wanted->names, scope->settings->managed);
    scope->flags = g_new0(uint8_t, actual->roles->len + 1);
    for (guint i = 0; i < actual->roles->len; i++)
        scope->flags[i] = flags_of(scope, scope_role(scope, i));
    flag(scope, scope->marker, SCOPE_RESERVED);
    flag(scope, actual->runner, SCOPE_RESERVED);
    scope_take_findings(scope, false);
    scope_govern(scope);
    g_hash_table_iter_init(&each, scope->governed);
    while (g_hash_table_iter_next(&each, &name, NULL))
        flag(scope, name, SCOPE_RESERVED);
    return marker_is_fit(scope);
}

static void free_array(gpointer array)
{
    g_array_unref(array);
}

void scope_close(struct scope *scope)
{
    g_free(scope->flags);
    g_clear_pointer(&scope->governed, g_hash_table_unref);
    g_clear_pointer(&scope->revocable, g_hash_table_unref);
    g_clear_pointer(&scope->alterable, g_hash_table_unref);
    if (scope->passed != NULL) {
        GList *arrays = g_hash_table_get_values(scope->passed);
        g_list_free_full(arrays, free_array);
        g_hash_table_unref(scope->passed);
    }
}

/* NULL, or why PostgreSQL would not make a role of that name, or not of just that name. */
static const char *unusable(const char *name)
{
    size_t len = strlen(name);

    if (len == 0)
        return "is empty";
    if (len > ROLE_NAME_MAX)
        return "is over 63 bytes, which PostgreSQL would cut";
    if (!text_is_utf8(bytes_of(name, len)))
        return "is not UTF-8";
    if (strncmp(name, "pg_", 3) == 0 || strcmp(name, "public") == 0 || strcmp(name, "none") == 0)
        return "is a name that PostgreSQL keeps for itself";
    return NULL;
}

static bool refuses_present(struct scope *scope, const char *name, unsigned flags)
{
    static const struct {
        unsigned flag;
        const char *text;
    } rows[] = {
        {SCOPE_PRIVILEGED, "is a superuser, a replication role or one that bypasses RLS"},
        {SCOPE_STEWARD, "has ADMIN OPTION on the marker role"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
        if ((flags & rows[i].flag) != 0) {
            scope_find(scope, SYNC_GUARD_PRIVILEGED, true, name, "%s", rows[i].text);
            if (!scope_forced(scope, SYNC_GUARD_PRIVILEGED))
                return true;
        }
    if ((flags & SCOPE_MEMBER) != 0)
        return false;
    scope_find(scope, SYNC_GUARD_UNMANAGED, true, name, "is on the server and not a member of %s",
               scope->marker);
    return !scope_forced(scope, SYNC_GUARD_UNMANAGED);
}

bool scope_refuses(struct scope *scope, const char *name, int64_t place, bool twice)
{
    if (is_protected(scope->settings, name))
        return true;
    if (twice) {
        scope_find(scope, SYNC_GUARD_NAMES, true, name, "is the name of two wanted roles");
        return true;
    }
    if (place >= 0 && (scope->flags[place] & SCOPE_RESERVED) != 0) {
        scope_find(scope, SYNC_GUARD_PRIVILEGED, false, name,
                   "is a system role, the runner, the marker or a role that rules grant");
        return true;
    }
    if (place >= 0)
        return refuses_present(scope, name, scope->flags[place]);
    const char *why = g_hash_table_contains(scope->governed, name) || name == scope->marker
                          ? "is the name of a role that rules grant"
                          : unusable(name);
    if (why != NULL)
        scope_find(scope, SYNC_GUARD_NAMES, true, name, "%s", why);
    return why != NULL;
}
