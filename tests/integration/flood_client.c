/*
 * flood_client - many logins straight through the daemon's socket, without PAM between.
 *
 *   flood_client SOCKET POLICY flood COUNT PROCESSES SEED   random names and addresses, as fast as it goes;
 *                                         prints "DENIED OTHERS SECONDS"
 *   flood_client SOCKET POLICY probe      one login after the other from lines USER TAB ADDRESS TAB SECRET
 *                                         of standard input; prints "GRANTED OTHERS MEDIAN-US P99-US"
 */
#include "config.h"

#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/number.h"
#include "common/wire.h"

#define PROCESSES_MAX 64
#define PROBES_MAX    4096
#define TIMEOUT_MS    20000

static const char *socket_path, *policy;

static void die(const char *what)
{
    perror(what);
    exit(2);
}

static int64_t number(const char *text, int64_t most)
{
    int64_t value;

    if (number_parse(text, strlen(text), 1, most, &value) != NUMBER_OK) {
        fprintf(stderr, "flood_client: not a number up to %lld: %s\n", (long long)most, text);
        exit(64);
    }
    return value;
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

/* VERDICT_UNAVAILABLE also when the daemon hung up. */
static enum verdict log_in(const char *user, const char *address, const char *secret)
{
    struct wire_request request = {
        .kind = WIRE_AUTHENTICATE,
        .deadline = (uint64_t)(clock_mono_ms() + TIMEOUT_MS),
        .user = bytes_str(user),
        .rhost = bytes_str(address),
        .secret = bytes_str(secret),
        .policy = bytes_str(policy),
        .service = bytes_str("flood"),
    };
    struct wire_reply reply;
    uint8_t buf[WIRE_MAX];
    size_t len = wire_encode_request(&request, buf, sizeof buf);
    enum verdict verdict = VERDICT_UNAVAILABLE;
    int fd = connect_daemon();
    struct pollfd wait = {.fd = fd, .events = POLLIN};

    if (len > 0 && send(fd, buf, len, MSG_NOSIGNAL) == (ssize_t)len &&
        poll(&wait, 1, TIMEOUT_MS) == 1) {
        ssize_t got = recv(fd, buf, sizeof buf, 0);
        if (got > 0 && wire_decode_reply(buf, (size_t)got, &reply) == WIRE_OK)
            verdict = reply.verdict;
    }
    close(fd);
    return verdict;
}

/* --- flood --------------------------------------------------------------------------------------- */

/* The same names in every run of a seed (splitmix64). */
static uint64_t chance(uint64_t *state)
{
    uint64_t x = *state += UINT64_C(0x9e3779b97f4a7c15);

    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

/* Returns how many were not denied. */
static int64_t flood_some(int64_t n, uint64_t seed)
{
    int64_t others = 0;

    for (int64_t i = 0; i < n; i++) {
        uint64_t a = chance(&seed), b = chance(&seed);
        char user[32], address[48], secret[16];

        snprintf(user, sizeof user, "u%016llx", (unsigned long long)a);
        if (b & 1)
            snprintf(address, sizeof address, "%u.%u.%u.%u", (unsigned)(b >> 8 & 127) + 1,
                     (unsigned)(b >> 16 & 255), (unsigned)(b >> 24 & 255),
                     (unsigned)(b >> 32 & 255));
        else
            snprintf(address, sizeof address, "2001:%x:%x:%x::%x", (unsigned)(b >> 8 & 0xffff),
                     (unsigned)(b >> 24 & 0xffff), (unsigned)(b >> 40 & 0xffff),
                     (unsigned)(a & 0xffff));
        snprintf(secret, sizeof secret, "%06u", (unsigned)(a >> 32) % 1000000);
        others += log_in(user, address, secret) != VERDICT_DENIED;
    }
    return others;
}

static int flood(int64_t count, int64_t processes, int64_t seed)
{
    int64_t *others = mmap(NULL, PROCESSES_MAX * sizeof *others, PROT_READ | PROT_WRITE,
                           MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int64_t began_ms = clock_mono_ms(), sum = 0;

    if (others == MAP_FAILED)
        die("mmap");
    for (int64_t i = 0; i < processes; i++) {
        pid_t pid = fork();
        if (pid < 0)
            die("fork");
        if (pid == 0) {
            int64_t share = count / processes + (i < count % processes);
            others[i] = share; /* for a child that ends early */
            others[i] = flood_some(share, (uint64_t)(seed * PROCESSES_MAX + i));
            _exit(0);
        }
    }
    for (int64_t i = 0; i < processes; i++)
        if (wait(NULL) < 0)
            die("wait");
    for (int64_t i = 0; i < processes; i++)
        sum += others[i];
    printf("%lld %lld %.1f\n", (long long)(count - sum), (long long)sum,
           (double)(clock_mono_ms() - began_ms) / 1000);
    return 0;
}

/* --- probe --------------------------------------------------------------------------------------- */

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

static int probe(void)
{
    static int64_t took[PROBES_MAX];
    size_t n = 0, granted = 0;
    char line[1024];

    while (n < PROBES_MAX && fgets(line, sizeof line, stdin) != NULL) {
        char *rest = line;
        const char *user = strsep(&rest, "\t"), *address = strsep(&rest, "\t");

        if (rest == NULL)
            return 64;
        rest[strcspn(rest, "\n")] = '\0';
        int64_t began_us = clock_mono_us();
        granted += log_in(user, address, rest) == VERDICT_GRANTED;
        took[n++] = clock_mono_us() - began_us;
    }
    qsort(took, n, sizeof took[0], by_size);
    printf("%zu %zu %lld %lld\n", granted, n - granted, (long long)(n > 0 ? took[n / 2] : 0),
           (long long)(n > 0 ? took[n * 99 / 100] : 0));
    return 0;
}

int main(int argc, char **argv)
{
    if (argc < 4)
        return 64;
    socket_path = argv[1];
    policy = argv[2];
    if (argc == 7 && strcmp(argv[3], "flood") == 0)
        return flood(number(argv[4], 100000000), number(argv[5], PROCESSES_MAX),
                     number(argv[6], 1000000));
    if (argc == 4 && strcmp(argv[3], "probe") == 0)
        return probe();
    return 64;
}
