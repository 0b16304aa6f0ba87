/*
 * migrate_rows.h - the tables that a migration copies, a row each, and what is remembered of them.
 */
#ifndef PGSIGNET_MFA_MIGRATE_ROWS_H
#define PGSIGNET_MFA_MIGRATE_ROWS_H

#include "mfa/store.h"

#define MIGRATE_KEY    (STORE_SUBJECT + 1 + STORE_ADDRESS) /* bytes of a row's key, at most */
#define MIGRATE_TABLES 5

struct migrate_table {
    const char *name;
    size_t size; /* bytes of a row's struct */
    /* At most STORE_BATCH rows after `last` (NULL: the first ones), in order of their keys. */
    enum store_status (*page)(struct store *from, const void *last, void *rows, size_t *n);
    struct bytes (*key)(const void *row, uint8_t out[MIGRATE_KEY]);
    uint64_t (*digest)(const void *row); /* of what the key does not say */
    /* In a transaction of the target: adds the row, or makes the one that is there equal to it. */
    enum store_status (*put)(struct store *to, const void *row, bool is_there);
    /* STORE_NONE when it went with another. */
    enum store_status (*remove)(struct store *to, struct bytes key);
    /*
     * The row is there and will be changed: what no two may have, its name, is free for another row until
     * then.  STORE_NONE: it was removed for that.  NULL: put manages by itself.
     */
    enum store_status (*vacate)(struct store *to, const void *row);
    /* The row of another table without which it cannot be there; NULL: it needs none. */
    const struct migrate_table *parent;
    struct bytes (*parent_key)(const void *row, uint8_t out[MIGRATE_KEY]);
};

/* Those that others refer to first: users, tokens, recovery sets, subjects, addresses. */
extern const struct migrate_table migrate_tables[MIGRATE_TABLES];

/* Key and digest of every row of a table, in order. */
struct migrate_memory {
    uint8_t *at; /* u8 length, u8 fate, key, 8 bytes digest; owned */
    size_t len, cap;
};

/* What became of the row in the same pass. */
enum migrate_fate {
    MIGRATE_STANDS,
    MIGRATE_VACATED, /* it is not as its digest says any more */
    MIGRATE_GONE,
};

struct migrate_record {
    struct bytes key; /* in the memory */
    uint64_t digest;
    enum migrate_fate fate;
};

bool migrate_remember(struct migrate_memory *memory, struct bytes key, uint64_t digest);
/* Reads the record at *offset and moves it on; false at the end. */
bool migrate_recall(const struct migrate_memory *memory, size_t *offset,
                    struct migrate_record *record);
void migrate_decide(struct migrate_memory *memory, size_t offset, enum migrate_fate fate);
/* Is there a record of that key, and its row not gone?  All keys of the table are of one length. */
bool migrate_knows(const struct migrate_memory *memory, struct bytes key);
void migrate_forget(struct migrate_memory *memory);

/* By bytes, a prefix first: the order of the pages. */
int migrate_compare(struct bytes a, struct bytes b);

#endif
