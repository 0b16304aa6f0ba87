#include "config.h"

#include "mfa/recovery.h"

#include "common/crypto.h"
#include "mfa/change.h"

bool recovery_hash(const uint8_t letters[SPLIT_RECOVERY], const uint8_t salt[RECOVERY_SALT],
                   int64_t iterations, uint8_t hash[RECOVERY_HASH])
{
    if (iterations < 1 || iterations > RECOVERY_ITERATIONS_MAX)
        return false;
    return crypto_pbkdf2_sha256(bytes_of(letters, SPLIT_RECOVERY), bytes_of(salt, RECOVERY_SALT),
                                (unsigned)iterations, hash, RECOVERY_HASH);
}

/* Draws and hashes n codes; some milliseconds each, so outside of the transaction. */
static bool draw_set(struct store_recovery *recovery, size_t n, char (*codes)[RECOVERY_TEXT])
{
    uint8_t letters[SPLIT_RECOVERY];
    bool ok = crypto_random(recovery->salt, sizeof recovery->salt);

    recovery->iterations = RECOVERY_ITERATIONS;
    for (recovery->n = 0; ok && recovery->n < n; recovery->n++) {
        struct store_recovery_code *code = &recovery->codes[recovery->n];
        *code = (struct store_recovery_code){.id = mfa_random_id()};
        ok = code->id != 0 && letters_draw(letters, SPLIT_RECOVERY) &&
             recovery_hash(letters, recovery->salt, recovery->iterations, code->hash);
        if (ok)
            letters_write(letters, SPLIT_RECOVERY, codes[recovery->n]);
    }
    secret_wipe(letters, sizeof letters);
    return ok;
}

static enum mfa_result replace(struct mfa *mfa, struct bytes name, struct store_recovery *recovery)
{
    const struct store_engine *engine = mfa->store->engine;
    struct store_user user;

    enum store_status status = engine->user_find(mfa->store, name, &user);
    if (status != STORE_OK)
        return status == STORE_NONE ? MFA_NOT_FOUND : MFA_STORE;
    recovery->user = user.id;
    if (recovery->n > 0)
        return change_result(engine->recovery_put(mfa->store, recovery));
    status = engine->recovery_remove(mfa->store, user.id);
    return status == STORE_NONE ? MFA_OK : change_result(status);
}

enum mfa_result mfa_make_recovery(struct mfa *mfa, struct bytes user, size_t n, int64_t now_s,
                                  char (*codes)[RECOVERY_TEXT])
{
    struct store_recovery recovery = {0};

    if (!change_good_user(user))
        return MFA_BAD_NAME;
    if (n > RECOVERY_CODES)
        return MFA_TOO_MANY;
    if (!draw_set(&recovery, n, codes)) {
        mfa_note(mfa, "cannot make recovery codes: OpenSSL fails or has no random bytes");
        if (n > 0)
            secret_wipe(codes, n * sizeof codes[0]);
        return MFA_KEY;
    }
    enum mfa_result result = change_begin(mfa, STORE_DURABLE);
    if (result == MFA_OK) {
        result = change_time(mfa, now_s, &recovery.created_s);
        if (result == MFA_OK)
            result = replace(mfa, user, &recovery);
        result = change_end(mfa, result);
    }
    if (result != MFA_OK && n > 0)
        secret_wipe(codes, n * sizeof codes[0]);
    return result;
}
