/*
 * peer_probe - speaks to pgsignetd as the module does, and as nobody should.
 *
 *   peer_probe SOCKET ask USER SECRET POLICY TIMEOUT_MS [COUNT]
 *   peer_probe SOCKET silent N
 *   peer_probe SOCKET leave USER SECRET POLICY TIMEOUT_MS
 *   peer_probe SOCKET junk
 *   peer_probe SOCKET storm USER SECRET POLICY SECONDS
 *
 * ask     prints "VERDICT MILLISECONDS" of the last of COUNT logins; VERDICT is granted, continue,
 *         denied, unavailable, or closed when the daemon hung up without an answer
 * silent  opens N connections, prints "open", and sends nothing until its standard input ends
 * leave   sends a request and is gone at once
 * junk    sends a datagram that is no request, prints as ask does
 * storm   64 processes that ask without a pause, so that the queue is never empty
 */
#include "config.h"

#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/number.h"
#include "common/wire.h"

#define STORM 64

static const char *socket_path;

static void die(const char *what)
{
    perror(what);
    exit(2);
}

static int connect_daemon(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

    if (fd < 0 || strlen(socket_path) >= sizeof address.sun_path)
        die("socket");
    memcpy(address.sun_path, socket_path, strlen(socket_path));
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) != 0)
        die("connect");
    return fd;
}

static int64_t number(const char *text)
{
    int64_t value;

    if (number_parse(text, strlen(text), 0, 1000000, &value) != NUMBER_OK) {
        fprintf(stderr, "peer_probe: not a number: %s\n", text);
        exit(64);
    }
    return value;
}

/* args: USER SECRET POLICY.  False when the daemon hung up first. */
static bool send_request(int fd, char **args, int64_t timeout_ms)
{
    struct wire_request request = {
        .kind = WIRE_AUTHENTICATE,
        .deadline = (uint64_t)(clock_mono_ms() + timeout_ms),
        .user = bytes_str(args[0]),
        .secret = bytes_str(args[1]),
        .policy = bytes_str(args[2]),
        .service = bytes_str("peer_probe"),
        .rhost = bytes_str("127.0.0.9"),
    };
    uint8_t buf[WIRE_MAX];
    size_t len = wire_encode_request(&request, buf, sizeof buf);

    return len > 0 && send(fd, buf, len, MSG_NOSIGNAL) == (ssize_t)len;
}

static const char *read_verdict(int fd, int64_t timeout_ms)
{
    static const char *const names[] = {[VERDICT_GRANTED] = "granted",
                                        [VERDICT_CONTINUE] = "continue",
                                        [VERDICT_DENIED] = "denied",
                                        [VERDICT_UNAVAILABLE] = "unavailable"};
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    struct wire_reply reply;
    uint8_t buf[WIRE_MAX];

    if (poll(&wait, 1, (int)timeout_ms) != 1)
        return "timeout";
    ssize_t len = recv(fd, buf, sizeof buf, 0);
    if (len <= 0)
        return "closed";
    if (wire_decode_reply(buf, (size_t)len, &reply) != WIRE_OK)
        return "garbage";
    return names[reply.verdict];
}

static int ask(int argc, char **argv)
{
    int64_t timeout_ms = number(argv[3]), count = argc > 4 ? number(argv[4]) : 1, start = 0;
    const char *verdict = "";

    for (int64_t i = 0; i < count; i++) {
        start = clock_mono_ms();
        int fd = connect_daemon();
        verdict = send_request(fd, argv, timeout_ms) ? read_verdict(fd, timeout_ms) : "closed";
        close(fd);
    }
    printf("%s %lld\n", verdict, (long long)(clock_mono_ms() - start));
    return 0;
}

static int be_silent(int argc, char **argv)
{
    int64_t n = number(argv[0]);
    char byte;

    (void)argc;
    for (int64_t i = 0; i < n; i++)
        connect_daemon(); /* stays open until the process ends */
    puts("open");
    fflush(stdout);
    while (read(STDIN_FILENO, &byte, 1) > 0)
        continue;
    return 0;
}

static int leave(int argc, char **argv)
{
    int fd = connect_daemon();

    (void)argc;
    if (!send_request(fd, argv, number(argv[3])))
        die("send");
    close(fd);
    return 0;
}

static int send_junk(int argc, char **argv)
{
    static const char junk[] = "GET / HTTP/1.0\r\n\r\n";
    int64_t start = clock_mono_ms();
    int fd = connect_daemon();

    (void)argc;
    (void)argv;
    if (send(fd, junk, sizeof junk, MSG_NOSIGNAL) < 0)
        die("send");
    printf("%s %lld\n", read_verdict(fd, 5000), (long long)(clock_mono_ms() - start));
    return 0;
}

static void ask_until(char **argv, int64_t end_ms)
{
    while (clock_mono_ms() < end_ms) {
        int fd = connect_daemon();
        if (send_request(fd, argv, 5000))
            (void)read_verdict(fd, 5000);
        close(fd);
    }
}

static int storm(int argc, char **argv)
{
    int64_t end_ms = clock_mono_ms() + number(argv[3]) * 1000;

    (void)argc;
    for (int i = 0; i < STORM; i++) {
        pid_t pid = fork();
        if (pid < 0)
            die("fork");
        if (pid == 0) {
            ask_until(argv, end_ms);
            _exit(0);
        }
    }
    while (wait(NULL) > 0)
        continue;
    return 0;
}

static const struct {
    const char *name;
    int args;
    int (*run)(int argc, char **argv);
} commands[] = {
    {"ask",    4, ask      },
    {"silent", 1, be_silent},
    {"leave",  4, leave    },
    {"junk",   0, send_junk},
    {"storm",  4, storm    },
};

int main(int argc, char **argv)
{
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (argc < 3 || strcmp(argv[2], commands[i].name) != 0 || argc - 3 < commands[i].args)
            continue;
        socket_path = argv[1];
        return commands[i].run(argc - 3, argv + 3);
    }
    fputs("usage: peer_probe SOCKET ask|silent|leave|junk|storm ...; see peer_probe.c\n", stderr);
    return 64;
}
