/*
 * own_role.h - the roles as which this daemon itself connects to PostgreSQL.
 *
 * A pg_hba line that sends one of them to pam makes the daemon wait for a connection that waits for the
 * daemon.  Such a login is refused before anything is asked.
 */
#ifndef PGSIGNET_OWN_ROLE_H
#define PGSIGNET_OWN_ROLE_H

#include <stdbool.h>

#include "common/bytes.h"

#define OWN_ROLES_MAX 2 /* postgres.conninfo, store.conninfo */

struct own_roles {
    char name[OWN_ROLES_MAX][64]; /* NAMEDATALEN with the NUL */
    size_t n;
};

/*
 * Adds the role that libpq will use for this string (NULL: nothing to add): its user, else $PGUSER, else
 * os_user, the OS user whom the daemon runs as.  What a service file says (service=) is not looked up:
 * write user= beside it.  False when the string is none, or memory is short.
 */
bool own_roles_add(struct own_roles *roles, const char *conninfo, const char *os_user);

/* NULL: none. */
static inline bool own_roles_has(const struct own_roles *roles, struct bytes name)
{
    for (size_t i = 0; roles != NULL && i < roles->n; i++)
        if (bytes_equal(bytes_str(roles->name[i]), name))
            return true;
    return false;
}

#endif
