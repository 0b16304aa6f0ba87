/* A break-glass passphrase admits while it is armed, within lock, throttle and cap, and at no other time. */
#include "config.h"

#include "mfa/breakglass.h"
#include "tests/unit/attempt_fixture.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char phrase[GLASS_TEXT];

static struct bytes root(void)
{
    return bytes_str("root");
}

static enum mfa_result arm(struct fixture *f, int64_t seconds)
{
    return mfa_glass_arm(f->mfa, root(), "the directory is down", "uid 0",
                         f->now_ms / 1000 + seconds, f->now_ms / 1000);
}

static enum reason try(struct fixture *f, const char *address, const char *text,
                       struct mfa_outcome *out)
{
    return fixture_attempt(f, "root", address, text, out);
}

static void create(struct fixture *f)
{
    assert_int_equal(mfa_glass_create(f->mfa, root(), f->now_ms / 1000, phrase), MFA_OK);
}

static void a_passphrase_admits_while_it_is_armed(void **state)
{
    struct fixture *f = *state;
    struct mfa_outcome out;

    create(f);
    assert_int_equal(strlen(phrase), GLASS_TEXT - 1);
    ASSERT_REASON(try(f, HOME, phrase, &out), REASON_NOT_ENROLLED);
    assert_int_equal(out.glass, MFA_GLASS_UNARMED);
    assert_int_equal(out.means, MFA_BY_CODE);
    assert_int_equal(arm(f, 3600), MFA_OK);
    ASSERT_REASON(try(f, HOME, phrase, &out), REASON_GRANTED);
    assert_int_equal(out.glass, MFA_GLASS_ARMED);
    assert_int_equal(out.means, MFA_BY_BREAK_GLASS);
    assert_int_equal(out.password_length, 0);
    assert_int_equal(out.burn.token, 0);
    assert_true(out.user_known);
    assert_string_equal(out.break_glass_reason, "the directory is down");
    /* Again, and as it may be typed. */
    char loud[GLASS_TEXT], bare[GLASS_LETTERS + 1] = "";
    for (size_t i = 0, n = 0; i < GLASS_TEXT; i++) {
        loud[i] = (char)toupper((unsigned char)phrase[i]);
        if (phrase[i] != '-')
            bare[n++] = phrase[i];
        if (phrase[i] == '\0')
            break;
    }
    ASSERT_REASON(try(f, HOME, loud, NULL), REASON_GRANTED);
    ASSERT_REASON(try(f, HOME, bare, NULL), REASON_GRANTED);
    f->now_ms += INT64_C(3600) * 1000;
    ASSERT_REASON(try(f, HOME, phrase, &out), REASON_NOT_ENROLLED);
    assert_int_equal(out.glass, MFA_GLASS_UNARMED);
}

static void nothing_else_admits(void **state)
{
    struct fixture *f = *state;
    struct mfa_outcome out;
    char other[GLASS_TEXT + 1];

    create(f);
    assert_int_equal(arm(f, 3600), MFA_OK);
    f->settings.throttle.after = 1000000;
    f->settings.throttle.cap = 1000000;
    fixture_reopen(f);
    /* Each letter counts. */
    for (size_t i = 0; i < GLASS_TEXT - 1; i++) {
        if (phrase[i] == '-')
            continue;
        memcpy(other, phrase, GLASS_TEXT);
        other[i] = other[i] == 'b' ? 'c' : 'b';
        ASSERT_REASON(try(f, HOME, other, &out), REASON_NOT_ENROLLED);
        assert_int_equal(out.glass, MFA_GLASS_WRONG);
    }
    /* Nor with more or less around it, nor for another name. */
    snprintf(other, sizeof other, "%sx", phrase);
    ASSERT_REASON(try(f, HOME, other, &out), REASON_NOT_ENROLLED);
    assert_int_equal(out.glass, MFA_GLASS_NONE);
    ASSERT_REASON(try(f, HOME, phrase + 1, &out), REASON_NOT_ENROLLED);
    ASSERT_REASON(fixture_attempt(f, "Root", HOME, phrase, &out), REASON_NOT_ENROLLED);
    assert_int_equal(out.glass, MFA_GLASS_NONE);
    assert_false(out.user_known);
}

