#include "config.h"

#include "mfa/owner.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool owner_find(const char *user, struct owner *owner, char *why, size_t size)
{
    char text[4096];
    struct passwd entry;
    struct passwd *found = NULL;

    int rc = getpwnam_r(user, &entry, text, sizeof text, &found);
    if (found == NULL) {
        snprintf(why, size,
                 "cannot find the OS user \"%s\" (daemon.user): %s; create it or name another",
                 user, rc == 0 ? "there is none" : strerror(rc));
        return false;
    }
    *owner = (struct owner){.uid = found->pw_uid, .gid = found->pw_gid};
    return true;
}

bool owner_become(const char *user, char *why, size_t size)
{
    struct owner owner;
    uid_t ruid, euid, suid;

    if (geteuid() != 0)
        return true;
    if (!owner_find(user, &owner, why, size))
        return false;
    if (initgroups(user, owner.gid) != 0 || setresgid(owner.gid, owner.gid, owner.gid) != 0 ||
        setresuid(owner.uid, owner.uid, owner.uid) != 0) {
        snprintf(why, size, "cannot become the OS user \"%s\": %s", user, strerror(errno));
        return false;
    }
    /* The calls can succeed and yet leave a way back (user namespaces, old kernels): look. */
    if (getresuid(&ruid, &euid, &suid) != 0 || ruid != owner.uid || euid != owner.uid ||
        suid != owner.uid || getegid() != owner.gid || (owner.uid != 0 && setuid(0) == 0)) {
        snprintf(why, size, "cannot become the OS user \"%s\": root's rights remain", user);
        return false;
    }
    /* libpq and others look for files of root's there, which they may not read any more: without it
     * they take the home of the user that this now is. */
    return unsetenv("HOME") == 0;
}
