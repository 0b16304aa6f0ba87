/* tiers_print_grants: the SQL for a runner that is no superuser. */
#include "config.h"

#include "ldap_sync/tiers.h"

struct granting {
    const struct settings_sync *settings;
    const char *runner;
    bool has_options; /* 16+ */
    GHashTable *done;
    GString *out;
};

static void grant(struct granting *g, const char *role, const char *with)
{
    if (!g_hash_table_add(g->done, (gpointer)(uintptr_t)role))
        return;
    g_string_append(g->out, "GRANT ");
    plan_quote_identifier(g->out, role);
    g_string_append(g->out, " TO ");
    plan_quote_identifier(g->out, g->runner);
    g_string_append_printf(g->out, "%s;\n", with);
}

/* From 16 on the runner may hand a role out and neither uses nor becomes it. */
static void grant_admin(struct granting *g, const char *role)
{
    const struct settings_sync_leavers *leavers = &g->settings->leavers;
    bool is_heir = leavers->drop_after > 0 && g_strcmp0(leavers->reassign_to, role) == 0;

    grant(g, role,
          !g->has_options ? " WITH ADMIN OPTION"
          : is_heir       ? " WITH ADMIN TRUE, INHERIT FALSE, SET TRUE"
                          : " WITH ADMIN TRUE, INHERIT FALSE, SET FALSE");
}

static void print_runner(struct granting *g, int version)
{
    g_string_append_printf(
        g->out,
        "-- For psql as a superuser of PostgreSQL %d%s, in the database that sync.postgres names,\n"
        "-- after `pgsignet-ldap-sync roles init`: the role as which the sync runs.\n",
        version / 10000, g->has_options ? " or newer" : "");
    if (!g->has_options)
        g_string_append(
            g->out,
            "-- Before 16 CREATEROLE may hand out any role that is no superuser, also\n"
            "-- pg_execute_server_program: guard this role's password like a superuser's.\n");
    g_string_append(g->out, "SELECT pg_catalog.format('CREATE ROLE %I', ");
    plan_quote_literal(g->out, g->runner);
    g_string_append(g->out, ")\n WHERE NOT EXISTS"
                            " (SELECT FROM pg_catalog.pg_roles WHERE rolname = ");
    plan_quote_literal(g->out, g->runner);
    g_string_append(g->out, ") \\gexec\nALTER ROLE ");
    plan_quote_identifier(g->out, g->runner);
    g_string_append(g->out, " LOGIN CREATEROLE INHERIT;\n");
    if (!g->has_options)
        return;
    g_string_append(g->out, "-- A role that another created is its to alter after\n"
                            "--   GRANT role TO runner WITH ADMIN TRUE, INHERIT FALSE, SET FALSE;\n"
                            "-- It does not become a member of whom it creates:\nALTER ROLE ");
    plan_quote_identifier(g->out, g->runner);
    g_string_append(g->out, " SET createrole_self_grant = '';\n");
}

void tiers_print_grants(const struct settings_sync *settings, const char *runner, int version,
                        GString *out)
{
    struct granting g = {.settings = settings,
                         .runner = runner,
                         .has_options = version >= 160000,
                         .done = g_hash_table_new(g_str_hash, g_str_equal),
                         .out = out};

    print_runner(&g, version);
    g_string_append(out, "-- to put roles into the marker, and grant what the rules grant:\n");
    grant_admin(&g, settings->managed);
    for (size_t i = 0; i < settings->n_rules; i++)
        for (size_t k = 0; k < settings->rules[i].grant.n; k++)
            grant_admin(&g, settings->rules[i].grant.at[k]);
    g_string_append(out, "-- to end sessions:\n");
    grant(&g, "pg_signal_backend", g.has_options ? " WITH INHERIT TRUE, SET FALSE" : "");
    if (settings->leavers.drop_after > 0 && settings->leavers.reassign_to != NULL) {
        g_string_append(out, "-- to hand over what leavers own:\n");
        grant(&g, settings->leavers.reassign_to,
              g.has_options ? " WITH INHERIT FALSE, SET TRUE" : "");
    }
    g_string_append(out, "-- if the database is closed to PUBLIC:\n"
                         "GRANT CONNECT ON DATABASE :\"DBNAME\" TO ");
    plan_quote_identifier(out, runner);
    g_string_append(out, ";\n");
    g_hash_table_unref(g.done);
}
