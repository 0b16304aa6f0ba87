#include "config.h"

#include "common/ldap_memory.h"

#include "common/secret.h"

#include <malloc.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <lber.h>

/* Blocks come from malloc itself, so blocks made before the hook was set can be freed by it. */

static void *plain_malloc(ber_len_t size, void *context)
{
    (void)context;
    return malloc(size);
}

static void *plain_calloc(ber_len_t n, ber_len_t size, void *context)
{
    (void)context;
    return calloc(n, size);
}

static void wipe_free(void *ptr, void *context)
{
    (void)context;
    if (ptr == NULL)
        return;
    secret_wipe(ptr, malloc_usable_size(ptr));
    free(ptr);
}

/* realloc may leave the old block behind unwiped, so it is done by hand. */
static void *wipe_realloc(void *ptr, ber_len_t size, void *context)
{
    void *bigger;
    size_t old;

    if (ptr == NULL)
        return malloc(size);
    old = malloc_usable_size(ptr);
    bigger = malloc(size);
    if (bigger == NULL)
        return NULL;
    memcpy(bigger, ptr, old < size ? old : size);
    wipe_free(ptr, context);
    return bigger;
}

static bool prepared, heeding;

bool ldapc_heeds_environment(void)
{
    return heeding;
}

void ldapc_prepare_heeding_environment(void)
{
    heeding = !prepared;
    ldapc_prepare();
}

void ldapc_prepare(void)
{
    BerMemoryFunctions functions = {.bmf_malloc = plain_malloc,
                                    .bmf_calloc = plain_calloc,
                                    .bmf_realloc = wipe_realloc,
                                    .bmf_free = wipe_free};

    if (prepared)
        return;
    prepared = true;
    if (!heeding)
        setenv("LDAPNOINIT", "1", 1);
    ber_set_option(NULL, LBER_OPT_MEMORY_FNS, &functions);
}
