/*
 * reason.h - the one vocabulary of verdicts and reasons.
 *
 * Every login ends in exactly one reason; the reason implies the verdict.  The verdict goes to
 * the module, the reason goes to the audit event and nowhere else (docs/threat-model.md).
 * docs/audit.md documents each reason; a unit test holds the two lists together.
 */
#ifndef PGSIGNET_REASON_H
#define PGSIGNET_REASON_H

/*
 * The values travel on the wire.  They are far apart so that neither a zeroed nor a slightly
 * damaged datagram can read as VERDICT_GRANTED.
 */
enum verdict {
    VERDICT_DENIED = 0x21,
    VERDICT_GRANTED = 0x5a,
    /* Nothing was verified here because the policy leaves the password to the PAM stack and no
     * code was due: the module answers PAM_IGNORE, so that this line alone admits nobody. */
    VERDICT_CONTINUE = 0x7c,
    VERDICT_UNAVAILABLE = 0x96,
};

/*      constant              verdict       name in events        */
#define REASON_TABLE(X)                                              \
    X(REASON_GRANTED, GRANTED, "granted")                            \
    X(REASON_GRANTED_EXEMPT, GRANTED, "granted-exempt")              \
    X(REASON_GRANTED_BREAK_GLASS, GRANTED, "granted-break-glass")    \
    X(REASON_LEFT_TO_STACK, CONTINUE, "left-to-stack")               \
    X(REASON_BAD_NAME, DENIED, "bad-name")                           \
    X(REASON_BAD_SECRET, DENIED, "bad-secret")                       \
    X(REASON_OWN_ROLE, DENIED, "own-role")                           \
    X(REASON_NO_POLICY, DENIED, "no-policy")                         \
    X(REASON_THROTTLED, DENIED, "throttled")                         \
    X(REASON_CAPPED, DENIED, "capped")                               \
    X(REASON_LOCKED, DENIED, "locked")                               \
    X(REASON_NOT_ENROLLED, DENIED, "not-enrolled")                   \
    X(REASON_CODE_MISSING, DENIED, "code-missing")                   \
    X(REASON_CODE_WRONG, DENIED, "code-wrong")                       \
    X(REASON_CODE_USED, DENIED, "code-used")                         \
    X(REASON_CODE_BEFORE_BOOT, DENIED, "code-before-boot")           \
    X(REASON_CODE_BEFORE_RESTORE, DENIED, "code-before-restore")     \
    X(REASON_NEEDS_RESYNC, DENIED, "needs-resync")                   \
    X(REASON_PASSWORD_EMPTY, DENIED, "password-empty")               \
    X(REASON_PASSWORD_WRONG, DENIED, "password-wrong")               \
    X(REASON_PASSWORD_MUST_CHANGE, DENIED, "password-must-change")   \
    X(REASON_NO_ENTRY, DENIED, "no-entry")                           \
    X(REASON_AMBIGUOUS_ENTRY, DENIED, "ambiguous-entry")             \
    X(REASON_NAME_DIFFERS, DENIED, "name-differs")                   \
    X(REASON_ACCOUNT_DISABLED, DENIED, "account-disabled")           \
    X(REASON_ACCOUNT_LOCKED, DENIED, "account-locked")               \
    X(REASON_ACCOUNT_EXPIRED, DENIED, "account-expired")             \
    X(REASON_NOT_IN_GROUP, DENIED, "not-in-group")                   \
    X(REASON_IN_DENIED_GROUP, DENIED, "in-denied-group")             \
    X(REASON_NO_ROLE, DENIED, "no-role")                             \
    X(REASON_NO_VERIFIER, DENIED, "no-verifier")                     \
    X(REASON_ROLE_NOLOGIN, DENIED, "role-nologin")                   \
    X(REASON_ROLE_EXPIRED, DENIED, "role-expired")                   \
    X(REASON_SUPERUSER_EXCLUDED, DENIED, "superuser-excluded")       \
    X(REASON_PEER_REFUSED, DENIED, "peer-refused")                   \
    X(REASON_BAD_REQUEST, UNAVAILABLE, "bad-request")                \
    X(REASON_STORE_UNAVAILABLE, UNAVAILABLE, "store-unavailable")    \
    X(REASON_KEY_UNAVAILABLE, UNAVAILABLE, "key-unavailable")        \
    X(REASON_DIRECTORY_UNAVAILABLE, UNAVAILABLE, "directory-unavailable") \
    X(REASON_DIRECTORY_ANSWER, UNAVAILABLE, "directory-answer")      \
    X(REASON_POSTGRES_UNAVAILABLE, UNAVAILABLE, "postgres-unavailable") \
    X(REASON_DEADLINE, UNAVAILABLE, "deadline")                      \
    X(REASON_AUDIT_UNAVAILABLE, UNAVAILABLE, "audit-unavailable")    \
    X(REASON_RULES_UNUSABLE, UNAVAILABLE, "rules-unusable")          \
    X(REASON_INTERNAL, UNAVAILABLE, "internal")

enum reason {
#define REASON_CONSTANT(constant, verdict, name) constant,
    REASON_TABLE(REASON_CONSTANT)
#undef REASON_CONSTANT
    REASON_COUNT
};

/* The verdict that a reason implies; VERDICT_UNAVAILABLE for a value outside the enum. */
enum verdict reason_verdict(enum reason reason);

/* The reason's name as it stands in audit events ("code-wrong"); static, never NULL. */
const char *reason_name(enum reason reason);

/* "granted", "denied", "continue" or "unavailable"; static, never NULL. */
const char *verdict_name(enum verdict verdict);

#endif
