#include "config.h"

#include "ldap_sync/plan_role.h"

#include <string.h>

static void quote(GString *out, const char *text, char mark)
{
    g_string_append_c(out, mark);
    for (const char *end; (end = strchr(text, mark)) != NULL; text = end + 1) {
        g_string_append_len(out, text, end + 1 - text);
        g_string_append_c(out, mark);
    }
    g_string_append(out, text);
    g_string_append_c(out, mark);
}

void plan_quote_identifier(GString *out, const char *name)
{
    quote(out, name, '"');
}

void plan_quote_literal(GString *out, const char *text)
{
    quote(out, text, '\'');
}

/*
 * Appends a text in which %i stands for the next argument as an identifier, %l for one as a
 * literal, %s for one as it is.
 */
static void append(GString *out, const char *text, ...)
{
    va_list args;

    va_start(args, text);
    for (; *text != '\0'; text++) {
        if (*text != '%') {
            g_string_append_c(out, *text);
            continue;
        }
        const char *argument = va_arg(args, const char *);
        switch (*++text) {
        case 'i':
            plan_quote_identifier(out, argument);
            break;
        case 'l':
            plan_quote_literal(out, argument);
            break;
        default:
            g_string_append(out, argument);
        }
    }
    va_end(args);
}

struct sql {
    const struct plan *plan;
    const struct settings_sync *settings;
    int version;
    GString *out;
};

static const struct change *change_at(const struct sql *sql, size_t i)
{
    return &g_array_index(sql->plan->changes, struct change, i);
}

static bool has_options(const struct sql *sql)
{
    return sql->version >= 160000;
}

static void write_roles(const struct sql *sql, size_t from, size_t n, bool literals)
{
    for (size_t i = from; i < from + n; i++)
        append(sql->out, literals ? "%s%l" : "%s%i", i == from ? "" : ", ",
               change_at(sql, i)->role);
}

static void write_login(const struct sql *sql, size_t from, size_t n)
{
    const struct change *change = change_at(sql, from);

    (void)n;
    append(sql->out, "ALTER ROLE %i %s;\n", change->role,
           change->kind == CHANGE_LOCK ? "NOLOGIN" : "LOGIN");
}

static void write_revoke(const struct sql *sql, size_t from, size_t n)
{
    const struct change *change = change_at(sql, from);

    append(sql->out, "REVOKE %s%i FROM ", change->admin ? "ADMIN OPTION FOR " : "", change->object);
    write_roles(sql, from, n, false);
    if (change->grantor != NULL && has_options(sql))
        append(sql->out, " GRANTED BY %i", change->grantor);
    append(sql->out, "%s;\n", change->cascade ? " CASCADE" : "");
}

static void append_until(GString *out, int64_t until_s)
{
    char time[LEFT_TIME_SIZE] = "infinity";

    if (until_s != UNTIL_INFINITY)
        left_time_text(until_s, ' ', "+00", time);
    append(out, " VALID UNTIL %l", time);
}

static void write_adopt(const struct sql *sql, size_t from, size_t n)
{
    append(sql->out, "GRANT %i TO ", change_at(sql, from)->object);
    write_roles(sql, from, n, false);
    append(sql->out, ";\n");
}

static void write_one_create(const struct sql *sql, const struct change *change)
{
    append(sql->out, "CREATE ROLE %i LOGIN", change->role);
    if (change->options != NULL && change->options->has_limit)
        g_string_append_printf(sql->out, " CONNECTION LIMIT %" G_GINT64_FORMAT,
                               role_limit(change->options->limit));
    if (change->options != NULL && change->options->has_until)
        append_until(sql->out, role_until(change->options->until_s));
    if (!has_options(sql))
        append(sql->out, " IN ROLE %i", change->object);
    append(sql->out, ";\n");
}

/*
 * From 16 on the runner is a member of each role that it made, and a grant of the marker looks
 * through all of these: one grant for many is several times faster than an IN ROLE for each.
 */
static void write_create(const struct sql *sql, size_t from, size_t n)
{
    for (size_t i = from; i < from + n; i++)
        write_one_create(sql, change_at(sql, i));
    if (has_options(sql))
        write_adopt(sql, from, n);
}

static void write_limit(const struct sql *sql, size_t from, size_t n)
{
    const struct change *change = change_at(sql, from);

    (void)n;
    append(sql->out, "ALTER ROLE %i", change->role);
    g_string_append_printf(sql->out, " CONNECTION LIMIT %" G_GINT64_FORMAT ";\n", change->number);
}

static void write_until(const struct sql *sql, size_t from, size_t n)
{
    const struct change *change = change_at(sql, from);

    (void)n;
    append(sql->out, "ALTER ROLE %i", change->role);
    append_until(sql->out, change->number);
    append(sql->out, ";\n");
}

/*
 * A list of identifiers is written as one literal an element: as one whole it would be one element.
 */
static void write_set(const struct sql *sql, size_t from, size_t n)
{
    const struct change *change = change_at(sql, from);
    GPtrArray *elements = role_setting_elements(change->object, change->value);

    (void)n;
    append(sql->out, "ALTER ROLE %i SET %i = ", change->role, change->object);
    if (elements == NULL)
        plan_quote_literal(sql->out, change->value);
    for (guint i = 0; elements != NULL && i < elements->len; i++)
        append(sql->out, "%s%l", i == 0 ? "" : ", ", elements->pdata[i]);
    append(sql->out, ";\n");
    if (elements != NULL)
        g_ptr_array_unref(elements);
}

