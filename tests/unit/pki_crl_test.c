/* Proves that CRLs are well formed and read back, and which ones may replace which. */
#include "config.h"

#include "tests/unit/pki_crl_fixture.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void a_crl_is_clean_under_every_algorithm_and_openssl_reads_it_as_we_do(void **state)
{
    GByteArray *der = g_byte_array_new();
    struct lint_finding findings[LINT_FINDINGS];

    (void)state;
    for (int algorithm = 0; algorithm < KEY_ALGORITHMS; algorithm++) {
        struct ca ca = make_ca("ca", (enum key_algorithm)algorithm);
        make_crl(&ca, 77, NOW - 300, NOW + 30 * DAY, 5, der);
        const struct lint_context context = {.use = LINT_CA, .issuer = over(ca.der), .now_s = NOW};
        if (lint_crl(over(der), &context, findings) != 0)
            fail_msg("%s", findings[0].text);
        assert_true(crl_signed_by(over(der), ca.certificate));

        const unsigned char *at = der->data;
        X509_CRL *crl = d2i_X509_CRL(NULL, &at, (long)der->len);
        assert_non_null(crl);
        assert_ptr_equal(at, der->data + der->len);
        assert_int_equal(X509_CRL_verify(crl, X509_get0_pubkey(ca.certificate)), 1);
        assert_int_equal(X509_CRL_get_version(crl), 1);
        assert_int_equal(sk_X509_REVOKED_num(X509_CRL_get_REVOKED(crl)), 5);
        ASN1_INTEGER *number = X509_CRL_get_ext_d2i(crl, NID_crl_number, NULL, NULL);
        assert_int_equal(ASN1_INTEGER_get(number), 77);
        ASN1_INTEGER_free(number);
        X509_CRL_free(crl);
        free_ca(&ca);
    }
    g_byte_array_unref(der);
}

static void what_a_crl_says_is_read_back(void **state)
{
    struct ca ca = make_ca("ca", KEY_P256);
    GByteArray *der = g_byte_array_new();
    struct crl_facts facts;
    struct crl_entry entry;

    (void)state;
    make_crl(&ca, UINT64_C(0x8000000001), NOW - 300, NOW + 30 * DAY, 2, der);
    assert_null(crl_facts(over(der), &facts));
    assert_true(crl_number(&facts) == UINT64_C(0x8000000001));
    assert_int_equal(facts.this_s, NOW - 300);
    assert_int_equal(facts.next_s, NOW + 30 * DAY);
    assert_int_equal(facts.entries, 2);
    assert_int_equal(facts.key_id.len, 20);

    assert_true(crl_next(&facts.revoked, &entry));
    assert_true(bytes_equal(entry.serial, bytes_of("\x03\xe8", 2)));
    assert_int_equal(entry.reason, REVOKED_KEY_COMPROMISE);
    assert_int_equal(entry.revoked_s, NOW - 360);
    assert_true(crl_next(&facts.revoked, &entry));
    assert_int_equal(entry.reason, 0);
    assert_false(crl_next(&facts.revoked, &entry));

    assert_true(crl_lists(over(der), bytes_of("\0\x03\xe9", 3)));
    assert_false(crl_lists(over(der), bytes_of("\x03\xea", 2)));
    free_ca(&ca);
    g_byte_array_unref(der);
}

static void a_crl_without_entries_has_no_list(void **state)
{
    struct ca ca = make_ca("ca", KEY_P256);
    GByteArray *der = g_byte_array_new();
    struct crl_facts facts;

    (void)state;
    make_crl(&ca, 1, NOW - 300, NOW + DAY, 0, der);
    assert_null(crl_facts(over(der), &facts));
    assert_int_equal(facts.entries, 0);
    assert_null(facts.revoked.ptr);
    free_ca(&ca);
    g_byte_array_unref(der);
}

static void serials_out_of_order_or_twice_are_refused(void **state)
{
    GByteArray *out = g_byte_array_new();
    struct crl_writer writer;
    const struct crl_head head = {.algorithm = bytes_of("\x30\0", 2),
                                  .issuer = bytes_of("\x30\0", 2)};

    (void)state;
    crl_begin(&writer, out, &head);
    assert_true(crl_add(&writer, bytes_of("\xff", 1), NOW, 0));
    assert_true(crl_add(&writer, bytes_of("\x01\x00", 2), NOW, 0)); /* longer is larger */
    assert_false(crl_add(&writer, bytes_of("\x01\x00", 2), NOW, 0));
    assert_false(crl_add(&writer, bytes_of("\x00\xfe", 2), NOW, 0));
    assert_false(crl_add(&writer, bytes_of("123456789012345678901", 21), NOW, 0));
    g_byte_array_unref(out);
}

