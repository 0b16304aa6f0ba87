/* Proves that certificates have the profile they should, under every algorithm and issuer, and that they are read back. */
#include "config.h"

#include "pki/certificate.h"

#include <openssl/bn.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define NOW   INT64_C(1795000000) /* 2026-11-18 */
#define Y2050 INT64_C(2524608000)

static char why[512];

struct made {
    struct key *key;
    X509 *x;
    GByteArray *der;
};

static void made_free(struct made *made)
{
    key_free(made->key);
    X509_free(made->x);
    g_byte_array_unref(made->der);
}

static struct made make(struct certificate_wish *wish, enum key_algorithm algorithm, X509 *issuer,
                        struct key *issuer_key)
{
    uint8_t serial[CERTIFICATE_SERIAL];
    size_t len;
    struct made made = {.key = key_generate(algorithm, why, sizeof why), .der = g_byte_array_new()};

    assert_non_null(made.key);
    assert_true(certificate_serial(serial, &len));
    wish->serial = bytes_of(serial, len);
    wish->key = key_public(made.key);
    if (!certificate_sign(wish, NULL, issuer, issuer_key != NULL ? issuer_key : made.key, made.der,
                          why, sizeof why))
        fail_msg("%s", why);
    made.x = certificate_read(bytes_of(made.der->data, made.der->len), why, sizeof why);
    assert_non_null(made.x);
    return made;
}

static struct made make_ca(const char *name, enum key_algorithm algorithm)
{
    struct certificate_wish wish = {
        .use = LINT_CA,
        .common_name = bytes_str(name),
        .organisation = "pgsignet",
        .path_length = 0,
        .not_before = NOW - CERTIFICATE_BACKDATE,
        .not_after = NOW + CERTIFICATE_CA_S,
    };

    return make(&wish, algorithm, NULL, NULL);
}

static struct certificate_wish client_wish(struct name_san *san, const char *name)
{
    static char urn[] = "urn:pgrole:app";

    *san = (struct name_san){NAME_URI, urn};
    return (struct certificate_wish){
        .use = LINT_CLIENT,
        .common_name = bytes_str(name),
        .sans = san,
        .n_sans = 1,
        .client_auth = true,
        .not_before = NOW - CERTIFICATE_BACKDATE,
        .not_after = NOW + CERTIFICATE_LEAF_S,
    };
}

static struct certificate_wish server_wish(struct name_san sans[4])
{
    static char dns[] = "db1.example.com", four[] = "192.0.2.1", six[] = "2001:db8::1",
                star[] = "*.example.com";

    sans[0] = (struct name_san){NAME_DNS, dns};
    sans[1] = (struct name_san){NAME_IP, four};
    sans[2] = (struct name_san){NAME_IP, six};
    sans[3] = (struct name_san){NAME_DNS, star};
    return (struct certificate_wish){
        .use = LINT_SERVER,
        .common_name = bytes_str("db1.example.com"),
        .sans = sans,
        .n_sans = 4,
        .server_auth = true,
        .client_auth = true,
        .not_before = NOW - CERTIFICATE_BACKDATE,
        .not_after = NOW + CERTIFICATE_LEAF_S,
    };
}

/* The whole chain as OpenSSL's strictest reading has it, at NOW. */
static int verify(X509 *leaf, X509 *between, X509 *root, int purpose)
{
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *context = X509_STORE_CTX_new();
    STACK_OF(X509) *chain = sk_X509_new_null();

    if (between != NULL)
        sk_X509_push(chain, between);
    X509_STORE_add_cert(store, root);
    X509_STORE_CTX_init(context, store, leaf, chain);
    X509_VERIFY_PARAM *parameters = X509_STORE_CTX_get0_param(context);
    X509_VERIFY_PARAM_set_flags(parameters, X509_V_FLAG_X509_STRICT | X509_V_FLAG_USE_CHECK_TIME |
                                                X509_V_FLAG_CHECK_SS_SIGNATURE);
    X509_VERIFY_PARAM_set_time(parameters, NOW);
    X509_VERIFY_PARAM_set_purpose(parameters, purpose);
    int error = X509_verify_cert(context) == 1 ? X509_V_OK : X509_STORE_CTX_get_error(context);
    X509_STORE_CTX_free(context);
    X509_STORE_free(store);
    sk_X509_free(chain);
    return error;
}

