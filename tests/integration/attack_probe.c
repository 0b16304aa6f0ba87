/*
 * What an attacker on the database host can send and see, for tests/integration/attack.sh.
 *
 *   attack_probe ask SOCKET OS-USER KIND MS POLICY USER RHOST   one request as that OS user, KIND account
 *        or login (its string comes from standard input), with a deadline MS from now; prints the
 *        verdict, or "none" when the daemon answered nothing
 *   attack_probe hold SOCKET OS-USER N MS    opens N connections, sends nothing, keeps them for MS
 *   attack_probe fds SOCKET OS-USER N        N requests with descriptors attached; prints the last verdict
 *   attack_probe memory PID...               reads a string from standard input, prints in how many
 *        places of those processes' writable memory it lies
 */
#include "config.h"

#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <poll.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/wire.h"

#define ANSWER_MS 60000

static void fail(const char *what)
{
    perror(what);
    exit(2);
}

static void become(const char *user)
{
    const struct passwd *pw = getpwnam(user);

    if (pw == NULL || setgroups(0, NULL) != 0 || setgid(pw->pw_gid) != 0 || setuid(pw->pw_uid) != 0)
        fail(user);
}

static int reach(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof address) != 0)
        fail(path);
    return fd;
}

static const char *await_verdict(int fd)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    uint8_t buf[WIRE_MAX];
    struct wire_reply reply;

    if (poll(&wait, 1, ANSWER_MS) != 1)
        return "none";
    ssize_t len = recv(fd, buf, sizeof buf, 0);
    if (len <= 0 || wire_decode_reply(buf, (size_t)len, &reply) != WIRE_OK)
        return "none";
    return verdict_name(reply.verdict);
}

static size_t encode(char **argv, struct bytes secret, uint8_t buf[WIRE_MAX])
{
    struct wire_request request = {
        .kind = strcmp(argv[0], "account") == 0 ? WIRE_ACCOUNT : WIRE_AUTHENTICATE,
        .deadline = (uint64_t)(clock_mono_ms() + strtoll(argv[1], NULL, 10)),
        .policy = bytes_str(argv[2]),
        .service = bytes_str("attack"),
        .user = bytes_str(argv[3]),
        .rhost = bytes_str(argv[4]),
        .secret = secret,
    };

    return wire_encode_request(&request, buf, WIRE_MAX);
}

static int ask(char **argv)
{
    uint8_t buf[WIRE_MAX];
    char typed[WIRE_SECRET_MAX];
    ssize_t n = strcmp(argv[2], "account") == 0 ? 0 : read(STDIN_FILENO, typed, sizeof typed);

    become(argv[1]);
    int fd = reach(argv[0]);
    size_t len = encode(argv + 2, bytes_of(typed, n > 0 ? (size_t)n : 0), buf);
    if (len == 0 || send(fd, buf, len, MSG_NOSIGNAL) != (ssize_t)len)
        fail("send");
    puts(await_verdict(fd));
    return 0;
}

static int hold(char **argv)
{
    long n = strtol(argv[2], NULL, 10);

    become(argv[1]);
    while (n-- > 0)
        reach(argv[0]);
    puts("held");
    fflush(stdout);
    poll(NULL, 0, (int)strtol(argv[3], NULL, 10));
    return 0;
}

static int send_descriptors(char **argv)
{
    char *request[] = {(char[]){"login"}, (char[]){"5000"}, (char[]){""}, (char[]){"nobody-at-all"},
                       (char[]){"192.0.2.99"}};
    union {
        char room[CMSG_SPACE(8 * sizeof(int))];
        struct cmsghdr align;
    } control = {.room = {0}};
    const char *verdict = "none";
    uint8_t buf[WIRE_MAX];
    int fds[8];

    become(argv[1]);
    for (size_t i = 0; i < 8; i++)
        fds[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
    for (long n = strtol(argv[2], NULL, 10); n > 0; n--) {
        int fd = reach(argv[0]);
        struct iovec part = {buf, encode(request, bytes_str("pw123456"), buf)};
        struct msghdr message = {.msg_iov = &part,
                                 .msg_iovlen = 1,
                                 .msg_control = control.room,
                                 .msg_controllen = sizeof control.room};
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof fds);
        memcpy(CMSG_DATA(header), fds, sizeof fds);
        if (sendmsg(fd, &message, MSG_NOSIGNAL) < 0)
            fail("sendmsg");
        verdict = await_verdict(fd);
        close(fd);
    }
    puts(verdict);
    return 0;
}

/* How often what lies in [from, to) of the process. */
static long count_in(int mem, uint64_t from, uint64_t to, struct bytes what)
{
    size_t size = (size_t)(to - from);
    char *copy = malloc(size);
    long found = 0;

    if (copy == NULL)
        fail("malloc");
    ssize_t n = pread(mem, copy, size, (off_t)from);
    for (char *at = copy; n > 0; at++) {
        at = memmem(at, (size_t)(n - (at - copy)), what.ptr, what.len);
        if (at == NULL)
            break;
        found++;
    }
    free(copy);
    return found;
}

static long count_in_process(const char *pid, struct bytes what)
{
    char path[64], line[512], mode[8];
    uint64_t from, to;
    long found = 0;

    snprintf(path, sizeof path, "/proc/%s/mem", pid);
    int mem = open(path, O_RDONLY | O_CLOEXEC);
    snprintf(path, sizeof path, "/proc/%s/maps", pid);
    FILE *maps = fopen(path, "re");
    if (mem < 0 || maps == NULL)
        fail(path);
    while (fgets(line, sizeof line, maps) != NULL)
        if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s", &from, &to, mode) == 3 &&
            strncmp(mode, "rw", 2) == 0)
            found += count_in(mem, from, to, what);
    fclose(maps);
    close(mem);
    return found;
}

int main(int argc, char **argv)
{
    if (argc == 9 && strcmp(argv[1], "ask") == 0)
        return ask(argv + 2);
    if (argc == 6 && strcmp(argv[1], "hold") == 0)
        return hold(argv + 2);
    if (argc == 5 && strcmp(argv[1], "fds") == 0)
        return send_descriptors(argv + 2);
    if (argc >= 3 && strcmp(argv[1], "memory") == 0) {
        char what[256];
        ssize_t n = read(STDIN_FILENO, what, sizeof what);
        long found = 0;
        for (int i = 2; n > 0 && i < argc; i++)
            found += count_in_process(argv[i], bytes_of(what, (size_t)n));
        printf("%ld\n", found);
        return n > 0 ? 0 : 2;
    }
    fputs("see the comment in attack_probe.c\n", stderr);
    return 64;
}
