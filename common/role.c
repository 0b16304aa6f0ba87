#include "config.h"

#include "common/role.h"

#include <stdlib.h>

#include "common/pgconn.h"
#include "common/secret.h"

#define NAME_MAX_BYTES 63 /* NAMEDATALEN - 1: the server would cut what is longer */

struct role_source {
    struct pgconn *conn;
};

enum column { CAN_LOGIN, SUPERUSER, VALID_UNTIL, VERIFIER };

static const struct pgconn_statement state_alone = {
    .name = "pgsignet_state",
    .sql = "SELECT can_login, superuser, valid_until_s FROM pgsignet.role_state($1)",
    .task = "read a role's state from",
    .types = "t",
};

static const struct pgconn_statement state_and_verifier = {
    .name = "pgsignet_login",
    .sql = "SELECT can_login, superuser, valid_until_s, verifier FROM pgsignet.role_for_login($1)",
    .task = "read a role's verifier from",
    .types = "t",
};

static const struct pgconn_statement login_roles = {
    .name = "pgsignet_logins",
    .sql = "SELECT rolname, rolsuper FROM pg_catalog.pg_roles WHERE rolcanlogin "
           "AND rolname <> current_user "
           "ORDER BY rolname COLLATE \"C\"",
    .task = "read the roles that may log in from",
    .types = "",
};

/* Errors by which the server says that no role can bear this name: it is not text in its encoding. */
static const char *const not_a_name[] = {
    "22021", /* character_not_in_repertoire: invalid byte sequence */
    "22P05", /* untranslatable_character */
};

static const struct pgconn_advice advices[] = {
    {"42883", "install " PKGDATADIR "/pgsignet.sql in this database as a superuser"         },
    {"3F000", "install " PKGDATADIR "/pgsignet.sql in this database as a superuser"         },
    {"42501",
     "let postgres.conninfo name the role pgsignet, which " PKGDATADIR "/pgsignet.sql makes"},
    {"57014", "look what held it up (locks on pg_authid, load)"                             },
    {"",      "look into the server's log"                                                  },
};

struct role_source *role_source_new(const struct settings_postgres *settings, struct outage *outage)
{
    const struct pgconn_target target = {
        .conninfo = settings->conninfo,
        .conninfo_key = "postgres.conninfo",
        .section = "postgres",
        .example = "host=/run/postgresql dbname=postgres user=pgsignet",
        .program = "pgsignetd",
        .timeout = settings->timeout,
        .retry_after = settings->retry_after,
        .outage = outage,
        .outage_slot = OUTAGE_POSTGRES,
        .advice = advices,
    };
    struct role_source *source = calloc(1, sizeof *source);

    if (source == NULL)
        return NULL;
    source->conn = pgconn_new(&target);
    if (source->conn == NULL) {
        free(source);
        return NULL;
    }
    return source;
}

void role_source_free(struct role_source *source)
{
    if (source == NULL)
        return;
    pgconn_free(source->conn);
    free(source);
}

const char *role_source_error(const struct role_source *source)
{
    return pgconn_error(source->conn);
}

/* One row into *role.  False when it is not what pgsignet.sql's functions return. */
static bool parse_row(const PGresult *rows, bool with_verifier, struct role *role)
{
    if (PQntuples(rows) != 1 || PQnfields(rows) != (with_verifier ? VERIFIER + 1 : VERIFIER))
        return false;
    if (!pgconn_bool(rows, 0, CAN_LOGIN, &role->can_login) ||
        !pgconn_bool(rows, 0, SUPERUSER, &role->superuser))
        return false;

    role->has_valid_until = PQgetisnull(rows, 0, VALID_UNTIL) == 0;
    if (role->has_valid_until && !pgconn_number(rows, 0, VALID_UNTIL, &role->valid_until_s))
        return false;

    if (with_verifier) {
        struct bytes verifier = pgconn_bytes(rows, 0, VERIFIER);
        /* One that is too long to be SCRAM's is as good as none. */
        if (verifier.len > 0 && verifier.len < sizeof role->verifier)
            memcpy(role->verifier, verifier.ptr, verifier.len);
    }
    role->exists = true;
    return true;
}

