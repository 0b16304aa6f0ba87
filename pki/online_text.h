/*
 * online_text.h - bytes of any kind in JSON: a string where they are UTF-8, else {"base64":"..."}.
 *
 * PostgreSQL takes a role's name as the bytes it gets; jansson, rightly, takes UTF-8 alone.  For both sides.
 */
#ifndef PGSIGNET_PKI_ONLINE_TEXT_H
#define PGSIGNET_PKI_ONLINE_TEXT_H

#include "common/bytes.h"

#include <glib.h>
#include <jansson.h>

/* A new reference; NULL when memory is short. */
json_t *online_text(struct bytes text);
json_t *online_text_string(const char *text); /* NULL becomes JSON's null */
/* Always as base64: for what is no text. */
json_t *online_text_binary(struct bytes content);

/* The bytes with a NUL behind (g_free); NULL when it is neither of the two forms, or holds a NUL. */
char *online_text_get(const json_t *value);
/* Those of base64 alone; NULL when they are not. */
GByteArray *online_text_get_binary(const json_t *value);

/* Overwrites every string inside: requests carry keys and passwords. */
void online_text_wipe(json_t *value);

#endif
