/*
 * shared.h - the pages of memory that master and workers share.
 *
 * Made by the master before its first fork.  It tells all workers which server just failed, they queue in
 * it for their turn to write into the SQLite store, and it holds for each worker what it is busy with, so
 * that the successor of one that ended in the middle can write the event that is still owed and, if the
 * deadline ended it, give the code back.
 */
#ifndef PGSIGNET_SHARED_H
#define PGSIGNET_SHARED_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "authd/burst.h"
#include "authd/returns.h"
#include "common/outage.h"
#include "mfa/store_queue.h"
#include "mfa/verify.h"

#define SHARED_WORKERS_MAX 256

/* One worker's request in progress.  Only that worker writes it; its successor reads it. */
struct slot {
    _Atomic uint32_t busy;    /* a request was taken and its event is not written yet */
    _Atomic uint32_t gave_up; /* set in the guard's last words: the deadline ended the worker */
    uint64_t event;
    int64_t started_ms;   /* Unix time */
    struct mfa_burn burn; /* .token == 0: nothing to give back */
    uint8_t user[64];     /* cut to fit */
    size_t user_len;
    bool user_known;
    char user_hash[33];
    char address[64];
    char service[65];
    pid_t backend;
    uid_t uid;
};

struct shared {
    struct outage outage;
    struct returns returns;
    struct burst burst;
    struct store_queue queue;
    struct slot slots[SHARED_WORKERS_MAX];
};

/* Zeroed pages but for the burst's key, shared across forks; NULL with errno set.  Never freed: they live as long as the daemon. */
struct shared *shared_new(void);

#endif
