/* Proves which names and places the ledger refuses to have signed, and that it names what is in the way. */
#include "config.h"

#include "tests/unit/pki_ledger_fixture.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* --- a second certificate --- */

static void a_second_live_certificate_for_a_role_is_refused_unless_asked(void **state)
{
    struct ledger_fixture *f = *state;

    ledger_fixture_issue(f, KIND_CLIENT, "app", "", 0, 0, 0);
    ledger_asked(f, KIND_CLIENT, "app", "", -1, 0, LEDGER_REFUSED,
                 "the role has the client certificate");
    ledger_says(f, "serial 112233");
    ledger_asked(f, KIND_CLIENT, "APP", "", -1, 0, LEDGER_REFUSED,
                 "app"); /* one login for PgBouncer */
    ledger_asked(f, KIND_CLIENT, "app", "", -1, LEDGER_SECOND, LEDGER_OK, NULL);
    ledger_asked(f, KIND_CLIENT, "other", "", -1, 0, LEDGER_OK, NULL);
}

static void one_that_is_being_made_counts_and_an_abandoned_one_does_not(void **state)
{
    struct ledger_fixture *f = *state;
    struct ledger_row row = ledger_fixture_row(f, KIND_CLIENT, "app", "", -1);

    ledger_reserving(f, &row, 0, LEDGER_OK, NULL);
    ledger_asked(f, KIND_CLIENT, "app", "", -1, 0, LEDGER_REFUSED, "being made right now");
    assert_int_equal(ledger_abandon(f->ledger, &row.id, 1, "test"), LEDGER_OK);
    ledger_asked(f, KIND_CLIENT, "app", "", -1, 0, LEDGER_OK, NULL);
    ledger_row_clear(&row);
}

static void revoked_and_expired_ones_do_not_count_and_one_on_hold_does(void **state)
{
    struct ledger_fixture *f = *state;
    int64_t id = ledger_fixture_issue(f, KIND_CLIENT, "app", "", 0, 0, 0);

    assert_int_equal(ledger_revoke(f->ledger, id, REVOKED_HOLD), LEDGER_OK);
    ledger_asked(f, KIND_CLIENT, "app", "", -1, 0, LEDGER_REFUSED, "the role has");
    assert_int_equal(ledger_revoke(f->ledger, id, REVOKED_CESSATION), LEDGER_OK);
    ledger_fixture_issue(f, KIND_CLIENT, "app", "", 1, 0, 0);
    ledger_clock_s += 366 * LEDGER_DAY;
    ledger_asked(f, KIND_CLIENT, "app", "", -1, 0, LEDGER_OK, NULL);
}

static void renewals_follow_one_another_and_overlap(void **state)
{
    struct ledger_fixture *f = *state;
    int64_t first = ledger_fixture_issue(f, KIND_CLIENT, "app", "", 0, 0, 0);
    int64_t second = ledger_fixture_issue(f, KIND_CLIENT, "app", "", 0, LEDGER_SAME_KEY, first);
    int64_t third = ledger_fixture_issue(f, KIND_CLIENT, "app", "", 1, 0, second);

    ledger_asked_in_place_of(f, third, "app", "", -1, 0, LEDGER_OK, NULL);
    ledger_asked(f, KIND_CLIENT, "app", "", -1, 0, LEDGER_REFUSED, "the role has");
}

static void two_of_one_batch_are_two_as_well(void **state)
{
    struct ledger_fixture *f = *state;
    struct ledger_row rows[3] = {
        ledger_fixture_row(f, KIND_CLIENT, "app", "", -1),
        ledger_fixture_row(f, KIND_CLIENT, "other", "", -1),
        ledger_fixture_row(f, KIND_CLIENT, "app", "", -1),
    };
    struct ledger_counts counts;
    size_t refused = 99;

    assert_int_equal(ledger_reserve(f->ledger, rows, 3, 0, NULL, 0, &refused), LEDGER_REFUSED);
    assert_int_equal(refused, 2);
    assert_int_equal(ledger_count(f->ledger, ledger_clock_s, &counts), LEDGER_OK);
    assert_int_equal(counts.reserved, 0); /* all or none */
    for (size_t i = 0; i < 3; i++)
        ledger_row_clear(&rows[i]);
}

