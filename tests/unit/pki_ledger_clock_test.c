/* Proves that the ledger has nothing signed by a clock that is behind, or by a CA that has been replaced. */
#include "config.h"

#include "tests/unit/pki_ledger_fixture.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void nothing_is_signed_before_what_the_ledger_has_seen(void **state)
{
    struct ledger_fixture *f = *state;
    int64_t number;

    ledger_fixture_issue(f, KIND_CLIENT, "app", "", 0, 0, 0);
    ledger_clock_s = LEDGER_NOW - 1;
    ledger_asked(f, KIND_CLIENT, "b", "", -1, 0, LEDGER_CLOCK, "the ledger's last entry");
    assert_int_equal(ledger_next_crl(f->ledger, f->ca, ledger_clock_s, ledger_clock_s + 9, &number),
                     LEDGER_CLOCK);
    ledger_clock_s = LEDGER_NOW - 2 * LEDGER_DAY;
    ledger_asked(f, KIND_CLIENT, "b", "", -1, 0, LEDGER_CLOCK, "the CA's notBefore");
    ledger_clock_s = LEDGER_NOW + 50 * LEDGER_DAY; /* forward is fine */
    ledger_asked(f, KIND_CLIENT, "b", "", -1, 0, LEDGER_OK, NULL);
    ledger_clock_s -= 1; /* what is only reserved counts as well */
    ledger_asked(f, KIND_CLIENT, "c", "", -1, 0, LEDGER_CLOCK, "the ledger's last entry");
}

static void nothing_is_signed_before_the_last_crl(void **state)
{
    struct ledger_fixture *f = *state;
    int64_t number, this_s = LEDGER_NOW + 100;

    assert_int_equal(ledger_next_crl(f->ledger, f->ca, this_s, this_s + LEDGER_DAY, &number),
                     LEDGER_OK);
    ledger_asked(f, KIND_CLIENT, "b", "", -1, 0, LEDGER_CLOCK, "the last CRL");
    ledger_clock_s = this_s;
    ledger_asked(f, KIND_CLIENT, "b", "", -1, 0, LEDGER_OK, NULL);
}

static void a_clock_that_was_ahead_is_accepted_once_it_is_right(void **state)
{
    struct ledger_fixture *f = *state;
    struct ledger_ahead ahead;
    int64_t number, last;

    assert_int_equal(ledger_accept_clock(f->ledger), LEDGER_NONE); /* nothing is ahead */
    ledger_clock_s = LEDGER_NOW + 730 * LEDGER_DAY;
    int64_t late = ledger_fixture_issue(f, KIND_CLIENT, "late", "", 0, 0, 0);
    assert_int_equal(
        ledger_next_crl(f->ledger, f->ca, ledger_clock_s, ledger_clock_s + LEDGER_DAY, &last),
        LEDGER_OK);
    ledger_clock_s = LEDGER_NOW + LEDGER_DAY;
    ledger_asked(f, KIND_CLIENT, "app", "", 1, 0, LEDGER_CLOCK, "pgsignet-ca clock");
    assert_int_equal(ledger_ahead(f->ledger, ledger_clock_s, &ahead), LEDGER_OK);
    assert_int_equal(ahead.entry_s, LEDGER_NOW + 730 * LEDGER_DAY);
    assert_int_equal(ahead.crl_s, LEDGER_NOW + 730 * LEDGER_DAY);

    assert_int_equal(ledger_accept_clock(f->ledger), LEDGER_OK);
    assert_int_equal(ledger_ahead(f->ledger, ledger_clock_s, &ahead), LEDGER_OK);
    assert_int_equal(ahead.entry_s, 0);
    assert_int_equal(ahead.crl_s, 0);
    ledger_verifies(f, NULL);
    ledger_fixture_issue(f, KIND_CLIENT, "app", "", 1, 0, 0);
    assert_int_equal(ledger_revoke(f->ledger, late, REVOKED_SUPERSEDED), LEDGER_OK);
    assert_int_equal(ledger_next_crl(f->ledger, f->ca, ledger_clock_s - 300,
                                     ledger_clock_s + LEDGER_DAY, &number),
                     LEDGER_OK);
    assert_int_equal(number, last + 1); /* numbers still only go up */
    ledger_verifies(f, NULL);

    /* What came after it counts as before. */
    ledger_clock_s -= 1;
    ledger_asked(f, KIND_CLIENT, "b", "", 2, 0, LEDGER_CLOCK, "before the ledger's last entry");
    ledger_clock_s += 1;
    ledger_fixture_issue(f, KIND_CLIENT, "c", "", 3, 0, 0);
    ledger_tamper(f, "UPDATE certificate SET created_s = created_s - 2000 WHERE name = 'c'");
    ledger_verifies(f, "is older than the one before it");
}

static void a_revocation_is_written_whatever_the_clock_says(void **state)
{
    struct ledger_fixture *f = *state;
    int64_t id = ledger_fixture_issue(f, KIND_CLIENT, "app", "", 0, 0, 0);
    struct ledger_row row;

    ledger_clock_s = LEDGER_NOW - 1000;
    assert_int_equal(ledger_revoke(f->ledger, id, REVOKED_KEY_COMPROMISE), LEDGER_OK);
    assert_int_equal(ledger_get(f->ledger, id, &row), LEDGER_OK);
    assert_int_equal(row.revoked_s, LEDGER_NOW); /* and time does not go back in the ledger */
    ledger_row_clear(&row);
    ledger_verifies(f, NULL);
}

static void a_ca_that_is_not_current_signs_no_leaves(void **state)
{
    struct ledger_fixture *f = *state;

    assert_int_equal(ledger_set_authority(f->ledger, f->ca, AUTHORITY_OLD), LEDGER_OK);
    ledger_asked(f, KIND_CLIENT, "app", "", -1, 0, LEDGER_REFUSED, "signs no certificates now");
    ledger_asked(f, KIND_CROSS, "ca", "", -1, 0, LEDGER_OK, NULL);
    f->ca = 77;
    ledger_asked(f, KIND_CLIENT, "app", "", -1, 0, LEDGER_REFUSED, "no CA with the number 77");
}

#define test(name) cmocka_unit_test_setup_teardown(name, ledger_fixture_begin, ledger_fixture_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(nothing_is_signed_before_what_the_ledger_has_seen),
        test(nothing_is_signed_before_the_last_crl),
        test(a_clock_that_was_ahead_is_accepted_once_it_is_right),
        test(a_revocation_is_written_whatever_the_clock_says),
        test(a_ca_that_is_not_current_signs_no_leaves),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
