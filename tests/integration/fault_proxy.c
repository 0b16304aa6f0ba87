/*
 * A TCP proxy on loopback that fails in the ways networks and servers do.
 *
 *   fault_proxy TARGET_PORT CONTROL_FILE
 *
 * Prints its own port, then serves until killed.  The first word of CONTROL_FILE is the mode; after
 * writing it send SIGUSR1, and CONTROL_FILE.done holds the same word once it is in force, for old
 * connections as well as new ones:
 *
 *   pass            forwards
 *   refuse          no listener; all connections reset
 *   silent          accepts, forwards nothing
 *   stall-tls       forwards the first 200 bytes to the client, then nothing
 *   stall-starttls  forwards the server's first answer (StartTLS), then nothing
 *   trickle         20 bytes every 20 ms, either way
 *   delay           each answer 300 ms late
 *   reset           RST when the client has sent something
 *   half-close      end of file instead of an answer
 *   garbage         answers with bytes that are neither TLS nor LDAP
 *   flip            one bit wrong in the length of the first TLS record to the client
 */
#include "config.h"

#include "common/clock.h"
#include "common/number.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#define PAIRS  64
#define BUFFER 16384

struct mode {
    const char *name;
    bool refuse, silent, reset, half_close, garbage, flip;
    size_t budget;   /* bytes to the client, then nothing; 0 = all */
    size_t chunks;   /* reads from the server that are forwarded; 0 = all */
    size_t slice;    /* bytes written at once; 0 = all */
    int64_t gap_ms;  /* between two writes */
    int64_t late_ms; /* from reading to writing, to the client */
};

static const struct mode modes[] = {
    {.name = "pass"      },
    {                   .name = "refuse",      .refuse = true},
    {                   .name = "silent",      .silent = true},
    {                   .name = "stall-tls",       .budget = 200},
    {                   .name = "stall-starttls",         .chunks = 1},
    {                   .name = "trickle",         .slice = 20, .gap_ms = 20},
    {       .name = "delay",      .late_ms = 300},
    {.name = "reset",      .reset = true},
    {        .name = "half-close", .half_close = true},
    {.name = "garbage",    .garbage = true},
    {           .name = "flip",       .flip = true},
};

struct stream {
    int from, to;
    bool to_client;
    unsigned char data[BUFFER];
    size_t start, end; /* data waiting to be written */
    int64_t due_ms;    /* not before this */
    size_t written, reads;
    bool frozen;
};

struct pair {
    bool used;
    struct stream up, down;
};

static const struct mode *mode = &modes[0];
static struct pair pairs[PAIRS];
static int listener = -1;
static struct sockaddr_in own = {.sin_family = AF_INET}, target = {.sin_family = AF_INET};
static const char *control;
static volatile sig_atomic_t asked;

static void ask(int signo)
{
    (void)signo;
    asked = 1;
}

static void die(const char *what)
{
    perror(what);
    exit(1);
}

/*
 * The first time to a port below the ephemeral range: one within might be given to somebody's outgoing
 * connection while this listener is away.
 */
static bool bind_listener(void)
{
    uint16_t random;

    if (own.sin_port != 0)
        return bind(listener, (struct sockaddr *)&own, sizeof own) == 0;
    for (int tries = 0; tries < 50; tries++) {
        if (getrandom(&random, sizeof random, 0) != sizeof random)
            break;
        own.sin_port = htons((uint16_t)(20000 + random % 12000));
        if (bind(listener, (struct sockaddr *)&own, sizeof own) == 0)
            return true;
    }
    return false;
}

static void open_listener(void)
{
    int on = 1;

    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (listener < 0 || setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        !bind_listener() || listen(listener, 32) != 0)
        die("listen");
}

