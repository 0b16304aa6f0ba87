/* Names: what is refused, how they are compared, what their files are called. */
#include "config.h"

#include "pki/name.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define ROW(literal)                                                                               \
    {                                                                                              \
        (const uint8_t *)(literal), sizeof(literal) - 1                                            \
    }
#define TEXT(literal) ((struct bytes)ROW(literal))

static void roles_of_all_languages_are_taken(void **state)
{
    static const char *const names[] = {
        "app",
        "App-1",
        "a",
        "o'brien",
        "say \"hi\"",
        "back\\slash",
        "name@corp.example",
        "Z\xc3\xbcrich",                    /* Zürich, composed */
        "\xe6\x97\xa5\xe6\x9c\xac",         /* Japan */
        "\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d", /* shalom: right to left by itself is no trick */
        "\xe0\xa4\xb9\xe0\xa4\xbf\xe0\xa4\xa8\xe0\xa4\xa6", /* Devanagari with its marks */
        "\xf0\x9f\x90\x98",                                 /* an elephant */
        "two words",
        "-rf",
        "a.b",
        "a..b",
        "123456789012345678901234567890123456789012345678901234567890123",
    };

    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        const char *fault = name_role_fault(bytes_str(names[i]));

        if (fault != NULL)
            fail_msg("\"%s\" %s", names[i], fault);
        assert_null(name_common_fault(bytes_str(names[i]), false));
        assert_null(name_common_fault(bytes_str(names[i]), true));
    }
}

static void names_that_deceive_are_refused(void **state)
{
    /* clang-format off */
    static const struct {
        struct bytes name;
        const char *word; /* of the fault */
    } rows[] = {
        {{NULL, 0}, "empty"},
        {ROW("app\0boss"), "control"},
        {ROW("\0"), "control"},
        {ROW("a\nb"), "control"},
        {ROW("a\tb"), "control"},
        {ROW("a\x1b[2Jb"), "control"},
        {ROW("a\x7f"), "control"},
        {ROW("a\xc2\x85"), "control"}, /* C1: next line */
        {ROW("a\xe2\x80\xae" "b"), "not seen"}, /* right-to-left override */
        {ROW("a\xe2\x81\xa6" "b"), "not seen"}, /* left-to-right isolate */
        {ROW("a\xe2\x80\x8e" "b"), "not seen"}, /* left-to-right mark */
        {ROW("a\xd8\x9c" "b"), "not seen"}, /* Arabic letter mark */
        {ROW("a\xe2\x80\x8b" "b"), "not seen"}, /* zero-width space */
        {ROW("a\xe2\x80\x8c" "b"), "not seen"}, /* zero-width non-joiner */
        {ROW("a\xe2\x80\x8d" "b"), "not seen"}, /* zero-width joiner */
        {ROW("a\xe2\x81\xa0" "b"), "not seen"}, /* word joiner */
        {ROW("\xef\xbb\xbf" "app"), "not seen"}, /* byte order mark */
        {ROW("app\xef\xbb\xbf"), "not seen"},
        {ROW("a\xc2\xad" "b"), "not seen"}, /* soft hyphen */
        {ROW("a\xcd\x8f" "b"), "not seen"}, /* combining grapheme joiner */
        {ROW("a\xe3\x85\xa4"), "not seen"}, /* Hangul filler */
        {ROW("a\xef\xb8\x8f"), "not seen"}, /* variation selector 16 */
        {ROW("a\xf3\xa0\x81\xa1"), "not seen"}, /* tag letter a */
        {ROW("a\xe2\xa0\x80" "b"), "not seen"}, /* Braille's blank */
        {ROW("a\xe2\x80\xa8" "b"), "not seen"}, /* line separator */
        {ROW("a\xef\xbf\xbf"), "not assigned"}, /* U+FFFF */
        {ROW("a\xee\x80\x80"), "not assigned"}, /* private use */
        {ROW("a\xff"), "UTF-8"},
        {ROW("a\xc3"), "UTF-8"},
        {ROW("Z\xfcrich"), "UTF-8"}, /* Latin-1 */
        {ROW("\xc0\xaf" "x"), "UTF-8"}, /* overlong "/" */
        {ROW("\xc1\xa1"), "UTF-8"}, /* overlong "a" */
        {ROW("\xe0\x80\xaf"), "UTF-8"},
        {ROW("\xf0\x80\x80\xaf"), "UTF-8"},
        {ROW("\xed\xa0\x80"), "UTF-8"}, /* surrogate */
        {ROW("\xf4\x90\x80\x80"), "UTF-8"}, /* beyond U+10FFFF */
        {ROW(" app"), "begins with a blank"},
        {ROW("app "), "ends with a blank"},
        {ROW(" "), "blank"},
        {ROW("\xc2\xa0" "app"), "begins with a blank"}, /* no-break space */
        {ROW("app\xc2\xa0"), "ends with a blank"},
        {ROW("app\xe3\x80\x80"), "ends with a blank"}, /* ideographic space */
        {ROW("\xe2\x80\x83" "app"), "begins with a blank"}, /* em space */
        {ROW("Zu\xcc\x88rich"), "normal form"}, /* u and a diaeresis */
        {ROW("\xe2\x84\xab"), "normal form"}, /* the angstrom sign */
        {ROW("\xcc\x88" "app"), "mark"},
        {ROW("*"), "wildcard"},
        {ROW("a*b"), "wildcard"},
        {ROW("../x"), "\"/\""},
        {ROW("/etc/passwd"), "\"/\""},
        {ROW("a/b"), "\"/\""},
        {ROW(".."), "begins with \".\""},
        {ROW("."), "begins with \".\""},
        {ROW(".hidden"), "begins with \".\""},
        {ROW("1234567890123456789012345678901234567890123456789012345678901234"), "63 bytes"},
        {ROW("\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"
              "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"
              "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"
              "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"), "63 bytes"},
    };
    /* clang-format on */

    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        const char *role = name_role_fault(rows[i].name);

        if (role == NULL || strstr(role, rows[i].word) == NULL)
            fail_msg("row %zu (%s): %s", i, rows[i].word, role != NULL ? role : "was taken");
        assert_non_null(name_common_fault(rows[i].name, false));
        assert_non_null(name_common_fault(rows[i].name, true));
    }
}