/* --- names that meet --- */

static void a_client_may_not_be_called_like_a_live_servers_host(void **state)
{
    struct ledger_fixture *f = *state;
    int64_t id = ledger_fixture_issue(f, KIND_SERVER, "db1",
                                      "DNS:Boss,DNS:*.corp.local,IP:192.0.2.1", 0, 0, 0);

    ledger_asked(f, KIND_CLIENT, "boss", "", -1, 0, LEDGER_REFUSED,
                 "the server certificate \"db1\"");
    ledger_asked(f, KIND_CLIENT, "BOSS", "", -1, 0, LEDGER_REFUSED, "PgBouncer");
    ledger_asked(f, KIND_CLIENT, "x.corp.local", "", -1, 0, LEDGER_REFUSED, "PgBouncer");
    ledger_asked(f, KIND_CLIENT, "db1", "", -1, 0, LEDGER_REFUSED,
                 "PgBouncer"); /* its CN logs in too */
    ledger_asked(f, KIND_CLIENT, "corp.local", "", -1, 0, LEDGER_OK, NULL);
    ledger_asked(f, KIND_CLIENT, "192.0.2.1", "", -1, 0, LEDGER_OK, NULL);
    assert_int_equal(ledger_revoke(f->ledger, id, REVOKED_CESSATION), LEDGER_OK);
    ledger_asked(f, KIND_CLIENT, "boss", "", -1, 0, LEDGER_OK, NULL);
}

static void a_server_may_not_have_a_host_name_like_a_live_client(void **state)
{
    struct ledger_fixture *f = *state;

    ledger_fixture_issue(f, KIND_CLIENT, "boss", "", 0, 0, 0);
    ledger_fixture_issue(f, KIND_CLIENT, "x.corp.local", "", 1, 0, 0);
    ledger_asked(f, KIND_SERVER, "db1", "DNS:db1,DNS:BOSS", -1, 0, LEDGER_REFUSED,
                 "a login for the client certificate \"boss\"");
    ledger_asked(f, KIND_SERVER, "db1", "DNS:*.corp.local", -1, 0, LEDGER_REFUSED, "x.corp.local");
    ledger_asked(f, KIND_SERVER, "boss", "DNS:db1", -1, 0, LEDGER_REFUSED, "boss");
    ledger_asked(f, KIND_SERVER, "db1", "DNS:*.other.local,URI:urn:boss", -1, 0, LEDGER_OK, NULL);
}

static void a_server_may_not_have_a_host_name_like_a_role(void **state)
{
    struct ledger_fixture *f = *state;
    static const char *const roles[] = {"postgres", "Reader.corp.local"};
    struct ledger_row plain = ledger_fixture_row(f, KIND_SERVER, "db1", "DNS:POSTGRES", -1);
    struct ledger_row wild = ledger_fixture_row(f, KIND_SERVER, "db1", "DNS:*.corp.local", -1);
    struct ledger_row fine = ledger_fixture_row(f, KIND_SERVER, "db1", "DNS:db1", -1);

    assert_int_equal(ledger_reserve(f->ledger, &plain, 1, 0, roles, 2, NULL), LEDGER_REFUSED);
    ledger_says(f, "a login for the role \"postgres\"");
    assert_int_equal(ledger_reserve(f->ledger, &wild, 1, 0, roles, 2, NULL), LEDGER_REFUSED);
    ledger_says(f, "Reader.corp.local");
    assert_int_equal(ledger_reserve(f->ledger, &fine, 1, 0, roles, 2, NULL), LEDGER_OK);
    ledger_row_clear(&plain);
    ledger_row_clear(&wild);
    ledger_row_clear(&fine);
}

static void with_a_client_ca_names_may_meet(void **state)
{
    struct ledger_fixture *f = *state;
    int64_t servers = ledger_fixture_ca(f, PURPOSE_SERVER, 1, "server-ca.crt");
    int64_t clients = ledger_fixture_ca(f, PURPOSE_CLIENT, 1, "client-ca.crt");

    f->ca = servers;
    ledger_fixture_issue(f, KIND_SERVER, "app", "DNS:app", 0, 0, 0);
    f->ca = clients;
    ledger_fixture_issue(f, KIND_CLIENT, "app", "", 1, 0, 0);
    f->ca = servers;
    ledger_asked(f, KIND_SERVER, "db2", "DNS:app", -1, 0, LEDGER_OK, NULL);
}

