/* Proves that on a full disk no code counts twice, and that all is well when there is space again. */
#include "config.h"

#include "tests/unit/engine_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <unistd.h>

static const struct settings_token usual = {NULL, ALGORITHM_SHA1, 6, 30, 1, 10};

/* Takes all space that is left.  Returns the file's descriptor. */
static int fill(const char *path)
{
    static const char block[4096];
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);

    while (fd >= 0 && write(fd, block, sizeof block) > 0)
        ;
    return fd;
}

static bool accepted(struct fixture *f, const struct secret *secret, int64_t step,
                     enum reason *reason)
{
    char code[OTP_DIGITS_MAX + 1];

    f->now_ms = step * 30 * 1000;
    fixture_code(&usual, secret, step * 30, code);
    *reason = fixture_attempt(f, "alice", "192.0.2.1", code, NULL);
    return *reason == REASON_GRANTED;
}

/* Opens the store anew: what could not be written is not taken for a backup that came back. */
static int fault_of_opening(struct fixture *f)
{
    fixture_reopen(f);
    if (mfa_notice(f->mfa)[0] == '\0')
        return 0;
    fprintf(stderr, "%s\n", mfa_notice(f->mfa));
    return 1;
}

int main(void)
{
    char mount_point[] = "/tmp/pgsignet-full-XXXXXX", filler[64], user[32];
    struct fixture f;
    struct secret secret, other;
    struct token_info info;
    enum reason reason;
    int failed = 0, granted = 0, unavailable = 0, refused_changes = 0;

    /* A mount of our own that nobody else sees, and that goes away with this process. */
    if (geteuid() != 0 || mkdtemp(mount_point) == NULL || unshare(CLONE_NEWNS) != 0 ||
        mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("none", mount_point, "tmpfs", 0, "size=8m") != 0) {
        printf("skipped: needs root and a tmpfs (%s)\n", strerror(errno));
        rmdir(mount_point);
        return 77;
    }
    setenv("TMPDIR", mount_point, 1);
    fixture_open(&f);
    fixture_enroll(&f, "alice", "phone", &usual, &secret);
    snprintf(filler, sizeof filler, "%s/filler", mount_point);
    int64_t step = NOON / 30 + 1;
    /* A store in use: its log has the size at which it is written anew from its start. */
    for (int i = 0; i < 1000; i++, step++)
        failed += !accepted(&f, &secret, step, &reason);
    int fd = fill(filler);
    for (int i = 0; i < 300; i++, step++) {
        bool once = accepted(&f, &secret, step, &reason);
        granted += once;
        unavailable += reason == REASON_STORE_UNAVAILABLE;
        if (!once && reason != REASON_STORE_UNAVAILABLE) {
            fprintf(stderr, "a right code: %s\n", reason_name(reason));
            failed++;
        }
        if (once && accepted(&f, &secret, step, &reason)) {
            fprintf(stderr, "step %lld was accepted twice\n", (long long)step);
            failed++;
        }
        snprintf(user, sizeof user, "user-%d", i);
        if (mfa_create(f.mfa, bytes_str(user), "t", &usual, NOON, &info, &other) != MFA_OK) {
            refused_changes++;
            if (strstr(mfa_error(f.mfa), "disk is full") == NULL) {
                fprintf(stderr, "unhelpful: %s\n", mfa_error(f.mfa));
                failed++;
            }
        }
        secret_free(&other);
        /* Failures of the replays are forgiven, or refusals would hide what is tested. */
        f.now_ms += 3600 * 1000;
        step += 130;
    }
    if (granted == 0 || unavailable == 0 || refused_changes == 0) {
        fprintf(stderr, "the disk was never full, or nothing worked when it was\n");
        failed++;
    }
    failed += fault_of_opening(&f);
    close(fd);
    unlink(filler);
    failed += fault_of_opening(&f);
    mfa_unlock(f.mfa, bytes_str("alice"));
    if (!accepted(&f, &secret, step, &reason) || accepted(&f, &secret, step, &reason)) {
        fprintf(stderr, "with space again: %s; %s\n", reason_name(reason), mfa_error(f.mfa));
        failed++;
    }
    if (fixture_sql(
            &f, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'") != 0)
        failed++;
    printf("%d granted and %d unavailable on a full disk, %d changes refused, %d faults\n", granted,
           unavailable, refused_changes, failed);
    secret_free(&secret);
    fixture_end(&f);
    umount(mount_point);
    rmdir(mount_point);
    return failed == 0 ? 0 : 1;
}
