#include "config.h"

#include "mfa/witness.h"

#include "mfa/new_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC UINT64_C(0x7067736967776974) /* "pgsigwit" */

struct slot {
    struct witness_entry entry;
    uint64_t check; /* of all zeros it is not zero: a slot that was never used is not whole */
};

/* 4096 bytes, and no slot crosses a sector of the disk: a power cut does not tear it either. */
struct page {
    uint64_t magic;
    uint64_t file; /* 0 = not known yet */
    uint64_t unused[2];
    struct slot slots[WITNESS_SLOTS];
};

_Static_assert(sizeof(struct page) == 4096, "a page without padding");

struct witness {
    int fd;
};

static uint64_t mix(uint64_t sum, uint64_t word)
{
    sum = (sum ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    return sum ^ sum >> 32;
}

/* Not against an attacker, who could not write here, but against halves of two notes. */
static uint64_t check_of(const struct witness_entry *entry)
{
    uint64_t sum = mix(MAGIC, (uint64_t)entry->token);

    sum = mix(sum, (uint64_t)entry->step);
    return mix(sum, (uint64_t)entry->at_s);
}

/* Two that count changes note in any order: in places of their own no lower one covers a higher. */
static size_t place_of(const struct witness_entry *entry)
{
    int64_t by = entry->token == WITNESS_CHANGES ? entry->step : entry->token;

    return (size_t)((uint64_t)by % WITNESS_SLOTS);
}

/* Makes the file, whole or not at all.  0 or an errno; one that is there already is fine. */
static int make(const char *path)
{
    static const struct page empty = {.magic = MAGIC};

    int error = new_file_write(path, 0600, NULL, bytes_of(&empty, sizeof empty));
    return error == EEXIST ? 0 : error;
}

static bool load(int fd, struct page *page)
{
    return pread(fd, page, sizeof *page, 0) == (ssize_t)sizeof *page && page->magic == MAGIC;
}

/* Says what is wrong with the file, or NULL. */
static const char *fault_of(int fd)
{
    struct stat st;
    struct page page;

    if (fstat(fd, &st) != 0)
        return "cannot be looked at";
    return !S_ISREG(st.st_mode)                       ? "is not a regular file"
           : st.st_uid != geteuid()                   ? "does not belong to this program's user"
           : (st.st_mode & 0077) != 0                 ? "is open to others"
           : st.st_size != (off_t)sizeof(struct page) ? "has the wrong size"
           : !load(fd, &page)                         ? "is something else, or cannot be read"
                                                      : NULL;
}

static int open_file(const char *path)
{
    return open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
}

struct witness *witness_open(const char *path, char *why, size_t size)
{
    struct witness *witness = NULL;

    why[0] = '\0';
    int fd = open_file(path);
    if (fd < 0 && errno == ENOENT) {
        int error = make(path);
        if (error == ENOENT || error == EACCES || error == EROFS || error == EPERM)
            return NULL;
        fd = error == 0 ? open_file(path) : -1;
        errno = error != 0 ? error : errno;
    }
    if (fd < 0) {
        snprintf(why, size,
                 "cannot open %s, which tells a restored token store from one that is not: %s; "
                 "see to its folder, or remove it",
                 path, strerror(errno));
        return NULL;
    }
    const char *fault = fault_of(fd);
    if (fault == NULL && (witness = malloc(sizeof *witness)) != NULL) {
        witness->fd = fd;
        return witness;
    }
    close(fd);
    if (fault != NULL)
        snprintf(why, size,
                 "cannot use %s, which tells a restored token store from one that is not: it %s; "
                 "remove it",
                 path, fault);
    else
        snprintf(why, size, "cannot open %s: memory is short", path);
    return NULL;
}

void witness_close(struct witness *witness)
{
    if (witness == NULL)
        return;
    close(witness->fd);
    free(witness);
}

/* Within the file's length, so there is room, unless its file system writes each time to a new place. */
static bool put(struct witness *witness, const void *from, size_t size, size_t at)
{
    ssize_t n = pwrite(witness->fd, from, size, (off_t)at);

    if (n >= 0 && n != (ssize_t)size)
        errno = EIO;
    return n == (ssize_t)size;
}

bool witness_begin(struct witness *witness, uint64_t file, const struct witness_entry *first)
{
    struct page page = {.magic = MAGIC, .file = file};

    if (first != NULL)
        page.slots[place_of(first)] = (struct slot){*first, check_of(first)};
    return put(witness, &page, sizeof page, 0) && witness_sync(witness);
}

bool witness_note(struct witness *witness, const struct witness_entry *entry)
{
    struct slot slot = {*entry, check_of(entry)};

    return put(witness, &slot, sizeof slot,
               offsetof(struct page, slots) + place_of(entry) * sizeof slot);
}

bool witness_sync(struct witness *witness)
{
    return fdatasync(witness->fd) == 0;
}

bool witness_claim(struct witness *witness)
{
    return flock(witness->fd, LOCK_EX | LOCK_NB) == 0;
}

size_t witness_read(const struct witness *witness, uint64_t *file,
                    struct witness_entry out[WITNESS_SLOTS])
{
    struct page page;
    size_t n = 0;

    *file = 0;
    if (!load(witness->fd, &page))
        return 0;
    *file = page.file;
    for (size_t i = 0; i < WITNESS_SLOTS; i++)
        if (page.slots[i].check == check_of(&page.slots[i].entry))
            out[n++] = page.slots[i].entry;
    return n;
}
