#include "config.h"

#include "mfa/policy_look.h"

#include "common/address.h"
#include "common/clock.h"
#include "common/directory.h"
#include "common/guard.h"
#include "common/log.h"
#include "mfa/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define STORE_WAIT_MS   10000
#define NETWORK_WAIT_MS 30000 /* the sections' own timeouts are shorter; this bounds them all */
#define NOT_ASKED       REASON_COUNT

static const struct settings_exempt *find_exemption(const struct settings_policy *policy,
                                                    struct bytes user, int64_t now_s)
{
    for (size_t i = 0; i < policy->n_exempt; i++)
        if (bytes_equal(bytes_str(policy->exempt[i].user), user) && now_s < policy->exempt[i].until)
            return &policy->exempt[i];
    return NULL;
}

/* As authd/decide.c has it. */
static void look_at_address(const struct settings *settings, const struct policy_ask *ask,
                            struct policy_look *look)
{
    const struct settings_policy *policy = look->policy;
    struct address_rules rules;
    struct address address;

    address_rules_read(&settings->throttle, &rules);
    address_parse(ask->address, &rules, &address);
    look->is_proxy = address.is_proxy;
    look->burst = settings->has_burst && !policy->strict && look->code_due &&
                  policy->password != PASSWORD_STACK && !address.is_proxy && !address.is_name;
}

static bool is_usable(const struct token_info *token, int64_t now_s)
{
    return token->state == TOKEN_ACTIVE ||
           (token->state == TOKEN_PENDING && token->expires_s > now_s);
}

/* Lock, throttle and cap, as for a login without a code: that look counts nothing. */
static enum reason ask_refusal(struct cli *cli, const struct policy_ask *ask, int64_t now_ms)
{
    const struct mfa_attempt attempt = {
        .user = ask->user,
        .address = ask->address,
        .code_due = false,
        .now_ms = now_ms,
        .boot_s = clock_boot_s(),
    };
    struct mfa_outcome outcome;

    return mfa_attempt(cli->mfa, &attempt, clock_mono_ms() + STORE_WAIT_MS, &outcome);
}

static enum mfa_result look_at_glass(struct mfa *mfa, struct bytes user, struct policy_look *look)
{
    struct glass_info *infos = NULL;
    size_t n = 0;
    enum mfa_result result = mfa_glass_list(mfa, &infos, &n);

    for (size_t i = 0; result == MFA_OK && i < n; i++) {
        if (!bytes_equal(bytes_of(infos[i].user, infos[i].user_len), user))
            continue;
        look->glass = infos[i];
        look->has_glass = true;
    }
    free(infos);
    return result == MFA_NOT_FOUND ? MFA_OK : result;
}

static bool look_at_store(struct cli *cli, const struct policy_ask *ask, int64_t now_ms,
                          struct policy_look *look)
{
    enum mfa_result result = mfa_user(cli->mfa, ask->user, now_ms, &look->user);

    if (result == MFA_OK)
        result = look_at_glass(cli->mfa, ask->user, look);
    if (result == MFA_OK)
        result = mfa_list(cli->mfa, ask->user, &look->tokens, &look->n_tokens);
    if (result != MFA_OK && result != MFA_NOT_FOUND) {
        session_explain(cli, result, ask->user, NULL);
        return false;
    }
    for (size_t i = 0; i < look->n_tokens; i++)
        look->usable += is_usable(&look->tokens[i], now_ms / 1000);
    look->refusal = ask_refusal(cli, ask, now_ms);
    if (reason_verdict(look->refusal) != VERDICT_UNAVAILABLE)
        return true;
    log_error("%s", mfa_error(cli->mfa));
    return false;
}

/* In signal context. */
static void say_too_slow(void)
{
    static const char text[] = "pgsignet-mfa: error: the directory did not answer in time\n";
    ssize_t n = write(STDERR_FILENO, text, sizeof text - 1);

    (void)n;
}

static void look_at_entry(struct directory *directory, const struct policy_ask *ask, int64_t now_s,
                          int64_t deadline_ms, struct policy_look *look)
{
    const struct settings_policy *policy = look->policy;
    bool with_groups = policy->require_groups.n > 0 || policy->deny_groups.n > 0;
    struct directory_entry *entry = NULL;

    look->account = directory_find(directory, ask->user, deadline_ms, &entry);
    if (look->account == REASON_GRANTED) {
        const char *dn = directory_entry_dn(entry);
        look->dn = dn ? strdup(dn) : NULL;
        look->account = directory_account(entry, now_s, policy->password == PASSWORD_LDAP);
        if (with_groups)
            look->groups = directory_groups(directory, entry, &policy->require_groups,
                                            &policy->deny_groups, deadline_ms, &look->group);
    }
    snprintf(look->directory_error, sizeof look->directory_error, "%s", directory_error(directory));
    directory_entry_free(entry);
}