static void only_a_server_may_be_a_wildcard(void **state)
{
    (void)state;
    assert_null(name_common_fault(TEXT("*.corp.example"), true));
    assert_non_null(name_common_fault(TEXT("*.corp.example"), false));
    assert_non_null(name_role_fault(TEXT("*.corp.example")));
    assert_non_null(name_common_fault(TEXT("*."), true));
    assert_non_null(name_common_fault(TEXT("*.*.example"), true));
    assert_non_null(name_common_fault(TEXT("*..example"), true));
    assert_non_null(name_common_fault(TEXT("x*.example"), true));
}

static void alternative_names_are_read(void **state)
{
    static const struct {
        const char *text, *as; /* NULL: refused */
    } rows[] = {
        {"db1.example.com", "DNS:db1.example.com"},
        {"DB1.Example.COM", "DNS:db1.example.com"},
        {"DNS:db1", "DNS:db1"},
        {"dns:db1", "DNS:db1"},
        {"*.example.com", "DNS:*.example.com"},
        {"xn--zrich-kva.example", "DNS:xn--zrich-kva.example"},
        {"3com.example", "DNS:3com.example"},
        {"192.0.2.7", "IP:192.0.2.7"},
        {"IP:192.0.2.7", "IP:192.0.2.7"},
        {"2001:DB8:0:0::0:1", "IP:2001:db8::1"},
        {"::1", "IP:::1"},
        {"IP:::1", "IP:::1"},
        {"URI:urn:pgrole:app", "URI:urn:pgrole:app"},
        {"uri:https://db.example/x%20y", "URI:https://db.example/x%20y"},
        {"", NULL},
        {"DNS:", NULL},
        {"a_b.example", NULL},
        {"a..b", NULL},
        {".a", NULL},
        {"a.", NULL},
        {"-a.example", NULL},
        {"a-.example", NULL},
        {"*", NULL},
        {"*.", NULL},
        {"a.*.example", NULL},
        {"f*.example", NULL},
        {"*.*.example", NULL},
        {"b\xc3\xbc"
         "cher.example",
         NULL},
        {"a b", NULL},
        {"a/b", NULL},
        {"../x", NULL},
        {"user@example.com", NULL},
        {"192.0.2.300", NULL},
        {"192.0.2", NULL},
        {"0x7f.1", NULL},
        {"DNS:192.0.2.7", NULL},
        {"IP:db1", NULL},
        {"IP:192.0.2.7/24", NULL},
        {"IP:fe80::1%eth0", NULL},
        {"1", NULL},
        {"URI:relative", NULL},
        {"URI::x", NULL},
        {"URI:urn:", NULL},
        {"URI:urn:pgrole:a b", NULL},
        {"URI:urn:pgrole:a,DNS:boss", NULL},
        {"URI:urn:pgrole:%4", NULL},
        {"URI:urn:pgrole:%zz", NULL},
        {"URI:urn:pgrole:%4z", NULL},
        {"URI:urn:pgrole:%z4", NULL},
        {"URI:a:b", "URI:a:b"},
        {"123456789012345678901234567890123456789012345678901234567890abcd.example", NULL},
    };

    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct name_san san = {0};
        GString *out = g_string_new("");
        const char *fault = name_san_parse(bytes_str(rows[i].text), &san);

        if (fault == NULL)
            name_san_write(&san, out);
        if (rows[i].as == NULL ? fault == NULL : strcmp(out->str, rows[i].as) != 0)
            fail_msg("\"%s\": \"%s\", %s", rows[i].text, out->str, fault != NULL ? fault : "taken");
        name_san_clear(&san);
        assert_null(san.text);
        g_string_free(out, TRUE);
    }
}

