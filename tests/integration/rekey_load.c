/*
 * Changes keys again and again under a load of logins, and kills whoever changes them at random.
 *
 *     rekey_load SECONDS
 *
 * Workers log in as pgsignetd's do, each its own user, on a clock of their own that moves one step a
 * login.  Meanwhile children change KEK and data key by turns; each second one is killed (SIGKILL) after a
 * random time, and its successor ends what it began.  Every login must be granted.  In the end the store
 * must be sound and no key left over.
 */
#include "config.h"

#include "common/crypto.h"
#include "mfa/fsck.h"
#include "mfa/rekey.h"
#include "mfa/rekey_file.h"
#include "tests/unit/engine_fixture.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WORKERS 4
#define CROWD   400 /* users besides, to have something to seal */

struct shared {
    atomic_bool stop;
    atomic_long granted, failed, keks, deks, killed;
};

static struct shared *shared;
/* 8 digits: of so many codes of 6 some are by chance the one that was used last. */
static const struct settings_token usual = {.algorithm = ALGORITHM_SHA1, .digits = 8, .period = 30};

static void work(struct fixture *f, const char *user, const struct secret *secret)
{
    char code[OTP_DIGITS_MAX + 1];
    struct mfa *mfa = NULL;

    for (long n = 0; !atomic_load(&shared->stop); n++) {
        /* Now and then as a worker that was just started. */
        if (n % 50 == 0) {
            mfa_close(mfa);
            mfa = NULL;
            if (mfa_open(&f->settings, &mfa, f->why, sizeof f->why) != REASON_GRANTED) {
                fprintf(stderr, "open: %s\n", f->why);
                atomic_fetch_add(&shared->failed, 1);
                continue;
            }
        }
        f->mfa = mfa;
        f->now_ms += 30000;
        fixture_code(&usual, secret, f->now_ms / 1000, code);
        enum reason reason = fixture_attempt(f, user, "192.0.2.1", code, NULL);
        if (reason == REASON_GRANTED) {
            atomic_fetch_add(&shared->granted, 1);
            continue;
        }
        fprintf(stderr, "%s: %s: %s\n", user, reason_name(reason), mfa_error(mfa));
        atomic_fetch_add(&shared->failed, 1);
    }
    mfa_close(mfa);
    _exit(0);
}

static void change(struct fixture *f, bool kek)
{
    struct rekey_count count;
    struct mfa *mfa = NULL;
    enum mfa_result result = MFA_STORE;

    if (kek) {
        result = rekey_key_file(&f->settings, NULL, NULL, f->why, sizeof f->why);
    } else if (mfa_open(&f->settings, &mfa, f->why, sizeof f->why) == REASON_GRANTED) {
        result = rekey_data_key(mfa, NULL, NULL, &count);
        snprintf(f->why, sizeof f->why, "%s", mfa_error(mfa));
        mfa_close(mfa);
    }
    if (result == MFA_OK)
        _exit(0);
    fprintf(stderr, "rekey --%s: %s\n", kek ? "kek" : "dek", f->why);
    _exit(1);
}

/* Forgets that earlier children ended. */
static void drain_signals(const sigset_t *set)
{
    const struct timespec none = {0};

    while (sigtimedwait(set, NULL, &none) > 0)
        ;
}

/* Ends the child after a random time below limit_ms, unless it ends before. */
static void kill_sometime(pid_t child, unsigned limit_ms)
{
    unsigned random = 0;
    struct timespec wait = {0};
    sigset_t set;

    (void)crypto_random(&random, sizeof random);
    wait.tv_nsec = (long)(random % limit_ms) * 1000000 + 1;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    /* The fault itself is the time: what is killed where is left to chance. */
    if (sigtimedwait(&set, NULL, &wait) < 0)
        kill(child, SIGKILL);
}

