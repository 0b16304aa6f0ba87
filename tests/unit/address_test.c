/* Origins: two addresses are one origin exactly when the configured bits agree; nothing else is. */
#include "config.h"

#include "common/address.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define ROUNDS 2000

static const struct address_rules usual = {.ipv4_prefix = 32, .ipv6_prefix = 64};

/* The same numbers in every run (xorshift64*). */
static uint64_t state_of_chance = UINT64_C(0x9e3779b97f4a7c15);

static unsigned chance(unsigned below)
{
    state_of_chance ^= state_of_chance >> 12;
    state_of_chance ^= state_of_chance << 25;
    state_of_chance ^= state_of_chance >> 27;
    return (unsigned)((state_of_chance * UINT64_C(0x2545f4914f6cdd1d)) >> 33) % below;
}

/* Bit by bit, the plain way: what the masks are held against. */
static bool same_bits(const uint8_t *a, const uint8_t *b, unsigned bits)
{
    for (unsigned i = 0; i < bits; i++)
        if (((a[i / 8] ^ b[i / 8]) >> (7 - i % 8) & 1) != 0)
            return false;
    return true;
}

static void origin(const char *text, const struct address_rules *rules, char out[ADDRESS_MAX + 1])
{
    struct address address;

    address_parse(bytes_str(text), rules, &address);
    memcpy(out, address.at, address.len);
    out[address.len] = '\0';
}

static void assert_origin(const char *text, const char *expected)
{
    char out[ADDRESS_MAX + 1];

    origin(text, &usual, out);
    assert_string_equal(out, expected);
}

static void spellings_of_one_address_are_one_origin(void **state)
{
    (void)state;
    assert_origin("192.0.2.7", "192.0.2.7");
    assert_origin("::ffff:192.0.2.7", "192.0.2.7");
    assert_origin("::FFFF:c000:207", "192.0.2.7");
    assert_origin("2001:db8:0:0:1:2:3:4", "2001:db8::/64");
    assert_origin("2001:DB8::9", "2001:db8::/64");
    assert_origin("2001:db8::9%eth0", "2001:db8::/64");
    assert_origin("fe80::1%eth0", "fe80::1");
    assert_origin("::1", "::1");
    assert_origin("", "");
}

/* Twin addresses that differ in chosen bits: one origin exactly when the prefix does not see them. */
static void twins(int family, unsigned most)
{
    for (int round = 0; round < ROUNDS; round++) {
        struct address_rules rules = usual;
        uint8_t a[16], b[16];
        char text[2][INET6_ADDRSTRLEN], out[2][ADDRESS_MAX + 1];
        unsigned prefix = chance(most + 1), flip = chance(most);
        size_t n = most / 8;

        for (size_t i = 0; i < n; i++)
            a[i] = (uint8_t)chance(256);
        a[0] = family == AF_INET6 ? 0x20 : a[0]; /* not link-local, not a mapped one */
        memcpy(b, a, n);
        b[flip / 8] ^= (uint8_t)(0x80 >> flip % 8);
        if (family == AF_INET6 && flip < 8)
            continue;
        rules.ipv4_prefix = rules.ipv6_prefix = prefix;
        assert_non_null(inet_ntop(family, a, text[0], sizeof text[0]));
        assert_non_null(inet_ntop(family, b, text[1], sizeof text[1]));
        origin(text[0], &rules, out[0]);
        origin(text[1], &rules, out[1]);
        if ((strcmp(out[0], out[1]) == 0) != same_bits(a, b, prefix))
            fail_msg("%s and %s under /%u: %s, %s", text[0], text[1], prefix, out[0], out[1]);
        /* What is counted under is an address of the network, and stable. */
        char *slash = strchr(out[0], '/');
        assert_int_equal(slash == NULL, prefix == most);
        if (slash != NULL)
            *slash = '\0';
        assert_int_equal(inet_pton(family, out[0], b), 1);
        assert_true(same_bits(a, b, prefix));
    }
}

static void ipv4_addresses_agree_by_their_first_bits(void **state)
{
    (void)state;
    twins(AF_INET, 32);
}

static void ipv6_addresses_agree_by_their_first_bits(void **state)
{
    (void)state;
    twins(AF_INET6, 128);
}

static void a_mapped_address_is_its_ipv4_address_under_every_prefix(void **state)
{
    (void)state;
    for (unsigned prefix = 0; prefix <= 32; prefix++) {
        struct address_rules rules = {.ipv4_prefix = prefix, .ipv6_prefix = 48};
        char v4[32], mapped[48], out[2][ADDRESS_MAX + 1];

        snprintf(v4, sizeof v4, "%u.%u.%u.%u", chance(256), chance(256), chance(256), chance(256));
        snprintf(mapped, sizeof mapped, "::ffff:%s", v4);
        origin(v4, &rules, out[0]);
        origin(mapped, &rules, out[1]);
        assert_string_equal(out[0], out[1]);
        assert_null(strchr(out[1], ':'));
    }
}

