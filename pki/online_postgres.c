/* What is asked of a PostgreSQL server by SQL: roles, settings, a reload, sessions. */
#include "config.h"

#include "pki/online_job.h"
#include "pki/online_text.h"

#include "common/clock.h"
#include "common/pgconn.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define PAUSE_MS  20   /* between two looks */
#define LOOK_MS   500  /* that a look is given before the deadline */
#define TIMEOUT_S 3600 /* the request's own deadline is always sooner */

static const struct pgconn_advice advices[] = {
    {"42501",
     "GRANT pg_monitor, pg_signal_backend and EXECUTE ON FUNCTION pg_reload_conf() TO that role"},
    {"57014", "look what held it up (locks, load)"},
    {"", "look into the server's log"},
};

static const struct pgconn_statement roles = {
    .name = "roles",
    .sql = "SELECT rolname FROM pg_catalog.pg_roles ORDER BY rolname COLLATE \"C\"",
    .task = "read the roles of",
    .types = "",
};

static const struct pgconn_statement settings = {
    .name = "settings",
    .sql = "SELECT name, setting FROM pg_catalog.pg_settings WHERE name IN ('ssl', "
           "'ssl_cert_file', 'ssl_key_file', 'ssl_ca_file', 'ssl_crl_file', 'ssl_crl_dir', "
           "'data_directory', 'listen_addresses', 'port', 'server_version_num')",
    .task = "read the settings of",
    .types = "",
};

static const struct pgconn_statement load_time = {
    .name = "load_time",
    .sql = "SELECT (extract(epoch FROM pg_catalog.pg_conf_load_time()) * 1000000)::bigint",
    .task = "ask for the last reload of",
    .types = "",
};

static const struct pgconn_statement reload = {
    .name = "reload",
    .sql = "SELECT pg_catalog.pg_reload_conf()",
    .task = "reload",
    .types = "",
};

/* NULL: nothing is wrong, or we may not see it. */
static const struct pgconn_statement file_error = {
    .name = "file_error",
    .sql = "SELECT pg_catalog.format('%s:%s: %s', sourcefile, sourceline, error) FROM "
           "pg_catalog.pg_file_settings WHERE error IS NOT NULL ORDER BY seqno LIMIT 1",
    .task = "read the faults in the files of",
    .types = "",
};

static const struct pgconn_statement may_see = {
    .name = "may_see",
    .sql = "SELECT pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE')",
    .task = "read our privileges on",
    .types = "",
};

static const struct pgconn_statement sessions = {
    .name = "sessions",
    .sql = "SELECT a.pid::bigint, a.usename, a.datname, a.application_name, "
           "pg_catalog.host(a.client_addr), s.issuer_dn "
           "FROM pg_catalog.pg_stat_activity a JOIN pg_catalog.pg_stat_ssl s USING (pid) "
           "WHERE s.client_serial = $1::numeric AND a.pid <> pg_catalog.pg_backend_pid() "
           "ORDER BY a.backend_start",
    .task = "read the sessions of",
    .types = "t",
};

static const struct pgconn_statement terminate = {
    .name = "terminate",
    .sql = "SELECT pg_catalog.pg_terminate_backend(a.pid) "
           "FROM pg_catalog.pg_stat_activity a JOIN pg_catalog.pg_stat_ssl s USING (pid) "
           "WHERE a.pid = $1 AND s.client_serial = $2::numeric",
    .task = "end a session of",
    .types = "it",
};

/* --- one server --- */

struct server {
    struct online_job *job;
    char *conninfo; /* owned */
    char *where;    /* owned: its host and port, for messages */
    struct pgconn *conn;
};

static const char *value_of(const PQconninfoOption *options, const char *keyword)
{
    for (; options != NULL && options->keyword != NULL; options++) {
        if (strcmp(options->keyword, keyword) == 0 && options->val != NULL)
            return options->val;
    }
    return NULL;
}

static char *describe(const char *conninfo)
{
    PQconninfoOption *options = conninfo != NULL ? PQconninfoParse(conninfo, NULL) : NULL;
    const char *host = value_of(options, "host"), *port = value_of(options, "port");
    char *text = g_strdup_printf("%s%s%s", host != NULL ? host : "(default)",
                                 port != NULL ? " port " : "", port != NULL ? port : "");

    PQconninfoFree(options);
    return text;
}

