#include "config.h"

#include "authd/decide.h"

#include <stdio.h>
#include <stdlib.h>

#include "authd/verifier.h"
#include "common/clock.h"
#include "common/secret.h"

#define ROLE_NAME_MAX 63 /* bytes: NAMEDATALEN - 1 */
/* What the store gets to settle a login whose deadline has passed; the module waits a little longer. */
#define SETTLE_MS     50
/* After a failure went uncounted, the store is asked no sooner whether it counts again. */
#define UNCOUNTED_MS  1000

static bool is_role_name(struct bytes name)
{
    return name.len > 0 && name.len <= ROLE_NAME_MAX && memchr(name.ptr, '\0', name.len) == NULL;
}

static bool names_groups(const struct settings_policy *policy)
{
    return policy->require_groups.n > 0 || policy->deny_groups.n > 0;
}

static const struct settings_exempt *find_exemption(const struct settings_policy *policy,
                                                    struct bytes user, int64_t now_s)
{
    for (size_t i = 0; i < policy->n_exempt; i++)
        if (bytes_equal(bytes_str(policy->exempt[i].user), user) && now_s < policy->exempt[i].until)
            return &policy->exempt[i];
    return NULL;
}

/*
 * Where no code limits the guesses, a store that cannot count them must stop them.  Time alone does
 * not mend that: after a failure that went uncounted one more must be counted, this user's, before a
 * password is looked at again.
 */
static bool is_counting(const struct login *login)
{
    const struct wire_request *request = login->request;
    struct outage *outage = login->providers->outage;
    int64_t now = clock_mono_ms();

    if (!outage_is_down(outage, OUTAGE_STORE, 0))
        return true;
    if (!outage_may_try(outage, OUTAGE_STORE, now, now + UNCOUNTED_MS))
        return false;
    if (!mfa_count_failure(login->providers->mfa, request->user, request->rhost, login->now_ms,
                           login->deadline_ms))
        return false; /* asked again once the claim has run out */
    outage_clear(outage, OUTAGE_STORE);
    return true;
}

/*
 * --- bursts --------------------------------------------------------------------------------------
 *
 * One HMAC for every login that might use one, known name or not.  A string that is kept replaces the
 * code and nothing else.
 */

static bool tells_who(const struct login *login)
{
    struct address address;

    address_parse(login->request->rhost, &login->providers->origins, &address);
    return !address.is_name && !address.is_proxy;
}

/* With `stack` the next module has not spoken yet: no success is known to be full. */
static bool hash_burst(struct login *login)
{
    const struct providers *p = login->providers;
    const struct settings_policy *policy = login->policy;
    const struct wire_request *request = login->request;
    const struct burst_login at = {.secret = request->secret,
                                   .user = request->user,
                                   .address = request->rhost,
                                   .policy = bytes_str(policy->name),
                                   .service = request->service};

    login->burst_is_hashed = p->burst != NULL && p->settings->has_burst && !policy->strict &&
                             policy->password != PASSWORD_STACK && tells_who(login) &&
                             burst_hash(p->burst, &at, login->burst_hash);
    return login->burst_is_hashed;
}

/*
 * Lock, throttle and cap as for a code.  REASON_GRANTED with *used: the code's place is taken; without:
 * the string is to be looked at as any other.
 */
static enum reason try_burst(struct login *login, struct mfa_attempt attempt, bool *used)
{
    const struct providers *p = login->providers;
    struct burst_found found;

    *used = false;
    if (!hash_burst(login) || !burst_find(p->burst, login->burst_hash, login->up_ms, &found) ||
        found.code_len > attempt.secret.len)
        return REASON_GRANTED;
    attempt.code_due = false;
    enum reason reason = mfa_attempt(p->mfa, &attempt, login->deadline_ms, &login->code);
    if (reason != REASON_GRANTED)
        return reason;
    /* Whoever has no token any more, or only disabled ones, has nothing to be spared. */
    if (!login->code.enrolled || !burst_use(&found, login->up_ms))
        return REASON_GRANTED;
    *used = true;
    login->code.password_length = attempt.secret.len - found.code_len;
    login->code.password_offset = attempt.code_first ? found.code_len : 0;
    return REASON_GRANTED;
}

