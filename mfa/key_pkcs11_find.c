#include "config.h"

#include "mfa/key_pkcs11_find.h"

#include "common/crypto.h"

#include <stdio.h>

#define FIELD_MAX 96 /* bytes of CKA_ID and CKA_LABEL that are looked at */

static const struct pkcs11_words words = {
    .cannot_use = "cannot use the key in the PKCS#11 token (keys.pkcs11)",
    .setting = " (keys.pkcs11)",
    .holds_pin = "it holds a PIN",
    .pin_source = "keys.pkcs11",
    .pin_owner = "daemon.user",
};

/*
 * A token counts wrong PINs and locks itself.  Programs try without end, so none tries once the token
 * says that the last try was wrong.
 */
static bool log_in(struct pkcs11 *p, void *context, bool *again, char *why, size_t size)
{
    struct secret pin;

    (void)context;
    if ((p->token.flags &
         (CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_FINAL_TRY | CKF_USER_PIN_LOCKED)) != 0) {
        snprintf(why, size,
                 "the PKCS#11 token was given a wrong PIN, and more would lock it: nothing is "
                 "tried; correct the pin-source's file, then log in once by hand (pkcs11-tool "
                 "--login --list-objects)");
        return false;
    }
    if (!pkcs11_read_pin(p, &pin, why, size))
        return false;
    CK_RV rv = pkcs11_try_pin(p, &pin, again);
    secret_free(&pin);
    return rv == CKR_OK || pkcs11_say(p, why, size, "the token refuses the login (pin-source)", rv);
}

static bool find_key(struct pkcs11_key *key, char *why, size_t size)
{
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_ATTRIBUTE wanted[3] = {{CKA_CLASS, &class, sizeof class}};
    CK_OBJECT_HANDLE found[2];
    CK_ULONG n;

    if (!pkcs11_find(&key->p, wanted, 1 + pkcs11_wanted(&key->p, wanted + 1), found, &n, why, size))
        return false;
    if (n == 1) {
        key->key = found[0];
        return true;
    }
    if (n == 0)
        snprintf(why, size,
                 "the PKCS#11 token has no such secret key (keys.pkcs11); make one: pkcs11-tool "
                 "--module %s --login --token-label LABEL --keygen --key-type AES:32 --sensitive "
                 "--label NAME --id 01",
                 p11_kit_uri_get_module_path(key->p.uri));
    else
        snprintf(why, size,
                 "the PKCS#11 token has several such keys; add id=%%NN to keys.pkcs11 so that it "
                 "names one");
    return false;
}

/* The key's properties, and the fields that make its id. */
static bool inspect(const struct pkcs11_key *key, char id[KEK_ID_MAX], char *why, size_t size)
{
    CK_KEY_TYPE type = 0;
    CK_ULONG length = 0;
    CK_BBOOL extractable = CK_TRUE, sensitive = CK_FALSE;
    uint8_t key_id[FIELD_MAX], label[FIELD_MAX], digest[CRYPTO_SHA256];
    CK_ATTRIBUTE attributes[] = {
        {CKA_KEY_TYPE, &type, sizeof type},
        {CKA_VALUE_LEN, &length, sizeof length},
        {CKA_EXTRACTABLE, &extractable, sizeof extractable},
        {CKA_SENSITIVE, &sensitive, sizeof sensitive},
        {CKA_ID, key_id, sizeof key_id},
        {CKA_LABEL, label, sizeof label},
    };
    const struct pkcs11 *p = &key->p;
    struct seal_place fields;

    pkcs11_call_begins(p);
    CK_RV rv = p->module->C_GetAttributeValue(p->session, key->key, attributes,
                                              sizeof attributes / sizeof attributes[0]);
    pkcs11_call_ends();
    if (rv != CKR_OK)
        return pkcs11_say(p, why, size, "the key's attributes cannot be read", rv);
    const char *fault = type != CKK_AES || length != SEAL_KEY ? "is no AES key of 256 bits"
                        : extractable != CK_FALSE || sensitive != CK_TRUE
                            ? "can be read out of it (CKA_EXTRACTABLE, CKA_SENSITIVE)"
                            : NULL;
    if (fault != NULL) {
        snprintf(why, size,
                 "the key in the PKCS#11 token (keys.pkcs11) %s; make one that is not "
                 "extractable: pkcs11-tool --keygen --key-type AES:32 --sensitive",
                 fault);
        return false;
    }
    seal_place_begin(&fields, "pgsignet kek id pkcs11");
    seal_place_bytes(&fields, bytes_of(p->token.serialNumber, sizeof p->token.serialNumber));
    seal_place_bytes(&fields, bytes_of(key_id, attributes[4].ulValueLen));
    seal_place_bytes(&fields, bytes_of(label, attributes[5].ulValueLen));
    if (fields.overflow || !crypto_sha256(bytes_of(fields.at, fields.len), digest)) {
        snprintf(why, size, "cannot identify the PKCS#11 key: SHA-256 fails in OpenSSL");
        return false;
    }
    for (size_t i = 0; i < 8; i++)
        snprintf(id + 2 * i, 3, "%02x", (unsigned)digest[i]);
    return true;
}

bool pkcs11_key_enter(struct pkcs11_key *key, const char *uri, char id[KEK_ID_MAX], char *why,
                      size_t size)
{
    key->p.words = &words;
    key->p.uri = pkcs11_uri(&words, uri, why, size);
    return key->p.uri != NULL && pkcs11_enter(&key->p, 0, log_in, NULL, why, size) &&
           find_key(key, why, size) && inspect(key, id, why, size);
}
