#include "config.h"

#include "authd/shared.h"

#include <errno.h>
#include <stddef.h>
#include <sys/mman.h>

struct shared *shared_new(void)
{
    void *pages = mmap(NULL, sizeof(struct shared), PROT_READ | PROT_WRITE,
                       MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (pages == MAP_FAILED)
        return NULL;
    struct shared *shared = pages;
    int error = burst_prepare(&shared->burst) ? store_queue_make(&shared->queue)
                                              : EIO; /* no random bytes */
    if (error == 0)
        return shared;
    munmap(pages, sizeof *shared);
    errno = error;
    return NULL;
}
