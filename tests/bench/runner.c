#include "config.h"

#include "tests/bench/runner.h"

#include "common/clock.h"
#include "tests/bench/cpu.h"

#include <errno.h>
#include <grp.h>
#include <pthread.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LATENCIES 100000 /* kept of one process; later ones of a sample are not */
#define SECRET    256

struct lane {
    int64_t began_ns, ended_ns; /* of the batch */
    int64_t cpu_ns;
    uint64_t done, refused;
    size_t n_latencies;
    int64_t latencies[LATENCIES];
};

/* Between the parent and its processes.  Who waits at a barrier may read what others wrote before. */
struct shared {
    pthread_barrier_t go, done;
    bool stop;
    int64_t batch_ns; /* how long this batch may last */
    struct lane lanes[RUNNER_PROCESSES];
};

int64_t runner_now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

/* False when the codes have run out. */
static bool one_attempt(const struct runner_plan *plan, struct pool_slice *slice, int64_t boot_s,
                        struct lane *lane)
{
    char code[POOL_DIGITS + 1] = "";
    char secret[SECRET];
    bool coded = plan->answer == ANSWER_CODE || plan->answer == ANSWER_PASSWORD_CODE;
    struct pool_user *user =
        coded ? pool_code(slice, clock_wall_ms() / 1000, boot_s, code) : pool_turn(slice);
    int64_t ns = 0;

    if (user == NULL) {
        return false;
    }
    snprintf(secret, sizeof secret, "%s%s",
             plan->answer == ANSWER_PASSWORD || plan->answer == ANSWER_PASSWORD_CODE
                 ? plan->password
                 : "",
             code);
    lane->done++;
    if (!plan->attempt(plan->context, user->name, secret, &ns)) {
        lane->refused++;
    } else if (lane->n_latencies < LATENCIES) {
        lane->latencies[lane->n_latencies++] = ns;
    }
    return true;
}

static bool become(const char *name)
{
    const struct passwd *pw = name != NULL ? getpwnam(name) : NULL;

    if (name == NULL || (pw != NULL && pw->pw_uid == geteuid())) {
        return true;
    }
    return pw != NULL && initgroups(pw->pw_name, pw->pw_gid) == 0 && setgid(pw->pw_gid) == 0 &&
           setuid(pw->pw_uid) == 0;
}

