/* Proves that a SQLite store restored after a restart of the machine, or elsewhere, revives no code. */
#include "config.h"

#include "tests/unit/witness_fixture.h"

#include "mfa/witness.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/*
 * As if the machine had been started anew after all that the store has seen, which happens at NOON and
 * lies ahead of the true clock.
 */
static void restart(struct scene *s)
{
    struct fixture *f = &s->f;

    mfa_close(f->mfa);
    f->mfa = NULL;
    assert_int_equal(unlink(s->witness), 0);
    assert_int_equal(fixture_sql(f, "UPDATE token SET last_used_s = 0, synced_s = 1"), 2);
    assert_int_equal(fixture_sql(f, "UPDATE recovery SET created_s = 1"), 1);
}

static void after_a_restart_of_the_machine(void **state)
{
    struct scene *s = *state;

    use_everything(s);
    put_back(s, s->backup);
    restart(s);
    fixture_reopen(&s->f);
    nothing_is_revived(s);
}

static void after_a_recovery_code_alone(void **state)
{
    struct scene *s = *state;
    struct fixture *f = &s->f;

    ASSERT_REASON(fixture_attempt(f, "alice", HOME, s->codes[0], NULL), REASON_GRANTED);
    put_back(s, s->backup);
    restart(s);
    fixture_reopen(f);
    ASSERT_REASON(fixture_attempt(f, "alice", HOME, s->codes[0], NULL), REASON_CODE_BEFORE_RESTORE);
}

static void counters_and_recovery_codes_stay_used(struct scene *s)
{
    struct fixture *f = &s->f;

    assert_non_null(strstr(mfa_notice(f->mfa), "restored from a backup"));
    ASSERT_REASON(fixture_attempt(f, "bob", HOME, counter_code(0), NULL), REASON_NEEDS_RESYNC);
    ASSERT_REASON(fixture_attempt(f, "alice", HOME, s->codes[0], NULL), REASON_CODE_BEFORE_RESTORE);
    fixture_reopen(f);
    assert_string_equal(mfa_notice(f->mfa), "");
}

/* The backup is from before anything was used: it has no trace of that. */
static void on_another_machine(void **state)
{
    struct scene *s = *state;

    use_everything(s);
    put_back(s, s->backup);
    restart(s);
    assert_int_equal(unlink(s->lasting), 0);
    fixture_reopen(&s->f);
    counters_and_recovery_codes_stay_used(s);
}

static void with_its_witness_as_other_files(void **state)
{
    struct scene *s = *state;

    copy_file(s->lasting, s->other, O_CREAT | O_EXCL);
    use_everything(s);
    forget_log(s);
    assert_int_equal(rename(s->other, s->lasting), 0);
    /* The name is free for a moment: the number of the file may be the same again. */
    assert_int_equal(unlink(s->f.store), 0);
    copy_file(s->backup, s->f.store, O_CREAT | O_EXCL);
    restart(s);
    fixture_reopen(&s->f);
    counters_and_recovery_codes_stay_used(s);
}

/* An old backup, and after it a younger one, which has more changes than the old one ever saw. */
static void one_after_another(void **state)
{
    struct scene *s = *state;
    struct fixture *f = &s->f;

    use_everything(s);
    for (int64_t i = 1; i < 5; i++)
        ASSERT_REASON(fixture_attempt(f, "bob", HOME, counter_code(i), NULL), REASON_GRANTED);
    keep(s, s->other);
    ASSERT_REASON(fixture_attempt(f, "bob", HOME, counter_code(5), NULL), REASON_GRANTED);
    put_back(s, s->backup);
    restart(s);
    fixture_reopen(f);
    assert_non_null(strstr(mfa_notice(f->mfa), "restored from a backup"));
    put_back(s, s->other);
    restart(s);
    fixture_reopen(f);
    assert_non_null(strstr(mfa_notice(f->mfa), "it has forgotten changes"));
    ASSERT_REASON(fixture_attempt(f, "bob", HOME, counter_code(5), NULL), REASON_NEEDS_RESYNC);
}

static void without_a_lock_that_was_set_since(void **state)
{
    struct scene *s = *state;
    struct fixture *f = &s->f;

    assert_int_equal(mfa_lock_user(f->mfa, bytes_str("bob"), "left", NOON), MFA_OK);
    put_back(s, s->backup);
    restart(s);
    fixture_reopen(f);
    assert_non_null(strstr(mfa_notice(f->mfa), "it has forgotten changes"));
}

static void a_restart_alone_raises_no_floor(void **state)
{
    struct scene *s = *state;

    use_everything(s);
    restart(s);
    fixture_reopen(&s->f);
    all_is_as_it_was(s);
}

/* A step that was not synced yet: the restored file stands for the one that a power cut leaves. */
static void a_step_lost_in_a_power_cut_raises_no_floor(void **state)
{
    struct scene *s = *state;
    struct fixture *f = &s->f;

    use_everything(s);
    keep(s, s->other);
    f->now_ms += 60 * 1000;
    ASSERT_REASON(fixture_attempt(f, "alice", HOME, typed(&usual, &s->phone, NOON + 60), NULL),
                  REASON_GRANTED);
    put_back(s, s->other);
    restart(s);
    fixture_reopen(f);
    all_is_as_it_was(s);
}

/* Killed after the commit: the witness knows less than the store. */
static void a_note_that_was_not_made_raises_no_floor(void **state)
{
    struct scene *s = *state;

    copy_file(s->lasting, s->other, O_CREAT | O_EXCL);
    use_everything(s);
    copy_file(s->other, s->lasting, 0);
    fixture_reopen(&s->f);
    assert_string_equal(mfa_notice(s->f.mfa), "");
    restart(s);
    fixture_reopen(&s->f);
    all_is_as_it_was(s);
}

