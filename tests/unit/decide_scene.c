#include "config.h"

#include "tests/unit/decide_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static char dba[] = "cn=dba", backup[] = "backup", nightly[] = "nightly dump", name[] = "default";
char *groups[] = {dba, NULL};
struct settings_exempt exempt = {backup, nightly, 2000};
struct settings_policy policy;
struct settings settings;
struct outage outage;
struct returns returns;
struct slot slot;
struct burst burst;
int64_t up_ms;
const char *from;
static const struct own_roles own_roles = {{"pgsignet"}, 1};
struct login login;
struct wire_request request;

int begin(void **state)
{
    (void)state;
    memset(&fake, 0, sizeof fake); /* every reason is REASON_GRANTED */
    fake.role_exists = fake.verifier = fake.counts = true;
    policy =
        (struct settings_policy){.name = name, .require_groups = {groups, 1}, .check_role = true};
    settings = (struct settings){.policies = &policy, .n_policies = 1};
    memset(&outage, 0, sizeof outage);
    memset(&returns, 0, sizeof returns);
    memset(&burst, 0, sizeof burst);
    assert_true(burst_prepare(&burst));
    up_ms = 1000 * 1000;
    from = "192.0.2.1";
    slot = (struct slot){0};
    return 0;
}

const struct settings_policy *settings_policy_for(const struct settings *s, const char *wanted,
                                                  const char *service)
{
    (void)s;
    (void)service;
    return wanted == NULL || strcmp(wanted, name) == 0 ? &policy : NULL;
}

enum reason run(const char *user, const char *secret)
{
    static struct providers providers;

    providers = (struct providers){.settings = &settings,
                                   .mfa = (struct mfa *)&dummy,
                                   .directory = (struct directory *)&dummy,
                                   .roles = (struct role_source *)&dummy,
                                   .outage = &outage,
                                   .burst = &burst,
                                   .origins = {.ipv4_prefix = 32, .ipv6_prefix = 64},
                                   .own_roles = &own_roles,
                                   .returns = &returns};
    request.kind = request.kind ? request.kind : WIRE_AUTHENTICATE;
    request.user = bytes_str(user);
    if (request.secret.len == 0)
        request.secret = bytes_str(secret);
    request.rhost = bytes_str(from);
    assert_true(address_rules_add_proxy(&providers.origins, bytes_str("10.0.0.0/8")));
    login = (struct login){.providers = &providers,
                           .request = &request,
                           .slot = &slot,
                           .now_ms = 1000 * 1000,
                           .up_ms = up_ms,
                           .deadline_ms = INT64_MAX};
    decide(&login);
    decide_begin_burst(&login);
    decide_clear(&login);
    request = (struct wire_request){0};
    return login.reason;
}
