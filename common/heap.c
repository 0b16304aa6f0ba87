/*
 * Blocks of memory are wiped as they are freed, while secret_wipe_freed() says so.
 *
 * Our own code wipes what it knows to be secret, but libraries make copies: GnuTLS, below libldap,
 * copies each record into a block of its own before it encrypts it, and frees that with the password
 * inside.  It cannot be told to wipe, so free() itself does: linked into a program, these two stand
 * before the C library's, for every library as well.  Not always, because that would cost logins a
 * third more time for SQLite's pages.  Not for builds with sanitizers, which have their own; and never
 * for the PAM module, which lives in somebody else's process.
 */
#include "config.h"

#include <dlfcn.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "common/secret.h"

/* -fvisibility=hidden would keep them from the libraries. */
#define FOR_LIBRARIES __attribute__((visibility("default")))

/* The next in line: the C library's, or a memory checker's. */
static struct {
    void (*free)(void *ptr);
    void *(*realloc)(void *ptr, size_t size);
} next;

static void find_next(void)
{
    /* glibc declares dlsym() a leaf: a compiler may think that nobody comes back here, and leave it out. */
    static volatile bool searching;
    void *symbol;

    if (searching)
        return; /* dlsym() may free as well; that little is not given back */
    searching = true;
    symbol = dlsym(RTLD_NEXT, "realloc");
    memcpy(&next.realloc, &symbol, sizeof symbol); /* ISO C has no cast for this */
    symbol = dlsym(RTLD_NEXT, "free");
    memcpy(&next.free, &symbol, sizeof symbol);
    searching = false;
}

FOR_LIBRARIES void free(void *ptr)
{
    if (ptr == NULL)
        return;
    if (secret_freed_is_wiped)
        explicit_bzero(ptr, malloc_usable_size(ptr));
    if (next.free == NULL)
        find_next();
    if (next.free != NULL)
        next.free(ptr);
}

/* The C library's leaves the old block behind as it was. */
FOR_LIBRARIES void *realloc(void *ptr, size_t size)
{
    size_t room;
    void *moved;

    if (ptr == NULL)
        return malloc(size);
    if (next.realloc == NULL)
        find_next();
    if (next.realloc != NULL && (!secret_freed_is_wiped || size == 0))
        return next.realloc(ptr, size);
    room = malloc_usable_size(ptr);
    moved = malloc(size);
    if (moved == NULL)
        return NULL;
    memcpy(moved, ptr, room < size ? room : size);
    free(ptr);
    return moved;
}
