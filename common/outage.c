#include "config.h"

#include "common/outage.h"

#include <stdatomic.h>
#include <stddef.h>

bool outage_is_down(const struct outage *outage, unsigned server, int64_t now_ms)
{
    if (outage == NULL || server >= OUTAGE_SERVERS)
        return false;
    return atomic_load_explicit(&outage->until_ms[server], memory_order_relaxed) > now_ms;
}

void outage_mark(struct outage *outage, unsigned server, int64_t until_ms)
{
    if (outage != NULL && server < OUTAGE_SERVERS)
        atomic_store_explicit(&outage->until_ms[server], until_ms, memory_order_relaxed);
}

void outage_clear(struct outage *outage, unsigned server)
{
    outage_mark(outage, server, 0);
}
