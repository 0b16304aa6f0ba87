#include "config.h"

#include "authd/scram.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#include "authd/saslprep.h"
#include "tests/unit/scram_vectors.h"

#define N_VECTORS    (sizeof scram_vectors / sizeof scram_vectors[0])
#define PASSWORD_MAX (SASLPREP_MAX + 2)

#define SALT   "F4FQpKTa14roct4CBBzMRg=="
#define STORED "bTt0McsskJ1QhbL+blyWUZHDRuqoTjC7u5P4o7hHvaM="

static size_t from_hex(const char *hex, uint8_t *out, size_t size)
{
    size_t n = 0;

    for (; hex[2 * n] != '\0'; n++) {
        char pair[3] = {hex[2 * n], hex[2 * n + 1], '\0'};
        assert_true(n < size);
        out[n] = (uint8_t)strtoul(pair, NULL, 16);
    }
    return n;
}

static const char *verifier_of(const char *name)
{
    for (size_t i = 0; i < N_VECTORS; i++) {
        if (strcmp(scram_vectors[i].name, name) == 0)
            return scram_vectors[i].verifier;
    }
    fail_msg("no vector named %s", name);
    return NULL;
}

static void verifiers_of_postgresql_match(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_VECTORS; i++) {
        uint8_t password[PASSWORD_MAX];
        size_t len = from_hex(scram_vectors[i].password, password, sizeof password);
        if (scram_check(scram_vectors[i].verifier, bytes_of(password, len)) != SCRAM_MATCH)
            fail_msg("no match: %s", scram_vectors[i].name);
    }
}

/* One bit of the last byte, one byte less, one byte more. */
static void near_misses_do_not_match(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_VECTORS; i++) {
        uint8_t password[PASSWORD_MAX];
        size_t len = from_hex(scram_vectors[i].password, password, sizeof password);
        const char *verifier = scram_vectors[i].verifier;
        enum scram_result shorter = scram_check(verifier, bytes_of(password, len - 1));
        password[len] = 'x';
        enum scram_result longer = scram_check(verifier, bytes_of(password, len + 1));
        password[len - 1] ^= 1;
        enum scram_result flipped = scram_check(verifier, bytes_of(password, len));
        if (shorter != SCRAM_MISMATCH || longer != SCRAM_MISMATCH || flipped != SCRAM_MISMATCH)
            fail_msg("%s: shorter %d, longer %d, flipped %d", scram_vectors[i].name, (int)shorter,
                     (int)longer, (int)flipped);
    }
}

static void spellings_that_prepare_alike_match(void **state)
{
    static const struct {
        const char *vector, *other;
        enum scram_result wanted;
    } table[] = {
        {"NFC stays",                                "cafe\xcc\x81",      SCRAM_MATCH   },
        {"combining acute composes",                 "caf\xc3\xa9",       SCRAM_MATCH   },
        {"no-break space becomes a space",           "a b",               SCRAM_MATCH   },
        {"zero-width space becomes a space",         "ab",                SCRAM_MISMATCH},
        {"soft hyphen vanishes",                     "IX",                SCRAM_MATCH   },
        {"soft hyphen vanishes",                     "ix",                SCRAM_MISMATCH},
        {"alef symbol is left-to-right before NFKC", "a\xd7\x90",         SCRAM_MATCH   },
        {"decomposed alef madda stays raw",          "\xd8\xa2",          SCRAM_MISMATCH},
        {"mixed directions stay raw",
         "a\xd7\x90"
         "fi",                                                            SCRAM_MISMATCH},
        {"two combining marks are reordered",        "a\xcc\xa3\xcc\x81", SCRAM_MATCH   },
    };

    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (scram_check(verifier_of(table[i].vector), bytes_str(table[i].other)) != table[i].wanted)
            fail_msg("row %zu, %s", i, table[i].vector);
    }
}

