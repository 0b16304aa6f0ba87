/* tiers_check and tiers_init. */
#include "config.h"

#include "ldap_sync/tiers.h"

#include "common/text.h"
#include "ldap_sync/server_link.h"
#include "ldap_sync/tiers_rows.h"

#define TASK           "compare the roles of"
#define INIT_TASK      "set up the roles of"
#define MARKER_COMMENT "roles that pgsignet-ldap-sync keeps"

struct checking {
    struct server *server;
    const struct settings_sync *settings;
    struct actual *actual;
    GPtrArray *out;
};

/* --- differences ------------------------------------------------------------------------------ */

static void free_difference(gpointer data)
{
    struct tiers_difference *difference = data;

    g_free(difference->text);
    g_free(difference->sql);
    g_free(difference->database);
    g_free(difference);
}

/*
 * Adds a difference: its text, "|", its statement.  %i stands for the next name, escaped in the text
 * and an identifier in the statement; %s for words of ours.
 */
static void add(struct checking *c, const char *database, const char *format, ...)
{
    struct tiers_difference *difference = g_new0(struct tiers_difference, 1);
    GString *text = g_string_new(NULL), *sql = g_string_new(NULL), *out = text;
    char name[4 * ROLE_NAME_MAX + 4];
    va_list args;

    va_start(args, format);
    for (const char *at = format; *at != '\0'; at++) {
        if (*at == '|') {
            out = sql;
        } else if (*at != '%') {
            g_string_append_c(out, *at);
        } else if (*++at == 's') {
            g_string_append(out, va_arg(args, const char *));
        } else if (out == sql) {
            plan_quote_identifier(sql, va_arg(args, const char *));
        } else {
            text_escape(name, sizeof name, bytes_str(va_arg(args, const char *)));
            g_string_append(text, name);
        }
    }
    va_end(args);
    difference->text = g_string_free(text, FALSE);
    difference->sql = g_string_free(sql, FALSE);
    difference->database = g_strdup(database);
    g_ptr_array_add(c->out, difference);
}

/* --- roles and memberships -------------------------------------------------------------------- */

static const struct actual_role *find(const struct checking *c, const char *name)
{
    return actual_find(c->actual, g_string_chunk_insert_const(c->actual->names, name));
}

static void check_powers(struct checking *c, const struct actual_role *role)
{
    const struct {
        bool has;
        const char *power;
    } rows[] = {{role->login, "LOGIN"},
                {role->superuser, "SUPERUSER"},
                {role->createrole, "CREATEROLE"},
                {role->createdb, "CREATEDB"},
                {role->replication, "REPLICATION"},
                {role->bypassrls, "BYPASSRLS"}};

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].has)
            add(c, NULL, "%i has %s|ALTER ROLE %i NO%s", role->name, rows[i].power, role->name,
                rows[i].power);
}

static void add_comment(struct checking *c, const char *name, const char *comment)
{
    GString *literal = g_string_new(NULL);

    plan_quote_literal(literal, comment);
    add(c, NULL, "%i has no comment|COMMENT ON ROLE %i IS %s", name, name, literal->str);
    g_string_free(literal, TRUE);
}

static void check_role(struct checking *c, const char *name, const char *comment)
{
    const struct actual_role *role = find(c, name);

    if (role == NULL)
        add(c, NULL, "%i does not exist|CREATE ROLE %i NOLOGIN", name, name);
    else
        check_powers(c, role);
    if (role == NULL || role->comment == NULL)
        add_comment(c, name, comment);
}

/* The membership of role in `in`, one that inherits if there is any; NULL = none. */
static const struct actual_membership *membership(const struct checking *c,
                                                  const struct actual_role *role, const char *in)
{
    const struct actual_membership *found = NULL;

    for (uint32_t i = 0; role != NULL && i < role->n_memberships; i++) {
        const struct actual_membership *at =
            &g_array_index(c->actual->memberships, struct actual_membership, role->membership + i);
        if (strcmp(at->role, in) == 0 && (found == NULL || at->inherit))
            found = at;
    }
    return found;
}

static void check_membership(struct checking *c, const struct tiers_role *tier, const char *in)
{
    const struct actual_membership *has = membership(c, find(c, tier->name), in);
    bool has_options = c->actual->version >= 160000;

    if (has != NULL && has->inherit)
        return;
    if (has != NULL && !has_options)
        add(c, NULL, "%i does not inherit|ALTER ROLE %i INHERIT", tier->name, tier->name);
    else
        add(c, NULL, "%i is not in %i|GRANT %i TO %i%s", tier->name, in, in, tier->name,
            has_options ? " WITH INHERIT TRUE, SET TRUE" : "");
}

