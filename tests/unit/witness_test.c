/* Proves that a SQLite store that was restored from a backup revives no code. */
#include "config.h"

#include "tests/unit/witness_fixture.h"

#include "mfa/engine.h"
#include "mfa/witness.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void copied_over_the_same_file(void **state)
{
    struct scene *s = *state;

    use_everything(s);
    put_back(s, s->backup);
    fixture_reopen(&s->f);
    nothing_is_revived(s);
}

/* Nothing that is on the disk tells: the one in memory does. */
static void after_time_based_codes_alone(void **state)
{
    struct scene *s = *state;
    struct fixture *f = &s->f;

    ASSERT_REASON(fixture_attempt(f, "alice", HOME, typed(&usual, &s->phone, NOON), NULL),
                  REASON_GRANTED);
    put_back(s, s->backup);
    fixture_reopen(f);
    nothing_is_revived(s);
}

/* SQLite and the witness call this one instead of the C library's. */
static bool log_fails;
__attribute__((visibility("default"))) int fdatasync(int fd)
{
    char link[32], path[160];

    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path);
    if (log_fails && n > 4 && memcmp(path + n - 4, "-wal", 4) == 0) {
        errno = EIO;
        return -1;
    }
    return fsync(fd);
}

static void also_if_the_floor_could_not_be_raised_at_first(void **state)
{
    struct scene *s = *state;
    struct fixture *f = &s->f;

    ASSERT_REASON(fixture_attempt(f, "alice", HOME, typed(&usual, &s->phone, NOON), NULL),
                  REASON_GRANTED);
    put_back(s, s->backup);
    log_fails = true;
    assert_int_equal(mfa_open(&f->settings, &f->mfa, f->why, sizeof f->why),
                     REASON_STORE_UNAVAILABLE);
    assert_non_null(strstr(f->why, "commit"));
    log_fails = false;
    fixture_reopen(f);
    assert_non_null(strstr(mfa_notice(f->mfa), "restored from a backup"));
    ASSERT_REASON(fixture_attempt(f, "bob", HOME, counter_code(0), NULL), REASON_NEEDS_RESYNC);
}

/* By the command that found the store restored, so in the second that the floor ends. */
static void what_is_made_and_proved_right_after_counts(void **state)
{
    struct scene *s = *state;
    struct fixture *f = &s->f;
    static const uint8_t other_seed[20] = "09876543210987654321";
    struct token_request key = {.user = bytes_str("carol"),
                                .name = "key",
                                .kind = TOKEN_HOTP,
                                .digits = 6,
                                .secret = bytes_of(other_seed, sizeof other_seed),
                                .last_step = -1};
    static const struct otp otp = {ALGORITHM_SHA1, 6};
    struct token_outcome outcome;
    char first[16], second[16], text[16] = "pw";

    use_everything(s);
    put_back(s, s->backup);
    fixture_reopen(f);
    assert_non_null(strstr(mfa_notice(f->mfa), "restored from a backup"));
    snprintf(first, sizeof first, "%s", counter_code(1) + 2);
    snprintf(second, sizeof second, "%s", counter_code(2) + 2);
    assert_int_equal(
        mfa_resync(f->mfa, bytes_str("bob"), "key", bytes_str(first), bytes_str(second), NOON, 0),
        MFA_OK);
    ASSERT_REASON(fixture_attempt(f, "bob", HOME, counter_code(3), NULL), REASON_GRANTED);
    assert_int_equal(mfa_make_recovery(f->mfa, bytes_str("alice"), 3, NOON, s->codes), MFA_OK);
    ASSERT_REASON(fixture_attempt(f, "alice", HOME, s->codes[0], NULL), REASON_GRANTED);
    assert_int_equal(mfa_create_many(f->mfa, &key, 1, true, NOON, &outcome), MFA_OK);
    assert_true(otp_code(&otp, key.secret, 0, text + 2));
    assert_int_equal(mfa_confirm(f->mfa, key.user, "key", bytes_str(text + 2), NOON, 0), MFA_OK);
    assert_true(otp_code(&otp, key.secret, 1, text + 2));
    ASSERT_REASON(fixture_attempt(f, "carol", HOME, text, NULL), REASON_GRANTED);
}

