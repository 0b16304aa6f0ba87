/* Which process reserved a row, and whether it is no more: pid, start, boot, pid namespace. */
#include "config.h"

#include "pki/ledger_inside.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

/* A small file of /proc as text; false when there is none. */
static bool read_text(const char *path, char *out, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, out, size - 1) : -1;

    if (fd >= 0)
        close(fd);
    out[n > 0 ? n : 0] = '\0';
    return n > 0;
}

/* proc(5): field 3 is the state, 22 the start in ticks since boot; the name in field 2 may hold anything. */
static bool read_stat(long pid, char *state, uint64_t *start)
{
    char path[64], text[1024];
    const char *at;

    snprintf(path, sizeof path, "/proc/%ld/stat", pid);
    if (!read_text(path, text, sizeof text) || (at = strrchr(text, ')')) == NULL || at[1] == '\0')
        return false;
    *state = at[2];
    for (int field = 2; field < 22 && at != NULL; field++)
        at = strchr(at + 1, ' ');
    return at != NULL && sscanf(at, " %" SCNu64, start) == 1;
}

/* "BOOT NAMESPACE": a pid means something there alone. */
static bool read_place(char out[96])
{
    char boot[64], space[64] = "";

    if (!read_text("/proc/sys/kernel/random/boot_id", boot, sizeof boot))
        return false;
    boot[strcspn(boot, "\n")] = '\0';
    ssize_t n = readlink("/proc/self/ns/pid", space, sizeof space - 1);
    if (n < 0)
        return false;
    space[n] = '\0';
    snprintf(out, 96, "%.40s %.40s", boot, space);
    return true;
}

void ledger_process_self(char out[LEDGER_PROCESS])
{
    char place[96], state;
    uint64_t start;

    out[0] = '\0';
    if (read_place(place) && read_stat((long)getpid(), &state, &start))
        snprintf(out, LEDGER_PROCESS, "%s %ld %" PRIu64, place, (long)getpid(), start);
}

bool ledger_process_gone(const char *process, int64_t age_s)
{
    char boot[41], space[41], place[96], here_boot[41], here_space[41], state;
    uint64_t start, now_start;
    long pid;

    if (sscanf(process, "%40s %40s %ld %" SCNu64, boot, space, &pid, &start) != 4 ||
        !read_place(place) || sscanf(place, "%40s %40s", here_boot, here_space) != 2)
        return age_s > LEDGER_STRANGER_S;
    if (strcmp(boot, here_boot) != 0)
        return true;
    if (strcmp(space, here_space) != 0)
        return age_s > LEDGER_STRANGER_S;
    if (!read_stat(pid, &state, &now_start))
        return true;
    return now_start != start || state == 'Z' || state == 'X';
}
