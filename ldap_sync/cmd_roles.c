/* roles: the dbrole_* tiers, and what a runner needs that is no superuser. */
#include "config.h"

#include "common/log.h"
#include "ldap_sync/cli.h"
#include "ldap_sync/report.h"
#include "ldap_sync/tiers.h"

#include <jansson.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <string.h>

#define RUNNER "pgsignet_sync"

/* --- check and init --- */

static void print_differences(const struct session *session, const struct cluster *cluster,
                              const GPtrArray *differences, bool mended)
{
    for (guint i = 0; i < differences->len && !session->quiet; i++) {
        const struct tiers_difference *difference = g_ptr_array_index(differences, i);
        GString *line = g_string_new(NULL);

        report_prefix(session, cluster, line);
        g_string_append_printf(line, "%s%s", mended ? "mended: " : "", difference->text);
        puts(line->str);
        g_string_free(line, TRUE);
    }
}

static json_t *json_differences(const GPtrArray *differences)
{
    json_t *array = json_array();

    for (guint i = 0; i < differences->len; i++) {
        const struct tiers_difference *difference = g_ptr_array_index(differences, i);

        json_array_append_new(array, json_pack("{s:s, s:s, s:s?}", "text", difference->text, "sql",
                                               difference->sql, "database", difference->database));
    }
    return array;
}

/* Of a server whose roles are as they should be COMMAND_DONE; documents is NULL without --json. */
static int look_at(struct session *session, const struct cluster *cluster, bool init,
                   json_t *documents)
{
    const struct settings_sync *sync = &session->settings->sync;
    GPtrArray *differences = NULL;
    enum server_result result = tiers_check(cluster->server, sync, &differences);
    int code = COMMAND_DONE;

    if (result == SERVER_OK && init && differences->len > 0)
        result = tiers_init(cluster->server, sync, differences);
    if (result != SERVER_OK) {
        log_error("%s", server_error(cluster->server));
        code = COMMAND_FAILED;
    } else if (documents != NULL) {
        json_array_append_new(documents,
                              json_pack("{s:s, s:b, s:o}", "cluster", cluster->label, "mended",
                                        (int)init, "differences", json_differences(differences)));
    } else {
        print_differences(session, cluster, differences, init);
    }
    if (code == COMMAND_DONE && !init && differences->len > 0)
        code = COMMAND_DIFFERS;
    if (differences != NULL)
        g_ptr_array_unref(differences);
    return code;
}

static int look(struct session *session, bool init)
{
    json_t *documents = session->json ? json_array() : NULL;
    int code = COMMAND_DONE;

    for (size_t i = 0; i < session->n_clusters; i++)
        code = outcome_worse(code, look_at(session, &session->clusters[i], init, documents));
    if (documents != NULL) {
        json_dumpf(documents, stdout, JSON_COMPACT);
        putchar('\n');
        json_decref(documents);
    }
    if (code == COMMAND_DONE && !session->json && !session->quiet)
        puts("the roles are as they should be");
    return code;
}

static int roles_init(struct session *session, const struct arguments *arguments)
{
    (void)arguments;
    return look(session, true);
}

static int roles_check(struct session *session, const struct arguments *arguments)
{
    (void)arguments;
    return look(session, false);
}

/* --- print-grants --- */

/* The user as which the first server is reached, if the configuration says it; g_free it. */
static char *configured_user(const struct settings_sync *sync)
{
    PQconninfoOption *options = PQconninfoParse(sync->postgres.at[0], NULL);
    char *user = NULL;

    for (const PQconninfoOption *at = options; at != NULL && at->keyword != NULL; at++)
        if (strcmp(at->keyword, "user") == 0)
            user = g_strdup(at->val);
    PQconninfoFree(options);
    return user;
}

/* Nobody may have asked the server yet, so psql does: GRANT has options from 16 on. */
static void grants_for_any(const struct settings_sync *sync, const char *runner, GString *sql)
{
    g_string_append(sql, "SELECT current_setting('server_version_num')::int >= 160000 AS from_16 "
                         "\\gset\n\\if :from_16\n");
    tiers_print_grants(sync, runner, 160000, sql);
    g_string_append(sql, "\\else\n");
    tiers_print_grants(sync, runner, 150000, sql);
    g_string_append(sql, "\\endif\n");
}

static int roles_print_grants(struct session *session, const struct arguments *arguments)
{
    char *user = configured_user(&session->settings->sync);
    const char *runner = arguments->text[OPT_RUNNER];
    GString *sql = g_string_new(NULL);

    runner = runner != NULL ? runner : user != NULL ? user : RUNNER;
    if (arguments->given[OPT_SERVER_VERSION])
        tiers_print_grants(&session->settings->sync, runner,
                           (int)arguments->number[OPT_SERVER_VERSION] * 10000, sql);
    else
        grants_for_any(&session->settings->sync, runner, sql);
    fputs(sql->str, stdout);
    g_string_free(sql, TRUE);
    g_free(user);
    return COMMAND_DONE;
}

/* --- which --- */

static const struct {
    const char *name;
    int (*run)(struct session *session, const struct arguments *arguments);
} actions[] = {
    {"init", roles_init},
    {"check", roles_check},
    {"print-grants", roles_print_grants},
};

static size_t find_action(const char *name)
{
    size_t i = 0;

    while (i < G_N_ELEMENTS(actions) && strcmp(actions[i].name, name) != 0)
        i++;
    return i;
}

bool check_roles(const struct arguments *arguments)
{
    if (find_action(arguments->operand[0]) == G_N_ELEMENTS(actions)) {
        log_error("roles: write init, check or print-grants");
        return false;
    }
    return true;
}

int cmd_roles(struct session *session, const struct arguments *arguments)
{
    return actions[find_action(arguments->operand[0])].run(session, arguments);
}
