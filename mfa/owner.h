/*
 * owner.h - becoming the user who owns the store.
 *
 * A program started by root opens neither store nor key as root: a file that root leaves behind (a
 * write-ahead log, say) would lock the daemon out, and a bug in reading them would be a bug as root.
 */
#ifndef PGSIGNET_MFA_OWNER_H
#define PGSIGNET_MFA_OWNER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct owner {
    uid_t uid;
    gid_t gid;
};

/* Looks up an OS user (daemon.user).  False, and a sentence in why (size bytes), when there is none. */
bool owner_find(const char *user, struct owner *owner, char *why, size_t size);

/*
 * As root: becomes that user for good (his groups, as systemd gives them to the daemon, by which he may
 * have a PKCS#11 token's files; gid, uid; HOME is unset), and checks that there is no way back.  As
 * anybody else: changes nothing and is true; the files' modes then decide.  False, and a sentence in
 * why, when the user does not exist or a step failed; the process must not go on then.
 */
bool owner_become(const char *user, char *why, size_t size);

#endif
