/* server_drop: roles that left long ago, with what they own in each database. */
#include "config.h"

#include "ldap_sync/server_link.h"

#define TASK "drop roles of"

struct dropping {
    struct server *server;
    const struct plan *plan;
    struct server_report *report;
    GHashTable *ready; /* name -> struct change: may be dropped, as far as is known */
    GPtrArray *order;  /* struct change, in the plan's order */
    GString *list;     /* their names as literals */
    GString *sql;
    guint told; /* of order: their end was reported */
    bool troubled;
};

static void give_up(struct dropping *d, const struct change *change, const char *text)
{
    const struct server_trouble trouble = {.change = change, .text = text};

    g_hash_table_remove(d->ready, change->role);
    d->troubled = true;
    if (d->report->trouble != NULL)
        d->report->trouble(d->report->context, &trouble);
}

/* The change that drops the role of a row, or NULL if it was given up. */
static const struct change *change_of(const struct dropping *d, const PGresult *rows, int row)
{
    return g_hash_table_lookup(d->ready, PQgetvalue(rows, row, 0));
}

/* --- under the lock --------------------------------------------------------------------------- */

/* Whether each is what the plan took it for: another run, or an admin, may have been here. */
static bool look_again(struct dropping *d)
{
    GHashTable *still = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    PGresult *rows = NULL;

    /* It has nothing to say while the databases are gone through. */
    g_string_assign(d->sql, "SET LOCAL idle_in_transaction_session_timeout = 0;\n"
                            "SELECT r.rolname FROM pg_roles r"
                            " JOIN pg_auth_members m ON m.member = r.oid"
                            " JOIN pg_roles k ON k.oid = m.roleid"
                            " JOIN pg_shdescription c ON c.objoid = r.oid"
                            " AND c.classoid = 'pg_authid'::regclass"
                            " WHERE NOT r.rolcanlogin AND NOT r.rolsuper"
                            " AND starts_with(c.description, ");
    plan_quote_literal(d->sql, LEFT_PREFIX);
    g_string_append(d->sql, ") AND k.rolname = ");
    plan_quote_literal(d->sql, d->server->settings->managed);
    g_string_append_printf(d->sql,
                           " AND r.rolname IN (%s) AND NOT EXISTS"
                           " (SELECT FROM pg_stat_activity a WHERE a.usesysid = r.oid);\n",
                           d->list->str);
    if (!link_must(d->server, TASK, d->sql->str, d->server->settings->timeout, &rows)) {
        g_hash_table_unref(still);
        return false;
    }
    for (int i = 0; i < PQntuples(rows); i++)
        g_hash_table_add(still, g_strdup(PQgetvalue(rows, i, 0)));
    PQclear(rows);
    for (guint i = 0; i < d->order->len; i++) {
        const struct change *change = d->order->pdata[i];
        if (!g_hash_table_contains(still, change->role))
            give_up(d, change,
                    "it is no longer a role that left: in the marker role, without "
                    "LOGIN and sessions, with our comment");
    }
    g_hash_table_unref(still);
    return true;
}

/* --- what they own ---------------------------------------------------------------------------- */

/*
 * A runner that is no superuser need not have the rights of either role: who gets the things has
 * those of who leaves them, for this one transaction.
 */
static void write_disown(struct dropping *d, const struct server *at, const char *role)
{
    const char *to = d->server->settings->leavers.reassign_to;
    const char *is_superuser = PQparameterStatus(at->pg, "is_superuser");
    bool as_heir = is_superuser == NULL || strcmp(is_superuser, "on") != 0;
    GString *from = g_string_new(NULL), *heir = g_string_new(NULL);

    plan_quote_identifier(from, role);
    plan_quote_identifier(heir, to);
    g_string_truncate(d->sql, 0);
    link_begin(at, d->sql, "ISOLATION LEVEL READ COMMITTED READ WRITE",
               d->server->settings->apply_timeout);
    if (as_heir)
        g_string_append_printf(
            d->sql, "GRANT %s TO %s%s;\nSET LOCAL ROLE %s;\n", from->str, heir->str,
            PQserverVersion(at->pg) >= 160000 ? " WITH INHERIT TRUE" : "", heir->str);
    g_string_append_printf(d->sql, "REASSIGN OWNED BY %s TO %s;\nDROP OWNED BY %s;\n", from->str,
                           heir->str, from->str);
    if (as_heir)
        g_string_append_printf(d->sql, "RESET ROLE;\nREVOKE %s FROM %s;\n", from->str, heir->str);
    g_string_append(d->sql, "COMMIT;\n");
    g_string_free(from, TRUE);
    g_string_free(heir, TRUE);
}

static void give_up_in(struct dropping *d, const struct change *change, const char *database,
                       const char *words)
{
    char text[LINK_WORDS_MAX + 128];
    char *all = g_strdup_printf("in database %s: %s", database, words);

    link_words(text, sizeof text, all);
    g_free(all);
    give_up(d, change, text);
}

static void disown(struct dropping *d, struct server *at, const struct change *change)
{
    struct link_answer answer;
    enum link_step step;

    if (!link_connect(at, TASK)) {
        give_up_in(d, change, at->database, server_error(at));
        return;
    }
    write_disown(d, at, change->role);
    step = link_ask(at, d->sql->str, d->server->settings->apply_timeout, &answer);
    PQclear(answer.rows);
    if (step == LINK_DONE)
        return;
    give_up_in(d, change, at->database, step == LINK_LATE ? "no answer in time" : answer.words);
    server_end(at);
}