/* Two programs note what they have committed in the other order. */
static void a_note_that_came_late_covers_no_later_one(void **state)
{
    struct scene *s = *state;
    struct fixture *f = &s->f;
    struct witness_entry got[WITNESS_SLOTS], last = {0};
    uint64_t file;

    ASSERT_REASON(fixture_attempt(f, "bob", HOME, counter_code(0), NULL), REASON_GRANTED);
    keep(s, s->other);
    ASSERT_REASON(fixture_attempt(f, "bob", HOME, counter_code(1), NULL), REASON_GRANTED);
    struct witness *lasting = witness_open(s->lasting, f->why, sizeof f->why);
    assert_non_null(lasting);
    size_t n = witness_read(lasting, &file, got);
    for (size_t i = 0; i < n; i++)
        if (got[i].step > last.step)
            last = got[i];
    last.step--;
    assert_true(witness_note(lasting, &last));
    witness_close(lasting);
    put_back(s, s->other);
    restart(s);
    fixture_reopen(f);
    assert_non_null(strstr(mfa_notice(f->mfa), "it has forgotten changes"));
    ASSERT_REASON(fixture_attempt(f, "bob", HOME, counter_code(1), NULL), REASON_NEEDS_RESYNC);
}

/* What was witnessed of a store that had no tokens is about nothing that comes after. */
static void an_empty_store_put_back_raises_no_floor_later(void **state)
{
    struct scene *s = *state;
    struct fixture *f = &s->f;

    assert_int_equal(mfa_purge(f->mfa, bytes_str("alice")), MFA_OK);
    assert_int_equal(mfa_purge(f->mfa, bytes_str("bob")), MFA_OK);
    keep(s, s->other);
    for (int i = 0; i < 2; i++) {
        secret_free(&s->phone);
        fixture_enroll(f, i == 0 ? "alice" : "bob", "phone", &usual, &s->phone);
    }
    put_back(s, s->other);
    fixture_reopen(f);
    assert_string_equal(mfa_notice(f->mfa), "");
    secret_free(&s->phone);
    fixture_enroll(f, "carol", "phone", &usual, &s->phone);
    fixture_reopen(f);
    assert_string_equal(mfa_notice(f->mfa), "");
}

static void removed_under_a_program_that_goes_on(void **state)
{
    struct scene *s = *state;
    struct fixture *f = &s->f;

    ASSERT_REASON(fixture_attempt(f, "bob", HOME, counter_code(0), NULL), REASON_GRANTED);
    assert_int_equal(unlink(s->lasting), 0);
    ASSERT_REASON(fixture_attempt(f, "bob", HOME, counter_code(1), NULL), REASON_GRANTED);
    assert_int_equal(access(s->lasting, F_OK), 0);
    fixture_reopen(f);
    assert_non_null(strstr(mfa_notice(f->mfa), "is missing"));
    fixture_reopen(f);
    assert_string_equal(mfa_notice(f->mfa), "");
}

/* What cannot be witnessed is not accepted, and nothing is used up; what needs no witness goes on. */
static void under_a_strange_lasting_witness_time_based_codes_alone_count(void **state)
{
    struct scene *s = *state;
    struct fixture *f = &s->f;

    assert_int_equal(rename(s->lasting, s->other), 0);
    assert_int_equal(symlink(s->other, s->lasting), 0);
    ASSERT_REASON(fixture_attempt(f, "bob", HOME, counter_code(0), NULL), REASON_STORE_UNAVAILABLE);
    assert_non_null(strstr(mfa_error(f->mfa), s->lasting));
    ASSERT_REASON(fixture_attempt(f, "alice", HOME, typed(&usual, &s->phone, NOON), NULL),
                  REASON_GRANTED);
    assert_int_equal(mfa_lock_user(f->mfa, bytes_str("bob"), "left", NOON), MFA_STORE);
    assert_int_equal(rename(s->other, s->lasting), 0);
    ASSERT_REASON(fixture_attempt(f, "bob", HOME, counter_code(0), NULL), REASON_GRANTED);
}

static void the_lasting_one_is_the_owners_alone_and_has_its_full_length(void **state)
{
    struct scene *s = *state;
    struct stat st;

    assert_int_equal(lstat(s->lasting, &st), 0);
    assert_int_equal(st.st_mode, S_IFREG | 0600);
    assert_int_equal(st.st_size, 4096);
    assert_true(st.st_blocks * 512 >= 4096);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, witness_setup, witness_teardown)
    const struct CMUnitTest tests[] = {
        CASE(after_a_restart_of_the_machine),
        CASE(after_a_recovery_code_alone),
        CASE(on_another_machine),
        CASE(with_its_witness_as_other_files),
        CASE(one_after_another),
        CASE(without_a_lock_that_was_set_since),
        CASE(a_restart_alone_raises_no_floor),
        CASE(a_step_lost_in_a_power_cut_raises_no_floor),
        CASE(a_note_that_was_not_made_raises_no_floor),
        CASE(a_note_that_came_late_covers_no_later_one),
        CASE(an_empty_store_put_back_raises_no_floor_later),
        CASE(removed_under_a_program_that_goes_on),
        CASE(under_a_strange_lasting_witness_time_based_codes_alone_count),
        CASE(the_lasting_one_is_the_owners_alone_and_has_its_full_length),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
