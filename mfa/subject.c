#include "config.h"

#include "mfa/subject.h"

#include "common/address.h"

#include <stdio.h>

/* Longer ago than that?  now_ms is at or after then_ms; both may be absurd. */
static bool is_past(int64_t then_ms, int64_t now_ms, int64_t ms)
{
    int64_t passed;

    return __builtin_sub_overflow(now_ms, then_ms, &passed) || passed > ms;
}

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

bool subject_ask(const struct mfa *mfa, struct bytes user, struct bytes address,
                 struct store_ask *ask, bool *from_anybody)
{
    uint8_t hash[KEYRING_HASH];
    struct address origin;

    *ask = (struct store_ask){.user = user};
    address_parse(address, &mfa->origins, &origin);
    *from_anybody = origin.is_name || origin.is_proxy;
    address = bytes_of(origin.at, origin.len);
    if (!subject_identify(mfa, user, &ask->name) || !keyring_hash(mfa->ring.bucket, address, hash))
        return false;
    unsigned bucket = number_of(ask->name.id, SUBJECT_BUCKETS);
    ask->bucket = (struct store_subject){
        .id = {(uint8_t)(bucket >> 8), (uint8_t)(bucket & 0xff)},
          .id_len = 2, .slot = -1
    };
    ask->bucket_from.at[0] = (uint8_t)number_of(hash, SUBJECT_BUCKET_SOURCES);
    ask->bucket_from.len = 1;
    if (address.len > sizeof ask->name_from.at) {
        /* A name; it counts all the same. */
        memcpy(ask->name_from.at, hash, sizeof hash);
        ask->name_from.len = sizeof hash;
    } else if (address.len > 0) {
        memcpy(ask->name_from.at, address.ptr, address.len);
        ask->name_from.len = address.len;
    }
    return true;
}

void subject_of_view(const struct store_view *view, bool from_anybody, int64_t now_ms,
                     struct subject *subject)
{
    *subject = (struct subject){
        .kind = view->in_bucket ? SUBJECT_BUCKET : SUBJECT_NAME,
        .who = view->who,
        .from = view->from,
        .who_stored = view->who_stored,
        .from_stored = view->from_stored,
        .from_anybody = from_anybody,
    };
    /* Nobody can unlock a bucket, so it forgets by itself. */
    if (subject->kind == SUBJECT_BUCKET &&
        (now_ms < subject->who.touched_ms ||
         is_past(subject->who.touched_ms, now_ms, SUBJECT_FORGET_MS)))
        subject->who.failures = 0;
}

enum store_status subject_load(struct mfa *mfa, struct bytes user, struct bytes address,
                               int64_t now_ms, struct subject *subject)
{
    const struct store_engine *engine = mfa->store->engine;
    struct store_ask ask;
    struct store_view view = {0};
    bool from_anybody;

    if (!subject_ask(mfa, user, address, &ask, &from_anybody)) {
        snprintf(mfa->store->error, sizeof mfa->store->error,
                 "cannot count failures: HMAC-SHA256 fails in OpenSSL");
        return STORE_FAILED;
    }
    struct bytes id = bytes_of(ask.name.id, ask.name.id_len);
    enum store_status status = engine->subject_find(mfa->store, id, &view.who);
    view.who_stored = status == STORE_OK;
    if (status == STORE_NONE)
        view.who = ask.name;
    if (status != STORE_FAILED)
        status = engine->address_find(mfa->store, id,
                                      bytes_of(ask.name_from.at, ask.name_from.len), &view.from);
    view.from_stored = status == STORE_OK;
    if (status == STORE_NONE)
        view.from = ask.name_from;
    subject_of_view(&view, from_anybody, now_ms, subject);
    return status == STORE_FAILED ? STORE_FAILED : STORE_OK;
}

enum throttle_verdict subject_judge(const struct mfa *mfa, const struct subject *subject,
                                    int64_t now_ms)
{
    struct throttle_address from = throttle_of(&subject->from);

    /* The row may be older than the list of proxies. */
    if (subject->from_anybody)
        from.last_success_ms = 0;
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
           is_past(row.last_failure_ms, now_ms, SUBJECT_FORGET_MS);
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

enum store_status subject_fail(struct mfa *mfa, const struct subject *subject, int64_t now_ms)
{
    int64_t forget_ms = subject->kind == SUBJECT_BUCKET ? SUBJECT_FORGET_MS : 0;

    if (!subject->from_stored && make_room(mfa, subject, now_ms) != STORE_OK)
        return STORE_FAILED;
    return mfa->store->engine->failure_add(mfa->store, &subject->who, &subject->from, forget_ms,
                                           now_ms);
}

enum store_status subject_succeed(struct mfa *mfa, const struct subject *subject, int64_t now_ms)
{
    if (!subject->from_stored && make_room(mfa, subject, now_ms) != STORE_OK)
        return STORE_FAILED;
    /* A name is what the client's reverse DNS says, and everybody comes through a proxy: trusting
     * either would let anybody past the cap. */
    return mfa->store->engine->success_note(mfa->store, &subject->who, &subject->from,
                                            !subject->from_anybody, now_ms);
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

bool subject_is_noted(const struct subject *subject, int64_t now_ms)
{
    const int64_t hour_ms = INT64_C(3600) * 1000;
    int64_t last = subject->from.last_success_ms;

    if (subject->from.failures != 0 || subject->who.slot >= 0)
        return false;
    return subject->from_anybody || (last <= now_ms ? !is_past(last, now_ms, hour_ms - 1)
                                                    : !is_past(now_ms, last, hour_ms));
}