static void write_reset(const struct sql *sql, size_t from, size_t n)
{
    const struct change *change = change_at(sql, from);

    (void)n;
    append(sql->out, "ALTER ROLE %i RESET %i;\n", change->role, change->object);
}

static void write_comment(const struct sql *sql, size_t from, size_t n)
{
    const struct change *change = change_at(sql, from);

    (void)n;
    append(sql->out, "COMMENT ON ROLE %i IS ", change->role);
    append(sql->out, change->value == NULL ? "NULL;\n" : "%l;\n", change->value);
}

static void write_grant(const struct sql *sql, size_t from, size_t n)
{
    const struct change *change = change_at(sql, from);

    append(sql->out, "GRANT %i TO ", change->object);
    write_roles(sql, from, n, false);
    if (has_options(sql))
        append(sql->out, " WITH ADMIN %s, INHERIT %s, SET %s;\n", change->admin ? "TRUE" : "FALSE",
               change->inherit ? "TRUE" : "FALSE", change->set ? "TRUE" : "FALSE");
    else
        append(sql->out, change->admin ? " WITH ADMIN OPTION;\n" : ";\n");
}

static void write_terminate(const struct sql *sql, size_t from, size_t n)
{
    append(sql->out, "SELECT pg_catalog.pg_terminate_backend(pid) "
                     "FROM pg_catalog.pg_stat_activity WHERE usename IN (");
    write_roles(sql, from, n, true);
    append(sql->out, ");\n");
}

static void write_drop(const struct sql *sql, size_t from, size_t n)
{
    const char *role = change_at(sql, from)->role;

    (void)n;
    append(sql->out, "-- the first two in every database:\n");
    if (sql->settings->leavers.reassign_to != NULL)
        append(sql->out, "REASSIGN OWNED BY %i TO %i;\n", role, sql->settings->leavers.reassign_to);
    append(sql->out, "DROP OWNED BY %i;\nDROP ROLE %i;\n", role, role);
}

enum together {
    ALONE,    /* a statement each */
    TOGETHER, /* alike ones make one statement */
    APART,    /* before 16 ALONE; then a statement each, and one of all */
};

static const struct {
    void (*write)(const struct sql *sql, size_t from, size_t n);
    enum together together;
} rows[CHANGE_KINDS] = {
    [CHANGE_LOCK] = {write_login, ALONE},     [CHANGE_REVOKE] = {write_revoke, TOGETHER},
    [CHANGE_CREATE] = {write_create, APART},  [CHANGE_ADOPT] = {write_adopt, TOGETHER},
    [CHANGE_LOGIN] = {write_login, ALONE},    [CHANGE_LIMIT] = {write_limit, ALONE},
    [CHANGE_UNTIL] = {write_until, ALONE},    [CHANGE_SET] = {write_set, ALONE},
    [CHANGE_RESET] = {write_reset, ALONE},    [CHANGE_COMMENT] = {write_comment, ALONE},
    [CHANGE_GRANT] = {write_grant, TOGETHER}, [CHANGE_TERMINATE] = {write_terminate, TOGETHER},
    [CHANGE_DROP] = {write_drop, ALONE},
};

static bool alike(const struct change *a, const struct change *b)
{
    return a->kind == b->kind && g_strcmp0(a->object, b->object) == 0 &&
           g_strcmp0(a->grantor, b->grantor) == 0 && a->admin == b->admin &&
           a->inherit == b->inherit && a->set == b->set && a->cascade == b->cascade;
}

struct plan_piece plan_sql(const struct plan *plan, size_t from,
                           const struct settings_sync *settings, int version, GString *out)
{
    const struct sql sql = {plan, settings, version, out};
    const struct change *first = change_at(&sql, from);
    enum together together = rows[first->kind].together;
    struct plan_piece piece = {.n = 1, .apart = together == APART && has_options(&sql)};
    bool many = together == TOGETHER || piece.apart;

    while (many && piece.n < PLAN_GRANT_MOST && from + piece.n < plan->changes->len &&
           alike(first, change_at(&sql, from + piece.n)))
        piece.n++;
    rows[first->kind].write(&sql, from, piece.n);
    return piece;
}

void plan_print_sql(const struct plan *plan, const struct settings_sync *settings, int version,
                    GString *out)
{
    bool open = false;

    if (plan->changes->len == 0)
        return;
    append(out, "\\set ON_ERROR_STOP on\n"
                "SET client_encoding = 'UTF8';\n"
                "SET standard_conforming_strings = on;\n");
    for (size_t i = 0; i < plan->changes->len;) {
        bool inside = g_array_index(plan->changes, struct change, i).kind < CHANGE_TERMINATE;

        if (inside != open)
            append(out, inside ? "BEGIN;\n" : "COMMIT;\n");
        open = inside;
        i += plan_sql(plan, i, settings, version, out).n;
    }
    if (open)
        append(out, "COMMIT;\n");
}
