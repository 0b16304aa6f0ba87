#include "config.h"

#include "authd/shared.h"

#include <stddef.h>
#include <sys/mman.h>

struct shared *shared_new(void)
{
    void *pages = mmap(NULL, sizeof(struct shared), PROT_READ | PROT_WRITE,
                       MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    return pages == MAP_FAILED ? NULL : pages;
}
