/* The otpauth URI, base32 (RFC 4648, section 10) and the groups for typing. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mfa/otpauth.h"

#include <string.h>

static void base32_is_rfc4648_without_padding(void **state)
{
    static const char *const vectors[][2] = {
        {"f",                    "MY"                              },
        {"fo",                   "MZXQ"                            },
        {"foo",                  "MZXW6"                           },
        {"foob",                 "MZXW6YQ"                         },
        {"fooba",                "MZXW6YTB"                        },
        {"foobar",               "MZXW6YTBOI"                      },
        {"12345678901234567890", "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"},
    };
    struct secret text;

    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        assert_true(otpauth_base32(bytes_str(vectors[i][0]), &text));
        assert_string_equal(text.ptr, vectors[i][1]);
        assert_int_equal(text.len, strlen(vectors[i][1]));
        secret_free(&text);
    }
    assert_false(otpauth_base32(bytes_of(NULL, 0), &text));
    assert_null(text.ptr);
}

static void groups_are_of_four(void **state)
{
    static const char *const vectors[][2] = {
        {"",         ""         },
        {"A",        "A"        },
        {"ABCD",     "ABCD"     },
        {"ABCDE",    "ABCD E"   },
        {"ABCDEFGH", "ABCD EFGH"},
    };
    struct secret text;

    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        assert_true(otpauth_groups(bytes_str(vectors[i][0]), &text));
        assert_string_equal(text.ptr, vectors[i][1]);
        assert_int_equal(text.len, strlen(vectors[i][1]));
        secret_free(&text);
    }
}

static void uri_is_what_apps_read(void **state)
{
    static const struct {
        const char *issuer, *account;
        size_t account_len; /* 0 = strlen */
        enum settings_algorithm algorithm;
        unsigned digits, period;
        const char *uri;
    } vectors[] = {
        {"PostgreSQL", "alice",               0, ALGORITHM_SHA1,   6, 30,
         "otpauth://totp/PostgreSQL:alice?secret=MZXW6YTBOI&issuer=PostgreSQL"
         "&algorithm=SHA1&digits=6&period=30"  },
        {"My DB & co", "a b",                 0, ALGORITHM_SHA256, 8, 60,
         "otpauth://totp/My%20DB%20%26%20co:a%20b?secret=MZXW6YTBOI&issuer=My%20DB%20%26%20co"
         "&algorithm=SHA256&digits=8&period=60"},
        {"X",          "a:b/../c?d=e&f#g+h%", 0, ALGORITHM_SHA512, 7, 30,
         "otpauth://totp/X:a%3Ab%2F..%2Fc%3Fd%3De%26f%23g%2Bh%25?secret=MZXW6YTBOI&issuer=X"
         "&algorithm=SHA512&digits=7&period=30"},
        {"Zo\xc3\xab", "\xff\n\"'",           0, ALGORITHM_SHA1,   6, 30,
         "otpauth://totp/Zo%C3%AB:%FF%0A%22%27?secret=MZXW6YTBOI&issuer=Zo%C3%AB"
         "&algorithm=SHA1&digits=6&period=30"  },
        {"-._~",       "AZaz09\0",            7, ALGORITHM_SHA1,   6, 30,
         "otpauth://totp/-._~:AZaz09%00?secret=MZXW6YTBOI&issuer=-._~"
         "&algorithm=SHA1&digits=6&period=30"  },
    };
    struct secret uri;

    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        size_t len = vectors[i].account_len ? vectors[i].account_len : strlen(vectors[i].account);
        struct otpauth token = {
            .issuer = bytes_str(vectors[i].issuer),
            .account = bytes_of(vectors[i].account, len),
            .secret = bytes_str("foobar"),
            .algorithm = vectors[i].algorithm,
            .digits = vectors[i].digits,
            .period = vectors[i].period,
        };
        assert_true(otpauth_uri(&token, &uri));
        assert_string_equal(uri.ptr, vectors[i].uri);
        secret_free(&uri);
    }
}

static void uri_of_a_counter_has_no_period(void **state)
{
    struct otpauth token = {.kind = TOKEN_HOTP,
                            .issuer = bytes_str("I"),
                            .account = bytes_str("a"),
                            .secret = bytes_str("foobar"),
                            .digits = 6,
                            .counter = INT64_MAX};
    struct secret uri;

    (void)state;
    assert_true(otpauth_uri(&token, &uri));
    assert_string_equal(uri.ptr, "otpauth://hotp/I:a?secret=MZXW6YTBOI&issuer=I&algorithm=SHA1"
                                 "&digits=6&counter=9223372036854775807");
    secret_free(&uri);
    token.counter = -1;
    assert_false(otpauth_uri(&token, &uri));
    token.counter = 0;
    token.kind = (enum token_kind)2;
    assert_false(otpauth_uri(&token, &uri));
}

static void uri_refuses_broken_fields(void **state)
{
    const struct otpauth good = {.issuer = bytes_str("I"),
                                 .account = bytes_str("a"),
                                 .secret = bytes_str("s"),
                                 .digits = 6,
                                 .period = 30};
    struct otpauth bad;
    struct secret uri;

    (void)state;
    bad = good, bad.issuer = bytes_str("I:J");
    assert_false(otpauth_uri(&bad, &uri));
    bad = good, bad.issuer = bytes_of(NULL, 0);
    assert_false(otpauth_uri(&bad, &uri));
    bad = good, bad.account = bytes_of(NULL, 0);
    assert_false(otpauth_uri(&bad, &uri));
    bad = good, bad.secret = bytes_of(NULL, 0);
    assert_false(otpauth_uri(&bad, &uri));
    bad = good, bad.algorithm = (enum settings_algorithm)9;
    assert_false(otpauth_uri(&bad, &uri));
    assert_null(uri.ptr);
    assert_true(otpauth_uri(&good, &uri));
    secret_free(&uri);
}

static void algorithm_names(void **state)
{
    enum settings_algorithm algorithm;

    (void)state;
    assert_true(otpauth_algorithm_read("sha256", &algorithm));
    assert_int_equal(algorithm, ALGORITHM_SHA256);
    assert_false(otpauth_algorithm_read("md5", &algorithm));
    assert_string_equal(otpauth_algorithm(ALGORITHM_SHA512), "SHA512");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(base32_is_rfc4648_without_padding),
        cmocka_unit_test(groups_are_of_four),
        cmocka_unit_test(uri_is_what_apps_read),
        cmocka_unit_test(uri_of_a_counter_has_no_period),
        cmocka_unit_test(uri_refuses_broken_fields),
        cmocka_unit_test(algorithm_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