static void look_at_directory(const struct settings *settings, const struct policy_ask *ask,
                              int64_t now_s, struct policy_look *look)
{
    const struct settings_policy *policy = look->policy;
    int64_t deadline_ms = clock_mono_ms() + NETWORK_WAIT_MS;

    if (policy->password != PASSWORD_LDAP && policy->require_groups.n == 0 &&
        policy->deny_groups.n == 0)
        return;
    struct directory *directory = directory_new(&settings->ldap, NULL);
    if (directory == NULL) {
        look->account = REASON_INTERNAL;
        return;
    }
    guard_on_exit(say_too_slow);
    guard_arm(deadline_ms);
    look_at_entry(directory, ask, now_s, deadline_ms, look);
    guard_disarm();
    directory_free(directory);
}

static enum reason judge_verifier(const struct settings *settings, const struct role *role)
{
    if (!role->exists)
        return REASON_NO_ROLE;
    if (role->superuser && settings->postgres.superusers == SUPERUSERS_EXCLUDE)
        return REASON_SUPERUSER_EXCLUDED;
    return role->verifier[0] == '\0' ? REASON_NO_VERIFIER : REASON_GRANTED;
}

static void look_at_role(const struct settings *settings, const struct policy_ask *ask,
                         int64_t now_s, struct policy_look *look)
{
    bool scram = look->policy->password == PASSWORD_SCRAM, check = look->policy->check_role;
    struct role role = {.exists = false};

    if (!scram && !check)
        return;
    struct role_source *source = role_source_new(&settings->postgres, NULL);
    enum reason read = REASON_INTERNAL;
    if (source != NULL) {
        read = role_read(source, ask->user, scram, clock_mono_ms() + NETWORK_WAIT_MS, &role);
        snprintf(look->role_error, sizeof look->role_error, "%s", role_source_error(source));
    }
    if (scram)
        look->verifier = read != REASON_GRANTED ? read : judge_verifier(settings, &role);
    if (check)
        look->role = read != REASON_GRANTED ? read : role_judge(&role, now_s);
    secret_wipe(&role, sizeof role);
    role_source_free(source);
}

/* The first of them that ends a login, in its order. */
static enum reason judge(const struct policy_look *look)
{
    const struct settings_policy *policy = look->policy;
    const enum reason in_order[] = {
        look->refusal,
        look->code_due && look->usable == 0 && look->user.recovery_codes == 0 ? REASON_NOT_ENROLLED
                                                                              : REASON_GRANTED,
        look->verifier,
        look->account,
        look->groups,
        look->role,
    };

    if (policy->password == PASSWORD_NONE && !look->code_due)
        return REASON_NO_POLICY;
    for (size_t i = 0; i < sizeof in_order / sizeof in_order[0]; i++)
        if (in_order[i] != REASON_GRANTED && in_order[i] != NOT_ASKED)
            return in_order[i];
    if (policy->password == PASSWORD_STACK && !look->code_due)
        return REASON_LEFT_TO_STACK;
    return look->exempt != NULL ? REASON_GRANTED_EXEMPT : REASON_GRANTED;
}

bool policy_look(struct cli *cli, const struct policy_ask *ask, struct policy_look *look)
{
    const struct settings *settings = cli->settings;
    int64_t now_ms = clock_wall_ms();

    *look = (struct policy_look){
        .expected = REASON_NO_POLICY,
        .policy = settings_policy_for(settings, ask->policy, ask->service),
        .refusal = NOT_ASKED,
        .account = NOT_ASKED,
        .groups = NOT_ASKED,
        .verifier = NOT_ASKED,
        .role = NOT_ASKED,
    };
    if (look->policy == NULL)
        return true;
    if (look->policy->code == CODE_REQUIRED)
        look->exempt = find_exemption(look->policy, ask->user, now_ms / 1000);
    look->code_due = look->policy->code == CODE_REQUIRED && look->exempt == NULL;
    look_at_address(settings, ask, look);
    if (!look_at_store(cli, ask, now_ms, look))
        return false;
    look_at_directory(settings, ask, now_ms / 1000, look);
    look_at_role(settings, ask, now_ms / 1000, look);
    look->expected = judge(look);
    return true;
}

void policy_look_clear(struct policy_look *look)
{
    free(look->tokens);
    free(look->dn);
    free(look->group);
    *look = (struct policy_look){.expected = REASON_NO_POLICY};
}