/* One change, ended by its successors if it is killed; true when the last one was content. */
static bool change_once(struct fixture *f, bool kek, bool kills)
{
    for (int i = 0; i < 4; i++) {
        int status;
        sigset_t set;
        sigemptyset(&set);
        sigaddset(&set, SIGCHLD);
        drain_signals(&set);
        pid_t child = fork();
        if (child < 0)
            return false;
        if (child == 0)
            change(f, kek);
        if (kills && i < 3)
            kill_sometime(child, kek ? 12 : 60);
        while (waitpid(child, &status, 0) < 0 && errno == EINTR)
            ;
        if (WIFEXITED(status)) {
            atomic_fetch_add(kek ? &shared->keks : &shared->deks, 1);
            return WEXITSTATUS(status) == 0;
        }
        atomic_fetch_add(&shared->killed, 1);
    }
    return false;
}

/* Whether so much was done that the outcome says something. */
static bool is_enough(void)
{
    return shared->granted > 100 && shared->keks > 3 && shared->deks > 3 && shared->killed > 0;
}

static bool say(void *context, const struct fsck_fault *fault)
{
    (void)context;
    fprintf(stderr, "fsck: %s: %s\n", fault->kind, fault->what);
    return true;
}

static bool is_sound(struct fixture *f)
{
    struct fsck_count count;
    char path[128];

    fixture_reopen(f);
    if (mfa_fsck(f->mfa, f->now_ms / 1000 + INT64_C(30) * 1000000000, say, NULL, NULL, &count) !=
        MFA_OK) {
        fprintf(stderr, "fsck: %s\n", mfa_error(f->mfa));
        return false;
    }
    snprintf(path, sizeof path, "%s.old", f->key);
    return count.faults == 0 && count.data_keys == 1 && count.wraps == 1 &&
           access(path, F_OK) != 0 && errno == ENOENT;
}

static void sweep(const struct fixture *f)
{
    char command[256];

    /* A key file that a kill left half made has a random name. */
    snprintf(command, sizeof command, "rm -f -- '%s'.new-* '%s'.new.new-*", f->key, f->key);
    if (system(command) != 0)
        fprintf(stderr, "cannot sweep %s\n", f->folder);
}

int main(int argc, char **argv)
{
    static struct fixture f;
    static char names[WORKERS][16];
    struct secret secrets[WORKERS] = {0}, unused;
    pid_t workers[WORKERS];
    char crowd[16];
    struct token_info info;
    sigset_t set;
    bool ok = true;

    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int64_t seconds = argc > 1 ? strtol(argv[1], NULL, 10) : 8;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    if (shared == MAP_FAILED || sigprocmask(SIG_BLOCK, &set, NULL) != 0)
        return 1;
    fixture_open(&f);
    for (size_t i = 0; i < CROWD; i++) {
        snprintf(crowd, sizeof crowd, "crowd%zu", i);
        if (mfa_create(f.mfa, bytes_str(crowd), "default", &usual, f.now_ms / 1000, &info,
                       &unused) == MFA_OK)
            secret_free(&unused);
    }
    for (size_t i = 0; i < WORKERS; i++) {
        snprintf(names[i], sizeof names[i], "worker%zu", i);
        fixture_enroll(&f, names[i], "default", &usual, &secrets[i]);
    }
    mfa_close(f.mfa); /* nothing open across the forks */
    f.mfa = NULL;
    for (size_t i = 0; i < WORKERS; i++) {
        workers[i] = fork();
        if (workers[i] == 0)
            work(&f, names[i], &secrets[i]);
    }
    int64_t end = clock_mono_ms() + seconds * 1000;
    /* A slow machine needs longer for enough; ten times as long is not slow, but hung. */
    for (long n = 0;
         ok && (clock_mono_ms() < end || (!is_enough() && clock_mono_ms() < end + seconds * 9000));
         n++)
        ok = change_once(&f, n % 2 == 0, n % 4 >= 2);
    atomic_store(&shared->stop, true);
    for (size_t i = 0; i < WORKERS; i++) {
        while (waitpid(workers[i], NULL, 0) < 0 && errno == EINTR)
            ;
        secret_free(&secrets[i]);
    }
    ok = is_sound(&f) && ok && atomic_load(&shared->failed) == 0;
    printf("%ld logins granted, %ld not; %ld KEKs, %ld data keys, %ld kills\n", shared->granted,
           shared->failed, shared->keks, shared->deks, shared->killed);
    ok = ok && is_enough();
    sweep(&f);
    fixture_end(&f);
    return ok ? 0 : 1;
}
