/* Proves that a folder's CRL is never replaced by an older one, and that no CRL number is used twice. */
#include "config.h"

#include "pki/publish.h"
#include "tests/unit/pki_crl_fixture.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* A session over a folder of its own, with one CA.  Its clock is the machine's. */
struct world {
    char folder[64];
    struct session session;
    struct ca ca;
};

static void open_world(struct world *world)
{
    static const struct arguments none;
    const struct ledger_opening opening = {.now_s = session_now_s};
    int64_t now_s = session_now_s();

    *world = (struct world){.ca = make_ca_at(now_s, "ca", KEY_P256)};
    snprintf(world->folder, sizeof world->folder, "%s", "/tmp/pki_crl_folder_test.XXXXXX");
    assert_non_null(mkdtemp(world->folder));
    world->session.arguments = &none;
    world->session.folder = world->folder;
    world->session.folder_fd = open(world->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(world->session.folder_fd >= 0);
    world->session.ledger =
        ledger_create(world->session.folder_fd, world->folder, &opening, why, sizeof why);
    if (world->session.ledger == NULL)
        fail_msg("%s", why);
    struct authority *authority = g_new0(struct authority, 1);
    authority->row = (struct ledger_authority){.purpose = PURPOSE_ALL,
                                               .generation = 1,
                                               .state = AUTHORITY_CURRENT,
                                               .file = g_strdup("ca.crt"),
                                               .key = g_strdup("file:ca.key"),
                                               .der = g_byte_array_ref(world->ca.der),
                                               .not_before = now_s - 30 * DAY,
                                               .not_after = now_s + 3650 * DAY};
    authority->certificate = world->ca.certificate;
    authority->key = world->ca.key;
    if (ledger_add_authority(world->session.ledger, &authority->row, false) != LEDGER_OK)
        fail_msg("%s", ledger_error(world->session.ledger));
    world->session.authorities = authority;
    world->session.n_authorities = 1;
}

static void close_world(struct world *world)
{
    char command[128];

    ledger_close(world->session.ledger);
    close(world->session.folder_fd);
    ledger_authority_clear(&world->session.authorities->row);
    g_free(world->session.authorities);
    free_ca(&world->ca);
    snprintf(command, sizeof command, "rm -rf '%s'", world->folder);
    assert_int_equal(system(command), 0);
}

static uint64_t number_in(struct world *world)
{
    GByteArray *der = g_byte_array_new();
    struct crl_facts facts;

    assert_true(crl_load(&world->session, world->session.authorities, der));
    assert_null(crl_facts(over(der), &facts));
    uint64_t number = crl_number(&facts);
    g_byte_array_unref(der);
    return number;
}

static void who_is_slower_does_not_put_an_older_crl_over_a_newer_one(void **state)
{
    GByteArray *slow = g_byte_array_new(), *fast = g_byte_array_new();
    struct world world;

    (void)state;
    open_world(&world);
    struct authority *authority = world.session.authorities;
    assert_true(crl_make(&world.session, authority, 30 * DAY, slow));
    assert_true(crl_make(&world.session, authority, 30 * DAY, fast));
    assert_true(crl_put(&world.session, authority, over(fast)));
    assert_int_equal(number_in(&world), 2);
    assert_true(crl_put(&world.session, authority, over(slow)));
    assert_int_equal(number_in(&world), 2);
    assert_null(crl_due(&world.session, authority, 20 * DAY));
    close_world(&world);
    g_byte_array_unref(slow);
    g_byte_array_unref(fast);
}

static void a_ledger_that_is_older_than_its_folder_is_told(void **state)
{
    GByteArray *der = g_byte_array_new();
    struct world world;

    (void)state;
    open_world(&world);
    struct authority *authority = world.session.authorities;
    /* As if a ledger had been put back: the folder has number 3, the ledger gave none. */
    make_crl(&world.ca, 3, session_now_s() - 300, session_now_s() + 30 * DAY, 3, der);
    assert_true(crl_put(&world.session, authority, over(der)));
    assert_int_equal(number_in(&world), 3);
    assert_non_null(crl_due(&world.session, authority, 20 * DAY));
    assert_true(crl_make(&world.session, authority, 30 * DAY, der)); /* 1 */
    assert_false(crl_put(&world.session, authority, over(der)));
    assert_int_equal(number_in(&world), 3);
    assert_true(crl_make(&world.session, authority, 30 * DAY, der)); /* 2 */
    assert_false(crl_put(&world.session, authority, over(der)));
    assert_true(crl_make(&world.session, authority, 30 * DAY, der)); /* 3 */
    assert_false(crl_put(&world.session, authority, over(der)));
    assert_true(crl_make(&world.session, authority, 30 * DAY, der)); /* 4 */
    assert_true(crl_put(&world.session, authority, over(der)));
    assert_int_equal(number_in(&world), 4);
    close_world(&world);
    g_byte_array_unref(der);
}

static void a_number_is_used_up_before_anything_is_signed(void **state)
{
    GByteArray *der = g_byte_array_new();
    struct world world;
    struct crl_facts facts;

    (void)state;
    open_world(&world);
    struct authority *authority = world.session.authorities;
    struct key *other = key_generate(KEY_P256, why, sizeof why);
    authority->key = other; /* does not fit: what it signs does not verify */
    assert_false(crl_make(&world.session, authority, 30 * DAY, der));
    authority->key = world.ca.key;
    assert_true(crl_make(&world.session, authority, 30 * DAY, der));
    assert_null(crl_facts(over(der), &facts));
    assert_int_equal(crl_number(&facts), 2);
    key_free(other);
    close_world(&world);
    g_byte_array_unref(der);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_is_slower_does_not_put_an_older_crl_over_a_newer_one),
        cmocka_unit_test(a_ledger_that_is_older_than_its_folder_is_told),
        cmocka_unit_test(a_number_is_used_up_before_anything_is_signed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
