#include "config.h"

#include "pki/certificate.h"

#include "common/crypto.h"
#include "pki/certificate_write.h"
#include "pki/der.h"

#include <stdio.h>
#include <string.h>

bool certificate_validity(X509 *issuer, int64_t now_s, int64_t lasts_s, int64_t *not_before,
                          int64_t *not_after)
{
    int64_t begins = 0, ends = INT64_MAX;

    if (issuer != NULL && !certificate_window(issuer, &begins, &ends))
        return false;
    *not_before = now_s - CERTIFICATE_BACKDATE > begins ? now_s - CERTIFICATE_BACKDATE : begins;
    *not_after = now_s + lasts_s < ends ? now_s + lasts_s : ends;
    return *not_before <= now_s && *not_after > now_s;
}

bool certificate_serial(uint8_t serial[CERTIFICATE_SERIAL], size_t *len)
{
    /* The byte in front keeps it positive, minimal, and of one length whatever the others are. */
    *len = 17;
    do {
        if (!crypto_random(serial, *len))
            return false;
        serial[0] &= 0x7f;
    } while (serial[0] == 0);
    return true;
}

/* --- signing: OpenSSL's own signer knows no tokens, so one way serves both --- */

static bool assemble(struct bytes tbs, struct key *issuer_key, GByteArray *out, char *why,
                     size_t size)
{
    GByteArray *signature = g_byte_array_new();
    bool done = key_sign(issuer_key, tbs, signature, why, size);

    if (done) {
        size_t whole = der_begin(out, DER_SEQUENCE);
        der_put_whole(out, tbs);
        key_signature_algorithm(issuer_key, out);
        size_t bits = der_begin(out, DER_BIT_STRING);
        g_byte_array_append(out, (const uint8_t *)"", 1); /* no unused bits */
        g_byte_array_append(out, signature->data, signature->len);
        der_end(out, bits);
        der_end(out, whole);
    }
    g_byte_array_unref(signature);
    return done;
}

/* The parts that a signature is about, taken from what was made. */
static bool is_signed(struct bytes der, const struct key *issuer_key)
{
    struct der_item whole, tbs, algorithm, bits;

    return der_next_of(&der, DER_SEQUENCE, &whole) && der.len == 0 &&
           der_next_of(&whole.content, DER_SEQUENCE, &tbs) &&
           der_next_of(&whole.content, DER_SEQUENCE, &algorithm) &&
           der_next_of(&whole.content, DER_BIT_STRING, &bits) && whole.content.len == 0 &&
           bits.content.len > 1 && bits.content.ptr[0] == 0 &&
           key_verifies(key_public(issuer_key), tbs.whole,
                        bytes_of(bits.content.ptr + 1, bits.content.len - 1));
}

/* What was made, seen as a stranger sees it. */
static bool judge(const struct certificate_wish *wish, X509 *issuer, const struct key *issuer_key,
                  struct bytes der, char *why, size_t size)
{
    struct lint_finding findings[LINT_FINDINGS];
    struct lint_context context = {
        .use = wish->use, .now_s = wish->now_s, .longest_s = wish->longest_s};
    uint8_t *issuer_der = NULL;
    bool done = false;

    if (!is_signed(der, issuer_key)) {
        snprintf(why, size,
                 "what was signed does not verify: the key and the CA's certificate do not go "
                 "together, or the key's module is broken");
        return false;
    }
    int len = issuer != NULL ? i2d_X509(issuer, &issuer_der) : 0;
    context.issuer = bytes_of(issuer_der, len > 0 ? (size_t)len : 0);
    done = lint_certificate(der, &context, findings) == 0;
    if (!done)
        snprintf(why, size, "it would break a rule: %s (%s, %s)", findings[0].text,
                 findings[0].rule, findings[0].source);
    OPENSSL_free(issuer_der);
    return done;
}

bool certificate_sign(const struct certificate_wish *wish, const struct bytes *subject,
                      X509 *issuer, struct key *issuer_key, GByteArray *out, char *why, size_t size)
{
    GByteArray *tbs = g_byte_array_new();
    bool done = false;

    g_byte_array_set_size(out, 0);
    if (issuer != NULL && !key_fits(issuer_key, X509_get0_pubkey(issuer)))
        snprintf(why, size, "the key is not the one of the issuer's certificate");
    else if (!certificate_put_tbs(wish, subject, issuer, issuer_key, tbs))
        snprintf(why, size, "it cannot be written: a key or a name is not fit");
    else
        done = assemble(bytes_of(tbs->data, tbs->len), issuer_key, out, why, size) &&
               judge(wish, issuer, issuer_key, bytes_of(out->data, out->len), why, size);
    if (!done)
        g_byte_array_set_size(out, 0); /* nothing leaves that was not judged */
    g_byte_array_unref(tbs);
    return done;
}
