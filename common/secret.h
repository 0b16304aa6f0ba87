/*
 * secret.h - memory that is wiped.
 *
 * A secret owns a heap buffer that is kept out of core files (the process is not dumpable either)
 * and overwritten before it is freed.  Zero-initialised is the empty secret; freeing it is harmless.
 */
#ifndef PGSIGNET_SECRET_H
#define PGSIGNET_SECRET_H

#include "common/bytes.h"

struct secret {
    uint8_t *ptr; /* owned; always followed by one NUL byte that len does not count */
    size_t len;   /* bytes */
};

/* A new secret of len zero bytes.  False when memory is short; *s is then the empty secret. */
bool secret_alloc(struct secret *s, size_t len);

/* A new secret that holds a copy of the slice.  As secret_alloc. */
bool secret_copy(struct secret *s, struct bytes from);

/* Wipes, frees, and leaves the empty secret.  NULL is allowed. */
void secret_free(struct secret *s);

/* The slice over a secret; valid until it is freed. */
struct bytes secret_bytes(const struct secret *s);

/* Overwrites bytes in a way the compiler may not remove (OPENSSL_cleanse). */
void secret_wipe(void *ptr, size_t len);

/*
 * Reads a whole file of at most max bytes into a new secret.  The file must be regular, owned by
 * root or the caller, and neither readable nor writable by others (nor writable by its group).
 * Returns NULL on success, else a static phrase that says what is wrong with it ("is readable by
 * others"); errno is kept for failed system calls (the phrase is then "cannot be read").
 */
const char *secret_read_file(struct secret *s, const char *path, size_t max);

/* No core file, no ptrace by the same user, for this process and its children-to-be until exec. */
void secret_harden_process(void);

/*
 * From here on (or no more) every block that anything in this process frees is wiped, the copies that
 * libraries make included.  Only in programs that are linked with heap.c; else it does nothing.
 */
void secret_wipe_freed(bool on);
extern bool secret_freed_is_wiped; /* for heap.c */

#endif
