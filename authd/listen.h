/*
 * listen.h - the daemon's one socket: adopted from systemd, or bound here.
 */
#ifndef PGSIGNET_LISTEN_H
#define PGSIGNET_LISTEN_H

#include <stddef.h>
#include <sys/types.h>

/*
 * Returns a listening, non-blocking, close-on-exec SOCK_SEQPACKET socket.
 *
 * With one socket handed over by systemd (sd_listen_fds) that one is checked and used.  Otherwise path
 * is bound: its directory is made if missing (0755, owner uid:gid), a lock file beside it
 * (PATH.lock, flock) makes sure that one daemon runs, and a socket left behind by a killed one is
 * replaced.  Everybody may connect (0666); who may ask is decided by SO_PEERCRED.
 *
 * The lock lives as long as the process.  On failure -1, and why (size bytes) says what was tried,
 * what came back and what to do.
 */
int listen_open(const char *path, uid_t uid, gid_t gid, char *why, size_t size);

/*
 * In a worker: the lock is the master's alone.  A worker that is stuck when its master is killed would
 * keep the next daemon from starting.
 */
void listen_leave_lock(void);

#endif
