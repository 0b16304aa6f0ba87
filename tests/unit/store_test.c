/* Proves what opening and creating a store refuses, and that it says why. */
#include "config.h"

#include "tests/unit/engine_fixture.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static const struct settings_token usual = {NULL, ALGORITHM_SHA1, 6, 30, 1, 10};

static int setup_empty(void **state)
{
    static struct fixture f;

    fixture_begin(&f);
    *state = &f;
    return 0;
}

static int setup(void **state)
{
    static struct fixture f;

    fixture_open(&f);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    fixture_end(*state);
    return 0;
}

/* Closed and opened again: refused for that reason with those words. */
static void refused(struct fixture *f, enum reason reason, const char *words)
{
    mfa_close(f->mfa);
    f->mfa = NULL;
    f->why[0] = '\0';
    assert_int_equal(mfa_open(&f->settings, &f->mfa, f->why, sizeof f->why), reason);
    assert_null(f->mfa);
    if (strstr(f->why, words) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", f->why, words);
}

static mode_t mode_of(const char *path)
{
    struct stat st;

    assert_int_equal(stat(path, &st), 0);
    return st.st_mode & 07777;
}

static void write_at(const char *path, off_t at, const char *text)
{
    int fd = open(path, O_WRONLY);

    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, text, strlen(text), at), (ssize_t)strlen(text));
    close(fd);
}

static void files_are_made_with_safe_modes(void **state)
{
    struct fixture *f = *state;
    char path[128];
    mode_t before = umask(0);

    assert_int_equal(mfa_init(&f->settings, f->why, sizeof f->why), MFA_OK);
    fixture_reopen(f);
    assert_int_equal(fixture_attempt(f, "nobody", "", "pw123456", NULL), REASON_NOT_ENROLLED);
    umask(before);
    assert_int_equal(mode_of(f->key), 0400);
    assert_int_equal(mode_of(f->store), 0600);
    snprintf(path, sizeof path, "%s-wal", f->store);
    assert_int_equal(mode_of(path), 0600);
    snprintf(path, sizeof path, "%s-shm", f->store);
    assert_int_equal(mode_of(path), 0600);
}

static void init_never_replaces(void **state)
{
    struct fixture *f = *state;
    char kept[128];

    assert_int_equal(mfa_init(&f->settings, f->why, sizeof f->why), MFA_EXISTS);
    fixture_reopen(f); /* still fits its key */
    snprintf(kept, sizeof kept, "%s-kept", f->key);
    assert_int_equal(rename(f->key, kept), 0);
    assert_int_equal(mfa_init(&f->settings, f->why, sizeof f->why), MFA_KEY);
    assert_non_null(strstr(f->why, "restore the key file"));
    refused(f, REASON_KEY_UNAVAILABLE, "restore it");
    assert_int_equal(rename(kept, f->key), 0);
}

static void init_keeps_a_key_that_is_there(void **state)
{
    struct fixture *f = *state;
    struct stat before, after;

    assert_int_equal(stat(f->key, &before), 0);
    mfa_close(f->mfa);
    f->mfa = NULL;
    assert_int_equal(unlink(f->store), 0);
    /* The log of the old store would be played into the new one. */
    assert_int_equal(mfa_init(&f->settings, f->why, sizeof f->why), MFA_STORE);
    assert_non_null(strstr(f->why, "earlier store"));
    char path[128];
    snprintf(path, sizeof path, "%s-wal", f->store);
    assert_int_equal(unlink(path), 0);
    snprintf(path, sizeof path, "%s-shm", f->store);
    unlink(path);
    assert_int_equal(mfa_init(&f->settings, f->why, sizeof f->why), MFA_OK);
    assert_int_equal(stat(f->key, &after), 0);
    assert_int_equal(before.st_ino, after.st_ino);
    fixture_reopen(f);
}

