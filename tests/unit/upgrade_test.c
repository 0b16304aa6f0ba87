/* Proves that a SQLite store of schema 1 or 2 is upgraded by init, in one step, with nothing lost. */
#include "config.h"

#include "tests/unit/attempt_fixture.h"

#include "mfa/witness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

static const char back_to_2[] = "ALTER TABLE store DROP COLUMN changes; PRAGMA user_version=2";

/* What version 1 had, as its program made it, filled from a store of version 2. */
static const char back_to_1[] =
    "PRAGMA foreign_keys=OFF; BEGIN;"
    "CREATE TABLE old_key (id INTEGER PRIMARY KEY, kek_id TEXT NOT NULL, wrapped BLOB NOT NULL)"
    " STRICT; INSERT INTO old_key SELECT data_key, kek_id, wrapped FROM data_key_wrap;"
    "DROP TABLE data_key_wrap; DROP TABLE data_key; ALTER TABLE old_key RENAME TO data_key;"
    "DROP TABLE recovery_code; DROP TABLE recovery; DROP TABLE break_glass;"
    "ALTER TABLE store DROP COLUMN floor_s; ALTER TABLE store DROP COLUMN moved;"
    "ALTER TABLE store DROP COLUMN home; ALTER TABLE user DROP COLUMN locked_s;"
    "ALTER TABLE user DROP COLUMN lock_reason; ALTER TABLE token DROP COLUMN kind;"
    "ALTER TABLE token DROP COLUMN clock_offset; ALTER TABLE token DROP COLUMN drift;"
    "ALTER TABLE token DROP COLUMN synced_s; ALTER TABLE token DROP COLUMN expires_s;"
    "PRAGMA user_version=1; COMMIT";

static void run(const struct fixture *f, const char *sql)
{
    sqlite3 *db = NULL;

    assert_int_equal(sqlite3_open_v2(f->store, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        fail_msg("%s", sqlite3_errmsg(db));
    sqlite3_close(db);
}

/* No program of that time made a lasting witness. */
static void make_older(struct fixture *f, const char *sql)
{
    char lasting[112];

    mfa_close(f->mfa);
    f->mfa = NULL;
    run(f, sql);
    snprintf(lasting, sizeof lasting, "%s" WITNESS_LASTING, f->store);
    unlink(lasting);
}

static void make_old(struct fixture *f, struct secret *secret)
{
    fixture_enroll(f, "alice", "phone", &usual, secret);
    ASSERT_REASON(fixture_attempt(f, "alice", HOME, typed(&usual, secret, NOON), NULL),
                  REASON_GRANTED);
    make_older(f, back_to_2);
    run(f, back_to_1);
}

/* Once, and that costs those who have time-based codes a minute. */
static void what_was_used_before_the_upgrade_is_not_trusted(void **state)
{
    struct fixture *f = *state;
    struct secret secret;

    fixture_enroll(f, "alice", "phone", &usual, &secret);
    make_older(f, back_to_2);
    assert_int_equal(mfa_init(&f->settings, f->why, sizeof f->why), MFA_OK);
    assert_non_null(strstr(f->why, "upgraded from version 2"));
    fixture_reopen(f);
    assert_non_null(strstr(mfa_notice(f->mfa), "-witness behind its name is missing"));
    fixture_reopen(f);
    assert_string_equal(mfa_notice(f->mfa), "");
    secret_free(&secret);
}

static void an_empty_store_is_upgraded_without_a_word(void **state)
{
    struct fixture *f = *state;

    make_older(f, back_to_2);
    assert_int_equal(mfa_init(&f->settings, f->why, sizeof f->why), MFA_OK);
    fixture_reopen(f);
    assert_string_equal(mfa_notice(f->mfa), "");
}

static void init_upgrades_and_nothing_is_lost(void **state)
{
    struct fixture *f = *state;
    struct secret secret;
    char codes[1][RECOVERY_TEXT];

    make_old(f, &secret);
    assert_int_equal(mfa_open(&f->settings, &f->mfa, f->why, sizeof f->why),
                     REASON_STORE_UNAVAILABLE);
    assert_non_null(strstr(f->why, "run `pgsignet-mfa init`"));
    assert_int_equal(mfa_init(&f->settings, f->why, sizeof f->why), MFA_OK);
    assert_non_null(strstr(f->why, "upgraded from version 1"));
    assert_int_equal(mfa_init(&f->settings, f->why, sizeof f->why), MFA_EXISTS);
    fixture_reopen(f);
    ASSERT_REASON(fixture_attempt(f, "alice", HOME, typed(&usual, &secret, NOON), NULL),
                  REASON_CODE_USED);
    ASSERT_REASON(fixture_attempt(f, "alice", HOME, typed(&usual, &secret, NOON + 30), NULL),
                  REASON_GRANTED);
    assert_int_equal(mfa_make_recovery(f->mfa, bytes_str("alice"), 1, NOON, codes), MFA_OK);
    ASSERT_REASON(fixture_attempt(f, "alice", HOME, codes[0], NULL), REASON_GRANTED);
    assert_int_equal(fixture_sql(f, "SELECT synced_s = confirmed_s FROM token"), 1);
    assert_int_equal(fixture_sql(f, "SELECT count(*) FROM pragma_foreign_key_check"), 0);
    secret_free(&secret);
}

static void an_upgrade_that_fails_changes_nothing(void **state)
{
    struct fixture *f = *state;
    struct secret secret;

    make_old(f, &secret);
    run(f, "CREATE TABLE break_glass (in_the_way INTEGER)");
    assert_int_equal(mfa_init(&f->settings, f->why, sizeof f->why), MFA_STORE);
    assert_int_equal(fixture_sql(f, "PRAGMA user_version"), 1);
    assert_int_equal(fixture_sql(f, "SELECT count(*) FROM data_key WHERE length(wrapped) > 0"), 1);
    run(f, "DROP TABLE break_glass");
    assert_int_equal(mfa_init(&f->settings, f->why, sizeof f->why), MFA_OK);
    fixture_reopen(f);
    secret_free(&secret);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, attempt_setup, attempt_teardown)
    const struct CMUnitTest tests[] = {
        CASE(init_upgrades_and_nothing_is_lost),
        CASE(an_upgrade_that_fails_changes_nothing),
        CASE(what_was_used_before_the_upgrade_is_not_trusted),
        CASE(an_empty_store_is_upgraded_without_a_word),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
