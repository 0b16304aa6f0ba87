/* Proves what the ledger refuses to have signed, and that it names what is in the way. */
#include "config.h"

#include "tests/unit/pki_ledger_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

/* Reserving such a row ends like this, with these words. */
static void reserving(struct ledger_fixture *f, struct ledger_row *row, unsigned flags,
                      enum ledger_result wanted, const char *words)
{
    enum ledger_result result = ledger_reserve(f->ledger, row, 1, flags, NULL, 0, NULL);

    if (result != wanted)
        fail_msg("%d instead of %d: %s", result, wanted, ledger_error(f->ledger));
    if (words != NULL)
        ledger_says(f, words);
}

static void asked(struct ledger_fixture *f, enum ledger_kind kind, const char *name,
                  const char *sans, int key, unsigned flags, enum ledger_result wanted,
                  const char *words)
{
    struct ledger_row row = ledger_fixture_row(f, kind, name, sans, key);

    reserving(f, &row, flags, wanted, words);
    ledger_row_clear(&row);
}

static void asked_in_place_of(struct ledger_fixture *f, int64_t replaces, const char *name,
                              const char *path, int key, unsigned flags, enum ledger_result wanted,
                              const char *words)
{
    struct ledger_row row = ledger_fixture_row(f, KIND_CLIENT, name, "", key);

    row.replaces = replaces;
    g_free(row.path);
    row.path = g_strdup(path);
    reserving(f, &row, flags, wanted, words);
    ledger_row_clear(&row);
}

/* --- a second certificate --- */

static void a_second_live_certificate_for_a_role_is_refused_unless_asked(void **state)
{
    struct ledger_fixture *f = *state;

    ledger_fixture_issue(f, KIND_CLIENT, "app", "", 0, 0, 0);
    asked(f, KIND_CLIENT, "app", "", -1, 0, LEDGER_REFUSED, "the role has the client certificate");
    ledger_says(f, "serial 112233");
    asked(f, KIND_CLIENT, "APP", "", -1, 0, LEDGER_REFUSED, "app"); /* one login for PgBouncer */
    asked(f, KIND_CLIENT, "app", "", -1, LEDGER_SECOND, LEDGER_OK, NULL);
    asked(f, KIND_CLIENT, "other", "", -1, 0, LEDGER_OK, NULL);
}

static void one_that_is_being_made_counts_and_an_abandoned_one_does_not(void **state)
{
    struct ledger_fixture *f = *state;
    struct ledger_row row = ledger_fixture_row(f, KIND_CLIENT, "app", "", -1);

    reserving(f, &row, 0, LEDGER_OK, NULL);
    asked(f, KIND_CLIENT, "app", "", -1, 0, LEDGER_REFUSED, "being made right now");
    assert_int_equal(ledger_abandon(f->ledger, &row.id, 1, "test"), LEDGER_OK);
    asked(f, KIND_CLIENT, "app", "", -1, 0, LEDGER_OK, NULL);
    ledger_row_clear(&row);
}

static void revoked_and_expired_ones_do_not_count_and_one_on_hold_does(void **state)
{
    struct ledger_fixture *f = *state;
    int64_t id = ledger_fixture_issue(f, KIND_CLIENT, "app", "", 0, 0, 0);

    assert_int_equal(ledger_revoke(f->ledger, id, REVOKED_HOLD), LEDGER_OK);
    asked(f, KIND_CLIENT, "app", "", -1, 0, LEDGER_REFUSED, "the role has");
    assert_int_equal(ledger_revoke(f->ledger, id, REVOKED_CESSATION), LEDGER_OK);
    ledger_fixture_issue(f, KIND_CLIENT, "app", "", 1, 0, 0);
    ledger_clock_s += 366 * LEDGER_DAY;
    asked(f, KIND_CLIENT, "app", "", -1, 0, LEDGER_OK, NULL);
}