static void failed_init_leaves_nothing(void **state)
{
    struct fixture *f = *state;
    char deep[160], blocked[160], file[160];

    snprintf(file, sizeof file, "%s/file", f->folder);
    int fd = open(file, O_WRONLY | O_CREAT, 0600);
    close(fd);
    snprintf(deep, sizeof deep, "%s/a/b/kek", f->folder);
    snprintf(blocked, sizeof blocked, "%s/file/store.db", f->folder);
    f->settings.keys.path = deep;
    f->settings.store.path = blocked;
    assert_int_not_equal(mfa_init(&f->settings, f->why, sizeof f->why), MFA_OK);
    assert_true(f->why[0] != '\0');
    unlink(file);
    /* teardown finds the folder empty */
}

static void wrong_key_is_told_from_damage(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(chmod(f->key, 0600), 0);
    write_at(f->key, 0, "0123456789abcdef");
    refused(f, REASON_KEY_UNAVAILABLE, "restore the right key");
    write_at(f->key, 0, "not a key");
    refused(f, REASON_KEY_UNAVAILABLE, "64 hex digits");
    assert_int_equal(chmod(f->key, 0644), 0);
    refused(f, REASON_KEY_UNAVAILABLE, "others");
}

static void newer_schema_is_refused(void **state)
{
    struct fixture *f = *state;

    fixture_sql(f, "PRAGMA user_version = 4");
    refused(f, REASON_STORE_UNAVAILABLE, "upgrade pgsignet");
    fixture_sql(f, "PRAGMA user_version = 3");
    fixture_sql(f, "PRAGMA application_id = 1");
    refused(f, REASON_STORE_UNAVAILABLE, "not a token store");
}

static void damaged_file_is_refused(void **state)
{
    struct fixture *f = *state;

    mfa_close(f->mfa);
    f->mfa = NULL;
    write_at(f->store, 0, "something else entirely");
    refused(f, REASON_STORE_UNAVAILABLE, "backup");
}

static void open_modes_are_refused(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(chmod(f->store, 0640), 0);
    refused(f, REASON_STORE_UNAVAILABLE, "0600");
    assert_int_equal(chmod(f->store, 0600), 0);
    assert_int_equal(chmod(f->folder, 0777), 0);
    refused(f, REASON_STORE_UNAVAILABLE, "0700");
    assert_int_equal(chmod(f->folder, 0700), 0);
    fixture_reopen(f);
}

static void missing_store_says_how_to_make_it(void **state)
{
    refused(*state, REASON_STORE_UNAVAILABLE, "pgsignet-mfa init");
}

static void replaced_store_is_noticed(void **state)
{
    struct fixture *f = *state;
    char kept[128];

    snprintf(kept, sizeof kept, "%s-kept", f->store);
    assert_int_equal(rename(f->store, kept), 0);
    assert_int_equal(fixture_attempt(f, "nobody", "", "pw123456", NULL), REASON_STORE_UNAVAILABLE);
    assert_non_null(strstr(mfa_error(f->mfa), "while it was open"));
    assert_int_equal(rename(kept, f->store), 0);
    assert_int_equal(fixture_attempt(f, "nobody", "", "pw123456", NULL), REASON_NOT_ENROLLED);
}

static void lock_is_waited_for_until_the_deadline(void **state)
{
    struct fixture *f = *state;
    struct mfa_outcome out;
    int ready[2], release[2];
    char byte;
    struct mfa_attempt attempt = {.user = bytes_str("nobody"),
                                  .secret = bytes_str("pw123456"),
                                  .code_due = true,
                                  .now_ms = f->now_ms};

    assert_int_equal(pipe(ready), 0);
    assert_int_equal(pipe(release), 0);
    pid_t child = fork();
    if (child == 0) {
        char command[256];
        close(release[1]);
        dup2(release[0], 0);
        dup2(ready[1], 1);
        close(ready[0]);
        snprintf(command, sizeof command, "%s", f->store);
        execlp("sqlite3", "sqlite3", "-batch", "-cmd", "BEGIN IMMEDIATE", "-cmd", ".print go",
               command, (char *)NULL);
        _exit(1);
    }
    close(ready[1]);
    close(release[0]);
    if (read(ready[0], &byte, 1) != 1) {
        close(ready[0]);
        close(release[1]);
        waitpid(child, NULL, 0);
        skip(); /* no sqlite3 shell here */
    }
    int64_t start = clock_mono_ms();
    assert_int_equal(mfa_attempt(f->mfa, &attempt, start + 500, &out), REASON_STORE_UNAVAILABLE);
    assert_true(clock_mono_ms() - start >= 500);
    assert_non_null(strstr(mfa_error(f->mfa), "another program"));
    close(release[1]);
    waitpid(child, NULL, 0);
    close(ready[0]);
    assert_int_equal(mfa_attempt(f->mfa, &attempt, clock_mono_ms() + 60000, &out),
                     REASON_NOT_ENROLLED);
}

