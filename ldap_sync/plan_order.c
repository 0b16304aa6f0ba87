#include "config.h"

#include "ldap_sync/plan_role.h"

#include <string.h>

/* The changes of one role, which stand together. */
struct block {
    const char *role;
    uint32_t first, n;
};

static int compare_blocks(gconstpointer a, gconstpointer b)
{
    return strcmp(((const struct block *)a)->role, ((const struct block *)b)->role);
}

/*
 * The places of the changes by role.  Only roles that change are compared by name, and each once.
 */
static GArray *by_role(const GArray *changes)
{
    GArray *blocks = g_array_new(FALSE, FALSE, sizeof(struct block));
    GArray *places = g_array_sized_new(FALSE, FALSE, sizeof(uint32_t), changes->len);

    for (guint i = 0; i < changes->len; i++) {
        const char *role = g_array_index(changes, struct change, i).role;
        if (i == 0 || g_array_index(blocks, struct block, blocks->len - 1).role != role) {
            struct block block = {.role = role, .first = i};
            g_array_append_val(blocks, block);
        }
        g_array_index(blocks, struct block, blocks->len - 1).n++;
    }
    g_array_sort(blocks, compare_blocks);
    for (guint i = 0; i < blocks->len; i++) {
        const struct block *block = &g_array_index(blocks, struct block, i);
        for (uint32_t place = block->first; place < block->first + block->n; place++)
            g_array_append_val(places, place);
    }
    g_array_unref(blocks);
    return places;
}

static int compare_texts(const char *a, const char *b)
{
    return a == b ? 0 : g_strcmp0(a, b);
}

static int options_of(const struct change *change)
{
    return change->admin << 3 | change->inherit << 2 | change->set << 1 | change->cascade;
}

static int compare_places(gconstpointer a, gconstpointer b, gpointer data)
{
    const struct change *changes = data;
    const struct change *x = &changes[*(const uint32_t *)a], *y = &changes[*(const uint32_t *)b];
    int order = (int)x->kind - (int)y->kind;

    if (order == 0)
        order = compare_texts(x->object, y->object);
    if (order == 0)
        order = compare_texts(x->grantor, y->grantor);
    return order != 0 ? order : options_of(x) - options_of(y);
}

/* In place, along the cycles of the permutation: a first plan is tens of megabytes. */
static void permute(struct change *changes, uint32_t *places, guint n)
{
    for (uint32_t start = 0; start < n; start++) {
        struct change held = changes[start];
        uint32_t to = start;

        while (places[to] != start) {
            uint32_t from = places[to];
            changes[to] = changes[from];
            places[to] = to;
            to = from;
        }
        changes[to] = held;
        places[to] = to;
    }
}

void plan_sort(struct plan *plan)
{
    struct change *changes = (struct change *)(void *)plan->changes->data;

    if (plan->changes->len < 2)
        return;
    GArray *places = by_role(plan->changes);
    g_array_sort_with_data(places, compare_places, changes); /* which is stable */
    permute(changes, (uint32_t *)(void *)places->data, places->len);
    g_array_unref(places);
}
