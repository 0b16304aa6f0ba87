/*
 * login_client - logins into PostgreSQL: connect over TLS, authenticate, disconnect.  tests/bench/login
 * starts it for each sample.
 */
#include "config.h"

#include "tests/bench/runner.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static _Noreturn void usage(void)
{
    printf("Usage: login_client --port PORT --database NAME --ca FILE OPTION...\n\n%s",
           runner_usage);
    exit(64);
}

int main(int argc, char **argv)
{
    struct client client = {0};
    struct runner_plan plan = {
        .user = "postgres",
        .processes = 1,
        .seconds = 1,
        .fixture = fixture_find("none"),
        .where = "",
        .password = "",
        .attempt = attempt,
        .context = &client,
    };
    struct runner_sample sample;

    /* The files that libpq looks for at home are not part of this. */
    setenv("HOME", "/nonexistent", 1);
    for (int i = 1; i < argc; i += 2) {
        const char *name = argv[i] + 2;

        if (strncmp(argv[i], "--", 2) != 0 || i + 1 == argc) {
            usage();
        }
        if (strcmp(name, "port") == 0) {
            client.port = argv[i + 1];
        } else if (strcmp(name, "database") == 0) {
            client.database = argv[i + 1];
        } else if (strcmp(name, "ca") == 0) {
            client.ca = argv[i + 1];
        } else if (!runner_option(&plan, name, argv[i + 1])) {
            usage();
        }
    }
    if (client.port == NULL || client.database == NULL || client.ca == NULL || plan.pool == NULL) {
        usage();
    }
    if (!runner_run(&plan, &sample)) {
        return 1;
    }
    runner_print(&plan, &sample);
    return 0;
}
