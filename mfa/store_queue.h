/*
 * store_queue.h - where the workers of one daemon wait for their turn to write into the SQLite store.
 *
 * SQLite has no queue for its write lock: who finds it taken sleeps and looks again, at six system calls a
 * look.  Workers queue here first, in shared memory.  That is a courtesy and no more: the lock that keeps
 * writers apart is SQLite's, and whoever does not queue (pgsignet-mfa), has no turn in time, or comes after
 * one who died in his turn waits for that one.
 */
#ifndef PGSIGNET_MFA_STORE_QUEUE_H
#define PGSIGNET_MFA_STORE_QUEUE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct store_queue {
    pthread_mutex_t turn; /* robust: one who is killed in his turn holds nobody up */
    _Atomic int copy_at;  /* pages of the log at which one of the workers copies it back */
};

/* In memory that is shared with children.  0 or an errno. */
int store_queue_make(struct store_queue *queue);

/* Waits until deadline_ms (CLOCK_MONOTONIC) at most.  True: it is the caller's turn, who then leaves. */
bool store_queue_enter(struct store_queue *queue, int64_t deadline_ms);
void store_queue_leave(struct store_queue *queue);

#endif
