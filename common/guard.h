/*
 * guard.h - a hard limit around calls that cannot be given one.
 *
 * libldap does not bound StartTLS or a TLS handshake, and getaddrinfo bounds nothing.  While a guard
 * is armed, a timer at the deadline shuts the watched socket down (the blocked call then returns with
 * an error and the caller goes on as after any lost connection).  If the process is still inside the
 * guard GUARD_GRACE_MS later, it ends with GUARD_EXIT.  One guard a process; uses SIGALRM.
 */
#ifndef PGSIGNET_GUARD_H
#define PGSIGNET_GUARD_H

#include <stdbool.h>
#include <stdint.h>

#define GUARD_GRACE_MS 200
#define GUARD_EXIT     75 /* EX_TEMPFAIL */

/* Arms the timer for a deadline in CLOCK_MONOTONIC milliseconds (at once if it is past). */
void guard_arm(int64_t deadline_ms);

/* Disarms it.  Returns whether it fired since it was armed. */
bool guard_disarm(void);

/*
 * A narrower limit for one step inside (or outside) an armed guard: the watched socket is shut down at
 * limit_ms if that is earlier than the guard's own deadline, and the process ends GUARD_GRACE_MS after
 * that unless the step has been left.  Steps do not nest.
 */
void guard_step(int64_t limit_ms);

/*
 * Leaves the step: the guard is armed for its own deadline again, or disarmed if it had none.  Returns
 * whether it fired during the step.
 */
bool guard_step_end(void);

/* The socket to shut down when the timer fires, or -1.  Not owned; may be called when unarmed. */
void guard_watch(int fd);

/* Called in signal context just before the process ends itself; async-signal-safe only.  May be NULL. */
void guard_on_exit(void (*last_words)(void));

#endif
