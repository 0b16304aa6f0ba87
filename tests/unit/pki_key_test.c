/* Proves that private keys are made, written, read again, and sign with the one algorithm that goes with them. */
#include "config.h"

#include "pki/key.h"

#include <openssl/ec.h>
#include <openssl/obj_mac.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static char why[512];
static struct key *keys[KEY_ALGORITHMS]; /* RSA takes its time: one of each for all tests */

static int make_keys(void **state)
{
    (void)state;
    for (size_t i = 0; i < KEY_ALGORITHMS; i++)
        if ((keys[i] = key_generate((enum key_algorithm)i, why, sizeof why)) == NULL)
            return -1;
    return 0;
}

static int free_keys(void **state)
{
    (void)state;
    for (size_t i = 0; i < KEY_ALGORITHMS; i++)
        key_free(keys[i]);
    return 0;
}

static void each_algorithm_makes_the_key_that_it_names(void **state)
{
    static const struct {
        const char *type;
        int bits;
    } expected[KEY_ALGORITHMS] = {
        [KEY_P256] = {"EC", 256},         [KEY_P384] = {"EC", 384},
        [KEY_RSA3072] = {"RSA", 3072},    [KEY_RSA4096] = {"RSA", 4096},
        [KEY_ED25519] = {"ED25519", 256},
    };

    (void)state;
    for (size_t i = 0; i < KEY_ALGORITHMS; i++) {
        EVP_PKEY *pair = key_public(keys[i]);
        assert_true(EVP_PKEY_is_a(pair, expected[i].type));
        if (i != KEY_ED25519)
            assert_int_equal(EVP_PKEY_get_bits(pair), expected[i].bits);
        assert_ptr_equal(key_private(keys[i]), pair);
        assert_non_null(key_algorithm_names[i]);
    }
}

static void each_key_signs_with_its_own_algorithm(void **state)
{
    static const int algorithms[KEY_ALGORITHMS] = {
        [KEY_P256] = NID_ecdsa_with_SHA256,
        [KEY_P384] = NID_ecdsa_with_SHA384,
        [KEY_RSA3072] = NID_sha256WithRSAEncryption,
        [KEY_RSA4096] = NID_sha256WithRSAEncryption,
        [KEY_ED25519] = NID_ED25519,
    };
    static const char *const digests[KEY_ALGORITHMS] = {"SHA256", "SHA384", "SHA256", "SHA256",
                                                        NULL};

    (void)state;
    for (size_t i = 0; i < KEY_ALGORITHMS; i++) {
        GByteArray *algorithm = g_byte_array_new(), *signature = g_byte_array_new();
        key_signature_algorithm(keys[i], algorithm);
        const uint8_t *at = algorithm->data;
        X509_ALGOR *parsed = d2i_X509_ALGOR(NULL, &at, algorithm->len);
        assert_non_null(parsed);
        assert_ptr_equal(at, algorithm->data + algorithm->len);
        const ASN1_OBJECT *object;
        int type;
        X509_ALGOR_get0(&object, &type, NULL, parsed);
        assert_int_equal(OBJ_obj2nid(object), algorithms[i]);
        /* RFC 4055 5: NULL for RSA; RFC 5758 3.2, 8410 3: absent for the others. */
        assert_int_equal(type,
                         EVP_PKEY_is_a(key_public(keys[i]), "RSA") ? V_ASN1_NULL : V_ASN1_UNDEF);
        X509_ALGOR_free(parsed);
        g_byte_array_append(signature, (const uint8_t *)"abc", 3); /* it appends */
        assert_true(key_sign(keys[i], bytes_str("text"), signature, why, sizeof why));
        EVP_MD_CTX *context = EVP_MD_CTX_new();
        assert_int_equal(EVP_DigestVerifyInit_ex(context, NULL, digests[i], NULL, NULL,
                                                 key_public(keys[i]), NULL),
                         1);
        assert_int_equal(EVP_DigestVerify(context, signature->data + 3, signature->len - 3,
                                          (const uint8_t *)"text", 4),
                         1);
        EVP_MD_CTX_free(context);
        g_byte_array_unref(signature);
        g_byte_array_unref(algorithm);
    }
}

static void a_key_that_was_written_is_read_again(void **state)
{
    (void)state;
    for (size_t i = 0; i < KEY_ALGORITHMS; i++) {
        struct secret pem, der;
        assert_true(key_write_pem(keys[i], bytes_of(NULL, 0), &pem, why, sizeof why));
        assert_true(key_write_der(keys[i], &der, why, sizeof why));
        assert_int_equal(memcmp(pem.ptr, "-----BEGIN PRIVATE KEY-----\n", 28), 0); /* PKCS#8 */
        struct key *from_pem = key_read(secret_bytes(&pem), bytes_of(NULL, 0), why, sizeof why);
        struct key *from_der = key_read(secret_bytes(&der), bytes_of(NULL, 0), why, sizeof why);
        assert_non_null(from_pem);
        assert_non_null(from_der);
        assert_true(key_fits(from_pem, key_public(keys[i])));
        assert_true(key_fits(from_der, key_public(keys[i])));
        assert_false(key_fits(from_der, key_public(keys[(i + 1) % KEY_ALGORITHMS])));
        key_free(from_pem);
        key_free(from_der);
        secret_free(&pem);
        secret_free(&der);
    }
}