static void throttle_and_cap_count_as_ever(void **state)
{
    struct fixture *f = *state;
    struct mfa_outcome out;
    char address[32];

    create(f);
    assert_int_equal(arm(f, 12 * 3600), MFA_OK);
    for (int i = 0; i < 3; i++)
        ASSERT_REASON(try(f, EVIL, "pw000000", NULL), REASON_NOT_ENROLLED);
    ASSERT_REASON(try(f, EVIL, phrase, &out), REASON_THROTTLED);
    assert_int_equal(out.glass, MFA_GLASS_ARMED);
    assert_int_equal(out.means, MFA_BY_CODE);
    ASSERT_REASON(try(f, HOME, phrase, NULL), REASON_GRANTED);
    for (int i = 0; i < 97; i++) {
        snprintf(address, sizeof address, "203.0.113.%d", i);
        ASSERT_REASON(try(f, address, "pw000000", NULL), REASON_NOT_ENROLLED);
    }
    ASSERT_REASON(try(f, HOME, phrase, NULL), REASON_CAPPED);
    assert_int_equal(mfa_unlock(f->mfa, root()), MFA_OK);
    ASSERT_REASON(try(f, HOME, phrase, NULL), REASON_GRANTED);
}

/* A flood of random names fills the rows that they share; an account's own are not among them. */
static void a_flood_of_names_does_not_lock_it(void **state)
{
    struct fixture *f = *state;
    char name[32];

    create(f);
    assert_int_equal(arm(f, 12 * 3600), MFA_OK);
    f->settings.throttle.cap = 10;
    fixture_reopen(f);
    for (int i = 0; i < 20000; i++) {
        snprintf(name, sizeof name, "nobody-%d", i);
        ASSERT_REASON(fixture_attempt(f, name, HOME, "pw123456", NULL), REASON_NOT_ENROLLED);
    }
    ASSERT_REASON(try(f, HOME, phrase, NULL), REASON_GRANTED);
}

static void a_lock_holds(void **state)
{
    struct fixture *f = *state;

    create(f);
    assert_int_equal(arm(f, 3600), MFA_OK);
    assert_int_equal(mfa_lock_user(f->mfa, root(), "gone", f->now_ms / 1000), MFA_OK);
    ASSERT_REASON(try(f, HOME, phrase, NULL), REASON_LOCKED);
}

static void it_admits_whatever_the_policy_asks_for(void **state)
{
    struct fixture *f = *state;
    struct mfa_outcome out;
    struct secret secret;

    create(f);
    assert_int_equal(arm(f, 3600), MFA_OK);
    fixture_enroll(f, "root", "phone", &usual, &secret);
    for (int i = 0; i < 8; i++) {
        struct mfa_attempt attempt = {
            .user = root(),
            .address = bytes_str(HOME),
            .secret = bytes_str(phrase),
            .whole_is_code = i & 1,
            .code_due = i & 2,
            .code_first = i & 4,
            .now_ms = f->now_ms,
            .boot_s = f->boot_s,
        };
        ASSERT_REASON(mfa_attempt(f->mfa, &attempt, fixture_deadline(), &out), REASON_GRANTED);
        assert_int_equal(out.means, MFA_BY_BREAK_GLASS);
    }
    /* And his token is as good as before. */
    ASSERT_REASON(try(f, HOME, typed(&usual, &secret, NOON), &out), REASON_GRANTED);
    assert_int_equal(out.means, MFA_BY_CODE);
    assert_int_equal(out.glass, MFA_GLASS_NONE);
    secret_free(&secret);
}

static void arming_is_bounded_and_ends(void **state)
{
    struct fixture *f = *state;
    struct mfa_outcome out;
    char longest[STORE_TEXT + 1];
    int64_t now_s = f->now_ms / 1000;

    create(f);
    assert_int_equal(arm(f, 0), MFA_STATE);
    assert_int_equal(arm(f, -1), MFA_STATE);
    assert_int_equal(arm(f, GLASS_MOST_S + 1), MFA_STATE);
    assert_int_equal(mfa_glass_arm(f->mfa, root(), "", "uid 0", now_s + 60, now_s), MFA_BAD_NAME);
    memset(longest, 'x', STORE_TEXT);
    longest[STORE_TEXT] = '\0';
    assert_int_equal(mfa_glass_arm(f->mfa, root(), longest, "", now_s + 60, now_s), MFA_BAD_NAME);
    assert_int_equal(mfa_glass_disarm(f->mfa, root(), now_s), MFA_STATE);
    assert_int_equal(arm(f, GLASS_MOST_S), MFA_OK);
    ASSERT_REASON(try(f, HOME, phrase, &out), REASON_GRANTED);
    assert_int_equal(mfa_glass_disarm(f->mfa, root(), now_s), MFA_OK);
    ASSERT_REASON(try(f, HOME, phrase, &out), REASON_NOT_ENROLLED);
    /* A clock set back must not make the longest time longer. */
    assert_int_equal(arm(f, GLASS_MOST_S), MFA_OK);
    f->now_ms -= INT64_C(3600) * 1000;
    ASSERT_REASON(try(f, HOME, phrase, &out), REASON_NOT_ENROLLED);
}

