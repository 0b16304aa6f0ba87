#include "config.h"

#include "common/group_set.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

static int compare(const void *a, const void *b)
{
    return strcmp(a, b);
}

static enum group_set_result append(struct group_set *set, char *normal, const char *dn)
{
    char *copy = strdup(dn);

    if (copy == NULL)
        return GROUP_SET_NO_MEMORY;
    if (set->n == set->room) {
        size_t room = set->room == 0 ? 16 : set->room * 2;
        struct group_set_item *at = reallocarray(set->at, room, sizeof *at);

        if (at == NULL) {
            free(copy);
            return GROUP_SET_NO_MEMORY;
        }
        set->at = at;
        set->room = room;
    }
    set->at[set->n++] = (struct group_set_item){.normal = normal, .dn = copy};
    return GROUP_SET_NEW;
}

enum group_set_result group_set_add(struct group_set *set, char *normal, const char *dn)
{
    char **node = tsearch(normal, &set->tree, compare);
    enum group_set_result result = GROUP_SET_NO_MEMORY;

    if (node != NULL && *node != normal) {
        free(normal);
        return GROUP_SET_KNOWN;
    }
    if (node != NULL)
        result = append(set, normal, dn);
    if (result == GROUP_SET_NO_MEMORY) {
        if (node != NULL)
            tdelete(normal, &set->tree, compare);
        free(normal);
    }
    return result;
}

static void keep(void *key)
{
    (void)key; /* the array owns it */
}

void group_set_free(struct group_set *set)
{
    size_t i;

    tdestroy(set->tree, keep);
    for (i = 0; i < set->n; i++) {
        free(set->at[i].normal);
        free(set->at[i].dn);
    }
    free(set->at);
    *set = (struct group_set){0};
}
