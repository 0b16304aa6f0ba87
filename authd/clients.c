#include "config.h"

#include "authd/clients.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"

bool clients_resolve(const struct settings_strings *names, struct clients *clients)
{
    *clients = (struct clients){.uids = calloc(names->n + 1, sizeof(uid_t))};
    if (clients->uids == NULL)
        return false;
    for (size_t i = 0; i < names->n; i++) {
        const struct passwd *pw = getpwnam(names->at[i]);
        if (pw != NULL)
            clients->uids[clients->n++] = pw->pw_uid;
    }
    if (clients->n == 0)
        clients_free(clients);
    return clients->n > 0;
}

void clients_free(struct clients *clients)
{
    free(clients->uids);
    *clients = (struct clients){0};
}

bool clients_any_known(const struct settings_strings *names, char *why, size_t size)
{
    char list[256] = "";

    for (size_t i = 0; i < names->n; i++) {
        if (getpwnam(names->at[i]) != NULL)
            return true;
        size_t used = strlen(list);
        snprintf(list + used, sizeof list - used, "%s%s", i > 0 ? ", " : "", names->at[i]);
    }
    snprintf(why, size,
             "daemon.clients: none of %s is a user of this host, so nobody could ask; "
             "name the user that PostgreSQL or PgBouncer runs as",
             list);
    return false;
}

void clients_report_unknown(const struct settings_strings *names)
{
    for (size_t i = 0; i < names->n; i++)
        if (getpwnam(names->at[i]) == NULL)
            log_notice("daemon.clients: this host has no user %s; it is left out", names->at[i]);
}

bool clients_may_ask(const struct clients *clients, uid_t uid)
{
    for (size_t i = 0; i < clients->n; i++)
        if (clients->uids[i] == uid)
            return true;
    return false;
}