static void impossible_passwords_never_match(void **state)
{
    static const char nul_inside[] = "password\0x";
    uint8_t longest[SASLPREP_MAX + 1];
    const char *verifier = verifier_of("ASCII");

    (void)state;
    memset(longest, 'a', sizeof longest);
    assert_int_equal(scram_check(verifier, bytes_of(NULL, 0)), SCRAM_MISMATCH);
    assert_int_equal(scram_check(verifier, bytes_of(nul_inside, 8)), SCRAM_MATCH);
    assert_int_equal(scram_check(verifier, bytes_of(nul_inside, 9)), SCRAM_MISMATCH);
    assert_int_equal(scram_check(verifier, bytes_of(nul_inside, 10)), SCRAM_MISMATCH);
    assert_int_equal(scram_check(verifier, bytes_of(longest, sizeof longest)), SCRAM_MISMATCH);
    scram_spend(bytes_of(NULL, 0));
    scram_spend(bytes_of(longest, sizeof longest));
}

/* A password that prepares to "-" must not be confused with the stand-in for impossible ones. */
static void the_stand_in_is_no_password(void **state)
{
    /* Made by PostgreSQL for the password "-". */
    static const char dash[] =
        "SCRAM-SHA-256$4096:"
        "s/onTR5tRPQkCNQ8d7ldyA==$nyzzV8gRs5TPCFZaFMnG5UfToHQgGFX/DYEteNScGTI=:"
        "k7HSKBm+/YQgqmyBCl5oGfKk/lx6/75h2TYMjIz0/7s=";

    (void)state;
    assert_int_equal(scram_check(dash, bytes_str("-")), SCRAM_MATCH);
    assert_int_equal(scram_check(dash, bytes_of(NULL, 0)), SCRAM_MISMATCH);
    assert_int_equal(scram_check(dash, bytes_of("-\0", 2)), SCRAM_MISMATCH);
}

static void malformed_verifiers_are_refused(void **state)
{
    static const char *const table[] = {
        "",
        "$",
        "password",
        "md5a3556571e93b0d20722ba62be61e8c2d",
        "SCRAM-SHA-256",
        "SCRAM-SHA-256$",
        "SCRAM-SHA-256$4096",
        "SCRAM-SHA-256$4096:" SALT,
        "SCRAM-SHA-256$4096:" SALT "$" STORED,
        "SCRAM-SHA-256$4096:" SALT "$" STORED ":",
        "scram-sha-256$4096:" SALT "$" STORED ":" STORED,
        "SCRAM-SHA-1$4096:" SALT "$" STORED ":" STORED,
        "SCRAM-SHA-256-PLUS$4096:" SALT "$" STORED ":" STORED,
        " SCRAM-SHA-256$4096:" SALT "$" STORED ":" STORED,
        "SCRAM-SHA-256$0:" SALT "$" STORED ":" STORED,
        "SCRAM-SHA-256$-1:" SALT "$" STORED ":" STORED,
        "SCRAM-SHA-256$+4096:" SALT "$" STORED ":" STORED,
        "SCRAM-SHA-256$ 4096:" SALT "$" STORED ":" STORED,
        "SCRAM-SHA-256$04096:" SALT "$" STORED ":" STORED,
        "SCRAM-SHA-256$0x10:" SALT "$" STORED ":" STORED,
        "SCRAM-SHA-256$1000001:" SALT "$" STORED ":" STORED,
        "SCRAM-SHA-256$99999999999999999999:" SALT "$" STORED ":" STORED,
        "SCRAM-SHA-256$:" SALT "$" STORED ":" STORED,
        "SCRAM-SHA-256$4096:$" STORED ":" STORED,
        "SCRAM-SHA-256$4096:====$" STORED ":" STORED,
        "SCRAM-SHA-256$4096:F4FQpKTa14roct4CBBzMRg=$" STORED ":" STORED,
        "SCRAM-SHA-256$4096:F4FQpKTa14roct4CBBzMR===$" STORED ":" STORED,
        "SCRAM-SHA-256$4096:F4FQpKTa14roct4CBBzMRh==$" STORED ":" STORED,
        "SCRAM-SHA-256$4096: " SALT "$" STORED ":" STORED,
        "SCRAM-SHA-256$4096:F4FQ KTa14roct4CBBzMRg==$" STORED ":" STORED,
        "SCRAM-SHA-256$4096:F4FQ-KTa14roct4CBBzMRg==$" STORED ":" STORED,
        "SCRAM-SHA-256$4096:" SALT "$" SALT ":" STORED,
        "SCRAM-SHA-256$4096:" SALT "$" STORED ":" SALT,
        "SCRAM-SHA-256$4096:" SALT "$" STORED ":" STORED "\n",
        "SCRAM-SHA-256$4096:" SALT "$" STORED ":" STORED ":" STORED,
        "SCRAM-SHA-256$4096:" SALT "$" STORED ":" STORED STORED,
        "SCRAM-SHA-256$4096:" SALT "$" STORED "$" STORED,
        /* 33 bytes */
        "SCRAM-SHA-256$4096:" SALT "$bTt0McsskJ1QhbL+blyWUZHDRuqoTjC7u5P4o7hHvaOj:" STORED,
    };

    (void)state;
    assert_int_equal(scram_check(NULL, bytes_str("password")), SCRAM_BAD_VERIFIER);
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (scram_check(table[i], bytes_str("password")) != SCRAM_BAD_VERIFIER)
            fail_msg("accepted: %s", table[i]);
    }
}

