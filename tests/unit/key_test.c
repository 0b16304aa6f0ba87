/* Proves each provider of the KEK with the real thing: files, credentials, commands, a SoftHSM token. */
#include "config.h"

#include "common/clock.h"
#include "common/crypto.h"
#include "mfa/key_file.h"
#include "mfa/key_provider.h"
#include "mfa/key_raw.h"
#include "mfa/keyring.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define HEX    "00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF"
#define BASE64 "ABEiM0RVZneImaq7zN3u/wARIjNEVWZ3iJmqu8zd7v8="

static char folder[64];
static char why[700];

static const char *in_folder(const char *name)
{
    static char path[4][128];
    static size_t turn;

    turn = (turn + 1) % 4;
    snprintf(path[turn], sizeof path[turn], "%s/%s", folder, name);
    return path[turn];
}

static const char *write_file(const char *name, mode_t mode, const char *text)
{
    const char *path = in_folder(name);
    unlink(path);
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(path, mode), 0);
    return path;
}

static struct settings_keys file_settings(const char *path)
{
    return (struct settings_keys){.provider = KEY_PROVIDER_FILE, .path = (char *)path};
}

/* Wraps and unwraps; a changed bit and another place are damage. */
static void expect_works(struct kek *kek)
{
    struct seal_place place, other;
    uint8_t key[SEAL_KEY] = "thirty-two bytes of a data key.", out[SEAL_KEY];
    uint8_t wrapped[KEK_WRAPPED];
    struct bytes bytes = bytes_of(wrapped, sizeof wrapped);

    seal_place_begin(&place, "test");
    seal_place_number(&place, 1);
    seal_place_begin(&other, "test");
    seal_place_number(&other, 2);
    assert_int_equal(kek_wrap(kek, &place, key, wrapped, why, sizeof why), KEK_OK);
    assert_int_equal(kek_unwrap(kek, &place, bytes, out, why, sizeof why), KEK_OK);
    assert_memory_equal(out, key, SEAL_KEY);
    assert_int_equal(kek_unwrap(kek, &other, bytes, out, why, sizeof why), KEK_DAMAGED);
    assert_int_equal(out[0], 0); /* wiped */
    for (size_t i = 0; i < sizeof wrapped; i += 7) {
        wrapped[i] ^= 1;
        assert_int_equal(kek_unwrap(kek, &place, bytes, out, why, sizeof why), KEK_DAMAGED);
        wrapped[i] ^= 1;
    }
    assert_int_equal(
        kek_unwrap(kek, &place, bytes_of(wrapped, KEK_WRAPPED - 1), out, why, sizeof why),
        KEK_DAMAGED);
    assert_int_equal(kek_unwrap(kek, &place, bytes, out, why, sizeof why), KEK_OK);
}

static void a_key_is_one_line_of_hex_or_base64(void **state)
{
    static const char *const good[] = {HEX, HEX "\n", HEX "\r\n", BASE64, BASE64 "\n"};
    static const char *const bad[] = {
        "",
        "\n",
        "00",
        HEX "0",
        HEX "\n\n",
        " " HEX,
        "g0112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
        "ABEiM0RVZneImaq7zN3u/wARIjNEVWZ3iJmqu8zd7v9=", /* stray bits */
        "ABEiM0RVZneImaq7zN3u/wARIjNEVWZ3iJmqu8zd7v8A", /* 33 bytes */
        "ABEiM0RVZneImaq7zN3u/wARIjNEVWZ3iJmqu8zd7v==", /* 31 bytes */
        "ABEiM0RVZneImaq7zN3u-wARIjNEVWZ3iJmqu8zd7v8=", /* another alphabet */
    };
    char id[KEK_ID_MAX] = "";
    struct kek kek;

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_null(key_raw_open(&kek, bytes_str(good[i])));
        assert_true(id[0] == '\0' || strcmp(id, kek.id) == 0);
        memcpy(id, kek.id, sizeof id);
        kek_close(&kek);
    }
    assert_string_equal(id, "b0e1fa0b2cee1612");
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_non_null(key_raw_open(&kek, bytes_str(bad[i])));
        assert_null(kek.kind);
    }
}

static void a_file_gives_the_key(void **state)
{
    struct kek kek;
    struct settings_keys keys = file_settings(write_file("key", 0400, HEX "\n"));

    (void)state;
    assert_true(kek_open(&keys, &kek, why, sizeof why));
    expect_works(&kek);
    kek_close(&kek);
    assert_null(kek.kind);
    keys = file_settings(write_file("open", 0404, HEX "\n"));
    assert_false(kek_open(&keys, &kek, why, sizeof why));
    assert_non_null(strstr(why, "open to others"));
    keys = file_settings(in_folder("missing"));
    assert_false(kek_open(&keys, &kek, why, sizeof why));
    assert_non_null(strstr(why, "No such file"));
}

