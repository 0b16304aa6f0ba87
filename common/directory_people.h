/*
 * directory_people.h - inside of directory_members.h: everybody who has a role's name, as one
 * table.
 */
#ifndef PGSIGNET_DIRECTORY_PEOPLE_H
#define PGSIGNET_DIRECTORY_PEOPLE_H

#include "common/directory_link.h"

#define PEOPLE_MAX 2000000 /* entries; more is DIRECTORY_ANSWER */

struct directory_person {
    char *normal; /* owned; ldapc_dn_normalise of his DN */
    char *name;   /* owned; the value of ldap.user_name; NULL if there are several or none of use */
    size_t name_len;
    char *uid;       /* owned; the value of uid, if it is one */
    int64_t primary; /* AD: primaryGroupID; 0 = none */
    bool member;     /* for the caller */
};

struct directory_people {
    struct directory_person *at; /* owned array, by normal */
    size_t n, room;
    struct directory_person **by_uid; /* owned array of those with a uid, by it */
    size_t n_by_uid;
};

/*
 * Reads everybody who could log in as something: ldap.user_filter with any name, below
 * ldap.user_base, or what stands beside ldap.user_dn.  As directory_members.
 */
enum reason directory_people(struct directory *directory, int64_t deadline_ms,
                             struct directory_people *out);
void directory_people_free(struct directory_people *people);

/*
 * Where everybody is: the search that directory_people makes.  base and filter are malloc'ed.  False when memory
 * is short, or (base and filter are NULL) the settings do not say it.
 */
bool directory_people_search(const struct settings_ldap *settings, char **base, int *scope,
                             char **filter);

/* The person, or NULL. */
struct directory_person *directory_person_by_dn(const struct directory_people *people,
                                                const char *normal);
struct directory_person *directory_person_by_uid(const struct directory_people *people,
                                                 const char *uid);

/* When one call must end: ldap.timeout from now, but not after the deadline. */
int64_t directory_call_limit(const struct directory *directory, int64_t deadline_ms);

#endif