static void damaged_octets_are_no_crl_and_read_nothing_outside(void **state)
{
    struct ca ca = make_ca("ca", KEY_P256);
    GByteArray *der = g_byte_array_new();
    struct crl_facts facts;

    (void)state;
    make_crl(&ca, 1, NOW - 300, NOW + DAY, 3, der);
    for (size_t len = 0; len < der->len; len++) {
        uint8_t *copy = g_memdup2(der->data, len);
        assert_non_null(crl_facts(bytes_of(copy, len), &facts));
        g_free(copy);
    }
    for (size_t i = 0; i < der->len; i++)
        for (unsigned bit = 0; bit < 8; bit++) {
            der->data[i] = (uint8_t)(der->data[i] ^ (1u << bit));
            assert_false(crl_signed_by(over(der), ca.certificate));
            der->data[i] = (uint8_t)(der->data[i] ^ (1u << bit));
        }
    assert_true(crl_signed_by(over(der), ca.certificate));
    free_ca(&ca);
    g_byte_array_unref(der);
}

/* --- text --- */

static void pem_is_what_openssl_writes_for_every_length(void **state)
{
    uint8_t octets[200];
    GByteArray *text = g_byte_array_new();

    (void)state;
    for (size_t i = 0; i < sizeof octets; i++)
        octets[i] = (uint8_t)(i * 7);
    for (size_t len = 1; len < sizeof octets; len++) {
        BIO *bio = BIO_new(BIO_s_mem());
        char *expected;
        PEM_write_bio(bio, "X509 CRL", "", octets, (long)len);
        long n = BIO_get_mem_data(bio, &expected);
        g_byte_array_set_size(text, 0);
        crl_pem(bytes_of(octets, len), text);
        assert_true(bytes_equal(over(text), bytes_of(expected, (size_t)n)));
        BIO_free(bio);
    }
    g_byte_array_unref(text);
}

static void crls_are_taken_off_a_text_one_by_one(void **state)
{
    struct ca ca = make_ca("ca", KEY_P256);
    GByteArray *first = g_byte_array_new(), *second = g_byte_array_new();
    GByteArray *text = g_byte_array_new(), *der = g_byte_array_new();
    struct bytes rest, block;

    (void)state;
    make_crl(&ca, 1, NOW - 300, NOW + DAY, 3, first);
    make_crl(&ca, 2, NOW - 300, NOW + DAY, 0, second);
    g_byte_array_append(text, (const guint8 *)"a comment\n", 10);
    crl_pem(over(first), text);
    g_byte_array_append(text, (const guint8 *)"\r\n", 2);
    crl_pem(over(second), text);
    rest = over(text);
    assert_int_equal(crl_pem_next(&rest, der, &block), 1);
    assert_true(bytes_equal(over(der), over(first)));
    assert_memory_equal(block.ptr, "-----BEGIN", 10);
    assert_int_equal(block.ptr[block.len - 1], '-');
    assert_int_equal(crl_pem_next(&rest, der, NULL), 1);
    assert_true(bytes_equal(over(der), over(second)));
    assert_int_equal(crl_pem_next(&rest, der, NULL), 0);
    free_ca(&ca);
    g_byte_array_unref(first);
    g_byte_array_unref(second);
    g_byte_array_unref(text);
    g_byte_array_unref(der);
}

static void a_text_that_holds_something_else_is_told(void **state)
{
    static const char *const texts[] = {
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        "-----BEGIN X509 CRL-----\nAAAA\n",
        "-----BEGIN X509 CRL-----\nAAA\n-----END X509 CRL-----\n",
        "-----BEGIN X509 CRL-----\nA=AA\n-----END X509 CRL-----\n",
        "-----BEGIN X509 CRL-----\n!!!!\n-----END X509 CRL-----\n",
        "-----BEGIN X509 CRL-----\n-----END X509 CRL-----\n",
        "-----BEGIN X509 CRL-----\nAAAA\n-----END CERTIFICATE-----\n",
        "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n",
        "-----BEGIN ",
    };
    GByteArray *der = g_byte_array_new();

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct bytes rest = bytes_str(texts[i]);
        assert_int_equal(crl_pem_next(&rest, der, NULL), -1);
    }
    g_byte_array_unref(der);
}

/* --- which one may replace which --- */

static void expect_worse(struct bytes fresh, struct bytes old, X509 *issuer, const char *part)
{
    const char *worse = crl_worse(fresh, old, issuer, NOW);

    if (part == NULL && worse != NULL)
        fail_msg("refused: %s", worse);
    if (part != NULL && (worse == NULL || strstr(worse, part) == NULL))
        fail_msg("not \"%s\": %s", part, worse != NULL ? worse : "accepted");
}

