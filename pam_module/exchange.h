/*
 * exchange.h - one datagram to pgsignetd, one back, by a deadline.
 *
 * Runs inside a PostgreSQL backend or a PgBouncer thread: no signal handlers, no static state, no
 * sleep; descriptors are close-on-exec and gone on return.  Any signal ends the wait: it is the only
 * way in which authentication_timeout or a shutdown reaches a module.
 */
#ifndef PGSIGNET_MODULE_EXCHANGE_H
#define PGSIGNET_MODULE_EXCHANGE_H

#include "common/wire.h"

/*      constant                what was tried and came back       what to do about it */
#define EXCHANGE_TABLE(X)                                                                          \
    X(EXCHANGE_DONE, "answered", "")                                                               \
    X(EXCHANGE_NO_RANDOM, "getrandom failed", "see that the kernel's random numbers are ready")    \
    X(EXCHANGE_NO_SOCKET, "no socket", "raise the limit of open files")                            \
    X(EXCHANGE_NO_REQUEST, "a PAM item is too long for a request",                                 \
      "see the service's name and the client's address")                                           \
    X(EXCHANGE_NO_CONNECT, "connect failed",                                                       \
      "start pgsignetd, or let socket= name the socket that it listens on")                        \
    X(EXCHANGE_BUSY, "connect waited until the deadline", "raise daemon.workers of pgsignetd")     \
    X(EXCHANGE_NO_SEND, "send failed", "see the log of pgsignetd; daemon.clients must name us")    \
    X(EXCHANGE_INTERRUPTED, "a signal ended the wait",                                             \
      "nothing, unless authentication_timeout is shorter than timeout=")                           \
    X(EXCHANGE_TIMEOUT, "no answer by the deadline",                                               \
      "see the log of pgsignetd, or raise timeout=")                                               \
    X(EXCHANGE_NO_RECEIVE, "receive failed", "see the log of pgsignetd")                           \
    X(EXCHANGE_CLOSED, "closed without an answer",                                                 \
      "see the log of pgsignetd; daemon.clients must name us")                                     \
    X(EXCHANGE_GARBAGE, "the answer is not understood",                                            \
      "install module and pgsignetd of one version")                                               \
    X(EXCHANGE_FOREIGN, "the answer is to another request", "see what listens on the socket")

enum exchange {
#define EXCHANGE_CONSTANT(constant, what, advice) constant,
    EXCHANGE_TABLE(EXCHANGE_CONSTANT)
#undef EXCHANGE_CONSTANT
        EXCHANGE_COUNT
};

struct exchange_detail {
    int error;             /* errno of the failed call, or 0 */
    enum wire_fault fault; /* for EXCHANGE_GARBAGE */
};

/*
 * Sends *request, whose deadline (CLOCK_MONOTONIC, milliseconds) bounds the whole exchange and whose
 * nonce is drawn here.  On EXCHANGE_DONE *reply is sound and its slices point into buf, which the
 * caller wipes; on anything else *reply is all zero and buf is wiped.  *detail is always filled.
 */
enum exchange exchange_run(const char *socket_path, struct wire_request *request,
                           uint8_t buf[WIRE_MAX], struct wire_reply *reply,
                           struct exchange_detail *detail);

/* The words of the table above; static, never NULL. */
const char *exchange_what(enum exchange exchange);
const char *exchange_advice(enum exchange exchange);

#endif