static void a_credential_gives_the_key(void **state)
{
    struct settings_keys keys = {.provider = KEY_PROVIDER_CREDENTIAL, .credential = (char *)"kek"};
    struct kek kek;

    (void)state;
    unsetenv("CREDENTIALS_DIRECTORY");
    assert_false(kek_open(&keys, &kek, why, sizeof why));
    assert_non_null(strstr(why, "LoadCredentialEncrypted=kek"));
    assert_int_equal(mkdir(in_folder("credentials"), 0700), 0);
    setenv("CREDENTIALS_DIRECTORY", in_folder("credentials"), 1);
    assert_false(kek_open(&keys, &kek, why, sizeof why));
    assert_non_null(strstr(why, "No such file"));
    write_file("credentials/kek", 0440, HEX); /* with an access list the mask is the group's mode */
    assert_int_equal(chmod(in_folder("credentials"), 0500), 0);
    assert_true(kek_open(&keys, &kek, why, sizeof why));
    expect_works(&kek);
    kek_close(&kek);
    assert_int_equal(chmod(in_folder("credentials"), 0700), 0);
    write_file("credentials/kek", 0400, "nonsense");
    assert_false(kek_open(&keys, &kek, why, sizeof why));
    assert_non_null(strstr(why, "is not one line"));
    setenv("CREDENTIALS_DIRECTORY", "relative", 1);
    assert_false(kek_open(&keys, &kek, why, sizeof why));
    unsetenv("CREDENTIALS_DIRECTORY");
}

/* Opens by a shell script with this text; returns whether a key came. */
static bool run_script(const char *text, int64_t timeout, struct kek *kek)
{
    char script[1024];
    char *argv[] = {NULL, (char *)"one", (char *)"two words", NULL};
    char *environment[] = {(char *)"VAULT_ADDR=https://vault.example:8200", NULL};

    snprintf(script, sizeof script, "#!/bin/sh\n%s\n", text);
    argv[0] = (char *)write_file("command", 0700, script);
    struct settings_keys keys = {
        .provider = KEY_PROVIDER_COMMAND,
        .command = {argv, 3},
        .environment = {environment, 1},
        .timeout = timeout,
    };
    why[0] = '\0';
    bool got = kek_open(&keys, kek, why, sizeof why);
    assert_true(got || kek->kind == NULL);
    return got;
}

static void a_command_gives_the_key(void **state)
{
    struct kek kek;

    (void)state;
    assert_true(run_script("echo " HEX, 5, &kek));
    expect_works(&kek);
    kek_close(&kek);
    assert_true(run_script("printf %s '" BASE64 "'; echo noise >&2", 5, &kek));
    kek_close(&kek);
}

static void a_command_runs_in_a_clean_place(void **state)
{
    struct kek kek;
    char script[700];
    int fd = open("/dev/null", O_RDONLY); /* on purpose without O_CLOEXEC */

    (void)state;
    setenv("PGSIGNET_SECRET_OF_THE_DAEMON", "x", 1);
    snprintf(script, sizeof script,
             "exec 2>'%s'\nenv | grep -v '^PWD=\\|^_=\\|^SHLVL=\\|^OLDPWD=' | sort >&2\n"
             "echo \"$1|$2|$#\" >&2\nfor n in 3 4 5 6 7 8 9; do "
             "[ ! -e /proc/$$/fd/$n ] || echo \"open: $n\" >&2; done\nreadlink /proc/$$/fd/0 >&2\n"
             "pwd >&2\necho " HEX,
             in_folder("seen"));
    assert_true(run_script(script, 5, &kek));
    kek_close(&kek);
    close(fd);
    unsetenv("PGSIGNET_SECRET_OF_THE_DAEMON");
    char seen[512] = "";
    FILE *f = fopen(in_folder("seen"), "r");
    assert_non_null(f);
    seen[fread(seen, 1, sizeof seen - 1, f)] = '\0';
    fclose(f);
    assert_string_equal(seen, "PATH=/usr/bin:/bin\nVAULT_ADDR=https://vault.example:8200\n"
                              "one|two words|2\n/dev/null\n/\n");
}

