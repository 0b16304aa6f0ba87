/* Proves the algorithms by published vectors, codes against liboath, and the refusal without a FIPS module. */
#include "config.h"

#include "common/crypto.h"
#include "mfa/evp_code.h"
#include "mfa/otp.h"

#include <setjmp.h>
#include <openssl/provider.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static char why[512];

static void hex(const uint8_t *at, size_t n, char *out)
{
    for (size_t i = 0; i < n; i++)
        snprintf(out + 2 * i, 3, "%02x", (unsigned)at[i]);
}

static void expect_vectors(void)
{
    uint8_t out[CRYPTO_HMAC_MAX];
    char text[2 * CRYPTO_HMAC_MAX + 1];
    size_t len;

    /* FIPS 180-4: "abc"; RFC 4231 test case 2; RFC 2202 test case 2; RFC 7914 section 11 */
    assert_true(crypto_sha256(bytes_str("abc"), out));
    hex(out, 32, text);
    assert_string_equal(text, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    struct bytes key = bytes_str("Jefe"), data = bytes_str("what do ya want for nothing?");
    if (!crypto_is_fips()) { /* a key of 32 bits is too short for a module */
        assert_true(crypto_hmac(CRYPTO_DIGEST_SHA256, key, data, out, &len));
        hex(out, len, text);
        assert_string_equal(text,
                            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
        assert_true(crypto_hmac(CRYPTO_DIGEST_SHA1, key, data, out, &len));
        hex(out, len, text);
        assert_string_equal(text, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
        assert_true(crypto_pbkdf2_sha256(bytes_str("passwd"), bytes_str("salt"), 1, out, 64));
        hex(out, 64, text);
        assert_string_equal(text,
                            "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc"
                            "49ca9cccf179b645991664b39d77ef317c71b845b1e30bd509112041d3a19783");
    }
    assert_true(crypto_pbkdf2_sha256(bytes_str("password long enough"),
                                     bytes_str("0123456789abcdef"), 4096, out, 32));
    assert_false(crypto_hmac(CRYPTO_DIGEST_SHA256, bytes_str(""), data, out, &len));
}

static void algorithms_give_published_results(void **state)
{
    (void)state;
    assert_true(crypto_start(false, why, sizeof why));
    assert_false(crypto_is_fips());
    expect_vectors();
}

static void codes_equal_those_of_liboath(void **state)
{
    uint8_t secret[OTP_SECRET_MAX];
    char ours[16], theirs[OTP_DIGITS_MAX + 1];
    uint64_t random[3];

    (void)state;
    assert_false(crypto_is_fips()); /* else otp_code would be ours */
    for (int i = 0; i < 20000; i++) {
        assert_true(crypto_random(random, sizeof random) && crypto_random(secret, sizeof secret));
        struct otp otp = {(enum settings_algorithm)(random[0] % 3),
                          6 + (unsigned)(random[0] / 3 % 3)};
        struct bytes key = bytes_of(secret, 10 + random[1] % 55);
        int64_t counter = (int64_t)(random[2] >> (1 + random[1] / 64 % 63));
        assert_true(evp_code(otp.algorithm, otp.digits, key, counter, ours));
        assert_true(otp_code(&otp, key, counter, theirs));
        assert_string_equal(ours, theirs);
    }
    assert_false(evp_code(ALGORITHM_SHA1, 6, bytes_of(secret, 20), -1, ours));
    assert_false(evp_code(ALGORITHM_SHA1, 5, bytes_of(secret, 20), 1, ours));
    assert_false(evp_code(ALGORITHM_SHA1, 9, bytes_of(secret, 20), 1, ours));
}

static void without_a_module_require_is_refused_and_changes_nothing(void **state)
{
    static const char config[] = "openssl_conf = none\n[none]\n";
    char path[] = "/tmp/pgsignet-openssl-XXXXXX";
    int fd = mkstemp(path);

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(write(fd, config, sizeof config - 1), (ssize_t)sizeof config - 1);
    close(fd);
    setenv("OPENSSL_CONF", path, 1);
    assert_true(crypto_start(false, why, sizeof why));
    assert_false(crypto_start(true, why, sizeof why));
    assert_non_null(strstr(why, "AES-256-GCM"));
    assert_non_null(strstr(why, "openssl fipsinstall"));
    assert_false(crypto_is_fips());
    expect_vectors();
    unsetenv("OPENSSL_CONF");
    unlink(path);
}

/* PGSIGNET_TEST_FIPS names an openssl.cnf that activates a FIPS module; Debian 12 has none. */
static void with_a_module_everything_comes_from_it(void **state)
{
    const char *config = getenv("PGSIGNET_TEST_FIPS");
    char ours[16];
    static const char digits[] = "12345678901234567890";
    static const struct {
        size_t salt;
        unsigned iterations;
    } bounds[] = {{16, 1000}, {15, 1000}, {16, 999}};
    struct otp otp = {ALGORITHM_SHA1, 6};

    (void)state;
    if (config == NULL)
        skip();
    setenv("OPENSSL_CONF", config, 1);
    if (!crypto_start(true, why, sizeof why))
        fail_msg("%s", why);
    assert_true(crypto_is_fips());
    assert_string_equal(OSSL_PROVIDER_get0_name(EVP_CIPHER_get0_provider(crypto_aes_256_gcm())),
                        "fips");
    expect_vectors();
    for (size_t i = 0; i < sizeof bounds / sizeof bounds[0]; i++) {
        assert_int_equal(crypto_pbkdf2_takes(bounds[i].salt, bounds[i].iterations), i == 0);
        assert_int_equal(crypto_pbkdf2_sha256(bytes_str(digits), bytes_of(digits, bounds[i].salt),
                                              bounds[i].iterations, ours, sizeof ours),
                         i == 0);
    }
    assert_true(otp_code(&otp, bytes_str(digits), 0, ours)); /* RFC 4226, appendix D */
    assert_string_equal(ours, "755224");
    assert_true(crypto_random_secret(ours, sizeof ours));
    assert_true(crypto_start(false, why, sizeof why));
    unsetenv("OPENSSL_CONF");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(algorithms_give_published_results),
        cmocka_unit_test(codes_equal_those_of_liboath),
        cmocka_unit_test(without_a_module_require_is_refused_and_changes_nothing),
        cmocka_unit_test(with_a_module_everything_comes_from_it),
    };

    return cmocka_run_group_tests_name("crypto", tests, NULL, NULL);
}