static bool server_open(struct server *server, struct online_job *job)
{
    struct pgconn_target target = {
        .conninfo_key = "ca.postgres (or --postgres)",
        .section = "request",
        .example = "host=db1.example.com dbname=postgres user=pgsignet_ca sslmode=verify-full",
        .program = "pgsignet-ca",
        .timeout = TIMEOUT_S,
        .advice = advices,
    };

    *server = (struct server){.job = job, .conninfo = online_job_text(job, "conninfo")};
    server->where = describe(server->conninfo);
    target.conninfo = server->conninfo;
    server->conn = pgconn_new(&target);
    if (server->conn == NULL)
        online_job_fail(job, "memory is short");
    return server->conn != NULL;
}

static void server_close(struct server *server)
{
    pgconn_free(server->conn);
    g_free(server->where);
    g_free(server->conninfo);
}

/* One statement; NULL after job->why. */
static PGresult *run(struct server *server, const struct pgconn_call *call)
{
    PGresult *rows = NULL;

    switch (pgconn_run(server->conn, PGCONN_ANEW, call, 1, server->job->deadline_ms, &rows)) {
    case PGCONN_ROWS:
        return rows;
    case PGCONN_DEADLINE:
        online_job_fail(server->job,
                        "cannot %s PostgreSQL at %s: no answer within %d s; check that the server "
                        "runs, what holds it up, and the network",
                        call->statement->task, server->where, (int)server->job->timeout_s);
        break;
    case PGCONN_REFUSED:
    case PGCONN_UNAVAILABLE:
        online_fail_as_said(server->job, pgconn_error(server->conn));
        break;
    }
    return NULL;
}

static PGresult *ask(struct server *server, const struct pgconn_statement *statement)
{
    const struct pgconn_call call = {.statement = statement};

    return run(server, &call);
}

/* --- roles --- */

json_t *online_answer_roles(struct online_job *job)
{
    struct server server;
    PGresult *rows = server_open(&server, job) ? ask(&server, &roles) : NULL;
    json_t *answer = NULL, *names;

    if (rows != NULL) {
        names = json_array();
        for (int i = 0; i < PQntuples(rows); i++)
            json_array_append_new(names, online_text(pgconn_bytes(rows, i, 0)));
        answer = json_pack("{s:o}", "roles", names);
    }
    PQclear(rows);
    server_close(&server);
    return answer;
}

/* --- settings --- */

static const char *const files[] = {"ssl_cert_file", "ssl_key_file", "ssl_ca_file", "ssl_crl_file",
                                    "ssl_crl_dir"};

static char *setting(const PGresult *rows, const char *name)
{
    for (int i = 0; i < PQntuples(rows); i++) {
        if (bytes_equal(pgconn_bytes(rows, i, 0), bytes_str(name))) {
            struct bytes value = pgconn_bytes(rows, i, 1);
            return value.len > 0 ? g_strndup((const char *)value.ptr, value.len) : g_strdup("");
        }
    }
    return g_strdup(""); /* ssl_crl_dir before 14; data_directory for those who may not know it */
}

/* Where a probe finds this server: where we did, or where it says that it listens. */
static char *probe_host(const struct server *server, const char *listens)
{
    const char *here = pgconn_address(server->conn);
    char **parts, *host = NULL;

    if (here[0] != '\0')
        return g_strdup(here);
    parts = g_strsplit_set(listens, ", ", -1);
    for (size_t i = 0; parts[i] != NULL && host == NULL; i++) {
        if (strcmp(parts[i], "*") == 0 || strcmp(parts[i], "0.0.0.0") == 0 ||
            strcmp(parts[i], "localhost") == 0)
            host = g_strdup("127.0.0.1");
        else if (strcmp(parts[i], "::") == 0)
            host = g_strdup("::1");
        else if (parts[i][0] != '\0')
            host = g_strdup(parts[i]);
    }
    g_strfreev(parts);
    return host != NULL ? host : g_strdup("");
}

/* One can bind to addresses of one's own alone. */
static bool is_local(const char *address)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_DGRAM, .ai_flags = AI_NUMERICHOST};
    struct addrinfo *at = NULL;
    int fd = -1;
    bool local = false;

    if (address[0] == '\0')
        return true; /* a Unix socket */
    if (getaddrinfo(address, NULL, &hints, &at) == 0 &&
        (fd = socket(at->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0)) >= 0)
        local = bind(fd, at->ai_addr, at->ai_addrlen) == 0;
    if (fd >= 0)
        close(fd);
    if (at != NULL)
        freeaddrinfo(at);
    return local;
}