static bool is_in(const struct tiers_role *tier, const char *in)
{
    for (size_t i = 0; i < TIERS_IN_MOST && tier->in[i] != NULL; i++)
        if (strcmp(tier->in[i], in) == 0)
            return true;
    return false;
}

/* Of a tier in another one: offline stands apart, and none has more than is said. */
static void check_apart(struct checking *c, const struct tiers_role *tier, const char *other)
{
    const struct actual_membership *has = membership(c, find(c, tier->name), other);
    GString *grantor = g_string_new(NULL);

    if (has != NULL && !is_in(tier, other)) {
        if (c->actual->version >= 160000 && has->grantor != NULL) {
            g_string_append(grantor, " GRANTED BY ");
            plan_quote_identifier(grantor, has->grantor);
        }
        add(c, NULL, "%i is in %i|REVOKE %i FROM %i%s", tier->name, other, other, tier->name,
            grantor->str);
    }
    g_string_free(grantor, TRUE);
}

static void check_roles(struct checking *c)
{
    for (size_t i = 0; i < TIERS; i++)
        check_role(c, tiers_roles[i].name, tiers_roles[i].comment);
    check_role(c, c->settings->managed, MARKER_COMMENT);
    for (size_t i = 0; i < TIERS; i++) {
        for (size_t k = 0; k < TIERS; k++)
            check_apart(c, &tiers_roles[i], tiers_roles[k].name);
        for (size_t k = 0; k < TIERS_IN_MOST && tiers_roles[i].in[k] != NULL; k++)
            check_membership(c, &tiers_roles[i], tiers_roles[i].in[k]);
    }
}

/* --- one database ----------------------------------------------------------------------------- */

/* The first column of the comparison. */
enum {
    LACKS_DEFAULT = 'a',
    HAS_DEFAULT,
    DATABASE_OPEN,
    DATABASE_SHUT,
    SCHEMA_OPEN,
    SCHEMA_SHUT,
    CONNECT_SHUT
};

static void take_row(struct checking *c, const char *database, char *const field[5])
{
    const char *owner = field[1], *objects = tiers_objects(field[2]), *tier = field[3],
               *privilege = field[4];
    char *lower = g_ascii_strdown(objects, -1);

    switch (field[0][0]) {
    case LACKS_DEFAULT:
        add(c, database,
            "default privileges of %i in %i: %s: %i lacks %s|"
            "ALTER DEFAULT PRIVILEGES FOR ROLE %i GRANT %s ON %s TO %i",
            owner, database, lower, tier, privilege, owner, privilege, objects, tier);
        break;
    case HAS_DEFAULT:
        add(c, database,
            "default privileges of %i in %i: %s: %i has %s|"
            "ALTER DEFAULT PRIVILEGES FOR ROLE %i REVOKE %s ON %s FROM %i",
            owner, database, lower, tier, privilege, owner, privilege, objects, tier);
        break;
    case DATABASE_OPEN:
        add(c, database, "database %i: PUBLIC has CREATE|REVOKE CREATE ON DATABASE %i FROM PUBLIC",
            database, database);
        break;
    case DATABASE_SHUT:
        add(c, database, "database %i: %s lacks CREATE|GRANT CREATE ON DATABASE %i TO %s", database,
            TIER_THAT_CREATES, database, TIER_THAT_CREATES);
        break;
    case SCHEMA_OPEN:
        add(c, database,
            "schema public of %i: PUBLIC has CREATE|REVOKE CREATE ON SCHEMA public FROM PUBLIC",
            database);
        break;
    case SCHEMA_SHUT:
        add(c, database, "schema public of %i: %s lacks CREATE|GRANT CREATE ON SCHEMA public TO %s",
            database, TIER_THAT_CREATES, TIER_THAT_CREATES);
        break;
    case CONNECT_SHUT:
        add(c, database,
            "database %i, closed to PUBLIC: %i lacks CONNECT|GRANT CONNECT ON DATABASE %i TO %i%s",
            database, tier, database, tier, field[4][0] == 't' ? " WITH GRANT OPTION" : "");
        break;
    }
    g_free(lower);
}

static void append_literals(GString *sql, const char *const *texts, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        g_string_append(sql, i == 0 ? "" : ", ");
        plan_quote_literal(sql, texts[i]);
    }
}

