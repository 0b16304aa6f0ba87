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

/* "active", "pending" or "disabled"; static. */
const char *display_state(enum token_state state);

/* The user of a token, as a slice into it. */
struct bytes display_owner(const struct token_info *info);

/*
 * Everything of a token but its secret, as a new JSON object that the caller owns.  NULL when memory
 * is short.
 */
json_t *display_json(const struct token_info *info);

/* "totp" or "hotp"; "SHA1/6/30" or "SHA1/6/HOTP" for a table; the words are static. */
const char *display_kind(enum token_kind kind);
#define DISPLAY_KIND_SIZE 32
const char *display_parameters(const struct token_info *info, char out[DISPLAY_KIND_SIZE]);

/* How far the token's clock was ahead of ours (behind: negative) at the last accepted code, in seconds. */
int64_t display_drift_s(const struct token_info *info);

/*
 * JSON by links: each adds one member (taking the value) and returns the object, or releases both and
 * returns NULL when memory is short, also when it was given NULL.  display_change begins with "user" and,
 * unless NULL, the token's "name"; display_with_text escapes a foreign text.
 */
json_t *display_change(struct bytes user, const char *token);
json_t *display_with(json_t *object, const char *key, json_t *value);
json_t *display_with_text(json_t *object, const char *key, struct bytes text);

/* Prints the document as display_print does; the exit code. */
int display_end(json_t *document);

/* A time as a JSON string, null for 0. */
json_t *display_json_time(int64_t unix_s);

/* Prints one JSON document as one line on standard output and releases it.  NULL, or failure, is
 * false after a message. */
bool display_print(json_t *document);

#endif
