#include "config.h"

#include "tests/unit/sync_plan_world.h"

#include <stdlib.h>
#include <string.h>

#define MARKER "pgsignet_managed"

static const char *const groups[] = {
    "cn=pg-dba,ou=groups,dc=example,dc=com",
    "cn=pg-read,ou=groups,dc=example,dc=com",
    NULL,
    "cn=pg-more,ou=groups,dc=example,dc=com",
};

const char *world_name(struct world *world, const char *name)
{
    return g_string_chunk_insert_const(world->names, name);
}

const char *world_grantor(struct world *world)
{
    return world_name(world, world->super ? "postgres" : "sync");
}

static void free_role(gpointer data)
{
    struct world_role *role = data;

    g_array_unref(role->memberships);
    g_array_unref(role->settings);
    g_free(role);
}

static struct world_role *new_role(struct world *world, const char *name)
{
    struct world_role *role = g_new0(struct world_role, 1);

    role->is.name = world_name(world, name);
    role->is.login = true;
    role->is.limit = -1;
    role->is.until_s = UNTIL_INFINITY;
    role->memberships = g_array_new(FALSE, FALSE, sizeof(struct actual_membership));
    role->settings = g_array_new(FALSE, FALSE, sizeof(struct wanted_setting));
    return role;
}

static guint role_place(struct world *world, const char *name)
{
    guint i = 0;

    while (i < world->roles->len &&
           strcmp(((struct world_role *)world->roles->pdata[i])->is.name, name) != 0)
        i++;
    return i;
}

struct world_role *world_role_find(struct world *world, const char *name)
{
    guint i = role_place(world, name);

    return i == world->roles->len ? NULL : world->roles->pdata[i];
}

void world_role_drop(struct world *world, const char *name)
{
    guint i = role_place(world, name);

    if (i < world->roles->len)
        g_ptr_array_remove_index(world->roles, i);
}

struct world_role *world_role_add(struct world *world, const char *name)
{
    struct world_role *role = new_role(world, name);

    world_role_drop(world, name);
    g_ptr_array_add(world->roles, role);
    return role;
}

void world_setting_add(struct world *world, GArray *settings, const char *name, const char *value)
{
    struct wanted_setting setting = {world_name(world, name), world_name(world, value)};

    g_array_append_val(settings, setting);
}

void world_membership_add(struct world *world, struct world_role *role, const char *in,
                          const char *grantor, bool admin, bool inherit, bool set)
{
    struct actual_membership membership = {
        .role = world_name(world, in),
        .grantor = grantor == NULL ? world_grantor(world) : world_name(world, grantor),
        .admin = admin,
        .inherit = inherit,
        .set = set,
    };

    g_array_append_val(role->memberships, membership);
}

static void add_rule(struct world *world, size_t i, const char *role)
{
    struct settings_sync_rule *rule = &world->rules[i];

    world->rule_grants[i][0] = (char *)(uintptr_t)world_name(world, role);
    rule->grant = (struct settings_strings){.at = world->rule_grants[i], .n = 1};
    struct wanted_source source = {.rule = (unsigned)i + 1, .group = groups[i]};
    g_array_append_val(world->wanted.sources, source);
    world->settings.n_rules = i + 1;
}

static void set_of_rule(struct world *world, size_t i, const char *name, const char *value)
{
    world->sets[i].name = (char *)(uintptr_t)world_name(world, name);
    world->sets[i].value = (char *)(uintptr_t)world_name(world, value);
    world->rules[i].options.set = &world->sets[i];
    world->rules[i].options.n_set = 1;
    world->rules[i].options.has_set = true;
}

void world_init(struct world *world)
{
    *world = (struct world){.names = g_string_chunk_new(4096), .version = 150004};
    world->roles = g_ptr_array_new_with_free_func(free_role);
    wanted_init(&world->wanted, world->names);
    world->settings = (struct settings_sync){
        .managed = (char *)(uintptr_t)world_name(world, MARKER),
        .protect = {.at = world->protect},
        .rules = world->rules,
        .guards = {.leavers = -1,
                   .leavers_share = 100,
                   .revokes = -1,
                   .revokes_share = 100,
                   .min_members = 1},
        .leavers = {.terminate = true,
                    .reassign_to = (char *)(uintptr_t)world_name(world, "dbrole_admin")},
    };
    add_rule(world, 0, "dbrole_admin");
    add_rule(world, 1, "dbrole_readonly");
    add_rule(world, 2, "dbrole_readwrite");
    set_of_rule(world, 0, "role", "dbrole_admin");
    set_of_rule(world, 1, "work_mem", "64MB");
    struct world_role *postgres = world_role_add(world, "postgres");
    postgres->is.superuser = postgres->is.system = true;
    postgres->is.replication = postgres->is.bypassrls = true;
    world_membership_add(world, world_role_add(world, "sync"), MARKER, "postgres", true, true,
                         true);
    static const char *const groups_roles[] = {MARKER, "dbrole_admin", "dbrole_readonly",
                                               "dbrole_readwrite"};
    for (size_t i = 0; i < G_N_ELEMENTS(groups_roles); i++)
        world_role_add(world, groups_roles[i])->is.login = false;
}

