/*
 * subject.h - whose failures are counted where, in a bounded number of rows.
 *
 * A name that is enrolled, or that succeeded once, has rows of its own for good: one per address, the
 * oldest making room past STORE_ADDRESSES.  Any other name that may yet succeed (no code due) has rows
 * of its own in one of SUBJECT_SLOTS slots, where a newcomer takes the place of another.  A name that
 * cannot succeed (code due, no token) shares a bucket with others: its failures cost what a known
 * user's cost, and no list of random names makes the store grow.
 */
#ifndef PGSIGNET_MFA_SUBJECT_H
#define PGSIGNET_MFA_SUBJECT_H

#include "mfa/engine.h"
#include "mfa/throttle.h"

#define SUBJECT_BUCKETS        1024  /* of names */
#define SUBJECT_BUCKET_SOURCES 64    /* of addresses, in each */
#define SUBJECT_SLOTS          16384 /* names that never succeeded */
#define SUBJECT_SLOT_ADDRESSES 4     /* rows of each */
#define SUBJECT_FORGET_MS      (INT64_C(24) * 3600 * 1000)

enum subject_kind { SUBJECT_NAME, SUBJECT_BUCKET };

struct subject {
    enum subject_kind kind;
    struct store_subject who;
    struct store_address from;
    bool who_stored;
    bool from_stored;
    bool from_anybody; /* a name or a proxy (address.h): it does not tell who is there */
};

/*
 * The row id a name's failures are counted under, and the slot it has while it never succeeded.
 * False when the library fails.
 */
bool subject_identify(const struct mfa *mfa, struct bytes user, struct store_subject *who);

/*
 * Whom and what a look is to ask about; bucket_without_token and recovery are the caller's to set.
 * from_anybody: see struct subject.  Known and unknown names cost the same.  False when the library fails.
 */
bool subject_ask(const struct mfa *mfa, struct bytes user, struct bytes address,
                 struct store_ask *ask, bool *from_anybody);

/* The subject that a look found. */
void subject_of_view(const struct store_view *view, bool from_anybody, int64_t now_ms,
                     struct subject *subject);

/* Reads the two rows of a name (or fills in those of somebody who never failed).  In a transaction. */
enum store_status subject_load(struct mfa *mfa, struct bytes user, struct bytes address,
                               int64_t now_ms, struct subject *subject);

enum throttle_verdict subject_judge(const struct mfa *mfa, const struct subject *subject,
                                    int64_t now_ms);

/* Must this row be written anew because the clock was set back?  *subject is then mended. */
bool subject_mend(struct subject *subject, int64_t now_ms);
enum store_status subject_save_address(struct mfa *mfa, const struct subject *subject);

/* One failure, one full success; in the writing transaction in which the subject was looked at. */
enum store_status subject_fail(struct mfa *mfa, const struct subject *subject, int64_t now_ms);
enum store_status subject_succeed(struct mfa *mfa, const struct subject *subject, int64_t now_ms);

/*
 * Would subject_succeed find nothing to change?  A success is noted at most once an hour: a store that is
 * written at each login is not worth a finer date.
 */
bool subject_is_noted(const struct subject *subject, int64_t now_ms);

/* Gives an enrolled name rows of its own for good. */
enum store_status subject_keep(struct mfa *mfa, struct bytes user, int64_t now_ms);

#endif
