#include "config.h"

#include "tests/unit/engine_fixture.h"

#include <ctype.h>
#include <libpq-fe.h>
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

bool fixture_is_shared(const struct fixture *f)
{
    return f->conninfo[0] != '\0';
}

/* The first column of the first row, or how many rows changed; -1 on error. */
static int64_t run_shared(const struct fixture *f, const char *sql)
{
    PGconn *pg = PQconnectdb(f->owner);
    int64_t value = -1;

    PQclear(PQexec(pg, "SET client_min_messages = error; SET search_path = pgsignet_mfa"));
    PGresult *result = PQexec(pg, sql);
    if (PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) > 0)
        value = strtoll(PQgetvalue(result, 0, 0), NULL, 10);
    else if (PQresultStatus(result) == PGRES_COMMAND_OK)
        value = strtoll(PQcmdTuples(result), NULL, 10);
    else
        fprintf(stderr, "fixture: %s: %s", sql, PQerrorMessage(pg));
    PQclear(result);
    PQfinish(pg);
    return value;
}

static void begin_shared(struct fixture *f, const char *base)
{
    snprintf(f->conninfo, sizeof f->conninfo, "%s user=pgsignet_admin", base);
    snprintf(f->owner, sizeof f->owner, "%s user=postgres", base);
    f->settings.store.engine = STORE_ENGINE_POSTGRESQL;
    f->settings.store.conninfo = f->conninfo;
    f->settings.store.admin_conninfo = f->owner;
    f->settings.store.timeout = 20;
    f->settings.store.retry_after = 1;
    /* Sessions of a fixture that was killed may still be at work on it. */
    need(run_shared(
             f,
             "SELECT count(pg_terminate_backend(pid, 20000)) FROM pg_stat_activity WHERE usename "
             "IN ('pgsignet_store', 'pgsignet_admin')") >= 0,
         "end the sessions of an earlier fixture", "");
    need(run_shared(f, "DROP SCHEMA IF EXISTS pgsignet_mfa CASCADE") >= 0, "drop the schema", "");
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
    f->settings.token = (struct settings_token){NULL, ALGORITHM_SHA1, 6, 30, 1, 10};
    f->settings.throttle = (struct settings_throttle){.after = 3,
                                                      .first = 1,
                                                      .longest = 900,
                                                      .cap = 100,
                                                      .recent = INT64_C(30) * 86400,
                                                      .ipv4_prefix = 32,
                                                      .ipv6_prefix = 64};
    if (getenv("PGSIGNET_TEST_CONNINFO") != NULL)
        begin_shared(f, getenv("PGSIGNET_TEST_CONNINFO"));
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
    static const char *const endings[] = {"", "-wal", "-shm", "-witness"};
    char path[128];

    mfa_close(f->mfa);
    f->mfa = NULL;
    for (size_t i = 0; i < 4; i++) {
        snprintf(path, sizeof path, "%s%s", f->store, endings[i]);
        unlink(path);
    }
    unlink(f->key);
    need(rmdir(f->folder) == 0, "something was left behind in", f->folder);
    free(f->settings.daemon.user);
}

void fixture_code(const struct settings_token *parameters, const struct secret *secret,
                  int64_t at_s, char out[OTP_DIGITS_MAX + 1])
{
    struct otp otp = {(enum settings_algorithm)parameters->algorithm, (unsigned)parameters->digits};

    need(otp_code(&otp, secret_bytes(secret), totp_step(at_s, (unsigned)parameters->period), out),
         "code", "");
}

void fixture_enroll(struct fixture *f, const char *user, const char *name,
                    const struct settings_token *parameters, struct secret *secret)
{
    struct token_info info;
    char code[OTP_DIGITS_MAX + 1];
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

/*
 * From SQLite's words to PostgreSQL's: user is a table where a name is expected, and the column user_id
 * where a value is; bytes are BYTEA.
 */
static void translate(const char *sql, char *out, size_t size)
{
    size_t n = 0;

    for (const char *p = sql; *p != '\0' && n + 16 < size;) {
        const char *word = p;
        while (isalnum((unsigned char)*p) || *p == '_')
            p++;
        size_t len = (size_t)(p - word);
        bool value = (word > sql && word[-1] == '.') || strncmp(p, " =", 2) == 0;
        if (len == 0)
            out[n++] = *p++;
        else if (len == 4 && memcmp(word, "user", 4) == 0)
            n += (size_t)snprintf(out + n, size - n, "%s", value ? "user_id" : "\"user\"");
        else if (len == 4 && memcmp(word, "BLOB", 4) == 0)
            n += (size_t)snprintf(out + n, size - n, "BYTEA");
        else
            n += (size_t)snprintf(out + n, size - n, "%.*s", (int)len, word);
    }
    out[n] = '\0';
}

int64_t fixture_sql(struct fixture *f, const char *sql)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *statement = NULL;
    int64_t value = -1;
    char text[1024];

    if (fixture_is_shared(f)) {
        translate(sql, text, sizeof text);
        return run_shared(f, text);
    }
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