static void renewals_follow_one_another_and_overlap(void **state)
{
    struct ledger_fixture *f = *state;
    int64_t first = ledger_fixture_issue(f, KIND_CLIENT, "app", "", 0, 0, 0);
    int64_t second = ledger_fixture_issue(f, KIND_CLIENT, "app", "", 0, LEDGER_SAME_KEY, first);
    int64_t third = ledger_fixture_issue(f, KIND_CLIENT, "app", "", 1, 0, second);

    asked_in_place_of(f, third, "app", "", -1, 0, LEDGER_OK, NULL);
    asked(f, KIND_CLIENT, "app", "", -1, 0, LEDGER_REFUSED, "the role has");
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

    asked(f, KIND_CLIENT, "boss", "", -1, 0, LEDGER_REFUSED, "the server certificate \"db1\"");
    asked(f, KIND_CLIENT, "BOSS", "", -1, 0, LEDGER_REFUSED, "PgBouncer");
    asked(f, KIND_CLIENT, "x.corp.local", "", -1, 0, LEDGER_REFUSED, "PgBouncer");
    asked(f, KIND_CLIENT, "db1", "", -1, 0, LEDGER_REFUSED, "PgBouncer"); /* its CN logs in too */
    asked(f, KIND_CLIENT, "corp.local", "", -1, 0, LEDGER_OK, NULL);
    asked(f, KIND_CLIENT, "192.0.2.1", "", -1, 0, LEDGER_OK, NULL);
    assert_int_equal(ledger_revoke(f->ledger, id, REVOKED_CESSATION), LEDGER_OK);
    asked(f, KIND_CLIENT, "boss", "", -1, 0, LEDGER_OK, NULL);
}

static void a_server_may_not_have_a_host_name_like_a_live_client(void **state)
{
    struct ledger_fixture *f = *state;

    ledger_fixture_issue(f, KIND_CLIENT, "boss", "", 0, 0, 0);
    ledger_fixture_issue(f, KIND_CLIENT, "x.corp.local", "", 1, 0, 0);
    asked(f, KIND_SERVER, "db1", "DNS:db1,DNS:BOSS", -1, 0, LEDGER_REFUSED,
          "a login for the client certificate \"boss\"");
    asked(f, KIND_SERVER, "db1", "DNS:*.corp.local", -1, 0, LEDGER_REFUSED, "x.corp.local");
    asked(f, KIND_SERVER, "boss", "DNS:db1", -1, 0, LEDGER_REFUSED, "boss");
    asked(f, KIND_SERVER, "db1", "DNS:*.other.local,URI:urn:boss", -1, 0, LEDGER_OK, NULL);
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
    asked(f, KIND_SERVER, "db2", "DNS:app", -1, 0, LEDGER_OK, NULL);
}

/* --- keys --- */

static void the_key_of_another_name_is_refused(void **state)
{
    struct ledger_fixture *f = *state;

    ledger_fixture_issue(f, KIND_CLIENT, "app", "", 0, 0, 0);
    asked(f, KIND_CLIENT, "boss", "", 0, 0, LEDGER_REFUSED, "its key is that of the client");
    asked(f, KIND_SERVER, "app.local", "", 0, 0, LEDGER_REFUSED, "its key is that of");
    asked(f, KIND_CLIENT, "app", "", 0, LEDGER_SECOND, LEDGER_OK, NULL);
    ledger_clock_s += 400 * LEDGER_DAY; /* an expired one's key is still another's */
    asked(f, KIND_CLIENT, "boss", "", 0, 0, LEDGER_REFUSED, "its key is that of");
}

static void a_revoked_key_is_refused_and_a_superseded_one_goes_on(void **state)
{
    struct ledger_fixture *f = *state;
    int64_t bad = ledger_fixture_issue(f, KIND_CLIENT, "app", "", 0, 0, 0);
    int64_t good = ledger_fixture_issue(f, KIND_CLIENT, "reader", "", 1, 0, 0);
    int64_t next;

    assert_int_equal(ledger_revoke(f->ledger, bad, REVOKED_KEY_COMPROMISE), LEDGER_OK);
    asked(f, KIND_CLIENT, "app", "", 0, 0, LEDGER_REFUSED, "its key was revoked");
    asked_in_place_of(f, bad, "app", "", 0, LEDGER_SAME_KEY, LEDGER_REFUSED, "its key was revoked");

    next = ledger_fixture_issue(f, KIND_CLIENT, "reader", "", 1, LEDGER_SAME_KEY, good);
    assert_int_equal(ledger_revoke(f->ledger, good, REVOKED_SUPERSEDED), LEDGER_OK);
    asked_in_place_of(f, next, "reader", "", 1, LEDGER_SAME_KEY, LEDGER_OK, NULL);
    asked(f, KIND_CLIENT, "reader", "", 1, LEDGER_SECOND, LEDGER_REFUSED, "its key was revoked");
}

