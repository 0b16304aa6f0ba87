/*
 * Drives server.h and tiers.h from the command line.
 *
 *   sync_server_probe CONNINFO [KEY=VALUE]... COMMAND
 *
 *   look            prints what the server has, a line a role, setting and membership, escaped
 *   change          the same under the lock, which it keeps until its standard input ends
 *   apply, drop     the plan from standard input (see below): a line a change, made or not
 *   both            apply, then drop what the plan says
 *   check, init     a line a difference; init mends them
 *   grants RUNNER VERSION
 *
 * A line of a plan is KIND TAB ROLE [TAB OBJECT [TAB VALUE]] as COPY writes texts (\t, \n, \\, \N),
 * in the order of enum change_kind.  The VALUE of a grant has words: admin, noinherit, noset; that of
 * a revoke is the grantor.
 *
 * KEY is a setting of sync: (lists by commas); `plan` reads the plan from a file; `step=yes` makes
 * apply print "at N" after each message, and before the first, and wait for a line of standard
 * input.  The last line is "result NAME MESSAGES".  Exits 0 when the result is ok, 2 when it is
 * skipped, else 1.
 */
#include "config.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/number.h"
#include "common/text.h"
#include "ldap_sync/server_rows.h"
#include "ldap_sync/tiers.h"

static char *none[] = {NULL}, *default_owners[] = {(char[]){"dbrole_admin"}, NULL};
static struct settings_sync settings = {
    .managed = (char[]){"pgsignet_managed"},
    .leavers = {.terminate = true},
    .roles = {.owners = {default_owners, 1}, .databases = {none, 0}},
    .timeout = 10,
    .apply_timeout = 60,
    .read_timeout = 30,
};
static struct settings_sync_rule rule;
static bool step;
static const char *plan_file;
static GStringChunk *names;

/* --- arguments -------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    char **field;
} texts[] = {
    {"managed", &settings.managed},
    {"reassign_to", &settings.leavers.reassign_to},
};
static const struct {
    const char *name;
    int64_t *field;
} numbers[] = {
    {"timeout", &settings.timeout},
    {"apply_timeout", &settings.apply_timeout},
    {"drop_after", &settings.leavers.drop_after},
};
static const struct {
    const char *name;
    struct settings_strings *field;
} lists[] = {
    {"owners", &settings.roles.owners},
    {"databases", &settings.roles.databases},
    {"grant", &rule.grant},
};

static bool is_key(const char *arg, const char *name)
{
    size_t n = strlen(name);

    return strncmp(arg, name, n) == 0 && arg[n] == '=';
}

static bool take_argument(char *arg)
{
    char *value = strchr(arg, '=');

    if (value == NULL)
        return false;
    value++;
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++)
        if (is_key(arg, texts[i].name))
            return *texts[i].field = value, true;
    for (size_t i = 0; i < G_N_ELEMENTS(numbers); i++)
        if (is_key(arg, numbers[i].name))
            return number_parse(value, strlen(value), 0, 1000000, numbers[i].field) == NUMBER_OK;
    for (size_t i = 0; i < G_N_ELEMENTS(lists); i++)
        if (is_key(arg, lists[i].name)) {
            lists[i].field->at = g_strsplit(value, ",", 0);
            lists[i].field->n = g_strv_length(lists[i].field->at);
            return true;
        }
    if (is_key(arg, "on_error"))
        settings.on_error = strcmp(value, "skip") == 0 ? ON_ERROR_SKIP : ON_ERROR_ABORT;
    else if (is_key(arg, "step"))
        step = true;
    else if (is_key(arg, "plan"))
        plan_file = value;
    else
        return false;
    return true;
}

/* --- what there is ---------------------------------------------------------------------------- */

static void put(const char *text)
{
    char escaped[1024];

    if (text == NULL) {
        fputs("\tNULL", stdout);
        return;
    }
    text_escape(escaped, sizeof escaped, bytes_str(text));
    printf("\t%s", escaped);
}