static void alternative_names_with_nul_or_of_excessive_length_are_refused(void **state)
{
    struct name_san san = {0};
    GString *host = g_string_new("a");

    (void)state;
    assert_non_null(name_san_parse(TEXT("db1\0.example"), &san));
    assert_non_null(name_san_parse(TEXT("::1\0"), &san));
    assert_non_null(name_san_parse(TEXT("URI:urn:x\0y"), &san));
    while (host->len < NAME_DNS_MAX)
        g_string_append(host, ".a");
    assert_null(name_san_parse(bytes_str(host->str), &san));
    name_san_clear(&san);
    g_string_append(host, ".a");
    assert_string_equal(name_san_parse(bytes_str(host->str), &san), "is longer than 253 bytes");
    g_string_assign(host, "URI:urn:pgrole:");
    while (host->len < 4 + 1024)
        g_string_append_c(host, 'a');
    assert_null(name_san_parse(bytes_str(host->str), &san));
    name_san_clear(&san);
    g_string_append_c(host, 'a');
    assert_non_null(name_san_parse(bytes_str(host->str), &san));
    g_string_free(host, TRUE);
}

static void addresses_have_4_or_16_octets(void **state)
{
    uint8_t octets[16];
    size_t len = 0;

    (void)state;
    assert_true(name_ip_octets("192.0.2.1", octets, &len));
    assert_int_equal(len, 4);
    assert_memory_equal(octets, "\xc0\x00\x02\x01", 4);
    assert_true(name_ip_octets("::1", octets, &len));
    assert_int_equal(len, 16);
    assert_int_equal(octets[15], 1);
    assert_false(name_ip_octets("db1", octets, &len));
    assert_false(name_ip_octets("", octets, &len));
}

