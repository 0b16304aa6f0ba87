/* Pages and QR files: what a scanner that is not ours reads in them, and hostile names. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mfa/page.h"
#include "mfa/qr.h"
#include "mfa/qr_image.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define URI                                                                                        \
    "otpauth://totp/PostgreSQL:alice?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"                      \
    "&issuer=PostgreSQL&algorithm=SHA1&digits=6&period=30"

static const uint8_t secret[] = "12345678901234567890";

static bool have(const char *program)
{
    char command[128];

    snprintf(command, sizeof command, "command -v %s >/dev/null 2>&1", program);
    return system(command) == 0;
}

static struct token_info info_of(const char *user, const char *name)
{
    struct token_info info = {
        .id = 4711,
        .user_len = strlen(user),
        .algorithm = ALGORITHM_SHA1,
        .digits = 6,
        .period = 30,
        .expires_s = 1796516220, /* 2026-12-06 00:17:00 */
    };

    memcpy(info.user, user, info.user_len);
    snprintf(info.name, sizeof info.name, "%s", name);
    return info;
}

static struct page page_of(const struct token_info *info)
{
    return (struct page){
        .info = info,
        .issuer = "PostgreSQL",
        .secret = bytes_of(secret, sizeof secret - 1),
    };
}

/* What zbarimg reads in the picture; first made a PNG by rsvg-convert if it is an SVG. */
static void scanner_reads(struct bytes picture, bool svg, const char *expected)
{
    char path[] = "/tmp/page_test.XXXXXX", command[256], line[1024] = "";
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, picture.ptr, picture.len), (ssize_t)picture.len);
    close(fd);
    /* the path is ours, of mkstemp */
    if (svg)
        snprintf(command, sizeof command,
                 "rsvg-convert -z 2 %s 2>/dev/null | zbarimg -q --nodbus --raw png:- 2>&1", path);
    else
        snprintf(command, sizeof command, "zbarimg -q --nodbus --raw png:%s 2>&1", path);
    FILE *scanner = popen(command, "r");
    assert_non_null(scanner);
    char *got = fgets(line, sizeof line, scanner);
    int status = pclose(scanner);
    unlink(path);
    assert_non_null(got);
    assert_int_equal(status, 0);
    line[strcspn(line, "\n")] = '\0';
    assert_string_equal(line, expected);
}

static void picture_files_read_back(void **state)
{
    struct secret out;

    (void)state;
    if (!have("zbarimg") || !have("rsvg-convert")) {
        print_message("no zbarimg or rsvg-convert (Debian: zbar-tools, librsvg2-bin)\n");
        skip();
    }
    assert_true(qr_png(URI, &out));
    scanner_reads(secret_bytes(&out), false, URI);
    secret_free(&out);
    assert_true(qr_svg(URI, &out));
    scanner_reads(secret_bytes(&out), true, URI);
    secret_free(&out);
}

static void pages_read_back(void **state)
{
    static const char *const users[] = {"alice", "</text><x a='\"&",
                                        "zo\xc3\xab \xe2\x80\xae\xff\n",
                                        "\xef\xbf\xbe" /* U+FFFE: no character of XML */};
    static const char *const encoded[] = {"alice", "%3C%2Ftext%3E%3Cx%20a%3D%27%22%26",
                                          "zo%C3%AB%20%E2%80%AE%FF%0A", "%EF%BF%BE"};
    struct secret out;
    char uri[512];

    (void)state;
    if (!have("zbarimg") || !have("rsvg-convert")) {
        print_message("no zbarimg or rsvg-convert (Debian: zbar-tools, librsvg2-bin)\n");
        skip();
    }
    for (size_t i = 0; i < sizeof users / sizeof users[0]; i++) {
        struct token_info info = info_of(users[i], "default");
        struct page page = page_of(&info);

        snprintf(uri, sizeof uri,
                 "otpauth://totp/PostgreSQL:%s?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
                 "&issuer=PostgreSQL&algorithm=SHA1&digits=6&period=30",
                 encoded[i]);
        assert_true(page_svg(&page, &out));
        scanner_reads(secret_bytes(&out), true, uri);
        secret_free(&out);
        assert_true(page_png(&page, &out));
        scanner_reads(secret_bytes(&out), false, uri);
        secret_free(&out);
    }
}