static void a_worse_crl_is_refused_and_said_why(void **state)
{
    struct ca ca = make_ca("ca", KEY_P256), other = make_ca("other", KEY_P256);
    struct ca twin = make_ca("ca", KEY_P256);
    GByteArray *old = g_byte_array_new(), *fresh = g_byte_array_new();

    (void)state;
    make_crl(&ca, 5, NOW - 3600, NOW + DAY, 3, old);
    make_crl(&ca, 6, NOW - 300, NOW + 30 * DAY, 3, fresh);
    expect_worse(over(fresh), over(old), ca.certificate, NULL);
    expect_worse(over(fresh), bytes_of(NULL, 0), ca.certificate, NULL);
    expect_worse(over(fresh), over(fresh), ca.certificate, NULL);
    expect_worse(over(fresh), over(old), other.certificate, "another CA");
    expect_worse(over(fresh), over(old), twin.certificate, "not signed by");
    expect_worse(bytes_of("\x30\0", 2), over(old), ca.certificate, "no CRL");

    make_crl(&ca, 4, NOW - 300, NOW + 30 * DAY, 3, fresh);
    expect_worse(over(fresh), over(old), ca.certificate, "lower number");
    make_crl(&ca, 5, NOW - 300, NOW + 30 * DAY, 3, fresh);
    expect_worse(over(fresh), over(old), ca.certificate, "has the number of the one");
    make_crl(&ca, 6, NOW - 7200, NOW + 30 * DAY, 3, fresh);
    expect_worse(over(fresh), over(old), ca.certificate, "older than");
    make_crl(&ca, 6, NOW - 7200, NOW, 3, fresh);
    expect_worse(over(fresh), over(old), ca.certificate, "expired");
    make_crl(&ca, 6, NOW + 1, NOW + DAY, 3, fresh);
    expect_worse(over(fresh), over(old), ca.certificate, "future");

    /* The clock was ahead when the old one was made: it stands in nobody's way, but for its number. */
    make_crl(&ca, 5, NOW + 700 * DAY, NOW + 730 * DAY, 3, old);
    make_crl(&ca, 6, NOW - 300, NOW + DAY, 3, fresh);
    expect_worse(over(fresh), over(old), ca.certificate, NULL);
    make_crl(&ca, 4, NOW - 300, NOW + DAY, 3, fresh);
    expect_worse(over(fresh), over(old), ca.certificate, "lower number");

    /* Forged: everything is right but a bit of the signature. */
    make_crl(&ca, 6, NOW - 300, NOW + DAY, 3, fresh);
    fresh->data[fresh->len - 1] ^= 1;
    expect_worse(over(fresh), over(old), ca.certificate, "not signed by");
    free_ca(&ca);
    free_ca(&other);
    free_ca(&twin);
    g_byte_array_unref(old);
    g_byte_array_unref(fresh);
}

static void an_old_one_that_is_forged_does_not_stop_a_new_one(void **state)
{
    struct ca ca = make_ca("ca", KEY_P256), twin = make_ca("ca", KEY_P256);
    GByteArray *old = g_byte_array_new(), *fresh = g_byte_array_new();

    (void)state;
    make_crl(&twin, UINT64_MAX, NOW - 300, NOW + DAY, 0, old);
    make_crl(&ca, 1, NOW - 300, NOW + DAY, 3, fresh);
    expect_worse(over(fresh), over(old), ca.certificate, NULL);
    /* The twin has the name, and another key: its CRL is foreign. */
    assert_false(crl_is_of(over(old), ca.certificate));
    assert_true(crl_is_of(over(fresh), ca.certificate));
    free_ca(&ca);
    free_ca(&twin);
    g_byte_array_unref(old);
    g_byte_array_unref(fresh);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_crl_is_clean_under_every_algorithm_and_openssl_reads_it_as_we_do),
        cmocka_unit_test(what_a_crl_says_is_read_back),
        cmocka_unit_test(a_crl_without_entries_has_no_list),
        cmocka_unit_test(serials_out_of_order_or_twice_are_refused),
        cmocka_unit_test(damaged_octets_are_no_crl_and_read_nothing_outside),
        cmocka_unit_test(pem_is_what_openssl_writes_for_every_length),
        cmocka_unit_test(crls_are_taken_off_a_text_one_by_one),
        cmocka_unit_test(a_text_that_holds_something_else_is_told),
        cmocka_unit_test(a_worse_crl_is_refused_and_said_why),
        cmocka_unit_test(an_old_one_that_is_forged_does_not_stop_a_new_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
