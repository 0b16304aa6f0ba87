/* The options of all commands of pgsignet-ldap-sync, one row each. */
#include "config.h"

#include "ldap_sync/options.h"

#include "common/settings.h"
#include "ldap_sync/guards.h"
#include "ldap_sync/wanted.h"

#include <string.h>

/* clang-format off */
static const struct option_row rows[OPTIONS] = {
    [OPT_CONFIG]   = {"config", "FILE", OPT_TEXT, 0, 0, "read FILE instead of " SETTINGS_DEFAULT_PATH, 0, false},
    [OPT_JSON]     = {"json", NULL, OPT_FLAG, 0, 0, "print one JSON document", 0, false},
    [OPT_QUIET]    = {"quiet", NULL, OPT_FLAG, 0, 0, "print problems alone", 'q', false},
    [OPT_VERBOSE]  = {"verbose", NULL, OPT_FLAG, 0, 0, "say each step, and every finding", 'v', false},
    [OPT_HELP]     = {"help", NULL, OPT_FLAG, 0, 0, "print this help", 0, false},
    [OPT_VERSION]  = {"version", NULL, OPT_FLAG, 0, 0, "print the version", 0, false},
    [OPT_FORCE]    = {"force", "GUARD", OPT_GUARD, 0, 0, "pass over what this guard found; may be given again for another", 0, true},
    [OPT_METRICS]  = {"metrics", "FILE", OPT_TEXT, 0, 0, "write figures for node_exporter; FILE ends in .prom", 0, false},
    [OPT_DRY_RUN]  = {"dry-run", NULL, OPT_FLAG, 0, 0, "print what would be done, and change nothing", 0, false},
    [OPT_WATCH]    = {"watch", NULL, OPT_FLAG, 0, 0, "go on, and run again when the directory changes", 0, false},
    [OPT_FORMAT]   = {"format", "FORM", OPT_FORM, 0, 0, "text (without this), sql or json", 0, false},
    [OPT_PRINT_GRANTS] = {"print-grants", NULL, OPT_FLAG, 0, 0, "print the SQL that sets up a runner that is no superuser", 0, false},
    [OPT_RUNNER]   = {"runner", "ROLE", OPT_ROLE, 0, 0, "its name; without this the user in sync.postgres, or pgsignet_sync", 0, false},
    [OPT_SERVER_VERSION] = {"server-version", "N", OPT_NUMBER, 10, 99, "for that major version alone; without this psql asks the server", 0, false},
};
/* clang-format on */

static const char *judge_form(const char *text, int64_t *number)
{
    static const char *const forms[] = {
        [FORM_TEXT] = "text", [FORM_SQL] = "sql", [FORM_JSON] = "json"};

    for (size_t i = 0; i < G_N_ELEMENTS(forms); i++) {
        if (strcmp(text, forms[i]) == 0) {
            *number = (int64_t)i;
            return NULL;
        }
    }
    return "must be text, sql or json";
}

/* The sentence that names all guards; made once, from the table. */
static const char *guards_sentence(void)
{
    static char text[256];
    size_t at = (size_t)g_snprintf(text, sizeof text, "must be one of");

    for (size_t i = 0; i < SYNC_GUARDS && at < sizeof text; i++)
        at += (size_t)g_snprintf(text + at, sizeof text - at, "%s %s", i > 0 ? "," : "",
                                 sync_guard_rows[i].name);
    return text;
}

static const char *judge(const struct option_row *row, const char *text, int64_t *number)
{
    size_t len = strlen(text);
    enum sync_guard guard;

    switch (row->kind) {
    case OPT_GUARD:
        guard = sync_guard_find(text);
        if (guard == SYNC_GUARDS)
            return guards_sentence();
        *number |= INT64_C(1) << guard;
        return NULL;
    case OPT_FORM:
        return judge_form(text, number);
    default: /* OPT_ROLE */
        return len >= 1 && len <= ROLE_NAME_MAX ? NULL : "must have 1 to 63 bytes";
    }
}

_Static_assert(OPTIONS <= OPTIONS_MAX, "a bit for each option");
const struct option_table sync_options = {"pgsignet-ldap-sync", rows, OPTIONS, judge};