/* Reserves app in place of another, for which key is revoked for this reason before it is completed; is it revoked? */
static bool revoked_while_it_is_made(struct ledger_fixture *f, int64_t replaces, int key,
                                     unsigned flags, int64_t revoke, int reason)
{
    struct ledger_row row = ledger_fixture_row(f, KIND_CLIENT, "app", "", key);
    bool revoked;

    row.replaces = replaces;
    reserving(f, &row, flags | LEDGER_SECOND, LEDGER_OK, NULL);
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
    asked(f, KIND_CLIENT, "seen", "", 0, 0, LEDGER_OK, NULL); /* asked for again */
    ledger_verifies(f, NULL);
    ledger_row_clear(&rows[0]);
    ledger_row_clear(&rows[1]);
}

static void a_rekey_brings_a_key_that_is_new(void **state)
{
    struct ledger_fixture *f = *state;
    int64_t first = ledger_fixture_issue(f, KIND_CLIENT, "app", "", 0, 0, 0), second;

    asked_in_place_of(f, first, "app", "", 0, 0, LEDGER_REFUSED, "the one that it had already");
    second = ledger_fixture_issue(f, KIND_CLIENT, "app", "", 1, 0, first);
    asked_in_place_of(f, second, "app", "", 1, 0, LEDGER_REFUSED, "the one that it had already");
    asked_in_place_of(f, second, "app", "", 0, 0, LEDGER_REFUSED, "the one that it had already");
    asked_in_place_of(f, second, "app", "", 1, LEDGER_SAME_KEY, LEDGER_OK, NULL);
}

static void the_cas_own_key_is_refused(void **state)
{
    struct ledger_fixture *f = *state;

    asked(f, KIND_CLIENT, "app", "", 7, 0, LEDGER_REFUSED, "its key is the CA's own (ca.crt)");
    asked(f, KIND_CROSS, "ca", "", 7, 0, LEDGER_OK, NULL);
}

static void a_host_name_of_an_adopted_client_is_no_name_for_another(void **state)
{
    struct ledger_fixture *f = *state;
    struct ledger_row row =
        ledger_fixture_row(f, KIND_CLIENT, "app", "DNS:boss,DNS:app,DNS:*.corp", 0);

    ledger_fixture_sign(&row, 0);
    assert_int_equal(ledger_adopt(f->ledger, &row), LEDGER_OK);
    asked(f, KIND_CLIENT, "boss", "", -1, 0, LEDGER_REFUSED, "a host name in the client");
    asked(f, KIND_CLIENT, "x.corp", "", -1, 0, LEDGER_REFUSED, "a host name in the client");
    asked(f, KIND_CLIENT, "other", "", -1, 0, LEDGER_OK, NULL);
    asked_in_place_of(f, row.id, "app", "", 0, LEDGER_SAME_KEY, LEDGER_OK, NULL);
    assert_int_equal(ledger_revoke(f->ledger, row.id, REVOKED_SUPERSEDED), LEDGER_OK);
    asked(f, KIND_CLIENT, "boss", "", -1, 0, LEDGER_OK, NULL);
    ledger_row_clear(&row);
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
    reserving(f, &row, LEDGER_SAME_KEY, LEDGER_OK, NULL);
    ledger_row_clear(&row);
    asked(f, KIND_SERVER, "pg-3", "", 0, 0, LEDGER_REFUSED, "its key is that of");
}

/* --- places --- */

static void files_of_a_live_certificate_are_not_overwritten(void **state)
{
    struct ledger_fixture *f = *state;
    struct ledger_row row = ledger_fixture_row(f, KIND_CLIENT, "app", "", -1);

    g_free(row.path);
    row.path = g_strdup("clients/app");
    reserving(f, &row, 0, LEDGER_OK, NULL);
    asked_in_place_of(f, 0, "app", "clients/app", -1, LEDGER_SECOND, LEDGER_REFUSED,
                      "its files would take the place of");
    asked_in_place_of(f, 0, "app", "clients/app~2", -1, LEDGER_SECOND, LEDGER_OK, NULL);
    ledger_row_clear(&row);
}

static void of_two_renewals_at_once_one_is_refused(void **state)
{
    struct ledger_fixture *f = *state;
    struct ledger_row row = ledger_fixture_row(f, KIND_SERVER, "db1", "", 0);

    g_free(row.path);
    row.path = g_strdup("server");
    reserving(f, &row, 0, LEDGER_OK, NULL);
    ledger_fixture_sign(&row, 0);
    assert_int_equal(ledger_complete(f->ledger, &row, 1), LEDGER_OK);
    for (int i = 0; i < 2; i++) {
        struct ledger_row next = ledger_fixture_row(f, KIND_SERVER, "db1", "", -1);
        next.replaces = row.id;
        g_free(next.path);
        next.path = g_strdup("server");
        reserving(f, &next, 0, i == 0 ? LEDGER_OK : LEDGER_REFUSED,
                  i == 0 ? NULL : "its files would take the place of");
        ledger_row_clear(&next);
    }
    ledger_row_clear(&row);
}

