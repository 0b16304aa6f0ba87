#include "config.h"

#include "mfa/keyring.h"

#include "common/secret.h"

#include <stdio.h>

#include <openssl/core_names.h>
#include <openssl/params.h>
#include <openssl/rand.h>

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
    store_place(place, "token secret", ring->store_id, user->data_key);
    seal_place_bytes(place, bytes_of(user->name, user->name_len));
    seal_place_number(place, token->id);
    seal_place_number(place, token->version);
    seal_place_number(place, (int64_t)token->algorithm);
    seal_place_number(place, (int64_t)token->digits);
    seal_place_number(place, (int64_t)token->period);
}

bool keyring_create(const struct kek *kek, struct store_identity *identity)
{
    uint8_t keys[3][SEAL_KEY]; /* data, audit, bucket */
    struct seal_place place;
    bool ok = false;

    *identity = (struct store_identity){.n_keys = 1, .hash_data_key = 1};
    struct store_data_key *row = &identity->keys[0];
    row->id = 1;
    memcpy(row->kek_id, kek->id, sizeof row->kek_id);
    if (RAND_bytes(identity->id, STORE_ID) != 1 || RAND_priv_bytes(keys[0], sizeof keys) != 1)
        goto out;
    data_key_place(&place, identity->id, row);
    if (!close_into(kek->key, &place, bytes_of(keys[0], SEAL_KEY), &row->wrapped))
        goto out;
    store_place(&place, "audit hash key", identity->id, row->id);
    if (!close_into(keys[0], &place, bytes_of(keys[1], SEAL_KEY), &identity->audit))
        goto out;
    store_place(&place, "bucket hash key", identity->id, row->id);
    ok = close_into(keys[0], &place, bytes_of(keys[2], SEAL_KEY), &identity->bucket);
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

static bool open_data_keys(struct keyring *ring, const struct kek *kek,
                           const struct store_identity *identity, char *why, size_t size)
{
    struct seal_place place;

    for (size_t i = 0; i < identity->n_keys; i++) {
        const struct store_data_key *row = &identity->keys[i];
        if (strcmp(row->kek_id, kek->id) != 0) {
            snprintf(why, size,
                     "cannot open the store's keys: they are wrapped by the key %s, and the key "
                     "given is %s; restore the right key file (keys.path)",
                     row->kek_id, kek->id);
            return false;
        }
        data_key_place(&place, identity->id, row);
        if (!open_key(kek->key, &place, &row->wrapped, ring->data[i].key)) {
            snprintf(
                why, size,
                "cannot open the store's keys: data key %lld was changed or belongs to another "
                "store; restore the store from your backup",
                (long long)row->id);
            return false;
        }
        ring->data[i].id = row->id;
        ring->n_data = i + 1;
    }
    return true;
}

/* An HMAC-SHA256 that holds its key; NULL on trouble. */
static EVP_MAC_CTX *keyed_hmac(const uint8_t key[SEAL_KEY])
{
    char digest[] = "SHA256";
    const OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end(),
    };
    EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *mac = hmac != NULL ? EVP_MAC_CTX_new(hmac) : NULL;

    EVP_MAC_free(hmac); /* the context holds its own reference */
    if (mac != NULL && EVP_MAC_init(mac, key, SEAL_KEY, parameters) != 1) {
        EVP_MAC_CTX_free(mac);
        mac = NULL;
    }
    return mac;
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
        mac = keyed_hmac(hash_key);
    secret_wipe(hash_key, sizeof hash_key);
    return mac;
}

bool keyring_open(struct keyring *ring, const struct kek *kek,
                  const struct store_identity *identity, char *why, size_t size)
{
    *ring = (struct keyring){0};
    memcpy(ring->store_id, identity->id, STORE_ID);
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

    if (ring->n_data == 0 || RAND_priv_bytes(key, sizeof key) != 1)
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
