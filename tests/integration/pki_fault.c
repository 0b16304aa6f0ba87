/*
 * pki_fault - LD_PRELOAD: the N-th call that changes a file is the last one, or fails.
 *
 *   PKI_FAULT_AT=N         count from 1; 0 or none: nothing happens
 *   PKI_FAULT_HOW=kill     SIGKILL before the call; or an errno's name: EIO, ENOSPC, EROFS
 *   PKI_FAULT_STAYS=1      all further calls fail as well (a disk that is gone)
 *   PKI_FAULT_COUNT=FILE   at the end, how many calls there were
 *
 * Makes its own system calls: it needs no dlsym(), which allocates, before the program's own heap is there.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

static long calls, at;
static int with; /* errno; 0 = kill */
static int stays;
static const char *count_file;

static const struct {
    const char *name;
    int error;
} hows[] = {{"kill", 0}, {"EIO", EIO}, {"ENOSPC", ENOSPC}, {"EROFS", EROFS}};

__attribute__((constructor)) static void begin(void)
{
    const char *number = getenv("PKI_FAULT_AT"), *how = getenv("PKI_FAULT_HOW");

    at = number != NULL ? strtol(number, NULL, 10) : 0;
    stays = getenv("PKI_FAULT_STAYS") != NULL;
    count_file = getenv("PKI_FAULT_COUNT");
    for (size_t i = 0; how != NULL && i < sizeof hows / sizeof hows[0]; i++)
        if (strcmp(how, hows[i].name) == 0)
            with = hows[i].error;
}

__attribute__((destructor)) static void end(void)
{
    char text[32];
    int fd;

    if (count_file == NULL)
        return;
    fd = (int)syscall(SYS_openat, AT_FDCWD, count_file, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (fd >= 0) {
        int n = snprintf(text, sizeof text, "%ld\n", calls);
        (void)!syscall(SYS_write, fd, text, (size_t)n);
        close(fd);
    }
}

/* Does this call fail? */
static int strikes(void)
{
    calls++;
    if (at == 0 || calls < at || (calls > at && !stays))
        return 0;
    if (with == 0)
        syscall(SYS_kill, (long)getpid(), SIGKILL);
    errno = with;
    return 1;
}

#define CALL(type, name, parameters, number, ...)                                                  \
    EXPORT type name parameters;                                                                   \
    type name parameters                                                                           \
    {                                                                                              \
        return strikes() ? (type)-1 : (type)syscall(number, __VA_ARGS__);                          \
    }

CALL(ssize_t, pwrite, (int fd, const void *text, size_t n, off_t from), SYS_pwrite64, fd, text, n, from)
CALL(ssize_t, pwrite64, (int fd, const void *text, size_t n, off_t from), SYS_pwrite64, fd, text, n, from)
CALL(int, fsync, (int fd), SYS_fsync, fd)
CALL(int, fdatasync, (int fd), SYS_fdatasync, fd)
CALL(int, syncfs, (int fd), SYS_syncfs, fd)
CALL(int, ftruncate, (int fd, off_t n), SYS_ftruncate, fd, n)
CALL(int, ftruncate64, (int fd, off_t n), SYS_ftruncate, fd, n)
CALL(int, fchmod, (int fd, mode_t mode), SYS_fchmod, fd, mode)
CALL(int, unlink, (const char *path), SYS_unlinkat, AT_FDCWD, path, 0)
CALL(int, unlinkat, (int dir, const char *path, int flags), SYS_unlinkat, dir, path, flags)
CALL(int, mkdir, (const char *path, mode_t mode), SYS_mkdirat, AT_FDCWD, path, mode)
CALL(int, mkdirat, (int dir, const char *path, mode_t mode), SYS_mkdirat, dir, path, mode)
CALL(int, rename, (const char *from, const char *to), SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0)
CALL(int, renameat, (int a, const char *from, int b, const char *to), SYS_renameat2, a, from, b, to, 0)
CALL(int, renameat2, (int a, const char *from, int b, const char *to, unsigned flags), SYS_renameat2,
     a, from, b, to, flags)
CALL(int, linkat, (int a, const char *from, int b, const char *to, int flags), SYS_linkat, a, from, b,
     to, flags)

/* What goes to standard output and error is no file of the CA's. */
EXPORT ssize_t write(int fd, const void *text, size_t n)
{
    if (fd > 2 && strikes())
        return -1;
    return syscall(SYS_write, fd, text, n);
}

/* Only those that may make a file. */
static int open_it(int dir, const char *path, int flags, va_list args)
{
    mode_t mode = 0;

    if ((flags & O_CREAT) != 0)
        mode = va_arg(args, mode_t);
    if ((flags & O_CREAT) != 0 && strikes())
        return -1;
    return (int)syscall(SYS_openat, dir, path, flags, mode);
}

#define OPEN(name, first, dir, parameters)                                                         \
    EXPORT int name parameters;                                                                    \
    int name parameters                                                                            \
    {                                                                                              \
        va_list args;                                                                              \
        va_start(args, flags);                                                                     \
        int fd = open_it(dir, path, flags, args);                                                  \
        va_end(args);                                                                              \
        return fd;                                                                                 \
    }

OPEN(open, path, AT_FDCWD, (const char *path, int flags, ...))
OPEN(open64, path, AT_FDCWD, (const char *path, int flags, ...))
OPEN(openat, dir, dir, (int dir, const char *path, int flags, ...))
OPEN(openat64, dir, dir, (int dir, const char *path, int flags, ...))
