/*
 * directory_entry.h - inside of directory.h: one user's entry as read from the server.  For directory*.c
 * and for tests, which make entries by hand.
 */
#ifndef PGSIGNET_DIRECTORY_ENTRY_H
#define PGSIGNET_DIRECTORY_ENTRY_H

#include "common/bytes.h"

#include <stdbool.h>
#include <stddef.h>

/* The attributes that tell the state of an account; all single-valued in their schemas. */
#define DIRECTORY_ACCOUNT_TABLE(X)                                                                 \
    X(ACCOUNT_USER_CONTROL, "userAccountControl")                                                  \
    X(ACCOUNT_USER_CONTROL_COMPUTED, "msDS-User-Account-Control-Computed")                         \
    X(ACCOUNT_LOCKOUT_TIME, "lockoutTime")                                                         \
    X(ACCOUNT_EXPIRES, "accountExpires")                                                           \
    X(ACCOUNT_NS_LOCK, "nsAccountLock")                                                            \
    X(ACCOUNT_SHADOW_EXPIRE, "shadowExpire")                                                       \
    X(ACCOUNT_PWD_LOCKED_TIME, "pwdAccountLockedTime")                                             \
    X(ACCOUNT_PWD_RESET, "pwdReset")                                                               \
    X(ACCOUNT_UNLOCK_TIME, "accountUnlockTime")

enum directory_account_attribute {
#define ACCOUNT_CONSTANT(constant, name) constant,
    DIRECTORY_ACCOUNT_TABLE(ACCOUNT_CONSTANT)
#undef ACCOUNT_CONSTANT
        ACCOUNT_ATTRIBUTES
};

struct directory_value {
    bool present;
    bool damaged;  /* several values, a NUL inside, or longer than text: denies */
    char text[40]; /* the value, if not damaged */
};

struct directory_entry {
    char *dn;         /* owned; as the server wrote it */
    char *member_uid; /* owned; what memberUid would hold; NULL if that cannot be told */
    char **member_of; /* owned array of owned DNs, as the server wrote them */
    size_t n_member_of;
    bool member_of_partial; /* the server gave a range of the values only */
    bool has_primary; /* an AD's primaryGroupID: neither member nor memberOf tell of that group */
    char primary_base
        [208]; /* that group as a search base, <SID=S-1-...>; "" if that cannot be told */
    struct directory_value account[ACCOUNT_ATTRIBUTES];
};

/*
 * Notes an AD's primary group: sid is the entry's objectSid ([MS-DTYP] 2.4.2.2; empty = not given), rid its
 * primaryGroupID in decimal.
 */
void directory_primary_base(struct directory_entry *entry, struct bytes sid, struct bytes rid);

#endif
