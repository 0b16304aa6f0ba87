/*
 * directory_groups.h - inside of directory.h: one question about a user's groups, and the two ways to
 * its answer.
 */
#ifndef PGSIGNET_DIRECTORY_GROUPS_H
#define PGSIGNET_DIRECTORY_GROUPS_H

#include "common/directory_link.h"
#include "common/group_set.h"
#include "common/ldap_search.h"

#define GROUPS_MAX 5000 /* groups of one user, over all levels; more is DIRECTORY_ANSWER */

/* A configured group in the forms it is compared in. */
struct wanted {
    const char *text; /* as configured */
    char *dn;         /* owned normal form, or NULL: text is a cn */
};

/* One request for groups. */
struct climb {
    struct directory *directory;
    const struct directory_entry *entry;
    int64_t deadline_ms;
    const char *base;
    struct wanted *require, *deny; /* owned arrays */
    size_t n_require, n_deny;
    const struct wanted *required, *denied; /* the first that matched */
    struct group_set seen;                  /* in order of discovery: the frontier is its tail */
    bool damaged;                           /* a group whose DN cannot be read */
    bool too_many;
};

/* What one search for groups collects; a retry on another server finds the same groups known. */
struct group_search {
    struct climb *climb;
    struct ldapc_search search;
    struct ldapc_search_answer answer;
};

/*
 * Only a whole answer counts: a group that is left out might be one that denies.  REASON_GRANTED, or
 * _DIRECTORY_ANSWER with the directory's error set.
 */
enum reason directory_judge_groups(struct climb *climb, const struct ldapc_search_answer *answer);

/*
 * Find out which wanted groups the user is in: climb->denied and ->required.  directory_climb searches
 * the groups that hold the user, then (ldap.nested: climb) those that hold these; directory_in_chain
 * lets an AD do it.  REASON_GRANTED when the question is answered.
 */
enum reason directory_climb(struct climb *climb);
enum reason directory_in_chain(struct climb *climb);

/*
 * Finds the primary group of a user of an AD, if he has one, and notes it in climb as directory_read_group
 * does.  REASON_GRANTED also where it cannot be found and nothing is denied.
 */
enum reason directory_primary(struct climb *climb);

/* ldapc_search.each: notes the entry, a group the user is in; context is the climb. */
bool directory_read_group(LDAP *ld, LDAPMessage *message, void *context);

#endif
