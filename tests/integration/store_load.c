/*
 * Logins without end on one store, from several processes that all try the same codes again and again,
 * while somebody breaks its server.  Records each acceptance: a code that counts twice is a fault.
 *
 *   store_load USERS PROCESSES     the store is that of engine_fixture.h; PGSIGNET_TEST_STANDBY is its
 *                                  store.standby
 *
 * Reads commands from standard input, a line each, and answers each with one line; the end of the input
 * ends it.
 *
 *   report    granted=N used=N restored=N unavailable=N other=N twice=N since=N
 *             (since: granted since the last `mark`)
 *   mark      forgets what `since` counts
 *   kill      ends one process with SIGKILL, wherever it is, and starts another
 */
#include "config.h"

#include "tests/unit/engine_fixture.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define USERS_MAX     400
#define PROCESSES_MAX 64
#define STEPS         2048
#define PERIOD        8     /* seconds: new codes come soon, and outlive a failover */
#define TIMEOUT       10    /* store.timeout: a slow machine is no server that is gone */
#define PATIENCE_MS   12000 /* of one login */

static const struct settings_token quick = {NULL, ALGORITHM_SHA1, 6, PERIOD, 1, 10};

struct shared {
    _Atomic int granted_at[USERS_MAX][STEPS]; /* how often the code of that step was accepted */
    _Atomic long granted, used, restored, unavailable, other, since;
    char last_trouble[800];
};

struct load {
    struct fixture f;
    struct shared *shared;
    int users, processes;
    struct secret secrets[USERS_MAX];
    int64_t first_step;
    pid_t children[PROCESSES_MAX];
};

static void try_one(struct load *l, unsigned *seed)
{
    int user = rand_r(seed) % l->users;
    int64_t now_s = clock_wall_ms() / 1000;
    int64_t step = now_s / PERIOD + rand_r(seed) % 3 - 1;
    int64_t at = step - l->first_step;
    char name[24], code[OTP_DIGITS_MAX + 1];
    struct mfa_outcome outcome;

    if (at < 0 || at >= STEPS)
        return;
    snprintf(name, sizeof name, "user%d", user);
    fixture_code(&quick, &l->secrets[user], step * PERIOD, code);
    struct mfa_attempt attempt = {
        .user = bytes_str(name),
        .address = bytes_str("192.0.2.1"),
        .secret = bytes_str(code),
        .code_due = true,
        .now_ms = clock_wall_ms(),
        .boot_s = now_s - 86400,
    };
    switch (mfa_attempt(l->f.mfa, &attempt, clock_mono_ms() + PATIENCE_MS, &outcome)) {
    case REASON_GRANTED:
        l->shared->granted_at[user][at]++;
        l->shared->granted++;
        l->shared->since++;
        break;
    case REASON_CODE_USED:
        l->shared->used++;
        break;
    case REASON_CODE_BEFORE_RESTORE:
        l->shared->restored++;
        break;
    case REASON_STORE_UNAVAILABLE:
        l->shared->unavailable++;
        snprintf(l->shared->last_trouble, sizeof l->shared->last_trouble, "%s",
                 mfa_error(l->f.mfa));
        break;
    default:
        l->shared->other++;
        snprintf(l->shared->last_trouble, sizeof l->shared->last_trouble, "reason %d: %s",
                 (int)outcome.reason, mfa_error(l->f.mfa));
    }
}

static void start_child(struct load *l, int at)
{
    static char daemon[256];
    unsigned seed = (unsigned)clock_mono_us();

    l->children[at] = fork();
    if (l->children[at] != 0)
        return;
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    l->f.mfa = NULL; /* the parent's */
    if (fixture_is_shared(&l->f)) {
        /* With no more rights than the daemon has. */
        snprintf(daemon, sizeof daemon, "%s user=pgsignet_store", getenv("PGSIGNET_TEST_CONNINFO"));
        l->f.settings.store.conninfo = daemon;
    }
    while (mfa_open(&l->f.settings, &l->f.mfa, l->f.why, sizeof l->f.why) != REASON_GRANTED) {
        l->shared->unavailable++;
        snprintf(l->shared->last_trouble, sizeof l->shared->last_trouble, "%s", l->f.why);
        usleep(100000);
    }
    seed ^= (unsigned)getpid();
    for (;;) {
        try_one(l, &seed);
        usleep(1000); /* the pace of a busy server, not a race */
    }
}

static long twice(const struct load *l)
{
    long n = 0;

    for (int user = 0; user < l->users; user++)
        for (int at = 0; at < STEPS; at++)
            n += l->shared->granted_at[user][at] > 1;
    return n;
}

static void obey(struct load *l, const char *line, unsigned *seed)
{
    struct shared *s = l->shared;

    if (strcmp(line, "mark\n") == 0) {
        s->since = 0;
    } else if (strcmp(line, "kill\n") == 0) {
        int at = rand_r(seed) % l->processes;
        kill(l->children[at], SIGKILL);
        waitpid(l->children[at], NULL, 0);
        start_child(l, at);
    }
    printf("granted=%ld used=%ld restored=%ld unavailable=%ld other=%ld twice=%ld since=%ld # %s\n",
           s->granted, s->used, s->restored, s->unavailable, s->other, twice(l), s->since,
           s->last_trouble);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    static struct load l;
    char line[64], name[24];
    const char *standby = getenv("PGSIGNET_TEST_STANDBY");
    unsigned seed = (unsigned)getpid();

    l.users = argc == 3 ? atoi(argv[1]) : 0;
    l.processes = argc == 3 ? atoi(argv[2]) : 0;
    if (l.users < 1 || l.users > USERS_MAX || l.processes < 1 || l.processes > PROCESSES_MAX)
        return 64;
    fixture_begin(&l.f);
    l.f.settings.store.timeout = TIMEOUT;
    l.f.settings.store.standby = standby != NULL && strcmp(standby, "synchronous") == 0
                                     ? STANDBY_SYNCHRONOUS
                                     : STANDBY_ASYNCHRONOUS;
    l.f.settings.throttle.after = 1000000; /* most of what comes is refused */
    l.f.settings.throttle.cap = 100000000;
    l.f.now_ms = clock_wall_ms();
    l.f.boot_s = l.f.now_ms / 1000 - 86400;
    if (mfa_init(&l.f.settings, l.f.why, sizeof l.f.why) != MFA_OK) {
        fprintf(stderr, "init: %s\n", l.f.why);
        return 1;
    }
    fixture_reopen(&l.f);
    for (int i = 0; i < l.users; i++) {
        snprintf(name, sizeof name, "user%d", i);
        fixture_enroll(&l.f, name, "phone", &quick, &l.secrets[i]);
    }
    l.first_step = clock_wall_ms() / 1000 / PERIOD - 4;
    l.shared =
        mmap(NULL, sizeof *l.shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (l.shared == MAP_FAILED)
        return 99;
    for (int i = 0; i < l.processes; i++)
        start_child(&l, i);
    while (fgets(line, sizeof line, stdin) != NULL)
        obey(&l, line, &seed);
    for (int i = 0; i < l.processes; i++)
        kill(l.children[i], SIGKILL);
    while (wait(NULL) > 0)
        ;
    fixture_end(&l.f);
    return 0;
}
