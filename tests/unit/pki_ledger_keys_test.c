/* Proves which keys and serials the ledger refuses to have signed, and that it names what is in the way. */
#include "config.h"

#include "tests/unit/pki_ledger_fixture.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* --- keys --- */

static void the_key_of_another_name_is_refused(void **state)
{
    struct ledger_fixture *f = *state;

    ledger_fixture_issue(f, KIND_CLIENT, "app", "", 0, 0, 0);
    ledger_asked(f, KIND_CLIENT, "boss", "", 0, 0, LEDGER_REFUSED, "its key is that of the client");
    ledger_asked(f, KIND_SERVER, "app.local", "", 0, 0, LEDGER_REFUSED, "its key is that of");
    ledger_asked(f, KIND_CLIENT, "app", "", 0, LEDGER_SECOND, LEDGER_OK, NULL);
    ledger_clock_s += 400 * LEDGER_DAY; /* an expired one's key is still another's */
    ledger_asked(f, KIND_CLIENT, "boss", "", 0, 0, LEDGER_REFUSED, "its key is that of");
}

static void a_revoked_key_is_refused_and_a_superseded_one_goes_on(void **state)
{
    struct ledger_fixture *f = *state;
    int64_t bad = ledger_fixture_issue(f, KIND_CLIENT, "app", "", 0, 0, 0);
    int64_t good = ledger_fixture_issue(f, KIND_CLIENT, "reader", "", 1, 0, 0);
    int64_t next;

    assert_int_equal(ledger_revoke(f->ledger, bad, REVOKED_KEY_COMPROMISE), LEDGER_OK);
    ledger_asked(f, KIND_CLIENT, "app", "", 0, 0, LEDGER_REFUSED, "its key was revoked");
    ledger_asked_in_place_of(f, bad, "app", "", 0, LEDGER_SAME_KEY, LEDGER_REFUSED,
                             "its key was revoked");

    next = ledger_fixture_issue(f, KIND_CLIENT, "reader", "", 1, LEDGER_SAME_KEY, good);
    assert_int_equal(ledger_revoke(f->ledger, good, REVOKED_SUPERSEDED), LEDGER_OK);
    ledger_asked_in_place_of(f, next, "reader", "", 1, LEDGER_SAME_KEY, LEDGER_OK, NULL);
    ledger_asked(f, KIND_CLIENT, "reader", "", 1, LEDGER_SECOND, LEDGER_REFUSED,
                 "its key was revoked");
}

/* Reserves app in place of another, for which key is revoked for this reason before it is completed; is it revoked? */
static bool revoked_while_it_is_made(struct ledger_fixture *f, int64_t replaces, int key,
                                     unsigned flags, int64_t revoke, int reason)
{
    struct ledger_row row = ledger_fixture_row(f, KIND_CLIENT, "app", "", key);
    bool revoked;

    row.replaces = replaces;
    ledger_reserving(f, &row, flags | LEDGER_SECOND, LEDGER_OK, NULL);
    ledger_fixture_sign(&row, key);
    assert_int_equal(ledger_revoke(f->ledger, revoke, reason), LEDGER_OK);
    assert_int_equal(ledger_complete(f->ledger, &row, 1), LEDGER_OK);
    revoked = row.revoked_s != 0;
    assert_int_equal(row.reason, revoked ? reason : 0);
    struct ledger_row kept;
    assert_int_equal(ledger_get(f->ledger, row.id, &kept), LEDGER_OK);
    assert_int_equal(kept.state, LEDGER_ISSUED);
    assert_int_equal(kept.revoked_s != 0, revoked);
    assert_int_equal(kept.reason, row.reason);
    ledger_row_clear(&kept);
    ledger_row_clear(&row);
    return revoked;
}

static void what_is_revoked_while_its_successor_is_made_takes_it_along(void **state)
{
    struct ledger_fixture *f = *state;
    int64_t first = ledger_fixture_issue(f, KIND_CLIENT, "app", "", 0, 0, 0);
    int64_t second = ledger_fixture_issue(f, KIND_CLIENT, "app", "", 1, LEDGER_SECOND, 0);
    int64_t third = ledger_fixture_issue(f, KIND_CLIENT, "app", "", 2, LEDGER_SECOND, 0);
    int64_t fourth = ledger_fixture_issue(f, KIND_CLIENT, "app", "", 3, LEDGER_SECOND, 0);

    assert_true(revoked_while_it_is_made(f, first, 0, LEDGER_SAME_KEY, first,
                                         REVOKED_KEY_COMPROMISE)); /* renew */
    assert_true(
        revoked_while_it_is_made(f, second, 4, 0, second, REVOKED_PRIVILEGE_WITHDRAWN)); /* rekey */
    assert_true(revoked_while_it_is_made(f, 0, 2, 0, third, REVOKED_CESSATION)); /* its key alone */
    assert_false(
        revoked_while_it_is_made(f, fourth, 3, LEDGER_SAME_KEY, fourth, REVOKED_SUPERSEDED));
    ledger_verifies(f, NULL);
}

