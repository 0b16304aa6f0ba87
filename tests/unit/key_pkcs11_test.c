/* Proves the PKCS#11 provider with a SoftHSM token, and what it refuses. */
#include "config.h"

#include "common/clock.h"
#include "common/crypto.h"
#include "common/guard.h"
#include "mfa/key_provider.h"
#include "mfa/keyring.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define SKIPPED 77 /* to automake */
#define TOKEN   "pgsignet test"

#define OPENERS        8
#define OPENING_ROUNDS 4

static const char *const modules[] = {
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
};
static const char *module;
static char folder[64];
static char why[700];

static bool run(const char *format, ...) __attribute__((format(printf, 1, 2)));
static bool run(const char *format, ...)
{
    char command[1024], whole[1200];
    va_list args;

    va_start(args, format);
    vsnprintf(command, sizeof command, format, args);
    va_end(args);
    snprintf(whole, sizeof whole, "%s >'%s/log' 2>&1", command, folder);
    int status = system(whole);
    if (status != 0)
        fprintf(stderr, "%s: status %d, see %s/log\n", command, status, folder);
    return status == 0;
}

static void write_pin(const char *pin)
{
    char path[128];

    snprintf(path, sizeof path, "%s/pin", folder);
    unlink(path);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(pin, f);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(path, 0400), 0);
}

static bool open_uri(const char *key, const char *query, struct kek *kek)
{
    char uri[600];

    snprintf(uri, sizeof uri, "pkcs11:token=pgsignet%%20test;%s?module-path=%s%s", key, module,
             query);
    struct settings_keys keys = {.provider = KEY_PROVIDER_PKCS11, .pkcs11 = uri, .timeout = 20};
    why[0] = '\0';
    return kek_open(&keys, kek, why, sizeof why);
}

static bool open_key(const char *key, struct kek *kek)
{
    char query[128];

    snprintf(query, sizeof query, "&pin-source=file:%s/pin", folder);
    return open_uri(key, query, kek);
}

static void expect_refusal(const char *key, const char *phrase)
{
    struct kek kek;

    assert_false(open_key(key, &kek));
    assert_null(kek.kind);
    if (strstr(why, phrase) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", why, phrase);
}

static void make_key(const char *label, const char *id, const char *how)
{
    assert_true(run("pkcs11-tool --module %s --token-label '" TOKEN "' --login --pin 1234 --keygen "
                    "--label %s --id %s %s",
                    module, label, id, how));
}

static void a_key_in_a_token_wraps_and_opens_a_store(void **state)
{
    struct kek kek;
    struct store_identity identity;
    struct keyring ring;
    char id[KEK_ID_MAX];

    (void)state;
    assert_true(open_key("object=kek", &kek));
    memcpy(id, kek.id, sizeof id);
    assert_int_equal(strlen(id), KEK_ID_MAX - 1);
    assert_true(keyring_create(&kek, &identity, why, sizeof why));
    assert_int_equal(identity.keys[0].wrapped.len, KEK_WRAPPED);
    assert_int_equal(identity.keys[0].wrapped.at[0], SEAL_VERSION);
    kek_close(&kek);
    /* loaded anew: the same key, and OpenSSL still works after the module has gone */
    assert_true(open_key("object=kek;id=%01;type=secret-key", &kek));
    assert_string_equal(kek.id, id);
    assert_true(keyring_open(&ring, &kek, &identity, why, sizeof why));
    keyring_close(&ring);
    identity.keys[0].wrapped.at[30] ^= 1;
    assert_false(keyring_open(&ring, &kek, &identity, why, sizeof why));
    assert_non_null(strstr(why, "was changed or belongs to another store"));
    identity.keys[0].wrapped.at[30] ^= 1;
    identity.id[0] ^= 1; /* the associated data is part of it */
    assert_false(keyring_open(&ring, &kek, &identity, why, sizeof why));
    identity.id[0] ^= 1;
    kek_close(&kek);
    assert_true(open_key("object=other", &kek));
    assert_string_not_equal(kek.id, id);
    assert_false(keyring_open(&ring, &kek, &identity, why, sizeof why));
    assert_non_null(strstr(why, "restore the right key"));
    kek_close(&kek);
}

/* As the workers of a daemon do; SoftHSM's token is not to be seen while another process logs in. */
static void many_open_it_at_one_moment(void **state)
{
    pid_t children[OPENERS];
    int gate[2], status;

    (void)state;
    for (int round = 0; round < OPENING_ROUNDS; round++) {
        assert_int_equal(pipe(gate), 0);
        for (int i = 0; i < OPENERS; i++) {
            children[i] = fork();
            if (children[i] == 0) {
                struct kek kek;
                char end;
                close(gate[1]);
                (void)!read(gate[0], &end, 1);
                if (open_key("object=kek", &kek))
                    _exit(0);
                print_error("%s\n", why);
                _exit(1);
            }
        }
        close(gate[0]);
        close(gate[1]);
        int failed = 0;
        for (int i = 0; i < OPENERS; i++)
            failed += waitpid(children[i], &status, 0) != children[i] || status != 0;
        assert_int_equal(failed, 0);
    }
}

static void what_does_not_fit_is_refused(void **state)
{
    struct kek kek;

    (void)state;
    expect_refusal("object=none", "--keygen --key-type AES:32");
    expect_refusal("object=twin", "several such keys");
    assert_true(open_key("object=twin;id=%05", &kek));
    kek_close(&kek);
    expect_refusal("object=short", "no AES key of 256 bits");
    expect_refusal("object=loose", "can be read out");
    expect_refusal("serial=0123456789abcdef;object=kek", "no token of the module fits");
    assert_false(open_uri("object=kek", "", &kek));
    assert_non_null(strstr(why, "write pin-source=file:/PATH"));
    assert_false(open_uri("object=kek", "&pin-value=1234", &kek));
    assert_non_null(strstr(why, "holds a PIN"));
    assert_false(open_uri("object=kek", "&pin-source=file:/nonexistent/pin", &kek));
    assert_non_null(strstr(why, "No such file"));
    struct settings_keys keys = {
        .provider = KEY_PROVIDER_PKCS11,
        .pkcs11 = (char *)"pkcs11:token=x;object=y?module-path=/nonexistent/module.so",
        .timeout = 5,
    };
    assert_false(kek_open(&keys, &kek, why, sizeof why));
    assert_non_null(strstr(why, "cannot load the PKCS#11 module"));
}

static void a_wrong_pin_is_tried_once(void **state)
{
    struct kek kek;

    (void)state;
    write_pin("9999\n");
    expect_refusal("object=kek", "refuses the login");
    expect_refusal("object=kek", "nothing is tried");
    write_pin("1234\n");
    expect_refusal("object=kek", "log in once by hand");
    assert_true(run("pkcs11-tool --module %s --token-label '" TOKEN "' --login --pin 1234 "
                    "--list-objects",
                    module));
    assert_true(open_key("object=kek", &kek));
    kek_close(&kek);
}

/* A module that never answers: made here, of a few lines of C that the test compiles into itself. */
static void a_module_that_hangs_ends_the_process(void **state)
{
    char path[128];

    (void)state;
    snprintf(path, sizeof path, "%s/hangs.so", folder);
    assert_true(run("printf '#include <unistd.h>\\nunsigned long C_GetFunctionList(void **p)"
                    "{(void)p; for (;;) pause();}\\n' | cc -shared -fPIC -o '%s' -x c -",
                    path));
    int64_t start = clock_mono_ms();
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        char uri[256];
        struct kek kek;
        snprintf(uri, sizeof uri, "pkcs11:token=x;object=y?module-path=%s", path);
        struct settings_keys keys = {.provider = KEY_PROVIDER_PKCS11, .pkcs11 = uri, .timeout = 1};
        _exit(kek_open(&keys, &kek, why, sizeof why) ? 1 : 2);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), GUARD_EXIT);
    assert_in_range(clock_mono_ms() - start, 900, 30000);
}

