/* The line of an audit event: hostile names, unknown ones, its bound. */
#include "config.h"

#include "common/audit.h"
#include "common/text.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Renders, and holds every line to what is promised of all lines. */
static json_t *render(const struct audit_event *event, enum settings_unknown_names names)
{
    char line[AUDIT_LINE_MAX + 1];
    size_t len = audit_render(event, names, line);
    json_t *json;

    assert_true(len > 0 && len <= AUDIT_LINE_MAX);
    assert_int_equal(strlen(line), len);
    assert_ptr_equal(strchr(line, '\n'), line + len - 1);
    assert_true(text_is_plain(bytes_of(line, len - 1), false));
    json = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(json);
    return json;
}

static void assert_text(const json_t *json, const char *key, const char *expected)
{
    const char *found = json_string_value(json_object_get(json, key));

    if (found == NULL || strcmp(found, expected) != 0)
        fail_msg("%s is \"%s\", not \"%s\"", key, found != NULL ? found : "(absent)", expected);
}

static void test_whole_line(void **state)
{
    const struct audit_event event = {
        .time_ms = 1700000000123,
        .event = "login",
        .id = 0xabc,
        .reason = REASON_CODE_WRONG,
        .user = bytes_str("anna"),
        .user_known = true,
        .address = bytes_str("192.0.2.1"),
        .service = bytes_str("pgsignet"),
        .policy = bytes_str("default"),
        .factors = {.throttle = FACTOR_OK, .code = FACTOR_WRONG},
        .steps = {.code_us = 1234, .total_us = 2000},
        .backend_pid = 42,
        .has_uid = true,
        .uid = 0,
        .detail = "a\nb",
    };
    char line[AUDIT_LINE_MAX + 1];

    (void)state;
    audit_render(&event, UNKNOWN_NAMES_HASH, line);
    assert_string_equal(line,
                        "{\"time\":\"2023-11-14T22:13:20.123Z\",\"id\":\"0000000000000abc\","
                        "\"event\":\"login\",\"verdict\":\"denied\",\"reason\":\"code-wrong\","
                        "\"user\":\"anna\",\"user_known\":true,\"address\":\"192.0.2.1\","
                        "\"service\":\"pgsignet\",\"policy\":\"default\","
                        "\"factors\":{\"throttle\":\"ok\",\"code\":\"wrong\"},"
                        "\"ms\":{\"code\":1.234,\"total\":2.0},\"backend_pid\":42,\"uid\":0,"
                        "\"detail\":\"a\\\\x0ab\"}\n");
}

/* An act of the CA: whom it is about, and room for what the ledger puts behind the line. */
static void test_certificate(void **state)
{
    static const uint8_t serial[] = {0x0a, 0xff, 0x00};
    static char detail[9000];
    struct audit_event event = {
        .time_ms = 1700000000000,
        .event = "issue",
        .result = "done",
        .subject = bytes_of("a\xff", 2),
        .serial = bytes_of(serial, sizeof serial),
        .object = "clients/a",
    };
    char line[AUDIT_LINE_MAX + 1];

    (void)state;
    audit_render(&event, UNKNOWN_NAMES_HASH, line);
    assert_string_equal(line, "{\"time\":\"2023-11-14T22:13:20.000Z\",\"id\":\"0000000000000000\","
                              "\"event\":\"issue\",\"result\":\"done\","
                              "\"subject_escaped\":\"a\\\\xff\",\"serial\":\"0AFF00\","
                              "\"object\":\"clients/a\"}\n");
    memset(detail, 'x', sizeof detail - 1);
    event.detail = event.object = detail;
    event.room = 3000;
    size_t len = audit_render(&event, UNKNOWN_NAMES_HASH, line);
    assert_true(len > 0 && len <= AUDIT_LINE_MAX - 3000);
}

