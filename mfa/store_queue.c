#include "config.h"

#include "mfa/store_queue.h"

#include <errno.h>
#include <time.h>

int store_queue_make(struct store_queue *queue)
{
    pthread_mutexattr_t attributes;

    int error = pthread_mutexattr_init(&attributes);
    if (error != 0)
        return error;
    error = pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    if (error == 0)
        error = pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    if (error == 0)
        error = pthread_mutex_init(&queue->turn, &attributes);
    pthread_mutexattr_destroy(&attributes);
    queue->copy_at = 0;
    return error;
}

bool store_queue_enter(struct store_queue *queue, int64_t deadline_ms)
{
    const struct timespec by = {.tv_sec = deadline_ms / 1000,
                                .tv_nsec = deadline_ms % 1000 * 1000000};

    int error = pthread_mutex_clocklock(&queue->turn, CLOCK_MONOTONIC, &by);
    /* He may have died anywhere in his transaction: SQLite's lock went with him, and what he left. */
    if (error == EOWNERDEAD)
        error = pthread_mutex_consistent(&queue->turn);
    return error == 0;
}

void store_queue_leave(struct store_queue *queue)
{
    pthread_mutex_unlock(&queue->turn);
}