static int begin(void **state)
{
    char text[160];
    FILE *f;

    (void)state;
    snprintf(folder, sizeof folder, "/tmp/pgsignet-hsm-XXXXXX");
    if (mkdtemp(folder) == NULL)
        return -1;
    snprintf(text, sizeof text, "%s/softhsm2.conf", folder);
    setenv("SOFTHSM2_CONF", text, 1);
    f = fopen(text, "w");
    if (f == NULL)
        return -1;
    fprintf(f, "directories.tokendir = %s/tokens\nobjectstore.backend = file\nlog.level = ERROR\n",
            folder);
    fclose(f);
    snprintf(text, sizeof text, "%s/tokens", folder);
    if (mkdir(text, 0700) != 0 ||
        !run("softhsm2-util --init-token --free --label '" TOKEN "' --pin 1234 --so-pin 5678"))
        return -1;
    write_pin("1234\n");
    make_key("kek", "01", "--key-type AES:32 --sensitive");
    make_key("other", "02", "--key-type AES:32 --sensitive");
    make_key("short", "03", "--key-type AES:16 --sensitive");
    make_key("twin", "04", "--key-type AES:32 --sensitive");
    make_key("twin", "05", "--key-type AES:32 --sensitive");
    make_key("loose", "06", "--key-type AES:32 --extractable");
    return 0;
}

static int end(void **state)
{
    char command[128];

    (void)state;
    snprintf(command, sizeof command, "rm -r -- '%s'", folder);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_in_a_token_wraps_and_opens_a_store),
        cmocka_unit_test(many_open_it_at_one_moment),
        cmocka_unit_test(what_does_not_fit_is_refused),
        cmocka_unit_test(a_wrong_pin_is_tried_once),
        cmocka_unit_test(a_module_that_hangs_ends_the_process),
    };

    for (size_t i = 0; i < sizeof modules / sizeof modules[0] && module == NULL; i++)
        if (access(modules[i], R_OK) == 0)
            module = modules[i];
    if (module == NULL || access("/usr/bin/pkcs11-tool", X_OK) != 0) {
        fprintf(stderr, "SoftHSM or pkcs11-tool (opensc) is not installed\n");
        return SKIPPED;
    }
    return cmocka_run_group_tests_name("pkcs11", tests, begin, end);
}
