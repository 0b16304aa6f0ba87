#include "config.h"

#include "common/write_all.h"

#include <errno.h>
#include <unistd.h>

int write_all(int fd, struct bytes content)
{
    for (size_t done = 0; done < content.len;) {
        ssize_t n = write(fd, content.ptr + done, content.len - done);
        if (n > 0)
            done += (size_t)n;
        else if (n == 0)
            return errno = EIO;
        else if (errno != EINTR)
            return errno;
    }
    return 0;
}
