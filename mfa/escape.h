/*
 * escape.h - names for people and for JSON.
 *
 * Names are bytes from an attacker: a terminal must not obey them, a table must not be broken by
 * them, and two different names must never look the same.
 */
#ifndef PGSIGNET_MFA_ESCAPE_H
#define PGSIGNET_MFA_ESCAPE_H

#include "common/bytes.h"

#include <jansson.h>

/* Bytes, NUL included, that the text of n bytes needs at most. */
#define ESCAPE_SIZE(n) (4 * (n) + 1)

/*
 * Writes name for a terminal into out (size bytes, ESCAPE_SIZE(name.len) at least; else out becomes
 * "").  Printable characters stay; control bytes, bytes that are not UTF-8 (RFC 3629), and characters
 * that a terminal obeys or hides (C1, bidirectional controls, zero width, line separators) become
 * \xHH byte by byte; a backslash becomes \\.  So the text is reversible.  With utf8 false every byte
 * over 0x7f is escaped.  Returns out.
 */
const char *escape_text(struct bytes name, bool utf8, char *out, size_t size);

/*
 * Sets object[key] to the name if it is UTF-8; otherwise to its escaped text, and object["KEY_hex"]
 * to its bytes in hexadecimal.  False when memory is short.
 */
bool escape_json(json_t *object, const char *key, struct bytes name);

/* Whether the locale (setlocale was called) speaks UTF-8. */
bool escape_locale_utf8(void);

/*
 * The length of the valid UTF-8 sequence at the start of s (RFC 3629: shortest form, no surrogates,
 * at most U+10FFFF), its character in *c; 0 if there is none.
 */
size_t escape_utf8(struct bytes s, uint32_t *c);

#endif
