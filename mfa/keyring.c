#include "config.h"

#include "mfa/keyring.h"

#include "common/crypto.h"
#include "common/secret.h"

#include <stdio.h>

static struct bytes sealed_bytes(const struct store_sealed *sealed)
{
    return bytes_of(sealed->at, sealed->len);
}

static bool close_into(const uint8_t key[SEAL_KEY], const struct seal_place *place,
                       struct bytes plain, struct store_sealed *out)
{
    out->len = plain.len + SEAL_OVERHEAD;
    return seal_close(key, place, plain, out->at, sizeof out->at);
}

static bool open_key(const uint8_t key[SEAL_KEY], const struct seal_place *place,
                     const struct store_sealed *sealed, uint8_t out[SEAL_KEY])
{
    size_t len;

    return seal_open(key, place, sealed_bytes(sealed), out, SEAL_KEY, &len) && len == SEAL_KEY;
}

static void store_place(struct seal_place *place, const char *purpose,
                        const uint8_t store_id[STORE_ID], int64_t data_key)
{
    seal_place_begin(place, purpose);
    seal_place_bytes(place, bytes_of(store_id, STORE_ID));
    seal_place_number(place, data_key);
}

static void data_key_place(struct seal_place *place, const uint8_t store_id[STORE_ID],
                           const struct store_data_key *row)
{
    store_place(place, "data key", store_id, row->id);
    seal_place_bytes(place, bytes_str(row->kek_id));
}

static void user_place(struct seal_place *place, const struct keyring *ring,
                       const struct store_user *user)
{
    store_place(place, "user key", ring->store_id, user->data_key);
    seal_place_number(place, user->id);
    seal_place_bytes(place, bytes_of(user->name, user->name_len));
}

static void token_place(struct seal_place *place, const struct keyring *ring,
                        const struct store_user *user, const struct store_token *token)
{
    store_place(place, token->kind == TOKEN_HOTP ? "counter token secret" : "token secret",
                ring->store_id, user->data_key);
    seal_place_bytes(place, bytes_of(user->name, user->name_len));
    seal_place_number(place, token->id);
    seal_place_number(place, token->version);
    seal_place_number(place, (int64_t)token->algorithm);
    seal_place_number(place, (int64_t)token->digits);
    seal_place_number(place, (int64_t)token->period);
}

static bool wrap_data_key(struct kek *kek, const uint8_t store_id[STORE_ID],
                          const uint8_t key[SEAL_KEY], struct store_data_key *row, char *why,
                          size_t size)
{
    struct seal_place place;

    memcpy(row->kek_id, kek->id, sizeof row->kek_id);
    data_key_place(&place, store_id, row);
    row->wrapped.len = KEK_WRAPPED;
    return kek_wrap(kek, &place, key, row->wrapped.at, why, size) == KEK_OK;
}

bool keyring_create(struct kek *kek, struct store_identity *identity, char *why, size_t size)
{
    uint8_t keys[3][SEAL_KEY]; /* data, audit, bucket */
    struct seal_place place;
    bool ok = false;

    *identity = (struct store_identity){.n_keys = 1, .hash_data_key = 1};
    struct store_data_key *row = &identity->keys[0];
    row->id = 1;
    if (!crypto_random(identity->id, STORE_ID) || !crypto_random_secret(keys, sizeof keys))
        goto fault;
    if (!wrap_data_key(kek, identity->id, keys[0], row, why, size))
        goto out;
    store_place(&place, "audit hash key", identity->id, row->id);
    if (!close_into(keys[0], &place, bytes_of(keys[1], SEAL_KEY), &identity->audit))
        goto fault;
    store_place(&place, "bucket hash key", identity->id, row->id);
    ok = close_into(keys[0], &place, bytes_of(keys[2], SEAL_KEY), &identity->bucket);
fault:
    if (!ok)
        snprintf(why, size, "cannot make the store's keys: OpenSSL fails or has no random bytes");
out:
    secret_wipe(keys, sizeof keys);
    return ok;
}

static const uint8_t *data_key(const struct keyring *ring, int64_t id)
{
    for (size_t i = 0; i < ring->n_data; i++)
        if (ring->data[i].id == id)
            return ring->data[i].key;
    return NULL;
}

bool keyring_has(const struct keyring *ring, int64_t id)
{
    return data_key(ring, id) != NULL;
}

