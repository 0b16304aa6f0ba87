/* RSA keys whose factors can be found: by their size, by trial, by how a bad generator made them. */
#include "config.h"

#include "pki/request_parts.h"

#include <openssl/bn.h>

#define BITS_LEAST    2048
#define BITS_MOST     8192
#define FERMAT_ROUNDS 100

/* Does one of the first primes divide it? */
static bool has_small_factor(const BIGNUM *modulus)
{
    static uint16_t primes[6542]; /* all below 2^16 */
    static size_t n;

    for (uint32_t candidate = 2; n < sizeof primes / sizeof primes[0]; candidate++) {
        size_t i = 0;

        while (i < n && (uint32_t)primes[i] * primes[i] <= candidate && candidate % primes[i] != 0)
            i++;
        if (i == n || (uint32_t)primes[i] * primes[i] > candidate)
            primes[n++] = (uint16_t)candidate;
    }
    for (size_t i = 0; i < n; i++)
        if (BN_mod_word(modulus, primes[i]) == 0)
            return true;
    return false;
}

/*
 * ROCA (CVE-2017-15361): Infineon's library made primes k * M + (65537^a mod M), M a product of the first
 * primes.  So a modulus of two of them is a power of 65537 modulo each of these: Nemec et al., "The Return of
 * Coppersmith's Attack", CCS 2017, section 3.1.  Other moduli pass all of these with a chance of some 2^-28.
 */
static bool is_power_of_65537(BN_ULONG residue, unsigned prime)
{
    unsigned power = 1;

    do {
        if (power == residue)
            return true;
        power = power * (65537 % prime) % prime;
    } while (power != 1);
    return false;
}

static bool is_roca(const BIGNUM *modulus)
{
    /* All that the smallest M has, of keys of 512 bits; the larger ones have these as well. */
    static const uint8_t primes[] = {
        3,  5,  7,  11, 13, 17,  19,  23,  29,  31,  37,  41,  43,  47,  53,  59,  61,  67,  71,
        73, 79, 83, 89, 97, 101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167};

    for (size_t i = 0; i < sizeof primes; i++)
        if (!is_power_of_65537(BN_mod_word(modulus, primes[i]), primes[i]))
            return false;
    return true;
}

/* root = floor(sqrt(square)), by Newton from above. */
static bool square_root(BIGNUM *root, const BIGNUM *square, BN_CTX *context)
{
    BIGNUM *next = NULL;
    bool good = false;

    BN_CTX_start(context);
    next = BN_CTX_get(context);
    if (next == NULL || !BN_set_word(root, 1) ||
        !BN_lshift(root, root, (BN_num_bits(square) + 1) / 2))
        goto out;
    for (;;) {
        if (!BN_div(next, NULL, square, root, context) || !BN_add(next, next, root) ||
            !BN_rshift1(next, next))
            goto out;
        if (BN_cmp(next, root) >= 0)
            break;
        if (BN_copy(root, next) == NULL)
            goto out;
    }
    good = true;
out:
    BN_CTX_end(context);
    return good;
}

/* 1 = is a square, 0 = is none, -1 = no memory. */
static int is_square(const BIGNUM *number, BIGNUM *root, BIGNUM *square, BN_CTX *context)
{
    /* Squares modulo 64 (a bit for each residue): spares most of the roots. */
    static const uint64_t squares = UINT64_C(0x0202021202030213);

    if ((squares >> (BN_mod_word(number, 64) & 63) & 1) == 0)
        return 0;
    if (!square_root(root, number, context) || !BN_sqr(square, root, context))
        return -1;
    return BN_cmp(square, number) == 0;
}

/* Fermat: n = a^2 - b^2 with an a that is hardly above the root, when the primes are close (CVE-2022-26320). */
static bool are_close(const BIGNUM *modulus)
{
    BN_CTX *context = BN_CTX_new();
    BIGNUM *a, *rest, *step, *root, *square;
    bool found = true; /* what cannot be looked at is not taken */
    int is = -1;

    if (context == NULL)
        return true;
    BN_CTX_start(context);
    a = BN_CTX_get(context);
    rest = BN_CTX_get(context);
    step = BN_CTX_get(context);
    root = BN_CTX_get(context);
    square = BN_CTX_get(context);
    if (square == NULL || !square_root(a, modulus, context) || !BN_sqr(rest, a, context) ||
        !BN_sub(rest, rest, modulus))
        goto out;
    for (int round = 0; round <= FERMAT_ROUNDS; round++) {
        if (!BN_is_negative(rest) && (is = is_square(rest, root, square, context)) != 0)
            goto out;
        /* (a + 1)^2 - n = a^2 - n + 2a + 1 */
        if (!BN_lshift1(step, a) || !BN_add_word(step, 1) || !BN_add(rest, rest, step) ||
            !BN_add_word(a, 1))
            goto out;
    }
    found = false;
out:
    BN_CTX_end(context);
    BN_CTX_free(context);
    return found;
}

static const char *modulus_fault(const BIGNUM *modulus)
{
    BN_CTX *context;
    int prime;

    if (BN_num_bits(modulus) < BITS_LEAST)
        return "is RSA of less than 2048 bits, which is too weak";
    if (BN_num_bits(modulus) > BITS_MOST)
        return "is RSA of more than 8192 bits, which costs every handshake too much: take P-256";
    if (has_small_factor(modulus))
        return "is RSA with a modulus that a small number divides: it is broken";
    if (is_roca(modulus))
        return "is RSA with primes that can be told from the modulus (ROCA, CVE-2017-15361): make "
               "it in another device";
    if (are_close(modulus))
        return "is RSA with primes that are too close to each other (Fermat, CVE-2022-26320): make "
               "it with another program";
    context = BN_CTX_new();
    prime = context != NULL ? BN_check_prime(modulus, context, NULL) : -1;
    BN_CTX_free(context);
    return prime == 0 ? NULL : "is RSA with a modulus that is a prime itself";
}

/* With another exponent a revoked modulus would come back as another key, whose factors are known all the same. */
static const char other_exponent[] =
    "is RSA with an exponent other than 65537, which no program makes by itself: take 65537";

static const char *exponent_fault(const BIGNUM *exponent)
{
    if (!BN_is_odd(exponent))
        return "is RSA with an even exponent, which is none";
    if (BN_num_bits(exponent) <= 16)
        return "is RSA with an exponent below 65537 (FIPS 186-5 5.1): take 65537";
    return BN_is_word(exponent, 65537) ? NULL : other_exponent;
}

const char *request_rsa_fault(struct bytes modulus, struct bytes exponent)
{
    const char *fault;
    BIGNUM *n, *e;

    /* The lengths first: what is far too long is not worked on. */
    if (modulus.len > BITS_MOST / 8)
        return "is RSA of more than 8192 bits, which costs every handshake too much: take P-256";
    if (exponent.len > 8)
        return other_exponent;
    n = BN_bin2bn(modulus.ptr, (int)modulus.len, NULL);
    e = BN_bin2bn(exponent.ptr, (int)exponent.len, NULL);
    if (n == NULL || e == NULL)
        fault = "could not be looked at: there is no memory";
    else if ((fault = exponent_fault(e)) == NULL)
        fault = modulus_fault(n);
    BN_free(n);
    BN_free(e);
    return fault;
}
