/* Proves that keys are written by our own hand byte for byte as OpenSSL writes them, and read back as the same keys. */
#include "config.h"

#include "pki/key.h"
#include "pki/key_encoding.h"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static EVP_PKEY *make(const char *what)
{
    EVP_PKEY *key;

    if (strncmp(what, "RSA", 3) == 0)
        key = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
    else if (strcmp(what, "ED25519") == 0 || strcmp(what, "X25519") == 0)
        key = EVP_PKEY_Q_keygen(NULL, NULL, what);
    else
        key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", what);
    assert_non_null(key);
    return key;
}

static void assert_spki_is_openssls(EVP_PKEY *key)
{
    GByteArray *own = g_byte_array_new();
    uint8_t *theirs = NULL;
    int len = i2d_PUBKEY(key, &theirs);

    assert_true(key_put_spki(key, own));
    assert_int_equal(own->len, len);
    assert_memory_equal(own->data, theirs, (size_t)len);
    OPENSSL_free(theirs);
    g_byte_array_unref(own);
}

static const char *const kinds[] = {"P-256",           "P-384",   "P-521",  "secp256k1",
                                    "brainpoolP256r1", "ED25519", "X25519", "RSA"};

static void public_keys_are_written_as_openssl_writes_them(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        EVP_PKEY *key = make(kinds[i]);

        assert_spki_is_openssls(key);
        EVP_PKEY_free(key);
    }
}

/* What other programs may bring: compressed points, curves that are spelt out. */
static void odd_forms_of_public_keys_keep_their_form(void **state)
{
    (void)state;
    for (int form = 0; form < 2; form++) {
        EC_KEY *ec = EC_KEY_new_by_curve_name(NID_X9_62_prime256v1);
        EVP_PKEY *key = EVP_PKEY_new(), *read = NULL;
        uint8_t *der = NULL;

        if (form == 0)
            EC_KEY_set_conv_form(ec, POINT_CONVERSION_COMPRESSED);
        else
            EC_KEY_set_asn1_flag(ec, OPENSSL_EC_EXPLICIT_CURVE);
        assert_int_equal(EC_KEY_generate_key(ec), 1);
        assert_int_equal(EVP_PKEY_assign_EC_KEY(key, ec), 1);
        int len = i2d_PUBKEY(key, &der);
        const uint8_t *at = der;
        assert_non_null(read = d2i_PUBKEY(NULL, &at, len));
        assert_spki_is_openssls(key);
        assert_spki_is_openssls(read);
        OPENSSL_free(der);
        EVP_PKEY_free(read);
        EVP_PKEY_free(key);
    }
}

static void private_keys_are_written_as_openssl_writes_them(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        EVP_PKEY *key = make(kinds[i]);
        GByteArray *own = g_byte_array_new();
        PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key);
        uint8_t *theirs = NULL;
        int len = i2d_PKCS8_PRIV_KEY_INFO(info, &theirs);
        bool ours = i < 3 || strcmp(kinds[i], "ED25519") == 0;

        assert_int_equal(key_put_pkcs8(key, own), ours);
        if (ours) {
            assert_int_equal(own->len, len);
            assert_memory_equal(own->data, theirs, (size_t)len);
        } else {
            assert_int_equal(own->len, 0);
        }
        OPENSSL_free(theirs);
        PKCS8_PRIV_KEY_INFO_free(info);
        g_byte_array_unref(own);
        EVP_PKEY_free(key);
    }
}

static void private_keys_are_read_back_and_sign(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        EVP_PKEY *key = make(kinds[i]);
        GByteArray *der = g_byte_array_new();

        assert_true(key_put_pkcs8(key, der));
        EVP_PKEY *read = key_take_pkcs8(bytes_of(der->data, der->len));
        assert_non_null(read);
        assert_int_equal(EVP_PKEY_eq(key, read), 1);

        EVP_MD_CTX *context = EVP_MD_CTX_new();
        uint8_t signature[256];
        size_t len = sizeof signature;
        assert_int_equal(EVP_DigestSignInit_ex(context, NULL, "SHA256", NULL, NULL, read, NULL), 1);
        assert_int_equal(EVP_DigestSign(context, signature, &len, (const uint8_t *)"x", 1), 1);
        EVP_MD_CTX_reset(context);
        assert_int_equal(EVP_DigestVerifyInit_ex(context, NULL, "SHA256", NULL, NULL, key, NULL),
                         1);
        assert_int_equal(EVP_DigestVerify(context, signature, len, (const uint8_t *)"x", 1), 1);
        EVP_MD_CTX_free(context);

        /* ... and again written as it was. */
        GByteArray *again = g_byte_array_new();
        assert_true(key_put_pkcs8(read, again));
        assert_true(bytes_equal(bytes_of(der->data, der->len), bytes_of(again->data, again->len)));
        g_byte_array_unref(again);
        g_byte_array_unref(der);
        EVP_PKEY_free(read);
        EVP_PKEY_free(key);
    }
}

static void damaged_private_keys_are_not_taken(void **state)
{
    EVP_PKEY *key = make("P-256");
    GByteArray *der = g_byte_array_new();

    (void)state;
    assert_true(key_put_pkcs8(key, der));
    for (guint len = 0; len < der->len; len++)
        assert_null(key_take_pkcs8(bytes_of(der->data, len)));
    for (guint at = 0; at < der->len; at++) {
        der->data[at] ^= 1;
        EVP_PKEY *read = key_take_pkcs8(bytes_of(der->data, der->len));
        /* Another scalar is another key, which is found out by what it signs; all else is no key. */
        if (read != NULL)
            assert_in_range(at, 35, 68);
        EVP_PKEY_free(read);
        der->data[at] ^= 1;
    }
    g_byte_array_append(der, (const uint8_t *)"", 1);
    assert_null(key_take_pkcs8(bytes_of(der->data, der->len)));
    g_byte_array_unref(der);
    EVP_PKEY_free(key);
}

static void a_key_file_with_text_in_front_is_read(void **state)
{
    struct key *key, *read;
    struct secret pem = {0};
    char why[512];

    (void)state;
    assert_non_null(key = key_generate(KEY_P256, why, sizeof why));
    assert_true(key_write_pem(key, (struct bytes){0}, &pem, why, sizeof why));
    g_autofree char *text = g_strdup_printf("Bag Attributes\n%s", (const char *)pem.ptr);
    assert_non_null(read = key_read(bytes_str(text), (struct bytes){0}, why, sizeof why));
    assert_true(key_fits(read, key_public(key)));
    secret_free(&pem);
    key_free(read);
    key_free(key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(public_keys_are_written_as_openssl_writes_them),
        cmocka_unit_test(odd_forms_of_public_keys_keep_their_form),
        cmocka_unit_test(private_keys_are_written_as_openssl_writes_them),
        cmocka_unit_test(private_keys_are_read_back_and_sign),
        cmocka_unit_test(damaged_private_keys_are_not_taken),
        cmocka_unit_test(a_key_file_with_text_in_front_is_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