/* --- keys --- */

static void a_host_name_of_an_adopted_client_is_no_name_for_another(void **state)
{
    struct ledger_fixture *f = *state;
    struct ledger_row row =
        ledger_fixture_row(f, KIND_CLIENT, "app", "DNS:boss,DNS:app,DNS:*.corp", 0);

    ledger_fixture_sign(&row, 0);
    assert_int_equal(ledger_adopt(f->ledger, &row), LEDGER_OK);
    ledger_asked(f, KIND_CLIENT, "boss", "", -1, 0, LEDGER_REFUSED, "a host name in the client");
    ledger_asked(f, KIND_CLIENT, "x.corp", "", -1, 0, LEDGER_REFUSED, "a host name in the client");
    ledger_asked(f, KIND_CLIENT, "other", "", -1, 0, LEDGER_OK, NULL);
    ledger_asked_in_place_of(f, row.id, "app", "", 0, LEDGER_SAME_KEY, LEDGER_OK, NULL);
    assert_int_equal(ledger_revoke(f->ledger, row.id, REVOKED_SUPERSEDED), LEDGER_OK);
    ledger_asked(f, KIND_CLIENT, "boss", "", -1, 0, LEDGER_OK, NULL);
    ledger_row_clear(&row);
}

/* --- places --- */

static void files_of_a_live_certificate_are_not_overwritten(void **state)
{
    struct ledger_fixture *f = *state;
    struct ledger_row row = ledger_fixture_row(f, KIND_CLIENT, "app", "", -1);

    g_free(row.path);
    row.path = g_strdup("clients/app");
    ledger_reserving(f, &row, 0, LEDGER_OK, NULL);
    ledger_asked_in_place_of(f, 0, "app", "clients/app", -1, LEDGER_SECOND, LEDGER_REFUSED,
                             "its files would take the place of");
    ledger_asked_in_place_of(f, 0, "app", "clients/app~2", -1, LEDGER_SECOND, LEDGER_OK, NULL);
    ledger_row_clear(&row);
}

static void of_two_renewals_at_once_one_is_refused(void **state)
{
    struct ledger_fixture *f = *state;
    struct ledger_row row = ledger_fixture_row(f, KIND_SERVER, "db1", "", 0);

    g_free(row.path);
    row.path = g_strdup("server");
    ledger_reserving(f, &row, 0, LEDGER_OK, NULL);
    ledger_fixture_sign(&row, 0);
    assert_int_equal(ledger_complete(f->ledger, &row, 1), LEDGER_OK);
    for (int i = 0; i < 2; i++) {
        struct ledger_row next = ledger_fixture_row(f, KIND_SERVER, "db1", "", -1);
        next.replaces = row.id;
        g_free(next.path);
        next.path = g_strdup("server");
        ledger_reserving(f, &next, 0, i == 0 ? LEDGER_OK : LEDGER_REFUSED,
                         i == 0 ? NULL : "its files would take the place of");
        ledger_row_clear(&next);
    }
    ledger_row_clear(&row);
}

#define test(name) cmocka_unit_test_setup_teardown(name, ledger_fixture_begin, ledger_fixture_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(a_second_live_certificate_for_a_role_is_refused_unless_asked),
        test(one_that_is_being_made_counts_and_an_abandoned_one_does_not),
        test(revoked_and_expired_ones_do_not_count_and_one_on_hold_does),
        test(renewals_follow_one_another_and_overlap),
        test(two_of_one_batch_are_two_as_well),
        test(a_client_may_not_be_called_like_a_live_servers_host),
        test(a_server_may_not_have_a_host_name_like_a_live_client),
        test(a_server_may_not_have_a_host_name_like_a_role),
        test(with_a_client_ca_names_may_meet),
        test(a_host_name_of_an_adopted_client_is_no_name_for_another),
        test(files_of_a_live_certificate_are_not_overwritten),
        test(of_two_renewals_at_once_one_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
