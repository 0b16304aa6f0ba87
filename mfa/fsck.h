/*
 * fsck.h - does every record open, and does each belong to what it names?
 *
 * Reads a live store in batches, each one view of the rows; changes nothing.
 */
#ifndef PGSIGNET_MFA_FSCK_H
#define PGSIGNET_MFA_FSCK_H

#include "mfa/tokens.h"

struct fsck_fault {
    const char *kind;  /* one word: "data-key", "user", "user-key", "token", "secret", ... */
    struct bytes user; /* empty when it is nobody's */
    const char *token; /* its name, or NULL */
    int64_t id;        /* of the row; 0 = none */
    const char *what;  /* "its secret does not open": a phrase of ours */
};

struct fsck_count {
    int64_t users, tokens, recovery_sets, break_glass, data_keys, wraps;
    int64_t faults;
};

/* Valid during the call; false ends the check. */
typedef bool fsck_report(void *context, const struct fsck_fault *fault);

/* Called after each batch.  May be NULL. */
typedef void fsck_progress(void *context, int64_t users);

/* MFA_OK when everything was looked at, faults or not; MFA_STORE when that was not possible. */
enum mfa_result mfa_fsck(struct mfa *mfa, int64_t now_s, fsck_report *report,
                         fsck_progress *progress, void *context, struct fsck_count *count);

#endif