static bool put_files(struct online_job *job, json_t *answer, const PGresult *rows)
{
    char *folder = setting(rows, "data_directory");
    bool known = true;

    json_object_set_new(answer, "data_directory", online_text_string(folder));
    for (size_t i = 0; i < G_N_ELEMENTS(files); i++) {
        char *path = setting(rows, files[i]);
        if (path[0] != '\0' && path[0] != '/') {
            char *whole = g_build_filename(folder, path, NULL);
            known = known && folder[0] != '\0';
            g_free(path);
            path = whole;
        }
        json_object_set_new(answer, files[i], online_text_string(path));
        g_free(path);
    }
    g_free(folder);
    if (!known)
        online_job_fail(job,
                        "cannot tell where the server's files are: data_directory is shown to "
                        "members of pg_read_all_settings alone; GRANT pg_monitor TO that role");
    return known;
}

json_t *online_answer_server(struct online_job *job)
{
    struct server server;
    PGresult *rows = server_open(&server, job) ? ask(&server, &settings) : NULL;
    json_t *answer = NULL;

    if (rows != NULL) {
        char *ssl = setting(rows, "ssl"), *port = setting(rows, "port");
        char *version = setting(rows, "server_version_num");
        char *listens = setting(rows, "listen_addresses"), *host = probe_host(&server, listens);
        int64_t own = strtol(port, NULL, 10), there = pgconn_port(server.conn);
        answer = json_pack("{s:b,s:b,s:I,s:I,s:o}", "ssl", strcmp(ssl, "on") == 0, "local",
                           is_local(pgconn_address(server.conn)), "version",
                           (json_int_t)strtol(version, NULL, 10), "port",
                           (json_int_t)(pgconn_address(server.conn)[0] != '\0' ? there : own),
                           "host", online_text_string(host));
        if (!put_files(job, answer, rows)) {
            json_decref(answer);
            answer = NULL;
        }
        g_free(ssl);
        g_free(port);
        g_free(version);
        g_free(listens);
        g_free(host);
    }
    PQclear(rows);
    server_close(&server);
    return answer;
}

/* --- reload --- */

static bool read_load_time(struct server *server, int64_t *us)
{
    PGresult *rows = ask(server, &load_time);
    bool good = rows != NULL && pgconn_number(rows, 0, 0, us);

    if (rows != NULL && !good)
        online_job_fail(server->job, "pg_conf_load_time() is no time");
    PQclear(rows);
    return good;
}

static json_t *not_reloaded(struct server *server)
{
    const char *fault = "its files could not be read, or the postmaster is stuck";
    PGresult *rows = NULL;
    const struct pgconn_call call = {.statement = &file_error};

    if (pgconn_run(server->conn, PGCONN_ANEW, &call, 1, clock_mono_ms() + 300, &rows) ==
            PGCONN_ROWS &&
        PQntuples(rows) == 1)
        fault = PQgetvalue(rows, 0, 0); /* text: libpq ends it with a NUL */
    online_job_fail(server->job,
                    "the server was told to reload, but pg_conf_load_time() has not moved within "
                    "%d s: %s; look into the server's log, then reload it again",
                    (int)server->job->timeout_s, fault);
    PQclear(rows);
    return NULL;
}

/*
 * A session learns of a reload before the postmaster has taken the new certificates.  One that is made after
 * pg_conf_load_time() moved was forked by a postmaster that is through: it answers nobody in between.
 */
static json_t *reload_and_wait(struct server *server)
{
    bool told = false;
    int64_t before, now;
    PGresult *rows = NULL;

    if (!read_load_time(server, &before) || (rows = ask(server, &reload)) == NULL)
        return NULL;
    bool sound = pgconn_bool(rows, 0, 0, &told) && told;
    PQclear(rows);
    if (!sound)
        return online_job_fail(server->job, "pg_reload_conf() could not signal the postmaster; "
                                            "look into the server's log");
    do {
        pgconn_drop(server->conn);
        if (!read_load_time(server, &now))
            return NULL;
        if (now != before)
            return json_object();
    } while (server->job->deadline_ms - clock_mono_ms() > 1500 &&
             online_job_pause(server->job, PAUSE_MS));
    return not_reloaded(server);
}

