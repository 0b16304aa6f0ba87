#include "config.h"

#include "common/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>

bool secret_freed_is_wiped;

void secret_wipe_freed(bool on)
{
    secret_freed_is_wiped = on;
}

bool secret_alloc(struct secret *s, size_t len)
{
    *s = (struct secret){0};
    if (len > SIZE_MAX - 1)
        return false;
    s->ptr = calloc(1, len + 1);
    if (s->ptr == NULL)
        return false;
    s->len = len;
    return true;
}

bool secret_copy(struct secret *s, struct bytes from)
{
    if (!secret_alloc(s, from.len))
        return false;
    if (from.len > 0)
        memcpy(s->ptr, from.ptr, from.len);
    return true;
}

void secret_free(struct secret *s)
{
    if (s == NULL)
        return;
    if (s->ptr != NULL)
        OPENSSL_cleanse(s->ptr, s->len);
    free(s->ptr);
    *s = (struct secret){0};
}

struct bytes secret_bytes(const struct secret *s)
{
    return bytes_of(s->ptr, s->len);
}

void secret_wipe(void *ptr, size_t len)
{
    if (ptr != NULL && len > 0)
        OPENSSL_cleanse(ptr, len);
}

static const char *read_checked(struct secret *s, int fd, size_t max)
{
    struct stat st;

    if (fstat(fd, &st) != 0)
        return "cannot be read";
    if (!S_ISREG(st.st_mode))
        return "is not a regular file";
    if (st.st_uid != 0 && st.st_uid != geteuid())
        return "belongs neither to root nor to this program's user";
    if (st.st_mode & (S_IROTH | S_IWOTH | S_IXOTH))
        return "is open to others";
    if (st.st_mode & S_IWGRP)
        return "is writable by its group";
    if (st.st_size < 0 || (uint64_t)st.st_size > max)
        return "is larger than it can be";
    if (!secret_alloc(s, (size_t)st.st_size))
        return "does not fit into memory";
    for (size_t got = 0; got < s->len;) {
        ssize_t n = read(fd, s->ptr + got, s->len - got);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return "cannot be read";
        if (n == 0)
            return "changed while it was read";
        got += (size_t)n;
    }
    return NULL;
}

const char *secret_read_file(struct secret *s, const char *path, size_t max)
{
    *s = (struct secret){0};
    errno = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return "cannot be read";

    const char *fault = read_checked(s, fd, max);
    int saved = errno;
    if (fault != NULL)
        secret_free(s);
    close(fd);
    errno = saved;
    return fault;
}

void secret_harden_process(void)
{
    struct rlimit none = {0, 0};

    setrlimit(RLIMIT_CORE, &none);
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}
