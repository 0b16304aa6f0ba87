#include "config.h"

#include "tests/unit/witness_fixture.h"

#include "mfa/engine.h"
#include "mfa/witness.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static const uint8_t seed[20] = "12345678901234567890";

const char *counter_code(int64_t counter)
{
    static const struct otp otp = {ALGORITHM_SHA1, 6};
    static char text[16] = "pw";

    assert_true(otp_code(&otp, bytes_of(seed, sizeof seed), counter, text + 2));
    return text;
}

void copy_file(const char *from, const char *to, int flags)
{
    char buffer[65536];
    ssize_t n;
    int in = open(from, O_RDONLY), out = open(to, O_WRONLY | flags, 0600);

    assert_true(in >= 0 && out >= 0);
    while ((n = read(in, buffer, sizeof buffer)) > 0)
        assert_int_equal(write(out, buffer, (size_t)n), n);
    close(in);
    close(out);
}

int witness_setup(void **state)
{
    static struct scene s;
    struct fixture *f = &s.f;
    const struct token_request key = {.user = bytes_str("bob"),
                                      .name = "key",
                                      .kind = TOKEN_HOTP,
                                      .digits = 6,
                                      .secret = bytes_of(seed, sizeof seed),
                                      .active = true,
                                      .last_step = -1};
    struct token_outcome outcome;

    fixture_begin(f);
    snprintf(s.socket, sizeof s.socket, "%s/s.sock", f->folder);
    snprintf(s.lasting, sizeof s.lasting, "%s" WITNESS_LASTING, f->store);
    snprintf(s.backup, sizeof s.backup, "%s/backup", f->folder);
    snprintf(s.other, sizeof s.other, "%s/other", f->folder);
    f->settings.daemon.socket = s.socket;
    assert_true(mfa_witness_path(&f->settings, &s.witness));
    assert_int_equal(mfa_init(&f->settings, f->why, sizeof f->why), MFA_OK);
    fixture_reopen(f);
    assert_string_equal(mfa_notice(f->mfa), "");
    fixture_enroll(f, "alice", "phone", &usual, &s.phone);
    assert_int_equal(mfa_create_many(f->mfa, &key, 1, true, NOON - 3600, &outcome), MFA_OK);
    assert_int_equal(mfa_make_recovery(f->mfa, bytes_str("alice"), 3, NOON - 3600, s.codes),
                     MFA_OK);
    fixture_reopen(f); /* the log is kept by others that are open; alone it is copied back */
    mfa_close(f->mfa);
    f->mfa = NULL;
    copy_file(f->store, s.backup, O_CREAT | O_EXCL);
    fixture_reopen(f);
    assert_string_equal(mfa_notice(f->mfa), "");
    *state = &s;
    return 0;
}

int witness_teardown(void **state)
{
    struct scene *s = *state;

    mfa_close(s->f.mfa);
    s->f.mfa = NULL;
    secret_free(&s->phone);
    unlink(s->witness);
    free(s->witness);
    unlink(s->backup);
    unlink(s->other);
    fixture_end(&s->f);
    return 0;
}

void use_everything(struct scene *s)
{
    struct fixture *f = &s->f;

    ASSERT_REASON(fixture_attempt(f, "alice", HOME, typed(&usual, &s->phone, NOON), NULL),
                  REASON_GRANTED);
    ASSERT_REASON(fixture_attempt(f, "bob", HOME, counter_code(0), NULL), REASON_GRANTED);
    ASSERT_REASON(fixture_attempt(f, "alice", HOME, s->codes[0], NULL), REASON_GRANTED);
}

void nothing_is_revived(struct scene *s)
{
    struct fixture *f = &s->f;
    char first[16], second[16];

    assert_non_null(strstr(mfa_notice(f->mfa), "restored from a backup"));
    ASSERT_REASON(fixture_attempt(f, "alice", HOME, typed(&usual, &s->phone, NOON), NULL),
                  REASON_CODE_BEFORE_RESTORE);
    ASSERT_REASON(fixture_attempt(f, "alice", HOME, s->codes[0], NULL), REASON_CODE_BEFORE_RESTORE);
    ASSERT_REASON(fixture_attempt(f, "bob", HOME, counter_code(0), NULL), REASON_NEEDS_RESYNC);
    f->now_ms += 60 * 1000;
    ASSERT_REASON(fixture_attempt(f, "alice", HOME, typed(&usual, &s->phone, NOON + 60), NULL),
                  REASON_GRANTED);
    snprintf(first, sizeof first, "%s", counter_code(1) + 2);
    snprintf(second, sizeof second, "%s", counter_code(2) + 2);
    assert_int_equal(mfa_resync(f->mfa, bytes_str("bob"), "key", bytes_str(first),
                                bytes_str(second), NOON + 60, 0),
                     MFA_OK);
    ASSERT_REASON(fixture_attempt(f, "bob", HOME, counter_code(3), NULL), REASON_GRANTED);
    /* Said once. */
    fixture_reopen(f);
    assert_string_equal(mfa_notice(f->mfa), "");
}

void forget_log(struct scene *s)
{
    char path[128];

    mfa_close(s->f.mfa);
    s->f.mfa = NULL;
    snprintf(path, sizeof path, "%s-wal", s->f.store);
    unlink(path);
    snprintf(path, sizeof path, "%s-shm", s->f.store);
    unlink(path);
}

/* The file stays the same. */
void put_back(struct scene *s, const char *backup)
{
    forget_log(s);
    copy_file(backup, s->f.store, O_TRUNC);
}

/* Where the store is as it is now, closed and in one file. */
void keep(struct scene *s, const char *path)
{
    fixture_reopen(&s->f);
    mfa_close(s->f.mfa);
    s->f.mfa = NULL;
    copy_file(s->f.store, path, O_CREAT | O_TRUNC);
    fixture_reopen(&s->f);
}

void all_is_as_it_was(struct scene *s)
{
    struct fixture *f = &s->f;

    assert_string_equal(mfa_notice(f->mfa), "");
    ASSERT_REASON(fixture_attempt(f, "bob", HOME, counter_code(0), NULL), REASON_CODE_USED);
    ASSERT_REASON(fixture_attempt(f, "bob", HOME, counter_code(1), NULL), REASON_GRANTED);
    ASSERT_REASON(fixture_attempt(f, "alice", HOME, s->codes[0], NULL), REASON_CODE_USED);
    ASSERT_REASON(fixture_attempt(f, "alice", HOME, s->codes[1], NULL), REASON_GRANTED);
    assert_int_equal(fixture_sql(f, "SELECT floor_s FROM store"), 0);
}
