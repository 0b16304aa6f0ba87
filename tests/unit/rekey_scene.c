#include "config.h"

#include "tests/unit/rekey_scene.h"

#include "mfa/engine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

const struct settings_token usual = {.algorithm = ALGORITHM_SHA1, .digits = 6, .period = 30};

int scene_begin(void **state)
{
    static struct scene s;

    s = (struct scene){0};
    fixture_open(&s.f);
    fixture_enroll(&s.f, "alice", "default", &usual, &s.secret);
    *state = &s;
    return 0;
}

int scene_end(void **state)
{
    struct scene *s = *state;

    secret_free(&s->secret);
    fixture_end(&s->f);
    return 0;
}

enum reason log_in(struct scene *s, struct mfa *mfa)
{
    char code[OTP_DIGITS_MAX + 1];
    struct mfa *own = s->f.mfa;

    s->f.now_ms += 30000;
    fixture_code(&usual, &s->secret, s->f.now_ms / 1000, code);
    s->f.mfa = mfa;
    enum reason reason = fixture_attempt(&s->f, "alice", "192.0.2.1", code, NULL);
    s->f.mfa = own;
    if (reason != REASON_GRANTED)
        fprintf(stderr, "%s: %s\n", reason_name(reason), mfa_error(mfa));
    return reason;
}

void expect_opens(struct scene *s)
{
    fixture_reopen(&s->f);
    assert_int_equal(log_in(s, s->f.mfa), REASON_GRANTED);
}

char kinds[512];

static bool note_kind(void *context, const struct fsck_fault *fault)
{
    (void)context;
    snprintf(kinds + strlen(kinds), sizeof kinds - strlen(kinds), "%s ", fault->kind);
    assert_non_null(fault->what);
    return true;
}

int64_t check(struct scene *s, struct fsck_count *count)
{
    kinds[0] = '\0';
    assert_int_equal(mfa_fsck(s->f.mfa, s->f.now_ms / 1000, note_kind, NULL, NULL, count), MFA_OK);
    return count->faults;
}

void expect_clean(struct scene *s)
{
    struct fsck_count count;

    if (check(s, &count) != 0)
        fail_msg("fsck finds: %s", kinds);
}
