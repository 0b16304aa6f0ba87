/* Proves what operators do with many tokens, with names, recovery codes and the end of a user. */
#include "config.h"

#include "tests/unit/attempt_fixture.h"

#include "mfa/engine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define MANY 1000

static struct token_request request_of(const char *user, const char *name)
{
    return (struct token_request){
        .user = bytes_str(user),
        .name = name,
        .kind = TOKEN_TOTP,
        .digits = 6,
        .period = 30,
        .last_step = -1,
    };
}

static void many_are_made_in_one_step(void **state)
{
    struct fixture *f = *state;
    static char names[MANY][16];
    static struct token_request requests[MANY];
    static struct token_outcome outcomes[MANY];
    struct mfa_stats stats;
    struct user_row *users;
    size_t n;

    for (int i = 0; i < MANY; i++) {
        snprintf(names[i], sizeof names[i], "user-%04d", i);
        requests[i] = request_of(names[i], "phone");
        requests[i].expires_s = NOON + 86400 * (i % 2 ? -1 : 1);
    }
    assert_int_equal(mfa_create_many(f->mfa, requests, MANY, true, NOON, outcomes), MFA_OK);
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(outcomes[i].secret.len, 20);
        assert_int_equal(outcomes[i].info.state, TOKEN_PENDING);
        secret_free(&outcomes[i].secret);
    }
    assert_int_equal(mfa_stats(f->mfa, NOON, NOON, &stats), MFA_OK);
    assert_int_equal(stats.users, MANY);
    assert_int_equal(stats.tokens[TOKEN_PENDING], MANY);
    assert_int_equal(stats.expired, MANY / 2);
    assert_int_equal(stats.data_keys, 1);
    assert_int_equal(mfa_users(f->mfa, &users, &n), MFA_OK);
    assert_int_equal(n, MANY);
    assert_memory_equal(users[7].name, "user-0007", 9);
    assert_int_equal(users[7].tokens[TOKEN_PENDING], 1);
    free(users);
}

static void one_fault_undoes_all_or_is_said_alone(void **state)
{
    struct fixture *f = *state;
    struct token_request requests[] = {request_of("a", "phone"), request_of("b", "phone"),
                                       request_of("c", "phone")};
    struct token_outcome outcomes[3];
    struct token_info *infos;
    size_t n;

    requests[1].digits = 9;
    assert_int_equal(mfa_create_many(f->mfa, requests, 3, true, NOON, outcomes), MFA_STATE);
    assert_null(outcomes[0].secret.ptr);
    assert_int_equal(mfa_list(f->mfa, bytes_of(NULL, 0), &infos, &n), MFA_OK);
    assert_int_equal(n, 0);
    free(infos);
    assert_int_equal(mfa_create_many(f->mfa, requests, 3, false, NOON, outcomes), MFA_OK);
    assert_int_equal(outcomes[0].result, MFA_OK);
    assert_int_equal(outcomes[1].result, MFA_STATE);
    assert_int_equal(outcomes[2].result, MFA_OK);
    secret_free(&outcomes[0].secret);
    secret_free(&outcomes[2].secret);
    assert_int_equal(mfa_list(f->mfa, bytes_of(NULL, 0), &infos, &n), MFA_OK);
    assert_int_equal(n, 2);
    free(infos);
}