/* --- the clock, and the CA --- */

static void nothing_is_signed_before_what_the_ledger_has_seen(void **state)
{
    struct ledger_fixture *f = *state;
    int64_t number;

    ledger_fixture_issue(f, KIND_CLIENT, "app", "", 0, 0, 0);
    ledger_clock_s = LEDGER_NOW - 1;
    asked(f, KIND_CLIENT, "b", "", -1, 0, LEDGER_CLOCK, "the ledger's last entry");
    assert_int_equal(ledger_next_crl(f->ledger, f->ca, ledger_clock_s, ledger_clock_s + 9, &number),
                     LEDGER_CLOCK);
    ledger_clock_s = LEDGER_NOW - 2 * LEDGER_DAY;
    asked(f, KIND_CLIENT, "b", "", -1, 0, LEDGER_CLOCK, "the CA's notBefore");
    ledger_clock_s = LEDGER_NOW + 50 * LEDGER_DAY; /* forward is fine */
    asked(f, KIND_CLIENT, "b", "", -1, 0, LEDGER_OK, NULL);
    ledger_clock_s -= 1; /* what is only reserved counts as well */
    asked(f, KIND_CLIENT, "c", "", -1, 0, LEDGER_CLOCK, "the ledger's last entry");
}

static void nothing_is_signed_before_the_last_crl(void **state)
{
    struct ledger_fixture *f = *state;
    int64_t number, this_s = LEDGER_NOW + 100;

    assert_int_equal(ledger_next_crl(f->ledger, f->ca, this_s, this_s + LEDGER_DAY, &number),
                     LEDGER_OK);
    asked(f, KIND_CLIENT, "b", "", -1, 0, LEDGER_CLOCK, "the last CRL");
    ledger_clock_s = this_s;
    asked(f, KIND_CLIENT, "b", "", -1, 0, LEDGER_OK, NULL);
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
    asked(f, KIND_CLIENT, "app", "", 1, 0, LEDGER_CLOCK, "pgsignet-ca clock");
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
    asked(f, KIND_CLIENT, "b", "", 2, 0, LEDGER_CLOCK, "before the ledger's last entry");
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
    asked(f, KIND_CLIENT, "app", "", -1, 0, LEDGER_REFUSED, "signs no certificates now");
    asked(f, KIND_CROSS, "ca", "", -1, 0, LEDGER_OK, NULL);
    f->ca = 77;
    asked(f, KIND_CLIENT, "app", "", -1, 0, LEDGER_REFUSED, "no CA with the number 77");
}

static void a_serial_is_given_once(void **state)
{
    struct ledger_fixture *f = *state;
    struct ledger_row first = ledger_fixture_row(f, KIND_CLIENT, "a", "", -1);
    struct ledger_row again = ledger_fixture_row(f, KIND_CLIENT, "b", "", -1);

    memcpy(again.serial, first.serial, sizeof again.serial);
    reserving(f, &first, 0, LEDGER_OK, NULL);
    reserving(f, &again, 0, LEDGER_REFUSED, "serial");
    ledger_row_clear(&first);
    ledger_row_clear(&again);
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
        test(the_key_of_another_name_is_refused),
        test(a_revoked_key_is_refused_and_a_superseded_one_goes_on),
        test(what_is_revoked_while_its_successor_is_made_takes_it_along),
        test(a_hold_meanwhile_holds_the_successor_too),
        test(what_somebody_may_have_seen_is_abandoned_and_on_the_crl),
        test(a_rekey_brings_a_key_that_is_new),
        test(the_cas_own_key_is_refused),
        test(a_host_name_of_an_adopted_client_is_no_name_for_another),
        test(a_key_that_was_shared_before_may_be_renewed_and_not_joined),
        test(files_of_a_live_certificate_are_not_overwritten),
        test(of_two_renewals_at_once_one_is_refused),
        test(nothing_is_signed_before_what_the_ledger_has_seen),
        test(nothing_is_signed_before_the_last_crl),
        test(a_clock_that_was_ahead_is_accepted_once_it_is_right),
        test(a_revocation_is_written_whatever_the_clock_says),
        test(a_ca_that_is_not_current_signs_no_leaves),
        test(a_serial_is_given_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