void world_clear(struct world *world)
{
    wanted_clear(&world->wanted);
    actual_clear(&world->actual);
    g_ptr_array_unref(world->roles);
    g_string_chunk_free(world->names);
    *world = (struct world){0};
}

static void read_how(struct world *world, const char *word)
{
    char *value = strchr(word, '=');
    long number = 0;

    if (value != NULL)
        number = strtol(++value, NULL, 10);
    if (g_str_has_prefix(word, "version="))
        world->version = (int)number * 10000;
    else if (strcmp(word, "super") == 0)
        world->super = world_role_find(world, "sync")->is.superuser = true;
    else if (g_str_has_prefix(word, "share="))
        world->settings.guards.leavers_share = number;
    else if (g_str_has_prefix(word, "leavers="))
        world->settings.guards.leavers = number;
    else if (g_str_has_prefix(word, "revokes_share="))
        world->settings.guards.revokes_share = number;
    else if (g_str_has_prefix(word, "revokes="))
        world->settings.guards.revokes = number;
    else if (strcmp(word, "lock=never") == 0)
        world->settings.leavers.lock = LEAVERS_LOCK_NEVER;
    else if (strcmp(word, "keep_movers") == 0)
        world->settings.leavers.keep_movers = true;
    else if (strcmp(word, "no_terminate") == 0)
        world->settings.leavers.terminate = false;
    else if (g_str_has_prefix(word, "drop="))
        world->settings.leavers.drop_after = number;
    else if (g_str_has_prefix(word, "force=") && sync_guard_find(value) < SYNC_GUARDS)
        world->forced |= 1U << sync_guard_find(value);
    else if (g_str_has_prefix(word, "protect="))
        world->protect[world->settings.protect.n++] = (char *)(uintptr_t)world_name(world, value);
    else if (g_str_has_prefix(word, "without="))
        world_role_drop(world, value);
    else if (g_str_has_prefix(word, "grant="))
        add_rule(world, 3, value);
    else
        g_error("how: %s", word);
}

/* One of the words that wanted and server have alike. */
static bool read_option(struct world *world, const char *word, struct wanted_options *options,
                        GArray *settings)
{
    char *equals = strchr(word, '=');

    if (equals == NULL)
        return false;
    if (g_str_has_prefix(word, "limit=")) {
        options->has_limit = true;
        options->limit = strtol(equals + 1, NULL, 10);
    } else if (g_str_has_prefix(word, "until=")) {
        options->has_until = true;
        options->until_s =
            strcmp(equals + 1, "infinity") == 0 ? UNTIL_INFINITY : strtol(equals + 1, NULL, 10);
    } else if (g_str_has_prefix(word, "comment=")) {
        options->comment = world_name(world, equals + 1);
    } else if (g_str_has_prefix(word, "set:")) {
        char *name = g_strndup(word + 4, (gsize)(equals - word - 4));
        world_setting_add(world, settings, name, equals + 1);
        g_free(name);
    } else {
        return false;
    }
    return true;
}

/* Cuts "+admin-inherit" off the word. */
static void cut_with(char *word, bool *admin, bool *inherit, bool *set)
{
    char *admins = strstr(word, "+admin"), *inherits = strstr(word, "-inherit"),
         *sets = strstr(word, "-set");

    *admin = admins != NULL;
    *inherit = inherits == NULL;
    *set = sets == NULL;
    if (admins != NULL)
        *admins = '\0';
    if (inherits != NULL)
        *inherits = '\0';
    if (sets != NULL)
        *sets = '\0';
}

/* Cuts what follows the last mark off the word; NULL when there is none. */
static char *cut_after(char *word, char mark)
{
    char *at = strrchr(word, mark);

    if (at != NULL)
        *at++ = '\0';
    return at;
}

static uint32_t source_of(const char *rule)
{
    return rule == NULL ? 0 : (uint32_t)strtoul(rule, NULL, 10) - 1;
}

static void read_grant(struct world *world, char *word, struct wanted_role *role)
{
    struct wanted_grant grant = {0};

    cut_with(word, &grant.admin, &grant.inherit, &grant.set);
    grant.source = source_of(cut_after(word, '@'));
    grant.role = world_name(world, word);
    g_array_append_val(world->wanted.grants, grant);
    if (role->n_grants++ == 0 && role->source == UINT32_MAX)
        role->source = grant.source;
}