static void replacing_revives_no_code(void **state)
{
    static const uint8_t seed[20] = "12345678901234567890";
    struct fixture *f = *state;
    struct token_request request = request_of("alice", "key");
    struct token_outcome outcome;
    const struct otp otp = {ALGORITHM_SHA1, 6};
    char text[16] = "";

    request.active = true;
    request.secret = bytes_of(seed, sizeof seed);
    for (int kind = TOKEN_TOTP; kind <= TOKEN_HOTP; kind++) {
        int64_t counter = kind == TOKEN_TOTP ? NOON / 30 : 5;
        request.kind = (enum token_kind)kind;
        request.period = kind == TOKEN_TOTP ? 30 : 0;
        request.replace = kind == TOKEN_HOTP;
        assert_int_equal(mfa_create_many(f->mfa, &request, 1, true, NOON, &outcome), MFA_OK);
        assert_true(otp_code(&otp, request.secret, counter, text));
        ASSERT_REASON(fixture_attempt(f, "alice", HOME, text, NULL), REASON_GRANTED);
        request.replace = false;
        assert_int_equal(mfa_create_many(f->mfa, &request, 1, true, NOON, &outcome), MFA_EXISTS);
        request.replace = true;
        assert_int_equal(mfa_create_many(f->mfa, &request, 1, true, NOON, &outcome), MFA_OK);
        ASSERT_REASON(fixture_attempt(f, "alice", HOME, text, NULL), REASON_CODE_USED);
    }
}

static void names_change_and_codes_stay(void **state)
{
    struct fixture *f = *state;
    struct bytes alice = bytes_str("alice"), maria = bytes_str("maria");
    struct secret secret, same;
    struct token_info info;

    fixture_enroll(f, "alice", "phone", &usual, &secret);
    assert_int_equal(mfa_rename_token(f->mfa, alice, "phone", ""), MFA_BAD_NAME);
    assert_int_equal(mfa_rename_token(f->mfa, alice, "none", "x"), MFA_NOT_FOUND);
    assert_int_equal(mfa_rename_token(f->mfa, alice, "phone", "old phone"), MFA_OK);
    assert_int_equal(mfa_lock_user(f->mfa, bytes_str("bob"), "", NOON), MFA_OK);
    assert_int_equal(mfa_rename_user(f->mfa, alice, bytes_str("bob"), NOON), MFA_EXISTS);
    assert_int_equal(mfa_rename_user(f->mfa, maria, alice, NOON), MFA_NOT_FOUND);
    assert_int_equal(mfa_rename_user(f->mfa, alice, maria, NOON), MFA_OK);
    ASSERT_REASON(fixture_attempt(f, "alice", HOME, typed(&usual, &secret, NOON), NULL),
                  REASON_NOT_ENROLLED);
    ASSERT_REASON(fixture_attempt(f, "maria", HOME, typed(&usual, &secret, NOON), NULL),
                  REASON_GRANTED);
    assert_int_equal(mfa_secret(f->mfa, maria, "old phone", &info, &same), MFA_OK);
    assert_int_equal(same.len, secret.len);
    assert_memory_equal(same.ptr, secret.ptr, secret.len);
    secret_free(&same);
    assert_int_equal(mfa_secret(f->mfa, maria, "phone", &info, &same), MFA_NOT_FOUND);
    secret_free(&secret);
}

static void purging_leaves_nothing(void **state)
{
    struct fixture *f = *state;
    struct bytes alice = bytes_str("alice");
    struct secret secret;
    struct mfa_stats stats;
    char codes[2][RECOVERY_TEXT];

    fixture_enroll(f, "alice", "phone", &usual, &secret);
    secret_free(&secret);
    assert_int_equal(mfa_make_recovery(f->mfa, alice, 2, NOON, codes), MFA_OK);
    ASSERT_REASON(fixture_attempt(f, "alice", HOME, "pw000000", NULL), REASON_CODE_WRONG);
    assert_int_equal(mfa_purge(f->mfa, alice), MFA_OK);
    assert_int_equal(mfa_purge(f->mfa, alice), MFA_NOT_FOUND);
    assert_int_equal(mfa_stats(f->mfa, 0, NOON, &stats), MFA_OK);
    assert_int_equal(stats.users + stats.tokens[TOKEN_ACTIVE] + stats.with_recovery, 0);
    assert_int_equal(stats.recovery_left + stats.failures_rows, 0);
}