static void expect_refusal(const char *script, const char *phrase)
{
    struct kek kek;

    assert_false(run_script(script, 5, &kek));
    if (strstr(why, phrase) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", why, phrase);
    assert_null(strstr(why, "00112233")); /* never what it printed */
}

static void a_command_that_fails_is_told(void **state)
{
    struct kek kek;
    char *argv[] = {NULL, NULL};
    struct settings_keys keys = {
        .provider = KEY_PROVIDER_COMMAND, .command = {argv, 1}, .timeout = 5};

    (void)state;
    expect_refusal("echo 'permission denied\nmore' >&2; exit 3", "exit code 3; it complains: "
                                                                 "permission denied");
    expect_refusal("printf 'a\\033[2Jb' >&2; exit 1", "a\\x1b[2Jb");
    expect_refusal("kill -TERM $$", "signal 15");
    expect_refusal("echo garbage", "is not one line of 64 hex digits");
    expect_refusal("echo " HEX "; exit 1", "exit code 1");
    expect_refusal("echo " HEX HEX, "more than a key");
    expect_refusal("cat /dev/zero", "more than a key");
    expect_refusal("cat /dev/zero >&2 & sleep 0.1; kill $!; exit 4", "exit code 4");
    expect_refusal("exit 0", "is not one line");
    argv[0] = (char *)in_folder("no-such-command");
    assert_false(kek_open(&keys, &kek, why, sizeof why));
    assert_non_null(strstr(why, "cannot be started: No such file"));
}

/* The number that a script wrote into the file "pid". */
static pid_t written_pid(void)
{
    FILE *f = fopen(in_folder("pid"), "r");
    long pid = 0;

    assert_non_null(f);
    assert_int_equal(fscanf(f, "%ld", &pid), 1);
    fclose(f);
    return (pid_t)pid;
}

/* A killed process is gone once whoever inherited it has reaped it; a zombie runs no more. */
static bool runs(pid_t pid)
{
    char path[64], state = 'Z';

    snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
    FILE *f = fopen(path, "r");
    if (f == NULL)
        return false;
    if (fscanf(f, "%*d %*s %c", &state) != 1)
        state = 'Z';
    fclose(f);
    return state != 'Z' && state != 'X';
}

static void a_command_that_hangs_is_ended_with_all_it_started(void **state)
{
    static const char *const endings[] = {
        "trap '' TERM\nsleep 100",                /* hangs itself */
        "echo " HEX "\nexit 0",                   /* leaves a child that holds its output */
        "echo " HEX "\nexec >&- 2>&-\nsleep 100", /* closes its output and does not end */
    };
    struct kek kek;
    char script[400];

    (void)state;
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        snprintf(script, sizeof script, "sleep 100 &\necho $! >'%s'\n%s", in_folder("pid"),
                 endings[i]);
        int64_t start = clock_mono_ms();
        assert_false(run_script(script, 2, &kek)); /* time for a slow machine's shell to begin */
        assert_in_range(clock_mono_ms() - start, 1900, 30000);
        assert_non_null(strstr(why, "not done after 2 s"));
        int64_t until = clock_mono_ms() + 30000;
        while (runs(written_pid()) && clock_mono_ms() < until)
            ;
        assert_false(runs(written_pid()));
    }
}

static void a_wrong_key_is_told_from_damage(void **state)
{
    struct kek kek;
    struct store_identity identity;
    struct keyring ring;
    uint8_t key[SEAL_KEY] = {1};

    (void)state;
    assert_true(key_raw_make(&kek, key));
    assert_true(keyring_create(&kek, &identity, why, sizeof why));
    identity.keys[0].wrapped.at[20] ^= 1;
    assert_false(keyring_open(&ring, &kek, &identity, why, sizeof why));
    assert_non_null(strstr(why, "was changed or belongs to another store"));
    identity.keys[0].wrapped.at[20] ^= 1;
    assert_true(keyring_open(&ring, &kek, &identity, why, sizeof why));
    keyring_close(&ring);
    kek_close(&kek);
    key[0] = 2;
    assert_true(key_raw_make(&kek, key));
    assert_false(keyring_open(&ring, &kek, &identity, why, sizeof why));
    assert_non_null(strstr(why, "restore the right key"));
    assert_non_null(strstr(why, kek.id));
    kek_close(&kek);
}

static int begin(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/pgsignet-key-XXXXXX");
    return mkdtemp(folder) != NULL ? 0 : -1;
}

static int end(void **state)
{
    static const char *const names[] = {"key",  "open", "credentials/kek", "credentials", "command",
                                        "seen", "pid"};

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        remove(in_folder(names[i]));
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_is_one_line_of_hex_or_base64),
        cmocka_unit_test(a_file_gives_the_key),
        cmocka_unit_test(a_credential_gives_the_key),
        cmocka_unit_test(a_command_gives_the_key),
        cmocka_unit_test(a_command_runs_in_a_clean_place),
        cmocka_unit_test(a_command_that_fails_is_told),
        cmocka_unit_test(a_command_that_hangs_is_ended_with_all_it_started),
        cmocka_unit_test(a_wrong_key_is_told_from_damage),
    };

    return cmocka_run_group_tests_name("keys", tests, begin, end);
}
