#include "config.h"

#include "common/outage.h"

#include <stdatomic.h>
#include <stddef.h>

#include "common/clock.h"

/* Read by a signal handler of the same thread; page is set last and cleared first. */
static struct {
    struct outage *volatile page; /* NULL: no server is being tried */
    volatile unsigned server;
    volatile int64_t retry_after_ms;
} hung;

bool outage_is_down(const struct outage *outage, unsigned server, int64_t now_ms)
{
    if (outage == NULL || server >= OUTAGE_SERVERS)
        return false;
    return atomic_load_explicit(&outage->until_ms[server], memory_order_relaxed) > now_ms;
}

bool outage_may_try(struct outage *outage, unsigned server, int64_t now_ms, int64_t claim_until_ms)
{
    if (outage == NULL || server >= OUTAGE_SERVERS)
        return true;

    int64_t until = atomic_load_explicit(&outage->until_ms[server], memory_order_relaxed);
    if (until == 0)
        return true;
    return until <= now_ms &&
           atomic_compare_exchange_strong(&outage->until_ms[server], &until, claim_until_ms);
}

void outage_mark(struct outage *outage, unsigned server, int64_t until_ms)
{
    if (outage != NULL && server < OUTAGE_SERVERS)
        atomic_store_explicit(&outage->until_ms[server], until_ms, memory_order_relaxed);
}

void outage_clear(struct outage *outage, unsigned server)
{
    /* Looks first: this comes after every answer, and a write would take the page from the others. */
    if (outage != NULL && server < OUTAGE_SERVERS && atomic_load(&outage->until_ms[server]) != 0)
        outage_mark(outage, server, 0);
}

void outage_trying(struct outage *outage, unsigned server, int64_t retry_after_ms)
{
    hung.server = server;
    hung.retry_after_ms = retry_after_ms;
    hung.page = outage;
}

void outage_tried(void)
{
    hung.page = NULL;
}

void outage_hung(void)
{
    if (hung.page != NULL)
        outage_mark(hung.page, hung.server, clock_mono_ms() + hung.retry_after_ms);
}
