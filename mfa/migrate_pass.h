/*
 * migrate_pass.h - one pass of a migration: the target is made equal to what the source has now.
 */
#ifndef PGSIGNET_MFA_MIGRATE_PASS_H
#define PGSIGNET_MFA_MIGRATE_PASS_H

#include "mfa/migrate.h"
#include "mfa/migrate_rows.h"

/* Where a pass is in what is remembered of a table. */
struct merge {
    size_t at, next; /* offsets of this record and of the one behind it */
    struct migrate_record record;
    bool at_end;
};

struct migration {
    struct mfa *mfa;
    const struct settings *settings; /* of the target */
    struct store *from, *to;
    int64_t id; /* random, positive */
    struct store_identity identity;
    struct migrate_memory memory[MIGRATE_TABLES]; /* of what stands in the target */
    struct migrate_memory fresh;
    struct merge merge;
    migrate_progress *progress;
    void *context;
    enum migrate_stage stage;
    size_t done;
    struct migrate_report *report;
};

/* When one step must be done, or logins that are under way: CLOCK_MONOTONIC in ms. */
int64_t migrate_soon(void);

/* The sentence of whichever store failed becomes the handle's, and its transaction ends.  MFA_STORE. */
enum mfa_result migrate_trouble(struct migration *m, struct store *store);
enum mfa_result migrate_short_of_memory(struct migration *m);

/* Notes what stands in the target already; false with a sentence if that fails. */
bool migrate_remember_target(struct migration *m);

/*
 * Removes what the source has no more, adds and changes the rest; notes what the target has then.  A pass
 * that failed may have done part of it, and the next one is told by migrate_remember_target alone.
 */
enum mfa_result migrate_pass(struct migration *m, enum migrate_stage stage);

#endif
