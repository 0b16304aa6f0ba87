#include "config.h"

#include "mfa/engine.h"

#include "mfa/otp.h"
#include "mfa/witness.h"

#include "common/clock.h"
#include "common/crypto.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <liboath/oath.h>

#define OPEN_PATIENCE_MS 5000
#define UNKNOWN_PAUSE_MS 5000
#define READ_TRIES       3

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

const char *mfa_notice(const struct mfa *mfa)
{
    return mfa->store->notice;
}

void mfa_notice_was_said(struct mfa *mfa)
{
    mfa->store->notice[0] = '\0';
}

const char *mfa_error(const struct mfa *mfa)
{
    return mfa->error;
}

int64_t mfa_random_id(void)
{
    uint64_t id = 0;

    if (!crypto_random(&id, sizeof id))
        return 0;
    return (int64_t)(id >> 2) + 1;
}

bool mfa_make_token(struct mfa *mfa, struct store_user *user, struct store_token *token,
                    struct secret *secret)
{
    token->id = mfa_random_id();
    token->user = user->id;
    token->version = 1;
    if (token->id == 0 || !secret_alloc(secret, otp_secret_size(token->algorithm)))
        return false;
    if (crypto_random_secret(secret->ptr, secret->len) &&
        (user->data_key != 0 || keyring_make_user_key(&mfa->ring, user)) &&
        keyring_seal(&mfa->ring, user, token, secret_bytes(secret)))
        return true;
    secret_free(secret);
    return false;
}

static bool make_dummy(struct mfa *mfa)
{
    struct store_user user = {.id = 1, .name_len = 1, .name = "?"};
    struct store_token token = {
        .state = TOKEN_ACTIVE,
        .algorithm = (enum settings_algorithm)mfa->token.algorithm,
        .digits = (unsigned)mfa->token.digits,
        .period = (unsigned)mfa->token.period,
    };
    struct secret secret;

    if (!crypto_random(mfa->dummy_salt, sizeof mfa->dummy_salt) ||
        !mfa_make_token(mfa, &user, &token, &secret))
        return false;
    secret_free(&secret);
    mfa->dummy_user = user;
    mfa->dummy_token = token;
    return true;
}

struct proof_rules mfa_proof_rules(const struct mfa *mfa, int64_t now_s, int64_t boot_s,
                                   int64_t floor_s)
{
    return (struct proof_rules){
        .now_s = now_s,
        .boot_s = boot_s,
        .floor_s = floor_s,
        .window = (unsigned)mfa->token.window,
        .look_ahead = (unsigned)mfa->token.look_ahead,
    };
}

static bool read_identity(struct mfa *mfa, struct store_identity *identity)
{
    struct store *store = mfa->store;
    enum store_status status =
        store->engine->begin(store, STORE_READ, clock_mono_ms() + OPEN_PATIENCE_MS);

    if (status == STORE_OK)
        status = store->engine->identity(store, identity);
    store->engine->rollback(store);
    return status == STORE_OK;
}

/* One reading of KEK and data keys.  *differs: the KEK does not open them. */
static enum reason read_keys_once(struct mfa *mfa, struct keyring *ring, bool *differs, char *why,
                                  size_t size)
{
    struct kek kek;
    struct store_identity identity;

    *differs = false;
    if (!kek_open(&mfa->settings->keys, &kek, why, size))
        return REASON_KEY_UNAVAILABLE;
    bool read = read_identity(mfa, &identity);
    if (!read)
        snprintf(why, size, "%s", mfa->store->error);
    else
        *differs = !keyring_open(ring, &kek, &identity, why, size);
    kek_close(&kek);
    if (!read)
        return REASON_STORE_UNAVAILABLE;
    return *differs ? REASON_KEY_UNAVAILABLE : REASON_GRANTED;
}

/*
 * Reads the store's data keys into *ring, which was closed.  Between the readings of KEK and store both
 * can have changed (rekey_file.h); then the next try finds them so.
 */
static enum reason read_keys(struct mfa *mfa, struct keyring *ring, char *why, size_t size)
{
    enum reason reason = REASON_KEY_UNAVAILABLE;
    bool differs = true;

    for (int i = 0; i < READ_TRIES && differs; i++)
        reason = read_keys_once(mfa, ring, &differs, why, size);
    return reason;
}

static enum reason open_keys(struct mfa *mfa, char *why, size_t size)
{
    enum reason reason = read_keys(mfa, &mfa->ring, why, size);

    if (reason != REASON_GRANTED || make_dummy(mfa))
        return reason;
    snprintf(why, size, "cannot seal: OpenSSL fails at AES-256-GCM or has no random bytes");
    return REASON_KEY_UNAVAILABLE;
}

bool mfa_reload_keys(struct mfa *mfa)
{
    struct keyring fresh = {0}, old;
    char why[STORE_ERROR];

    if (read_keys(mfa, &fresh, why, sizeof why) != REASON_GRANTED) {
        mfa_note(mfa, "%s", why);
        return false;
    }
    old = mfa->ring;
    mfa->ring = fresh;
    if (make_dummy(mfa)) {
        keyring_close(&old);
        return true;
    }
    mfa->ring = old;
    keyring_close(&fresh);
    mfa_note(mfa, "cannot seal: OpenSSL fails at AES-256-GCM or has no random bytes");
    return false;
}

bool mfa_learn_data_key(struct mfa *mfa, int64_t data_key)
{
    int64_t now_ms = clock_mono_ms();

    if (keyring_has(&mfa->ring, data_key))
        return true;
    if (mfa->unknown_data_key == data_key && now_ms - mfa->unknown_ms < UNKNOWN_PAUSE_MS)
        return false;
    if (mfa_reload_keys(mfa) && keyring_has(&mfa->ring, data_key))
        return true;
    mfa->unknown_data_key = data_key;
    mfa->unknown_ms = now_ms;
    return false;
}

bool mfa_witness_path(const struct settings *settings, char **path)
{
    const char *socket = settings->daemon.socket, *store = settings->store.path;
    const char *slash = socket != NULL ? strrchr(socket, '/') : NULL;
    uint8_t digest[CRYPTO_SHA256];

    *path = NULL;
    if (slash == NULL || store == NULL)
        return true;
    return crypto_sha256(bytes_str(store), digest) &&
           asprintf(path, "%.*s/" WITNESS_FILE, (int)(slash - socket), socket, digest[0], digest[1],
                    digest[2], digest[3]) >= 0;
}

static enum store_status open_store(struct mfa *mfa, char *why, size_t size)
{
    struct settings_store where = mfa->settings->store;
    char *witness = NULL;

    if (!mfa_witness_path(mfa->settings, &witness)) {
        snprintf(why, size, "cannot open the token store: memory is short");
        return STORE_FAILED;
    }
    where.witness = witness;
    enum store_status status = store_engine(&where)->open(&where, &mfa->store, why, size);
    free(witness);
    return status;
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
    mfa->settings = settings;
    mfa->throttle = settings->throttle;
    mfa->throttle.proxies = (struct settings_strings){0};
    address_rules_read(&settings->throttle, &mfa->origins);
    mfa->token = settings->token;
    mfa->token.issuer = NULL;
    if (!crypto_start(settings->fips == FIPS_REQUIRE, why, size))
        reason = REASON_KEY_UNAVAILABLE;
    else if (oath_init() != OATH_OK)
        snprintf(why, size, "cannot start liboath");
    else if (open_store(mfa, why, size) == STORE_OK)
        reason = open_keys(mfa, why, size);
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
