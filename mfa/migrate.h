/*
 * migrate.h - one store's rows into another one of any engine, while logins go on.
 *
 *   copy     page by page, in short reads; a digest of every row is kept
 *   close    the source is marked (store_state.moved): from here on it admits nobody
 *   again    every row that is new, gone or changed since, by its digest
 *   open     the target's mark is taken away: it admits
 *
 * One at a time: it claims both stores (store_engine.claim) before it looks at them.
 *
 * Sealed rows are copied as they are: both stores have one identity and one set of keys.  Both marks
 * are the migration's random id, the target's with a minus, so that a migration that was killed is gone
 * on with by running it again, in its direction only, and never two stores admit.  A store that was
 * closed may be the target when its copy goes back.  Until the source is closed it can be given up at no cost; an error
 * after that opens the source again.
 */
#ifndef PGSIGNET_MFA_MIGRATE_H
#define PGSIGNET_MFA_MIGRATE_H

#include "mfa/tokens.h"

enum migrate_stage { MIGRATE_COPY, MIGRATE_AGAIN };

struct migrate_report {
    size_t rows[5];    /* users, tokens, recovery sets, subjects, addresses: in the target */
    size_t break_glass;
    size_t again;      /* rows that had changed since they were copied */
    int64_t closed_ms; /* how long neither store admitted anybody */
    bool resumed;      /* an earlier migration was gone on with */
};

/* How many rows are done; called often. */
typedef void migrate_progress(void *context, enum migrate_stage stage, size_t done);

/*
 * Copies mfa's store to the one that `to` names, which is made if it is not there.  MFA_EXISTS: there is
 * another store; MFA_STATE: the source was moved elsewhere before, or another migration is at work;
 * MFA_KEY: the keys that `to` names do not open it; MFA_STORE.  mfa_error() has the sentence.
 */
enum mfa_result mfa_migrate(struct mfa *mfa, const struct settings *to, migrate_progress *progress,
                            void *context, struct migrate_report *report);

#endif