void decide_begin_burst(const struct login *login)
{
    const struct providers *p = login->providers;
    const struct settings_burst *burst = &p->settings->burst;

    if (login->reason == REASON_GRANTED && login->burst_is_hashed &&
        login->progress[STEP_CODE] == STEP_PASSED)
        burst_add(p->burst, login->burst_hash,
                  login->request->secret.len - login->code.password_length, burst->connections,
                  burst->seconds, login->up_ms);
}

/* --- the steps: REASON_GRANTED passes, anything else ends the login ---------------------------- */

static enum reason step_code(struct login *login)
{
    const struct settings_policy *policy = login->policy;
    const struct providers *p = login->providers;

    login->exempt = policy->code == CODE_REQUIRED
                        ? find_exemption(policy, login->request->user, login->now_ms / 1000)
                        : NULL;
    struct mfa_attempt attempt = {
        .user = login->request->user,
        .address = login->request->rhost,
        .secret = login->request->secret,
        .whole_is_code = !verifier_for(policy)->uses_password,
        .code_due = policy->code == CODE_REQUIRED && login->exempt == NULL,
        .code_first = policy->order == ORDER_CODE_THEN_PASSWORD,
        .now_ms = login->now_ms,
        .boot_s = login->boot_s,
    };
    if (p->mfa == NULL)
        return p->mfa_reason;
    /* With neither a code nor a password nothing would be left to check: no policy may say that. */
    if (attempt.whole_is_code && !attempt.code_due)
        return REASON_NO_POLICY;
    if (!attempt.code_due && !is_counting(login))
        return REASON_STORE_UNAVAILABLE;

    bool burst = false;
    enum reason reason = attempt.code_due ? try_burst(login, attempt, &burst) : REASON_GRANTED;
    if (reason == REASON_GRANTED && !burst)
        reason = mfa_attempt(p->mfa, &attempt, login->deadline_ms, &login->code);
    login->slot->burn = login->code.burn;
    login->user_known = login->code.user_known || login->exempt != NULL;
    login->slot->user_known = login->user_known;
    memcpy(login->slot->user_hash, login->code.user_hash, sizeof login->slot->user_hash);
    if (reason != REASON_GRANTED)
        return reason;
    login->password = bytes_of(login->request->secret.ptr + login->code.password_offset,
                               login->code.password_length);
    if (login->code.means == MFA_BY_BREAK_GLASS) {
        login->progress[STEP_CODE] = STEP_BREAK_GLASS;
        login->exempt = NULL; /* was not needed */
    } else if (burst) {
        login->progress[STEP_CODE] = STEP_BURST;
    } else if (!attempt.code_due) {
        login->progress[STEP_CODE] = login->exempt != NULL ? STEP_EXEMPT : STEP_NOT_ASKED_FOR;
    }
    return REASON_GRANTED;
}

/*
 * Of a login whose password another module judged: an operator's lock holds for it as well.  Failures do
 * not: they are of strings that this one never gave.
 */
static enum reason step_lock(struct login *login)
{
    const struct providers *p = login->providers;
    const struct mfa_attempt attempt = {
        .user = login->request->user,
        .address = login->request->rhost,
        .now_ms = login->now_ms,
        .boot_s = login->boot_s,
    };

    if (p->mfa == NULL)
        return p->mfa_reason;
    enum reason reason = mfa_attempt(p->mfa, &attempt, login->deadline_ms, &login->code);
    login->user_known = login->code.user_known;
    if (reason != REASON_GRANTED && reason != REASON_THROTTLED && reason != REASON_CAPPED)
        return reason;
    login->progress[STEP_CODE] = STEP_NOT_ASKED_FOR;
    return REASON_GRANTED;
}

static enum reason step_password(struct login *login)
{
    const struct verifier *verifier = verifier_for(login->policy);

    if (verifier->check == NULL) {
        login->progress[STEP_PASSWORD] = verifier->without_check;
        return REASON_GRANTED;
    }
    /* RFC 4513 5.1.2: a bind without a password succeeds as nobody. */
    if (login->password.len == 0)
        return REASON_PASSWORD_EMPTY;
    return verifier->check(login);
}

