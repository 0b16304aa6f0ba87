#include "config.h"

#include "ldap_sync/rules_persons.h"

#include "common/ldap_dn.h"

#include <stdlib.h>
#include <string.h>

#define PERSONS_BLOCK 4096
#define TEXTS_BLOCK   65536
#define PARENTS_MAX   ((1U << 24) - 1)

static guint hash_person(gconstpointer key)
{
    const struct person *person = key;

    return g_str_hash(person->rdn) + person->parent * 2654435761U;
}

static gboolean equal_persons(gconstpointer a, gconstpointer b)
{
    const struct person *left = a, *right = b;

    return left->parent == right->parent && strcmp(left->rdn, right->rdn) == 0;
}

void persons_init(struct persons *persons, const char *base)
{
    static const struct parent special[PARENTS_SPECIAL] = {
        {.normal = "", .raw = ""},
        {.normal = "", .raw = ""},
        {.normal = "", .raw = ""},
    };

    *persons = (struct persons){
        .texts = g_string_chunk_new(TEXTS_BLOCK),
        .blocks = g_ptr_array_new_with_free_func(g_free),
        .set = g_hash_table_new(hash_person, equal_persons),
        .parents = g_array_new(FALSE, FALSE, sizeof(struct parent)),
        .by_raw = g_hash_table_new(g_str_hash, g_str_equal),
        .by_normal = g_hash_table_new(g_str_hash, g_str_equal),
        .base = base != NULL ? ldapc_dn_normalise(base) : NULL,
    };
    g_array_append_vals(persons->parents, special, PARENTS_SPECIAL);
}

void persons_clear(struct persons *persons)
{
    if (persons->texts == NULL)
        return;
    g_hash_table_unref(persons->set);
    g_hash_table_unref(persons->by_raw);
    g_hash_table_unref(persons->by_normal);
    g_array_unref(persons->parents);
    g_ptr_array_unref(persons->blocks);
    g_string_chunk_free(persons->texts);
    free(persons->base);
    *persons = (struct persons){0};
}

void persons_close(struct persons *persons)
{
    g_hash_table_unref(persons->set);
    persons->set = g_hash_table_new(hash_person, equal_persons);
}

struct person *persons_at(const struct persons *persons, uint32_t place)
{
    struct person *block = g_ptr_array_index(persons->blocks, place / PERSONS_BLOCK);

    return &block[place % PERSONS_BLOCK];
}

/* --- parents --- */

static uint32_t note_parent(struct persons *persons, const char *normal, const char *raw)
{
    guint place = GPOINTER_TO_UINT(g_hash_table_lookup(persons->by_normal, normal));

    if (place == 0) {
        struct parent parent = {
            .normal = g_string_chunk_insert(persons->texts, normal),
            .raw = raw,
            .inside = persons->base != NULL && ldapc_dn_is_below(normal, persons->base),
        };

        place = persons->parents->len;
        if (place > PARENTS_MAX)
            return 0;
        g_array_append_val(persons->parents, parent);
        g_hash_table_insert(persons->by_normal, (gpointer)(uintptr_t)parent.normal,
                            GUINT_TO_POINTER(place));
    }
    return place;
}

/*
 * The place of a parent as the server wrote it; 0 when that is no DN.  Most DNs have the same as
 * the one before.
 */
static uint32_t find_parent(struct persons *persons, const char *text, size_t len)
{
    char *raw, *normal;
    guint place;

    if (persons->last_raw != NULL && persons->last_len == len &&
        memcmp(persons->last_raw, text, len) == 0)
        return persons->last_parent;
    raw = g_strndup(text, len);
    place = GPOINTER_TO_UINT(g_hash_table_lookup(persons->by_raw, raw));
    if (place == 0 && (normal = ldapc_dn_normalise(raw)) != NULL) {
        char *kept = g_string_chunk_insert(persons->texts, raw);

        place = note_parent(persons, normal, kept);
        if (place != 0)
            g_hash_table_insert(persons->by_raw, kept, GUINT_TO_POINTER(place));
        free(normal);
    }
    if (place != 0) {
        gpointer kept = NULL;

        g_hash_table_lookup_extended(persons->by_raw, raw, &kept, NULL);
        persons->last_raw = kept;
        persons->last_len = len;
        persons->last_parent = place;
    }
    g_free(raw);
    return place;
}

/* --- persons --- */

/* What one DN comes to: the key, and the first RDN as it was written. */
struct key {
    struct person person; /* rdn is not kept */
    const char *raw;
    size_t raw_len;
    char *owned, *owned_raw; /* of the slow way: hold rdn and raw */
};

/*
 * Any DN, by libldap: the first RDN of a normal form ends at the first comma, for others are
 * escaped in it.
 */
static bool slow_key(struct persons *persons, const char *text, size_t len, struct key *key)
{
    char *copy = g_strndup(text, len), *normal = NULL, *comma;

    if (strlen(copy) == len) {
        normal = ldapc_dn_normalise(copy);
        key->raw = key->owned_raw = ldapc_rdn_first(copy);
        key->raw_len = key->raw != NULL ? strlen(key->raw) : 0;
    }
    g_free(copy);
    if (normal == NULL)
        return false;
    comma = strchr(normal, ',');
    key->person.parent = PARENT_ROOT;
    if (comma != NULL) {
        *comma = '\0';
        key->person.parent =
            note_parent(persons, comma + 1, g_string_chunk_insert(persons->texts, comma + 1)) &
            PARENTS_MAX;
    }
    key->owned = normal;
    key->person.rdn = normal;
    return key->person.parent != 0 && key->raw != NULL;
}

