/*
 * saslprep.h - a password in the form that PostgreSQL hashes (RFC 4013, with PostgreSQL's departures).
 */
#ifndef PGSIGNET_SASLPREP_H
#define PGSIGNET_SASLPREP_H

#include "common/secret.h"

#define SASLPREP_MAX 512 /* bytes of a password; longer ones are refused */

/*
 * Writes the prepared password to *out, which the caller frees.  What cannot be prepared (not UTF-8,
 * a prohibited or unassigned character, mixed directions, nothing left) comes out as it is, because
 * PostgreSQL then hashes the bytes as they are.  False when the password is over SASLPREP_MAX bytes
 * or memory is short; *out is then empty.
 *
 * Follows pg_saslprep of PostgreSQL 10 to 18 (src/common/saslprep.c), which departs from RFC 3454:
 * pure ASCII passes unchecked, and characters are judged before they are normalised, not after.
 * Compared with PostgreSQL 15's own code over every code point and random strings, one difference is
 * left: sequences of Unicode's Public Review Issue 29 (as U+1101 U+031A U+1163), which no language
 * writes, normalise otherwise in libidn; such a password does not match.
 */
bool saslprep(struct bytes password, struct secret *out);

#endif
