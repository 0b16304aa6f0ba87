/*
 * write_all.h - write(2) until everything is written.
 */
#ifndef PGSIGNET_WRITE_ALL_H
#define PGSIGNET_WRITE_ALL_H

#include "common/bytes.h"

/*
 * Goes on after a signal and after a part.  Returns 0, or what failed, as errno has it too (EIO when write takes
 * nothing and says nothing); some of it may be written then.  Durable it is only after an fsync.  For files, and
 * descriptors that block.
 */
int write_all(int fd, struct bytes content);

#endif
