#include "config.h"

#include "mfa/subject.h"

#include "common/address.h"

#include <stdio.h>

static unsigned number_of(const uint8_t hash[KEYRING_HASH], unsigned modulus)
{
    unsigned n = (unsigned)hash[0] << 24 | (unsigned)hash[1] << 16 | (unsigned)hash[2] << 8 |
                 (unsigned)hash[3];

    return n % modulus;
}

static struct bytes who_id(const struct subject *subject)
{
    return bytes_of(subject->who.id, subject->who.id_len);
}

static struct bytes from_at(const struct subject *subject)
{
    return bytes_of(subject->from.at, subject->from.len);
}

static struct throttle_address throttle_of(const struct store_address *row)
{
    return (struct throttle_address){row->failures, row->last_failure_ms, row->last_success_ms};
}

bool subject_identify(const struct mfa *mfa, struct bytes user, struct store_subject *who)
{
    *who = (struct store_subject){.id_len = KEYRING_HASH};
    if (!keyring_hash(mfa->ring.bucket, user, who->id))
        return false;
    who->slot = (int64_t)number_of(who->id, SUBJECT_SLOTS);
    return true;
}

/* Both hashes are made for either kind: known and unknown names cost the same. */
static bool identify(const struct mfa *mfa, struct bytes user, struct bytes address,
                     struct subject *subject)
{
    uint8_t hash[KEYRING_HASH];
    struct address origin;

    address_parse(address, &origin);
    subject->from_name = origin.is_name;
    address = bytes_of(origin.at, origin.len);
    if (!subject_identify(mfa, user, &subject->who) ||
        !keyring_hash(mfa->ring.bucket, address, hash))
        return false;
    if (subject->kind == SUBJECT_BUCKET) {
        unsigned bucket = number_of(subject->who.id, SUBJECT_BUCKETS);
        subject->who = (struct store_subject){
            .id = {(uint8_t)(bucket >> 8), (uint8_t)(bucket & 0xff)},
              .id_len = 2, .slot = -1
        };
        subject->from.at[0] = (uint8_t)number_of(hash, SUBJECT_BUCKET_SOURCES);
        subject->from.len = 1;
    } else if (address.len > sizeof subject->from.at) {
        /* A name; it counts all the same. */
        memcpy(subject->from.at, hash, sizeof hash);
        subject->from.len = sizeof hash;
    } else if (address.len > 0) {
        memcpy(subject->from.at, address.ptr, address.len);
        subject->from.len = address.len;
    }
    return true;
}

enum store_status subject_load(struct mfa *mfa, enum subject_kind kind, struct bytes user,
                               struct bytes address, int64_t now_ms, struct subject *subject)
{
    struct store_subject who;
    struct store_address from;

    *subject = (struct subject){.kind = kind};
    if (!identify(mfa, user, address, subject)) {
        snprintf(mfa->store->error, sizeof mfa->store->error,
                 "cannot count failures: HMAC-SHA256 fails in OpenSSL");
        return STORE_FAILED;
    }
    enum store_status status = mfa->store->engine->subject_find(mfa->store, who_id(subject), &who);
    if (status == STORE_FAILED)
        return status;
    if (status == STORE_OK) {
        subject->who = who;
        subject->who_stored = true;
    }
    /* Nobody can unlock a bucket, so it forgets by itself. */
    if (kind == SUBJECT_BUCKET &&
        (now_ms < subject->who.touched_ms || now_ms - subject->who.touched_ms > SUBJECT_FORGET_MS))
        subject->who.failures = 0;
    status = mfa->store->engine->address_find(mfa->store, who_id(subject), from_at(subject), &from);
    if (status == STORE_FAILED)
        return status;
    if (status == STORE_OK) {
        subject->from = from;
        subject->from_stored = true;
    }
    return STORE_OK;
}

enum throttle_verdict subject_judge(const struct mfa *mfa, const struct subject *subject,
                                    int64_t now_ms)
{
    struct throttle_address from = throttle_of(&subject->from);

    return throttle_judge(&mfa->throttle, &from, subject->who.failures, now_ms);
}

bool subject_mend(struct subject *subject, int64_t now_ms)
{
    struct throttle_address from = throttle_of(&subject->from);

    if (!throttle_mend(&from, now_ms))
        return false;
    subject->from.last_failure_ms = from.last_failure_ms;
    return true;
}

enum store_status subject_save_address(struct mfa *mfa, const struct subject *subject)
{
    return mfa->store->engine->address_put(mfa->store, who_id(subject), &subject->from);
}

