#include "config.h"

#include "mfa/seal.h"

#include "common/crypto.h"
#include "common/secret.h"

void seal_place_bytes(struct seal_place *place, struct bytes field)
{
    if (field.len > UINT16_MAX || field.len + 2 > sizeof place->at - place->len) {
        place->overflow = true;
        return;
    }
    place->at[place->len++] = (uint8_t)(field.len >> 8);
    place->at[place->len++] = (uint8_t)(field.len & 0xff);
    if (field.len > 0)
        memcpy(place->at + place->len, field.ptr, field.len);
    place->len += field.len;
}

void seal_place_number(struct seal_place *place, int64_t number)
{
    uint8_t be[8];

    for (unsigned i = 0; i < 8; i++)
        be[i] = (uint8_t)((uint64_t)number >> (56 - 8 * i));
    seal_place_bytes(place, bytes_of(be, sizeof be));
}

void seal_place_begin(struct seal_place *place, const char *purpose)
{
    place->len = 0;
    place->overflow = false;
    seal_place_bytes(place, bytes_str(purpose));
}

bool seal_close(const uint8_t key[SEAL_KEY], const struct seal_place *place, struct bytes plain,
                uint8_t *sealed, size_t cap)
{
    bool ok = false;
    int n = 0;
    EVP_CIPHER_CTX *ctx = NULL;
    uint8_t *nonce = sealed + 1;
    uint8_t *text = nonce + SEAL_NONCE;

    if (place->overflow || plain.len == 0 || plain.len > SEAL_PLAIN_MAX ||
        plain.len + SEAL_OVERHEAD > cap)
        return false;
    sealed[0] = SEAL_VERSION;
    ctx = EVP_CIPHER_CTX_new();
    if (ctx == NULL || !crypto_random(nonce, SEAL_NONCE) ||
        EVP_EncryptInit_ex2(ctx, crypto_aes_256_gcm(), key, nonce, NULL) != 1 ||
        EVP_EncryptUpdate(ctx, NULL, &n, sealed, 1) != 1 ||
        EVP_EncryptUpdate(ctx, NULL, &n, place->at, (int)place->len) != 1 ||
        EVP_EncryptUpdate(ctx, text, &n, plain.ptr, (int)plain.len) != 1 ||
        (size_t)n != plain.len || EVP_EncryptFinal_ex(ctx, text + n, &n) != 1 || n != 0 ||
        EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, SEAL_TAG, text + plain.len) != 1)
        goto out;
    ok = true;
out:
    EVP_CIPHER_CTX_free(ctx);
    return ok;
}

bool seal_open(const uint8_t key[SEAL_KEY], const struct seal_place *place, struct bytes sealed,
               uint8_t *plain, size_t cap, size_t *len)
{
    bool ok = false;
    int n = 0;
    EVP_CIPHER_CTX *ctx = NULL;
    uint8_t tag[SEAL_TAG];

    *len = 0;
    if (place->overflow || sealed.len <= SEAL_OVERHEAD || sealed.len > SEAL_MAX ||
        sealed.len - SEAL_OVERHEAD > cap || sealed.ptr[0] != SEAL_VERSION)
        return false;
    size_t size = sealed.len - SEAL_OVERHEAD;
    const uint8_t *nonce = sealed.ptr + 1;
    const uint8_t *text = nonce + SEAL_NONCE;
    memcpy(tag, text + size, SEAL_TAG);
    ctx = EVP_CIPHER_CTX_new();
    if (ctx == NULL || EVP_DecryptInit_ex2(ctx, crypto_aes_256_gcm(), key, nonce, NULL) != 1 ||
        EVP_DecryptUpdate(ctx, NULL, &n, sealed.ptr, 1) != 1 ||
        EVP_DecryptUpdate(ctx, NULL, &n, place->at, (int)place->len) != 1 ||
        EVP_DecryptUpdate(ctx, plain, &n, text, (int)size) != 1 || (size_t)n != size ||
        EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, SEAL_TAG, tag) != 1 ||
        EVP_DecryptFinal_ex(ctx, plain + n, &n) != 1)
        goto out;
    *len = size;
    ok = true;
out:
    if (!ok)
        secret_wipe(plain, cap);
    EVP_CIPHER_CTX_free(ctx);
    return ok;
}
