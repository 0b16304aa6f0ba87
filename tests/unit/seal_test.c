/* Proves that what is sealed opens at its place, and nowhere else, and not when a bit is changed. */
#include "config.h"

#include "mfa/key_raw.h"
#include "mfa/keyring.h"
#include "mfa/seal.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const uint8_t key[SEAL_KEY] = "0123456789abcdef0123456789abcde";
static const char plain[] = "twenty bytes of text";

static void place_of(struct seal_place *place, const char *a, const char *b)
{
    seal_place_begin(place, "test");
    seal_place_bytes(place, bytes_str(a));
    seal_place_bytes(place, bytes_str(b));
}

static void sealed_opens_at_its_place_alone(void **state)
{
    struct seal_place here, there;
    uint8_t sealed[SEAL_MAX], out[SEAL_PLAIN_MAX];
    struct bytes bytes = bytes_of(sealed, 20 + SEAL_OVERHEAD);
    size_t len;

    (void)state;
    place_of(&here, "ab", "c");
    place_of(&there, "a", "bc"); /* the same letters in other fields */
    assert_true(seal_close(key, &here, bytes_of(plain, 20), sealed, sizeof sealed));
    assert_true(seal_open(key, &here, bytes, out, sizeof out, &len));
    assert_int_equal(len, 20);
    assert_memory_equal(out, plain, 20);
    assert_false(seal_open(key, &there, bytes, out, sizeof out, &len));
    assert_int_equal(len, 0);
    assert_int_equal(out[0], 0); /* wiped */
    seal_place_begin(&there, "other");
    assert_false(seal_open(key, &there, bytes, out, sizeof out, &len));
}

static void every_bit_counts(void **state)
{
    struct seal_place place;
    uint8_t sealed[SEAL_MAX], out[SEAL_PLAIN_MAX], other[SEAL_KEY];
    size_t len, size = 20 + SEAL_OVERHEAD;

    (void)state;
    place_of(&place, "a", "b");
    assert_true(seal_close(key, &place, bytes_of(plain, 20), sealed, sizeof sealed));
    for (size_t bit = 0; bit < size * 8; bit++) {
        sealed[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        assert_false(seal_open(key, &place, bytes_of(sealed, size), out, sizeof out, &len));
        sealed[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    }
    for (size_t cut = 0; cut < size; cut++)
        assert_false(seal_open(key, &place, bytes_of(sealed, cut), out, sizeof out, &len));
    memcpy(other, key, sizeof other);
    other[31] ^= 1;
    assert_false(seal_open(other, &place, bytes_of(sealed, size), out, sizeof out, &len));
    assert_true(seal_open(key, &place, bytes_of(sealed, size), out, sizeof out, &len));
}

static void sizes_are_checked(void **state)
{
    struct seal_place place;
    uint8_t sealed[SEAL_MAX], out[SEAL_PLAIN_MAX], big[SEAL_PLAIN_MAX + 1] = {0};
    size_t len;

    (void)state;
    place_of(&place, "a", "b");
    assert_false(seal_close(key, &place, bytes_of(big, sizeof big), sealed, sizeof sealed));
    assert_false(seal_close(key, &place, bytes_of(big, 0), sealed, sizeof sealed));
    assert_false(seal_close(key, &place, bytes_of(big, 20), sealed, 20 + SEAL_OVERHEAD - 1));
    assert_true(seal_close(key, &place, bytes_of(big, 64), sealed, sizeof sealed));
    assert_false(seal_open(key, &place, bytes_of(sealed, SEAL_MAX), out, 63, &len));
    for (int i = 0; i < 5; i++)
        seal_place_bytes(&place, bytes_of(big, 60));
    assert_true(place.overflow);
    assert_false(seal_close(key, &place, bytes_of(big, 20), sealed, sizeof sealed));
}

static void nonces_differ(void **state)
{
    struct seal_place place;
    uint8_t one[SEAL_MAX], two[SEAL_MAX];

    (void)state;
    place_of(&place, "a", "b");
    assert_true(seal_close(key, &place, bytes_of(plain, 20), one, sizeof one));
    assert_true(seal_close(key, &place, bytes_of(plain, 20), two, sizeof two));
    assert_memory_not_equal(one, two, 20 + SEAL_OVERHEAD);
}

/* A keyring with one user and one sealed token. */
static void make(struct kek *kek, struct keyring *ring, struct store_identity *identity,
                 struct store_user *user, struct store_token *token)
{
    char why[256];

    assert_true(keyring_create(kek, identity, why, sizeof why));
    assert_true(keyring_open(ring, kek, identity, why, sizeof why));
    *user = (struct store_user){.id = 7, .name = "alice", .name_len = 5};
    *token = (struct store_token){.id = 9, .version = 1, .digits = 6, .period = 30};
    assert_true(keyring_make_user_key(ring, user));
    assert_true(keyring_seal(ring, user, token, bytes_of(plain, 20)));
}

static void rows_are_bound_to_store_user_and_token(void **state)
{
    struct kek kek;
    struct keyring ring, ring2;
    struct store_identity identity, identity2;
    struct store_user user, user2;
    struct store_token token, token2;
    uint8_t out[SEAL_PLAIN_MAX];
    size_t len;
    char why[256];

    (void)state;
    assert_true(key_raw_make(&kek, (const uint8_t[SEAL_KEY]){1}));
    make(&kek, &ring, &identity, &user, &token);
    make(&kek, &ring2, &identity2, &user2, &token2);
    assert_true(keyring_unseal(&ring, &user, &token, out, &len));
    assert_int_equal(len, 20);
    /* the same user and token in another store under the same KEK */
    assert_false(keyring_unseal(&ring2, &user, &token, out, &len));
    assert_false(keyring_unseal(&ring2, &user2, &token, out, &len));
    struct store_user renamed = user;
    renamed.name[0] = 'A';
    assert_false(keyring_unseal(&ring, &renamed, &token, out, &len));
    struct store_token moved = token;
    moved.id = 10;
    assert_false(keyring_unseal(&ring, &user, &moved, out, &len));
    moved = token;
    moved.version = 2;
    assert_false(keyring_unseal(&ring, &user, &moved, out, &len));
    /* a store's data key, taken to another store; another KEK */
    keyring_close(&ring2);
    identity2.keys[0] = identity.keys[0];
    assert_false(keyring_open(&ring2, &kek, &identity2, why, sizeof why));
    assert_non_null(strstr(why, "another store"));
    kek_close(&kek);
    assert_true(key_raw_make(&kek, (const uint8_t[SEAL_KEY]){2}));
    assert_false(keyring_open(&ring2, &kek, &identity, why, sizeof why));
    assert_non_null(strstr(why, "restore the right key"));
    kek_close(&kek);
    keyring_close(&ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sealed_opens_at_its_place_alone),
        cmocka_unit_test(every_bit_counts),
        cmocka_unit_test(sizes_are_checked),
        cmocka_unit_test(nonces_differ),
        cmocka_unit_test(rows_are_bound_to_store_user_and_token),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
