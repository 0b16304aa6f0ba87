/* PKCS#12: what Npgsql, Java's keystores and Windows read.  Weaker ciphers would be read by older ones too. */
#include "config.h"

#include "pki/output_own.h"

#include "common/crypto.h"

#include <openssl/err.h>
#include <openssl/pkcs12.h>
#include <stdio.h>

#define ROUNDS 100000 /* of the derivations; Java reads up to 5,000,000 */

static const char *reason(void)
{
    const char *text = ERR_reason_error_string(ERR_peek_last_error());

    ERR_clear_error();
    return text != NULL ? text : "memory is short";
}

static X509 *read_leaf(struct bytes der)
{
    const unsigned char *at = der.ptr;

    return d2i_X509(NULL, &at, (long)der.len);
}

/* NULL when memory is short.  Certificates are not owned. */
static STACK_OF(X509) * issuers(const struct output_leaf *leaf)
{
    STACK_OF(X509) *all = sk_X509_new_null();

    for (size_t i = 0; all != NULL && i < leaf->n_chain; i++) {
        if (sk_X509_push(all, leaf->chain[i]) > 0)
            continue;
        sk_X509_free(all);
        all = NULL;
    }
    return all;
}

static bool encode(PKCS12 *p12, struct secret *out)
{
    int len = i2d_PKCS12(p12, NULL);

    if (len <= 0 || !secret_alloc(out, (size_t)len))
        return false;
    unsigned char *at = out->ptr;
    return i2d_PKCS12(p12, &at) == len;
}

bool output_pkcs12(const struct output_leaf *leaf, struct secret *out, char *why, size_t size)
{
    EVP_PKEY *key = leaf->key != NULL ? key_private(leaf->key) : NULL;
    struct secret passphrase = {0}; /* NUL-ended, as PKCS12_create wants it */
    STACK_OF(X509) *all = NULL;
    X509 *certificate = NULL;
    PKCS12 *p12 = NULL;
    bool done = false;

    if (key == NULL || leaf->pkcs12_passphrase.len == 0 ||
        memchr(leaf->pkcs12_passphrase.ptr, 0, leaf->pkcs12_passphrase.len) != NULL) {
        snprintf(why, size,
                 "a PKCS#12 file needs a key that is here, and a passphrase without NUL");
        return false;
    }
    if (crypto_is_fips()) {
        snprintf(why, size,
                 "no PKCS#12 file under `fips: require`: its key derivation (RFC 7292, appendix B) "
                 "is not an approved one; pk8 can be had");
        return false;
    }
    if (!secret_copy(&passphrase, leaf->pkcs12_passphrase) ||
        (certificate = read_leaf(leaf->der)) == NULL || (all = issuers(leaf)) == NULL)
        goto out;
    /* -1: without the MAC, which is then made of a digest that is named. */
    p12 = PKCS12_create((char *)passphrase.ptr, leaf->name, key, certificate, all, NID_aes_256_cbc,
                        NID_aes_256_cbc, ROUNDS, -1, 0);
    done = p12 != NULL &&
           PKCS12_set_mac(p12, (char *)passphrase.ptr, (int)passphrase.len, NULL, 0, ROUNDS,
                          EVP_sha256()) == 1 &&
           encode(p12, out);
out:
    if (!done)
        snprintf(why, size, "the PKCS#12 file could not be made: %s", reason());
    PKCS12_free(p12);
    sk_X509_free(all);
    X509_free(certificate);
    secret_free(&passphrase);
    return done;
}