static enum reason step_account(struct login *login)
{
    bool by_bind =
        login->policy->password == PASSWORD_LDAP && login->request->kind == WIRE_AUTHENTICATE;
    enum reason reason;

    if (login->policy->password != PASSWORD_LDAP && !names_groups(login->policy)) {
        login->progress[STEP_ACCOUNT] = STEP_NOT_ASKED_FOR;
        return REASON_GRANTED;
    }
    reason = verifier_find_entry(login);
    if (reason != REASON_GRANTED)
        return reason;
    return directory_account(login->entry, login->now_ms / 1000, by_bind);
}

static enum reason step_groups(struct login *login)
{
    const struct settings_policy *policy = login->policy;

    if (!names_groups(policy)) {
        login->progress[STEP_GROUPS] = STEP_NOT_ASKED_FOR;
        return REASON_GRANTED;
    }
    return directory_groups(login->providers->directory, login->entry, &policy->require_groups,
                            &policy->deny_groups, login->deadline_ms, &login->group);
}

static enum reason step_role(struct login *login)
{
    enum reason reason;

    if (!login->policy->check_role) {
        login->progress[STEP_ROLE] = STEP_NOT_ASKED_FOR;
        return REASON_GRANTED;
    }
    reason = verifier_read_role(login, false);
    if (reason != REASON_GRANTED)
        return reason;
    return role_judge(&login->role, login->now_ms / 1000);
}

static const struct {
    enum reason (*run)(struct login *login);
    enum reason (*account_alone)(
        struct login *login); /* when another module has judged the password */
} steps[STEP_COUNT] = {
    [STEP_CODE] = {step_code, step_lock},          [STEP_PASSWORD] = {step_password, NULL},
    [STEP_ACCOUNT] = {step_account, step_account}, [STEP_GROUPS] = {step_groups, step_groups},
    [STEP_ROLE] = {step_role, step_role},
};

/* --- the decision ------------------------------------------------------------------------------ */

/* What else there is to ask may be what is broken. */
static enum reason end_by_break_glass(struct login *login)
{
    for (size_t i = STEP_CODE + 1; i < STEP_COUNT; i++)
        login->progress[i] = STEP_NOT_ASKED_FOR;
    return REASON_GRANTED;
}

static enum reason run_steps(struct login *login)
{
    bool account_alone = login->request->kind == WIRE_ACCOUNT;

    for (size_t i = 0; i < STEP_COUNT; i++) {
        enum reason (*run)(struct login *) = account_alone ? steps[i].account_alone : steps[i].run;
        if (run == NULL) {
            login->progress[i] = STEP_NOT_ASKED_FOR;
            continue;
        }
        int64_t start = clock_mono_us();
        enum reason reason = run(login);
        login->step_us[i] = clock_mono_us() - start;
        if (reason != REASON_GRANTED) {
            login->progress[i] = STEP_FAILED;
            return reason;
        }
        if (login->progress[i] == STEP_BREAK_GLASS)
            return end_by_break_glass(login);
        if (login->progress[i] == STEP_NOT_TRIED)
            login->progress[i] = STEP_PASSED;
    }
    return REASON_GRANTED;
}

/* What a login is called that passed every step there was. */
static enum reason name_success(const struct login *login)
{
    if (login->progress[STEP_CODE] == STEP_BREAK_GLASS)
        return REASON_GRANTED_BREAK_GLASS;

    bool verified_something =
        login->progress[STEP_CODE] == STEP_PASSED || login->progress[STEP_CODE] == STEP_BURST ||
        login->progress[STEP_PASSWORD] == STEP_PASSED || login->request->kind == WIRE_ACCOUNT;

    if (!verified_something)
        return REASON_LEFT_TO_STACK;
    return login->exempt != NULL ? REASON_GRANTED_EXEMPT : REASON_GRANTED;
}

static int64_t settle_by(const struct login *login)
{
    int64_t least = clock_mono_ms() + SETTLE_MS;

    return login->deadline_ms > least ? login->deadline_ms : least;
}

/*
 * Has the directory had as many looks at passwords with this code as one code may buy?  A password that
 * it called right buys no guess: what failed came later.
 */