/* What an owner has on his own objects is neither wanted nor drift: it is in every such list. */
static void write_comparison(const struct checking *c, GString *sql)
{
    const char *const admin = TIER_THAT_CREATES;

    g_string_append(sql, "WITH owner(name) AS (VALUES ");
    for (size_t i = 0; i < c->settings->roles.owners.n; i++) {
        g_string_append(sql, i == 0 ? "(" : "), (");
        plan_quote_literal(sql, c->settings->roles.owners.at[i]);
    }
    g_string_append(sql, ")), rule(object, tier, privilege) AS (VALUES ");
    for (size_t i = 0; i < TIERS_DEFAULTS; i++) {
        const struct tiers_default *row = &tiers_defaults[i];
        const char *const texts[] = {row->object, row->tier, row->privilege};
        g_string_append(sql, i == 0 ? "(" : "), (");
        append_literals(sql, texts, 3);
    }
    g_string_append(sql, ")), connect(role, grantable) AS (VALUES ");
    for (size_t i = 0; i < TIERS_OF_CLOSED; i++) {
        const char *const texts[] = {tiers_of_closed[i].role, tiers_of_closed[i].grantable};
        g_string_append(sql, i == 0 ? "(" : "), (");
        append_literals(sql, texts, 2);
    }
    g_string_append(
        sql, ")), want AS (SELECT o.name AS owner, r.object, r.tier, r.privilege"
             " FROM owner o, rule r WHERE r.tier <> o.name),"
             " have AS (SELECT o.rolname::text AS owner, d.defaclobjtype::text AS object,"
             " g.rolname::text AS tier, a.privilege_type AS privilege"
             " FROM pg_default_acl d JOIN pg_roles o ON o.oid = d.defaclrole,"
             " aclexplode(d.defaclacl) a JOIN pg_roles g ON g.oid = a.grantee"
             " WHERE d.defaclnamespace = 0 AND o.rolname IN (SELECT name FROM owner)"
             " AND g.rolname IN (SELECT tier FROM rule) AND o.oid <> g.oid"
             " AND d.defaclobjtype IN ('n', 'r', 'S', 'f')),"
             " database AS (SELECT d.datdba, a.grantee, a.privilege_type, a.is_grantable"
             " FROM pg_database d, aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a"
             " WHERE d.datname = current_database()),"
             " schema AS (SELECT a.grantee, a.privilege_type"
             " FROM pg_namespace n, aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) a"
             " WHERE n.nspname = 'public'),"
             " admin AS (SELECT oid FROM pg_roles WHERE rolname = ");
    plan_quote_literal(sql, admin);
    g_string_append_printf(
        sql,
        ") SELECT '%c', owner, object, tier, privilege FROM (TABLE want EXCEPT TABLE have) l"
        " UNION ALL SELECT '%c', owner, object, tier, privilege FROM (TABLE have EXCEPT TABLE "
        "want) h"
        " UNION ALL SELECT '%c', '', '', '', '' WHERE EXISTS"
        " (SELECT FROM database WHERE grantee = 0 AND privilege_type = 'CREATE')"
        " UNION ALL SELECT '%c', '', '', '', '' WHERE NOT EXISTS"
        " (SELECT FROM database JOIN admin ON oid = grantee WHERE privilege_type = 'CREATE')"
        " UNION ALL SELECT '%c', '', '', '', '' WHERE EXISTS"
        " (SELECT FROM schema WHERE grantee = 0 AND privilege_type = 'CREATE')"
        " UNION ALL SELECT '%c', '', '', '', '' WHERE NOT EXISTS"
        " (SELECT FROM schema JOIN admin ON oid = grantee WHERE privilege_type = 'CREATE')"
        " AND EXISTS (SELECT FROM pg_namespace WHERE nspname = 'public')"
        " UNION ALL SELECT '%c', '', '', c.role, c.grantable"
        " FROM connect c JOIN pg_roles r ON r.rolname = c.role WHERE NOT EXISTS"
        " (SELECT FROM database WHERE privilege_type = 'CONNECT' AND (grantee = 0"
        " OR grantee = r.oid AND (is_grantable OR NOT c.grantable::bool)))"
        " AND r.oid NOT IN (SELECT datdba FROM database)"
        " ORDER BY 1, 2, 3, 4, 5;\nCOMMIT;\n",
        LACKS_DEFAULT, HAS_DEFAULT, DATABASE_OPEN, DATABASE_SHUT, SCHEMA_OPEN, SCHEMA_SHUT,
        CONNECT_SHUT);
}

/* Asks in a database of the cluster; false with the error of c->server set. */
static bool ask_in(struct server *server, const char *database, const char *task, const char *sql,
                   PGresult **rows)
{
    struct server *at = server_beside(server, database);
    bool done =
        link_connect(at, task) && link_must(at, task, sql, server->settings->apply_timeout, rows);

    if (!done)
        g_strlcpy(server->error, at->error, sizeof server->error);
    server_free(at);
    return done;
}

