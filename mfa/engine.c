#include "config.h"

#include "mfa/engine.h"

#include "mfa/totp.h"

#include "common/clock.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <liboath/oath.h>
#include <openssl/rand.h>

#define OPEN_PATIENCE_MS 5000

bool mfa_usable(struct mfa *mfa)
{
    if (mfa->pid == getpid())
        return true;
    mfa_note(mfa,
             "the token store was opened by process %ld and cannot be used by its child %ld; "
             "open it after the fork",
             (long)mfa->pid, (long)getpid());
    return false;
}

void mfa_note(struct mfa *mfa, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(mfa->error, sizeof mfa->error, format, args);
    va_end(args);
}

void mfa_note_store(struct mfa *mfa)
{
    memcpy(mfa->error, mfa->store->error, sizeof mfa->error);
}

const char *mfa_error(const struct mfa *mfa)
{
    return mfa->error;
}

int64_t mfa_random_id(void)
{
    uint64_t id = 0;

    if (RAND_bytes((unsigned char *)&id, sizeof id) != 1)
        return 0;
    return (int64_t)(id >> 2) + 1;
}

bool mfa_make_token(struct mfa *mfa, struct store_user *user, struct store_token *token,
                    struct secret *secret)
{
    token->id = mfa_random_id();
    token->user = user->id;
    token->version = 1;
    if (token->id == 0 || !secret_alloc(secret, totp_secret_size(token->algorithm)))
        return false;
    if (RAND_priv_bytes(secret->ptr, (int)secret->len) == 1 &&
        (user->data_key != 0 || keyring_make_user_key(&mfa->ring, user)) &&
        keyring_seal(&mfa->ring, user, token, secret_bytes(secret)))
        return true;
    secret_free(secret);
    return false;
}

static bool make_dummy(struct mfa *mfa)
{
    struct secret secret;

    mfa->dummy_user = (struct store_user){.id = 1, .name_len = 1, .name = "?"};
    mfa->dummy_token = (struct store_token){
        .state = TOKEN_ACTIVE,
        .algorithm = (enum settings_algorithm)mfa->token.algorithm,
        .digits = (unsigned)mfa->token.digits,
        .period = (unsigned)mfa->token.period,
    };
    bool ok = mfa_make_token(mfa, &mfa->dummy_user, &mfa->dummy_token, &secret);
    if (ok)
        secret_free(&secret);
    return ok;
}

static enum reason open_keys(struct mfa *mfa, const struct settings *settings, char *why,
                             size_t size)
{
    struct kek kek = {0};
    struct store_identity identity;
    enum reason reason = REASON_KEY_UNAVAILABLE;

    if (mfa->store->engine->begin(mfa->store, STORE_READ, clock_mono_ms() + OPEN_PATIENCE_MS) !=
            STORE_OK ||
        mfa->store->engine->identity(mfa->store, &identity) != STORE_OK) {
        mfa->store->engine->rollback(mfa->store);
        snprintf(why, size, "%s", mfa->store->error);
        return REASON_STORE_UNAVAILABLE;
    }
    mfa->store->engine->rollback(mfa->store);
    if (!key_provider(&settings->keys)->read(&settings->keys, &kek, why, size))
        goto out;
    if (!keyring_open(&mfa->ring, &kek, &identity, why, size))
        goto out;
    if (!make_dummy(mfa)) {
        snprintf(why, size, "cannot seal: OpenSSL fails at AES-256-GCM or has no random bytes");
        goto out;
    }
    reason = REASON_GRANTED;
out:
    secret_wipe(&kek, sizeof kek);
    return reason;
}

enum reason mfa_open(const struct settings *settings, struct mfa **out, char *why, size_t size)
{
    enum reason reason = REASON_STORE_UNAVAILABLE;

    *out = NULL;
    struct mfa *mfa = calloc(1, sizeof *mfa);
    if (mfa == NULL) {
        snprintf(why, size, "cannot open the token store: memory is short");
        return reason;
    }
    mfa->pid = getpid();
    mfa->throttle = settings->throttle;
    mfa->token = settings->token;
    mfa->token.issuer = NULL;
    if (oath_init() != OATH_OK)
        snprintf(why, size, "cannot start liboath");
    else if (store_engine(&settings->store)->open(&settings->store, &mfa->store, why, size) ==
             STORE_OK)
        reason = open_keys(mfa, settings, why, size);
    if (reason == REASON_GRANTED)
        *out = mfa;
    else
        mfa_close(mfa);
    return reason;
}

void mfa_close(struct mfa *mfa)
{
    if (mfa == NULL)
        return;
    if (mfa->store != NULL)
        mfa->store->engine->close(mfa->store, mfa->pid != getpid());
    keyring_close(&mfa->ring);
    secret_wipe(mfa, sizeof *mfa);
    free(mfa);
}
