/*
 * directory.h - what a login asks of LDAP: find one entry, check a password, judge the account.
 *
 * One `struct directory` a worker process, with two kept connections: one bound as the service
 * account for searches, one for users' binds.  A connection found dead is re-made once.  Every wait
 * ends by the deadline (CLOCK_MONOTONIC, milliseconds); where libldap cannot be bounded, the caller's
 * guard (guard.h) shuts the socket down.  Servers are tried in the order of ldap.uris; one that fails
 * is marked in the outage page.
 */
#ifndef PGSIGNET_DIRECTORY_H
#define PGSIGNET_DIRECTORY_H

#include "common/bytes.h"
#include "common/outage.h"
#include "common/reason.h"
#include "common/settings.h"

struct directory;
struct directory_entry; /* one user's entry: DN, account attributes, memberOf */

/* NULL when memory is short.  Connects to nothing yet.  settings and outage (may be NULL) must outlive it. */
struct directory *directory_new(const struct settings_ldap *settings, struct outage *outage);
void directory_free(struct directory *directory); /* NULL is allowed */

/*
 * Finds the entry of one role.  REASON_GRANTED with *out owned by the caller, or REASON_NO_ENTRY,
 * _AMBIGUOUS_ENTRY, _NAME_DIFFERS (no value of ldap.user_name equals the name byte by byte),
 * _DIRECTORY_UNAVAILABLE, _DIRECTORY_ANSWER (referral, size limit, damaged answer), _DEADLINE.
 */
enum reason directory_find(struct directory *directory, struct bytes user, int64_t deadline_ms,
                           struct directory_entry **out);
void directory_entry_free(struct directory_entry *entry); /* NULL is allowed */
const char *directory_entry_dn(const struct directory_entry *entry);

/*
 * Checks the password by a simple bind.  entry == NULL binds as a name that cannot exist, so that
 * an unknown user costs a round trip as well; the answer is then never REASON_GRANTED.  An empty
 * password answers REASON_PASSWORD_EMPTY before any bind (RFC 4513 5.1.2).  Else REASON_GRANTED,
 * _PASSWORD_WRONG, _PASSWORD_MUST_CHANGE, _ACCOUNT_LOCKED, _ACCOUNT_DISABLED, _ACCOUNT_EXPIRED (where
 * the server's answer says so), _DIRECTORY_UNAVAILABLE, _DIRECTORY_ANSWER, _DEADLINE.
 */
enum reason directory_check_password(struct directory *directory,
                                     const struct directory_entry *entry, struct bytes password,
                                     int64_t deadline_ms);

/*
 * Whether the last check sent the password to a server: it may then have been judged there, even if
 * the answer was lost.
 */
bool directory_password_sent(const struct directory *directory);

/*
 * Judges the account state in the entry (pure): ppolicy lock, nsAccountLock and accountUnlockTime, AD userAccountControl,
 * lockoutTime and accountExpires, shadowExpire.  REASON_GRANTED, _ACCOUNT_DISABLED, _ACCOUNT_LOCKED or
 * _ACCOUNT_EXPIRED.  password_was_checked: a timed ppolicy lock is then left to the bind, which knows
 * its duration; without it any lock denies.
 */
enum reason directory_account(const struct directory_entry *entry, int64_t now_s,
                              bool password_was_checked);

/*
 * Judges memberships: any group of deny denies, then any of require admits; empty require admits.
 * REASON_GRANTED (and *matched, malloc'ed, the required group that matched as configured, or NULL when
 * none was asked for), REASON_IN_DENIED_GROUP (and *matched is that group), REASON_NOT_IN_GROUP,
 * _DIRECTORY_UNAVAILABLE, _DIRECTORY_ANSWER, _DEADLINE.
 */
enum reason directory_groups(struct directory *directory, const struct directory_entry *entry,
                             const struct settings_strings *require,
                             const struct settings_strings *deny, int64_t deadline_ms,
                             char **matched);

/* The last directory error of this handle, for the operator's log; "" if none. */
const char *directory_error(const struct directory *directory);

#endif
