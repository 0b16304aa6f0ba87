/* The section `ca`: defaults without a word, values, faults with their lines, and who reads it. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAY 86400

/* The settings, or NULL; *faults is the caller's to free. */
static struct settings *parse_for(enum settings_reader reader, const char *text, char **faults)
{
    size_t len = 0;
    FILE *out = open_memstream(faults, &len);
    struct settings *settings;

    assert_non_null(out);
    settings = settings_parse("t.yaml", reader, text, strlen(text), out);
    fclose(out);
    return settings;
}

static void a_file_that_says_nothing_of_it_has_the_defaults(void **state)
{
    char *faults;
    struct settings *s = parse_for(SETTINGS_FOR_CA, "ca: {}\n", &faults);

    (void)state;
    assert_string_equal(faults, "");
    assert_string_equal(s->ca.dir, LOCALSTATEDIR "/lib/pgsignet-ca");
    assert_string_equal(s->ca.audit, LOCALSTATEDIR "/log/pgsignet-ca/audit.jsonl");
    assert_int_equal(s->ca.leaf, 398 * DAY);
    assert_int_equal(s->ca.renew, 30 * DAY);
    assert_int_equal(s->ca.crl, 30 * DAY);
    assert_int_equal(s->ca.crl_renew, 20 * DAY);
    assert_null(s->ca.passphrase_file);
    assert_int_equal(s->ca.postgres.n, 0);
    assert_int_equal(s->ca.pgbouncer.n, 0);
    assert_null(s->ca.crl_file);
    assert_null(s->ca.crl_dir);
    assert_string_equal(s->ca.owner, "postgres");
    assert_null(s->ca.metrics);
    assert_null(s->ca.sslrootcert);
    settings_free(s);
    free(faults);
}

static void what_is_written_is_read(void **state)
{
    static const char text[] = "ca:\n"
                               "  dir: /srv/ca\n"
                               "  leaf: 90d\n"
                               "  postgres: [service=a, service=b]\n"
                               "  pgbouncer: db1:6432\n"
                               "  crl_file: /pg/root.crl\n"
                               "  metrics: /m/ca.prom\n"
                               "  sslrootcert: /s/trust.crt\n";
    char *faults;
    struct settings *s = parse_for(SETTINGS_FOR_CA, text, &faults);

    (void)state;
    assert_string_equal(faults, "");
    assert_string_equal(s->ca.dir, "/srv/ca");
    assert_int_equal(s->ca.leaf, 90 * DAY);
    assert_int_equal(s->ca.postgres.n, 2);
    assert_string_equal(s->ca.postgres.at[1], "service=b");
    assert_string_equal(s->ca.pgbouncer.at[0], "db1:6432");
    assert_string_equal(s->ca.crl_file, "/pg/root.crl");
    assert_string_equal(s->ca.metrics, "/m/ca.prom");
    assert_string_equal(s->ca.sslrootcert, "/s/trust.crt");
    settings_free(s);
    free(faults);
}

static void defaults_follow_the_time_they_are_a_part_of(void **state)
{
    char *faults;
    struct settings *s = parse_for(SETTINGS_FOR_CA, "ca: {crl: 3d, leaf: 9d}\n", &faults);

    (void)state;
    assert_string_equal(faults, "");
    assert_int_equal(s->ca.crl_renew, 2 * DAY);
    assert_int_equal(s->ca.renew, 3 * DAY);
    settings_free(s);
    free(faults);
}

static void a_fault_names_its_line(void **state)
{
    static const struct {
        const char *text, *fault;
    } rows[] = {
        {"ca:\n  crl: 10d\n  crl_renew: 10d\n", "t.yaml:3: ca.crl_renew"},
        {"ca:\n  leaf: 30d\n  renew: 31d\n", "t.yaml:3: ca.renew"},
        {"ca:\n  pgbouncer: db1\n", "t.yaml:2: ca.pgbouncer"},
        {"ca:\n  pgbouncer: [a:6432, b:70000]\n", "\"b:70000\" is no host"},
        {"ca:\n  metrics: /m/ca.txt\n", "t.yaml:2: ca.metrics"},
        {"ca:\n  postgres: host=a password=x\n", "t.yaml:2: ca.postgres"},
        {"ca:\n  dir: var/ca\n", "t.yaml:2: ca.dir"},
        {"ca:\n  sslrootcert: trust.crt\n", "t.yaml:2: ca.sslrootcert"},
        {"ca:\n  passphrase: secret\n", "t.yaml:2:"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *faults;

        assert_null(parse_for(SETTINGS_FOR_CA, rows[i].text, &faults));
        if (strstr(faults, rows[i].fault) == NULL)
            fail_msg("%s gives %s", rows[i].text, faults);
        free(faults);
    }
}

/* One file for all programs: nobody stumbles over what only another one reads. */
static void each_program_reads_its_own_section(void **state)
{
    static const char logins[] = "policies: {default: {password: stack}}\nca: {dirr: 7}\n";
    static const char ca[] = "sync: {rulez: 7}\nca: {leaf: 90d}\n";
    char *faults;
    struct settings *s = parse_for(SETTINGS_FOR_LOGINS, logins, &faults);

    (void)state;
    assert_string_equal(faults, "");
    settings_free(s);
    free(faults);
    s = parse_for(SETTINGS_FOR_CA, ca, &faults);
    assert_string_equal(faults, "");
    assert_int_equal(s->ca.leaf, 90 * DAY);
    settings_free(s);
    free(faults);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_that_says_nothing_of_it_has_the_defaults),
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(defaults_follow_the_time_they_are_a_part_of),
        cmocka_unit_test(a_fault_names_its_line),
        cmocka_unit_test(each_program_reads_its_own_section),
    };

    return cmocka_run_group_tests_name("ca_settings", tests, NULL, NULL);
}