static void twice_in_one_second(void **state)
{
    struct scene *s = *state;
    struct fixture *f = &s->f;

    use_everything(s);
    put_back(s, s->backup);
    fixture_reopen(f);
    assert_int_equal(mfa_make_recovery(f->mfa, bytes_str("alice"), 3, NOON, s->codes), MFA_OK);
    keep(s, s->other);
    ASSERT_REASON(fixture_attempt(f, "alice", HOME, s->codes[0], NULL), REASON_GRANTED);
    put_back(s, s->other);
    fixture_reopen(f);
    ASSERT_REASON(fixture_attempt(f, "alice", HOME, s->codes[0], NULL), REASON_CODE_BEFORE_RESTORE);
}

/* Beside a socket that is on a disk: the step is newer than what the power cut left of the store. */
static void a_note_from_before_the_machines_start_raises_no_floor(void **state)
{
    struct scene *s = *state;
    struct fixture *f = &s->f;

    use_everything(s);
    int64_t token = fixture_sql(f, "SELECT id FROM token WHERE kind = 0");
    struct witness *witness = witness_open(s->witness, f->why, sizeof f->why);
    assert_non_null(witness);
    assert_true(witness_note(witness, &(struct witness_entry){token, NOON, clock_boot_s() - 10}));
    witness_close(witness);
    fixture_reopen(f);
    all_is_as_it_was(s);
}

static void witnesses_that_are_cut_short_kill_nobody(void **state)
{
    struct scene *s = *state;
    struct fixture *f = &s->f;

    assert_int_equal(truncate(s->lasting, 0), 0);
    assert_int_equal(truncate(s->witness, 0), 0);
    ASSERT_REASON(fixture_attempt(f, "bob", HOME, counter_code(0), NULL), REASON_STORE_UNAVAILABLE);
    assert_non_null(strstr(mfa_error(f->mfa), "wrong size"));
    ASSERT_REASON(fixture_attempt(f, "alice", HOME, typed(&usual, &s->phone, NOON), NULL),
                  REASON_GRANTED);
    mfa_close(f->mfa);
    f->mfa = NULL;
    assert_int_equal(mfa_open(&f->settings, &f->mfa, f->why, sizeof f->why),
                     REASON_STORE_UNAVAILABLE);
    assert_int_equal(unlink(s->witness), 0);
    assert_int_equal(unlink(s->lasting), 0);
    fixture_reopen(f);
    assert_non_null(strstr(mfa_notice(f->mfa), "restored from a backup"));
}

static void moved_into_its_place(void **state)
{
    struct scene *s = *state;

    use_everything(s);
    forget_log(s);
    assert_int_equal(rename(s->backup, s->f.store), 0);
    fixture_reopen(&s->f);
    nothing_is_revived(s);
}