/* rows: role, database; by database, which are connected to once each. */
static void disown_in(struct dropping *d, const PGresult *rows)
{
    struct server *at = NULL;

    for (int i = 0; i < PQntuples(rows); i++) {
        const struct change *change = change_of(d, rows, i);
        const char *database = PQgetvalue(rows, i, 1);

        if (change == NULL)
            continue;
        if (at == NULL || strcmp(at->database, database) != 0) {
            server_free(at);
            at = server_beside(d->server, database);
        }
        disown(d, at, change);
    }
    server_free(at);
}

/* Only where they have something; what is shared (a database, a right on one) from here. */
static bool disown_all(struct dropping *d)
{
    PGresult *rows = NULL;

    if (d->server->settings->leavers.reassign_to == NULL)
        return true;
    g_string_assign(d->sql, "SELECT DISTINCT r.rolname, coalesce(b.datname, current_database())"
                            " FROM pg_shdepend s"
                            " JOIN pg_roles r ON r.oid = s.refobjid"
                            " LEFT JOIN pg_database b ON b.oid = s.dbid"
                            " WHERE s.refclassid = 'pg_authid'::regclass AND r.rolname IN (");
    g_string_append_printf(d->sql, "%s) ORDER BY 2, 1;\n", d->list->str);
    if (!link_must(d->server, TASK, d->sql->str, d->server->settings->timeout, &rows))
        return false;
    disown_in(d, rows);
    PQclear(rows);
    return true;
}

/* --- the roles -------------------------------------------------------------------------------- */

/* False when the connection is lost, and the transaction with it. */
static bool drop_one(struct dropping *d, const struct change *change)
{
    struct link_answer answer;
    enum link_step step;

    g_string_assign(d->sql, "SAVEPOINT pgsignet;\nDROP ROLE ");
    plan_quote_identifier(d->sql, change->role);
    g_string_append(d->sql, ";\nRELEASE SAVEPOINT pgsignet;\n");
    step = link_ask(d->server, d->sql->str, d->server->settings->apply_timeout, &answer);
    PQclear(answer.rows);
    if (step == LINK_DONE)
        return true;
    if (step != LINK_REFUSED) {
        link_note_answer(d->server, TASK, step, &answer);
        return false;
    }
    give_up(d, change, answer.words);
    return link_must(d->server, TASK, "ROLLBACK TO SAVEPOINT pgsignet;\n",
                     d->server->settings->timeout, NULL);
}

/* Tells what was dropped in this transaction: of the changes before `end`. */
static void tell(struct dropping *d, guint end)
{
    for (; d->told < end; d->told++) {
        const struct change *change = d->order->pdata[d->told];
        if (d->report->changed != NULL && g_hash_table_contains(d->ready, change->role))
            d->report->changed(d->report->context, change);
    }
}

static enum server_result commit(struct dropping *d, guint end)
{
    struct link_answer answer;
    enum link_step step;

    if (d->report->commits != NULL)
        d->report->commits(d->report->context);
    step = link_ask(d->server, "COMMIT;\n", d->server->settings->apply_timeout, &answer);
    if (step == LINK_DONE) {
        tell(d, end);
        return SERVER_OK;
    }
    link_note_answer(d->server, TASK, step, &answer);
    return step == LINK_REFUSED ? SERVER_FAILED : SERVER_UNKNOWN;
}

/* Each is locked until the end of a transaction, which has room for only so many. */
static enum server_result drop_ready(struct dropping *d)
{
    size_t n = 0;

    for (guint i = 0; i < d->order->len; i++) {
        const struct change *change = d->order->pdata[i];
        enum server_result result = SERVER_OK;

        if (!g_hash_table_contains(d->ready, change->role))
            continue;
        if (n == MAX(d->server->roles_most, 1)) {
            result = commit(d, i);
            if (result == SERVER_OK && !link_lock_again(d->server, TASK))
                result = SERVER_FAILED;
            n = 0;
        }
        if (result == SERVER_OK && !drop_one(d, change))
            result = SERVER_FAILED;
        if (result != SERVER_OK)
            return result;
        n++;
    }
    return commit(d, d->order->len);
}

static enum server_result drop_all(struct dropping *d)
{
    enum server_result result = link_lock(d->server, TASK);

    if (result != SERVER_OK)
        return result;
    if (!look_again(d) || !disown_all(d))
        return SERVER_FAILED;
    result = drop_ready(d);
    return result == SERVER_OK && d->troubled ? SERVER_SKIPPED : result;
}

static void take_changes(struct dropping *d)
{
    for (guint i = 0; i < d->plan->changes->len; i++) {
        struct change *change = &g_array_index(d->plan->changes, struct change, i);

        if (change->kind != CHANGE_DROP)
            continue;
        g_ptr_array_add(d->order, change);
        g_hash_table_insert(d->ready, (gpointer)(uintptr_t)change->role, change);
        g_string_append(d->list, d->list->len == 0 ? "" : ", ");
        plan_quote_literal(d->list, change->role);
    }
}

enum server_result server_drop(struct server *server, const struct plan *plan,
                               struct server_report *report)
{
    struct dropping d = {.server = server,
                         .plan = plan,
                         .report = report,
                         .ready = g_hash_table_new(g_str_hash, g_str_equal),
                         .order = g_ptr_array_new(),
                         .list = g_string_new(NULL),
                         .sql = g_string_new(NULL)};
    enum server_result result = SERVER_OK;

    take_changes(&d);
    server_end(server);
    if (d.order->len > 0)
        result = link_connect(server, TASK) ? drop_all(&d) : SERVER_FAILED;
    if (result != SERVER_OK && result != SERVER_SKIPPED)
        server_end(server);
    g_hash_table_unref(d.ready);
    g_ptr_array_unref(d.order);
    g_string_free(d.list, TRUE);
    g_string_free(d.sql, TRUE);
    return result;
}
