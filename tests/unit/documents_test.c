/* The documents name every key, reason and factor; every example is a valid configuration. */
#include "config.h"

#include "common/audit.h"
#include "common/settings.h"
#include "common/settings_schema.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char *read_document(const char *name, size_t *len)
{
    char path[4096], *text = calloc(1, SETTINGS_FILE_MAX + 1);
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", SOURCE_DIR, name);
    f = fopen(path, "r");
    if (f == NULL || text == NULL)
        fail_msg("%s cannot be read", path);
    *len = fread(text, 1, SETTINGS_FILE_MAX, f);
    fclose(f);
    return text;
}

static void expect_mention(const char *document, const char *text, const char *format,
                           const char *word)
{
    char needle[128];

    /* The format is one of two literals below. */
    snprintf(needle, sizeof needle, format[0] == '`' ? "`%s`" : "\\fB%s\\fR", word);
    if (strstr(text, needle) == NULL)
        fail_msg("%s does not document %s", document, needle);
}

static void expect_keys(const char *document, const char *text, const char *format,
                        const struct schema_key *keys)
{
    for (const struct schema_key *key = keys; key->name != NULL; key++) {
        expect_mention(document, text, format, key->name);
        if (key->keys != NULL)
            expect_keys(document, text, format, key->keys);
        for (size_t i = 0; key->choices != NULL && key->choices[i] != NULL; i++)
            expect_mention(document, text, format, key->choices[i]);
    }
}

static void test_keys(void **state)
{
    static const struct {
        const char *document, *format;
    } rows[] = {
        {"docs/configuration.md", "`"   },
        {"man/pgsignet.yaml.5",   "\\fB"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t len;
        char *text = read_document(rows[i].document, &len);

        expect_keys(rows[i].document, text, rows[i].format, settings_schema);
        free(text);
    }
}

static void test_reasons(void **state)
{
    size_t len;
    char *text = read_document("docs/audit.md", &len);

    (void)state;
    for (int reason = 0; reason < REASON_COUNT; reason++) {
        char row[128];

        snprintf(row, sizeof row, "| `%s` | %s |", reason_name((enum reason)reason),
                 verdict_name(reason_verdict((enum reason)reason)));
        if (strstr(text, row) == NULL)
            fail_msg("docs/audit.md has no row \"%s\"", row);
    }
    for (int factor = FACTOR_OK; factor < FACTOR_COUNT; factor++)
        expect_mention("docs/audit.md", text, "`", audit_factor_name((enum audit_factor)factor));
    free(text);
}

static void test_examples(void **state)
{
    static const struct {
        const char *name;
        enum settings_reader reader;
    } examples[] = {
        {"examples/pgsignet.yaml",        SETTINGS_FOR_LOGINS},
        {"examples/minimal.yaml",         SETTINGS_FOR_LOGINS},
        {"examples/scram.yaml",           SETTINGS_FOR_LOGINS},
        {"examples/ad.yaml",              SETTINGS_FOR_LOGINS},
        {"examples/cert-and-code.yaml",   SETTINGS_FOR_LOGINS},
        {"examples/keys-command.yaml",    SETTINGS_FOR_LOGINS},
        {"examples/keys-credential.yaml", SETTINGS_FOR_LOGINS},
        {"examples/keys-pkcs11.yaml",     SETTINGS_FOR_LOGINS},
        {"examples/shared-store.yaml",    SETTINGS_FOR_LOGINS},
        {"examples/ldap-sync.yaml",       SETTINGS_FOR_SYNC  },
        {"examples/ldap-sync-ad.yaml",    SETTINGS_FOR_SYNC  },
        {"examples/ca.yaml",              SETTINGS_FOR_CA    },
    };

    (void)state;
    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++) {
        size_t len;
        char *text = read_document(examples[i].name, &len);
        struct settings *settings =
            settings_parse(examples[i].name, examples[i].reader, text, len, stderr);

        if (settings == NULL)
            fail_msg("%s is faulty", examples[i].name);
        settings_free(settings);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_reasons),
        cmocka_unit_test(test_examples),
    };

    return cmocka_run_group_tests_name("documents", tests, NULL, NULL);
}
