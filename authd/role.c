#include "config.h"

#include "authd/role.h"

#include <stdlib.h>

#include "common/number.h"
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
    .task = "read a role's state",
    .n_params = 1,
};

static const struct pgconn_statement state_and_verifier = {
    .name = "pgsignet_login",
    .sql = "SELECT can_login, superuser, valid_until_s, verifier FROM pgsignet.role_for_login($1)",
    .task = "read a role's verifier",
    .n_params = 1,
};

/* Errors by which the server says that no role can bear this name: it is not text in its encoding. */
static const char *const not_a_name[] = {
    "22021", /* character_not_in_repertoire: invalid byte sequence */
    "22P05", /* untranslatable_character */
};

struct role_source *role_source_new(const struct settings_postgres *settings, struct outage *outage)
{
    struct role_source *source = calloc(1, sizeof *source);

    if (source == NULL)
        return NULL;
    source->conn = pgconn_new(settings, outage);
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

static struct bytes field(const PGresult *rows, enum column column)
{
    return bytes_of(PQgetvalue(rows, 0, (int)column), (size_t)PQgetlength(rows, 0, (int)column));
}

static bool parse_bool(struct bytes text, bool *out)
{
    *out = bytes_equal(text, bytes_str("t"));
    return *out || bytes_equal(text, bytes_str("f"));
}

/* One row into *role.  False when it is not what pgsignet.sql's functions return. */
static bool parse_row(const PGresult *rows, bool with_verifier, struct role *role)
{
    if (PQntuples(rows) != 1 || PQnfields(rows) != (with_verifier ? VERIFIER + 1 : VERIFIER))
        return false;
    if (!parse_bool(field(rows, CAN_LOGIN), &role->can_login) ||
        !parse_bool(field(rows, SUPERUSER), &role->superuser))
        return false;

    role->has_valid_until = PQgetisnull(rows, 0, VALID_UNTIL) == 0;
    struct bytes until = field(rows, VALID_UNTIL);
    if (role->has_valid_until && number_parse((const char *)until.ptr, until.len, INT64_MIN,
                                              INT64_MAX, &role->valid_until_s) != NUMBER_OK)
        return false;

    if (with_verifier) {
        struct bytes verifier = field(rows, VERIFIER);
        /* One that is too long to be SCRAM's is as good as none. */
        if (verifier.len < sizeof role->verifier)
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
    PGresult *rows = NULL;

    *role = (struct role){.exists = false};
    if (name.len == 0 || name.len > NAME_MAX_BYTES || memchr(name.ptr, 0, name.len) != NULL)
        return REASON_GRANTED; /* no role bears it, and the server cannot be asked for it */

    switch (pgconn_read(source->conn, statement, &name, deadline_ms, &rows)) {
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