static void test_hostile_names(void **state)
{
    static const struct {
        const char *name;
        size_t len;
        const char *key, *shown;
    } rows[] = {
        {"a\nb", 3, "user", "a\nb"},
        {"a\"},{\"x\":\"", 10, "user", "a\"},{\"x\":\""},
        {"jos\xc3\xa9", 5, "user", "jos\xc3\xa9"},
        {"a\xff\\", 3, "user_escaped", "a\\xff\\x5c"},
        {"\xed\xa0\x80", 3, "user_escaped", "\\xed\\xa0\\x80"},
        {"a\xe2\x80\xa8z", 5, "user_escaped", "a\\xe2\\x80\\xa8z"},
        {"\xc2\x9b"
         "1m",
         4, "user_escaped", "\\xc2\\x9b1m"},
        {"a\0b", 3, "user_escaped", "a\\x00b"},
        {"\x7f", 1, "user_escaped", "\\x7f"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct audit_event event = {
            .event = "login", .user = bytes_of(rows[i].name, rows[i].len), .user_known = true};
        json_t *json = render(&event, UNKNOWN_NAMES_HASH);

        assert_text(json, rows[i].key, rows[i].shown);
        json_decref(json);
    }
}

static void test_unknown_names(void **state)
{
    struct audit_event event = {
        .event = "login", .user = bytes_str("hunter2"), .user_hash = "00112233"};
    json_t *json = render(&event, UNKNOWN_NAMES_HASH);
    char *text = json_dumps(json, 0);

    (void)state;
    assert_text(json, "user_hash", "00112233");
    assert_text(json, "address", "local");
    assert_null(strstr(text, "hunter2"));
    free(text);
    json_decref(json);

    event.user_hash = NULL;
    json = render(&event, UNKNOWN_NAMES_HASH);
    assert_true(json_is_null(json_object_get(json, "user_hash")));
    json_decref(json);

    json = render(&event, UNKNOWN_NAMES_PLAIN);
    assert_text(json, "user", "hunter2");
    assert_true(json_is_false(json_object_get(json, "user_known")));
    json_decref(json);
}

/* All texts at their longest, of the bytes that grow the most, still make one line. */
static void test_bounded(void **state)
{
    static const char fills[] = {'\x01', '\xff', '"', 'a'};
    char long_text[4000];

    (void)state;
    for (size_t i = 0; i < sizeof fills; i++) {
        struct bytes all = bytes_of(long_text, sizeof long_text - 1);
        struct audit_event event = {
            .event = "login",
            .user = all,
            .user_known = true,
            .address = all,
            .service = all,
            .policy = all,
            .group = long_text,
            .token = long_text,
            .exempt_reason = long_text,
            .detail = long_text,
        };
        json_t *json;

        memset(long_text, fills[i], sizeof long_text - 1);
        long_text[sizeof long_text - 1] = '\0';
        json = render(&event, UNKNOWN_NAMES_HASH);
        assert_non_null(json_object_get(json, "user_escaped"));
        json_decref(json);
    }
}

static void test_every_tame_byte_reads_back(void **state)
{
    char name[0x7f];
    struct audit_event event = {.event = "login", .user_known = true};

    (void)state;
    for (int c = 1; c < 0x7f; c++)
        name[c - 1] = (char)c;
    name[0x7e] = '\0';
    event.user = bytes_str(name);
    json_t *json = render(&event, UNKNOWN_NAMES_HASH);
    assert_text(json, "user", name);
    json_decref(json);
}

static void test_times_are_reals(void **state)
{
    const struct audit_event event = {
        .event = "login",
        .steps = {.code_us = 1, .password_us = 2500, .role_us = 12340, .total_us = 3000000},
    };
    char line[AUDIT_LINE_MAX + 1];

    (void)state;
    audit_render(&event, UNKNOWN_NAMES_HASH, line);
    assert_non_null(
        strstr(line, "\"ms\":{\"code\":0.001,\"password\":2.5,\"role\":12.34,\"total\":3000.0}"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole_line),      cmocka_unit_test(test_certificate),
        cmocka_unit_test(test_hostile_names),   cmocka_unit_test(test_unknown_names),
        cmocka_unit_test(test_bounded),         cmocka_unit_test(test_every_tame_byte_reads_back),
        cmocka_unit_test(test_times_are_reals),
    };

    return cmocka_run_group_tests_name("audit", tests, NULL, NULL);
}
