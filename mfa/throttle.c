#include "config.h"

#include "mfa/throttle.h"

/* Workers read the clock before they get the lock: so much disorder is no clock set back. */
#define DISORDER_MS 2000

static int64_t seconds_ms(int64_t seconds)
{
    int64_t ms;

    return __builtin_mul_overflow(seconds, 1000, &ms) ? INT64_MAX : ms;
}

static int64_t add(int64_t a, int64_t b)
{
    int64_t sum;

    return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

int64_t throttle_wait_ms(const struct settings_throttle *rules, int64_t failures)
{
    int64_t longest = seconds_ms(rules->longest);
    int64_t wait = seconds_ms(rules->first);

    if (failures < rules->after)
        return 0;
    for (int64_t n = rules->after; n < failures && wait > 0 && wait < longest; n++)
        wait = add(wait, wait);
    return wait < longest ? wait : longest;
}

int64_t throttle_until_ms(const struct settings_throttle *rules,
                          const struct throttle_address *address, int64_t now_ms)
{
    int64_t last = address->last_failure_ms < now_ms ? address->last_failure_ms : now_ms;
    int64_t until = add(last, throttle_wait_ms(rules, address->failures));

    return until > now_ms ? until : 0;
}

bool throttle_is_recent(const struct settings_throttle *rules,
                        const struct throttle_address *address, int64_t now_ms)
{
    return address->last_success_ms > 0 &&
           add(address->last_success_ms, seconds_ms(rules->recent)) > now_ms;
}

enum throttle_verdict throttle_judge(const struct settings_throttle *rules,
                                     const struct throttle_address *address, int64_t total,
                                     int64_t now_ms)
{
    if (total >= rules->cap && !throttle_is_recent(rules, address, now_ms))
        return THROTTLE_CAPPED;
    if (throttle_until_ms(rules, address, now_ms) != 0)
        return THROTTLE_REFUSED;
    return THROTTLE_FREE;
}

bool throttle_mend(struct throttle_address *address, int64_t now_ms)
{
    if (address->failures == 0 || address->last_failure_ms <= add(now_ms, DISORDER_MS))
        return false;
    address->last_failure_ms = now_ms;
    return true;
}