static void leaves_of_every_algorithm_verify_for_their_purpose_alone(void **state)
{
    (void)state;
    for (size_t i = 0; i < KEY_ALGORITHMS; i++) {
        struct made ca = make_ca("ca", (enum key_algorithm)i);
        struct name_san sans[4], san;
        struct certificate_wish server = server_wish(sans), client = client_wish(&san, "app");
        struct made s = make(&server, (enum key_algorithm)i, ca.x, ca.key);
        struct made c = make(&client, (enum key_algorithm)i, ca.x, ca.key);

        assert_int_equal(verify(s.x, NULL, ca.x, X509_PURPOSE_SSL_SERVER), X509_V_OK);
        assert_int_equal(verify(s.x, NULL, ca.x, X509_PURPOSE_SSL_CLIENT), X509_V_OK);
        assert_int_equal(verify(c.x, NULL, ca.x, X509_PURPOSE_SSL_CLIENT), X509_V_OK);
        assert_int_equal(verify(c.x, NULL, ca.x, X509_PURPOSE_SSL_SERVER),
                         X509_V_ERR_INVALID_PURPOSE);
        assert_int_equal(X509_check_host(s.x, "db1.example.com", 0, 0, NULL), 1);
        assert_int_equal(X509_check_ip_asc(s.x, "2001:db8::1", 0), 1);
        made_free(&s);
        made_free(&c);
        made_free(&ca);
    }
}

static int extension(X509 *x, int nid, int *critical)
{
    int at = X509_get_ext_by_NID(x, nid, -1);

    *critical = at >= 0 ? X509_EXTENSION_get_critical(X509_get_ext(x, at)) : -1;
    return at;
}

static void a_ca_has_critical_constraints_and_signs_certificates_and_crls_alone(void **state)
{
    struct made ca = make_ca("ca", KEY_RSA3072);
    int critical;

    (void)state;
    assert_true(extension(ca.x, NID_basic_constraints, &critical) >= 0);
    assert_int_equal(critical, 1);
    assert_true(extension(ca.x, NID_key_usage, &critical) >= 0);
    assert_int_equal(critical, 1);
    assert_int_equal(X509_get_key_usage(ca.x), KU_KEY_CERT_SIGN | KU_CRL_SIGN);
    assert_int_equal(X509_get_pathlen(ca.x), 0);
    assert_true(extension(ca.x, NID_ext_key_usage, &critical) < 0);
    assert_int_equal(ASN1_STRING_length(X509_get0_subject_key_id(ca.x)), 20);
    made_free(&ca);
}

static void a_leaf_is_no_ca_and_says_what_it_is_for(void **state)
{
    struct made ca = make_ca("ca", KEY_P256);
    struct name_san sans[4], san;
    struct certificate_wish server = server_wish(sans), client = client_wish(&san, "app");
    struct made rsa = make(&server, KEY_RSA3072, ca.x, ca.key);
    struct made ec = make(&server, KEY_P256, ca.x, ca.key);
    struct made c = make(&client, KEY_RSA3072, ca.x, ca.key);
    int critical;

    (void)state;
    assert_int_equal(X509_check_ca(c.x), 0);
    assert_true(extension(c.x, NID_key_usage, &critical) >= 0);
    assert_int_equal(critical, 1);
    assert_int_equal(X509_get_key_usage(rsa.x), KU_DIGITAL_SIGNATURE | KU_KEY_ENCIPHERMENT);
    assert_int_equal(X509_get_key_usage(ec.x), KU_DIGITAL_SIGNATURE);
    assert_int_equal(X509_get_key_usage(c.x), KU_DIGITAL_SIGNATURE);
    assert_int_equal(X509_get_extended_key_usage(rsa.x), XKU_SSL_SERVER | XKU_SSL_CLIENT);
    assert_int_equal(X509_get_extended_key_usage(c.x), XKU_SSL_CLIENT);
    /* keyIdentifier alone */
    assert_non_null(X509_get0_authority_key_id(c.x));
    assert_null(X509_get0_authority_issuer(c.x));
    assert_null(X509_get0_authority_serial(c.x));
    assert_int_equal(
        ASN1_OCTET_STRING_cmp(X509_get0_authority_key_id(c.x), X509_get0_subject_key_id(ca.x)), 0);
    made_free(&rsa);
    made_free(&ec);
    made_free(&c);
    made_free(&ca);
}

