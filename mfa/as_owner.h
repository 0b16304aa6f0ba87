/*
 * as_owner.h - work on the store in a child that has become its owner.
 *
 * Root opens neither store nor key (owner.h); the parent stays root, and can take back what it made if the child fails.
 */
#ifndef PGSIGNET_MFA_AS_OWNER_H
#define PGSIGNET_MFA_AS_OWNER_H

#include "mfa/store.h"
#include "mfa/tokens.h"

/* What the child tells its parent. */
struct as_owner_report {
    enum mfa_result result;
    char why[STORE_ERROR];
};

enum as_owner_end {
    AS_OWNER_TOLD, /* *report is what the work returned, or MFA_STORE and why nobody could become that user */
    AS_OWNER_NOT_STARTED, /* no process could be started: errno says why */
    AS_OWNER_LOST,        /* it ended before it was done */
};

/* In the child.  why is "" before. */
typedef enum mfa_result as_owner_work(void *context, char *why, size_t size);

/* Does the work as that user (owner_become), in a child that ends with it; waits for its end. */
enum as_owner_end as_owner(const char *user, as_owner_work *work, void *context,
                           struct as_owner_report *report);

#endif
