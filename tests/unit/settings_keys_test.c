/* The keys section: each key only with its provider, every fault with its line. */
#include "config.h"

#include "common/settings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define POLICY "policies: {default: {password: stack}}\n"
#define URI    "pkcs11:token=t;object=o?module-path=/m.so"

static struct settings *parse(const char *text, char **faults)
{
    size_t size;
    FILE *out = open_memstream(faults, &size);

    assert_non_null(out);
    struct settings *settings = settings_parse("t.yaml", SETTINGS_FOR_LOGINS, text, strlen(text), out);
    fclose(out);
    return settings;
}

static void good_sections_are_read(void **state)
{
    char *faults;
    struct settings *s = parse(POLICY "fips: Require\n"
                                      "keys:\n"
                                      "  provider: command\n"
                                      "  command: [/usr/bin/vault, kv, get]\n"
                                      "  environment: [VAULT_ADDR=https://v, TOKEN_FILE=/x]\n"
                                      "  timeout: 9s\n",
                               &faults);

    (void)state;
    assert_string_equal(faults, "");
    assert_non_null(s);
    assert_int_equal(s->fips, FIPS_REQUIRE);
    assert_int_equal(s->keys.provider, KEY_PROVIDER_COMMAND);
    assert_int_equal(s->keys.command.n, 3);
    assert_int_equal(s->keys.environment.n, 2);
    assert_int_equal(s->keys.timeout, 9);
    settings_free(s);
    free(faults);
    s = parse(POLICY "keys: {provider: credential, credential: kek}\n", &faults);
    assert_non_null(s);
    assert_string_equal(s->keys.credential, "kek");
    assert_int_equal(s->fips, FIPS_OFF);
    settings_free(s);
    free(faults);
    s = parse(POLICY "keys:\n  provider: pkcs11\n  pkcs11: '" URI "&pin-source=file:/p'\n",
              &faults);
    assert_non_null(s);
    assert_int_equal(s->keys.timeout, 5);
    settings_free(s);
    free(faults);
}

static void faults_are_told_with_their_line(void **state)
{
#define PKCS11(uri)   POLICY "keys:\n  provider: pkcs11\n  pkcs11: '" uri "'\n"
#define COMMAND(more) POLICY "keys:\n  provider: command\n" more
    static const struct {
        const char *text, *fault;
    } rows[] = {
        {POLICY "fips: yes\n", "t.yaml:2: fips: \"yes\" will not do; write off or require"},
        {POLICY "keys: {provider: vault}\n", "write file, credential, command or pkcs11"},
        {POLICY "keys:\n  provider: credential\n",
         "t.yaml:3: keys.provider is credential, but there is no keys.credential"},
        {POLICY "keys:\n  provider: credential\n  credential: kek\n  path: /x\n",
         "t.yaml:5: keys.path means nothing with provider: credential"},
        {POLICY "keys:\n  credential: kek\n",
         "t.yaml:3: keys.credential means nothing with provider: file"},
        {POLICY "keys:\n  path: /k\n  timeout: 3s\n", "t.yaml:4: keys.timeout means nothing"},
        {POLICY "keys:\n  provider: credential\n  credential: ../kek\n",
         "t.yaml:4: keys.credential \"../kek\" is no name"},
        {COMMAND("  command: []\n"), "t.yaml:4: keys.command is empty"},
        {COMMAND("  command: [vault]\n"), "t.yaml:4: keys.command begins with \"vault\""},
        {COMMAND("  command: [/v]\n  environment:\n  - A=b\n  - VAULT_TOKEN=s.1\n"),
         "t.yaml:7: keys.environment sets VAULT_TOKEN, which sounds like a secret"},
        {COMMAND("  command: [/v]\n  environment: [AWS_SECRET_ACCESS_KEY=1]\n"),
         "sounds like a secret"},
        {COMMAND("  command: [/v]\n  environment: [LD_PRELOAD=/x]\n"), "changes the code"},
        {COMMAND("  command: [/v]\n  environment: [nonsense]\n"), "that is not NAME=value"},
        {COMMAND("  command: [/v]\n  environment: [1A=b]\n"), "that is not NAME=value"},
        {COMMAND("  command: [/v]\n  timeout: 61s\n"), "t.yaml:5: keys.timeout: \"61s\" is out of"},
        {PKCS11("http://x"), "t.yaml:4: keys.pkcs11 does not begin with pkcs11:"},
        {PKCS11(URI "&pin-value=1234"), "t.yaml:4: keys.pkcs11 has a pin-value"},
        {PKCS11(URI "&pin-source=|/bin/pin"), "has a pin-source that is no file"},
        {PKCS11("pkcs11:token=t;object=o"), "says no module-path"},
        {PKCS11("pkcs11:object=o?module-path=/m.so"), "says no token"},
        {PKCS11("pkcs11:token=t?module-path=/m.so"), "says no key; write object=LABEL or id=%01"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *faults;
        struct settings *s = parse(rows[i].text, &faults);

        if (s != NULL || strstr(faults, rows[i].fault) == NULL)
            fail_msg("row %zu: \"%s\" does not say \"%s\"", i, faults, rows[i].fault);
        assert_null(strstr(faults, "1234"));
        free(faults);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_sections_are_read),
        cmocka_unit_test(faults_are_told_with_their_line),
    };

    return cmocka_run_group_tests_name("settings keys", tests, NULL, NULL);
}
