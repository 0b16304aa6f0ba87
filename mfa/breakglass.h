/*
 * breakglass.h - accounts for the worst day: no phone, no directory, no PostgreSQL to ask about roles.
 *
 * Such an account has a long passphrase, shown once and sealed in an envelope.  While an operator has
 * armed it (with a reason and an end), the passphrase alone admits; lock, throttle and cap count as
 * ever.  Before and after it is a wrong login like any other, to the client.
 */
#ifndef PGSIGNET_MFA_BREAKGLASS_H
#define PGSIGNET_MFA_BREAKGLASS_H

#include "mfa/engine.h"
#include "mfa/split.h"

#define GLASS_LETTERS    30 /* of the alphabet of recovery codes: 129 bits */
#define GLASS_TEXT       36 /* bytes of a passphrase with its NUL: six groups of five, hyphens between */
#define GLASS_ITERATIONS 10000 /* with 129 bits not what protects it */
#define GLASS_MOST_S     (24 * 3600) /* for which an account is armed at most */

/* --- one attempt: for attempt.c ------------------------------------------------------------------ */

/* A string with the form of a passphrase, hashed before the transaction. */
struct glass_try {
    bool has_form;
    uint8_t letters[GLASS_LETTERS];
    uint8_t salt[RECOVERY_SALT]; /* and iterations: what hash was made with */
    int64_t iterations;
    uint8_t hash[RECOVERY_HASH];
};

/* Has the whole string the form, with hyphens or without, in either case?  The caller wipes *try. */
bool glass_has_form(struct bytes secret, struct glass_try *try);

/* Hashes it as the account's row says, or at the same cost under any salt when row is NULL. */
bool glass_hash(struct glass_try *try, const struct store_break_glass *row,
                const uint8_t dummy_salt[RECOVERY_SALT]);

/* What the string is to the account that the transaction sees (NULL: none). */
enum mfa_glass glass_judge(const struct glass_try *try, const struct store_break_glass *row,
                           int64_t now_s);

/* --- operators ----------------------------------------------------------------------------------- */

struct glass_info {
    uint8_t user[MFA_USER_MAX];
    size_t user_len;
    int64_t created_s;
    int64_t armed_until_s; /* 0 = not armed */
    char reason[STORE_TEXT];
    char armed_by[STORE_TEXT];
};

/* A new account, not armed; passphrase is the caller's to wipe.  MFA_EXISTS when there is one. */
enum mfa_result mfa_glass_create(struct mfa *mfa, struct bytes user, int64_t now_s,
                                 char passphrase[GLASS_TEXT]);

/*
 * Arms until a time not past and at most GLASS_MOST_S from now_s (else MFA_STATE), with a reason that is
 * not empty and fits (else MFA_BAD_NAME).  Armed again: the new reason and end hold.
 */
enum mfa_result mfa_glass_arm(struct mfa *mfa, struct bytes user, const char *reason,
                              const char *armed_by, int64_t until_s, int64_t now_s);

/* MFA_STATE when it is not armed (any more).  MFA_NOT_FOUND of these two: no such account. */
enum mfa_result mfa_glass_disarm(struct mfa *mfa, struct bytes user, int64_t now_s);
enum mfa_result mfa_glass_remove(struct mfa *mfa, struct bytes user);

/* All of them by name; *infos is malloc'ed, the caller frees it. */
enum mfa_result mfa_glass_list(struct mfa *mfa, struct glass_info **infos, size_t *n);

#endif
