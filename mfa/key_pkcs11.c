#include "config.h"

#include "mfa/key_pkcs11.h"

#include "common/crypto.h"
#include "common/secret.h"
#include "mfa/key_pkcs11_find.h"

#include <stdio.h>
#include <stdlib.h>

/* One AES-GCM operation in the token.  in and out as C_Encrypt and C_Decrypt have them. */
static CK_RV run_gcm(const struct pkcs11_key *key, bool encrypt, const uint8_t nonce[SEAL_NONCE],
                     const struct seal_place *place, struct bytes in, uint8_t *out, size_t cap,
                     size_t *len)
{
    uint8_t own_nonce[SEAL_NONCE], own_in[KEK_WRAPPED], aad[1 + SEAL_PLACE_MAX];
    CK_GCM_PARAMS gcm = {
        .iv_ptr = own_nonce,
        .iv_len = SEAL_NONCE,
        .iv_bits = SEAL_NONCE * 8,
        .aad_ptr = aad,
        .aad_len = 1 + place->len,
        .tag_bits = SEAL_TAG * 8,
    };
    CK_MECHANISM mechanism = {CKM_AES_GCM, &gcm, sizeof gcm};
    const struct pkcs11 *p = &key->p;
    CK_ULONG n = cap;

    /* PKCS#11 knows no const. */
    memcpy(own_nonce, nonce, sizeof own_nonce);
    memcpy(own_in, in.ptr, in.len);
    aad[0] = SEAL_VERSION;
    memcpy(aad + 1, place->at, place->len);
    pkcs11_call_begins(p);
    CK_RV rv = encrypt ? p->module->C_EncryptInit(p->session, &mechanism, key->key)
                       : p->module->C_DecryptInit(p->session, &mechanism, key->key);
    if (rv == CKR_OK)
        rv = encrypt ? p->module->C_Encrypt(p->session, own_in, in.len, out, &n)
                     : p->module->C_Decrypt(p->session, own_in, in.len, out, &n);
    pkcs11_call_ends();
    secret_wipe(own_in, sizeof own_in);
    *len = n;
    return rv;
}

static enum kek_result token_wrap(struct kek *kek, const struct seal_place *place,
                                  const uint8_t key[SEAL_KEY], uint8_t wrapped[KEK_WRAPPED],
                                  char *why, size_t size)
{
    uint8_t *nonce = wrapped + 1;
    size_t len = 0;

    if (place->overflow || !crypto_random(nonce, SEAL_NONCE)) {
        snprintf(why, size, "cannot wrap a key: OpenSSL has no random bytes");
        return KEK_FAILED;
    }
    wrapped[0] = SEAL_VERSION;
    CK_RV rv = run_gcm(kek->token, true, nonce, place, bytes_of(key, SEAL_KEY), nonce + SEAL_NONCE,
                       SEAL_KEY + SEAL_TAG, &len);
    if (rv == CKR_OK && len == SEAL_KEY + SEAL_TAG)
        return KEK_OK;
    snprintf(why, size,
             "cannot wrap a key in the token (keys.pkcs11): %s; it must know CKM_AES_GCM with a "
             "nonce of 12 bytes that is given to it",
             rv == CKR_OK ? "it gives another length" : p11_kit_strerror(rv));
    return KEK_FAILED;
}

/* What the token says of a wrong tag differs; so the token is asked for something it must be able to. */
static enum kek_result tell_damage(struct kek *kek, CK_RV rv, char *why, size_t size)
{
    uint8_t probe[SEAL_KEY] = {0}, wrapped[KEK_WRAPPED], out[SEAL_KEY + SEAL_TAG];
    struct seal_place place;
    size_t len = 0;

    seal_place_begin(&place, "probe");
    if (token_wrap(kek, &place, probe, wrapped, why, size) != KEK_OK)
        return KEK_FAILED;
    if (run_gcm(kek->token, false, wrapped + 1, &place,
                bytes_of(wrapped + 1 + SEAL_NONCE, SEAL_KEY + SEAL_TAG), out, sizeof out,
                &len) == CKR_OK &&
        len == SEAL_KEY)
        return KEK_DAMAGED;
    snprintf(why, size, "cannot unwrap a key in the token (keys.pkcs11): %s", p11_kit_strerror(rv));
    return KEK_FAILED;
}

static enum kek_result token_unwrap(struct kek *kek, const struct seal_place *place,
                                    struct bytes wrapped, uint8_t key[SEAL_KEY], char *why,
                                    size_t size)
{
    uint8_t out[SEAL_KEY + SEAL_TAG]; /* some modules want the room of what they read */
    size_t len = 0;

    CK_RV rv =
        run_gcm(kek->token, false, wrapped.ptr + 1, place,
                bytes_of(wrapped.ptr + 1 + SEAL_NONCE, SEAL_KEY + SEAL_TAG), out, sizeof out, &len);
    bool ok = rv == CKR_OK && len == SEAL_KEY;
    if (ok)
        memcpy(key, out, SEAL_KEY);
    secret_wipe(out, sizeof out);
    return ok ? KEK_OK : tell_damage(kek, rv, why, size);
}

static void token_close(struct kek *kek)
{
    pkcs11_leave(&kek->token->p);
    free(kek->token);
}

static const struct kek_kind token_kind = {token_wrap, token_unwrap, token_close};

bool key_pkcs11_open(const struct settings_keys *settings, struct kek *kek, char *why, size_t size)
{
    *kek = (struct kek){.token = calloc(1, sizeof *kek->token)};
    if (kek->token == NULL) {
        snprintf(why, size, "cannot open the PKCS#11 key: memory is short");
        return false;
    }
    kek->kind = &token_kind;
    kek->token->p.timeout_ms = settings->timeout * 1000;
    if (pkcs11_key_enter(kek->token, settings->pkcs11, kek->id, why, size))
        return true;
    kek_close(kek);
    return false;
}
