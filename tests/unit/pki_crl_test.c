/* Proves that CRLs are well formed and read back, which ones may replace which, and what a handshake proves. */
#include "config.h"

#include "pki/crl.h"
#include "pki/publish.h"
#include "pki/revoke.h"

#include <fcntl.h>
#include <openssl/bn.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define NOW INT64_C(1795000000) /* 2026-11-18 */
#define DAY INT64_C(86400)

struct ca {
    struct key *key;
    X509 *certificate;
    GByteArray *der;
};

static char why[512];

static struct ca make_ca_at(int64_t now_s, const char *name, enum key_algorithm algorithm)
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

static struct ca make_ca(const char *name, enum key_algorithm algorithm)
{
    return make_ca_at(NOW, name, algorithm);
}

static void free_ca(struct ca *ca)
{
    key_free(ca->key);
    X509_free(ca->certificate);
    g_byte_array_unref(ca->der);
}

static struct bytes over(const GByteArray *array)
{
    return bytes_of(array->data, array->len);
}

/* n entries with serials 1000, 1001, ...; every third one has a reason. */
static void make_crl(const struct ca *ca, uint64_t number, int64_t this_s, int64_t next_s, size_t n,
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

/* --- into the folder --- */

/* A session over a folder of its own, with one CA.  Its clock is the machine's. */
struct world {
    char folder[64];
    struct session session;
    struct ca ca;
};

static void open_world(struct world *world)
{
    static const struct arguments none;
    const struct ledger_opening opening = {.now_s = session_now_s};
    int64_t now_s = session_now_s();

    *world = (struct world){.ca = make_ca_at(now_s, "ca", KEY_P256)};
    snprintf(world->folder, sizeof world->folder, "%s", "/tmp/pki_crl_test.XXXXXX");
    assert_non_null(mkdtemp(world->folder));
    world->session.arguments = &none;
    world->session.folder = world->folder;
    world->session.folder_fd = open(world->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(world->session.folder_fd >= 0);
    world->session.ledger =
        ledger_create(world->session.folder_fd, world->folder, &opening, why, sizeof why);
    if (world->session.ledger == NULL)
        fail_msg("%s", why);
    struct authority *authority = g_new0(struct authority, 1);
    authority->row = (struct ledger_authority){.purpose = PURPOSE_ALL,
                                               .generation = 1,
                                               .state = AUTHORITY_CURRENT,
                                               .file = g_strdup("ca.crt"),
                                               .key = g_strdup("file:ca.key"),
                                               .der = g_byte_array_ref(world->ca.der),
                                               .not_before = now_s - 30 * DAY,
                                               .not_after = now_s + 3650 * DAY};
    authority->certificate = world->ca.certificate;
    authority->key = world->ca.key;
    if (ledger_add_authority(world->session.ledger, &authority->row, false) != LEDGER_OK)
        fail_msg("%s", ledger_error(world->session.ledger));
    world->session.authorities = authority;
    world->session.n_authorities = 1;
}

static void close_world(struct world *world)
{
    char command[128];

    ledger_close(world->session.ledger);
    close(world->session.folder_fd);
    ledger_authority_clear(&world->session.authorities->row);
    g_free(world->session.authorities);
    free_ca(&world->ca);
    snprintf(command, sizeof command, "rm -rf '%s'", world->folder);
    assert_int_equal(system(command), 0);
}

static uint64_t number_in(struct world *world)
{
    GByteArray *der = g_byte_array_new();
    struct crl_facts facts;

    assert_true(crl_load(&world->session, world->session.authorities, der));
    assert_null(crl_facts(over(der), &facts));
    uint64_t number = crl_number(&facts);
    g_byte_array_unref(der);
    return number;
}

static void who_is_slower_does_not_put_an_older_crl_over_a_newer_one(void **state)
{
    GByteArray *slow = g_byte_array_new(), *fast = g_byte_array_new();
    struct world world;

    (void)state;
    open_world(&world);
    struct authority *authority = world.session.authorities;
    assert_true(crl_make(&world.session, authority, 30 * DAY, slow));
    assert_true(crl_make(&world.session, authority, 30 * DAY, fast));
    assert_true(crl_put(&world.session, authority, over(fast)));
    assert_int_equal(number_in(&world), 2);
    assert_true(crl_put(&world.session, authority, over(slow)));
    assert_int_equal(number_in(&world), 2);
    assert_null(crl_due(&world.session, authority, 20 * DAY));
    close_world(&world);
    g_byte_array_unref(slow);
    g_byte_array_unref(fast);
}

static void a_ledger_that_is_older_than_its_folder_is_told(void **state)
{
    GByteArray *der = g_byte_array_new();
    struct world world;

    (void)state;
    open_world(&world);
    struct authority *authority = world.session.authorities;
    /* As if a ledger had been put back: the folder has number 3, the ledger gave none. */
    make_crl(&world.ca, 3, session_now_s() - 300, session_now_s() + 30 * DAY, 3, der);
    assert_true(crl_put(&world.session, authority, over(der)));
    assert_int_equal(number_in(&world), 3);
    assert_non_null(crl_due(&world.session, authority, 20 * DAY));
    assert_true(crl_make(&world.session, authority, 30 * DAY, der)); /* 1 */
    assert_false(crl_put(&world.session, authority, over(der)));
    assert_int_equal(number_in(&world), 3);
    assert_true(crl_make(&world.session, authority, 30 * DAY, der)); /* 2 */
    assert_false(crl_put(&world.session, authority, over(der)));
    assert_true(crl_make(&world.session, authority, 30 * DAY, der)); /* 3 */
    assert_false(crl_put(&world.session, authority, over(der)));
    assert_true(crl_make(&world.session, authority, 30 * DAY, der)); /* 4 */
    assert_true(crl_put(&world.session, authority, over(der)));
    assert_int_equal(number_in(&world), 4);
    close_world(&world);
    g_byte_array_unref(der);
}

static void a_number_is_used_up_before_anything_is_signed(void **state)
{
    GByteArray *der = g_byte_array_new();
    struct world world;
    struct crl_facts facts;

    (void)state;
    open_world(&world);
    struct authority *authority = world.session.authorities;
    struct key *other = key_generate(KEY_P256, why, sizeof why);
    authority->key = other; /* does not fit: what it signs does not verify */
    assert_false(crl_make(&world.session, authority, 30 * DAY, der));
    authority->key = world.ca.key;
    assert_true(crl_make(&world.session, authority, 30 * DAY, der));
    assert_null(crl_facts(over(der), &facts));
    assert_int_equal(crl_number(&facts), 2);
    key_free(other);
    close_world(&world);
    g_byte_array_unref(der);
}

/* --- what a handshake proves --- */

static void expect_outcome(bool release, bool by_canary, bool listed, struct online_probe probe,
                           enum revoke_outcome expected)
{
    const struct revoke_door door = {.uses_tls = true};
    struct revoke_proof proof = revoke_judge(release, by_canary, listed, &door, &probe);

    if (proof.outcome != expected)
        fail_msg("%s, not %s: %s", revoke_outcomes[proof.outcome], revoke_outcomes[expected],
                 proof.text);
    if (expected == OUTCOME_FAILED)
        assert_non_null(proof.advice);
    g_free(proof.text);
}

static void only_the_alert_that_says_revoked_is_a_proof(void **state)
{
    static char unknown[] = "unknown CA", expired[] = "certificate expired";
    const struct online_probe revoked = {.verdict = PROBE_REVOKED, .asked = true};
    const struct online_probe accepted = {.verdict = PROBE_ACCEPTED, .asked = true};
    const struct online_probe not_asked = {.verdict = PROBE_ACCEPTED};
    const struct online_probe no_tls = {.verdict = PROBE_NO_TLS};

    (void)state;
    expect_outcome(false, false, true, revoked, OUTCOME_PROVED);
    expect_outcome(false, false, true, accepted, OUTCOME_FAILED);
    expect_outcome(false, false, true,
                   (struct online_probe){.verdict = PROBE_REFUSED, .alert = unknown, .asked = true},
                   OUTCOME_FAILED);
    expect_outcome(false, false, true,
                   (struct online_probe){.verdict = PROBE_REFUSED, .alert = expired, .asked = true},
                   OUTCOME_FAILED);
    expect_outcome(false, false, true, not_asked, OUTCOME_NOT_ASKED);
    expect_outcome(false, false, true, no_tls, OUTCOME_NOT_ASKED);
    expect_outcome(true, false, false, accepted, OUTCOME_PROVED);
    expect_outcome(true, false, false, revoked, OUTCOME_FAILED);
}

static void a_canary_proves_what_is_on_its_crl_and_no_more(void **state)
{
    const struct online_probe revoked = {.verdict = PROBE_REVOKED, .asked = true};
    const struct online_probe accepted = {.verdict = PROBE_ACCEPTED, .asked = true};

    (void)state;
    expect_outcome(false, true, true, revoked, OUTCOME_PROVED);
    expect_outcome(false, true, false, revoked, OUTCOME_FAILED);
    expect_outcome(true, true, false, revoked, OUTCOME_PROVED);
    expect_outcome(true, true, true, revoked, OUTCOME_FAILED);
    /* The canary is never released: who accepts it has an old CRL. */
    expect_outcome(true, true, false, accepted, OUTCOME_FAILED);
    expect_outcome(false, true, true, accepted, OUTCOME_FAILED);
}

static void pgbouncer_that_accepts_is_a_warning(void **state)
{
    const struct revoke_door door = {.uses_tls = true, .is_bouncer = true};
    const struct online_probe accepted = {.verdict = PROBE_ACCEPTED, .asked = true};
    struct revoke_proof proof = revoke_judge(false, false, true, &door, &accepted);

    (void)state;
    assert_int_equal(proof.outcome, OUTCOME_BOUNCER);
    g_free(proof.text);
}

static void a_label_names_the_server_and_no_password(void **state)
{
    static const struct {
        const char *conninfo, *label;
    } cases[] = {
        {"host=db1 port=5433 user=x password=secret", "db1:5433"},
        {"host = 'db one' password='se cret'", "db one"},
        {"hostaddr=192.0.2.1", "192.0.2.1"},
        {"dbname=host", "localhost"},
        {"service=prod", "prod"},
        {"postgresql://x:secret@db1:5432/app?sslmode=verify-full", "db1:5432"},
        {"postgres://x:se@cret@db1,db2/app", "db1,db2"},
        {"postgresql:///app", "localhost"},
        {"", "localhost"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *label = publish_label(cases[i].conninfo);
        assert_string_equal(label, cases[i].label);
        g_free(label);
    }
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
        cmocka_unit_test(who_is_slower_does_not_put_an_older_crl_over_a_newer_one),
        cmocka_unit_test(a_ledger_that_is_older_than_its_folder_is_told),
        cmocka_unit_test(a_number_is_used_up_before_anything_is_signed),
        cmocka_unit_test(only_the_alert_that_says_revoked_is_a_proof),
        cmocka_unit_test(a_canary_proves_what_is_on_its_crl_and_no_more),
        cmocka_unit_test(pgbouncer_that_accepts_is_a_warning),
        cmocka_unit_test(a_label_names_the_server_and_no_password),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
