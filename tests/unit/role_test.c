#include "config.h"

#include "common/role.h"
#include "authd/own_role.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#define NOW 1800000000

static void roles_are_judged_by_state_and_time(void **state)
{
    static const struct {
        const char *name;
        struct role role;
        enum reason wanted;
    } table[] = {
        {"nobody",                 {.exists = false, .can_login = true},                         REASON_NO_ROLE     },
        {"plain",                  {.exists = true, .can_login = true},                          REASON_GRANTED     },
        {"nologin",                {.exists = true},                                             REASON_ROLE_NOLOGIN},
        {"superuser",              {.exists = true, .can_login = true, .superuser = true},       REASON_GRANTED     },
        {"future",
         {.exists = true, .can_login = true, .has_valid_until = true, .valid_until_s = NOW + 1},
         REASON_GRANTED                                                                                             },
        {"this second",
         {.exists = true, .can_login = true, .has_valid_until = true, .valid_until_s = NOW},
         REASON_ROLE_EXPIRED                                                                                        },
        {"past",
         {.exists = true, .can_login = true, .has_valid_until = true, .valid_until_s = NOW - 1},
         REASON_ROLE_EXPIRED                                                                                        },
        {"before 1970",
         {.exists = true, .can_login = true, .has_valid_until = true, .valid_until_s = -1},
         REASON_ROLE_EXPIRED                                                                                        },
        {"no limit, stale number",
         {.exists = true, .can_login = true, .valid_until_s = 1},
         REASON_GRANTED                                                                                             },
        {"nologin and past",
         {.exists = true, .has_valid_until = true, .valid_until_s = 1},
         REASON_ROLE_NOLOGIN                                                                                        },
    };

    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        enum reason got = role_judge(&table[i].role, NOW);
        if (got != table[i].wanted)
            fail_msg("%s: %s", table[i].name, reason_name(got));
    }
}

static struct settings_postgres postgres = {.timeout = 1, .retry_after = 60};

/* Names that no server can hold are answered without one. */
static void impossible_names_need_no_server(void **state)
{
    struct role_source *source = role_source_new(&postgres, NULL);
    struct role role;
    uint8_t name[64];

    (void)state;
    assert_non_null(source);
    memset(name, 'a', sizeof name);
    assert_int_equal(role_read(source, bytes_of(name, 64), false, INT64_MAX, &role),
                     REASON_GRANTED);
    assert_false(role.exists);
    assert_int_equal(role_read(source, bytes_of("a\0b", 3), false, INT64_MAX, &role),
                     REASON_GRANTED);
    assert_false(role.exists);
    assert_int_equal(role_read(source, bytes_of(NULL, 0), false, INT64_MAX, &role), REASON_GRANTED);
    assert_false(role.exists);
    assert_int_equal(role_read(source, bytes_of(name, 63), false, INT64_MAX, &role),
                     REASON_POSTGRES_UNAVAILABLE);
    role_source_free(source);
}

/* libpq would quote the piece that it did not understand. */
static void a_broken_conninfo_is_not_quoted(void **state)
{
    struct settings_postgres broken = {.timeout = 1, .retry_after = 60};
    char conninfo[] = "host=127.0.0.1 password=abc canary";
    struct role role;

    (void)state;
    broken.conninfo = conninfo;
    struct role_source *source = role_source_new(&broken, NULL);
    assert_non_null(source);
    assert_int_equal(role_read(source, bytes_str("alice"), true, INT64_MAX, &role),
                     REASON_POSTGRES_UNAVAILABLE);
    assert_non_null(strstr(role_source_error(source), "postgres.conninfo"));
    assert_null(strstr(role_source_error(source), "canary"));
    assert_null(strstr(role_source_error(source), "abc"));
    role_source_free(source);
}

/* Reads a role where nothing listens; the answer is the same whatever the outage page says. */
static void read_where_nothing_listens(struct outage *outage, const char *words)
{
    struct settings_postgres settings = {.timeout = 1, .retry_after = 60};
    char conninfo[] = "host=127.0.0.1 port=1";
    struct role role;

    settings.conninfo = conninfo;
    struct role_source *source = role_source_new(&settings, outage);
    assert_non_null(source);
    assert_int_equal(role_read(source, bytes_str("alice"), true, INT64_MAX, &role),
                     REASON_POSTGRES_UNAVAILABLE);
    assert_non_null(strstr(role_source_error(source), words));
    role_source_free(source);
}

static void a_server_that_refuses_at_once_is_asked_again_by_the_next(void **state)
{
    struct outage outage = {0};

    (void)state;
    read_where_nothing_listens(&outage, "127.0.0.1");
    assert_false(outage_is_down(&outage, OUTAGE_POSTGRES, 1));
    read_where_nothing_listens(&outage, "127.0.0.1");
}

static void a_server_marked_down_is_not_tried(void **state)
{
    struct outage outage = {0};

    (void)state;
    outage_mark(&outage, OUTAGE_POSTGRES, INT64_MAX);
    read_where_nothing_listens(&outage, "left alone");
}

/* What libpq itself would take for the user. */
static void own_roles_are_those_of_the_connection_strings(void **state)
{
    static const struct {
        const char *conninfo, *environment, *role;
    } table[] = {
        {"host=/tmp user=pgsignet",              NULL,     "pgsignet"},
        {"host=/tmp user='a b\\'c'",             NULL,     "a b'c"   },
        {"postgresql://who%40x@host/db",         NULL,     "who@x"   },
        {"postgresql:///db?user=last",           NULL,     "last"    },
        {"host=/tmp user=pgsignet",              "outer",  "pgsignet"},
        {"host=/tmp",                            "outer",  "outer"   },
        {"host=/tmp",                            NULL,     "daemon"  },
        {"",                                     NULL,     "daemon"  },
    };

    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct own_roles roles = {.n = 0};

        unsetenv("PGUSER");
        if (table[i].environment != NULL)
            setenv("PGUSER", table[i].environment, 1);
        assert_false(own_roles_has(&roles, bytes_str(table[i].role)));
        assert_true(own_roles_add(&roles, table[i].conninfo, "daemon"));
        if (!own_roles_has(&roles, bytes_str(table[i].role)))
            fail_msg("%s: %s", table[i].conninfo, roles.name[0]);
        assert_false(own_roles_has(&roles, bytes_str("alice")));
        assert_false(own_roles_has(&roles, bytes_str("")));
    }
    unsetenv("PGUSER");
    struct own_roles roles = {.n = 0};
    assert_true(own_roles_add(&roles, NULL, "daemon"));
    assert_false(own_roles_add(&roles, "host='", "daemon"));
    assert_int_equal(roles.n, 0);
    assert_false(own_roles_has(NULL, bytes_str("daemon")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(roles_are_judged_by_state_and_time),
        cmocka_unit_test(impossible_names_need_no_server),
        cmocka_unit_test(a_broken_conninfo_is_not_quoted),
        cmocka_unit_test(a_server_that_refuses_at_once_is_asked_again_by_the_next),
        cmocka_unit_test(a_server_marked_down_is_not_tried),
        cmocka_unit_test(own_roles_are_those_of_the_connection_strings),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
