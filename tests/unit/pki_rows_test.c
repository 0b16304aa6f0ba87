/* What is said of certificates, and of what is wrong with them: words, JSON, names that are not kind. */
#include "config.h"

#include "pki/check.h"
#include "pki/findings.h"
#include "pki/publish.h"
#include "pki/rows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define NOW INT64_C(1767225600) /* 2026-01-01 00:00:00 */
#define DAY INT64_C(86400)

static struct ledger_row sound_row(void)
{
    return (struct ledger_row){
        .kind = KIND_CLIENT,
        .state = LEDGER_ISSUED,
        .authority = 1,
        .serial = {0x01, 0xab},
        .serial_len = 2,
        .name = (char *)(uintptr_t) "app",
        .sans = (char *)(uintptr_t) "URI:urn:pgrole:app",
        .path = (char *)(uintptr_t) "clients/app",
        .not_before = NOW - 300,
        .not_after = NOW + DAY,
    };
}

static void a_state_is_the_most_telling_one(void **state)
{
    struct ledger_row row = sound_row();

    (void)state;
    assert_string_equal(rows_state(&row, NOW), "live");
    assert_string_equal(rows_state(&row, NOW - 301), "not yet valid");
    assert_string_equal(rows_state(&row, NOW + DAY - 1), "live");
    assert_string_equal(rows_state(&row, NOW + DAY), "expired");
    row.replaced_by = 7;
    assert_string_equal(rows_state(&row, NOW), "replaced");
    row.revoked_s = NOW;
    row.reason = REVOKED_HOLD;
    assert_string_equal(rows_state(&row, NOW), "hold");
    row.reason = REVOKED_SUPERSEDED;
    assert_string_equal(rows_state(&row, NOW + DAY), "revoked");
    row.state = LEDGER_ABANDONED;
    assert_string_equal(rows_state(&row, NOW), "abandoned");
    row.state = LEDGER_RESERVED;
    assert_string_equal(rows_state(&row, NOW), "reserved");
}

static void days_are_rounded_down(void **state)
{
    (void)state;
    assert_int_equal(rows_days(NOW, NOW), 0);
    assert_int_equal(rows_days(NOW + DAY - 1, NOW), 0);
    assert_int_equal(rows_days(NOW + DAY, NOW), 1);
    assert_int_equal(rows_days(NOW - 1, NOW), -1);
    assert_int_equal(rows_days(NOW - DAY, NOW), -1);
    assert_int_equal(rows_days(NOW - DAY - 1, NOW), -2);
}

static json_t *json_of(const struct ledger_row *row)
{
    struct authority authority = {.row = {.id = 1, .file = (char *)(uintptr_t) "ca.crt"}};
    struct session session = {.authorities = &authority, .n_authorities = 1};

    return rows_json(&session, row, NOW);
}

static const char *text_of(const json_t *object, const char *member)
{
    return json_string_value(json_object_get(object, member));
}

static void a_row_is_told_in_json(void **state)
{
    struct ledger_row row = sound_row();
    json_t *object = json_of(&row);

    (void)state;
    assert_string_equal(text_of(object, "kind"), "client");
    assert_string_equal(text_of(object, "name"), "app");
    assert_string_equal(text_of(object, "serial"), "01AB");
    assert_string_equal(text_of(object, "state"), "live");
    assert_string_equal(text_of(object, "not_before"), "2025-12-31T23:55:00Z");
    assert_string_equal(text_of(object, "not_after"), "2026-01-02T00:00:00Z");
    assert_string_equal(text_of(object, "file"), "clients/app.crt");
    assert_string_equal(text_of(object, "ca"), "ca.crt");
    assert_int_equal(json_integer_value(json_object_get(object, "days_left")), 1);
    assert_int_equal(json_array_size(json_object_get(object, "sans")), 1);
    assert_null(json_object_get(object, "revoked"));
    json_decref(object);
    row.revoked_s = NOW;
    row.reason = REVOKED_KEY_COMPROMISE;
    row.path = (char *)(uintptr_t) "";
    object = json_of(&row);
    assert_string_equal(text_of(object, "revoked"), "2026-01-01T00:00:00Z");
    assert_string_equal(text_of(object, "reason"), "keyCompromise");
    assert_string_equal(text_of(object, "file"), "");
    json_decref(object);
}

