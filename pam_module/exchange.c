#include "config.h"

#include "pam_module/exchange.h"

#include <errno.h>
#include <poll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/clock.h"

static const struct {
    const char *what, *advice;
} words[EXCHANGE_COUNT] = {
#define EXCHANGE_ROW(constant, what, advice) [constant] = {what, advice},
    EXCHANGE_TABLE(EXCHANGE_ROW)
#undef EXCHANGE_ROW
};

const char *exchange_what(enum exchange exchange)
{
    return (unsigned)exchange < EXCHANGE_COUNT ? words[exchange].what : "unknown";
}

const char *exchange_advice(enum exchange exchange)
{
    return (unsigned)exchange < EXCHANGE_COUNT ? words[exchange].advice : "";
}

/* Milliseconds from now to the deadline, never negative. */
static int remaining_ms(uint64_t deadline)
{
    int64_t left = (int64_t)deadline - clock_mono_ms();

    return left < 0 ? 0 : left > INT32_MAX ? INT32_MAX : (int)left;
}

/*
 * connect() on a Unix socket waits only while the listener's queue is full, and poll() cannot see
 * that wait end.  SO_SNDTIMEO bounds it, and a call with that limit set is not restarted after a
 * signal even under SA_RESTART (socket(7)).
 */
static enum exchange connect_by(int fd, const char *path, uint64_t deadline)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int left = remaining_ms(deadline);
    struct timeval limit = {.tv_sec = left / 1000, .tv_usec = left % 1000 * 1000};

    if (left == 0)
        return EXCHANGE_TIMEOUT;
    if (strlen(path) >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return EXCHANGE_NO_CONNECT;
    }
    memcpy(address.sun_path, path, strlen(path));
    if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) != 0)
        return EXCHANGE_NO_CONNECT;
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) == 0)
        return EXCHANGE_DONE;
    if (errno == EINTR)
        return EXCHANGE_INTERRUPTED;
    return errno == EAGAIN ? EXCHANGE_BUSY : EXCHANGE_NO_CONNECT;
}

static enum exchange await(int fd, uint64_t deadline)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    int ready = poll(&wait, 1, remaining_ms(deadline));

    if (ready < 0)
        return errno == EINTR ? EXCHANGE_INTERRUPTED : EXCHANGE_NO_RECEIVE;
    return ready == 0 ? EXCHANGE_TIMEOUT : EXCHANGE_DONE;
}

/* Without room for control data the kernel closes descriptors that a hostile peer may attach. */
static enum exchange receive(int fd, uint8_t buf[WIRE_MAX], const struct wire_request *request,
                             struct wire_reply *reply, enum wire_fault *fault)
{
    struct iovec part = {.iov_base = buf, .iov_len = WIRE_MAX};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    ssize_t len = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

    if (len < 0 && errno == ECONNRESET) /* closed with our request unread */
        return EXCHANGE_CLOSED;
    if (len < 0)
        return EXCHANGE_NO_RECEIVE;
    errno = 0;
    if (len == 0)
        return EXCHANGE_CLOSED;
    *fault = message.msg_flags & MSG_TRUNC ? WIRE_LONG : wire_decode_reply(buf, (size_t)len, reply);
    if (*fault != WIRE_OK)
        return EXCHANGE_GARBAGE;
    if (memcmp(reply->nonce, request->nonce, WIRE_NONCE) != 0)
        return EXCHANGE_FOREIGN;
    return EXCHANGE_DONE;
}

enum exchange exchange_run(const char *socket_path, struct wire_request *request,
                           uint8_t buf[WIRE_MAX], struct wire_reply *reply,
                           struct exchange_detail *detail)
{
    enum exchange result;
    size_t len;
    int fd = -1;

    *reply = (struct wire_reply){0};
    *detail = (struct exchange_detail){0};
    errno = 0;
    /* Not blocking: before the kernel's pool is ready, a wait here would have no limit. */
    result = EXCHANGE_NO_RANDOM;
    if (getrandom(request->nonce, WIRE_NONCE, GRND_NONBLOCK) != WIRE_NONCE)
        goto out;
    result = EXCHANGE_NO_SOCKET;
    fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (fd < 0)
        goto out;
    result = connect_by(fd, socket_path, request->deadline);
    if (result != EXCHANGE_DONE)
        goto out;

    result = EXCHANGE_NO_REQUEST;
    len = wire_encode_request(request, buf, WIRE_MAX);
    if (len == 0)
        goto out;
    result = EXCHANGE_NO_SEND;
    if (send(fd, buf, len, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)len)
        goto out;
    explicit_bzero(buf, len);

    result = await(fd, request->deadline);
    if (result == EXCHANGE_DONE)
        result = receive(fd, buf, request, reply, &detail->fault);

out:
    detail->error = errno;
    if (fd >= 0)
        close(fd);
    if (result != EXCHANGE_DONE) {
        explicit_bzero(buf, WIRE_MAX);
        *reply = (struct wire_reply){0};
    }
    return result;
}