static void a_hold_meanwhile_holds_the_successor_too(void **state)
{
    struct ledger_fixture *f = *state;
    int64_t first = ledger_fixture_issue(f, KIND_CLIENT, "app", "", 0, 0, 0);

    assert_true(revoked_while_it_is_made(f, first, 0, LEDGER_SAME_KEY, first, REVOKED_HOLD));
}

static bool count_serial(void *context, struct bytes serial, int64_t revoked_s, int reason)
{
    (void)serial;
    (void)revoked_s;
    assert_int_equal(reason, REVOKED_CESSATION);
    ++*(int *)context;
    return true;
}

static void what_somebody_may_have_seen_is_abandoned_and_on_the_crl(void **state)
{
    struct ledger_fixture *f = *state;
    struct ledger_row rows[2] = {ledger_fixture_row(f, KIND_CLIENT, "seen", "", 0),
                                 ledger_fixture_row(f, KIND_CLIENT, "unseen", "", 1)};
    int entries = 0;

    assert_int_equal(ledger_reserve(f->ledger, rows, 2, 0, NULL, 0, NULL), LEDGER_OK);
    assert_int_equal(ledger_withdraw(f->ledger, &rows[0].id, 1, "killed"), LEDGER_OK);
    assert_int_equal(ledger_abandon(f->ledger, &rows[1].id, 1, "killed"), LEDGER_OK);
    assert_int_equal(ledger_each_revoked(f->ledger, f->ca, count_serial, &entries), LEDGER_OK);
    assert_int_equal(entries, 1);
    ledger_asked(f, KIND_CLIENT, "seen", "", 0, 0, LEDGER_OK, NULL); /* asked for again */
    ledger_verifies(f, NULL);
    ledger_row_clear(&rows[0]);
    ledger_row_clear(&rows[1]);
}

static void a_rekey_brings_a_key_that_is_new(void **state)
{
    struct ledger_fixture *f = *state;
    int64_t first = ledger_fixture_issue(f, KIND_CLIENT, "app", "", 0, 0, 0), second;

    ledger_asked_in_place_of(f, first, "app", "", 0, 0, LEDGER_REFUSED,
                             "the one that it had already");
    second = ledger_fixture_issue(f, KIND_CLIENT, "app", "", 1, 0, first);
    ledger_asked_in_place_of(f, second, "app", "", 1, 0, LEDGER_REFUSED,
                             "the one that it had already");
    ledger_asked_in_place_of(f, second, "app", "", 0, 0, LEDGER_REFUSED,
                             "the one that it had already");
    ledger_asked_in_place_of(f, second, "app", "", 1, LEDGER_SAME_KEY, LEDGER_OK, NULL);
}

static void the_cas_own_key_is_refused(void **state)
{
    struct ledger_fixture *f = *state;

    ledger_asked(f, KIND_CLIENT, "app", "", 7, 0, LEDGER_REFUSED,
                 "its key is the CA's own (ca.crt)");
    ledger_asked(f, KIND_CROSS, "ca", "", 7, 0, LEDGER_OK, NULL);
}

static void a_key_that_was_shared_before_may_be_renewed_and_not_joined(void **state)
{
    struct ledger_fixture *f = *state;
    struct ledger_row row;
    int64_t ids[2];

    for (int i = 0; i < 2; i++) {
        row = ledger_fixture_row(f, KIND_SERVER, i == 0 ? "pg-1" : "pg-2", "", 0);
        ledger_fixture_sign(&row, 0);
        assert_int_equal(ledger_adopt(f->ledger, &row), LEDGER_OK);
        ids[i] = row.id;
        ledger_row_clear(&row);
    }
    row = ledger_fixture_row(f, KIND_SERVER, "pg-2", "", 0);
    row.replaces = ids[1];
    ledger_reserving(f, &row, LEDGER_SAME_KEY, LEDGER_OK, NULL);
    ledger_row_clear(&row);
    ledger_asked(f, KIND_SERVER, "pg-3", "", 0, 0, LEDGER_REFUSED, "its key is that of");
}

/* --- the clock, and the CA --- */

static void a_serial_is_given_once(void **state)
{
    struct ledger_fixture *f = *state;
    struct ledger_row first = ledger_fixture_row(f, KIND_CLIENT, "a", "", -1);
    struct ledger_row again = ledger_fixture_row(f, KIND_CLIENT, "b", "", -1);

    memcpy(again.serial, first.serial, sizeof again.serial);
    ledger_reserving(f, &first, 0, LEDGER_OK, NULL);
    ledger_reserving(f, &again, 0, LEDGER_REFUSED, "serial");
    ledger_row_clear(&first);
    ledger_row_clear(&again);
}

#define test(name) cmocka_unit_test_setup_teardown(name, ledger_fixture_begin, ledger_fixture_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(the_key_of_another_name_is_refused),
        test(a_revoked_key_is_refused_and_a_superseded_one_goes_on),
        test(what_is_revoked_while_its_successor_is_made_takes_it_along),
        test(a_hold_meanwhile_holds_the_successor_too),
        test(what_somebody_may_have_seen_is_abandoned_and_on_the_crl),
        test(a_rekey_brings_a_key_that_is_new),
        test(the_cas_own_key_is_refused),
        test(a_key_that_was_shared_before_may_be_renewed_and_not_joined),
        test(a_serial_is_given_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
