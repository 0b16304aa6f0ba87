/*
 * display.h - tokens, names and times as text and as JSON.
 */
#ifndef PGSIGNET_MFA_DISPLAY_H
#define PGSIGNET_MFA_DISPLAY_H

#include "common/clock.h"
#include "mfa/cli.h"
#include "mfa/escape.h"

#define DISPLAY_USER_SIZE  ESCAPE_SIZE(MFA_USER_MAX)
#define DISPLAY_TOKEN_SIZE ESCAPE_SIZE(MFA_TOKEN_NAME_MAX)

/* The names for a terminal; they return out. */
const char *display_user(const struct cli *cli, struct bytes user, char out[DISPLAY_USER_SIZE]);
const char *display_token(const struct cli *cli, const char *token, char out[DISPLAY_TOKEN_SIZE]);

/* "2026-11-21T20:58:10Z", or "never" for 0. */
const char *display_time(int64_t unix_s, char out[CLOCK_TEXT_MAX]);

/* "active" or "pending"; static. */
const char *display_state(enum token_state state);

/* The user of a token, as a slice into it. */
struct bytes display_owner(const struct token_info *info);

/*
 * Everything of a token but its secret, as a new JSON object that the caller owns.  NULL when memory
 * is short.
 */
json_t *display_json(const struct token_info *info);

/* A time as a JSON string, null for 0. */
json_t *display_json_time(int64_t unix_s);

/* Prints one JSON document as one line on standard output and releases it.  NULL, or failure, is
 * false after a message. */
bool display_print(json_t *document);

#endif
