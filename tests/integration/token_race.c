/* Proves that of 16 processes with one code exactly one is let in, 200 times over. */
#include "config.h"

#include "tests/unit/engine_fixture.h"

#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROCESSES 16
#define ROUNDS    200

struct shared {
    _Atomic int arrived; /* counts up over all rounds: nobody starts before all are there */
    _Atomic int granted[ROUNDS];
    _Atomic int used[ROUNDS];
    _Atomic int trouble;
};

static const struct settings_token usual = {NULL, ALGORITHM_SHA1, 6, 30, 1, 10};

static void wait_for_all(struct shared *shared, int round)
{
    shared->arrived++;
    while (shared->arrived < PROCESSES * (round + 1))
        usleep(20); /* two cores for sixteen: spinning would hold up those who are awaited */
}

static int play(struct fixture *f, const struct secret *secret, struct shared *shared)
{
    char code[OTP_DIGITS_MAX + 1], address[16];

    f->mfa = NULL; /* the parent's */
    if (mfa_open(&f->settings, &f->mfa, f->why, sizeof f->why) != REASON_GRANTED) {
        fprintf(stderr, "open: %s\n", f->why);
        _exit(1);
    }
    for (int round = 0; round < ROUNDS; round++) {
        int64_t at_s = NOON + round * 30;
        /* An address a try: refusals are not what is tested. */
        snprintf(address, sizeof address, "p%ld-%d", (long)getpid() % 1000, round);
        f->now_ms = at_s * 1000;
        fixture_code(&usual, secret, at_s, code);
        wait_for_all(shared, round);
        switch (fixture_attempt(f, "alice", address, code, NULL)) {
        case REASON_GRANTED:
            shared->granted[round]++;
            break;
        case REASON_CODE_USED:
            shared->used[round]++;
            break;
        default:
            fprintf(stderr, "round %d: %s\n", round, mfa_error(f->mfa));
            shared->trouble++;
        }
    }
    mfa_close(f->mfa);
    _exit(0);
}

int main(void)
{
    struct fixture f;
    struct secret secret;
    int failed = 0;

    fixture_open(&f);
    f.settings.throttle.cap = 1000000; /* 15 of 16 fail each round */
    fixture_enroll(&f, "alice", "phone", &usual, &secret);
    struct shared *shared =
        mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        return 99;
    int64_t start_us = clock_mono_us();
    for (int i = 0; i < PROCESSES; i++)
        if (fork() == 0)
            play(&f, &secret, shared);
    for (int status; wait(&status) > 0;)
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
            failed++;
    int64_t spent_us = clock_mono_us() - start_us;
    for (int round = 0; round < ROUNDS; round++)
        if (shared->granted[round] != 1 || shared->used[round] != PROCESSES - 1) {
            fprintf(stderr, "round %d: %d granted, %d used\n", round, shared->granted[round],
                    shared->used[round]);
            failed++;
        }
    failed += shared->trouble;
    printf("%d rounds of %d processes, %d faults, %lld attempts/s\n", ROUNDS, PROCESSES, failed,
           (long long)ROUNDS * PROCESSES * 1000000 / (long long)spent_us);
    secret_free(&secret);
    fixture_end(&f);
    return failed == 0 ? 0 : 1;
}
