/*
 * login_client - logins into PostgreSQL: connect over TLS, authenticate, disconnect.  tests/bench/login
 * starts it for each sample.
 */
#include "config.h"

#include "tests/bench/runner.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>

struct client {
    const char *port, *database, *ca;
    bool complained; /* one message a process tells enough */
};

static bool attempt(void *context, const char *user, const char *secret, int64_t *ns)
{
    struct client *client = context;
    const char *const names[] = {"host",
                                 "port",
                                 "dbname",
                                 "user",
                                 "password",
                                 "sslmode",
                                 "sslrootcert",
                                 "gssencmode",
                                 "application_name",
                                 "connect_timeout",
                                 NULL};
    const char *const values[] = {"127.0.0.1",   client->port, client->database, user,    secret,
                                  "verify-full", client->ca,   "disable",        "bench", "30",
                                  NULL};
    int64_t began = runner_now_ns();
    PGconn *conn = PQconnectdbParams(names, values, 0);
    bool admitted = PQstatus(conn) == CONNECTION_OK;

    if (!admitted && !client->complained) {
        fprintf(stderr, "login_client: %s", PQerrorMessage(conn));
        client->complained = true;
    }
    PQfinish(conn);
    *ns = runner_now_ns() - began;
    return admitted;
}

int main(int argc, char **argv)
{
    struct client client = {0};
    const struct runner_driver driver = {
        .usage = "login_client --port PORT --database NAME --ca FILE",
        .options = {{"port", &client.port, false},
                    {"database", &client.database, false},
                    {"ca", &client.ca, false}},
        .attempt = attempt,
        .context = &client,
    };

    /* The files that libpq looks for at home are not part of this. */
    setenv("HOME", "/nonexistent", 1);
    return runner_main(&driver, argc, argv);
}
