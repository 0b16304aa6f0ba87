#include "config.h"

#include "tests/bench/pool.h"

#include <liboath/oath.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

/* The step before is left alone near its end: the code must still be good when it arrives. */
#define POOL_MARGIN 6 /* seconds */

static size_t count_lines(FILE *file)
{
    size_t n = 0;
    int c;

    while ((c = getc_unlocked(file)) != EOF) {
        n += c == '\n';
    }
    rewind(file);
    return n;
}

static int digit_of(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* By hand: a million lines are read for each sample. */
static bool parse_line(const char *line, struct pool_user *user)
{
    size_t n = strcspn(line, " ");

    if (n == 0 || n >= sizeof user->name || strlen(line) != n + 1 + 2 * POOL_SECRET + 1) {
        return false;
    }
    memcpy(user->name, line, n);
    user->name[n] = '\0';
    for (size_t i = 0; i < POOL_SECRET; i++) {
        int high = digit_of(line[n + 1 + 2 * i]), low = digit_of(line[n + 2 + 2 * i]);

        if (high < 0 || low < 0) {
            return false;
        }
        user->secret[i] = (uint8_t)(high << 4 | low);
    }
    user->next_step = 0;
    return true;
}

bool pool_load(struct pool *pool, const char *path, size_t max)
{
    FILE *file = fopen(path, "re");
    char line[128];
    void *map;

    *pool = (struct pool){0};
    if (file == NULL) {
        perror(path);
        return false;
    }
    size_t lines = count_lines(file);
    size_t n = max > 0 && max < lines ? max : lines;

    map = mmap(NULL, (n > 0 ? n : 1) * sizeof *pool->at, PROT_READ | PROT_WRITE,
               MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (map == MAP_FAILED) {
        perror("mmap");
        fclose(file);
        return false;
    }
    pool->at = map;
    while (pool->n < n && fgets(line, sizeof line, file) != NULL &&
           parse_line(line, &pool->at[pool->n])) {
        pool->n++;
    }
    fclose(file);
    if (pool->n != n || n == 0) {
        fprintf(stderr, "%s: line %zu is not NAME HEX\n", path, pool->n + 1);
        return false;
    }
    return true;
}

void pool_unload(struct pool *pool)
{
    if (pool->at != NULL) {
        munmap(pool->at, pool->n * sizeof *pool->at);
    }
    *pool = (struct pool){0};
}

static size_t common_divisor(size_t a, size_t b)
{
    while (b != 0) {
        size_t rest = a % b;

        a = b;
        b = rest;
    }
    return a;
}

struct pool_slice pool_cut(struct pool *pool, size_t i, size_t n)
{
    size_t first = pool->n * i / n;
    struct pool_slice slice = {.pool = pool, .first = first, .n = pool->n * (i + 1) / n - first};

    /* Near the golden section, and without a common divisor: far jumps, and everybody's turn comes. */
    slice.stride = (size_t)((double)slice.n * 0.618) | 1;
    while (slice.n > 0 && common_divisor(slice.stride, slice.n) != 1) {
        slice.stride++;
    }
    return slice;
}

struct pool_user *pool_turn(struct pool_slice *slice)
{
    if (slice->n == 0) {
        return NULL;
    }
    slice->cursor = (slice->cursor + slice->stride) % slice->n;
    return &slice->pool->at[slice->first + slice->cursor];
}

struct pool_user *pool_code(struct pool_slice *slice, int64_t now_s, int64_t boot_s,
                            char code[POOL_DIGITS + 1])
{
    int64_t now_step = now_s / POOL_PERIOD;
    int64_t low = now_step - (POOL_PERIOD - now_s % POOL_PERIOD > POOL_MARGIN ? 1 : 0);

    while (low * POOL_PERIOD <= boot_s) {
        low++;
    }
    for (size_t tries = 0; tries < slice->n; tries++) {
        struct pool_user *user = pool_turn(slice);
        int64_t step = user->next_step > low ? user->next_step : low;

        if (step > now_step + 1) {
            continue;
        }
        user->next_step = step + 1;
        if (oath_hotp_generate((const char *)user->secret, POOL_SECRET, (uint64_t)step, POOL_DIGITS,
                               false, OATH_HOTP_DYNAMIC_TRUNCATION, code) != OATH_OK) {
            return NULL;
        }
        return user;
    }
    return NULL;
}
