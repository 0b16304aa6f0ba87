/*
 * decide_scene.h - one login against the stand-ins of decide_fakes.h, and the settings it meets.
 */
#ifndef PGSIGNET_DECIDE_SCENE_H
#define PGSIGNET_DECIDE_SCENE_H

#include "tests/unit/decide_fakes.h"

extern char *groups[]; /* what the policy requires: one group */
extern struct settings_exempt exempt;
extern struct settings_policy policy; /* "default", the only one */
extern struct settings settings;
extern struct outage outage;
extern struct returns returns;
extern struct slot slot;
extern struct burst burst;
extern int64_t up_ms;
extern const char *from; /* the client's address; NULL = a local socket */

extern struct login login;          /* the last one */
extern struct wire_request request; /* what of the next one is unusual */

/* cmocka's setup: everybody says yes. */
int begin(void **state);
/* One login; fake and login tell the rest. */
enum reason run(const char *user, const char *secret);

#define assert_login(user, secret, reason, asked)                                                  \
    do {                                                                                           \
        assert_string_equal(reason_name(run(user, secret)), reason_name(reason));                  \
        assert_string_equal(fake.calls, asked);                                                    \
    } while (0)

#endif
