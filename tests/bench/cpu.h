/*
 * cpu.h - the CPU time that somebody else's processes have used.
 */
#ifndef PGSIGNET_BENCH_CPU_H
#define PGSIGNET_BENCH_CPU_H

#include <stdint.h>
#include <sys/types.h>

/*
 * Nanoseconds of user and system time of a process with all its threads, of its living children, and
 * of those children it has waited for.  So a server that forks for each connection is counted whole,
 * and so is one whose master keeps workers.  0 when there is no such process.
 */
int64_t cpu_family_ns(pid_t pid);

/* The same of the calling process. */
int64_t cpu_own_ns(void);

#endif
