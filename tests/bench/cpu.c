#include "config.h"

#include "tests/bench/cpu.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define SECOND INT64_C(1000000000)

static int64_t process_ns(pid_t pid)
{
    clockid_t clock;
    struct timespec t;

    /* Unlike /proc/PID/stat this is not cut to hundredths of a second. */
    if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &t) != 0) {
        return 0;
    }
    return t.tv_sec * SECOND + t.tv_nsec;
}

static int64_t living_children_ns(pid_t pid)
{
    char path[64];
    int64_t sum = 0;
    int child;

    snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)pid, (int)pid);
    FILE *file = fopen(path, "re");

    if (file == NULL) {
        return 0;
    }
    while (fscanf(file, "%d", &child) == 1) {
        sum += process_ns(child);
    }
    fclose(file);
    return sum;
}

/* Fields 16 and 17 of /proc/PID/stat (proc(5)): cutime and cstime, in clock ticks. */
static int64_t reaped_children_ns(pid_t pid)
{
    char path[64], line[1024];
    int64_t user = 0, system = 0;

    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "re");

    if (file == NULL) {
        return 0;
    }
    if (fgets(line, sizeof line, file) != NULL) {
        /* The name in field 2 may hold anything; its parenthesis is the last one. */
        const char *rest = strrchr(line, ')');

        if (rest == NULL ||
            sscanf(rest + 1,
                   " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %" SCNd64 " %" SCNd64,
                   &user, &system) != 2) {
            user = system = 0;
        }
    }
    fclose(file);
    return (user + system) * (SECOND / sysconf(_SC_CLK_TCK));
}

int64_t cpu_family_ns(pid_t pid)
{
    /* A child that ends between the two reads is missed once, but never counted twice. */
    int64_t reaped = reaped_children_ns(pid);

    return reaped + living_children_ns(pid) + process_ns(pid);
}

int64_t cpu_own_ns(void)
{
    struct timespec t;
    struct rusage children;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    getrusage(RUSAGE_CHILDREN, &children);
    return t.tv_sec * SECOND + t.tv_nsec +
           (children.ru_utime.tv_sec + children.ru_stime.tv_sec) * SECOND +
           (children.ru_utime.tv_usec + children.ru_stime.tv_usec) * 1000;
}
