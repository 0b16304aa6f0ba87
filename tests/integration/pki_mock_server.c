/*
 * pki_mock_server.c - a MOCK of a PostgreSQL port that misbehaves, for tests/integration/pki_online.sh alone.
 *
 *   pki_mock_server HOW     prints the port (127.0.0.1) that it listens on, then serves one client after another
 *
 * HOW: silent (never a word), closes (at once), half (S, then closes), tls-half (S, then a third of a TLS record),
 * garbage (S, then bytes that are no TLS, without an end), http (the answer of a web server), no (N, then closes),
 * notices (admits the client, then says NOTICE without an end), rows (admits it, then answers every statement with
 * rows without an end).
 */
#include "config.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char *how;

static bool is(const char *word)
{
    return strcmp(how, word) == 0;
}

static bool say(int fd, const void *text, size_t len)
{
    return write(fd, text, len) == (ssize_t)len;
}

static bool hear(int fd)
{
    char text[4096];

    return read(fd, text, sizeof text) > 0;
}

static void flood(int fd, const void *text, size_t len)
{
    while (say(fd, text, len))
        ;
}

/* N to SSLRequest, then AuthenticationOk and ReadyForQuery (PostgreSQL's manual, 55.7). */
static bool admit(int fd)
{
    static const char ok[] = {'R', 0, 0, 0, 8, 0, 0, 0, 0, 'Z', 0, 0, 0, 5, 'I'};

    return say(fd, "N", 1) && hear(fd) && say(fd, ok, sizeof ok);
}

static void serve(int fd)
{
    static const char notice[] = "N\0\0\0\x1cSWARNING\0C01000\0Mflood\0";
    static const char row[] = "D\0\0\0\x0e\0\1\0\0\0\4aaaa";
    static const char parsed[] = {'1', 0, 0, 0, 4, '2', 0, 0, 0, 4};
    static const char fields[] =
        "T\0\0\0\x1a\0\1n\0\0\0\0\0\0\0\0\0\0\x19\xff\xff\xff\xff\xff\xff\0\1";

    if (is("closes"))
        return;
    if (is("silent")) {
        while (hear(fd))
            ;
        return;
    }
    if (!hear(fd))
        return;
    if (is("half"))
        say(fd, "S", 1);
    else if (is("no"))
        say(fd, "N", 1);
    else if (is("http"))
        say(fd, "HTTP/1.1 400 Bad Request\r\n\r\n", 28);
    else if (is("tls-half")) {
        say(fd, "S", 1);
        hear(fd);
        say(fd, "\x16\x03\x03\x00\x7a\x02\x00\x00\x76\x03\x03", 11);
        while (hear(fd))
            ;
    } else if (is("garbage")) {
        say(fd, "S", 1);
        flood(fd, "no handshake at all", 19);
    } else if (is("notices")) {
        if (admit(fd))
            flood(fd, notice, 29);
    } else if (is("rows")) {
        if (admit(fd) && hear(fd) && say(fd, parsed, sizeof parsed) && say(fd, fields, 27))
            flood(fd, row, 15);
    }
}

int main(int argc, char **argv)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t len = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);

    signal(SIGPIPE, SIG_IGN);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (argc != 2 || listener < 0 ||
        bind(listener, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(listener, 16) != 0 || getsockname(listener, (struct sockaddr *)&address, &len) != 0)
        return EXIT_FAILURE;
    how = argv[1];
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        if (fd < 0)
            return EXIT_FAILURE;
        serve(fd);
        close(fd);
    }
}