static void end_pair(struct pair *pair, bool by_reset)
{
    struct linger linger = {.l_onoff = 1};

    if (by_reset)
        setsockopt(pair->up.from, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    close(pair->up.from);
    close(pair->up.to);
    pair->used = false;
}

static void start_pair(int client)
{
    int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    size_t i = 0;

    while (i < PAIRS && pairs[i].used)
        i++;
    if (i == PAIRS || server < 0 ||
        connect(server, (struct sockaddr *)&target, sizeof target) != 0) {
        close(server);
        close(client);
        return;
    }
    fcntl(server, F_SETFL, O_NONBLOCK);
    memset(&pairs[i], 0, sizeof pairs[i]);
    pairs[i].used = true;
    pairs[i].up.from = pairs[i].down.to = client;
    pairs[i].up.to = pairs[i].down.from = server;
    pairs[i].down.to_client = true;
}

/* Takes the mode that the control file names, and says so. */
static void read_mode(void)
{
    char word[32] = "", path[4096], done[4096];
    FILE *file = fopen(control, "r");
    size_t i;

    if (file == NULL || fscanf(file, "%31s", word) != 1)
        die(control);
    fclose(file);
    for (i = 0; i < sizeof modes / sizeof modes[0]; i++)
        if (strcmp(word, modes[i].name) == 0)
            break;
    if (i == sizeof modes / sizeof modes[0]) {
        fprintf(stderr, "fault_proxy: no mode %s\n", word);
        exit(64);
    }
    mode = &modes[i];
    for (i = 0; i < PAIRS; i++) {
        pairs[i].up.frozen = pairs[i].down.frozen = false;
        pairs[i].up.written = pairs[i].down.written = 0;
        pairs[i].up.reads = pairs[i].down.reads = 0;
        if (pairs[i].used && mode->refuse)
            end_pair(&pairs[i], true);
    }
    if (mode->refuse && listener >= 0) {
        close(listener);
        listener = -1;
    } else if (!mode->refuse && listener < 0) {
        open_listener();
    }
    snprintf(path, sizeof path, "%s.new", control);
    snprintf(done, sizeof done, "%s.done", control);
    file = fopen(path, "w");
    if (file == NULL || fputs(word, file) < 0 || fclose(file) != 0 || rename(path, done) != 0)
        die(path);
}

/* What the mode does to bytes just read; false when the pair is over. */
static bool disturb(struct pair *pair, struct stream *stream)
{
    static const char noise[] =
        "\x16\x7f\xff\xff\xffHTTP/1.1 400 Bad Request\r\n\r\n\x30\x84\xff\xff";

    stream->reads++;
    if (mode->reset && !stream->to_client)
        return end_pair(pair, true), false;
    if (mode->half_close && stream->to_client) {
        shutdown(stream->to, SHUT_WR);
        stream->frozen = true;
        stream->start = stream->end = 0;
    }
    if (mode->garbage && !stream->to_client) {
        if (write(pair->up.from, noise, sizeof noise) < 0)
            return end_pair(pair, false), false;
        stream->start = stream->end = 0;
    }
    if (mode->flip && stream->to_client && stream->reads == 1 && stream->end > 3)
        stream->data[3] ^= 0x20;
    stream->due_ms = clock_mono_ms() + (stream->to_client ? mode->late_ms : 0);
    return true;
}

static bool pump_in(struct pair *pair, struct stream *stream)
{
    ssize_t n = read(stream->from, stream->data, sizeof stream->data);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return true;
    if (n <= 0)
        return end_pair(pair, false), false;
    stream->start = 0;
    stream->end = (size_t)n;
    return disturb(pair, stream);
}

static bool pump_out(struct pair *pair, struct stream *stream)
{
    size_t size = stream->end - stream->start;
    ssize_t n;

    if (mode->slice != 0 && size > mode->slice)
        size = mode->slice;
    if (stream->to_client && mode->budget != 0 && stream->written + size >= mode->budget) {
        size = mode->budget - stream->written;
        stream->frozen = true;
    }
    if (stream->to_client && mode->chunks != 0 && stream->reads >= mode->chunks)
        stream->frozen = true;
    n = write(stream->to, stream->data + stream->start, size);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return true;
    if (n < 0)
        return end_pair(pair, false), false;
    stream->start += (size_t)n;
    stream->written += (size_t)n;
    stream->due_ms = clock_mono_ms() + mode->gap_ms;
    return true;
}

static void pump(struct pair *pair, struct stream *stream, bool readable)
{
    if (!pair->used || stream->frozen || mode->silent)
        return;
    if (stream->start == stream->end && readable && !pump_in(pair, stream))
        return;
    if (stream->start < stream->end && clock_mono_ms() >= stream->due_ms)
        pump_out(pair, stream);
}

static bool waiting_to_write(const struct stream *stream)
{
    return stream->start < stream->end && !stream->frozen;
}

static void serve_once(const sigset_t *awake)
{
    struct pollfd fds[1 + 2 * PAIRS];
    struct timespec tick = {.tv_nsec = 5000000}, *timeout = NULL;
    size_t i;
    int client;

    fds[0] = (struct pollfd){.fd = listener, .events = POLLIN};
    for (i = 0; i < PAIRS; i++) {
        const struct pair *pair = &pairs[i];
        bool quiet = !pair->used || mode->silent;

        fds[1 + 2 * i] = (struct pollfd){.fd = quiet || pair->up.frozen ? -1 : pair->up.from,
                                         .events = pair->up.start == pair->up.end ? POLLIN : 0};
        fds[2 + 2 * i] = (struct pollfd){.fd = quiet || pair->down.frozen ? -1 : pair->down.from,
                                         .events = pair->down.start == pair->down.end ? POLLIN : 0};
        if (!quiet && (waiting_to_write(&pair->up) || waiting_to_write(&pair->down)))
            timeout = &tick;
    }
    if (ppoll(fds, 1 + 2 * PAIRS, timeout, awake) < 0 && errno != EINTR)
        die("ppoll");
    if (asked) {
        asked = 0;
        read_mode();
        return;
    }
    for (i = 0; i < PAIRS; i++) {
        pump(&pairs[i], &pairs[i].up, fds[1 + 2 * i].revents != 0);
        pump(&pairs[i], &pairs[i].down, fds[2 + 2 * i].revents != 0);
    }
    client = listener >= 0 ? accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK) : -1;
    if (client >= 0)
        start_pair(client);
}

int main(int argc, char **argv)
{
    struct sigaction act = {.sa_handler = ask};
    sigset_t blocked, awake;
    int64_t port;

    if (argc != 3 || number_parse(argv[1], strlen(argv[1]), 1, 65535, &port) != NUMBER_OK) {
        fprintf(stderr, "usage: fault_proxy TARGET_PORT CONTROL_FILE\n");
        return 64;
    }
    control = argv[2];
    own.sin_addr.s_addr = target.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    target.sin_port = htons((uint16_t)port);
    signal(SIGPIPE, SIG_IGN);
    sigaction(SIGUSR1, &act, NULL);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    sigprocmask(SIG_BLOCK, &blocked, &awake);
    open_listener();
    read_mode();
    printf("%d\n", ntohs(own.sin_port));
    fflush(stdout);
    for (;;)
        serve_once(&awake);
}