static bool make_key(struct persons *persons, const char *text, size_t len, char rdn[LDAPC_RDN_MAX],
                     struct key *key)
{
    size_t rdn_len, used = len > LDAPC_DN_MAX ? 0 : ldapc_rdn_plain(text, len, rdn, &rdn_len);

    *key = (struct key){0};
    if (used == 0)
        return slow_key(persons, text, len, key);
    key->person.rdn = rdn;
    key->person.parent = used == len
                             ? PARENT_ROOT
                             : find_parent(persons, text + used + 1, len - used - 1) & PARENTS_MAX;
    key->raw = text;
    key->raw_len = used;
    return key->person.parent != 0;
}

/* "rdn NUL raw NUL", or "rdn NUL" where both are the same. */
static const char *keep_rdn(struct persons *persons, const struct key *key, bool *has_raw)
{
    size_t len = strlen(key->person.rdn);
    GString *both;
    const char *kept;

    *has_raw =
        key->raw != NULL && (key->raw_len != len || memcmp(key->raw, key->person.rdn, len) != 0);
    if (!*has_raw)
        return g_string_chunk_insert_len(persons->texts, key->person.rdn, (gssize)len);
    both = g_string_sized_new(len + key->raw_len + 2);
    g_string_append_len(both, key->person.rdn, (gssize)len + 1);
    g_string_append_len(both, key->raw, (gssize)key->raw_len);
    kept = g_string_chunk_insert_len(persons->texts, both->str, (gssize)both->len);
    g_string_free(both, TRUE);
    return kept;
}

static struct person *add(struct persons *persons, const struct key *key)
{
    struct person *person;
    bool has_raw;

    if (persons->n % PERSONS_BLOCK == 0)
        g_ptr_array_add(persons->blocks, g_new(struct person, PERSONS_BLOCK));
    person = persons_at(persons, persons->n);
    *person = (struct person){.parent = key->person.parent, .self = persons->n++};
    person->rdn = keep_rdn(persons, key, &has_raw);
    person->flags = has_raw ? PERSON_RAW : 0;
    g_hash_table_add(persons->set, person);
    return person;
}

const char *person_raw(const struct person *person)
{
    return (person->flags & PERSON_RAW) ? person->rdn + strlen(person->rdn) + 1 : person->rdn;
}

static void choose_spelling(struct persons *persons, struct person *person, const struct key *key)
{
    const char *raw = person_raw(person);
    size_t len = strlen(raw), common = MIN(len, key->raw_len);
    int order = memcmp(key->raw, raw, common);
    bool has_raw;

    if (order < 0 || (order == 0 && key->raw_len <= len))
        return;
    person->rdn = keep_rdn(persons, key, &has_raw);
    person->flags =
        has_raw ? person->flags | PERSON_RAW : person->flags & ~(unsigned)PERSON_RAW & 0xff;
}

static struct person *by_dn(struct persons *persons, const char *text, size_t len, bool make)
{
    char rdn[LDAPC_RDN_MAX];
    struct person *person = NULL;
    struct key key;

    if (make_key(persons, text, len, rdn, &key)) {
        person = g_hash_table_lookup(persons->set, &key.person);
        if (person == NULL && make)
            person = add(persons, &key);
        else if (person != NULL && make)
            choose_spelling(persons, person, &key);
    }
    free(key.owned);
    free(key.owned_raw);
    return person;
}

struct person *persons_by_dn(struct persons *persons, const char *text, size_t len)
{
    return by_dn(persons, text, len, true);
}

struct person *persons_find_dn(struct persons *persons, const char *text, size_t len)
{
    return by_dn(persons, text, len, false);
}

struct person *persons_by_key(struct persons *persons, uint32_t parent, const char *text,
                              size_t len, bool make)
{
    char *copy = g_strndup(text, len);
    struct key key = {.person = {.rdn = copy, .parent = parent & PARENTS_MAX}};
    struct person *person = NULL;

    if (len > 0 && strlen(copy) == len) {
        person = g_hash_table_lookup(persons->set, &key.person);
        if (person == NULL && make)
            person = add(persons, &key);
    }
    g_free(copy);
    return person;
}

bool person_inside(const struct persons *persons, const struct person *person)
{
    return persons->base == NULL ||
           g_array_index(persons->parents, struct parent, person->parent).inside;
}

void person_append_dn(const struct persons *persons, const struct person *person, GString *out)
{
    const struct parent *parent = &g_array_index(persons->parents, struct parent, person->parent);

    if (person->parent == PARENT_UID)
        g_string_append(out, "uid ");
    if (person->parent == PARENT_PRIMARY)
        g_string_append(out, "everybody with primaryGroupID ");
    g_string_append(out, person_raw(person));
    if (*parent->normal != '\0')
        g_string_append_printf(out, ",%s", parent->raw);
}