static void recovery_codes_admit_once_each(void **state)
{
    struct fixture *f = *state;
    struct bytes alice = bytes_str("alice");
    struct secret secret;
    struct user_info info;
    struct mfa_outcome out;
    char codes[RECOVERY_CODES][RECOVERY_TEXT], other[RECOVERY_TEXT], text[64];

    assert_int_equal(mfa_make_recovery(f->mfa, alice, 3, NOON, codes), MFA_NOT_FOUND);
    fixture_enroll(f, "alice", "phone", &usual, &secret);
    secret_free(&secret);
    assert_int_equal(mfa_make_recovery(f->mfa, alice, RECOVERY_CODES + 1, NOON, codes),
                     MFA_TOO_MANY);
    assert_int_equal(mfa_make_recovery(f->mfa, alice, RECOVERY_CODES, NOON, codes), MFA_OK);
    snprintf(text, sizeof text, "pw%s", codes[7]);
    ASSERT_REASON(fixture_attempt(f, "alice", HOME, text, &out), REASON_GRANTED);
    assert_int_equal(out.means, MFA_BY_RECOVERY);
    assert_string_equal(out.token_name, "recovery");
    assert_int_equal(out.password_length, 2);
    ASSERT_REASON(fixture_attempt(f, "alice", HOME, text, NULL), REASON_CODE_USED);
    /* Without hyphens, in capitals. */
    size_t n = 2;
    for (const char *c = codes[0]; *c != '\0'; c++)
        if (*c != '-')
            text[n++] = (char)(*c - ('a' - 'A'));
    text[n] = '\0';
    ASSERT_REASON(fixture_attempt(f, "alice", HOME, text, &out), REASON_GRANTED);
    assert_true(mfa_give_back(f->mfa, &out.burn, fixture_deadline()));
    assert_false(mfa_give_back(f->mfa, &out.burn, fixture_deadline()));
    ASSERT_REASON(fixture_attempt(f, "alice", HOME, text, NULL), REASON_GRANTED);
    assert_int_equal(mfa_user(f->mfa, alice, f->now_ms, &info), MFA_OK);
    assert_int_equal(info.recovery_codes, RECOVERY_CODES - 2);
    assert_int_equal(info.recovery_made_s, NOON);
    memcpy(other, codes[1], sizeof other);
    assert_int_equal(mfa_make_recovery(f->mfa, alice, 2, NOON, codes), MFA_OK);
    ASSERT_REASON(fixture_attempt(f, "alice", EVIL, other, NULL), REASON_CODE_WRONG);
    ASSERT_REASON(fixture_attempt(f, "nobody", EVIL, codes[0], NULL), REASON_NOT_ENROLLED);
    assert_int_equal(mfa_make_recovery(f->mfa, alice, 0, NOON, NULL), MFA_OK);
    ASSERT_REASON(fixture_attempt(f, "alice", EVIL, codes[0], NULL), REASON_CODE_WRONG);
}

static void recovery_codes_outlive_the_phone(void **state)
{
    struct fixture *f = *state;
    struct bytes alice = bytes_str("alice");
    struct secret secret;
    size_t removed;
    char codes[2][RECOVERY_TEXT];

    fixture_enroll(f, "alice", "phone", &usual, &secret);
    secret_free(&secret);
    assert_int_equal(mfa_make_recovery(f->mfa, alice, 2, NOON, codes), MFA_OK);
    assert_int_equal(mfa_disable(f->mfa, alice, "phone"), MFA_OK);
    ASSERT_REASON(fixture_attempt(f, "alice", HOME, codes[0], NULL), REASON_GRANTED);
    assert_int_equal(mfa_remove(f->mfa, alice, NULL, &removed), MFA_OK);
    ASSERT_REASON(fixture_attempt(f, "alice", HOME, codes[1], NULL), REASON_GRANTED);
    ASSERT_REASON(fixture_attempt(f, "alice", HOME, codes[1], NULL), REASON_CODE_USED);
}