json_t *online_answer_reload(struct online_job *job)
{
    struct server server;
    json_t *answer = server_open(&server, job) ? reload_and_wait(&server) : NULL;

    server_close(&server);
    return answer;
}

/* --- sessions --- */

struct search {
    struct server *server;
    char *serial, *dn; /* owned */
    bool terminate;
    json_t *found;    /* owned: all that were ever seen */
    GHashTable *seen; /* owned: their pids */
};

static bool may_see_sessions(struct server *server)
{
    PGresult *rows = ask(server, &may_see);
    bool may = false;

    if (rows == NULL)
        return false;
    if (!pgconn_bool(rows, 0, 0, &may) || !may)
        online_job_fail(server->job, "cannot see the sessions of other roles: that is for members "
                                     "of pg_read_all_stats; GRANT pg_monitor TO that role");
    PQclear(rows);
    return may;
}

static void note_session(struct search *search, const PGresult *rows, int row, int64_t pid)
{
    gint64 *key = g_new(gint64, 1);

    *key = pid;
    if (!g_hash_table_add(search->seen, key))
        return;
    json_array_append_new(search->found,
                          json_pack("{s:I,s:o,s:o,s:o,s:o}", "pid", (json_int_t)pid, "user",
                                    online_text(pgconn_bytes(rows, row, 1)), "database",
                                    online_text(pgconn_bytes(rows, row, 2)), "application",
                                    online_text(pgconn_bytes(rows, row, 3)), "address",
                                    online_text(pgconn_bytes(rows, row, 4))));
}

static bool end_session(struct search *search, int64_t pid)
{
    const struct pgconn_call call = {
        .statement = &terminate,
        .params = {{.number = pid}, {.bytes = bytes_str(search->serial)}},
    };
    PGresult *rows = run(search->server, &call);

    PQclear(rows);
    return rows != NULL;
}

/* One look, which ends what it finds; *left says how many.  False after job->why. */
static bool look(struct search *search, size_t *left)
{
    const struct pgconn_call call = {.statement = &sessions,
                                     .params = {{.bytes = bytes_str(search->serial)}}};
    PGresult *rows = run(search->server, &call);
    bool good = rows != NULL;

    *left = 0;
    for (int i = 0; rows != NULL && i < PQntuples(rows); i++) {
        int64_t pid;
        if (!pgconn_number(rows, i, 0, &pid) ||
            !online_dn_matches(search->dn, pgconn_bytes(rows, i, 5)))
            continue;
        *left += 1;
        note_session(search, rows, i, pid);
        /* One that may not be ended does not spare the others. */
        if (search->terminate && !end_session(search, pid))
            good = false;
    }
    PQclear(rows);
    return good;
}

static json_t *search_sessions(struct search *search)
{
    struct online_job *job = search->server->job;
    size_t left = 0;

    if (!may_see_sessions(search->server))
        return NULL;
    do {
        if (!look(search, &left))
            return NULL;
        if (!search->terminate || left == 0)
            return json_pack("{s:O}", "sessions", search->found);
    } while (job->deadline_ms - clock_mono_ms() > LOOK_MS && online_job_pause(job, PAUSE_MS));
    return online_job_fail(job,
                           "%zu sessions were told to end and go on after %d s; look for them "
                           "in pg_stat_activity, and end them there",
                           left, (int)job->timeout_s);
}

json_t *online_answer_sessions(struct online_job *job)
{
    GByteArray *issuer = online_text_get_binary(json_object_get(job->request, "issuer"));
    struct server server;
    struct search search = {
        .server = &server,
        .serial = online_job_text(job, "serial"),
        .dn = issuer != NULL ? online_dn(bytes_of(issuer->data, issuer->len)) : NULL,
        .terminate = json_is_true(json_object_get(job->request, "terminate")),
        .found = json_array(),
        .seen = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL),
    };
    json_t *answer = NULL;
    bool opened = server_open(&server, job);

    if (search.serial == NULL || search.dn == NULL)
        online_job_fail(job, "the request names no serial and no issuer");
    else if (opened)
        answer = search_sessions(&search);
    server_close(&server);
    g_hash_table_unref(search.seen);
    json_decref(search.found);
    g_free(search.serial);
    g_free(search.dn);
    if (issuer != NULL)
        g_byte_array_unref(issuer);
    return answer;
}
