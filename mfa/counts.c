#include "config.h"

#include "mfa/engine.h"

#include "mfa/subject.h"

bool mfa_count_failure(struct mfa *mfa, struct bytes user, struct bytes address, int64_t now_ms,
                       int64_t deadline_ms)
{
    struct store *store = mfa->store;
    struct subject subject;

    if (!mfa_usable(mfa))
        return false;
    if (store->engine->begin(store, STORE_STEP, deadline_ms) == STORE_OK &&
        subject_load(mfa, user, address, now_ms, &subject) == STORE_OK &&
        subject_fail(mfa, &subject, now_ms) == STORE_OK && store->engine->commit(store) == STORE_OK)
        return true;
    mfa_note_store(mfa);
    store->engine->rollback(store);
    return false;
}

bool mfa_count_success(struct mfa *mfa, struct bytes user, struct bytes address, int64_t now_ms,
                       int64_t deadline_ms)
{
    struct store *store = mfa->store;
    struct subject subject;

    if (!mfa_usable(mfa))
        return false;
    if (store->engine->begin(store, STORE_READ, deadline_ms) != STORE_OK ||
        subject_load(mfa, user, address, now_ms, &subject) != STORE_OK)
        goto fail;
    store->engine->rollback(store);
    if (subject_is_noted(&subject, now_ms))
        return true;
    if (store->engine->begin(store, STORE_STEP, deadline_ms) == STORE_OK &&
        subject_load(mfa, user, address, now_ms, &subject) == STORE_OK &&
        subject_succeed(mfa, &subject, now_ms) == STORE_OK &&
        store->engine->commit(store) == STORE_OK)
        return true;
fail:
    mfa_note_store(mfa);
    store->engine->rollback(store);
    return false;
}