static void long_salts_are_bounded(void **state)
{
    char verifier[1024];
    char salt[345];

    (void)state;
    /* 256 bytes are 344 characters; three bytes more are one group too many. */
    memset(salt, 'A', 342);
    memcpy(salt + 341, "A==", 4);
    snprintf(verifier, sizeof verifier, "SCRAM-SHA-256$1:%s$" STORED ":" STORED, salt);
    assert_int_equal(strlen(salt), 344);
    assert_int_equal(scram_check(verifier, bytes_str("password")), SCRAM_MISMATCH);
    snprintf(verifier, sizeof verifier, "SCRAM-SHA-256$1:AAAA%s$" STORED ":" STORED, salt);
    assert_int_equal(scram_check(verifier, bytes_str("password")), SCRAM_BAD_VERIFIER);
}

/* Looks for the bytes in this process's heap. */
static int heap_holds(const uint8_t *needle, size_t len)
{
    char line[512];
    int found = 0;
    FILE *maps = fopen("/proc/self/maps", "r");

    assert_non_null(maps);
    while (fgets(line, sizeof line, maps) != NULL) {
        unsigned long from, to;
        if (strstr(line, "[heap]") == NULL || sscanf(line, "%lx-%lx", &from, &to) != 2)
            continue;
        const uint8_t *at = (const uint8_t *)from;
        for (; (unsigned long)at + len <= to; at++) {
            if (memcmp(at, needle, len) == 0)
                found++;
        }
    }
    fclose(maps);
    return found;
}

/* libidn's own working copies included. */
static void no_copy_of_a_password_stays_on_the_heap(void **state)
{
    uint8_t password[480];
    struct secret prepared;

    (void)state;
#if defined(__SANITIZE_ADDRESS__)
    skip();
#endif
    if (getenv("PGSIGNET_VALGRIND") != NULL)
        skip();
    for (size_t i = 0; i < sizeof password; i += 2) {
        password[i] = 0xc3;
        password[i + 1] = (uint8_t)(0x80 + (i / 2) * (i / 2) * 7 / 5 % 61 % 23);
    }
    assert_true(saslprep(bytes_of(password, sizeof password), &prepared));
    secret_free(&prepared);
    /* From the middle: the allocator's own links overwrite the first bytes of what is freed. */
    assert_int_equal(heap_holds(password + 240, 200), 0);
    uint8_t *planted = malloc(sizeof password);
    assert_non_null(planted);
    memcpy(planted, password, sizeof password);
    assert_int_equal(heap_holds(password + 240, 200), 1);
    free(planted);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verifiers_of_postgresql_match),
        cmocka_unit_test(near_misses_do_not_match),
        cmocka_unit_test(spellings_that_prepare_alike_match),
        cmocka_unit_test(impossible_passwords_never_match),
        cmocka_unit_test(the_stand_in_is_no_password),
        cmocka_unit_test(malformed_verifiers_are_refused),
        cmocka_unit_test(long_salts_are_bounded),
        cmocka_unit_test(no_copy_of_a_password_stays_on_the_heap),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
