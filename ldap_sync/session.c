#include "config.h"

#include "ldap_sync/session.h"

#include "common/crypto.h"
#include "common/ldap_memory.h"
#include "common/log.h"

#include <glib.h>
#include <libpq-fe.h>
#include <string.h>

#define WHY_SIZE 512 /* bytes: a sentence with a path in it */

static const char *option(const PQconninfoOption *options, const char *keyword)
{
    for (; options->keyword != NULL; options++)
        if (strcmp(options->keyword, keyword) == 0)
            return options->val != NULL && options->val[0] != '\0' ? options->val : NULL;
    return NULL;
}

char *session_label(const char *conninfo)
{
    PQconninfoOption *options = PQconninfoParse(conninfo, NULL);
    GString *label = g_string_new(NULL);
    const char *host, *port, *database;

    if (options == NULL) { /* libpq will say what is wrong with it */
        g_string_assign(label, "postgres");
        return g_string_free(label, FALSE);
    }
    host = option(options, "host");
    host = host != NULL ? host : option(options, "hostaddr");
    port = option(options, "port");
    database = option(options, "dbname");
    if (option(options, "service") != NULL) {
        g_string_assign(label, option(options, "service"));
    } else {
        g_string_assign(label, host != NULL ? host : "local");
        if (port != NULL)
            g_string_append_printf(label, ":%s", port);
        if (database != NULL)
            g_string_append_printf(label, "/%s", database);
    }
    PQconninfoFree(options);
    return g_string_free(label, FALSE);
}

static bool label_is_taken(const struct session *session, const char *label)
{
    for (size_t i = 0; i < session->n_clusters; i++)
        if (strcmp(session->clusters[i].label, label) == 0)
            return true;
    return false;
}

static bool add_cluster(struct session *session, const char *conninfo)
{
    struct cluster *cluster = &session->clusters[session->n_clusters];
    char *label = session_label(conninfo);

    if (label_is_taken(session, label)) { /* they differ in what a label does not show */
        char *longer = g_strdup_printf("%s#%zu", label, session->n_clusters + 1);

        g_free(label);
        label = longer;
    }
    *cluster =
        (struct cluster){.label = label, .server = server_new(&session->settings->sync, conninfo)};
    session->n_clusters++;
    return cluster->server != NULL;
}

static bool add_clusters(struct session *session)
{
    const struct settings_strings *servers = &session->settings->sync.postgres;

    session->clusters = g_new0(struct cluster, servers->n);
    for (size_t i = 0; i < servers->n; i++)
        if (!add_cluster(session, servers->at[i]))
            return false;
    return true;
}

bool session_open(struct session *session, const struct arguments *arguments)
{
    const char *config = arguments->text[OPT_CONFIG];
    char why[WHY_SIZE] = "";

    session->settings =
        settings_load(config != NULL ? config : SETTINGS_DEFAULT_PATH, SETTINGS_FOR_SYNC, stderr);
    if (session->settings == NULL)
        return false;
    /* The program itself encrypts nothing: libldap and libpq do, by the module that is demanded here. */
    if (session->settings->fips == FIPS_REQUIRE && !crypto_start(true, why, sizeof why)) {
        log_error("%s", why);
        return false;
    }
    session->forced = (unsigned)arguments->number[OPT_FORCE];
    session->json = arguments->given[OPT_JSON];
    session->quiet = arguments->given[OPT_QUIET];
    session->verbose = arguments->given[OPT_VERBOSE];
    session->metrics = arguments->given[OPT_METRICS] ? arguments->text[OPT_METRICS]
                                                     : session->settings->sync.metrics;
    session->trail = session->settings->audit;
    session->trail.file = session->settings->sync.audit;
    if (session->settings->has_ldap) {
        ldapc_prepare_heeding_environment();
        session->directory = directory_new(&session->settings->ldap, NULL);
        if (session->directory == NULL)
            goto short_memory;
    }
    if (add_clusters(session))
        return true;

short_memory:
    log_error("memory is short");
    return false;
}

bool session_open_audit(struct session *session)
{
    char why[WHY_SIZE] = "";

    audit_close(session->audit);
    session->audit_failed = false;
    session->audit = audit_open(&session->trail, why, sizeof why);
    if (session->audit == NULL)
        log_error("no change without its audit event (sync.audit): %s", why);
    return session->audit != NULL;
}

void session_close(struct session *session)
{
    audit_close(session->audit);
    for (size_t i = 0; i < session->n_clusters; i++) {
        server_free(session->clusters[i].server);
        g_free(session->clusters[i].findings);
        g_free(session->clusters[i].label);
    }
    g_free(session->clusters);
    directory_free(session->directory);
    settings_free(session->settings);
    *session = (struct session){0};
}
