/* Proves what a revocation is to the ledger, which serials a CRL lists, and that CRL numbers only rise. */
#include "config.h"

#include "tests/unit/pki_ledger_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void a_hold_is_lifted_and_a_revocation_is_not(void **state)
{
    struct ledger_fixture *f = *state;
    int64_t id = ledger_fixture_issue(f, KIND_CLIENT, "app", "", 0, 0, 0);
    struct ledger_row row;

    assert_int_equal(ledger_release(f->ledger, id), LEDGER_REFUSED);
    ledger_says(f, "not on hold");
    assert_int_equal(ledger_revoke(f->ledger, id, REVOKED_HOLD), LEDGER_OK);
    assert_int_equal(ledger_revoke(f->ledger, id, REVOKED_HOLD), LEDGER_REFUSED);
    ledger_says(f, "put on hold on");
    assert_int_equal(ledger_release(f->ledger, id), LEDGER_OK);
    assert_int_equal(ledger_revoke(f->ledger, id, REVOKED_HOLD), LEDGER_OK);
    ledger_clock_s += 100;
    assert_int_equal(ledger_revoke(f->ledger, id, REVOKED_KEY_COMPROMISE), LEDGER_OK);
    assert_int_equal(ledger_get(f->ledger, id, &row), LEDGER_OK);
    assert_int_equal(row.revoked_s, LEDGER_NOW);
    assert_int_equal(row.reason, REVOKED_KEY_COMPROMISE);
    ledger_row_clear(&row);
    assert_int_equal(ledger_revoke(f->ledger, id, REVOKED_SUPERSEDED), LEDGER_REFUSED);
    ledger_says(f, "revoked on 2027-01-15");
    assert_int_equal(ledger_release(f->ledger, id), LEDGER_REFUSED);
    ledger_says(f, "for good");
    assert_int_equal(ledger_revoke(f->ledger, id, 7), LEDGER_REFUSED); /* 7 is unused (RFC 5280) */
    assert_int_equal(ledger_revoke(f->ledger, 4711, 1), LEDGER_NONE);
    ledger_verifies(f, NULL);
}

static void reasons_have_the_words_of_rfc_5280(void **state)
{
    (void)state;
    assert_string_equal(ledger_reason_name(REVOKED_PRIVILEGE_WITHDRAWN), "privilegeWithdrawn");
    assert_int_equal(ledger_reason_find("certificateHold"), 6);
    assert_int_equal(ledger_reason_find("keycompromise"), -1);
    assert_null(ledger_reason_name(8)); /* removeFromCRL is for delta CRLs */
    for (int reason = -1; reason < 12; reason++)
        if (ledger_reason_name(reason) != NULL)
            assert_int_equal(ledger_reason_find(ledger_reason_name(reason)), reason);
}

static bool gather_serial(void *context, struct bytes serial, int64_t revoked_s, int reason)
{
    (void)revoked_s;
    for (size_t i = 0; i < serial.len; i++)
        g_string_append_printf(context, "%02X", serial.ptr[i]);
    g_string_append_printf(context, "/%d ", reason);
    return true;
}

static void lists(struct ledger_fixture *f, const char *serials)
{
    GString *got = g_string_new(NULL);

    assert_int_equal(ledger_each_revoked(f->ledger, f->ca, gather_serial, got), LEDGER_OK);
    assert_string_equal(got->str, serials);
    g_string_free(got, TRUE);
}

static void revoked_serials_come_in_the_order_of_numbers(void **state)
{
    struct ledger_fixture *f = *state;
    static const struct {
        const uint8_t at[3];
        size_t len;
    } serials[] = {
        {{0x01, 0x00, 0x00}, 3}, {{0xff}, 1}, {{0x02}, 1}, {{0x00, 0xfe}, 2}, {{0x01, 0xff}, 2}};

    for (size_t i = 0; i < 5; i++) {
        char name[8];
        snprintf(name, sizeof name, "a%zu", i);
        struct ledger_row row = ledger_fixture_row(f, KIND_CLIENT, name, "", 0);
        memcpy(row.serial, serials[i].at, 3);
        row.serial_len = serials[i].len;
        row.key_id[0] ^= (uint8_t)i;
        ledger_fixture_sign(&row, 0);
        assert_int_equal(ledger_adopt(f->ledger, &row), LEDGER_OK);
        assert_int_equal(ledger_revoke(f->ledger, row.id, i == 0 ? REVOKED_HOLD : 1), LEDGER_OK);
        ledger_row_clear(&row);
    }
    lists(f, "02/1 FE/1 FF/1 01FF/1 010000/6 ");
}

static void an_expired_entry_stays_for_one_crl_after_its_end(void **state)
{
    struct ledger_fixture *f = *state;
    int64_t id = ledger_fixture_issue(f, KIND_CLIENT, "app", "", 0, 0, 0), number = 0;

    assert_int_equal(ledger_revoke(f->ledger, id, 1), LEDGER_OK);
    for (int i = 1; i <= 2; i++) { /* before its end, and the first one after */
        assert_int_equal(
            ledger_next_crl(f->ledger, f->ca, ledger_clock_s, ledger_clock_s + 9, &number),
            LEDGER_OK);
        assert_int_equal(number, i);
        lists(f, "1122330002/1 ");
        ledger_clock_s += 366 * LEDGER_DAY;
    }
    assert_int_equal(ledger_next_crl(f->ledger, f->ca, ledger_clock_s, ledger_clock_s + 9, &number),
                     LEDGER_OK);
    lists(f, "");
}

static void crl_numbers_only_rise_also_over_a_restore(void **state)
{
    struct ledger_fixture *f = *state;
    int64_t number = 0, now = ledger_clock_s;
    GArray *list = NULL;

    assert_int_equal(ledger_next_crl(f->ledger, f->ca, now, now + 9, &number), LEDGER_OK);
    assert_int_equal(number, 1);
    assert_int_equal(ledger_begin(f->ledger), LEDGER_OK);
    assert_int_equal(ledger_next_crl(f->ledger, f->ca, now, now + 9, &number), LEDGER_OK);
    ledger_rollback(f->ledger);
    assert_int_equal(ledger_next_crl(f->ledger, f->ca, now - 1, now + 9, &number), LEDGER_CLOCK);
    assert_int_equal(ledger_restored(f->ledger, "test"), LEDGER_OK);
    assert_int_equal(ledger_next_crl(f->ledger, f->ca, now, now + 7, &number), LEDGER_OK);
    assert_int_equal(number, 1 + LEDGER_RESTORE_CRLS + 1);
    assert_int_equal(ledger_restored(f->ledger, "again"), LEDGER_OK);
    assert_int_equal(ledger_authorities(f->ledger, &list), LEDGER_OK);
    assert_int_equal(list->len, 1);
    assert_int_equal(g_array_index(list, struct ledger_authority, 0).crl_number,
                     2 + 2 * LEDGER_RESTORE_CRLS);
    assert_int_equal(g_array_index(list, struct ledger_authority, 0).crl_next_s, now + 7);
    g_array_unref(list);
    ledger_verifies(f, NULL);
}

#define test(name) cmocka_unit_test_setup_teardown(name, ledger_fixture_begin, ledger_fixture_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(a_hold_is_lifted_and_a_revocation_is_not),
        test(reasons_have_the_words_of_rfc_5280),
        test(revoked_serials_come_in_the_order_of_numbers),
        test(an_expired_entry_stays_for_one_crl_after_its_end),
        test(crl_numbers_only_rise_also_over_a_restore),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
