/* A kept string counts N times and no more, whoever asks at once, until its time is over; no other does. */
#include "config.h"

#include "authd/burst.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define T         INT64_C(5000000) /* some time after the machine's start */
#define PROCESSES 16
#define ROUNDS    200

static struct burst *burst; /* shared with children */
static const struct burst_login alice = {
    .secret = {(const uint8_t *)"pw123456", 8},
    .user = {(const uint8_t *)"alice", 5},
    .address = {(const uint8_t *)"192.0.2.1", 9},
    .policy = {(const uint8_t *)"default", 7},
    .service = {(const uint8_t *)"postgresql", 10},
};
static uint8_t hash[BURST_HASH];

static int begin(void **state)
{
    (void)state;
    burst = mmap(NULL, sizeof *burst, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return burst != MAP_FAILED && burst_prepare(burst) && burst_hash(burst, &alice, hash) ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    return munmap(burst, sizeof *burst);
}

static bool use_at(const uint8_t which[BURST_HASH], int64_t now_ms)
{
    struct burst_found found;

    return burst_find(burst, which, now_ms, &found) && burst_use(&found, now_ms);
}

static void a_string_counts_so_often_and_no_more(void **state)
{
    struct burst_found found;

    (void)state;
    assert_false(use_at(hash, T));
    burst_add(burst, hash, 6, 8, 10, T);
    assert_true(burst_find(burst, hash, T, &found));
    assert_int_equal(found.code_len, 6);
    for (int i = 0; i < 8; i++)
        assert_true(use_at(hash, T + i));
    assert_false(use_at(hash, T + 8));
    /* Looking uses nothing up; whoever looked in time still finds it used up. */
    burst_add(burst, hash, 6, 1, 10, T);
    assert_true(burst_find(burst, hash, T, &found));
    assert_true(use_at(hash, T));
    assert_false(burst_use(&found, T));
}

static void it_ends_by_time(void **state)
{
    struct burst_found found;

    (void)state;
    burst_add(burst, hash, 6, 8, 10, T);
    assert_true(use_at(hash, T + 9999));
    assert_true(burst_find(burst, hash, T + 9999, &found));
    assert_false(burst_use(&found, T + 10000));
    assert_false(use_at(hash, T + 10000));
    assert_false(use_at(hash, INT64_MAX));
}

static void kept_again_it_counts_no_oftener(void **state)
{
    (void)state;
    burst_add(burst, hash, 6, 2, 10, T);
    burst_add(burst, hash, 6, 32, 60, T + 1);
    assert_true(use_at(hash, T + 2));
    assert_true(use_at(hash, T + 2));
    assert_false(use_at(hash, T + 2));
}

static void any_difference_makes_another_string(void **state)
{
    uint8_t other[BURST_HASH];
    struct burst_login logins[6];

    (void)state;
    for (size_t i = 0; i < 6; i++)
        logins[i] = alice;
    logins[0].secret = bytes_str("pw123457");
    logins[1].user = bytes_str("alicf");
    logins[2].address = bytes_str("");
    logins[3].policy = bytes_str("defaults");
    logins[4].service = bytes_str("postgresq");
    /* The same bytes, parted elsewhere. */
    logins[5].policy = bytes_str("defaultp");
    logins[5].service = bytes_str("ostgresql");
    burst_add(burst, hash, 6, 8, 10, T);
    for (size_t i = 0; i < 6; i++) {
        assert_true(burst_hash(burst, &logins[i], other));
        assert_false(use_at(other, T));
    }
    /* Another daemon's key makes another hash of the same login. */
    assert_true(burst_prepare(burst));
    assert_true(burst_hash(burst, &alice, other));
    assert_false(use_at(other, T));
    assert_memory_not_equal(hash, other, BURST_HASH);
}

static void every_bit_of_what_is_kept_counts(void **state)
{
    (void)state;
    burst_add(burst, hash, 6, 32, 10, T);
    for (size_t bit = 16; bit < 8 * 26; bit++) { /* the first 16 choose the places */
        uint8_t other[BURST_HASH];

        memcpy(other, hash, sizeof other);
        other[bit / 8] ^= (uint8_t)(1 << bit % 8);
        if (use_at(other, T))
            fail_msg("without bit %zu it is found as well", bit);
    }
    assert_true(use_at(hash, T));
}

/* What cannot be meant is not kept. */
static void limits_are_kept_to(void **state)
{
    (void)state;
    burst_add(burst, hash, 6, 0, 10, T);
    burst_add(burst, hash, 6, BURST_CONNECTIONS_MAX + 1, 10, T);
    burst_add(burst, hash, 6, 8, 0, T);
    burst_add(burst, hash, 6, 8, BURST_SECONDS_MAX + 1, T);
    burst_add(burst, hash, BURST_CODE_MAX + 1, 8, 10, T);
    assert_false(use_at(hash, T));
    burst_add(burst, hash, BURST_CODE_MAX, BURST_CONNECTIONS_MAX, BURST_SECONDS_MAX, T);
    assert_true(use_at(hash, T + 59999));
}

/* Hashes that share all their places. */
static void fill(uint8_t which[BURST_HASH], int n)
{
    memcpy(which, hash, BURST_HASH);
    which[5] ^= (uint8_t)(n + 1);
}

static void where_all_places_are_taken_the_first_to_end_gives_way(void **state)
{
    uint8_t other[BURST_HASH];
    int left = 0;

    (void)state;
    burst_add(burst, hash, 6, 32, 5, T);
    for (int i = 0; i < BURST_WAYS; i++) {
        fill(other, i);
        burst_add(burst, other, 6, 32, 10, T);
        assert_true(use_at(other, T));
    }
    assert_false(use_at(hash, T));
    for (int i = 0; i < BURST_WAYS; i++) {
        fill(other, i);
        left += use_at(other, T);
    }
    assert_int_equal(left, BURST_WAYS);
    /* Over or used up, they are free again. */
    burst_add(burst, hash, 6, 1, 10, T + 10000);
    assert_true(use_at(hash, T + 10000));
}

/* A writer that died in the middle: nobody is found there, and the place is used again later. */
static void a_place_whose_writer_died_is_not_lost(void **state)
{
    struct burst_place *set;

    (void)state;
    burst_add(burst, hash, 6, 8, 10, T);
    set = burst->places[((size_t)hash[0] << 8 | hash[1]) % BURST_SETS];
    for (size_t i = 0; i < BURST_WAYS; i++) /* as burst_add leaves it before the last step */
        set[i].state = (set[i].state & ~UINT64_C(0xffffffffffff)) |
                       (uint64_t)(T + 2000) << 8 | UINT64_C(0x80);
    assert_false(use_at(hash, T));
    burst_add(burst, hash, 6, 8, 10, T + 1);
    assert_false(use_at(hash, T + 1));
    burst_add(burst, hash, 6, 8, 10, T + 2000);
    assert_true(use_at(hash, T + 2000));
    /* One that wrote after its place was given away spoils it, but nobody else gets in. */
    set[0].part[1] = set[0].part[1] ^ UINT64_C(1) << 48;
    assert_false(use_at(hash, T + 2000));
}

/* Runs `work` in so many processes that all wait for the gate; returns the sum of what they return. */
static int in_parallel(int (*work)(int self), int *gate)
{
    pid_t pids[PROCESSES];
    int sum = 0, status;

    __atomic_store_n(gate, 0, __ATOMIC_SEQ_CST);
    for (int i = 0; i < PROCESSES; i++) {
        pids[i] = fork();
        assert_true(pids[i] >= 0);
        if (pids[i] == 0) {
            __atomic_add_fetch(gate, 1, __ATOMIC_SEQ_CST);
            while (__atomic_load_n(gate, __ATOMIC_SEQ_CST) < PROCESSES)
                ;
            _exit(work(i));
        }
    }
    for (int i = 0; i < PROCESSES; i++) {
        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_true(WIFEXITED(status));
        sum += WEXITSTATUS(status);
    }
    return sum;
}

static int use_what_there_is(int self)
{
    int used = 0;

    (void)self;
    for (int i = 0; i < 2 * BURST_CONNECTIONS_MAX; i++)
        used += use_at(hash, T);
    return used;
}

static int add_and_use(int self)
{
    int used = 0;
    uint8_t other[BURST_HASH];

    fill(other, self);
    for (int i = 0; i < ROUNDS; i++) {
        burst_add(burst, other, 6, 1, 10, T + i);
        /* Never found oftener than added, whatever the others do to the places. */
        used += use_at(other, T + i);
        if (use_at(other, T + i) || use_at(hash, T + i))
            return 255;
    }
    return used > 0;
}

static void sixteen_processes_use_exactly_what_there_is(void **state)
{
    int *gate = mmap(NULL, sizeof *gate, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    (void)state;
    assert_true(gate != MAP_FAILED);
    for (int n = 1; n <= BURST_CONNECTIONS_MAX; n += 5) {
        burst_add(burst, hash, 6, n, 10, T);
        assert_int_equal(in_parallel(use_what_there_is, gate), n);
    }
    assert_int_equal(in_parallel(add_and_use, gate), PROCESSES);
    munmap(gate, sizeof *gate);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        CASE(a_string_counts_so_often_and_no_more),
        CASE(it_ends_by_time),
        CASE(kept_again_it_counts_no_oftener),
        CASE(any_difference_makes_another_string),
        CASE(every_bit_of_what_is_kept_counts),
        CASE(limits_are_kept_to),
        CASE(where_all_places_are_taken_the_first_to_end_gives_way),
        CASE(a_place_whose_writer_died_is_not_lost),
        CASE(sixteen_processes_use_exactly_what_there_is),
    };

    return cmocka_run_group_tests_name("burst", tests, NULL, NULL);
}
