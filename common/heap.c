/*
 * Every block of memory is wiped when it is freed.
 *
 * Our own code wipes what it knows to be secret, but libraries make copies: GnuTLS, below libldap,
 * copies each record into a block of its own before it encrypts it, and frees that with the password
 * inside.  It cannot be told to wipe, so free() itself does: linked into a program, these two stand
 * before the C library's, for every library as well.  Not for builds with sanitizers, which have their
 * own; and never for the PAM module, which lives in somebody else's process.
 */
#include "config.h"

#include <dlfcn.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef void free_function(void *ptr);

/* The next free() in line: the C library's, or a memory checker's. */
static free_function *next_free(void)
{
    static free_function *found;
    static bool searching;
    void *symbol;

    if (found != NULL || searching)
        return found;
    searching =
        true; /* dlsym() may free as well; what it does meanwhile is wiped and not given back */
    symbol = dlsym(RTLD_NEXT, "free");
    memcpy(&found, &symbol, sizeof found); /* ISO C has no cast for this */
    searching = false;
    return found;
}

#define FOR_LIBRARIES __attribute__((visibility("default")))

FOR_LIBRARIES void free(void *ptr)
{
    free_function *next;

    if (ptr == NULL)
        return;
    explicit_bzero(ptr, malloc_usable_size(ptr));
    next = next_free();
    if (next != NULL)
        next(ptr);
}

/* The C library's would leave the old block behind as it was. */
FOR_LIBRARIES void *realloc(void *ptr, size_t size)
{
    size_t room = ptr != NULL ? malloc_usable_size(ptr) : 0;
    void *moved;

    if (ptr != NULL && size == 0) { /* as glibc does */
        free(ptr);
        return NULL;
    }
    if (ptr != NULL && size <= room && size >= room / 2)
        return ptr;
    moved = malloc(size);
    if (moved == NULL)
        return NULL;
    if (ptr != NULL) {
        memcpy(moved, ptr, room < size ? room : size);
        free(ptr);
    }
    return moved;
}
