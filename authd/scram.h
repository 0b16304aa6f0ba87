/*
 * scram.h - a password against a SCRAM-SHA-256 verifier as PostgreSQL keeps it (RFC 5802, RFC 7677;
 * parse_scram_secret and scram_verify_plain_password in PostgreSQL's auth-scram.c).
 */
#ifndef PGSIGNET_SCRAM_H
#define PGSIGNET_SCRAM_H

#include "common/bytes.h"

#define SCRAM_ITERATIONS_MAX 1000000

enum scram_result { SCRAM_MATCH, SCRAM_MISMATCH, SCRAM_BAD_VERIFIER, SCRAM_FAILED };

/*
 * Checks a password (bytes as the client sent them) against "SCRAM-SHA-256$iter:salt$Stored:Server".
 * The password is prepared with SASLprep (RFC 4013) as PostgreSQL does: if that fails, or the bytes
 * are not UTF-8, they are used as they are.  Compared in constant time.  SCRAM_BAD_VERIFIER: not of
 * that form, more than SCRAM_ITERATIONS_MAX iterations, or salt or iterations too few for `fips:
 * require`; it costs nothing, so spend afterwards.  An empty password, one with a NUL or over 512 bytes
 * never matches.  SCRAM_FAILED: memory is short.
 */
enum scram_result scram_check(const char *verifier, struct bytes password);

/*
 * Spends what scram_check spends, against a verifier nobody has, so that a role without one costs the
 * same (PostgreSQL's mock authentication): PostgreSQL's default of 4096 iterations.  Where
 * scram_iterations is set higher, roles with such verifiers can be told by their time.
 */
void scram_spend(struct bytes password);

#endif
