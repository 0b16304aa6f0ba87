/* Proves that kill -9 at any instant loses no confirmed token and revives no accepted code. */
#include "config.h"

#include "tests/unit/engine_fixture.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS 200

/* What the child was told before it died. */
struct shared {
    _Atomic int64_t accepted; /* the highest step that was accepted */
    _Atomic int64_t
        tried; /* the highest that may have been burnt without the child hearing of it */
    _Atomic int confirmed; /* tokens confirmed for user "crowd-N" */
    _Atomic int ready;
};

static const struct settings_token usual = {NULL, ALGORITHM_SHA1, 6, 30, 1, 10};

static void log_in(struct fixture *f, const struct secret *secret, struct shared *shared)
{
    char code[OTP_DIGITS_MAX + 1];
    int64_t step = shared->tried + 1;

    shared->tried = step;
    f->now_ms = step * 30 * 1000;
    fixture_code(&usual, secret, step * 30, code);
    if (fixture_attempt(f, "alice", "192.0.2.1", code, NULL) == REASON_GRANTED)
        shared->accepted = step;
    fixture_attempt(f, "alice", "192.0.2.2", "wrong", NULL);
}

static void enroll(struct fixture *f, struct shared *shared)
{
    struct secret secret;
    char user[32];

    snprintf(user, sizeof user, "crowd-%d", shared->confirmed);
    /* A predecessor may have died between the two; the name is then taken or pending. */
    size_t removed;
    mfa_remove(f->mfa, bytes_str(user), NULL, &removed);
    f->now_ms += INT64_C(7200) * 1000;
    struct token_info info;
    char code[OTP_DIGITS_MAX + 1];
    if (mfa_create(f->mfa, bytes_str(user), "t", &usual, f->now_ms / 1000, &info, &secret) !=
        MFA_OK)
        return;
    fixture_code(&usual, &secret, f->now_ms / 1000, code);
    if (mfa_confirm(f->mfa, bytes_str(user), "t", bytes_str(code), f->now_ms / 1000, 0) == MFA_OK)
        shared->confirmed++;
    secret_free(&secret);
}

static void work(struct fixture *f, const struct secret *secret, struct shared *shared)
{
    f->mfa = NULL;
    f->boot_s = 0;
    if (mfa_open(&f->settings, &f->mfa, f->why, sizeof f->why) != REASON_GRANTED) {
        fprintf(stderr, "open: %s\n", f->why);
        _exit(1);
    }
    shared->ready = 1;
    for (int i = 0;; i++) {
        log_in(f, secret, shared);
        if (i % 40 == 10)
            enroll(f, shared);
    }
}

static int count_lost(struct fixture *f, int confirmed)
{
    struct token_info *infos;
    size_t n;
    int active = 0;

    if (mfa_list(f->mfa, bytes_of(NULL, 0), &infos, &n) != MFA_OK) {
        fprintf(stderr, "list: %s\n", mfa_error(f->mfa));
        return confirmed + 1;
    }
    for (size_t i = 0; i < n; i++)
        active += infos[i].state == TOKEN_ACTIVE && infos[i].user_len > 5;
    free(infos);
    return active >= confirmed ? 0 : confirmed - active;
}

/* After a death: is an accepted code refused, from an address without failures? */
static bool revived(struct fixture *f, const struct secret *secret, int64_t step, int round)
{
    char code[OTP_DIGITS_MAX + 1], address[32];

    if (step == 0)
        return false;
    snprintf(address, sizeof address, "check-%d", round);
    f->now_ms = step * 30 * 1000;
    f->boot_s = 0;
    fixture_code(&usual, secret, step * 30, code);
    return fixture_attempt(f, "alice", address, code, NULL) == REASON_GRANTED;
}

static void sleep_ns(long ns)
{
    const struct timespec pause = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};

    nanosleep(&pause, NULL);
}

int main(void)
{
    struct fixture f;
    struct secret secret;
    int failed = 0;
    /* Follows the machine: a slow one gets to its first enrolment, a fast one is killed in it. */
    long span_ns = 12000000;

    srandom(20261121);
    fixture_open(&f);
    f.settings.throttle.cap = 1000000;
    f.settings.throttle.after = 1000000;
    fixture_reopen(&f);
    fixture_enroll(&f, "alice", "phone", &usual, &secret);
    struct shared *shared =
        mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        return 99;
    shared->tried = NOON / 30;
    for (int round = 0; round < ROUNDS; round++) {
        shared->ready = 0;
        pid_t child = fork();
        if (child == 0)
            work(&f, &secret, shared);
        int confirmed = shared->confirmed;
        pid_t ended = 0;
        while (!shared->ready && ended == 0) {
            usleep(100);
            ended = waitpid(child, NULL, WNOHANG);
        }
        if (ended != 0) {
            fprintf(stderr, "round %d: the store of the last death could not be opened\n", round);
            failed++;
            continue;
        }
        sleep_ns(random() % span_ns);
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        if (shared->confirmed > confirmed)
            span_ns -= span_ns / 16;
        else if (span_ns < 2000000000) /* or it never comes to that */
            span_ns += span_ns / 16;
        if (revived(&f, &secret, shared->accepted, round)) {
            fprintf(stderr, "round %d: step %lld was accepted again\n", round,
                    (long long)shared->accepted);
            failed++;
        }
        if (count_lost(&f, shared->confirmed) != 0) {
            fprintf(stderr, "round %d: confirmed tokens are lost\n", round);
            failed++;
        }
    }
    if (fixture_sql(
            &f, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'") != 0 ||
        fixture_sql(&f, "SELECT count(*) FROM pragma_foreign_key_check") != 0) {
        fprintf(stderr, "the file is damaged\n");
        failed++;
    }
    if (shared->accepted == 0 || shared->confirmed == 0) {
        fprintf(stderr, "nothing was ever done\n");
        failed++;
    }
    printf("%d deaths, %lld logins, %d enrolments, %d faults\n", ROUNDS,
           (long long)(shared->tried - NOON / 30), shared->confirmed, failed);
    secret_free(&secret);
    fixture_end(&f);
    return failed == 0 ? 0 : 1;
}
