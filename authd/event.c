#include "config.h"

#include "authd/event.h"

#include <stdio.h>

#include "common/clock.h"

#define DETAIL_MAX 1200 /* bytes; more than the longest text of the directory with ours before it */

/* How a failed step is told, where the reason says more than "wrong". */
static enum audit_factor factor_of_failure(enum reason reason)
{
    switch (reason) {
    case REASON_CODE_USED:
    case REASON_CODE_BEFORE_BOOT:
        return FACTOR_USED;
    case REASON_CODE_MISSING:
    case REASON_NOT_ENROLLED:
    case REASON_PASSWORD_EMPTY:
    case REASON_NO_ENTRY:
    case REASON_NO_ROLE:
    case REASON_NO_VERIFIER:
        return FACTOR_MISSING;
    case REASON_CODE_WRONG:
    case REASON_PASSWORD_WRONG:
        return FACTOR_WRONG;
    default:
        break;
    }
    return reason_verdict(reason) == VERDICT_UNAVAILABLE ? FACTOR_UNAVAILABLE : FACTOR_REFUSED;
}

static enum audit_factor factor_of(const struct login *login, enum step step)
{
    switch (login->progress[step]) {
    case STEP_NOT_TRIED:
        return FACTOR_NOT_TRIED;
    case STEP_NOT_ASKED_FOR:
        return FACTOR_OFF;
    case STEP_EXEMPT:
        return FACTOR_EXEMPT;
    case STEP_LEFT_TO_STACK:
        return FACTOR_LEFT_TO_STACK;
    case STEP_BREAK_GLASS:
        return FACTOR_BREAK_GLASS;
    case STEP_BURST:
        return FACTOR_BURST;
    case STEP_PASSED:
        return FACTOR_OK;
    case STEP_FAILED:
        break;
    }
    return factor_of_failure(login->reason);
}

/* Throttle and code are judged together; a refusal by the throttle leaves the code untold. */
static void fill_factors(const struct login *login, struct audit_factors *factors)
{
    bool held = login->reason == REASON_THROTTLED || login->reason == REASON_CAPPED;

    factors->code = held ? FACTOR_NOT_TRIED : factor_of(login, STEP_CODE);
    if (login->progress[STEP_CODE] != STEP_NOT_TRIED && login->request->kind == WIRE_AUTHENTICATE)
        factors->throttle = held ? FACTOR_REFUSED : FACTOR_OK;
    factors->password = factor_of(login, STEP_PASSWORD);
    factors->account = factor_of(login, STEP_ACCOUNT);
    factors->group = factor_of(login, STEP_GROUPS);
    factors->role = factor_of(login, STEP_ROLE);
}

static bool write_event(struct audit *audit, struct audit_event *event)
{
    return audit != NULL && audit_write(audit, event) != AUDIT_LOST;
}

bool event_login(struct audit *audit, const struct login *login, uint64_t id, uid_t uid, pid_t pid,
                 int64_t total_us, const char *trouble)
{
    static const char gave_back[] = "the code was given back and counts again";
    static const char *const glass[] = {
        [MFA_GLASS_NONE] = "",
        [MFA_GLASS_WRONG] = "a wrong passphrase for a break-glass account",
        [MFA_GLASS_UNARMED] = "the passphrase of a break-glass account that is not armed",
        [MFA_GLASS_ARMED] = "the passphrase of an armed break-glass account",
    };
    const struct wire_request *r = login->request;
    char detail[DETAIL_MAX];
    struct audit_event event = {
        .time_ms = login->now_ms,
        .event = r->kind == WIRE_ACCOUNT ? "account" : "login",
        .id = id,
        .reason = login->reason,
        .user = r->user,
        .user_known = login->user_known,
        .user_hash = login->code.user_hash,
        .address = r->rhost,
        .service = r->service,
        .policy = login->policy != NULL ? bytes_str(login->policy->name) : r->policy,
        .group = login->group,
        .token = login->code.token_name,
        .severity = mfa_is_alarming(&login->code, login->reason) ? SEVERITY_ALERT
                                                                 : SEVERITY_USUAL,
        .break_glass_reason = login->code.break_glass_reason,
        .exempt_reason = login->exempt != NULL ? login->exempt->reason : NULL,
        .steps = {.code_us = login->step_us[STEP_CODE],
                  .password_us = login->step_us[STEP_PASSWORD],
                  .account_us = login->step_us[STEP_ACCOUNT],
                  .groups_us = login->step_us[STEP_GROUPS],
                  .role_us = login->step_us[STEP_ROLE],
                  .total_us = total_us},
        .backend_pid = pid,
        .has_uid = true,
        .uid = uid,
        .detail = detail,
    };

    const char *ours = login->gave_back ? gave_back : glass[login->code.glass];

    /* The short sentence first: the long one may be cut. */
    snprintf(detail, sizeof detail, "%s%s%s", ours,
             ours[0] != '\0' && trouble[0] != '\0' ? "; " : "", trouble);
    fill_factors(login, &event.factors);
    return write_event(audit, &event);
}

bool event_lost(struct audit *audit, const struct slot *slot, enum reason reason, bool gave_back)
{
    struct audit_event event = {
        .time_ms = slot->started_ms,
        .event = "login",
        .id = slot->event,
        .reason = reason,
        .user = bytes_of(slot->user, slot->user_len),
        .user_known = slot->user_known,
        .user_hash = slot->user_hash,
        .address = bytes_str(slot->address),
        .service = bytes_str(slot->service),
        .backend_pid = slot->backend,
        .has_uid = true,
        .uid = slot->uid,
        .detail = gave_back
                      ? "the worker ended before it could answer; the code was given back and "
                        "counts again"
                      : "the worker ended before it could answer",
    };

    return write_event(audit, &event);
}

bool event_refused_peer(struct audit *audit, uint64_t id, uid_t uid, pid_t pid)
{
    struct audit_event event = {
        .time_ms = clock_wall_ms(),
        .event = "peer",
        .id = id,
        .reason = REASON_PEER_REFUSED,
        .backend_pid = pid,
        .has_uid = true,
        .uid = uid,
        .detail = "this OS user is not in daemon.clients",
    };

    return write_event(audit, &event);
}

bool event_bad_request(struct audit *audit, uint64_t id, uid_t uid, pid_t pid, const char *fault)
{
    struct audit_event event = {
        .time_ms = clock_wall_ms(),
        .event = "login",
        .id = id,
        .reason = REASON_BAD_REQUEST,
        .backend_pid = pid,
        .has_uid = true,
        .uid = uid,
        .detail = fault,
    };

    return write_event(audit, &event);
}
