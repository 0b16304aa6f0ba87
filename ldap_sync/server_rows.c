#include "config.h"

#include "ldap_sync/server_rows.h"

#include <string.h>

#include "common/number.h"

/* --- the text format -------------------------------------------------------------------------- */

/* The byte that "\C" stands for; COPY writes no octal or hexadecimal ones. */
static char unescaped(char c)
{
    static const char letters[] = "bfnrtv", bytes[] = "\b\f\n\r\t\v";
    const char *at = strchr(letters, c);

    return at != NULL && c != '\0' ? bytes[at - letters] : c;
}

/* Unescapes up to the next tab or the end of the row, and returns where that is. */
static char *take_field(char *from)
{
    char *to = from;

    while (*from != '\t' && *from != '\n' && *from != '\0') {
        if (*from == '\\' && from[1] != '\0')
            *to++ = unescaped(*++from);
        else
            *to++ = *from;
        from++;
    }
    if (to != from)
        *to = '\0';
    return from;
}

bool rows_split(char *row, char **fields, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        bool is_null = row[0] == '\\' && row[1] == 'N';
        char *end = take_field(row);
        char mark = *end;

        *end = '\0';
        fields[i] = is_null ? NULL : row;
        if ((mark == '\t') != (i + 1 < n))
            return false;
        row = end + 1;
    }
    return true;
}

/* --- fields ----------------------------------------------------------------------------------- */

static bool number(const char *field, int64_t min, int64_t max, int64_t *out)
{
    return field != NULL && number_parse(field, strlen(field), min, max, out) == NUMBER_OK;
}

static bool oid(const char *field, uint32_t *out)
{
    int64_t value = 0;

    if (!number(field, 0, UINT32_MAX, &value))
        return false;
    *out = (uint32_t)value;
    return true;
}

static bool is_true(const char *field)
{
    return field != NULL && field[0] == 't';
}

/* --- rows into the state ---------------------------------------------------------------------- */

/* What by_oid keeps of a role: its place, and whether it inherits. */
static gpointer pack(size_t place, bool inherits)
{
    return GSIZE_TO_POINTER((place + 1) << 1 | inherits);
}

/* NULL: none that was read.  inherits may be NULL. */
static struct actual_role *role_of(const struct rows *rows, const struct actual *actual,
                                   uint32_t role, bool *inherits)
{
    gsize packed = GPOINTER_TO_SIZE(g_hash_table_lookup(rows->by_oid, GUINT_TO_POINTER(role)));

    if (packed == 0)
        return NULL;
    if (inherits != NULL)
        *inherits = (packed & 1) != 0;
    return &g_array_index(actual->roles, struct actual_role, (packed >> 1) - 1);
}

enum {
    ROLE_OID,
    ROLE_NAME,
    ROLE_SUPERUSER,
    ROLE_REPLICATION,
    ROLE_BYPASSRLS,
    ROLE_CREATEROLE,
    ROLE_CREATEDB,
    ROLE_LOGIN,
    ROLE_INHERIT,
    ROLE_LIMIT,
    ROLE_UNTIL,
    ROLE_COMMENT,
    ROLE_SESSIONS,
    ROLE_FIELDS
};

/* Below are the roles that initdb makes: the bootstrap superuser and pg_*. */
#define FIRST_NORMAL_OID 16384

static bool take_role(struct rows *rows, char **fields, struct actual *actual)
{
    struct actual_role role = {.limit = -1, .until_s = UNTIL_INFINITY};
    int64_t sessions = 0;
    uint32_t id;

    if (!oid(fields[ROLE_OID], &id) || fields[ROLE_NAME] == NULL ||
        !number(fields[ROLE_LIMIT], INT32_MIN, INT32_MAX, &role.limit))
        return false;
    if (fields[ROLE_UNTIL] != NULL &&
        !number(fields[ROLE_UNTIL], INT64_MIN, INT64_MAX, &role.until_s))
        return false;
    if (fields[ROLE_SESSIONS] != NULL && !number(fields[ROLE_SESSIONS], 0, UINT32_MAX, &sessions))
        return false;
    role.name = g_string_chunk_insert_const(actual->names, fields[ROLE_NAME]);
    role.superuser = is_true(fields[ROLE_SUPERUSER]);
    role.replication = is_true(fields[ROLE_REPLICATION]);
    role.bypassrls = is_true(fields[ROLE_BYPASSRLS]);
    role.createrole = is_true(fields[ROLE_CREATEROLE]);
    role.createdb = is_true(fields[ROLE_CREATEDB]);
    role.login = is_true(fields[ROLE_LOGIN]);
    role.system = id < FIRST_NORMAL_OID || strncmp(role.name, "pg_", 3) == 0;
    if (fields[ROLE_COMMENT] != NULL)
        role.comment = g_string_chunk_insert(actual->names, fields[ROLE_COMMENT]);
    role.sessions = (uint32_t)sessions;
    g_hash_table_insert(rows->by_oid, GUINT_TO_POINTER(id),
                        pack(actual->roles->len, is_true(fields[ROLE_INHERIT])));
    g_array_append_val(actual->roles, role);
    return true;
}