static void print_role(const struct actual *actual, const struct actual_role *role)
{
    printf("role");
    put(role->name);
    printf("\t%s%s%s%s%s%s%s\t%" PRId64, role->superuser ? "s" : "", role->replication ? "r" : "",
           role->bypassrls ? "b" : "", role->createrole ? "c" : "", role->createdb ? "d" : "",
           role->login ? "l" : "", role->system ? "S" : "", role->limit);
    if (role->until_s == UNTIL_INFINITY)
        printf("\tinfinity");
    else
        printf("\t%" PRId64, role->until_s);
    put(role->comment);
    printf("\t%" PRIu32 "\n", role->sessions);
    for (uint32_t i = 0; i < role->n_settings; i++) {
        const struct wanted_setting *at =
            &g_array_index(actual->settings, struct wanted_setting, role->setting + i);
        printf("set");
        put(role->name);
        put(at->name);
        put(at->value);
        putchar('\n');
    }
    for (uint32_t i = 0; i < role->n_memberships; i++) {
        const struct actual_membership *at =
            &g_array_index(actual->memberships, struct actual_membership, role->membership + i);
        printf("member");
        put(role->name);
        put(at->role);
        put(at->grantor);
        printf("\t%s%s%s\n", at->admin ? "a" : "", at->inherit ? "i" : "", at->set ? "s" : "");
    }
}

static void print_actual(const struct actual *actual)
{
    printf("runner");
    put(actual->runner);
    printf("\t%s\t%d\n", actual->runner_is_superuser ? "superuser" : "", actual->version / 10000);
    for (guint i = 0; i < actual->roles->len; i++)
        print_role(actual, &g_array_index(actual->roles, struct actual_role, i));
}

/* --- plans ------------------------------------------------------------------------------------ */

static bool take_change(struct plan *plan, char *line)
{
    struct change change = {.inherit = true, .set = true};
    char *field[4] = {NULL};
    size_t n = 1;

    for (const char *at = line; *at != '\0'; at++)
        n += *at == '\t';
    if (n > 4 || !rows_split(line, field, n))
        return false;
    while (change.kind < CHANGE_KINDS && strcmp(plan_kind_name(change.kind), field[0]) != 0)
        change.kind++;
    if (change.kind == CHANGE_KINDS)
        return false;
    change.role = g_string_chunk_insert_const(names, field[1]);
    if (field[2] != NULL)
        change.object = g_string_chunk_insert_const(names, field[2]);
    if (field[3] != NULL)
        change.value = g_string_chunk_insert_const(names, field[3]);
    if (change.kind == CHANGE_GRANT && change.value != NULL) {
        change.admin = strstr(change.value, "admin") != NULL;
        change.inherit = strstr(change.value, "noinherit") == NULL;
        change.set = strstr(change.value, "noset") == NULL;
    }
    if (change.kind == CHANGE_REVOKE)
        change.grantor = change.value;
    g_array_append_val(plan->changes, change);
    return true;
}

static bool read_plan(struct plan *plan)
{
    FILE *file = plan_file == NULL ? stdin : fopen(plan_file, "r");
    char *line = NULL;
    size_t size = 0;
    bool good = file != NULL;

    plan->changes = g_array_new(FALSE, FALSE, sizeof(struct change));
    while (good && getline(&line, &size, file) > 0)
        good = take_change(plan, line);
    free(line);
    if (file != NULL && file != stdin)
        fclose(file);
    return good;
}

static void on_change(void *context, const struct change *change)
{
    GString *text = g_string_new(NULL);

    (void)context;
    plan_describe(change, text);
    printf("changed %s\n", text->str);
    g_string_free(text, TRUE);
}

static void on_trouble(void *context, const struct server_trouble *trouble)
{
    GString *text = g_string_new(NULL);

    (void)context;
    plan_describe(trouble->change, text);
    printf("trouble %s: %s\n", text->str, trouble->text);
    g_string_free(text, TRUE);
}

static void wait_for_line(size_t done)
{
    if (!step)
        return;
    printf("at %zu\n", done);
    fflush(stdout);
    for (int c = 0; c != '\n' && c != EOF;)
        c = getchar();
}

static void on_progress(void *context, size_t done, size_t of)
{
    (void)context;
    (void)of;
    wait_for_line(done);
}

/* --- commands --------------------------------------------------------------------------------- */

static struct server_report report = {
    .changed = on_change, .trouble = on_trouble, .progress = on_progress};

static enum server_result read_server(struct server *server, enum server_intent intent,
                                      struct actual *actual)
{
    enum server_result result;

