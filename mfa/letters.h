/*
 * letters.h - secrets that people type from paper: recovery codes and break-glass passphrases.
 *
 * Letters alone, so that no one-time code can be mistaken for one; without vowels, so that they spell
 * nothing; in groups of five with hyphens between.  A letter is worth 4.3 bits.
 */
#ifndef PGSIGNET_MFA_LETTERS_H
#define PGSIGNET_MFA_LETTERS_H

#include "common/bytes.h"

#define LETTERS_GROUP 5
/* Bytes of n letters with their hyphens, without a NUL. */
#define LETTERS_TEXT(n) ((n) + ((n) - 1) / LETTERS_GROUP)

/* Draws n letters of equal chance.  False without random bytes; then they are wiped. */
bool letters_draw(uint8_t *letters, size_t n);

/* Writes n letters in groups, NUL-terminated: LETTERS_TEXT(n) + 1 bytes. */
void letters_write(const uint8_t *letters, size_t n, char *text);

/*
 * Reads exactly n letters, in either case, with all their hyphens (text.len is LETTERS_TEXT(n)) or
 * without any (n).  False when it is anything else; letters are then without meaning.
 */
bool letters_read(struct bytes text, uint8_t *letters, size_t n);

#endif
