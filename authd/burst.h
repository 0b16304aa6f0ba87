/*
 * burst.h - strings that were just accepted whole, and may open a few more connections.
 *
 * Tools open several connections with one string (pg_dump -j, \c, DBeaver).  After a full success the
 * string counts again as the code, N times within S seconds, from the same address, for the same user,
 * policy and service (docs/threat-model.md says what that costs).  What is kept is a keyed hash in memory that
 * all workers share; nothing of it survives the daemon.
 *
 * Lock-free: a worker may be killed at any point, and costs at most one place for CLAIM_MS.
 */
#ifndef PGSIGNET_BURST_H
#define PGSIGNET_BURST_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/bytes.h"

#define BURST_HASH            32 /* bytes: HMAC-SHA256 */
#define BURST_KEY             32
#define BURST_SETS            512
#define BURST_WAYS            8 /* a string has this many places to be kept at */
#define BURST_CONNECTIONS_MAX 32
#define BURST_SECONDS_MAX     60
#define BURST_CODE_MAX        255 /* bytes of the code within the string */

/* One accepted string.  All zero: free. */
struct burst_place {
    _Atomic uint64_t state;   /* generation, end, uses left: what a use compares and sets */
    _Atomic uint64_t part[5]; /* hash and length of the code, each with the generation they belong to */
};

struct burst {
    uint8_t key[BURST_KEY];
    struct burst_place places[BURST_SETS][BURST_WAYS];
};

/* What a string is bound to.  Slices are not kept. */
struct burst_login {
    struct bytes secret, user, address, policy, service;
};

/* A string that was found; for burst_use. */
struct burst_found {
    struct burst_place *place;
    uint64_t state;
    size_t code_len; /* bytes of the string that were the code */
};

/* Gives zeroed, shared memory its random key; before the first fork.  False without random bytes. */
bool burst_prepare(struct burst *burst);

/* The keyed hash of a login; false when the library fails. */
bool burst_hash(const struct burst *burst, const struct burst_login *login,
                uint8_t hash[BURST_HASH]);

/* Times are CLOCK_BOOTTIME, milliseconds (clock_since_boot_ms). */

/* Is it kept, with uses left?  Uses up nothing. */
bool burst_find(struct burst *burst, const uint8_t hash[BURST_HASH], int64_t now_ms,
                struct burst_found *found);

/* Takes one use.  False when others took the last one since, or the time is over. */
bool burst_use(const struct burst_found *found, int64_t now_ms);

/*
 * Keeps a string for `connections` uses within `seconds`.  One that is kept already stays as it is.
 * Where all places are taken the one that ends first gives way: its string then counts no more.
 */
void burst_add(struct burst *burst, const uint8_t hash[BURST_HASH], size_t code_len,
               int64_t connections, int64_t seconds, int64_t now_ms);

#endif