static void operator_functions_say_what_is(void **state)
{
    struct fixture *f = *state;
    struct secret one, two;
    struct token_info info, *infos;
    size_t n, removed;
    struct bytes alice = bytes_str("alice");
    char name[80];

    assert_int_equal(mfa_list(f->mfa, alice, &infos, &n), MFA_NOT_FOUND);
    assert_int_equal(mfa_create(f->mfa, alice, "phone", &usual, NOON, &info, &one), MFA_OK);
    assert_int_equal(one.len, 20);
    assert_int_equal(info.state, TOKEN_PENDING);
    assert_int_equal(mfa_create(f->mfa, alice, "phone", &usual, NOON, &info, &two), MFA_OK);
    assert_memory_not_equal(one.ptr, two.ptr, 20);
    assert_int_equal(mfa_confirm(f->mfa, alice, "phone", bytes_str("000000"), NOON, 0),
                     MFA_CODE_WRONG);
    assert_int_equal(mfa_confirm(f->mfa, alice, "tablet", bytes_str("000000"), NOON, 0),
                     MFA_NOT_FOUND);
    fixture_code(&usual, &two, NOON, name);
    assert_int_equal(mfa_confirm(f->mfa, alice, "phone", bytes_str(name), NOON, NOON + 1),
                     MFA_CODE_USED);
    assert_int_equal(mfa_confirm(f->mfa, alice, "phone", bytes_str(name), NOON, 0), MFA_OK);
    secret_free(&one);
    assert_int_equal(mfa_create(f->mfa, alice, "phone", &usual, NOON, &info, &one), MFA_EXISTS);
    for (int i = 1; i < MFA_TOKENS_PER_USER; i++) {
        snprintf(name, sizeof name, "spare %d", i);
        assert_int_equal(mfa_create(f->mfa, alice, name, &usual, NOON, &info, &one), MFA_OK);
        secret_free(&one);
    }
    assert_int_equal(mfa_create(f->mfa, alice, "one more", &usual, NOON, &info, &one),
                     MFA_TOO_MANY);
    assert_int_equal(mfa_list(f->mfa, bytes_of(NULL, 0), &infos, &n), MFA_OK);
    assert_int_equal(n, MFA_TOKENS_PER_USER);
    assert_string_equal(infos[0].name, "phone");
    assert_int_equal(infos[0].state, TOKEN_ACTIVE);
    assert_int_equal(infos[0].last_step, NOON / 30);
    assert_int_equal(infos[0].user_len, 5);
    free(infos);
    assert_int_equal(mfa_remove(f->mfa, alice, "spare 1", &removed), MFA_OK);
    assert_int_equal(removed, 1);
    assert_int_equal(fixture_sql(f, "SELECT count(*) FROM user_key"), 1);
    assert_int_equal(mfa_remove(f->mfa, alice, NULL, &removed), MFA_OK);
    assert_int_equal(removed, 7);
    assert_int_equal(mfa_remove(f->mfa, alice, NULL, &removed), MFA_NOT_FOUND);
    assert_int_equal(fixture_sql(f, "SELECT count(*) FROM user_key"), 0);
    assert_int_equal(mfa_unlock(f->mfa, bytes_str("stranger")), MFA_OK);
    secret_free(&two);
}