static void expect_fold(struct bytes name, const char *want)
{
    char *folded = name_fold(name), *again;

    if (want == NULL) {
        assert_null(folded);
        return;
    }
    assert_string_equal(folded, want);
    again = name_fold(bytes_str(folded));
    assert_string_equal(again, want);
    g_free(folded);
    g_free(again);
}

static void names_that_are_one_login_to_pgbouncer_fold_alike(void **state)
{
    (void)state;
    expect_fold(TEXT("APP"), "app");
    expect_fold(TEXT("app."), "app");
    expect_fold(TEXT("Z\xc3\x9cRICH"), "z\xc3\xbcrich");
    expect_fold(TEXT("Zu\xcc\x88rich"), "z\xc3\xbcrich");
    expect_fold(TEXT("stra\xc3\x9f"
                     "e"),
                "strasse");
    expect_fold(TEXT("\xe2\x84\xaa"), "k"); /* the kelvin sign */
    expect_fold(TEXT(""), "");
    expect_fold(bytes_of(NULL, 0), "");
    expect_fold(TEXT("a\xff"), NULL);
    expect_fold(TEXT("app\0boss"), NULL);
}

static void a_wildcard_covers_one_label(void **state)
{
    (void)state;
    assert_true(name_covers("app", "app"));
    assert_false(name_covers("app", "app2"));
    assert_true(name_covers("*.corp.local", "x.corp.local"));
    assert_false(name_covers("*.corp.local", "corp.local"));
    assert_false(name_covers("*.corp.local", "a.b.corp.local"));
    assert_false(name_covers("*.corp.local", ".corp.local"));
    assert_false(name_covers("x.corp.local", "*.corp.local"));
    assert_true(name_covers("*.local", "x.local"));
    assert_false(name_covers("*.local", "local"));
}

static void two_names_never_share_a_file(void **state)
{
    static const struct {
        struct bytes name;
        const char *file;
    } rows[] = {
        {ROW("app"), "app"},
        {ROW("App"), "App"},
        {ROW("a.b@c+d-e_f"), "a.b@c+d-e_f"},
        {ROW("*.corp.example"), "%2A.corp.example"},
        {ROW("two words"), "two%20words"},
        {ROW("a%20b"), "a%2520b"},
        {ROW("Z\xc3\xbcrich"), "Z%C3%BCrich"},
        {ROW("back\\slash"), "back%5Cslash"},
        {ROW("~"), "%7E"},
    };
    uint8_t longest[NAME_ROLE_MAX];
    char *file;

    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        file = name_file(rows[i].name);
        assert_string_equal(file, rows[i].file);
        g_free(file);
    }
    memset(longest, 0xc3, sizeof longest);
    file = name_file(bytes_of(longest, sizeof longest));
    assert_int_equal(strlen(file), 189);
    g_free(file);
}

static void a_role_becomes_a_urn(void **state)
{
    char *urn = name_role_urn(TEXT("a.b-c_d~e/f Z\xc3\xbc,"));
    struct name_san san;
    GString *text;

    (void)state;
    assert_string_equal(urn, "urn:pgrole:a.b-c_d~e%2Ff%20Z%C3%BC%2C");
    text = g_string_new("URI:");
    g_string_append(text, urn);
    assert_null(name_san_parse(bytes_str(text->str), &san));
    name_san_clear(&san);
    g_string_free(text, TRUE);
    g_free(urn);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(roles_of_all_languages_are_taken),
        cmocka_unit_test(names_that_deceive_are_refused),
        cmocka_unit_test(only_a_server_may_be_a_wildcard),
        cmocka_unit_test(alternative_names_are_read),
        cmocka_unit_test(alternative_names_with_nul_or_of_excessive_length_are_refused),
        cmocka_unit_test(addresses_have_4_or_16_octets),
        cmocka_unit_test(names_that_are_one_login_to_pgbouncer_fold_alike),
        cmocka_unit_test(a_wildcard_covers_one_label),
        cmocka_unit_test(two_names_never_share_a_file),
        cmocka_unit_test(a_role_becomes_a_urn),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