/* As `sqlite3 store.db ".restore backup"` does it: page by page, in a transaction, the file stays. */
static void restore_online(struct scene *s)
{
    sqlite3 *from = NULL, *to = NULL;

    assert_int_equal(sqlite3_open_v2(s->backup, &from, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_open_v2(s->f.store, &to, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    sqlite3_backup *backup = sqlite3_backup_init(to, "main", from, "main");
    assert_non_null(backup);
    assert_int_equal(sqlite3_backup_step(backup, -1), SQLITE_DONE);
    assert_int_equal(sqlite3_backup_finish(backup), SQLITE_OK);
    sqlite3_close(from);
    sqlite3_close(to);
}

static void under_a_program_that_goes_on(void **state)
{
    struct scene *s = *state;
    struct fixture *f = &s->f;

    use_everything(s);
    restore_online(s);
    ASSERT_REASON(fixture_attempt(f, "bob", HOME, counter_code(0), NULL), REASON_NEEDS_RESYNC);
    nothing_is_revived(s);
}

/* With the daemon's configuration but for store.path: as one who looks whether a backup is any good. */
static void a_copy_that_is_opened_elsewhere_raises_no_floor_here(void **state)
{
    struct scene *s = *state;
    struct fixture *f = &s->f;
    struct settings tried = f->settings;
    struct mfa *copied = NULL;
    char beside[136], *witness;

    use_everything(s);
    keep(s, s->other);
    tried.store.path = s->other;
    assert_int_equal(mfa_open(&tried, &copied, f->why, sizeof f->why), REASON_GRANTED);
    mfa_close(copied);
    fixture_reopen(f);
    all_is_as_it_was(s);
    assert_true(mfa_witness_path(&tried, &witness));
    assert_int_equal(unlink(witness), 0);
    free(witness);
    for (size_t i = 0; i < 3; i++) {
        snprintf(beside, sizeof beside, "%s%s", s->other,
                 ((const char *[]){"-wal", "-shm", WITNESS_LASTING})[i]);
        unlink(beside);
    }
}

static void tidying_up_raises_no_floor(void **state)
{
    struct scene *s = *state;
    struct fixture *f = &s->f;
    sqlite3 *db = NULL;

    use_everything(s);
    assert_int_equal(sqlite3_open_v2(f->store, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "VACUUM", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    ASSERT_REASON(fixture_attempt(f, "bob", HOME, counter_code(0), NULL), REASON_CODE_USED);
    ASSERT_REASON(fixture_attempt(f, "bob", HOME, counter_code(1), NULL), REASON_GRANTED);
    assert_string_equal(mfa_notice(f->mfa), "");
}

static void without_a_witness(void **state)
{
    struct scene *s = *state;
    struct fixture *f = &s->f;

    use_everything(s);
    fixture_reopen(f);
    assert_string_equal(mfa_notice(f->mfa), "");
    assert_int_equal(unlink(s->witness), 0);
    fixture_reopen(f); /* the store's newest burn is later than the machine's start */
    assert_non_null(strstr(mfa_notice(f->mfa), "restored from a backup"));
    ASSERT_REASON(fixture_attempt(f, "bob", HOME, counter_code(1), NULL), REASON_NEEDS_RESYNC);
}

static void opening_and_giving_back_raise_no_floor(void **state)
{
    struct scene *s = *state;
    struct fixture *f = &s->f;
    struct mfa_outcome out;

    use_everything(s);
    ASSERT_REASON(fixture_attempt(f, "bob", HOME, counter_code(1), &out), REASON_GRANTED);
    assert_true(mfa_give_back(f->mfa, &out.burn, fixture_deadline()));
    ASSERT_REASON(fixture_attempt(f, "alice", HOME, s->codes[1], &out), REASON_GRANTED);
    assert_true(mfa_give_back(f->mfa, &out.burn, fixture_deadline()));
    fixture_reopen(f);
    assert_string_equal(mfa_notice(f->mfa), "");
    ASSERT_REASON(fixture_attempt(f, "bob", HOME, counter_code(1), &out), REASON_GRANTED);
    ASSERT_REASON(fixture_attempt(f, "alice", HOME, s->codes[1], &out), REASON_GRANTED);
}

static void of_eight_that_open_at_once_one_raises_the_floor(void **state)
{
    struct scene *s = *state;
    struct fixture *f = &s->f;
    int noticed = 0, failed = 0;

    use_everything(s);
    put_back(s, s->backup);
    for (int i = 0; i < 8; i++) {
        pid_t child = fork();
        assert_true(child >= 0);
        if (child != 0)
            continue;
        if (mfa_open(&f->settings, &f->mfa, f->why, sizeof f->why) != REASON_GRANTED) {
            fprintf(stderr, "%s\n", f->why);
            _exit(3);
        }
        int said = mfa_notice(f->mfa)[0] != '\0';
        char address[16];
        snprintf(address, sizeof address, "192.0.2.%d", 10 + i);
        if (fixture_attempt(f, "bob", address, counter_code(0), NULL) != REASON_NEEDS_RESYNC)
            _exit(3);
        mfa_close(f->mfa);
        _exit(said);
    }
    for (int status; wait(&status) > 0;) {
        failed += !WIFEXITED(status) || WEXITSTATUS(status) > 1;
        noticed += WIFEXITED(status) && WEXITSTATUS(status) == 1;
    }
    assert_int_equal(failed, 0);
    assert_int_equal(noticed, 1);
}

static void refused(struct scene *s, const char *path)
{
    struct fixture *f = &s->f;

    mfa_close(f->mfa);
    f->mfa = NULL;
    assert_int_equal(chmod(path, 0660), 0);
    assert_int_equal(mfa_open(&f->settings, &f->mfa, f->why, sizeof f->why),
                     REASON_STORE_UNAVAILABLE);
    assert_non_null(strstr(f->why, "open to others"));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink("/dev/null", path), 0);
    assert_int_equal(mfa_open(&f->settings, &f->mfa, f->why, sizeof f->why),
                     REASON_STORE_UNAVAILABLE);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(mfa_open(&f->settings, &f->mfa, f->why, sizeof f->why),
                     REASON_STORE_UNAVAILABLE);
    assert_non_null(strstr(f->why, "regular"));
    assert_int_equal(unlink(path), 0);
    fixture_reopen(f);
}

static void a_strange_witness_is_refused(void **state)
{
    struct scene *s = *state;

    refused(s, s->witness);
    refused(s, s->lasting);
}

static void torn_notes_are_passed_over_and_the_newest_counts(void **state)
{
    struct scene *s = *state;
    struct witness_entry got[WITNESS_SLOTS];
    uint64_t file = 0;
    char why[300];
    struct witness *witness = witness_open(s->witness, why, sizeof why);

    assert_non_null(witness);
    assert_true(witness_begin(witness, 2, &(struct witness_entry){7, 1, NOON}));
    assert_int_equal(witness_read(witness, &file, got), 1);
    assert_int_equal(file, 2);
    assert_int_equal(got[0].token, 7);
    assert_true(witness_begin(witness, 3, NULL));
    for (int64_t i = 1; i <= 1000; i++)
        assert_true(witness_note(witness, &(struct witness_entry){i % 2 + 1, i, NOON}));
    assert_int_equal(witness_read(witness, &file, got), 2);
    assert_int_equal(file, 3);
    assert_int_equal(got[0].step + got[1].step, 999 + 1000);
    /* One word of each slot, which follow a head of 32 bytes, is changed. */
    int fd = open(s->witness, O_WRONLY);
    int64_t torn = 77;
    for (int i = 0; i < WITNESS_SLOTS; i++)
        assert_int_equal(pwrite(fd, &torn, 8, 32 + 32 * i + 8), 8);
    close(fd);
    assert_int_equal(witness_read(witness, &file, got), 0);
    witness_close(witness);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, witness_setup, witness_teardown)
    const struct CMUnitTest tests[] = {
        CASE(copied_over_the_same_file),
        CASE(after_time_based_codes_alone),
        CASE(also_if_the_floor_could_not_be_raised_at_first),
        CASE(what_is_made_and_proved_right_after_counts),
        CASE(twice_in_one_second),
        CASE(a_note_from_before_the_machines_start_raises_no_floor),
        CASE(witnesses_that_are_cut_short_kill_nobody),
        CASE(moved_into_its_place),
        CASE(under_a_program_that_goes_on),
        CASE(a_copy_that_is_opened_elsewhere_raises_no_floor_here),
        CASE(tidying_up_raises_no_floor),
        CASE(without_a_witness),
        CASE(opening_and_giving_back_raise_no_floor),
        CASE(of_eight_that_open_at_once_one_raises_the_floor),
        CASE(a_strange_witness_is_refused),
        CASE(torn_notes_are_passed_over_and_the_newest_counts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