static void bad_names_are_refused(void **state)
{
    struct fixture *f = *state;
    struct token_info info;
    struct secret secret;
    char longest[MFA_TOKEN_NAME_MAX + 2];

    memset(longest, 'a', sizeof longest);
    longest[MFA_TOKEN_NAME_MAX + 1] = '\0';
    struct bytes users[] = {bytes_of(NULL, 0), bytes_of(longest, 64), bytes_of("a\0b", 3)};
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(mfa_create(f->mfa, users[i], "phone", &usual, NOON, &info, &secret),
                         MFA_BAD_NAME);
    assert_int_equal(mfa_create(f->mfa, bytes_str("a"), "", &usual, NOON, &info, &secret),
                     MFA_BAD_NAME);
    assert_int_equal(mfa_create(f->mfa, bytes_str("a"), longest, &usual, NOON, &info, &secret),
                     MFA_BAD_NAME);
    assert_int_equal(
        mfa_create(f->mfa, bytes_of(longest, 63), "phone", &usual, NOON, &info, &secret), MFA_OK);
    secret_free(&secret);
}

static void app_that_ignores_parameters_is_recognised(void **state)
{
    struct fixture *f = *state;
    const struct settings_token strong = {NULL, ALGORITHM_SHA256, 8, 60, 1, 10};
    struct token_info info;
    struct secret secret;
    char code[9];

    assert_int_equal(mfa_create(f->mfa, bytes_str("bob"), "app", &strong, NOON, &info, &secret),
                     MFA_OK);
    assert_int_equal(secret.len, 32);
    fixture_code(&usual, &secret, NOON, code);
    assert_int_equal(mfa_confirm(f->mfa, bytes_str("bob"), "app", bytes_str(code), NOON, 0),
                     MFA_CODE_APP);
    fixture_code(&strong, &secret, NOON, code);
    assert_int_equal(mfa_confirm(f->mfa, bytes_str("bob"), "app", bytes_str(code), NOON, 0),
                     MFA_OK);
    secret_free(&secret);
}

static void root_gives_everything_to_the_owner(void **state)
{
    struct fixture *f = *state;
    struct stat st;
    char key[160], store[160];

    if (geteuid() != 0)
        skip();
    free(f->settings.daemon.user);
    f->settings.daemon.user = strdup("nobody");
    snprintf(key, sizeof key, "%s/etc/kek", f->folder);
    snprintf(store, sizeof store, "%s/lib/store.db", f->folder);
    f->settings.keys.path = key;
    f->settings.store.path = store;
    assert_int_equal(chmod(f->folder, 0711), 0);
    assert_int_equal(mfa_init(&f->settings, f->why, sizeof f->why), MFA_OK);
    assert_int_equal(stat(key, &st), 0);
    assert_int_not_equal(st.st_uid, 0);
    assert_int_equal(st.st_mode & 07777, 0400);
    uid_t owner = st.st_uid;
    assert_int_equal(stat(store, &st), 0);
    assert_int_equal(st.st_uid, owner);
    assert_int_equal(mode_of(store), 0600);
    refused(f, REASON_STORE_UNAVAILABLE, "does not belong"); /* to root */
    unlink(key);
    unlink(store);
    snprintf(key, sizeof key, "%s/etc", f->folder);
    assert_int_equal(mode_of(key), 0750);
    rmdir(key);
    snprintf(store, sizeof store, "%s/lib", f->folder);
    assert_int_equal(mode_of(store), 0700);
    rmdir(store);
}

int main(void)
{
#define CASE(name)  cmocka_unit_test_setup_teardown(name, setup, teardown)
#define EMPTY(name) cmocka_unit_test_setup_teardown(name, setup_empty, teardown)
    const struct CMUnitTest tests[] = {
        EMPTY(files_are_made_with_safe_modes),
        CASE(init_never_replaces),
        CASE(init_keeps_a_key_that_is_there),
        EMPTY(failed_init_leaves_nothing),
        CASE(wrong_key_is_told_from_damage),
        CASE(newer_schema_is_refused),
        CASE(damaged_file_is_refused),
        CASE(open_modes_are_refused),
        EMPTY(missing_store_says_how_to_make_it),
        CASE(replaced_store_is_noticed),
        CASE(lock_is_waited_for_until_the_deadline),
        CASE(operator_functions_say_what_is),
        CASE(bad_names_are_refused),
        CASE(app_that_ignores_parameters_is_recognised),
        EMPTY(root_gives_everything_to_the_owner),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
