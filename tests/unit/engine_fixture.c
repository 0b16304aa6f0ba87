#include "config.h"

#include "tests/unit/engine_fixture.h"

#include <pwd.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void need(bool ok, const char *what, const char *why)
{
    if (ok)
        return;
    fprintf(stderr, "fixture: %s: %s\n", what, why);
    abort();
}

int64_t fixture_deadline(void)
{
    return clock_mono_ms() + 20000;
}

void fixture_begin(struct fixture *f)
{
    const struct passwd *me = getpwuid(geteuid());
    const char *base = getenv("TMPDIR");

    *f = (struct fixture){.now_ms = NOON * 1000, .boot_s = NOON - 86400};
    snprintf(f->folder, sizeof f->folder, "%s/pgsignet-test-XXXXXX",
             base != NULL && strlen(base) < 30 ? base : "/tmp");
    need(mkdtemp(f->folder) != NULL && me != NULL, "mkdtemp", f->folder);
    snprintf(f->store, sizeof f->store, "%s/store.db", f->folder);
    snprintf(f->key, sizeof f->key, "%s/kek", f->folder);
    f->settings.daemon.user = strdup(me->pw_name);
    f->settings.store.path = f->store;
    f->settings.keys.path = f->key;
    f->settings.token = (struct settings_token){NULL, ALGORITHM_SHA1, 6, 30, 1};
    f->settings.throttle = (struct settings_throttle){3, 1, 900, 100, INT64_C(30) * 86400};
}

void fixture_reopen(struct fixture *f)
{
    mfa_close(f->mfa);
    need(mfa_open(&f->settings, &f->mfa, f->why, sizeof f->why) == REASON_GRANTED, "open", f->why);
}

void fixture_open(struct fixture *f)
{
    fixture_begin(f);
    need(mfa_init(&f->settings, f->why, sizeof f->why) == MFA_OK, "init", f->why);
    fixture_reopen(f);
}

void fixture_end(struct fixture *f)
{
    static const char *const endings[] = {"", "-wal", "-shm"};
    char path[128];

    mfa_close(f->mfa);
    f->mfa = NULL;
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s%s", f->store, endings[i]);
        unlink(path);
    }
    unlink(f->key);
    need(rmdir(f->folder) == 0, "something was left behind in", f->folder);
    free(f->settings.daemon.user);
}

void fixture_code(const struct settings_token *parameters, const struct secret *secret,
                  int64_t at_s, char out[TOTP_DIGITS_MAX + 1])
{
    struct totp totp = {(enum settings_algorithm)parameters->algorithm,
                        (unsigned)parameters->digits, (unsigned)parameters->period};

    need(totp_code(&totp, secret_bytes(secret), totp_step(at_s, totp.period), out), "code", "");
}

void fixture_enroll(struct fixture *f, const char *user, const char *name,
                    const struct settings_token *parameters, struct secret *secret)
{
    struct token_info info;
    char code[TOTP_DIGITS_MAX + 1];
    int64_t before_s = f->now_ms / 1000 - 3600;

    need(mfa_create(f->mfa, bytes_str(user), name, parameters, before_s, &info, secret) == MFA_OK,
         "create", mfa_error(f->mfa));
    fixture_code(parameters, secret, before_s, code);
    need(mfa_confirm(f->mfa, bytes_str(user), name, bytes_str(code), before_s, f->boot_s) == MFA_OK,
         "confirm", mfa_error(f->mfa));
}

enum reason fixture_attempt(struct fixture *f, const char *user, const char *address,
                            const char *text, struct mfa_outcome *outcome)
{
    struct mfa_outcome unused;
    struct mfa_attempt attempt = {
        .user = bytes_str(user),
        .address = bytes_str(address),
        .secret = bytes_str(text),
        .code_due = true,
        .now_ms = f->now_ms,
        .boot_s = f->boot_s,
    };

    return mfa_attempt(f->mfa, &attempt, fixture_deadline(), outcome != NULL ? outcome : &unused);
}

int64_t fixture_sql(struct fixture *f, const char *sql)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *statement = NULL;
    int64_t value = -1;

    if (sqlite3_open_v2(f->store, &db, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK &&
        sqlite3_prepare_v2(db, sql, -1, &statement, NULL) == SQLITE_OK) {
        int rc = sqlite3_step(statement);
        if (rc == SQLITE_ROW)
            value = sqlite3_column_int64(statement, 0);
        else if (rc == SQLITE_DONE)
            value = sqlite3_changes(db);
    }
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return value;
}
