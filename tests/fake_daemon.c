#include "config.h"

#include "tests/fake_daemon.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct fake_daemon {
    int listener;
    pthread_t thread;
    pthread_mutex_t lock; /* over all that follows */
    pthread_cond_t idle;
    bool serving;
    struct fake_plan plan;
    struct fake_seen seen;
};

static void copy_text(char *to, struct bytes from)
{
    if (from.len > 0)
        memcpy(to, from.ptr, from.len);
    to[from.len] = '\0';
}

/* Takes note of a request; returns what to do with it. */
static struct fake_plan note(struct fake_daemon *daemon, const struct wire_request *request,
                             enum wire_fault fault)
{
    struct fake_seen *seen = &daemon->seen;
    struct fake_plan plan;

    pthread_mutex_lock(&daemon->lock);
    seen->requests++;
    seen->fault = fault;
    seen->kind = request->kind;
    seen->deadline = request->deadline;
    copy_text(seen->policy, request->policy);
    copy_text(seen->service, request->service);
    copy_text(seen->user, request->user);
    copy_text(seen->rhost, request->rhost);
    copy_text(seen->secret, request->secret);
    plan = daemon->plan;
    pthread_mutex_unlock(&daemon->lock);
    return plan;
}

/* The asker sends one datagram only: whatever poll reports next is its going. */
static void wait_until_gone(int fd, const struct fake_plan *plan)
{
    struct pollfd gone = {.fd = fd, .events = POLLIN};

    if (plan->mode != FAKE_SIGNAL) {
        poll(&gone, 1, -1);
        return;
    }
    /* Again and again: a signal before the asker waits would not end its wait. */
    do
        pthread_kill(plan->to_signal, SIGUSR1);
    while (poll(&gone, 1, 1) == 0);
}

static void send_reply(int fd, const struct fake_plan *plan, const struct wire_request *request)
{
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof(int))];
    } control = {
        .header = {
                   .cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS}
    };
    uint8_t buf[WIRE_MAX * 2] = {0};
    struct wire_reply reply = {
        .verdict = plan->verdict, .event = FAKE_EVENT, .authtok = bytes_str(plan->authtok)};
    struct iovec part = {.iov_base = buf};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

    memcpy(reply.nonce, request->nonce, WIRE_NONCE);
    part.iov_len = wire_encode_reply(&reply, buf, WIRE_MAX);
    if (plan->length > 0)
        part.iov_len = plan->length;
    buf[plan->damaged] ^= plan->damage;
    if (plan->mode == FAKE_DESCRIPTOR) {
        message.msg_control = &control;
        message.msg_controllen = sizeof control;
        memcpy(CMSG_DATA(&control.header), &fd, sizeof fd);
    }
    (void)!sendmsg(fd, &message, MSG_NOSIGNAL);
}

static void serve(struct fake_daemon *daemon, int fd)
{
    uint8_t buf[WIRE_MAX + 1];
    struct wire_request request = {0};
    enum wire_fault fault;
    struct fake_plan plan;
    ssize_t len;

    pthread_mutex_lock(&daemon->lock);
    plan = daemon->plan;
    pthread_mutex_unlock(&daemon->lock);
    if (plan.mode == FAKE_CLOSE_UNREAD)
        return;
    len = recv(fd, buf, sizeof buf, 0);
    if (len < 0)
        return;
    fault = wire_decode_request(buf, (size_t)len, &request);
    plan = note(daemon, &request, fault);
    if (plan.mode == FAKE_SILENT || plan.mode == FAKE_SIGNAL)
        wait_until_gone(fd, &plan);
    else if (plan.mode != FAKE_CLOSE)
        send_reply(fd, &plan, &request);
}

static void set_serving(struct fake_daemon *daemon, bool serving)
{
    pthread_mutex_lock(&daemon->lock);
    daemon->serving = serving;
    pthread_cond_broadcast(&daemon->idle);
    pthread_mutex_unlock(&daemon->lock);
}

static void *run(void *data)
{
    struct fake_daemon *daemon = data;
    int fd;

    while ((fd = accept4(daemon->listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
        set_serving(daemon, true);
        serve(daemon, fd);
        close(fd);
        set_serving(daemon, false);
    }
    return NULL;
}

struct fake_daemon *fake_daemon_start(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct fake_daemon *daemon = calloc(1, sizeof *daemon);

    if (daemon == NULL || strlen(path) >= sizeof address.sun_path)
        goto fail;
    memcpy(address.sun_path, path, strlen(path));
    unlink(path);
    pthread_mutex_init(&daemon->lock, NULL);
    pthread_cond_init(&daemon->idle, NULL);
    daemon->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (daemon->listener < 0)
        goto fail;
    if (bind(daemon->listener, (const struct sockaddr *)&address, sizeof address) != 0 ||
        listen(daemon->listener, 128) != 0 ||
        pthread_create(&daemon->thread, NULL, run, daemon) != 0) {
        close(daemon->listener);
        goto fail;
    }
    return daemon;

fail:
    free(daemon);
    return NULL;
}

void fake_daemon_stop(struct fake_daemon *daemon)
{
    if (daemon == NULL)
        return;
    shutdown(daemon->listener, SHUT_RDWR); /* accept returns with an error */
    pthread_join(daemon->thread, NULL);
    close(daemon->listener);
    pthread_cond_destroy(&daemon->idle);
    pthread_mutex_destroy(&daemon->lock);
    free(daemon);
}

void fake_daemon_plan(struct fake_daemon *daemon, const struct fake_plan *plan)
{
    pthread_mutex_lock(&daemon->lock);
    daemon->plan = *plan;
    daemon->seen = (struct fake_seen){0};
    pthread_mutex_unlock(&daemon->lock);
}

void fake_daemon_seen(struct fake_daemon *daemon, struct fake_seen *seen)
{
    pthread_mutex_lock(&daemon->lock);
    while (daemon->serving)
        pthread_cond_wait(&daemon->idle, &daemon->lock);
    *seen = daemon->seen;
    pthread_mutex_unlock(&daemon->lock);
}