static void a_passphrase_seals_with_scrypt_and_aes_256(void **state)
{
    static const uint8_t scrypt[] = {6, 9, 0x2b, 6, 1, 4, 1, 0xda, 0x47, 4, 11};
    static const uint8_t aes[] = {6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 1, 0x2a};
    struct secret pem;
    char *name, *header;
    uint8_t *der;
    long len;

    (void)state;
    assert_true(key_write_pem(keys[KEY_P256], bytes_str("horse battery"), &pem, why, sizeof why));
    BIO *in = BIO_new_mem_buf(pem.ptr, (int)pem.len);
    assert_int_equal(PEM_read_bio(in, &name, &header, &der, &len), 1);
    assert_string_equal(name, "ENCRYPTED PRIVATE KEY");
    assert_non_null(memmem(der, (size_t)len, scrypt, sizeof scrypt));
    assert_non_null(memmem(der, (size_t)len, aes, sizeof aes));
    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_free(der);
    BIO_free(in);

    struct key *key = key_read(secret_bytes(&pem), bytes_str("horse battery"), why, sizeof why);
    assert_non_null(key);
    assert_true(key_fits(key, key_public(keys[KEY_P256])));
    key_free(key);
    assert_null(key_read(secret_bytes(&pem), bytes_of(NULL, 0), why, sizeof why));
    assert_non_null(strstr(why, "--passphrase-file"));
    assert_null(key_read(secret_bytes(&pem), bytes_str("horse batterY"), why, sizeof why));
    assert_non_null(strstr(why, "does not open it"));
    secret_free(&pem);
}

static struct secret as_openssl_writes(const char *type, bool traditional)
{
    struct secret out = {0};
    char *data;
    BIO *bio = BIO_new(BIO_s_mem());
    EVP_PKEY *pair = strcmp(type, "RSA") == 0 ? EVP_PKEY_Q_keygen(NULL, NULL, type, (size_t)2048)
                                              : EVP_PKEY_Q_keygen(NULL, NULL, "EC", type);

    assert_non_null(pair);
    assert_int_equal(
        traditional ? PEM_write_bio_PrivateKey_traditional(bio, pair, NULL, NULL, 0, NULL, NULL)
                    : PEM_write_bio_PrivateKey(bio, pair, NULL, NULL, 0, NULL, NULL),
        1);
    long len = BIO_get_mem_data(bio, &data);
    assert_true(secret_copy(&out, bytes_of(data, (size_t)len)));
    BIO_free(bio);
    EVP_PKEY_free(pair);
    return out;
}

static void keys_of_other_programs_are_read(void **state)
{
    static const char *const types[] = {"RSA", "P-256", "P-384", "P-521"};

    (void)state;
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        struct secret text = as_openssl_writes(types[i], true); /* PKCS#1, SEC1 */
        struct key *key = key_read(secret_bytes(&text), bytes_of(NULL, 0), why, sizeof why);
        assert_non_null(key);
        key_free(key);
        secret_free(&text);
    }
}

static void what_is_no_key_for_us_is_refused(void **state)
{
    struct secret text = as_openssl_writes("secp256k1", false);

    (void)state;
    assert_null(key_read(secret_bytes(&text), bytes_of(NULL, 0), why, sizeof why));
    assert_non_null(strstr(why, "P-256"));
    secret_free(&text);
    assert_null(key_read(bytes_str("nonsense"), bytes_of(NULL, 0), why, sizeof why));
    assert_null(key_read(bytes_str("0\x82"), bytes_of(NULL, 0), why, sizeof why));
    assert_null(key_read(bytes_str(""), bytes_of(NULL, 0), why, sizeof why));
}

static void an_id_is_of_the_public_key_alone(void **state)
{
    uint8_t a[KEY_ID], b[KEY_ID], c[KEY_ID];
    struct secret pem;

    (void)state;
    assert_true(key_write_pem(keys[KEY_P256], bytes_of(NULL, 0), &pem, why, sizeof why));
    struct key *again = key_read(secret_bytes(&pem), bytes_of(NULL, 0), why, sizeof why);
    assert_true(key_id(key_public(keys[KEY_P256]), a));
    assert_true(key_id(key_public(again), b));
    assert_true(key_id(key_public(keys[KEY_P384]), c));
    assert_memory_equal(a, b, KEY_ID);
    assert_memory_not_equal(a, c, KEY_ID);
    key_free(again);
    secret_free(&pem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_algorithm_makes_the_key_that_it_names),
        cmocka_unit_test(each_key_signs_with_its_own_algorithm),
        cmocka_unit_test(a_key_that_was_written_is_read_again),
        cmocka_unit_test(a_passphrase_seals_with_scrypt_and_aes_256),
        cmocka_unit_test(keys_of_other_programs_are_read),
        cmocka_unit_test(what_is_no_key_for_us_is_refused),
        cmocka_unit_test(an_id_is_of_the_public_key_alone),
    };

    return cmocka_run_group_tests(tests, make_keys, free_keys);
}
