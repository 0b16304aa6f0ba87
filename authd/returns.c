#include "config.h"

#include "authd/returns.h"

#include <stdatomic.h>

#define COUNT_MASK UINT64_C(0xf)
#define PLACES     (sizeof((struct returns *)0)->at / sizeof((struct returns *)0)->at[0])

/* Token ids are random; the multiplier (of splitmix64) spreads the steps of one token. */
static uint64_t mix(const struct mfa_burn *burn)
{
    /* A recovery code's step is when it was used, another one each time. */
    uint64_t step = burn->is_recovery ? 0 : (uint64_t)burn->step;
    uint64_t x = (uint64_t)burn->token ^ (step * UINT64_C(0x9e3779b97f4a7c15));

    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

bool returns_allow(struct returns *returns, const struct mfa_burn *burn)
{
    uint64_t hash = mix(burn), key = hash & ~COUNT_MASK, old, next;
    _Atomic uint64_t *place = &returns->at[(hash >> 4) % PLACES];

    old = atomic_load(place);
    do {
        uint64_t count = (old & ~COUNT_MASK) == key ? old & COUNT_MASK : 0;

        if (count >= RETURNS_MOST)
            return false;
        next = key | (count + 1);
    } while (!atomic_compare_exchange_weak(place, &old, next));
    return true;
}
