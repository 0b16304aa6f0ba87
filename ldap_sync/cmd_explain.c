/* explain: why somebody has what he has, and what the next run would change. */
#include "config.h"

#include "common/log.h"
#include "common/text.h"
#include "ldap_sync/cli.h"
#include "ldap_sync/reading.h"
#include "ldap_sync/report.h"

#include <stdio.h>
#include <string.h>

static void add_memberships(const struct actual *actual, const struct actual_role *role,
                            const char *marker, GString *out)
{
    const char *between = "; in ";
    char name[4 * ROLE_NAME_MAX + 1];

    for (uint32_t i = 0; i < role->n_memberships; i++) {
        const struct actual_membership *membership =
            &g_array_index(actual->memberships, struct actual_membership, role->membership + i);

        if (strcmp(membership->role, marker) == 0)
            continue;
        text_escape(name, sizeof name, bytes_str(membership->role));
        g_string_append_printf(out, "%s%s", between, name);
        between = ", ";
    }
}

static bool is_managed(const struct actual *actual, const struct actual_role *role,
                       const char *marker)
{
    for (uint32_t i = 0; i < role->n_memberships; i++)
        if (strcmp(
                g_array_index(actual->memberships, struct actual_membership, role->membership + i)
                    .role,
                marker) == 0)
            return true;
    return false;
}

static void describe_role(const struct session *session, const struct outcome *outcome,
                          const char *name, GString *out)
{
    const struct actual *actual = &outcome->actual;
    const struct actual_role *role = actual_find(actual, name);
    const char *marker = session->settings->sync.managed;

    if (role == NULL) {
        g_string_append(out, "no such role");
        return;
    }
    g_string_append_printf(out, "%s, %s",
                           is_managed(actual, role, marker) ? "managed" : "not managed",
                           role->login ? "may log in" : "may not log in");
    if (role->superuser)
        g_string_append(out, ", superuser");
    add_memberships(actual, role, marker, out);
    if (role->sessions > 0)
        g_string_append_printf(out, "; %u sessions", role->sessions);
}

static void add_pending(const struct outcome *outcome, const char *name, GString *out)
{
    const struct plan *plan = &outcome->plan;
    size_t n = 0;

    for (guint i = 0; i < plan->findings->len; i++) {
        const struct sync_finding *finding = &g_array_index(plan->findings, struct sync_finding, i);

        if (finding->name != NULL && strcmp(finding->name, name) == 0)
            g_string_append_printf(out, "  guard %s: %s\n", sync_guard_rows[finding->guard].name,
                                   finding->text);
    }
    for (guint i = 0; i < plan->changes->len; i++) {
        const struct change *change = &g_array_index(plan->changes, struct change, i);

        if (strcmp(change->role, name) != 0)
            continue;
        g_string_append(out, "  next run: ");
        plan_describe(change, out);
        g_string_append_c(out, '\n');
        n++;
    }
    if (n == 0)
        g_string_append(out, "  next run: nothing to do\n");
}

static int explain_on(struct session *session, const struct reading *reading,
                      struct cluster *cluster, const char *name, GString *out)
{
    struct outcome outcome;
    int code = COMMAND_DONE;

    reading_begin(reading, cluster, SERVER_LOOK, &outcome);
    reading_plan(reading, session, &outcome);
    g_string_append_printf(out, "%s: ", cluster->label);
    if (outcome.planned) {
        describe_role(session, &outcome, name, out);
        g_string_append_c(out, '\n');
        add_pending(&outcome, name, out);
    } else {
        g_string_append(out, "could not be read\n");
        log_error("%s", outcome.error);
        code = COMMAND_FAILED;
    }
    outcome_clear(&outcome);
    return code;
}

static json_t *json_lines(const GString *text)
{
    char **lines = g_strsplit(text->str, "\n", -1);
    json_t *array = json_array();

    for (size_t i = 0; lines[i] != NULL; i++)
        if (lines[i][0] != '\0')
            json_array_append_new(array, json_string(lines[i]));
    g_strfreev(lines);
    return array;
}

static void print(const struct session *session, const char *name, const GString *directory,
                  const GString *servers)
{
    json_t *document;

    if (!session->json) {
        fputs(directory->str, stdout);
        fputs(servers->str, stdout);
        return;
    }
    document = json_pack("{s:s, s:o, s:o}", "role", name, "directory", json_lines(directory),
                         "servers", json_lines(servers));
    if (document == NULL || json_dumpf(document, stdout, JSON_COMPACT) != 0)
        log_error("the JSON document could not be written");
    fputc('\n', stdout);
    json_decref(document);
}

int cmd_explain(struct session *session, const struct arguments *arguments)
{
    GString *directory = g_string_new(NULL), *servers = g_string_new(NULL);
    struct rules_trace trace = {.role = arguments->operand[0], .text = directory};
    struct reading reading;
    int code = COMMAND_DONE;

    reading_init(&reading);
    if (reading_read(&reading, session, NULL, &trace)) {
        const char *name = g_string_chunk_insert_const(reading.names, trace.role);

        if (directory->len == 0)
            g_string_assign(directory, "no rule names this role\n");
        for (size_t i = 0; i < session->n_clusters; i++)
            code = outcome_worse(
                code, explain_on(session, &reading, &session->clusters[i], name, servers));
        print(session, name, directory, servers);
    } else {
        log_error("%s", reading.error);
        code = COMMAND_FAILED;
    }
    reading_close(&reading);
    g_string_free(directory, TRUE);
    g_string_free(servers, TRUE);
    return code;
}
