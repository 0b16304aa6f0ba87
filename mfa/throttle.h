/*
 * throttle.h - how long an attempt is refused after failures (pure; every time is passed in).
 *
 * Failures count per (user, address) with growing refusals; a cap on the user's failures over all
 * addresses spares those from which the user lately succeeded (docs/threat-model.md).
 */
#ifndef PGSIGNET_MFA_THROTTLE_H
#define PGSIGNET_MFA_THROTTLE_H

#include "common/settings.h"

struct throttle_address {
    int64_t failures;        /* since the last success from here */
    int64_t last_failure_ms; /* Unix time; meaningless while failures is 0 */
    int64_t last_success_ms; /* 0 = never */
};

enum throttle_verdict { THROTTLE_FREE, THROTTLE_REFUSED, THROTTLE_CAPPED };

/* Milliseconds of refusal that so many failures earn; 0 below rules->after. */
int64_t throttle_wait_ms(const struct settings_throttle *rules, int64_t failures);

/*
 * Until when (Unix ms) this address is refused; 0 when it is not refused at now_ms.  A failure in the
 * future (the clock was set back) counts as one of this moment.
 */
int64_t throttle_until_ms(const struct settings_throttle *rules,
                          const struct throttle_address *address, int64_t now_ms);

/* Is this an address of a success not longer ago than rules->recent? */
bool throttle_is_recent(const struct settings_throttle *rules,
                        const struct throttle_address *address, int64_t now_ms);

/* total: the user's failures over all addresses. */
enum throttle_verdict throttle_judge(const struct settings_throttle *rules,
                                     const struct throttle_address *address, int64_t total,
                                     int64_t now_ms);

/*
 * A failure recorded in the future must be written anew as of now, or it would be "of this moment"
 * until the clock has caught up: a refusal without end.  True if that is so; *address is then mended.
 */
bool throttle_mend(struct throttle_address *address, int64_t now_ms);

#endif
