/*
 * text.h - bytes from anywhere, made fit to be read by people and their terminals.
 */
#ifndef PGSIGNET_TEXT_H
#define PGSIGNET_TEXT_H

#include "common/bytes.h"

/*
 * The length in bytes of the UTF-8 sequence (RFC 3629: no overlong forms, no surrogates, at most
 * U+10FFFF) that the slice starts with, 1..4; 0 when it starts with none or is empty.
 */
size_t text_utf8_length(struct bytes text);

/* Whether the whole slice is UTF-8; the empty slice is. */
bool text_is_utf8(struct bytes text);

/*
 * Whether the slice is UTF-8 without characters that act on a terminal or on a reader of lines: DEL,
 * C1 controls, line and paragraph separators, changes of writing direction; and, unless
 * allow_control, without C0 controls (newline, escape, NUL, ...).
 */
bool text_is_plain(struct bytes text, bool allow_control);

/*
 * Writes the slice into out[0..size), always NUL-terminated (size at least 1), every byte that is not
 * plain as \xNN, and a backslash as \x5c, so that the original can be told.  What does not fit is cut
 * at a whole character and the end marked "...".  Returns the bytes written without the NUL.
 */
size_t text_escape(char *out, size_t size, struct bytes text);

/* The same for a message of our own that may hold foreign bytes: a backslash stays as it is. */
size_t text_clean(char *out, size_t size, struct bytes text);

/*
 * How many letters must be changed, added or left out to make b of a (Levenshtein's distance), for "did
 * you mean"; SIZE_MAX for words over 31 bytes, which are as far as can be.
 */
size_t text_distance(struct bytes a, const char *b);

#endif
