/* From where a user failed and succeeded. */
#include "config.h"

#include "mfa/tokens.h"

#include "common/clock.h"
#include "mfa/engine.h"
#include "mfa/subject.h"
#include "mfa/throttle.h"

#include <stdlib.h>

#define PATIENCE_MS 10000 /* an operator waits so long for other writers */

static int64_t seconds_up(int64_t ms)
{
    return ms / 1000 + (ms % 1000 != 0);
}

static int64_t latest_ms(const struct store_address *row)
{
    int64_t failure_ms = row->failures > 0 ? row->last_failure_ms : 0;

    return failure_ms > row->last_success_ms ? failure_ms : row->last_success_ms;
}

static int later_first(const void *a, const void *b)
{
    int64_t left = latest_ms(a), right = latest_ms(b);

    return left < right ? 1 : left > right ? -1 : 0;
}

static void fill(const struct mfa *mfa, const struct store_address *row, int64_t now_ms,
                 struct address_info *info)
{
    struct throttle_address seen = {row->failures, row->last_failure_ms, row->last_success_ms};
    int64_t until_ms = throttle_until_ms(&mfa->throttle, &seen, now_ms);

    *info = (struct address_info){
        .len = row->len,
        .failures = row->failures,
        .last_failure_s = row->failures > 0 ? row->last_failure_ms / 1000 : 0,
        .last_success_s = row->last_success_ms / 1000,
        .refused_until_s = until_ms == 0 ? 0 : seconds_up(until_ms),
        .trusted = throttle_is_recent(&mfa->throttle, &seen, now_ms),
    };
    memcpy(info->at, row->at, row->len);
}

static enum store_status read_rows(struct mfa *mfa, const struct store_subject *who,
                                   struct store_address rows[STORE_ADDRESSES], size_t *n)
{
    const struct store_engine *engine = mfa->store->engine;

    *n = 0;
    if (engine->begin(mfa->store, STORE_READ, clock_mono_ms() + PATIENCE_MS) != STORE_OK)
        return STORE_FAILED;
    enum store_status status =
        engine->address_list(mfa->store, bytes_of(who->id, who->id_len), rows, n);
    engine->rollback(mfa->store);
    return status == STORE_NONE ? STORE_OK : status;
}

enum mfa_result mfa_addresses(struct mfa *mfa, struct bytes user, int64_t now_ms,
                              struct address_info **infos, size_t *n)
{
    struct store_subject who;
    struct store_address *rows = NULL;
    struct address_info *found = NULL;
    enum mfa_result result = MFA_STORE;

    *infos = NULL;
    *n = 0;
    if (user.len == 0 || user.len > MFA_USER_MAX || memchr(user.ptr, 0, user.len) != NULL)
        return MFA_BAD_NAME;
    if (!mfa_usable(mfa))
        return MFA_STORE;
    if (!subject_identify(mfa, user, &who)) {
        mfa_note(mfa, "cannot hash a name: HMAC-SHA256 fails in OpenSSL");
        return MFA_KEY;
    }
    rows = calloc(STORE_ADDRESSES, sizeof *rows);
    found = calloc(STORE_ADDRESSES, sizeof *found);
    if (rows == NULL || found == NULL) {
        mfa_note(mfa, "cannot list addresses: memory is short");
        goto out;
    }
    if (read_rows(mfa, &who, rows, n) != STORE_OK) {
        mfa_note_store(mfa);
        *n = 0;
        goto out;
    }
    qsort(rows, *n, sizeof *rows, later_first);
    for (size_t i = 0; i < *n; i++)
        fill(mfa, &rows[i], now_ms, &found[i]);
    *infos = found;
    found = NULL;
    result = MFA_OK;
out:
    free(found);
    free(rows);
    return result;
}
