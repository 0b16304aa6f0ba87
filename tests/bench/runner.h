/*
 * runner.h - many authentications by some processes at once, and what they cost.
 *
 * A sample lasts a given time.  When the codes run out before, the processes pause, the fixture is
 * renewed, and the sample goes on: pauses are not counted.
 */
#ifndef PGSIGNET_BENCH_RUNNER_H
#define PGSIGNET_BENCH_RUNNER_H

#include "tests/bench/fixture.h"
#include "tests/bench/pool.h"

#include <sys/types.h>

#define RUNNER_PROCESSES 64
#define RUNNER_WATCHED   4

enum runner_answer {
    ANSWER_NONE,          /* no code: users take turns */
    ANSWER_CODE,          /* the code alone */
    ANSWER_PASSWORD,      /* the password alone */
    ANSWER_PASSWORD_CODE, /* both, the password first */
};

struct runner_watched {
    const char *label;
    pid_t pid; /* of a server, see cpu_family_ns */
};

struct runner_plan {
    struct pool *pool;
    const char *user; /* the OS user that the processes run as, or NULL: the caller */
    size_t processes;
    double seconds;
    enum runner_answer answer;
    const char *password;
    const struct fixture *fixture;
    const char *where; /* of the fixture */
    struct runner_watched watched[RUNNER_WATCHED];
    size_t n_watched;
    /* Once in each process, before the first attempt. */
    bool (*start)(void *context);
    /* One authentication; true if admitted.  *ns is what it took. */
    bool (*attempt)(void *context, const char *user, const char *secret, int64_t *ns);
    void *context;
};

struct runner_sample {
    uint64_t done;                     /* attempts */
    uint64_t refused;                  /* of these */
    double seconds;                    /* measured, pauses left out */
    double p50_us, p99_us;             /* of admitted attempts */
    double own_us;                     /* CPU of the driving processes an attempt */
    double watched_us[RUNNER_WATCHED]; /* CPU of each server an attempt */
};

/* False, and a message on stderr, when the sample could not be taken. */
bool runner_run(const struct runner_plan *plan, struct runner_sample *sample);

/* One line: done refused seconds rate p50_us p99_us own_us LABEL=us...; the rate is of the admitted. */
void runner_print(const struct runner_plan *plan, const struct runner_sample *sample);

/* What one driver is: an option's value is a string of argv. */
struct runner_driver {
    const char *usage; /* "NAME --OPTION VALUE..." of its own options */
    struct {
        const char *name; /* without "--"; NULL ends them */
        const char **value;
        bool optional;
    } options[4];
    bool (*start)(void *context); /* as in struct runner_plan */
    bool (*attempt)(void *context, const char *user, const char *secret, int64_t *ns);
    void *context;
};

/* All of a driver's main: reads its options and those that all share, takes a sample, prints it.  The exit code. */
int runner_main(const struct runner_driver *driver, int argc, char **argv);

int64_t runner_now_ns(void); /* CLOCK_MONOTONIC */

#endif
