/*
 * fake_daemon.h - a MOCK of pgsignetd in a thread of the test, for what the real one never does:
 * answers that are damaged, late, of another version, and signals at the worst moment.
 */
#ifndef PGSIGNET_TESTS_FAKE_DAEMON_H
#define PGSIGNET_TESTS_FAKE_DAEMON_H

#include <pthread.h>

#include "common/wire.h"

#define FAKE_EVENT 0x0123456789abcdefULL

enum fake_mode {
    FAKE_ANSWER,       /* a sound reply, then the damage described below */
    FAKE_SILENT,       /* reads the request and waits until the asker goes */
    FAKE_CLOSE,        /* reads the request and closes */
    FAKE_CLOSE_UNREAD, /* closes without reading */
    FAKE_SIGNAL,       /* as silent, sending SIGUSR1 to the thread until the asker goes */
    FAKE_DESCRIPTOR,   /* a sound reply with an open descriptor attached */
};

struct fake_plan {
    enum fake_mode mode;
    enum verdict verdict;
    const char *authtok; /* of the reply, or NULL */
    size_t length;       /* cut or fill the reply with zeroes to this many bytes; 0 = leave */
    size_t damaged;      /* position of the byte to change */
    uint8_t damage;      /* XORed into it; 0 = none */
    pthread_t to_signal;
};

/* The last request as it came, NUL-terminated. */
struct fake_seen {
    unsigned requests; /* so far */
    enum wire_fault fault;
    enum wire_kind kind;
    uint64_t deadline;
    char policy[WIRE_POLICY_MAX + 1], service[WIRE_SERVICE_MAX + 1], user[WIRE_USER_MAX + 1];
    char rhost[WIRE_RHOST_MAX + 1], secret[WIRE_SECRET_MAX + 1];
};

struct fake_daemon;

/* Listens on path (replaced if it exists).  NULL with errno set on failure. */
struct fake_daemon *fake_daemon_start(const char *path);
void fake_daemon_stop(struct fake_daemon *daemon);

/* What to do from the next request on; resets what was seen. */
void fake_daemon_plan(struct fake_daemon *daemon, const struct fake_plan *plan);

/* What was seen, once the connection being served has been closed. */
void fake_daemon_seen(struct fake_daemon *daemon, struct fake_seen *seen);

#endif