/* The wrap of the data key of wraps[from] that this KEK made, or NULL; *next is the first of another. */
static const struct store_data_key *find_wrap(const struct store_identity *identity, size_t from,
                                              const struct kek *kek, size_t *next)
{
    const struct store_data_key *found = NULL;
    size_t i = from;

    for (; i < identity->n_keys && identity->keys[i].id == identity->keys[from].id; i++)
        if (strcmp(identity->keys[i].kek_id, kek->id) == 0)
            found = &identity->keys[i];
    *next = i;
    return found;
}

static bool open_data_keys(struct keyring *ring, struct kek *kek,
                           const struct store_identity *identity, char *why, size_t size)
{
    struct seal_place place;
    char trouble[300];

    for (size_t i = 0, next; i < identity->n_keys; i = next) {
        const struct store_data_key *row = find_wrap(identity, i, kek, &next);
        if (row == NULL) {
            snprintf(why, size,
                     "cannot open the store's keys: data key %lld is wrapped by the key %s, and "
                     "the key given is %s; restore the right key (keys), see docs/keys.md",
                     (long long)identity->keys[i].id, identity->keys[i].kek_id, kek->id);
            return false;
        }
        if (ring->n_data == STORE_DATA_KEYS) {
            snprintf(why, size, "cannot open the store's keys: it has more than %d data keys",
                     STORE_DATA_KEYS);
            return false;
        }
        data_key_place(&place, identity->id, row);
        switch (kek_unwrap(kek, &place, sealed_bytes(&row->wrapped), ring->data[ring->n_data].key,
                           trouble, sizeof trouble)) {
        case KEK_OK:
            break;
        case KEK_DAMAGED:
            snprintf(
                why, size,
                "cannot open the store's keys: data key %lld was changed or belongs to another "
                "store; restore the store from your backup",
                (long long)row->id);
            return false;
        case KEK_FAILED:
            snprintf(why, size, "cannot open the store's keys: %s", trouble);
            return false;
        }
        ring->data[ring->n_data++].id = row->id;
    }
    if (ring->n_data == 0)
        snprintf(why, size,
                 "cannot open the store's keys: it has none; restore it from your backup");
    return ring->n_data > 0;
}

bool keyring_wrap(const struct keyring *ring, struct kek *kek, struct store_data_key *row, char *why,
                  size_t size)
{
    const uint8_t *key = data_key(ring, row->id);

    if (key != NULL)
        return wrap_data_key(kek, ring->store_id, key, row, why, size);
    snprintf(why, size, "cannot wrap data key %lld: it is not open", (long long)row->id);
    return false;
}

bool keyring_add_data_key(struct keyring *ring, struct kek *kek, int64_t id,
                          struct store_data_key *row, char *why, size_t size)
{
    if (ring->n_data == STORE_DATA_KEYS) {
        snprintf(why, size, "cannot add a data key: the store has %d, which is the most",
                 STORE_DATA_KEYS);
        return false;
    }
    if (!crypto_random_secret(ring->data[ring->n_data].key, SEAL_KEY)) {
        snprintf(why, size, "cannot make a data key: OpenSSL has no random bytes");
        return false;
    }
    ring->data[ring->n_data++].id = id;
    *row = (struct store_data_key){.id = id};
    if (keyring_wrap(ring, kek, row, why, size))
        return true;
    secret_wipe(&ring->data[--ring->n_data], sizeof ring->data[0]);
    return false;
}

static bool reseal_hash_key(const struct keyring *ring, const char *purpose, int64_t from,
                            struct store_sealed *sealed)
{
    uint8_t key[SEAL_KEY];
    struct seal_place place;
    const uint8_t *old = data_key(ring, from);
    int64_t to = ring->data[ring->n_data - 1].id;

    store_place(&place, purpose, ring->store_id, from);
    bool ok = old != NULL && open_key(old, &place, sealed, key);
    store_place(&place, purpose, ring->store_id, to);
    ok = ok && close_into(data_key(ring, to), &place, bytes_of(key, sizeof key), sealed);
    secret_wipe(key, sizeof key);
    return ok;
}

bool keyring_reseal_hash_keys(const struct keyring *ring, struct store_identity *identity)
{
    int64_t from = identity->hash_data_key;

    identity->hash_data_key = ring->data[ring->n_data - 1].id;
    return reseal_hash_key(ring, "audit hash key", from, &identity->audit) &&
           reseal_hash_key(ring, "bucket hash key", from, &identity->bucket);
}

/* Opens one of the two hash keys into a context. */
static EVP_MAC_CTX *open_hash_key(const struct keyring *ring, const struct store_identity *identity,
                                  const char *purpose, const struct store_sealed *sealed)
{
    const uint8_t *key = data_key(ring, identity->hash_data_key);
    uint8_t hash_key[SEAL_KEY];
    struct seal_place place;
    EVP_MAC_CTX *mac = NULL;

    store_place(&place, purpose, identity->id, identity->hash_data_key);
    if (key != NULL && open_key(key, &place, sealed, hash_key))
        mac = crypto_hmac_new(CRYPTO_DIGEST_SHA256, bytes_of(hash_key, sizeof hash_key));
    secret_wipe(hash_key, sizeof hash_key);
    return mac;
}

