/*
 * rules_persons.h - inside of rules.h: whom groups name, each once.
 *
 * A person stands for one entry: by its DN, which servers write in several ways, by the uid that
 * memberUid holds, or for all entries with one primary group of AD.  Whether there is such an entry
 * is not known here. 100,000 of them are kept at once, so they are small: the parent's DN is kept
 * once for all its children.
 */
#ifndef PGSIGNET_SYNC_RULES_PERSONS_H
#define PGSIGNET_SYNC_RULES_PERSONS_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum person_flag {
    PERSON_RAW =
        1, /* behind the NUL of rdn stands the RDN as the server wrote it; else it is the same */
    PERSON_GROUP = 2,    /* a group: no person after all */
    PERSON_DONE = 4,     /* the entry has been read, and what it gives is given */
    PERSON_DISABLED = 8, /* ... and it is disabled or expired */
    PERSON_NAMED = 16,   /* his DN gave him a name */
    PERSON_UNSEEN = 32,  /* of rules_unseen.c: no search has shown what he is */
};

struct person {
    const char *rdn;      /* normal form of the first RDN; a uid; a primaryGroupID */
    uint32_t parent : 24; /* place in persons.parents, or one of the enum */
    uint32_t flags : 8;   /* enum person_flag */
    uint32_t self;        /* his place */
    uint32_t first, last; /* his edges: places in scan.edges + 1; 0 = none */
};

enum { PARENT_UID, PARENT_PRIMARY, PARENT_ROOT, PARENTS_SPECIAL };

struct parent {
    const char *normal; /* "" of an entry that has none */
    const char *raw;    /* as the server wrote it first */
    bool inside;        /* it is persons.base, or below it */
};

struct persons {
    GStringChunk *texts;
    GPtrArray *blocks; /* of PERSONS_BLOCK persons, which never move */
    uint32_t n;
    GHashTable *set;       /* of struct person, by parent and rdn */
    GArray *parents;       /* struct parent */
    GHashTable *by_raw;    /* raw -> place */
    GHashTable *by_normal; /* normal -> place */
    const char *last_raw;  /* of the parent that was met last */
    size_t last_len;
    uint32_t last_parent;
    char *base; /* owned normal form, or NULL: everything is inside */
};

/* base: the DN that people are below, or NULL. */
void persons_init(struct persons *persons, const char *base);
void persons_clear(struct persons *persons); /* a zeroed one is fine */

/* Nobody will be looked up any more: that memory is better used for what comes next. */
void persons_close(struct persons *persons);

/*
 * The person with that DN (text need not end in NUL), made if he is new.  NULL when it is no DN.
 * Of several spellings of one RDN the last in order of bytes is kept as the raw one, so that it
 * does not hang on the order of answers.
 */
struct person *persons_by_dn(struct persons *persons, const char *text, size_t len);

/* The same without making one; NULL when he is not known. */
struct person *persons_find_dn(struct persons *persons, const char *text, size_t len);

/* By a uid (PARENT_UID) or a primaryGroupID (PARENT_PRIMARY); made, or NULL, when he is new. */
struct person *persons_by_key(struct persons *persons, uint32_t parent, const char *key, size_t len,
                              bool make);

struct person *persons_at(const struct persons *persons, uint32_t place);

/* The first RDN as the server wrote it. */
const char *person_raw(const struct person *person);

/* Below the base, or it is not known what that is. */
bool person_inside(const struct persons *persons, const struct person *person);

/* Appends the DN, for messages. */
void person_append_dn(const struct persons *persons, const struct person *person, GString *out);

#endif