static void longest_fields_fit(void **state)
{
    uint8_t key[64];
    struct token_info info = info_of("", "");
    struct page page = page_of(&info);
    struct secret out;
    char issuer[65];

    (void)state;
    memset(key, 0xff, sizeof key);
    memset(info.user, 0xff, sizeof info.user);
    memset(info.name, 0xff, sizeof info.name - 1);
    memset(issuer, '\n', sizeof issuer - 1);
    issuer[sizeof issuer - 1] = '\0';
    info.user_len = sizeof info.user;
    page.issuer = issuer;
    page.secret = bytes_of(key, sizeof key);
    info.algorithm = ALGORITHM_SHA512;
    for (int login = PAGE_PASSWORD_CODE; login <= PAGE_ASK; login++) {
        page.login = (enum page_login)login;
        assert_true(page_svg(&page, &out));
        secret_free(&out);
        assert_true(page_png(&page, &out));
        secret_free(&out);
    }
    /* its file's name would be too long */
    assert_false(page_text(&page, &out));
    assert_null(out.ptr);
}

static void quiet_zone_and_one_bit_a_pixel(void **state)
{
    static const uint8_t signature[] = "\x89PNG\r\n\x1a\n";
    struct secret out, path;
    unsigned side, x, y;
    int used;

    (void)state;
    assert_true(qr_path(URI, &path, &side));
    assert_true(side > 2 * QR_QUIET + 21);
    /* the finder pattern's upper edge: seven modules, right behind the quiet zone */
    assert_int_equal(sscanf((const char *)path.ptr, "M%u %uh7v1h-7z%n", &x, &y, &used), 2);
    assert_int_equal(x, QR_QUIET);
    assert_int_equal(y, QR_QUIET);
    secret_free(&path);

    assert_true(qr_png(URI, &out));
    assert_memory_equal(out.ptr, signature, 8);
    assert_memory_equal(out.ptr + 12, "IHDR", 4);
    assert_int_equal(out.ptr[18] << 8 | out.ptr[19], side * QR_IMAGE_SCALE);
    assert_int_equal(out.ptr[22] << 8 | out.ptr[23], side * QR_IMAGE_SCALE);
    assert_int_equal(out.ptr[24], 1);
    secret_free(&out);
}

static void too_long_is_refused(void **state)
{
    char text[4000];
    struct secret out;
    unsigned side;

    (void)state;
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    assert_false(qr_png(text, &out));
    assert_null(out.ptr);
    assert_false(qr_svg(text, &out));
    assert_null(out.ptr);
    assert_false(qr_path(text, &out, &side));
    assert_null(out.ptr);
}

static void file_names_are_harmless_and_distinct(void **state)
{
    static const struct {
        const char *user, *token, *name;
    } vectors[] = {
        {"alice", "default", "alice.svg"},
        {"alice", "spare", "alice+spare.svg"},
        {"alice+spare", "default", "alice%2Bspare.svg"},
        {"Alice", "default", "%41lice.svg"},
        {"%41lice", "default", "%2541lice.svg"},
        {"../etc/passwd", "default", "%2E.%2Fetc%2Fpasswd.svg"},
        {".", "default", "%2E.svg"},
        {"-rf", "default", "%2Drf.svg"},
        {"a-b.c_1", "-x", "a-b.c_1+%2Dx.svg"},
        {"zo\xc3\xab\n", "default", "zo%C3%AB%0A.svg"},
    };
    char out[PAGE_NAME_MAX];
    uint8_t longest[MFA_USER_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        assert_true(page_file_name(bytes_str(vectors[i].user), vectors[i].token, ".svg", out));
        assert_string_equal(out, vectors[i].name);
    }
    memset(longest, 0xff, sizeof longest);
    assert_true(page_file_name(bytes_of(longest, sizeof longest), "default", ".svg", out));
    assert_int_equal(strlen(out), 3 * MFA_USER_MAX + 4);
    assert_true(page_file_name(bytes_of(longest, sizeof longest),
                               "0123456789012345678901234567890123456789", ".svg", out));
    assert_false(page_file_name(bytes_of(longest, sizeof longest),
                                "0123456789012345678901234567890123456789012345678901234567890123",
                                ".svg", out));
    assert_string_equal(out, "");
    assert_false(page_file_name(bytes_of(NULL, 0), "default", ".svg", out));
    assert_true(page_file_name(bytes_of("a\0b", 3), "default", ".svg", out));
    assert_string_equal(out, "a%00b.svg");
}