/* Adopted ones are called anything. */
static void names_of_any_bytes_stay_one_json_text(void **state)
{
    static const struct {
        const char *name, *as;
    } rows[] = {
        {"say \"hi\"", "say \"hi\""},
        {"back\\slash", "back\\slash"},
        {"line\nfeed\x1b[2J", "line\nfeed\x1b[2J"},
        {"Z\xc3\xbcrich", "Z\xc3\xbcrich"},
        {"Z\xfcrich", "Z\xef\xbf\xbdrich"},
        {"\x7f", "\x7f"},
        {"", ""},
    };

    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct ledger_row row = sound_row();
        json_t *object;

        row.name = (char *)(uintptr_t)rows[i].name;
        object = json_of(&row);
        assert_non_null(object);
        assert_string_equal(text_of(object, "name"), rows[i].as);
        json_decref(object);
    }
}

static void times_are_those_of_the_other_commands(void **state)
{
    (void)state;
    for (int64_t at = -DAY; at < INT64_C(300000000000); at += INT64_C(98765432)) {
        struct ledger_row row = sound_row();
        char want[CLOCK_TEXT_MAX];
        json_t *object;

        row.not_after = at;
        object = json_of(&row);
        publish_time(at, want);
        assert_string_equal(text_of(object, "not_after"), want);
        json_decref(object);
    }
}

static void each_finding_has_a_word_of_its_own_and_an_advice(void **state)
{
    (void)state;
    for (size_t i = 0; i < FINDINGS; i++) {
        assert_non_null(finding_rows[i].word);
        assert_true(strlen(finding_rows[i].advice) > 10);
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(finding_rows[i].word, finding_rows[k].word);
    }
}

static void findings_keep_their_order_and_their_bytes(void **state)
{
    struct findings findings;
    json_t *list;

    (void)state;
    findings_init(&findings);
    findings_add(&findings, FINDING_MODES, "a\xff", "mode %04o", 0644u);
    findings_add(&findings, FINDING_LEDGER, "ledger.db", "%s", "100% \"damaged\"");
    list = findings_json(&findings);
    assert_int_equal(json_array_size(list), 2);
    assert_string_equal(text_of(json_array_get(list, 0), "finding"), "modes");
    assert_string_equal(text_of(json_array_get(list, 0), "object"), "a\xef\xbf\xbd");
    assert_string_equal(text_of(json_array_get(list, 0), "text"), "mode 0644");
    assert_string_equal(text_of(json_array_get(list, 1), "text"), "100% \"damaged\"");
    json_decref(list);
    findings_clear(&findings);
    findings_clear(&findings);
}

static void an_object_is_its_file_or_its_serial(void **state)
{
    struct ledger_row row = sound_row();
    char *object = check_object(&row);

    (void)state;
    assert_string_equal(object, "clients/app.crt");
    g_free(object);
    row.path = (char *)(uintptr_t) "";
    object = check_object(&row);
    assert_string_equal(object, "app (serial 01AB)");
    g_free(object);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_state_is_the_most_telling_one),
        cmocka_unit_test(days_are_rounded_down),
        cmocka_unit_test(a_row_is_told_in_json),
        cmocka_unit_test(names_of_any_bytes_stay_one_json_text),
        cmocka_unit_test(times_are_those_of_the_other_commands),
        cmocka_unit_test(each_finding_has_a_word_of_its_own_and_an_advice),
        cmocka_unit_test(findings_keep_their_order_and_their_bytes),
        cmocka_unit_test(an_object_is_its_file_or_its_serial),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