static void a_flood_of_names_keeps_nobody_from_his_paper(void **state)
{
    struct fixture *f = *state;
    struct bytes alice = bytes_str("alice");
    struct secret secret;
    size_t removed;
    char codes[1][RECOVERY_TEXT], name[32];

    fixture_enroll(f, "alice", "phone", &usual, &secret);
    secret_free(&secret);
    assert_int_equal(mfa_make_recovery(f->mfa, alice, 1, NOON, codes), MFA_OK);
    assert_int_equal(mfa_remove(f->mfa, alice, NULL, &removed), MFA_OK);
    /* Enough for each bucket to be past the cap. */
    f->settings.throttle.cap = 3;
    fixture_reopen(f);
    for (int i = 0; i < 12000; i++) {
        snprintf(name, sizeof name, "nobody-%d", i);
        (void)fixture_attempt(f, name, EVIL, "pw000000", NULL);
    }
    ASSERT_REASON(fixture_attempt(f, "alice", HOME, codes[0], NULL), REASON_GRANTED);
}

static void guesses_at_paper_are_counted_for_its_owner(void **state)
{
    struct fixture *f = *state;
    struct bytes alice = bytes_str("alice");
    struct secret secret;
    struct user_info info;
    size_t removed;
    char codes[1][RECOVERY_TEXT], wrong[RECOVERY_TEXT];

    fixture_enroll(f, "alice", "phone", &usual, &secret);
    secret_free(&secret);
    assert_int_equal(mfa_make_recovery(f->mfa, alice, 1, NOON, codes), MFA_OK);
    assert_int_equal(mfa_remove(f->mfa, alice, NULL, &removed), MFA_OK);
    memcpy(wrong, codes[0], sizeof wrong);
    wrong[0] = wrong[0] == 'b' ? 'c' : 'b';
    for (int i = 0; i < 3; i++)
        ASSERT_REASON(fixture_attempt(f, "alice", EVIL, wrong, NULL), REASON_NOT_ENROLLED);
    assert_int_equal(mfa_user(f->mfa, alice, f->now_ms, &info), MFA_OK);
    assert_int_equal(info.failures, 3);
    ASSERT_REASON(fixture_attempt(f, "alice", EVIL, codes[0], NULL), REASON_THROTTLED);
    ASSERT_REASON(fixture_attempt(f, "alice", HOME, codes[0], NULL), REASON_GRANTED);
}

static void failures_are_added_and_taken_off_in_the_store(void **state)
{
    struct fixture *f = *state;
    struct store *store = f->mfa->store;
    const struct store_engine *engine = store->engine;
    struct store_subject who = {.id = "0123456789abcdef", .id_len = 16, .slot = 5}, found;
    struct store_subject rival = {.id = "fedcba9876543210", .id_len = 16, .slot = 5};
    struct store_address from = {.at = "192.0.2.1", .len = 9}, row;
    struct bytes id = bytes_of(who.id, 16), at = bytes_of(from.at, 9);

    assert_int_equal(engine->begin(store, STORE_STEP, fixture_deadline()), STORE_OK);
    assert_int_equal(engine->failure_add(store, &who, &from, 0, 1000), STORE_OK);
    assert_int_equal(engine->failure_add(store, &who, &from, 0, 2000), STORE_OK);
    assert_int_equal(engine->subject_find(store, id, &found), STORE_OK);
    assert_int_equal(found.failures, 2);
    assert_int_equal(found.slot, 5);
    assert_int_equal(found.touched_ms, 2000);
    assert_int_equal(engine->failure_add(store, &who, &from, 500, 9000), STORE_OK);
    assert_int_equal(engine->subject_find(store, id, &found), STORE_OK);
    assert_int_equal(found.failures, 1); /* the older ones are forgotten */
    assert_int_equal(engine->address_find(store, id, at, &row), STORE_OK);
    assert_int_equal(row.failures, 3);
    assert_int_equal(row.last_failure_ms, 9000);
    assert_int_equal(engine->failure_add(store, &rival, &from, 0, 9000), STORE_OK);
    assert_int_equal(engine->subject_find(store, id, &found), STORE_NONE); /* gave way */
    found = (struct store_subject){.id_len = 16, .slot = -1, .failures = INT32_MAX};
    memcpy(found.id, who.id, 16);
    assert_int_equal(engine->subject_put(store, &found), STORE_OK);
    assert_int_equal(engine->failure_add(store, &found, &from, 0, 9000), STORE_OK);
    assert_int_equal(engine->subject_find(store, id, &found), STORE_OK);
    assert_int_equal(found.failures, INT32_MAX);
    assert_int_equal(engine->success_note(store, &who, &from, false, 9500), STORE_OK);
    assert_int_equal(engine->subject_find(store, id, &found), STORE_OK);
    assert_int_equal(found.failures, INT32_MAX - 1); /* those of this address are off */
    assert_int_equal(found.slot, -1);
    assert_int_equal(engine->address_find(store, id, at, &row), STORE_OK);
    assert_int_equal(row.failures, 0);
    assert_int_equal(row.last_success_ms, 0);
    assert_int_equal(engine->success_note(store, &who, &from, true, 9500), STORE_OK);
    assert_int_equal(engine->address_find(store, id, at, &row), STORE_OK);
    assert_int_equal(row.last_success_ms, 9500);
    assert_int_equal(engine->subject_remove(store, id), STORE_OK);
    assert_int_equal(engine->address_find(store, id, at, &row), STORE_NONE);
    engine->rollback(store);
}