static void page_says_what_to_do(void **state)
{
    struct token_info info = info_of("alice", "default");
    struct page page = page_of(&info);
    struct secret out;

    (void)state;
    assert_true(page_text(&page, &out));
    const char *text = (const char *)out.ptr;
    assert_non_null(strstr(text, "for alice\n"));
    assert_non_null(strstr(text, "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ\n"));
    assert_non_null(strstr(text, "before 2026-12-06 00:17 UTC."));
    assert_non_null(strstr(text, "alice.png"));
    assert_non_null(strstr(text, "PASSWORD123456"));
    assert_non_null(strstr(text, URI "\n"));
    secret_free(&out);
    info.expires_s = 0;
    page.login = PAGE_CODE_PASSWORD;
    assert_true(page_text(&page, &out));
    text = (const char *)out.ptr;
    assert_null(strstr(text, "before"));
    assert_non_null(strstr(text, "123456PASSWORD"));
    secret_free(&out);
}

static void page_names_its_token(void **state)
{
    struct token_info info = info_of("pgsignet token 5", "default");
    struct page page = page_of(&info);
    struct secret out;
    int64_t id;

    (void)state;
    assert_true(page_svg(&page, &out));
    assert_true(page_token(bytes_of(out.ptr, PAGE_HEAD), &id));
    assert_int_equal(id, 4711);
    secret_free(&out);
    assert_true(page_text(&page, &out));
    assert_true(page_token(bytes_of(out.ptr, PAGE_HEAD), &id));
    assert_int_equal(id, 4711);
    secret_free(&out);
    assert_false(page_token(bytes_of(NULL, 0), &id));
    assert_false(page_token(bytes_str("pgsignet token "), &id));
    assert_false(page_token(bytes_str("pgsignet token x1"), &id));
    assert_false(page_token(bytes_str("pgsignet token 99999999999999999999"), &id));
}

static void page_knows_the_order_only_if_policies_agree(void **state)
{
    struct settings_policy policies[] = {
        {.password = PASSWORD_LDAP, .code = CODE_REQUIRED, .order = ORDER_CODE_THEN_PASSWORD},
        {.password = PASSWORD_SCRAM, .code = CODE_OFF, .order = ORDER_PASSWORD_THEN_CODE},
        {.password = PASSWORD_NONE, .code = CODE_REQUIRED, .order = ORDER_PASSWORD_THEN_CODE},
    };
    struct settings settings = {.policies = policies, .n_policies = 0};

    (void)state;
    assert_int_equal(page_login_of(&settings), PAGE_ASK);
    settings.n_policies = 2;
    assert_int_equal(page_login_of(&settings), PAGE_CODE_PASSWORD);
    settings.n_policies = 3;
    assert_int_equal(page_login_of(&settings), PAGE_ASK);
    settings.policies = policies + 2;
    settings.n_policies = 1;
    assert_int_equal(page_login_of(&settings), PAGE_CODE_ALONE);
    policies[2].password = PASSWORD_SCRAM;
    assert_int_equal(page_login_of(&settings), PAGE_PASSWORD_CODE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(picture_files_read_back),
        cmocka_unit_test(pages_read_back),
        cmocka_unit_test(longest_fields_fit),
        cmocka_unit_test(quiet_zone_and_one_bit_a_pixel),
        cmocka_unit_test(too_long_is_refused),
        cmocka_unit_test(file_names_are_harmless_and_distinct),
        cmocka_unit_test(page_says_what_to_do),
        cmocka_unit_test(page_names_its_token),
        cmocka_unit_test(page_knows_the_order_only_if_policies_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
