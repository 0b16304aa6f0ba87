/* check: certificates against the names of roles. */
#include "config.h"

#include "pki/check.h"

#include <string.h>

struct roles {
    struct check *check;
    GHashTable *names;  /* as they are */
    GHashTable *folded; /* -> as it is */
    bool all;
    GHashTable *said; /* objects */
};

/* A role that the host name is taken for; NULL = none.  Only a wildcard needs to be held against each of them. */
static const char *covered(const struct roles *roles, const char *dns_folded)
{
    GHashTableIter iter;
    gpointer folded, name;

    if (strchr(dns_folded, '*') == NULL)
        return g_hash_table_lookup(roles->folded, dns_folded);
    g_hash_table_iter_init(&iter, roles->folded);
    while (g_hash_table_iter_next(&iter, &folded, &name))
        if (name_covers(dns_folded, folded))
            return name;
    return NULL;
}

static void judge_name(struct roles *roles, const struct ledger_row *row, const char *name,
                       const char *what)
{
    g_autofree char *folded = name_fold(bytes_str(name));
    const char *role = folded != NULL ? covered(roles, folded) : NULL;

    if (role == NULL)
        return;
    g_autofree char *object = check_object(row);
    findings_add(&roles->check->findings, FINDING_SAN_IS_ROLE, object,
                 "its %s \"%s\" is the role \"%s\" for PgBouncer", what, name, role);
}

/* Is it signed by a CA that logins are checked against?  A CA for servers alone is not. */
static bool may_log_in(const struct check *check, const struct ledger_row *row)
{
    const struct authority *authority = session_authority(check->session, row->authority);

    return authority == NULL || authority->row.purpose == PURPOSE_ALL ||
           authority->row.purpose == PURPOSE_CLIENT;
}

static bool check_row(void *context, const struct ledger_row *row)
{
    struct roles *roles = context;
    g_auto(GStrv) sans = NULL;

    if (row->kind == KIND_CLIENT && roles->all && !g_hash_table_contains(roles->names, row->name) &&
        g_hash_table_add(roles->said, g_strdup(row->name))) {
        g_autofree char *object = check_object(row);
        findings_add(&roles->check->findings, FINDING_NO_ROLE, object,
                     "no server has a role \"%s\", but the certificate is live", row->name);
    }
    if (row->kind == KIND_CA || row->kind == KIND_CROSS || !may_log_in(roles->check, row))
        return true;
    sans = g_strsplit(row->sans, ",", -1);
    for (size_t i = 0; sans[i] != NULL; i++)
        if (g_str_has_prefix(sans[i], "DNS:"))
            judge_name(roles, row, sans[i] + strlen("DNS:"), "host name");
    if (row->kind != KIND_CLIENT)
        judge_name(roles, row, row->name, "CN");
    return true;
}

void check_roles(struct check *check, const GPtrArray *names, bool all)
{
    const struct ledger_filter filter = {.live_at = check->now_s};
    struct roles roles = {
        .check = check,
        .names = g_hash_table_new(g_str_hash, g_str_equal),
        .folded = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL),
        .said = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL),
        .all = all,
    };

    for (guint i = 0; i < names->len; i++) {
        char *name = g_ptr_array_index(names, i), *folded = name_fold(bytes_str(name));

        g_hash_table_add(roles.names, name);
        if (folded != NULL)
            g_hash_table_replace(roles.folded, folded, name);
    }
    if (names->len > 0 &&
        ledger_each(check->session->ledger, &filter, check_row, &roles) != LEDGER_OK)
        findings_add(&check->findings, FINDING_LEDGER, LEDGER_FILE, "%s",
                     ledger_error(check->session->ledger));
    g_hash_table_unref(roles.names);
    g_hash_table_unref(roles.folded);
    g_hash_table_unref(roles.said);
}
