/*
 * seed - makes the users of a benchmark, and what each method keeps of them.
 *
 *   seed users N                      lines NAME HEX on stdout, random secrets
 *   seed KIND WHERE POOL [USERS]      the state of a method, see fixture.h
 */
#include "config.h"

#include "tests/bench/fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static bool make_users(unsigned long n)
{
    for (unsigned long i = 0; i < n; i++) {
        uint8_t secret[POOL_SECRET];

        if (getrandom(secret, sizeof secret, 0) != (ssize_t)sizeof secret) {
            perror("getrandom");
            return false;
        }
        printf("bench%06lu ", i);
        for (size_t j = 0; j < sizeof secret; j++) {
            printf("%02x", secret[j]);
        }
        putchar('\n');
    }
    return fflush(stdout) == 0;
}

int main(int argc, char **argv)
{
    struct pool pool;

    if (argc == 3 && strcmp(argv[1], "users") == 0) {
        return make_users(strtoul(argv[2], NULL, 10)) ? 0 : 1;
    }
    const struct fixture *fixture = argc == 4 || argc == 5 ? fixture_find(argv[1]) : NULL;

    if (fixture == NULL) {
        fputs("Usage: seed users N | seed none|google|oath|pgsignet|pgsignet-pg WHERE POOL [USERS]\n", stderr);
        return 64;
    }
    if (!pool_load(&pool, argv[3], argc == 5 ? strtoul(argv[4], NULL, 10) : 0)) {
        return 1;
    }
    bool made = fixture->make(&pool, argv[2]);

    pool_unload(&pool);
    return made ? 0 : 1;
}