static void break_glass_rows_are_kept(void **state)
{
    struct fixture *f = *state;
    struct store *store = f->mfa->store;
    const struct store_engine *engine = store->engine;
    struct store_break_glass row = {.name = "root", .name_len = 4, .iterations = 7, .created_s = 8,
                                    .armed_until_s = 9, .reason = "fire", .armed_by = "bob"};
    struct store_break_glass found;
    const struct store_ask ask = {.user = bytes_str("root"), .name = {.id_len = 16, .slot = 1}};
    struct store_view view;

    assert_int_equal(engine->begin(store, STORE_DURABLE, fixture_deadline()), STORE_OK);
    assert_int_equal(engine->break_glass_put(store, &row), STORE_OK);
    row.armed_until_s = 10;
    assert_int_equal(engine->break_glass_put(store, &row), STORE_OK);
    assert_int_equal(engine->break_glass_find(store, bytes_str("root"), &found), STORE_OK);
    assert_memory_equal(&found, &row, sizeof row);
    assert_int_equal(engine->commit(store), STORE_OK);
    assert_int_equal(engine->look(store, STORE_READ, fixture_deadline(), &ask, &view), STORE_OK);
    assert_true(view.has_break_glass);
    assert_int_equal(view.break_glass.armed_until_s, 10);
    engine->rollback(store);
    assert_int_equal(engine->begin(store, STORE_DURABLE, fixture_deadline()), STORE_OK);
    assert_int_equal(engine->break_glass_remove(store, bytes_str("root")), STORE_OK);
    assert_int_equal(engine->break_glass_remove(store, bytes_str("root")), STORE_NONE);
    engine->rollback(store);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, attempt_setup, attempt_teardown)
    const struct CMUnitTest tests[] = {
        CASE(many_are_made_in_one_step),
        CASE(one_fault_undoes_all_or_is_said_alone),
        CASE(replacing_revives_no_code),
        CASE(names_change_and_codes_stay),
        CASE(purging_leaves_nothing),
        CASE(recovery_codes_admit_once_each),
        CASE(recovery_codes_outlive_the_phone),
        CASE(a_flood_of_names_keeps_nobody_from_his_paper),
        CASE(guesses_at_paper_are_counted_for_its_owner),
        CASE(failures_are_added_and_taken_off_in_the_store),
        CASE(break_glass_rows_are_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
