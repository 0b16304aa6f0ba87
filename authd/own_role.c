#include "config.h"

#include "authd/own_role.h"

#include <stdio.h>
#include <stdlib.h>

#include <libpq-fe.h>

static const char *user_of(const PQconninfoOption *options)
{
    for (; options->keyword != NULL; options++)
        if (strcmp(options->keyword, "user") == 0)
            return options->val;
    return NULL;
}

bool own_roles_add(struct own_roles *roles, const char *conninfo, const char *os_user)
{
    PQconninfoOption *options;
    const char *user;

    if (conninfo == NULL)
        return true;
    options = PQconninfoParse(conninfo, NULL);
    if (options == NULL || roles->n == OWN_ROLES_MAX) {
        PQconninfoFree(options);
        return false;
    }
    user = user_of(options);
    if (user == NULL || user[0] == '\0')
        user = getenv("PGUSER");
    if (user == NULL || user[0] == '\0')
        user = os_user;
    /* The server cuts a longer name in the same place. */
    snprintf(roles->name[roles->n], sizeof roles->name[0], "%s", user);
    roles->n++;
    PQconninfoFree(options);
    return true;
}
