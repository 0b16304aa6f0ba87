/* Proves where files lie in each layout, and that two names never meet in one place. */
#include "config.h"

#include "pki/layout.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void is(char *path, const char *wanted)
{
    assert_string_equal(path, wanted);
    g_free(path);
}

static void cas_lie_where_their_layout_says(void **state)
{
    (void)state;
    is(layout_authority(LAYOUT_SEED, PURPOSE_ALL, 1), "ca");
    is(layout_authority(LAYOUT_SEED, PURPOSE_SERVER, 1), "ca");
    is(layout_authority(LAYOUT_SEED, PURPOSE_ROOT, 1), "root");
    is(layout_authority(LAYOUT_SEED, PURPOSE_CLIENT, 3), "client-ca-g3");
    is(layout_authority(LAYOUT_PIGSTY, PURPOSE_ALL, 1), "ca/ca");
    is(layout_authority(LAYOUT_PIGSTY, PURPOSE_ALL, 2), "ca/ca-g2");
    is(layout_authority(LAYOUT_PIGSTY, PURPOSE_ROOT, 1), "ca/root");
}

static void leaves_lie_where_their_layout_says(void **state)
{
    (void)state;
    is(layout_leaf(LAYOUT_SEED, KIND_SERVER, bytes_str("db1"), true), "server");
    is(layout_leaf(LAYOUT_SEED, KIND_SERVER, bytes_str("db2"), false), "servers/db2");
    is(layout_leaf(LAYOUT_SEED, KIND_CLIENT, bytes_str("app"), true), "clients/app");
    is(layout_leaf(LAYOUT_PIGSTY, KIND_SERVER, bytes_str("pg-1"), true), "pgsql/pg-1");
    is(layout_leaf(LAYOUT_PIGSTY, KIND_CLIENT, bytes_str("app"), false), "misc/app");
}

static void a_name_is_one_component_of_a_path(void **state)
{
    static const char *const names[] = {"a b", "a%20b", "\xc3\xbc", "A", "a"};
    char *paths[G_N_ELEMENTS(names)];

    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        paths[i] = layout_leaf(LAYOUT_SEED, KIND_CLIENT, bytes_str(names[i]), false);
        assert_memory_equal(paths[i], "clients/", 8);
        assert_null(strchr(paths[i] + 8, '/'));
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(paths[i], paths[j]);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
        g_free(paths[i]);
}

static void crls_are_called_after_their_ca(void **state)
{
    static char seed[] = "ca.crt", pigsty[] = "ca/client-ca-g2.crt";
    struct ledger_authority authority = {.file = seed};

    (void)state;
    is(layout_crl(&authority), "crl/ca.crl");
    authority.file = pigsty;
    is(layout_crl(&authority), "crl/client-ca-g2.crl");
    assert_string_equal(layout_trust(false), "trust.crt");
    assert_string_equal(layout_trust(true), "client-trust.crt");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cas_lie_where_their_layout_says),
        cmocka_unit_test(leaves_lie_where_their_layout_says),
        cmocka_unit_test(a_name_is_one_component_of_a_path),
        cmocka_unit_test(crls_are_called_after_their_ca),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