static void read_wanted(struct world *world, char **words)
{
    struct wanted *wanted = &world->wanted;
    struct wanted_options options = {.setting = wanted->settings->len};
    const char *rule = cut_after(words[0], '@');
    struct wanted_role role = {
        .name = world_name(world, words[0]),
        .source = rule == NULL ? UINT32_MAX : source_of(rule),
        .options = wanted->options->len,
        .grant = wanted->grants->len,
    };
    bool grants = false;

    for (words++; *words != NULL; words++) {
        if (strcmp(*words, ":") == 0)
            grants = true;
        else if (grants)
            read_grant(world, *words, &role);
        else if (!read_option(world, *words, &options, wanted->settings))
            g_error("wanted: %s", *words);
    }
    options.n_settings = wanted->settings->len - options.setting;
    g_array_append_val(wanted->options, options);
    if (role.source == UINT32_MAX)
        role.source = 0;
    g_array_append_val(wanted->roles, role);
}

static bool read_flag(struct actual_role *role, const char *word)
{
    const struct {
        const char *word;
        bool *flag, value;
    } rows[] = {
        {"nologin", &role->login, false},        {"super", &role->superuser, true},
        {"repl", &role->replication, true},      {"bypass", &role->bypassrls, true},
        {"createrole", &role->createrole, true}, {"system", &role->system, true},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
        if (strcmp(word, rows[i].word) == 0) {
            *rows[i].flag = rows[i].value;
            return true;
        }
    return false;
}

static void read_server(struct world *world, char **words)
{
    struct wanted_options options = {.limit = -1, .until_s = UNTIL_INFINITY};
    bool managed = g_str_has_suffix(words[0], "*"), memberships = false;
    bool admin, inherit, set;

    if (managed)
        words[0][strlen(words[0]) - 1] = '\0';
    struct world_role *role = world_role_add(world, words[0]);
    if (managed)
        world_membership_add(world, role, MARKER, NULL, false, true, true);
    for (words++; *words != NULL; words++) {
        if (strcmp(*words, ":") == 0) {
            memberships = true;
        } else if (memberships) {
            cut_with(*words, &admin, &inherit, &set);
            const char *grantor = cut_after(*words, '/');
            world_membership_add(world, role, *words, grantor, admin, inherit, set);
        } else if (g_str_has_prefix(*words, "sessions=")) {
            role->is.sessions = (uint32_t)strtoul(*words + strlen("sessions="), NULL, 10);
        } else if (!read_flag(&role->is, *words) &&
                   !read_option(world, *words, &options, role->settings)) {
            g_error("server: %s", *words);
        }
    }
    role->is.limit = options.limit;
    role->is.until_s = options.until_s;
    role->is.comment = options.comment;
}

static void read_lines(struct world *world, const char *text,
                       void (*read)(struct world *world, char **words))
{
    char **lines = g_strsplit(text == NULL ? "" : text, "\n", -1);

    for (char **line = lines; *line != NULL; line++) {
        char **words = NULL;
        if (g_shell_parse_argv(*line, NULL, &words, NULL))
            read(world, words);
        g_strfreev(words);
    }
    g_strfreev(lines);
}

static void read_hows(struct world *world, char **words)
{
    for (; *words != NULL; words++)
        read_how(world, *words);
}

void world_read(struct world *world, const char *how, const char *wanted, const char *server)
{
    read_lines(world, how, read_hows);
    read_lines(world, wanted, read_wanted);
    read_lines(world, server, read_server);
}

static gint compare_roles(gconstpointer a, gconstpointer b)
{
    const struct world_role *const *left = a, *const *right = b;

    return strcmp((*left)->is.name, (*right)->is.name);
}

void world_snapshot(struct world *world)
{
    struct actual *actual = &world->actual;

    actual_clear(actual);
    actual_init(actual, world->names);
    actual->version = world->version;
    actual->runner = world_name(world, "sync");
    actual->runner_is_superuser = world->super;
    g_ptr_array_sort(world->roles, compare_roles);
    for (guint i = 0; i < world->roles->len; i++) {
        const struct world_role *role = world->roles->pdata[i];
        struct actual_role row = role->is;
        row.membership = actual->memberships->len;
        row.n_memberships = role->memberships->len;
        row.setting = actual->settings->len;
        row.n_settings = role->settings->len;
        g_array_append_val(actual->roles, row);
        g_array_append_vals(actual->memberships, role->memberships->data, role->memberships->len);
        g_array_append_vals(actual->settings, role->settings->data, role->settings->len);
    }
    actual_index(actual);
}

void world_plan(struct world *world, struct plan *plan)
{
    world_snapshot(world);
    plan_make(&world->wanted, &world->actual, &world->settings, WORLD_NOW, world->forced, plan);
}

char *world_text(const struct plan *plan)
{
    GString *out = g_string_new(NULL);

    for (guint i = 0; i < plan->changes->len; i++) {
        plan_describe(&g_array_index(plan->changes, struct change, i), out);
        g_string_append_c(out, '\n');
    }
    for (guint i = 0; i < plan->findings->len; i++) {
        const struct sync_finding *finding = &g_array_index(plan->findings, struct sync_finding, i);
        g_string_append_printf(out, "%c %s %s\n", finding->forced ? '~' : '!',
                               sync_guard_rows[finding->guard].name,
                               finding->name == NULL ? "all" : finding->name);
    }
    return g_string_free(out, FALSE);
}