static void names_are_utf8_strings_octet_for_octet(void **state)
{
    struct made ca = make_ca("ca", KEY_P256);
    struct name_san san;
    struct certificate_wish client = client_wish(&san, "m\xc3\xbcller, \"x\"+CN=boss");
    struct made c = make(&client, KEY_P256, ca.x, ca.key);
    const X509_NAME *name = X509_get_subject_name(c.x);
    struct certificate_facts facts;

    (void)state;
    assert_int_equal(X509_NAME_entry_count(name), 1);
    const ASN1_STRING *cn = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, 0));
    assert_int_equal(ASN1_STRING_type(cn), V_ASN1_UTF8STRING);
    assert_true(certificate_facts(c.x, &facts));
    assert_string_equal(facts.common_name, "m\xc3\xbcller, \"x\"+CN=boss");
    certificate_facts_clear(&facts);
    made_free(&c);
    made_free(&ca);
}

static void times_change_their_type_in_2050(void **state)
{
    struct made ca = make_ca("ca", KEY_P256);
    struct certificate_wish wish = {
        .use = LINT_CA,
        .common_name = bytes_str("long"),
        .path_length = 0,
        .not_before = NOW,
        .not_after = Y2050 - 1,
    };
    struct made before = make(&wish, KEY_P256, NULL, NULL);
    wish.not_after = Y2050;
    struct made after = make(&wish, KEY_P256, NULL, NULL);
    int64_t from, to;

    (void)state;
    assert_int_equal(ASN1_STRING_type(X509_get0_notAfter(before.x)), V_ASN1_UTCTIME);
    assert_int_equal(ASN1_STRING_type(X509_get0_notAfter(after.x)), V_ASN1_GENERALIZEDTIME);
    assert_true(certificate_window(after.x, &from, &to));
    assert_int_equal(from, NOW);
    assert_int_equal(to, Y2050);
    made_free(&before);
    made_free(&after);
    made_free(&ca);
}

static void a_window_stays_inside_of_the_issuers(void **state)
{
    struct made ca = make_ca("ca", KEY_P256);
    int64_t ca_from = NOW - CERTIFICATE_BACKDATE, ca_to = NOW + CERTIFICATE_CA_S, from, to;

    (void)state;
    assert_true(certificate_validity(ca.x, NOW + 1000, 86400, &from, &to));
    assert_int_equal(from, NOW + 1000 - CERTIFICATE_BACKDATE);
    assert_int_equal(to, NOW + 1000 + 86400);
    assert_true(certificate_validity(ca.x, ca_from + 10, 86400, &from, &to)); /* a young CA */
    assert_int_equal(from, ca_from);
    assert_true(certificate_validity(ca.x, ca_to - 100, 86400, &from, &to)); /* an old one */
    assert_int_equal(to, ca_to);
    assert_false(certificate_validity(ca.x, ca_to, 86400, &from, &to));
    assert_false(certificate_validity(ca.x, ca_from - 1, 86400, &from, &to));
    made_free(&ca);
}

static void serials_are_positive_long_and_not_alike(void **state)
{
    uint8_t a[CERTIFICATE_SERIAL], b[CERTIFICATE_SERIAL];
    size_t a_len, b_len;

    (void)state;
    for (int i = 0; i < 2000; i++) {
        assert_true(certificate_serial(a, &a_len));
        assert_true(certificate_serial(b, &b_len));
        assert_int_equal(a_len, 17);
        assert_in_range(a[0], 0x01, 0x7f);
        assert_memory_not_equal(a, b, 17);
    }
}

