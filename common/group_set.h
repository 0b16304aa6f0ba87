/*
 * group_set.h - groups by their normal DN, each once, in the order they were found.
 *
 * What makes climbing end in a directory whose groups hold each other.
 */
#ifndef PGSIGNET_GROUP_SET_H
#define PGSIGNET_GROUP_SET_H

#include <stddef.h>

struct group_set {
    struct group_set_item {
        char *normal; /* owned; ldapc_dn_normalise */
        char *dn;     /* owned; as the server wrote it */
    } * at;           /* owned array */
    size_t n, room;
    void *tree; /* tsearch(3) over the normal forms */
};

enum group_set_result { GROUP_SET_NEW, GROUP_SET_KNOWN, GROUP_SET_NO_MEMORY };

/* Takes normal over in any case; dn is copied.  A zeroed set is the empty one. */
enum group_set_result group_set_add(struct group_set *set, char *normal, const char *dn);

/* Leaves the empty set. */
void group_set_free(struct group_set *set);

#endif
