/*
 * change.h - what every operation of tokens.h does around its own work.
 */
#ifndef PGSIGNET_MFA_CHANGE_H
#define PGSIGNET_MFA_CHANGE_H

#include "mfa/engine.h"

#define CHANGE_PATIENCE_MS 10000 /* an operator's change waits so long for other writers */

/* Not empty, not too long, without NUL. */
bool change_good_user(struct bytes user);
bool change_good_token_name(const char *name);

/* Checks the handle and starts a transaction: STORE_DURABLE for a change, STORE_READ for a list. */
enum mfa_result change_begin(struct mfa *mfa, enum store_mode mode);

/* Ends it: commits what went well, undoes the rest and notes the store's error for MFA_STORE. */
enum mfa_result change_end(struct mfa *mfa, enum mfa_result result);

/* MFA_NOT_FOUND when there is no such user.  *n tokens, ordered by name. */
enum mfa_result change_find_user(struct mfa *mfa, struct bytes name, struct store_user *user,
                                 struct store_token tokens[MFA_TOKENS_PER_USER], size_t *n);

/* One token by its user's name and its own. */
enum mfa_result change_find_token(struct mfa *mfa, struct bytes user_name, const char *name,
                                  struct store_user *user, struct store_token *token);

/*
 * When what is made or proved in this transaction was: now, but not before the store's floor, which it
 * comes after.  The opening that raised it may have been this program's own, and ended its second.
 */
enum mfa_result change_time(struct mfa *mfa, int64_t now_s, int64_t *at_s);

/* What the store made of a change: STORE_NONE is MFA_STATE. */
enum mfa_result change_result(enum store_status status);

/* The user of that name, added if there is none; keyed: with a key. */
enum mfa_result change_need_user(struct mfa *mfa, struct bytes name, bool keyed,
                                 struct store_user *user);

/* Opens a token's secret; MFA_KEY, with a sentence, when it does not open.  The caller wipes it. */
enum mfa_result change_open_secret(struct mfa *mfa, const struct store_user *user,
                                   const struct store_token *token,
                                   uint8_t secret[SEAL_PLAIN_MAX], size_t *len);

void change_fill_info(struct token_info *info, struct bytes user, const struct store_token *token);

#endif
