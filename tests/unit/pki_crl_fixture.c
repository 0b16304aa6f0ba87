#include "config.h"

#include "tests/unit/pki_crl_fixture.h"

#include <openssl/x509v3.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

char why[512];

struct ca make_ca_at(int64_t now_s, const char *name, enum key_algorithm algorithm)
{
    struct ca ca = {.key = key_generate(algorithm, why, sizeof why), .der = g_byte_array_new()};
    uint8_t serial[CERTIFICATE_SERIAL];
    size_t len;

    assert_non_null(ca.key);
    assert_true(certificate_serial(serial, &len));
    const struct certificate_wish wish = {.use = LINT_CA,
                                          .common_name = bytes_str(name),
                                          .organisation = "pgsignet",
                                          .key = key_public(ca.key),
                                          .path_length = 0,
                                          .not_before = now_s - 30 * DAY,
                                          .not_after = now_s + 3650 * DAY,
                                          .serial = bytes_of(serial, len)};
    if (!certificate_sign(&wish, NULL, NULL, ca.key, ca.der, why, sizeof why))
        fail_msg("%s", why);
    ca.certificate = certificate_read(bytes_of(ca.der->data, ca.der->len), why, sizeof why);
    assert_non_null(ca.certificate);
    return ca;
}

struct ca make_ca(const char *name, enum key_algorithm algorithm)
{
    return make_ca_at(NOW, name, algorithm);
}

void free_ca(struct ca *ca)
{
    key_free(ca->key);
    X509_free(ca->certificate);
    g_byte_array_unref(ca->der);
}

struct bytes over(const GByteArray *array)
{
    return bytes_of(array->data, array->len);
}

void make_crl(const struct ca *ca, uint64_t number, int64_t this_s, int64_t next_s, size_t n,
              GByteArray *out)
{
    GByteArray *algorithm = g_byte_array_new(), *signature = g_byte_array_new();
    const ASN1_OCTET_STRING *id = X509_get0_subject_key_id(ca->certificate);
    unsigned char *name = NULL;
    int len = i2d_X509_NAME(X509_get_subject_name(ca->certificate), &name);
    struct crl_writer writer;

    key_signature_algorithm(ca->key, algorithm);
    const struct crl_head head = {.algorithm = over(algorithm),
                                  .issuer = bytes_of(name, (size_t)len),
                                  .this_s = this_s,
                                  .next_s = next_s};
    crl_begin(&writer, out, &head);
    for (size_t i = 0; i < n; i++) {
        const uint8_t serial[4] = {0, (uint8_t)((1000 + i) >> 16), (uint8_t)((1000 + i) >> 8),
                                   (uint8_t)(1000 + i)};
        assert_true(crl_add(&writer, bytes_of(serial, 4), this_s - 60,
                            i % 3 == 0 ? REVOKED_KEY_COMPROMISE : REVOKED_UNSPECIFIED));
    }
    struct bytes body = crl_body(
        &writer, bytes_of(ASN1_STRING_get0_data(id), (size_t)ASN1_STRING_length(id)), number);
    if (!key_sign(ca->key, body, signature, why, sizeof why))
        fail_msg("%s", why);
    crl_end(&writer, over(algorithm), over(signature));
    OPENSSL_free(name);
    g_byte_array_unref(algorithm);
    g_byte_array_unref(signature);
}