/* libpq does not wipe what it frees. */
static void wipe_verifiers(PGresult *rows)
{
    for (int i = 0; PQnfields(rows) > VERIFIER && i < PQntuples(rows); i++) {
        if (PQgetisnull(rows, i, VERIFIER) == 0)
            secret_wipe(PQgetvalue(rows, i, VERIFIER), (size_t)PQgetlength(rows, i, VERIFIER));
    }
}

static enum reason take_rows(struct role_source *source, const struct pgconn_statement *statement,
                             PGresult *rows, struct role *role)
{
    bool good = PQntuples(rows) == 0 || parse_row(rows, statement == &state_and_verifier, role);

    wipe_verifiers(rows);
    PQclear(rows);
    if (good)
        return REASON_GRANTED;
    secret_wipe(role, sizeof *role);
    pgconn_set_error(source->conn, statement, "an answer of another form than expected",
                     "install this version's " PKGDATADIR "/pgsignet.sql in this database");
    return REASON_POSTGRES_UNAVAILABLE;
}

static bool is_not_a_name(const char *sqlstate)
{
    for (size_t i = 0; i < sizeof not_a_name / sizeof not_a_name[0]; i++) {
        if (strcmp(sqlstate, not_a_name[i]) == 0)
            return true;
    }
    return false;
}

enum reason role_read(struct role_source *source, struct bytes name, bool with_verifier,
                      int64_t deadline_ms, struct role *role)
{
    const struct pgconn_statement *statement = with_verifier ? &state_and_verifier : &state_alone;
    const struct pgconn_call call = {.statement = statement, .params = {{.bytes = name}}};
    PGresult *rows = NULL;

    *role = (struct role){.exists = false};
    if (name.len == 0 || name.len > NAME_MAX_BYTES || memchr(name.ptr, 0, name.len) != NULL)
        return REASON_GRANTED; /* no role bears it, and the server cannot be asked for it */

    switch (pgconn_run(source->conn, PGCONN_ANEW, &call, 1, deadline_ms, &rows)) {
    case PGCONN_ROWS:
        return take_rows(source, statement, rows, role);
    case PGCONN_REFUSED:
        return is_not_a_name(pgconn_sqlstate(source->conn)) ? REASON_GRANTED
                                                            : REASON_POSTGRES_UNAVAILABLE;
    case PGCONN_DEADLINE:
        return REASON_DEADLINE;
    case PGCONN_UNAVAILABLE:
        break;
    }
    return REASON_POSTGRES_UNAVAILABLE;
}

enum reason role_each_login(struct role_source *source, int64_t deadline_ms, role_visit *visit,
                            void *context)
{
    const struct pgconn_call call = {.statement = &login_roles};
    PGresult *rows = NULL;

    switch (pgconn_run(source->conn, PGCONN_ANEW, &call, 1, deadline_ms, &rows)) {
    case PGCONN_ROWS:
        break;
    case PGCONN_DEADLINE:
        return REASON_DEADLINE;
    case PGCONN_REFUSED:
    case PGCONN_UNAVAILABLE:
        return REASON_POSTGRES_UNAVAILABLE;
    }
    for (int i = 0; i < PQntuples(rows); i++) {
        bool superuser = false;
        /* what is not a boolean is not ours to guess; the name is shown all the same */
        (void)pgconn_bool(rows, i, 1, &superuser);
        visit(context, pgconn_bytes(rows, i, 0), superuser);
    }
    PQclear(rows);
    return REASON_GRANTED;
}

enum reason role_judge(const struct role *role, int64_t now_s)
{
    if (!role->exists)
        return REASON_NO_ROLE;
    if (!role->can_login)
        return REASON_ROLE_NOLOGIN;
    /* valid_until_s was cut to whole seconds, so its own second counts as past. */
    if (role->has_valid_until && now_s >= role->valid_until_s)
        return REASON_ROLE_EXPIRED;
    return REASON_GRANTED;
}