enum { SETTING_ROLE, SETTING_TEXT, SETTING_FIELDS };

static bool take_setting(struct rows *rows, char **fields, struct actual *actual)
{
    struct wanted_setting setting;
    struct actual_role *role;
    uint32_t id;
    char *value;

    if (!oid(fields[SETTING_ROLE], &id) || fields[SETTING_TEXT] == NULL)
        return false;
    value = strchr(fields[SETTING_TEXT], '=');
    if (value == NULL)
        return false;
    role = role_of(rows, actual, id, NULL);
    if (role == NULL)
        return true; /* made between two statements */
    *value++ = '\0';
    setting.name = g_string_chunk_insert_const(actual->names, fields[SETTING_TEXT]);
    setting.value = g_string_chunk_insert_const(actual->names, value);
    if (role->n_settings++ == 0)
        role->setting = actual->settings->len;
    g_array_append_val(actual->settings, setting);
    return true;
}

enum { PAIR_MEMBER, PAIR_ROLE, PAIR_GRANTOR, PAIR_ADMIN, PAIR_INHERIT, PAIR_SET, PAIR_FIELDS };

static bool take_membership(struct rows *rows, char **fields, struct actual *actual)
{
    const char *inherit = fields[PAIR_INHERIT], *set = fields[PAIR_SET];
    struct actual_membership membership = {.admin = is_true(fields[PAIR_ADMIN])};
    struct actual_role *member, *role, *grantor;
    uint32_t member_id, role_id, grantor_id, place;
    bool inherits = false;

    if (!oid(fields[PAIR_MEMBER], &member_id) || !oid(fields[PAIR_ROLE], &role_id) ||
        !oid(fields[PAIR_GRANTOR], &grantor_id))
        return false;
    member = role_of(rows, actual, member_id, &inherits);
    role = role_of(rows, actual, role_id, NULL);
    grantor = role_of(rows, actual, grantor_id, NULL);
    if (member == NULL || role == NULL)
        return true; /* made between two statements */
    membership.role = role->name;
    membership.grantor = grantor == NULL ? NULL : grantor->name;
    membership.inherit = inherit == NULL ? inherits : is_true(inherit);
    membership.set = set == NULL || is_true(set);
    member->n_memberships++;
    place = (uint32_t)(member - (struct actual_role *)(void *)actual->roles->data);
    g_array_append_val(rows->members, place);
    g_array_append_val(actual->memberships, membership);
    return true;
}

/* Each membership goes where its member's are; what lies there goes on, until a ring is closed. */
static void gather(struct actual_membership *memberships, uint32_t *targets, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        while (targets[i] != i) {
            uint32_t to = targets[i];
            struct actual_membership other = memberships[to];

            memberships[to] = memberships[i];
            memberships[i] = other;
            targets[i] = targets[to];
            targets[to] = to;
        }
    }
}

void rows_end(struct rows *rows, struct actual *actual)
{
    struct actual_role *roles = (void *)actual->roles->data;
    uint32_t *places, next = 0;

    if (rows->members == NULL)
        return;
    places = (void *)rows->members->data;
    for (size_t i = 0; i < actual->roles->len; i++) {
        roles[i].membership = next;
        next += roles[i].n_memberships;
    }
    for (size_t i = 0; i < rows->members->len; i++)
        places[i] = roles[places[i]].membership++;
    for (size_t i = 0; i < actual->roles->len; i++)
        roles[i].membership -= roles[i].n_memberships;
    gather((void *)actual->memberships->data, places, rows->members->len);
}

static const struct {
    size_t n;
    bool (*take)(struct rows *rows, char **fields, struct actual *actual);
} sections[ROWS_SECTIONS] = {
    [ROWS_ROLES] = {ROLE_FIELDS, take_role},
    [ROWS_SETTINGS] = {SETTING_FIELDS, take_setting},
    [ROWS_MEMBERSHIPS] = {PAIR_FIELDS, take_membership},
};

bool rows_take(struct rows *rows, enum rows_section section, char *row, struct actual *actual)
{
    char *fields[ROLE_FIELDS]; /* no section has more */

    if (rows->by_oid == NULL) {
        rows->by_oid = g_hash_table_new(g_direct_hash, g_direct_equal);
        rows->members = g_array_new(FALSE, FALSE, sizeof(uint32_t));
    }
    return section < ROWS_SECTIONS && rows_split(row, fields, sections[section].n) &&
           sections[section].take(rows, fields, actual);
}

void rows_clear(struct rows *rows)
{
    if (rows->by_oid != NULL) {
        g_hash_table_unref(rows->by_oid);
        g_array_unref(rows->members);
    }
    *rows = (struct rows){0};
}
