/*
 * key_raw.h - a KEK whose 32 bytes a provider hands over as text.
 *
 * Its id is the first 8 bytes of SHA-256("pgsignet kek id" || key), in hex.
 */
#ifndef PGSIGNET_MFA_KEY_RAW_H
#define PGSIGNET_MFA_KEY_RAW_H

#include "mfa/key_provider.h"

#define KEY_RAW_HEX    (2 * SEAL_KEY)    /* digits */
#define KEY_RAW_BASE64 44                /* characters, the '=' at the end included (RFC 4648 4) */
#define KEY_RAW_TEXT   (KEY_RAW_HEX + 2) /* bytes: the longest text, with CR LF */

/*
 * Makes a KEK of one line: 64 hex digits or base64 of 32 bytes, a line end after it or not.  Returns
 * NULL, or, with *kek closed, a static phrase that says what is wrong ("is not one line of ...").
 */
const char *key_raw_open(struct kek *kek, struct bytes text);

/* The same from the bytes.  False when the library fails. */
bool key_raw_make(struct kek *kek, const uint8_t key[SEAL_KEY]);

#endif