static bool is_spent(const struct login *login)
{
    struct returns *returns = login->providers->returns;

    return login->password_sent && login->progress[STEP_PASSWORD] != STEP_PASSED &&
           (returns == NULL || !returns_allow(returns, &login->code.burn));
}

/*
 * The slot forgets the code first: a worker that the guard ends between the two loses the user a code.
 * The other way about its successor would give it back a second time, perhaps after it was used.
 */
static void give_back(struct login *login)
{
    login->slot->burn = (struct mfa_burn){0};
    if (login->code.burn.token != 0 && login->providers->mfa != NULL && !is_spent(login))
        login->gave_back =
            mfa_give_back(login->providers->mfa, &login->code.burn, settle_by(login));
}

/* Failures of the code are counted by mfa_attempt, in the same transaction as the look. */
static bool is_failure_to_count(const struct login *login)
{
    enum progress code = login->progress[STEP_CODE];

    return reason_verdict(login->reason) == VERDICT_DENIED && code != STEP_FAILED &&
           code != STEP_NOT_TRIED;
}

static void count(struct login *login)
{
    const struct wire_request *request = login->request;
    struct mfa *mfa = login->providers->mfa;

    if (mfa == NULL || request->kind != WIRE_AUTHENTICATE)
        return;
    if (is_failure_to_count(login)) {
        if (!mfa_count_failure(mfa, request->user, request->rhost, login->now_ms, settle_by(login)))
            outage_mark(login->providers->outage, OUTAGE_STORE, clock_mono_ms() + UNCOUNTED_MS);
    } else if (reason_verdict(login->reason) == VERDICT_GRANTED && !login->code.success_is_noted) {
        /* If this fails the login stands: earlier failures then count a little longer. */
        (void)mfa_count_success(mfa, request->user, request->rhost, login->now_ms,
                                settle_by(login));
    }
}

static enum reason judge(struct login *login)
{
    const struct wire_request *request = login->request;
    char policy[WIRE_POLICY_MAX + 1], service[WIRE_SERVICE_MAX + 1];
    enum reason reason;

    if (!is_role_name(request->user))
        return REASON_BAD_NAME;
    /* The connection that this login is may be one that a worker, perhaps the only one, waits for. */
    if (own_roles_has(login->providers->own_roles, request->user))
        return REASON_OWN_ROLE;
    /* A NUL inside a name would let "default\0x" stand for "default". */
    if ((request->policy.len > 0 && memchr(request->policy.ptr, '\0', request->policy.len)) ||
        (request->service.len > 0 && memchr(request->service.ptr, '\0', request->service.len)))
        return REASON_NO_POLICY;
    snprintf(policy, sizeof policy, "%.*s", (int)request->policy.len,
             request->policy.len > 0 ? (const char *)request->policy.ptr : "");
    snprintf(service, sizeof service, "%.*s", (int)request->service.len,
             request->service.len > 0 ? (const char *)request->service.ptr : "");
    login->policy =
        settings_policy_for(login->providers->settings, policy[0] != '\0' ? policy : NULL, service);
    if (login->policy == NULL)
        return REASON_NO_POLICY;
    /* A NUL would end the password for a server that counts with C strings, perhaps before its first
     * byte: an unauthenticated bind. */
    if (request->kind == WIRE_AUTHENTICATE &&
        (request->secret.len == 0 || memchr(request->secret.ptr, '\0', request->secret.len)))
        return REASON_BAD_SECRET;

    reason = run_steps(login);
    return reason == REASON_GRANTED ? name_success(login) : reason;
}

void decide(struct login *login)
{
    login->reason = judge(login);
    if (reason_verdict(login->reason) == VERDICT_UNAVAILABLE)
        give_back(login);
    /* A verdict stands: from here on no successor may give the code back. */
    login->slot->burn = (struct mfa_burn){0};
    count(login);
}

void decide_withdraw(struct login *login, enum reason reason)
{
    login->reason = reason;
    give_back(login);
}

void decide_clear(struct login *login)
{
    directory_entry_free(login->entry);
    login->entry = NULL;
    secret_wipe(&login->role, sizeof login->role);
    secret_wipe(login->burst_hash, sizeof login->burst_hash);
    free(login->group);
    login->group = NULL;
}
