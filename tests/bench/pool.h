/*
 * pool.h - the users of a benchmark, and a code of each that is still good.
 *
 * A one-time code admits once, so a benchmark of accepted logins needs more of them than it makes
 * logins.  Each user has up to three at a time: those of the step before, of this one and of the next
 * (RFC 6238 5.2, a window of one step either way), to be used in that order.
 */
#ifndef PGSIGNET_BENCH_POOL_H
#define PGSIGNET_BENCH_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define POOL_SECRET 20 /* bytes: SHA-1 */
#define POOL_PERIOD 30 /* seconds a step */
#define POOL_DIGITS 6
#define POOL_NAME   32 /* bytes, NUL included */

struct pool_user {
    char name[POOL_NAME];
    uint8_t secret[POOL_SECRET];
    int64_t next_step; /* no code of a step below it is good; 0 = none was used */
};

/* In memory that is shared over fork: a child's use of a code is seen by its parent. */
struct pool {
    struct pool_user *at;
    size_t n;
};

/* A part of a pool that one process uses, in an order that is not that of the names. */
struct pool_slice {
    struct pool *pool;
    size_t first, n;
    size_t cursor, stride;
};

/* Reads "NAME HEX" lines; at most max users (0 = all).  False, and a message on stderr, on failure. */
bool pool_load(struct pool *pool, const char *path, size_t max);
void pool_unload(struct pool *pool);

/* The slice of process i of n.  With fewer users than processes, slices are empty. */
struct pool_slice pool_cut(struct pool *pool, size_t i, size_t n);

/* The next user in turn, whatever became of the codes; NULL when the slice is empty. */
struct pool_user *pool_turn(struct pool_slice *slice);

/*
 * The next user who has a good code at now_s (Unix time), and that code, which counts as used then.
 * boot_s: steps that began before it are left out.  NULL when no code is left.
 */
struct pool_user *pool_code(struct pool_slice *slice, int64_t now_s, int64_t boot_s,
                            char code[POOL_DIGITS + 1]);

#endif