static _Noreturn void run_lane(const struct runner_plan *plan, struct shared *shared, size_t i)
{
    struct lane *lane = &shared->lanes[i];
    struct pool_slice slice = pool_cut(plan->pool, i, plan->processes);
    int64_t boot_s = clock_boot_s();

    if (!become(plan->user) || (plan->start != NULL && !plan->start(plan->context))) {
        fprintf(stderr, "bench: a process could not start as %s\n",
                plan->user != NULL ? plan->user : "the caller");
        kill(getppid(), SIGTERM);
        _exit(1);
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* a change of user would have undone it */
    for (;;) {
        pthread_barrier_wait(&shared->go);
        if (shared->stop) {
            _exit(0);
        }
        int64_t cpu = cpu_own_ns();
        int64_t now = runner_now_ns();
        int64_t end = now + shared->batch_ns;

        lane->began_ns = now;
        while (now < end && one_attempt(plan, &slice, boot_s, lane)) {
            now = runner_now_ns();
        }
        lane->ended_ns = runner_now_ns();
        lane->cpu_ns += cpu_own_ns() - cpu;
        pthread_barrier_wait(&shared->done);
    }
}

static struct shared *share(size_t processes)
{
    pthread_barrierattr_t attr;
    struct shared *shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE,
                                 MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (shared == MAP_FAILED) {
        perror("mmap");
        return NULL;
    }
    pthread_barrierattr_init(&attr);
    pthread_barrierattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
    pthread_barrier_init(&shared->go, &attr, (unsigned)processes + 1);
    pthread_barrier_init(&shared->done, &attr, (unsigned)processes + 1);
    pthread_barrierattr_destroy(&attr);
    return shared;
}

/* From the first start to the last end: nothing of the pause, nor of waking up after it. */
static int64_t batch_ns(const struct shared *shared, size_t processes)
{
    int64_t began = shared->lanes[0].began_ns, ended = shared->lanes[0].ended_ns;

    for (size_t i = 1; i < processes; i++) {
        const struct lane *lane = &shared->lanes[i];

        began = lane->began_ns < began ? lane->began_ns : began;
        ended = lane->ended_ns > ended ? lane->ended_ns : ended;
    }
    return ended - began;
}

static uint64_t total_done(const struct shared *shared, size_t processes)
{
    uint64_t done = 0;

    for (size_t i = 0; i < processes; i++) {
        done += shared->lanes[i].done;
    }
    return done;
}

static bool renew(const struct runner_plan *plan)
{
    if (!plan->fixture->renew(plan->pool, plan->where)) {
        return false;
    }
    for (size_t i = 0; i < plan->pool->n; i++) {
        plan->pool->at[i].next_step = 0;
    }
    return true;
}

static bool run_batches(const struct runner_plan *plan, struct shared *shared, int64_t *total_ns)
{
    int64_t limit = (int64_t)(plan->seconds * 1e9);

    *total_ns = 0;
    while (*total_ns < limit) {
        uint64_t before = total_done(shared, plan->processes);

        shared->batch_ns = limit - *total_ns;
        pthread_barrier_wait(&shared->go);
        pthread_barrier_wait(&shared->done);
        *total_ns += batch_ns(shared, plan->processes);
        if (!renew(plan)) {
            fprintf(stderr, "bench: the state of %s in %s could not be renewed\n",
                    plan->fixture->name, plan->where);
            return false;
        }
        if (total_done(shared, plan->processes) == before) {
            fputs("bench: no user has a good code (has the machine just started?)\n", stderr);
            return false;
        }
    }
    return true;
}

static int compare_ns(const void *a, const void *b)
{
    const int64_t *left = a, *right = b;

    return *left < *right ? -1 : *left > *right;
}

static void sum_up(const struct shared *shared, size_t processes, struct runner_sample *sample)
{
    size_t n = 0, at = 0;
    int64_t cpu = 0;

    for (size_t i = 0; i < processes; i++) {
        n += shared->lanes[i].n_latencies;
    }
    int64_t *all = calloc(n > 0 ? n : 1, sizeof *all);

    if (all == NULL) {
        abort();
    }
    for (size_t i = 0; i < processes; i++) {
        const struct lane *lane = &shared->lanes[i];

        memcpy(all + at, lane->latencies, lane->n_latencies * sizeof *all);
        at += lane->n_latencies;
        sample->refused += lane->refused;
        cpu += lane->cpu_ns;
    }
    qsort(all, n, sizeof *all, compare_ns);
    sample->done = total_done(shared, processes);
    sample->p50_us = n > 0 ? (double)all[n / 2] / 1e3 : 0;
    sample->p99_us = n > 0 ? (double)all[n * 99 / 100] / 1e3 : 0;
    sample->own_us = (double)cpu / 1e3 / (double)(sample->done > 0 ? sample->done : 1);
    free(all);
}

static void read_watched(const struct runner_plan *plan, int64_t at[RUNNER_WATCHED])
{
    for (size_t i = 0; i < plan->n_watched; i++) {
        at[i] = cpu_family_ns(plan->watched[i].pid);
    }
}

bool runner_run(const struct runner_plan *plan, struct runner_sample *sample)
{
    struct shared *shared = share(plan->processes);
    int64_t before[RUNNER_WATCHED], after[RUNNER_WATCHED], total_ns = 0;
    bool done = shared != NULL;
    size_t n = 0;

    *sample = (struct runner_sample){0};
    if (!done) {
        return false;
    }
    /* A process that died would never come to the barrier. */
    alarm((unsigned)plan->seconds * 10 + 300);
    while (done && n < plan->processes) {
        pid_t pid = fork();

        if (pid == 0) {
            run_lane(plan, shared, n);
        }
        done = pid > 0;
        n += pid > 0;
    }
    if (!done) {
        perror("fork");
        exit(1); /* and the processes with it: see PR_SET_PDEATHSIG */
    }
    read_watched(plan, before);
    done = run_batches(plan, shared, &total_ns);
    read_watched(plan, after);
    shared->stop = true;
    pthread_barrier_wait(&shared->go);
    while (wait(NULL) > 0 || errno == EINTR) {
    }
    alarm(0);
    sum_up(shared, plan->processes, sample);
    sample->seconds = (double)total_ns / 1e9;
    for (size_t i = 0; i < plan->n_watched && sample->done > 0; i++) {
        sample->watched_us[i] = (double)(after[i] - before[i]) / 1e3 / (double)sample->done;
    }
    munmap(shared, sizeof *shared);
    return done;
}

void runner_print(const struct runner_plan *plan, const struct runner_sample *sample)
{
    printf("%llu %llu %.3f %.1f %.1f %.1f %.1f", (unsigned long long)sample->done,
           (unsigned long long)sample->refused, sample->seconds,
           (double)(sample->done - sample->refused) / (sample->seconds > 0 ? sample->seconds : 1),
           sample->p50_us, sample->p99_us, sample->own_us);
    for (size_t i = 0; i < plan->n_watched; i++) {
        printf(" %s=%.1f", plan->watched[i].label, sample->watched_us[i]);
    }
    putchar('\n');
}