static bool check_database(struct checking *c, const char *database)
{
    GString *sql = g_string_new(NULL);
    PGresult *rows = NULL;
    bool done;

    link_begin(c->server, sql, "ISOLATION LEVEL REPEATABLE READ READ ONLY", c->settings->timeout);
    write_comparison(c, sql);
    done = ask_in(c->server, database, TASK, sql->str, &rows);
    for (int i = 0; done && i < PQntuples(rows); i++) {
        char *field[5];
        for (int k = 0; k < 5; k++)
            field[k] = PQgetvalue(rows, i, k);
        take_row(c, database, field);
    }
    PQclear(rows);
    g_string_free(sql, TRUE);
    return done;
}

static bool check_owners(struct checking *c)
{
    for (size_t i = 0; i < c->settings->roles.owners.n; i++) {
        const char *name = c->settings->roles.owners.at[i];
        bool is_tier = false;
        for (size_t k = 0; k < TIERS; k++)
            is_tier = is_tier || strcmp(tiers_roles[k].name, name) == 0;
        if (is_tier || find(c, name) != NULL)
            continue;
        char *came_back = g_strdup_printf("sync.roles.owners names %s, which does not exist", name);
        link_note(c->server, TASK, came_back, "create it, or take it out");
        g_free(came_back);
        return false;
    }
    return true;
}

static bool check_databases(struct checking *c)
{
    const struct settings_strings *wanted = &c->settings->roles.databases;
    PGresult *rows = NULL;
    bool done = true;

    for (size_t i = 0; done && i < wanted->n; i++)
        done = check_database(c, wanted->at[i]);
    if (!done || wanted->n > 0)
        return done;
    done = link_must(c->server, TASK,
                     "SELECT datname FROM pg_catalog.pg_database"
                     " WHERE datallowconn ORDER BY datname",
                     c->settings->timeout, &rows);
    for (int i = 0; done && i < PQntuples(rows); i++)
        if (strcmp(PQgetvalue(rows, i, 0), "template0") != 0)
            done = check_database(c, PQgetvalue(rows, i, 0));
    PQclear(rows);
    return done;
}

enum server_result tiers_check(struct server *server, const struct settings_sync *settings,
                               GPtrArray **out)
{
    GStringChunk *names = g_string_chunk_new(4096);
    struct actual actual;
    struct checking c = {.server = server,
                         .settings = settings,
                         .actual = &actual,
                         .out = g_ptr_array_new_with_free_func(free_difference)};
    enum server_result result;

    actual_init(&actual, names);
    server_read_begin(server, SERVER_LOOK);
    result = server_read_end(server, &actual);
    if (result == SERVER_OK) {
        actual_index(&actual);
        check_roles(&c);
        if (!check_owners(&c) || !check_databases(&c))
            result = SERVER_FAILED;
    }
    actual_clear(&actual);
    g_string_chunk_free(names);
    *out = c.out;
    return result;
}

/* --- mending ---------------------------------------------------------------------------------- */

static bool mend(struct server *server, const char *database, const GString *sql)
{
    GString *all = g_string_new(NULL);
    bool done;

    link_begin(server, all, "ISOLATION LEVEL READ COMMITTED READ WRITE",
               server->settings->apply_timeout);
    g_string_append(all, sql->str);
    g_string_append(all, "COMMIT;\n");
    if (database != NULL)
        done = ask_in(server, database, INIT_TASK, all->str, NULL);
    else
        done = link_connect(server, INIT_TASK) &&
               link_must(server, INIT_TASK, all->str, server->settings->apply_timeout, NULL);
    g_string_free(all, TRUE);
    return done;
}

enum server_result tiers_init(struct server *server, const struct settings_sync *settings,
                              const GPtrArray *differences)
{
    GString *sql = g_string_new(NULL);
    bool done = true;

    (void)settings;
    for (guint i = 0; done && i < differences->len; i++) {
        const struct tiers_difference *at = differences->pdata[i];
        const struct tiers_difference *next =
            i + 1 < differences->len ? differences->pdata[i + 1] : NULL;

        g_string_append_printf(sql, "%s;\n", at->sql);
        if (next != NULL && g_strcmp0(next->database, at->database) == 0)
            continue;
        done = mend(server, at->database, sql);
        g_string_truncate(sql, 0);
    }
    g_string_free(sql, TRUE);
    return done ? SERVER_OK : SERVER_FAILED;
}
