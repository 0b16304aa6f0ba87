/*
 * recovery.h - recovery codes: how they are hashed.
 */
#ifndef PGSIGNET_MFA_RECOVERY_H
#define PGSIGNET_MFA_RECOVERY_H

#include "mfa/split.h"
#include "mfa/store.h"

/*
 * PBKDF2 (SP 800-132) for codes of 86 random bits: SP 800-63B asks for a salted password hash below
 * 112 bits.  10,000 rounds (some 3 ms) add 13 bits, which puts a search of one code at 2^99 hashes;
 * more would only cost the worker time that an attacker can ask for.
 */
#define RECOVERY_ITERATIONS     10000
#define RECOVERY_ITERATIONS_MAX 1000000 /* of a row, which a stranger's hand may have written */

/* Hashes the letters of a code.  False for iterations out of range or library trouble. */
bool recovery_hash(const uint8_t letters[SPLIT_RECOVERY], const uint8_t salt[RECOVERY_SALT],
                   int64_t iterations, uint8_t hash[RECOVERY_HASH]);

#endif
