#include "config.h"

#include "ldap_sync/guards.h"

#include <string.h>

const struct sync_guard_row sync_guard_rows[SYNC_GUARDS] = {
    [SYNC_GUARD_EMPTY] = {"empty", 10, false,
                          "look whether base and filter still find the groups, and whether the "
                          "service account may read their members"},
    [SYNC_GUARD_INCOMPLETE] =
        {"incomplete", 11, false,
         "let the service account see all of it (limits, rights), and correct "
         "the bases"},
    [SYNC_GUARD_LEAVERS] = {"leavers", 12, false,
                            "look at `pgsignet-ldap-sync plan`; if they are to go, run once with "
                            "--force leavers"},
    [SYNC_GUARD_RUNNING] = {"running", 13, false, "wait for the other run, or look where it hangs"},
    [SYNC_GUARD_PRIVILEGED] = {"privileged", 14, true,
                               "take the person out of the group, or the name into sync.protect"},
    [SYNC_GUARD_UNMANAGED] = {"unmanaged", 15, true,
                              "if the role is this person's, GRANT it the marker role, or run once "
                              "with --force unmanaged; else take the name into sync.protect"},
    [SYNC_GUARD_NAMES] = {"names", 16, true, "give the person another name, or map it (|map:FILE)"},
    [SYNC_GUARD_MISSING] = {"missing", 17, true,
                            "run `pgsignet-ldap-sync roles init`, or create the role, or take it "
                            "out of the rules"},
    [SYNC_GUARD_FOREIGN] = {"foreign", 18, true,
                            "as a superuser REVOKE what others granted, or GRANT the role to the "
                            "runner WITH ADMIN OPTION"},
    [SYNC_GUARD_REVOKES] = {"revokes", 19, false,
                            "look at `pgsignet-ldap-sync plan --force revokes`; if they are to "
                            "lose it, run once with --force revokes"},
};

enum sync_guard sync_guard_find(const char *name)
{
    enum sync_guard guard = 0;

    while (guard < SYNC_GUARDS && strcmp(sync_guard_rows[guard].name, name) != 0)
        guard++;
    return guard;
}