static void accounts_are_made_listed_and_removed(void **state)
{
    struct fixture *f = *state;
    struct glass_info *infos;
    char other[GLASS_TEXT];
    size_t n;

    assert_int_equal(mfa_glass_list(f->mfa, &infos, &n), MFA_OK);
    assert_int_equal(n, 0);
    free(infos);
    assert_int_equal(arm(f, 60), MFA_NOT_FOUND);
    assert_int_equal(mfa_glass_disarm(f->mfa, root(), NOON), MFA_NOT_FOUND);
    assert_int_equal(mfa_glass_remove(f->mfa, root()), MFA_NOT_FOUND);
    assert_int_equal(mfa_glass_create(f->mfa, bytes_str(""), NOON, other), MFA_BAD_NAME);
    create(f);
    assert_int_equal(mfa_glass_create(f->mfa, root(), NOON, other), MFA_EXISTS);
    assert_int_equal(mfa_glass_create(f->mfa, bytes_str("abe"), NOON, other), MFA_OK);
    assert_string_not_equal(other, phrase);
    assert_int_equal(arm(f, 60), MFA_OK);
    assert_int_equal(mfa_glass_list(f->mfa, &infos, &n), MFA_OK);
    assert_int_equal(n, 2);
    assert_memory_equal(infos[0].user, "abe", 3);
    assert_int_equal(infos[0].armed_until_s, 0);
    assert_int_equal(infos[1].armed_until_s, NOON + 60);
    assert_string_equal(infos[1].reason, "the directory is down");
    assert_string_equal(infos[1].armed_by, "uid 0");
    free(infos);
    assert_int_equal(mfa_glass_remove(f->mfa, root()), MFA_OK);
    ASSERT_REASON(try(f, HOME, phrase, NULL), REASON_NOT_ENROLLED);
    /* Made anew it has another passphrase. */
    memcpy(other, phrase, sizeof other);
    create(f);
    assert_int_equal(arm(f, 60), MFA_OK);
    ASSERT_REASON(try(f, HOME, other, NULL), REASON_NOT_ENROLLED);
    ASSERT_REASON(try(f, HOME, phrase, NULL), REASON_GRANTED);
}

/* The passphrase is nowhere in the store, not in a column and not in the file. */
static void the_passphrase_is_not_kept(void **state)
{
    struct fixture *f = *state;
    char data[65536], bare[GLASS_LETTERS + 1] = "";
    FILE *file;
    size_t n, got = 0;

    if (fixture_is_shared(f))
        skip(); /* the same columns; its files are a server's */
    create(f);
    for (size_t i = 0; phrase[i] != '\0'; i++)
        if (phrase[i] != '-')
            bare[got++] = phrase[i];
    for (int wal = 0; wal < 2; wal++) {
        char path[128];

        snprintf(path, sizeof path, "%s%s", f->store, wal ? "-wal" : "");
        file = fopen(path, "r");
        assert_non_null(file);
        while ((n = fread(data, 1, sizeof data, file)) > 0) {
            assert_null(memmem(data, n, phrase, GLASS_TEXT - 1));
            assert_null(memmem(data, n, bare, GLASS_LETTERS));
        }
        fclose(file);
    }
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, attempt_setup, attempt_teardown)
    const struct CMUnitTest tests[] = {
        CASE(a_passphrase_admits_while_it_is_armed),
        CASE(nothing_else_admits),
        CASE(throttle_and_cap_count_as_ever),
        CASE(a_flood_of_names_does_not_lock_it),
        CASE(a_lock_holds),
        CASE(it_admits_whatever_the_policy_asks_for),
        CASE(arming_is_bounded_and_ends),
        CASE(accounts_are_made_listed_and_removed),
        CASE(the_passphrase_is_not_kept),
    };

    return cmocka_run_group_tests_name("breakglass", tests, NULL, NULL);
}