static void serials_are_read_as_people_and_views_write_them(void **state)
{
    static const char *const bad[] = {"",           "0",          "00",          "1:2:3",
                                      "12:",        "12::34",     "0x12",        "12 34",
                                      "decimal:",   "decimal:-1", "decimal:0x1", "app",
                                      "decimal:1a", "decimal:0",  ":12"};
    uint8_t serial[CERTIFICATE_SERIAL];
    size_t len;

    (void)state;
    assert_true(certificate_serial_parse("01:ab:CD", serial, &len));
    assert_int_equal(len, 3);
    assert_memory_equal(serial, "\x01\xab\xcd", 3);
    assert_true(certificate_serial_parse("0001abcd", serial, &len));
    assert_int_equal(len, 3);
    assert_true(certificate_serial_parse("1abcd", serial, &len)); /* as openssl prints some */
    assert_memory_equal(serial, "\x01\xab\xcd", 3);
    assert_true(certificate_serial_parse("decimal:109517", serial, &len));
    assert_memory_equal(serial, "\x01\xab\xcd", 3);
    /* 20 bytes and no more */
    assert_true(certificate_serial_parse("7fffffffffffffffffffffffffffffffffffffff", serial, &len));
    assert_int_equal(len, 20);
    assert_false(
        certificate_serial_parse("7fffffffffffffffffffffffffffffffffffffff00", serial, &len));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (certificate_serial_parse(bad[i], serial, &len))
            fail_msg("\"%s\" was taken", bad[i]);

    GString *text = g_string_new(NULL);
    certificate_serial_text(bytes_of("\x01\xab\xcd", 3), text);
    assert_string_equal(text->str, "01ABCD");
    g_string_free(text, TRUE);
    char *decimal = certificate_serial_decimal(bytes_of("\x01\xab\xcd", 3));
    assert_string_equal(decimal, "109517");
    g_free(decimal);
}

static void facts_are_what_was_wished(void **state)
{
    struct made ca = make_ca("ca", KEY_P256);
    struct name_san sans[4];
    struct certificate_wish wish = server_wish(sans);
    struct made s = make(&wish, KEY_P256, ca.x, ca.key);
    struct certificate_facts facts;
    uint8_t id[KEY_ID];

    (void)state;
    assert_true(certificate_facts(s.x, &facts));
    assert_string_equal(facts.common_name, "db1.example.com");
    assert_int_equal(facts.n_common_names, 1);
    assert_int_equal(facts.n_sans, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(facts.sans[i].kind, sans[i].kind);
        assert_string_equal(facts.sans[i].text, sans[i].text);
    }
    assert_int_equal(facts.n_other_sans, 0);
    assert_int_equal(facts.not_before, wish.not_before);
    assert_int_equal(facts.not_after, wish.not_after);
    assert_false(facts.is_ca);
    assert_true(facts.has_eku && facts.server_auth && facts.client_auth);
    assert_int_equal(facts.serial.len, 17);
    assert_true(key_id(key_public(s.key), id));
    assert_memory_equal(facts.key_id, id, KEY_ID);
    certificate_facts_clear(&facts);
    assert_true(certificate_facts(ca.x, &facts));
    assert_true(facts.is_ca);
    assert_false(facts.has_eku);
    certificate_facts_clear(&facts);
    made_free(&s);
    made_free(&ca);
}

static void pem_is_written_and_read_in_order(void **state)
{
    struct made a = make_ca("a", KEY_P256), b = make_ca("b", KEY_P384);
    GString *text = g_string_new("a line before\n");

    (void)state;
    certificate_pem(bytes_of(a.der->data, a.der->len), text);
    certificate_pem(bytes_of(b.der->data, b.der->len), text);
    GPtrArray *all = certificate_read_all(bytes_of(text->str, text->len), why, sizeof why);
    assert_non_null(all);
    assert_int_equal(all->len, 2);
    assert_int_equal(X509_cmp(g_ptr_array_index(all, 0), a.x), 0);
    assert_int_equal(X509_cmp(g_ptr_array_index(all, 1), b.x), 0);
    g_ptr_array_unref(all);
    assert_null(certificate_read(bytes_of(text->str, text->len), why, sizeof why));
    assert_non_null(strstr(why, "2 certificates"));
    /* as OpenSSL writes it */
    BIO *bio = BIO_new(BIO_s_mem());
    char *data;
    assert_int_equal(PEM_write_bio_X509(bio, a.x), 1);
    long len = BIO_get_mem_data(bio, &data);
    assert_memory_equal(text->str + strlen("a line before\n"), data, (size_t)len);
    BIO_free(bio);
    g_string_free(text, TRUE);
    made_free(&a);
    made_free(&b);
}