    actual_init(actual, names);
    server_read_begin(server, intent);
    server_read_some(server, actual);
    result = server_read_end(server, actual);
    if (result == SERVER_OK)
        actual_index(actual);
    return result;
}

static enum server_result look(struct server *server, enum server_intent intent)
{
    struct actual actual;
    enum server_result result = read_server(server, intent, &actual);

    if (result == SERVER_OK)
        print_actual(&actual);
    if (result == SERVER_OK && intent == SERVER_CHANGE) {
        fflush(stdout);
        while (getchar() != EOF)
            ;
    }
    actual_clear(&actual);
    server_end(server);
    return result;
}

static enum server_result apply(struct server *server, bool changes, bool drops)
{
    struct plan plan = {0};
    struct actual actual = {0};
    enum server_result result = SERVER_FAILED;

    if (!read_plan(&plan)) {
        fputs("sync_server_probe: a line of the plan is wrong\n", stderr);
        exit(64);
    }
    if (changes) {
        result = read_server(server, SERVER_CHANGE, &actual);
        wait_for_line(0);
        if (result == SERVER_OK)
            result = server_apply(server, &plan, &report);
        actual_clear(&actual);
    }
    if (drops && (!changes || result == SERVER_OK))
        result = server_drop(server, &plan, &report);
    plan_clear(&plan);
    return result;
}

static enum server_result check(struct server *server, bool init)
{
    GPtrArray *differences = NULL;
    enum server_result result = tiers_check(server, &settings, &differences);

    for (guint i = 0; i < differences->len; i++)
        printf("%s\n", ((struct tiers_difference *)differences->pdata[i])->text);
    if (result == SERVER_OK && init)
        result = tiers_init(server, &settings, differences);
    g_ptr_array_unref(differences);
    return result;
}

static enum server_result run(struct server *server, char **args)
{
    const char *command = args[0];

    if (strcmp(command, "look") == 0)
        return look(server, SERVER_LOOK);
    if (strcmp(command, "change") == 0)
        return look(server, SERVER_CHANGE);
    if (strcmp(command, "apply") == 0)
        return apply(server, true, false);
    if (strcmp(command, "drop") == 0)
        return apply(server, false, true);
    if (strcmp(command, "both") == 0)
        return apply(server, true, true);
    if (strcmp(command, "check") == 0)
        return check(server, false);
    if (strcmp(command, "init") == 0)
        return check(server, true);
    fprintf(stderr, "sync_server_probe: no such command: %s\n", command);
    exit(64);
}

static void print_grants(const char *runner, int version)
{
    GString *sql = g_string_new(NULL);

    settings.rules = &rule;
    settings.n_rules = 1;
    tiers_print_grants(&settings, runner, version * 10000, sql);
    fputs(sql->str, stdout);
    g_string_free(sql, TRUE);
}

int main(int argc, char **argv)
{
    static const char *const words[] = {[SERVER_OK] = "ok",
                                        [SERVER_FAILED] = "failed",
                                        [SERVER_UNKNOWN] = "unknown",
                                        [SERVER_RUNNING] = "running",
                                        [SERVER_SKIPPED] = "skipped"};
    enum server_result result;
    struct server *server;
    int i = 2;

    while (i < argc && take_argument(argv[i]))
        i++;
    if (i >= argc) {
        fputs("usage: sync_server_probe CONNINFO [KEY=VALUE]... COMMAND\n", stderr);
        return 64;
    }
    if (strcmp(argv[i], "grants") == 0 && i + 2 < argc) {
        int64_t version = 0;
        if (number_parse(argv[i + 2], strlen(argv[i + 2]), 14, 99, &version) != NUMBER_OK)
            return 64;
        print_grants(argv[i + 1], (int)version);
        return 0;
    }
    names = g_string_chunk_new(4096);
    server = server_new(&settings, argv[1]);
    result = run(server, argv + i);
    if (result == SERVER_FAILED || result == SERVER_UNKNOWN)
        printf("error %s\n", server_error(server));
    printf("result %s %zu\n", words[result], report.messages);
    server_free(server);
    g_string_chunk_free(names);
    return result == SERVER_OK ? 0 : result == SERVER_SKIPPED ? 2 : 1;
}
