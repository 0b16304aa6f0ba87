/*
 * bouncer_client - logins through PgBouncer: many at once, or one that listens for stalls.
 *
 *   bouncer_client PORT DATABASE login IN_FLIGHT
 *   bouncer_client PORT DATABASE ping
 *
 * Both read lines "USER SECRET" from standard input and connect to 127.0.0.1 over TLS.
 *
 * login   one session a line until the input ends, at most IN_FLIGHT of them in mid-login at a time;
 *         all stay open to the end.  Prints "ADMITTED REFUSED SLOWEST_LOGIN_MS".
 * ping    one session for the first line; prints "ready", then asks SELECT 1 every PAUSE_MS until the
 *         input ends.  Prints "QUERIES LONGEST_MS".
 */
#include "config.h"

#include <libpq-fe.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/number.h"
#include "common/secret.h"

#define LOGINS   1000
#define PAUSE_MS 4
#define LINE     700

struct attempt {
    PGconn *conn;
    PostgresPollingStatusType state;
    int64_t began_ms;
};

static const char *port, *database;

static PGconn *start(char *line)
{
    char *secret = strchr(line, ' ');

    if (secret == NULL) {
        fputs("bouncer_client: a line is no \"USER SECRET\"\n", stderr);
        exit(64);
    }
    *secret++ = '\0';
    secret[strcspn(secret, "\n")] = '\0';
    const char *const names[] = {"host",    "port",       "dbname",          "user", "password",
                                 "sslmode", "gssencmode", "connect_timeout", NULL};
    const char *const values[] = {"127.0.0.1", port,      database, line, secret,
                                  "require",   "disable", "60",     NULL};
    PGconn *conn = PQconnectStartParams(names, values, 0);

    secret_wipe(secret, strlen(secret));
    if (conn == NULL || PQstatus(conn) == CONNECTION_BAD) {
        fprintf(stderr, "bouncer_client: %s", conn == NULL ? "no memory\n" : PQerrorMessage(conn));
        exit(2);
    }
    return conn;
}

static bool under_way(const struct attempt *attempt)
{
    return attempt->state == PGRES_POLLING_READING || attempt->state == PGRES_POLLING_WRITING;
}

/* One look at everything in mid-login; returns how many still are. */
static size_t advance(struct attempt *all, size_t n, int64_t *slowest_ms)
{
    static struct pollfd fds[LOGINS];
    static size_t whose[LOGINS];
    size_t waiting = 0, left = 0;

    for (size_t i = 0; i < n; i++) {
        if (under_way(&all[i])) {
            fds[waiting].fd = PQsocket(all[i].conn);
            fds[waiting].events = all[i].state == PGRES_POLLING_READING ? POLLIN : POLLOUT;
            whose[waiting++] = i;
        }
    }
    if (poll(fds, waiting, -1) < 0) {
        perror("poll");
        exit(2);
    }
    for (size_t i = 0; i < waiting; i++) {
        struct attempt *attempt = &all[whose[i]];

        if (fds[i].revents != 0) {
            attempt->state = PQconnectPoll(attempt->conn);
        }
        if (under_way(attempt)) {
            left++;
        } else if (clock_mono_ms() - attempt->began_ms > *slowest_ms) {
            *slowest_ms = clock_mono_ms() - attempt->began_ms;
        }
    }
    return left;
}

static int logins(size_t in_flight)
{
    static struct attempt all[LOGINS];
    char line[LINE];
    size_t n = 0, busy = 0, admitted = 0;
    int64_t slowest_ms = 0;
    bool more = true;

    while (more || busy > 0) {
        while (more && busy < in_flight && n < LOGINS) {
            more = fgets(line, sizeof line, stdin) != NULL;
            if (more) {
                all[n].began_ms = clock_mono_ms();
                all[n].conn = start(line);
                all[n++].state = PGRES_POLLING_WRITING;
                busy++;
            }
        }
        more = more && n < LOGINS;
        busy = advance(all, n, &slowest_ms);
    }
    for (size_t i = 0; i < n; i++) {
        if (all[i].state == PGRES_POLLING_OK) {
            admitted++;
        } else {
            fprintf(stderr, "%s: %s", PQuser(all[i].conn), PQerrorMessage(all[i].conn));
        }
    }
    for (size_t i = 0; i < n; i++) {
        PQfinish(all[i].conn);
    }
    printf("%zu %zu %lld\n", admitted, n - admitted, (long long)slowest_ms);
    return 0;
}

static int ping(void)
{
    static struct attempt one;
    char line[LINE];
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    int64_t longest_ms = 0;
    long queries = 0;

    /* Nothing may linger in stdio's buffer that poll would then not see. */
    setvbuf(stdin, NULL, _IONBF, 0);
    if (fgets(line, sizeof line, stdin) == NULL) {
        return 64;
    }
    one.conn = start(line);
    one.state = PGRES_POLLING_WRITING;
    while (advance(&one, 1, &longest_ms) > 0) {
    }
    longest_ms = 0;
    if (one.state == PGRES_POLLING_OK) {
        puts("ready");
        fflush(stdout);
    }
    while (one.state == PGRES_POLLING_OK && poll(&input, 1, PAUSE_MS) == 0) {
        int64_t began_ms = clock_mono_ms();
        PGresult *result = PQexec(one.conn, "SELECT 1");
        bool right = PQresultStatus(result) == PGRES_TUPLES_OK;

        PQclear(result);
        if (!right) {
            break;
        }
        queries++;
        if (clock_mono_ms() - began_ms > longest_ms) {
            longest_ms = clock_mono_ms() - began_ms;
        }
    }
    bool sound = PQstatus(one.conn) == CONNECTION_OK;

    fputs(PQerrorMessage(one.conn), stderr);
    PQfinish(one.conn);
    printf("%ld %lld\n", queries, (long long)longest_ms);
    return sound ? 0 : 1;
}

int main(int argc, char **argv)
{
    int64_t in_flight;

    if (argc >= 4) {
        port = argv[1];
        database = argv[2];
    }
    if (argc == 4 && strcmp(argv[3], "ping") == 0) {
        return ping();
    }
    if (argc == 5 && strcmp(argv[3], "login") == 0 &&
        number_parse(argv[4], strlen(argv[4]), 1, LOGINS, &in_flight) == NUMBER_OK) {
        return logins((size_t)in_flight);
    }
    fputs("Usage: bouncer_client PORT DATABASE ping | login IN_FLIGHT\n", stderr);
    return 64;
}