static void damaged_texts_are_refused(void **state)
{
    struct made ca = make_ca("ca", KEY_P256);
    GByteArray *der = g_byte_array_new();

    (void)state;
    g_byte_array_append(der, ca.der->data, ca.der->len);
    g_byte_array_append(der, (const uint8_t *)"\0", 1);
    assert_null(certificate_read(bytes_of(der->data, der->len), why, sizeof why));
    assert_null(certificate_read(bytes_of(ca.der->data, ca.der->len - 1), why, sizeof why));
    assert_null(certificate_read(bytes_str("no certificate"), why, sizeof why));
    assert_null(certificate_read(bytes_of(NULL, 0), why, sizeof why));
    g_byte_array_unref(der);
    made_free(&ca);
}

static void a_key_that_is_not_the_issuers_signs_nothing(void **state)
{
    struct made ca = make_ca("ca", KEY_P256), other = make_ca("other", KEY_P384);
    struct name_san san;
    struct certificate_wish wish = client_wish(&san, "app");
    GByteArray *der = g_byte_array_new();
    uint8_t serial[CERTIFICATE_SERIAL];
    size_t len;

    (void)state;
    assert_true(certificate_serial(serial, &len));
    wish.serial = bytes_of(serial, len);
    wish.key = key_public(other.key);
    assert_false(certificate_sign(&wish, NULL, ca.x, other.key, der, why, sizeof why));
    assert_int_equal(der->len, 0);
    g_byte_array_unref(der);
    made_free(&ca);
    made_free(&other);
}

static void an_intermediate_and_a_given_subject_chain_up(void **state)
{
    struct certificate_wish root_wish = {.use = LINT_CA,
                                         .common_name = bytes_str("root"),
                                         .path_length = 1,
                                         .not_before = NOW - CERTIFICATE_BACKDATE,
                                         .not_after = NOW + CERTIFICATE_CA_S};
    struct made root = make(&root_wish, KEY_P384, NULL, NULL);
    struct certificate_wish between_wish = root_wish;
    between_wish.common_name = bytes_str("ca");
    between_wish.path_length = 0;
    struct made between = make(&between_wish, KEY_P256, root.x, root.key);
    struct name_san san;
    struct certificate_wish wish = client_wish(&san, "app");
    struct made leaf = make(&wish, KEY_ED25519, between.x, between.key);
    GByteArray *cross = g_byte_array_new();
    uint8_t serial[CERTIFICATE_SERIAL], *name = NULL;
    size_t len;

    (void)state;
    assert_int_equal(verify(leaf.x, between.x, root.x, X509_PURPOSE_SSL_CLIENT), X509_V_OK);
    /* the same subject and key under another root */
    struct made second = make(&root_wish, KEY_P256, NULL, NULL);
    int name_len = i2d_X509_NAME(X509_get_subject_name(between.x), &name);
    struct bytes subject = bytes_of(name, (size_t)name_len);
    assert_true(certificate_serial(serial, &len));
    between_wish.serial = bytes_of(serial, len);
    between_wish.key = key_public(between.key);
    between_wish.common_name = bytes_str("not this");
    assert_true(
        certificate_sign(&between_wish, &subject, second.x, second.key, cross, why, sizeof why));
    X509 *crossed = certificate_read(bytes_of(cross->data, cross->len), why, sizeof why);
    assert_int_equal(verify(leaf.x, crossed, second.x, X509_PURPOSE_SSL_CLIENT), X509_V_OK);
    X509_free(crossed);
    OPENSSL_free(name);
    g_byte_array_unref(cross);
    made_free(&leaf);
    made_free(&between);
    made_free(&root);
    made_free(&second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(leaves_of_every_algorithm_verify_for_their_purpose_alone),
        cmocka_unit_test(a_ca_has_critical_constraints_and_signs_certificates_and_crls_alone),
        cmocka_unit_test(a_leaf_is_no_ca_and_says_what_it_is_for),
        cmocka_unit_test(names_are_utf8_strings_octet_for_octet),
        cmocka_unit_test(times_change_their_type_in_2050),
        cmocka_unit_test(a_window_stays_inside_of_the_issuers),
        cmocka_unit_test(serials_are_positive_long_and_not_alike),
        cmocka_unit_test(serials_are_read_as_people_and_views_write_them),
        cmocka_unit_test(facts_are_what_was_wished),
        cmocka_unit_test(pem_is_written_and_read_in_order),
        cmocka_unit_test(damaged_texts_are_refused),
        cmocka_unit_test(a_key_that_is_not_the_issuers_signs_nothing),
        cmocka_unit_test(an_intermediate_and_a_given_subject_chain_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