bool keyring_open(struct keyring *ring, struct kek *kek, const struct store_identity *identity,
                  char *why, size_t size)
{
    *ring = (struct keyring){0};
    memcpy(ring->store_id, identity->id, STORE_ID);
    memcpy(ring->kek_id, kek->id, sizeof ring->kek_id);
    if (!open_data_keys(ring, kek, identity, why, size))
        goto fail;
    ring->audit = open_hash_key(ring, identity, "audit hash key", &identity->audit);
    ring->bucket = open_hash_key(ring, identity, "bucket hash key", &identity->bucket);
    if (ring->audit == NULL || ring->bucket == NULL) {
        snprintf(why, size,
                 "cannot open the store's hash keys: they were changed or belong to "
                 "another store; restore the store from your backup");
        goto fail;
    }
    return true;
fail:
    keyring_close(ring);
    return false;
}

void keyring_close(struct keyring *ring)
{
    EVP_MAC_CTX_free(ring->audit); /* OpenSSL wipes the key */
    EVP_MAC_CTX_free(ring->bucket);
    secret_wipe(ring, sizeof *ring);
}

bool keyring_make_user_key(const struct keyring *ring, struct store_user *user)
{
    uint8_t key[SEAL_KEY];
    struct seal_place place;

    if (ring->n_data == 0 || !crypto_random_secret(key, sizeof key))
        return false;
    user->data_key = ring->data[ring->n_data - 1].id;
    user_place(&place, ring, user);
    bool ok =
        close_into(ring->data[ring->n_data - 1].key, &place, bytes_of(key, sizeof key), &user->key);
    secret_wipe(key, sizeof key);
    return ok;
}

static bool open_user_key(const struct keyring *ring, const struct store_user *user,
                          uint8_t key[SEAL_KEY])
{
    struct seal_place place;
    const uint8_t *data = data_key(ring, user->data_key);

    user_place(&place, ring, user);
    return data != NULL && open_key(data, &place, &user->key, key);
}

bool keyring_opens(const struct keyring *ring, const struct store_user *user)
{
    uint8_t key[SEAL_KEY];

    bool ok = open_user_key(ring, user, key);
    secret_wipe(key, sizeof key);
    return ok;
}

bool keyring_seal(const struct keyring *ring, const struct store_user *user,
                  struct store_token *token, struct bytes secret)
{
    uint8_t key[SEAL_KEY];
    struct seal_place place;

    bool ok = open_user_key(ring, user, key);
    token_place(&place, ring, user, token);
    ok = ok && close_into(key, &place, secret, &token->secret);
    secret_wipe(key, sizeof key);
    return ok;
}

bool keyring_unseal(const struct keyring *ring, const struct store_user *user,
                    const struct store_token *token, uint8_t secret[SEAL_PLAIN_MAX], size_t *len)
{
    uint8_t key[SEAL_KEY];
    struct seal_place place;

    *len = 0;
    secret_wipe(secret, SEAL_PLAIN_MAX);
    bool ok = open_user_key(ring, user, key);
    token_place(&place, ring, user, token);
    ok = ok && seal_open(key, &place, sealed_bytes(&token->secret), secret, SEAL_PLAIN_MAX, len);
    secret_wipe(key, sizeof key);
    return ok;
}

bool keyring_hash(EVP_MAC_CTX *mac, struct bytes text, uint8_t out[KEYRING_HASH])
{
    uint8_t digest[32];
    size_t len = 0;

    /* Without a key: begins anew with the one it holds. */
    if (EVP_MAC_init(mac, NULL, 0, NULL) != 1 ||
        (text.len > 0 && EVP_MAC_update(mac, text.ptr, text.len) != 1) ||
        EVP_MAC_final(mac, digest, &len, sizeof digest) != 1 || len != sizeof digest)
        return false;
    memcpy(out, digest, KEYRING_HASH);
    return true;
}

void keyring_hash_text(const uint8_t hash[KEYRING_HASH], char out[KEYRING_HASH_TEXT])
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < KEYRING_HASH; i++) {
        out[2 * i] = digits[hash[i] >> 4];
        out[2 * i + 1] = digits[hash[i] & 15];
    }
    out[2 * KEYRING_HASH] = '\0';
}
