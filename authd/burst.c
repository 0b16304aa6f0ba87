#include "config.h"

#include "authd/burst.h"

#include "common/crypto.h"

/*
 * The state of a place: 16 bits of generation, 40 of the end (milliseconds), 1 "being written", 7 of
 * uses left.  The generation is in every part as well, so that what a writer wrote who was stopped in
 * the middle and went on after his place was given away belongs to no state, and matches nobody.
 */
#define GENERATION_SHIFT 48
#define END_SHIFT        8
#define END_MASK         ((UINT64_C(1) << 40) - 1)
#define WRITING          UINT64_C(0x80)
#define USES_MASK        UINT64_C(0x7f)
#define PART_MASK        ((UINT64_C(1) << GENERATION_SHIFT) - 1)

#define HASH_PARTS (sizeof((struct burst_place *)0)->part / sizeof(uint64_t) - 1)
#define CLAIM_MS   2000 /* a writer who takes longer has died */
#define TRIES      4    /* to get a place that others want too; without one there is no burst */

static uint64_t generation_of(uint64_t state)
{
    return state >> GENERATION_SHIFT;
}

static int64_t end_of(uint64_t state)
{
    return (int64_t)(state >> END_SHIFT & END_MASK);
}

static uint64_t make_state(uint64_t generation, int64_t end_ms, uint64_t low)
{
    return generation << GENERATION_SHIFT | ((uint64_t)end_ms & END_MASK) << END_SHIFT | low;
}

static bool is_over(uint64_t state, int64_t now_ms)
{
    return end_of(state) <= now_ms;
}

static bool is_usable(uint64_t state, int64_t now_ms)
{
    return !is_over(state, now_ms) && (state & WRITING) == 0 && (state & USES_MASK) > 0;
}

bool burst_prepare(struct burst *burst)
{
    return crypto_random_secret(burst->key, sizeof burst->key);
}

static bool add_text(EVP_MAC_CTX *mac, struct bytes text)
{
    uint64_t len = text.len; /* first, so that no two logins run together to the same bytes */

    return EVP_MAC_update(mac, (const unsigned char *)&len, sizeof len) == 1 &&
           (text.len == 0 || EVP_MAC_update(mac, text.ptr, text.len) == 1);
}

bool burst_hash(const struct burst *burst, const struct burst_login *login,
                uint8_t hash[BURST_HASH])
{
    EVP_MAC_CTX *mac =
        crypto_hmac_new(CRYPTO_DIGEST_SHA256, bytes_of(burst->key, sizeof burst->key));
    size_t len = 0;

    bool ok = mac != NULL && add_text(mac, login->user) && add_text(mac, login->address) &&
              add_text(mac, login->policy) && add_text(mac, login->service) &&
              add_text(mac, login->secret) &&
              EVP_MAC_final(mac, hash, &len, BURST_HASH) == 1 && len == BURST_HASH;
    EVP_MAC_CTX_free(mac); /* wipes the key */
    return ok;
}

/* The 48 bits of the hash that stand in part i. */
static uint64_t hash_part(const uint8_t hash[BURST_HASH], size_t i)
{
    uint64_t part = 0;

    for (size_t k = 0; k < 6; k++)
        part = part << 8 | hash[2 + i * 6 + k];
    return part;
}

static struct burst_place *set_of(struct burst *burst, const uint8_t hash[BURST_HASH])
{
    return burst->places[((size_t)hash[0] << 8 | hash[1]) % BURST_SETS];
}

/* Does the place, in this state, hold this hash?  All parts are looked at. */
static bool holds(struct burst_place *place, uint64_t state, const uint8_t hash[BURST_HASH],
                  size_t *code_len)
{
    uint64_t generation = generation_of(state) << GENERATION_SHIFT, last, other;

    other = 0;
    for (size_t i = 0; i < HASH_PARTS; i++)
        other |= atomic_load_explicit(&place->part[i], memory_order_relaxed) ^
                 (generation | hash_part(hash, i));
    last = atomic_load_explicit(&place->part[HASH_PARTS], memory_order_relaxed) ^ generation;
    *code_len = (size_t)(last & PART_MASK);
    return other == 0 && last <= BURST_CODE_MAX;
}

bool burst_find(struct burst *burst, const uint8_t hash[BURST_HASH], int64_t now_ms,
                struct burst_found *found)
{
    struct burst_place *set = set_of(burst, hash);
    bool is_found = false;

    for (size_t i = 0; i < BURST_WAYS; i++) {
        uint64_t state = atomic_load_explicit(&set[i].state, memory_order_acquire);
        size_t code_len;

        if (is_usable(state, now_ms) && holds(&set[i], state, hash, &code_len)) {
            *found = (struct burst_found){&set[i], state, code_len};
            is_found = true;
        }
    }
    return is_found;
}

bool burst_use(const struct burst_found *found, int64_t now_ms)
{
    uint64_t state = atomic_load(&found->place->state);

    do {
        /* Of generation and end, the uses apart: the same string's. */
        if (((state ^ found->state) & ~USES_MASK) != 0 || !is_usable(state, now_ms))
            return false;
    } while (!atomic_compare_exchange_weak(&found->place->state, &state, state - 1));
    return true;
}

/*
 * A place to write to: a free one, else the one that ends first.  NULL when the hash is kept already, or
 * others write to all of them.
 */
static struct burst_place *choose(struct burst_place *set, const uint8_t hash[BURST_HASH],
                                  int64_t now_ms, uint64_t *state)
{
    struct burst_place *chosen = NULL;
    int64_t chosen_end = INT64_MAX;

    for (size_t i = 0; i < BURST_WAYS; i++) {
        uint64_t this = atomic_load_explicit(&set[i].state, memory_order_acquire);
        bool usable = is_usable(this, now_ms);
        bool claimed = !is_over(this, now_ms) && (this & WRITING) != 0;
        int64_t end = claimed ? INT64_MAX : usable ? end_of(this) : 0;
        size_t code_len;

        if (usable && holds(&set[i], this, hash, &code_len))
            return NULL;
        if (end < chosen_end) {
            chosen = &set[i];
            chosen_end = end;
            *state = this;
        }
    }
    return chosen;
}

void burst_add(struct burst *burst, const uint8_t hash[BURST_HASH], size_t code_len,
               int64_t connections, int64_t seconds, int64_t now_ms)
{
    struct burst_place *place = NULL;
    uint64_t old, claimed = 0;

    if (connections < 1 || connections > BURST_CONNECTIONS_MAX || seconds < 1 ||
        seconds > BURST_SECONDS_MAX || code_len > BURST_CODE_MAX)
        return;
    for (int try = 0; try < TRIES && claimed == 0; try++) {
        place = choose(set_of(burst, hash), hash, now_ms, &old);
        if (place == NULL)
            return;
        uint64_t mine = make_state(generation_of(old) + 1, now_ms + CLAIM_MS, WRITING);
        if (atomic_compare_exchange_strong(&place->state, &old, mine))
            claimed = mine;
    }
    if (claimed == 0)
        return;
    uint64_t generation = generation_of(claimed) << GENERATION_SHIFT;
    for (size_t i = 0; i < HASH_PARTS; i++)
        atomic_store_explicit(&place->part[i], generation | hash_part(hash, i),
                              memory_order_relaxed);
    atomic_store_explicit(&place->part[HASH_PARTS], generation | code_len, memory_order_relaxed);
    /* Fails when the place was given away meanwhile; release: whoever sees it sees the parts. */
    atomic_compare_exchange_strong(&place->state, &claimed,
                                   make_state(generation_of(claimed), now_ms + seconds * 1000,
                                              (uint64_t)connections));
}