/* The row to give up first: the longest untouched, those of a recent success last. */
static size_t oldest(const struct mfa *mfa, const struct store_address *rows, size_t n,
                     int64_t now_ms)
{
    size_t found = 0;
    bool found_recent = true;
    int64_t found_ms = INT64_MAX;

    for (size_t i = 0; i < n; i++) {
        struct throttle_address row = throttle_of(&rows[i]);
        bool recent = throttle_is_recent(&mfa->throttle, &row, now_ms);
        int64_t touched =
            row.last_failure_ms > row.last_success_ms ? row.last_failure_ms : row.last_success_ms;
        if ((found_recent && !recent) || (found_recent == recent && touched < found_ms)) {
            found = i;
            found_recent = recent;
            found_ms = touched;
        }
    }
    return found;
}

static bool forgotten(const struct mfa *mfa, const struct store_address *at, int64_t now_ms)
{
    struct throttle_address row = throttle_of(at);

    return !throttle_is_recent(&mfa->throttle, &row, now_ms) && row.last_failure_ms <= now_ms &&
           now_ms - row.last_failure_ms > SUBJECT_FORGET_MS;
}

/* Before a new address is added: drops rows that say nothing any more, and one more if it is full. */
static enum store_status make_room(struct mfa *mfa, const struct subject *subject, int64_t now_ms)
{
    struct store_address rows[STORE_ADDRESSES];
    size_t n = 0, left = 0;
    size_t limit = subject->who.slot >= 0 ? SUBJECT_SLOT_ADDRESSES : STORE_ADDRESSES;
    const struct store_engine *engine = mfa->store->engine;

    if (subject->kind == SUBJECT_BUCKET || !subject->who_stored)
        return STORE_OK;
    if (engine->address_list(mfa->store, who_id(subject), rows, &n) != STORE_OK)
        return STORE_FAILED;
    for (size_t i = 0; i < n; i++) {
        if (!forgotten(mfa, &rows[i], now_ms))
            rows[left++] = rows[i];
        else if (engine->address_remove(mfa->store, who_id(subject),
                                        bytes_of(rows[i].at, rows[i].len)) != STORE_OK)
            return STORE_FAILED;
    }
    for (; left >= limit; left--) {
        size_t victim = oldest(mfa, rows, left, now_ms);
        if (engine->address_remove(mfa->store, who_id(subject),
                                   bytes_of(rows[victim].at, rows[victim].len)) != STORE_OK)
            return STORE_FAILED;
        rows[victim] = rows[left - 1];
    }
    return STORE_OK;
}

static enum store_status save(struct mfa *mfa, struct subject *subject, int64_t now_ms)
{
    subject->who.touched_ms = now_ms;
    if (!subject->from_stored && make_room(mfa, subject, now_ms) != STORE_OK)
        return STORE_FAILED;
    if (mfa->store->engine->subject_put(mfa->store, &subject->who) != STORE_OK)
        return STORE_FAILED;
    return subject_save_address(mfa, subject);
}

enum store_status subject_fail(struct mfa *mfa, struct subject *subject, int64_t now_ms)
{
    subject->who.failures = throttle_add(subject->who.failures);
    subject->from.failures = throttle_add(subject->from.failures);
    subject->from.last_failure_ms = now_ms;
    return save(mfa, subject, now_ms);
}

enum store_status subject_succeed(struct mfa *mfa, struct subject *subject, int64_t now_ms)
{
    int64_t others = subject->who.failures - subject->from.failures;

    subject->who.failures = others > 0 ? others : 0;
    subject->who.slot = -1; /* a real user: kept for good */
    subject->from.failures = 0;
    /* A name is what the client's reverse DNS says: trusting it would let anybody past the cap. */
    if (!subject->from_name)
        subject->from.last_success_ms = now_ms;
    return save(mfa, subject, now_ms);
}

enum store_status subject_keep(struct mfa *mfa, struct bytes user, int64_t now_ms)
{
    struct store_subject who;
    struct store_subject stored;

    if (!subject_identify(mfa, user, &who))
        return STORE_FAILED;
    enum store_status status =
        mfa->store->engine->subject_find(mfa->store, bytes_of(who.id, who.id_len), &stored);
    if (status == STORE_FAILED || (status == STORE_OK && stored.slot < 0))
        return status;
    if (status == STORE_OK)
        who = stored;
    who.slot = -1;
    who.touched_ms = now_ms;
    return mfa->store->engine->subject_put(mfa->store, &who);
}
