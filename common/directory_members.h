/*
 * directory_members.h - the other way round: which roles a group of the directory holds.
 *
 * The people below ldap.user_base are read in pages, then the group and, with ldap.nested, the
 * groups in it: so the number of searches grows with pages and groups, not with members.  A
 * member's role name is the one value of ldap.user_name of his entry.  Members are taken from
 * member, uniqueMember and memberUid (a value of uid), AD's ranges of them, and AD's primary group.
 */
#ifndef PGSIGNET_DIRECTORY_MEMBERS_H
#define PGSIGNET_DIRECTORY_MEMBERS_H

#include "common/directory.h"

struct directory_member {
    char *name; /* owned; bytes from the directory, name_len of them, NUL behind */
    size_t name_len;
};

struct directory_members {
    struct directory_member *at; /* owned array, by name in the order of bytes, each name once */
    size_t n;
    size_t unknown;   /* members that are neither people with one role name nor (nested) groups */
    char *an_unknown; /* owned; one of them, as the directory has it; NULL when there is none */
};

/*
 * Reads the members of the group with that DN.  REASON_GRANTED with *out the caller's to free, or
 * REASON_DIRECTORY_UNAVAILABLE, _DIRECTORY_ANSWER (no such group, a limit of the server, a
 * referral, nested deeper than ldap.depth), _DEADLINE, _INTERNAL (memory); *out is empty then.
 * Each page and each group has ldap.timeout; all of it ends by deadline_ms (CLOCK_MONOTONIC).
 */
enum reason directory_members(struct directory *directory, const char *group, int64_t deadline_ms,
                              struct directory_members *out);
void directory_members_free(struct directory_members *members); /* leaves it empty */

#endif
