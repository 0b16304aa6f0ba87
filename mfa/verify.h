/*
 * verify.h - one attempt with a one-time code, judged and recorded as one atomic step.
 *
 * This is what the daemon asks of the token engine.  It never sees a row, a key or a lock.  All times
 * are passed in.  User names and addresses are bytes from an attacker.
 */
#ifndef PGSIGNET_MFA_VERIFY_H
#define PGSIGNET_MFA_VERIFY_H

#include "common/bytes.h"
#include "common/reason.h"
#include "common/settings.h"

struct mfa; /* an open store with its keys; one a process, never used across a fork */

/*
 * Opens store and keys as the settings say.  On success REASON_GRANTED and *out is owned by the
 * caller; else REASON_STORE_UNAVAILABLE or REASON_KEY_UNAVAILABLE, *out is NULL, and why (size bytes)
 * holds a sentence for the operator: what was tried, on what, what came back, what to do.  settings
 * must outlive the handle.
 */
enum reason mfa_open(const struct settings *settings, struct mfa **out, char *why, size_t size);
void mfa_close(struct mfa *mfa); /* NULL is allowed */

struct mfa_attempt {
    struct bytes user;
    struct bytes address; /* numeric address, or empty for a local socket */
    struct bytes secret;  /* the one string the client typed */
    bool whole_is_code; /* policy `password: none`: the string must be the code and nothing else */
    bool code_due;      /* false for `code: off` and for exempt users: throttle and cap only */
    bool code_first;    /* policy order */
    int64_t now_ms;     /* Unix time */
    int64_t boot_s;     /* Unix time at which the machine started (clock_boot_s) */
};

/* What was burnt; needed to give it back. */
struct mfa_burn {
    int64_t token;    /* the token or the recovery code; 0 = nothing burnt */
    int64_t step;     /* the step or counter this attempt used up; of a recovery code its used_s */
    int64_t previous; /* the last accepted step before it */
    bool is_recovery;
};

/* What the code was that was accepted. */
enum mfa_means { MFA_BY_CODE, MFA_BY_RECOVERY, MFA_BY_BREAK_GLASS };

/* What the string was to a break-glass account of that name, whatever became of the attempt. */
enum mfa_glass {
    MFA_GLASS_NONE,  /* there is none, or the string has not the form of a passphrase */
    MFA_GLASS_WRONG, /* of the form, and not the passphrase */
    MFA_GLASS_UNARMED, /* the passphrase; the account is not armed, or not any more */
    MFA_GLASS_ARMED, /* the passphrase of an armed account */
};

struct mfa_outcome {
    enum reason reason;     /* REASON_GRANTED: the code was right (or not due) and is now burnt */
    bool user_known;        /* the name has a token, pending ones included */
    bool enrolled;          /* ... and one of them may admit now: neither disabled nor unproved */
    size_t password_offset; /* the string without the code: secret.ptr + offset, of length bytes */
    size_t password_length;
    struct mfa_burn burn;
    /*
     * MFA_BY_RECOVERY: token_name is "recovery".  MFA_BY_BREAK_GLASS: the whole string was the
     * passphrase of an armed account: no password is left, and no step but this is to be taken.
     */
    enum mfa_means means;
    enum mfa_glass glass;
    char break_glass_reason[256]; /* for which the account was armed */
    char token_name[65]; /* of the token that matched, for the event; "" if none */
    char user_hash[33];  /* keyed hash of the name, hex: what events show of unknown names */
    bool success_is_noted; /* mfa_count_success would find nothing to change */
};

/*
 * Is the attempt one for a person to look at, at once: whatever touches a break-glass account, but of
 * guesses only those that were judged.  Whom the throttle holds back must not fill the alarms.
 */
static inline bool mfa_is_alarming(const struct mfa_outcome *outcome, enum reason reason)
{
    bool held = reason == REASON_THROTTLED || reason == REASON_CAPPED;

    return outcome->glass != MFA_GLASS_NONE && !(outcome->glass == MFA_GLASS_WRONG && held);
}

/*
 * Judges the attempt.  In one atomic step with regard to every other process on this store: looks at
 * lock, throttle and cap, computes codes (also for unknown users, so that timing tells nothing), and either
 * burns the matching step or counts the failure.  Reasons: REASON_GRANTED, _THROTTLED, _CAPPED,
 * _LOCKED, _NOT_ENROLLED, _CODE_MISSING, _CODE_WRONG, _CODE_USED, _CODE_BEFORE_BOOT,
 * _CODE_BEFORE_RESTORE, _NEEDS_RESYNC, _STORE_UNAVAILABLE, _KEY_UNAVAILABLE; also written to outcome->reason.  Throttled attempts are not counted as failures.
 * Never waits longer than until deadline_ms (CLOCK_MONOTONIC) for another writer.
 */
enum reason mfa_attempt(struct mfa *mfa, const struct mfa_attempt *attempt, int64_t deadline_ms,
                        struct mfa_outcome *outcome);

/*
 * Gives a burnt code back, because the verdict is UNAVAILABLE: restores `previous` if and only if
 * nothing later was accepted since.  True if given back; false if not needed or not possible.
 */
bool mfa_give_back(struct mfa *mfa, const struct mfa_burn *burn, int64_t deadline_ms);

/* Counts one failure of (user, address): a wrong password, a missing group.  False on store trouble. */
bool mfa_count_failure(struct mfa *mfa, struct bytes user, struct bytes address, int64_t now_ms,
                       int64_t deadline_ms);

/*
 * Records a full success: forgets the failures of this address, notes the address as one of recent
 * success.  Writes only when there is something to change (at most once an hour for the latter).
 * False on store trouble; the login stands all the same.
 */
bool mfa_count_success(struct mfa *mfa, struct bytes user, struct bytes address, int64_t now_ms,
                       int64_t deadline_ms);

/*
 * What opening, or since then any use, found out and the operator's log has to say ("the store was
 * restored"); "" if nothing, or once it was said.
 */
const char *mfa_notice(const struct mfa *mfa);
void mfa_notice_was_said(struct mfa *mfa);

/* The last store or key error of this handle, for the operator's log; "" if none. */
const char *mfa_error(const struct mfa *mfa);

#endif