static void a_network_has_what_agrees_in_its_bits(void **state)
{
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        bool v4 = chance(2) == 0;
        unsigned most = v4 ? 32 : 128, bits = chance(most + 1), before = 128 - most;
        struct address_network network;
        uint8_t at[16] = {[10] = 0xff, [11] = 0xff}, other[16];
        char host[INET6_ADDRSTRLEN], text[INET6_ADDRSTRLEN + 8];

        if (!v4)
            at[0] = 0x20;
        for (unsigned i = before / 8 + (v4 ? 0 : 1); i < 16; i++)
            at[i] = (uint8_t)chance(256);
        memcpy(other, at, sizeof other);
        other[before / 8 + 1 + chance(most / 8 - 1)] ^= (uint8_t)(1u << chance(8));
        /* The network's own address: nothing beyond the prefix. */
        for (unsigned i = before + bits; i < 128; i++)
            at[i / 8] &= (uint8_t) ~(0x80 >> i % 8);
        if (!v4 && bits < 8)
            continue;
        assert_non_null(
            inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? at + 12 : at, host, sizeof host));
        snprintf(text, sizeof text, "%s/%u", host, bits);
        if (!address_network_parse(bytes_str(text), &network))
            fail_msg("%s is refused", text);
        assert_true(address_network_has(&network, at));
        assert_int_equal(address_network_has(&network, other),
                         same_bits(at, other, before + bits));
    }
}

static void what_is_no_network_is_refused(void **state)
{
    static const char *const bad[] = {
        "", "/", "192.0.2.7/33", "192.0.2.7/-1", "192.0.2.7/", "192.0.2.7/24", "192.0.2.0/024",
        "192.0.2.0/ 24", "192.0.2/24", "192.0.2.0/24/24", "2001:db8::/129", "2001:db8::1/64",
        "fe80::1%eth0", "localhost", "unix", "LOCAL", " 192.0.2.7", "192.0.2.7 ", "::ffff:1.2.3.4/24",
        "2001:db8::/64x", "0x7f.0.0.1", "010.0.0.1/33",
        "2001:0db8:0000:0000:0000:0000:0000:0001/1281111111111111111111111111",
    };
    static const char *const good[] = {"192.0.2.7", "192.0.2.0/24", "0.0.0.0/0", "::/0",
                                       "2001:db8::7", "::ffff:1.2.3.4", "10.0.0.0/8"};
    struct address_network network;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (address_network_parse(bytes_str(bad[i]), &network))
            fail_msg("\"%s\" is taken", bad[i]);
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        if (!address_network_parse(bytes_str(good[i]), &network))
            fail_msg("\"%s\" is refused", good[i]);
    assert_false(address_network_parse(bytes_of("10.0.0.1\0", 9), &network));
}

static void proxies_are_told_and_stay_whole(void **state)
{
    static const struct {
        const char *from, *origin;
        bool is_proxy;
    } rows[] = {
        {"192.0.2.7",        "192.0.2.7",     true },
        {"::ffff:192.0.2.7", "192.0.2.7",     true },
        {"192.0.2.8",        "192.0.2.0/24",  false},
        {"10.1.2.3",         "10.1.2.3",      true },
        {"11.1.2.3",         "11.1.2.0/24",   false},
        {"2001:db8:1::5",    "2001:db8:1::5", true },
        {"2001:db8:2::5",    "2001:db8::/32", false},
        {"",                 "",              true },
        {"unix",             "unix",          false}, /* a name: not trusted anyway */
        {"proxy.example",    "proxy.example", false},
    };
    struct address_rules rules = {.ipv4_prefix = 24, .ipv6_prefix = 32};

    (void)state;
    assert_true(address_rules_add_proxy(&rules, bytes_str("192.0.2.7")));
    assert_true(address_rules_add_proxy(&rules, bytes_str("10.0.0.0/8")));
    assert_true(address_rules_add_proxy(&rules, bytes_str("2001:db8:1::/48")));
    assert_true(address_rules_add_proxy(&rules, bytes_str("local")));
    assert_false(address_rules_add_proxy(&rules, bytes_str("proxy.example")));
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct address address;

        address_parse(bytes_str(rows[i].from), &rules, &address);
        if (address.is_proxy != rows[i].is_proxy ||
            !bytes_equal(bytes_of(address.at, address.len), bytes_str(rows[i].origin)))
            fail_msg("%s: %.*s, proxy %d", rows[i].from, (int)address.len, address.at,
                     address.is_proxy);
    }
    while (rules.n_proxies < ADDRESS_PROXIES_MAX)
        assert_true(address_rules_add_proxy(&rules, bytes_str("10.0.0.1")));
    assert_false(address_rules_add_proxy(&rules, bytes_str("10.0.0.1")));
}

static void garbage_is_a_name_and_stays_as_it_is(void **state)
{
    (void)state;
    for (int round = 0; round < ROUNDS * 10; round++) {
        static const char pool[] = "0123456789abcdef:::...//%x";
        char text[ADDRESS_MAX * 2];
        size_t len = chance(round % 2 ? 12 : sizeof text);
        struct address address;
        struct address_network network;

        for (size_t i = 0; i < len; i++)
            text[i] = round % 3 ? pool[chance(sizeof pool - 1)] : (char)chance(256);
        address_parse(bytes_of(text, len), &usual, &address);
        assert_true(address.len <= ADDRESS_MAX);
        if (address.is_name) {
            assert_int_equal(address.len, len < ADDRESS_MAX ? len : ADDRESS_MAX);
            assert_memory_equal(address.at, text, address.len);
        }
        (void)address_network_parse(bytes_of(text, len), &network);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spellings_of_one_address_are_one_origin),
        cmocka_unit_test(ipv4_addresses_agree_by_their_first_bits),
        cmocka_unit_test(ipv6_addresses_agree_by_their_first_bits),
        cmocka_unit_test(a_mapped_address_is_its_ipv4_address_under_every_prefix),
        cmocka_unit_test(a_network_has_what_agrees_in_its_bits),
        cmocka_unit_test(what_is_no_network_is_refused),
        cmocka_unit_test(proxies_are_told_and_stay_whole),
        cmocka_unit_test(garbage_is_a_name_and_stays_as_it_is),
    };

    return cmocka_run_group_tests_name("address", tests, NULL, NULL);
}
