/*
 * engine_fixture.h - a real store in a folder of its own, and a clock that the test turns.
 *
 * With PGSIGNET_TEST_CONNINFO in the environment (a superuser's, without its user) the store is a schema in
 * that PostgreSQL database instead, made anew for each fixture: tests/integration/store_postgresql.sh.
 */
#ifndef PGSIGNET_ENGINE_FIXTURE_H
#define PGSIGNET_ENGINE_FIXTURE_H

#include "common/clock.h"
#include "common/secret.h"
#include "mfa/tokens.h"
#include "mfa/otp.h"
#include "mfa/verify.h"

#define NOON INT64_C(1800000000) /* a Unix time that is a multiple of 30 and of 60 */

struct fixture {
    char folder[64];
    char store[96];
    char key[96];
    struct settings settings;
    struct mfa *mfa;
    int64_t now_ms;
    int64_t boot_s;
    char why[700];
    char conninfo[256]; /* PostgreSQL: as the role that does everything; "" with SQLite */
    char owner[256];    /* ... as the superuser who makes the schema */
};

/* Is the store in PostgreSQL?  What looks into SQLite's file has nothing to see then. */
bool fixture_is_shared(const struct fixture *f);

/* A fresh folder and settings; nothing is created yet.  Fails the program if that is impossible. */
void fixture_begin(struct fixture *f);
/* ... with key and store, opened. */
void fixture_open(struct fixture *f);
void fixture_reopen(struct fixture *f);
void fixture_end(struct fixture *f); /* closes and removes everything */

/* An enrolled and confirmed token; the confirming code is that of one hour before f->now_ms. */
void fixture_enroll(struct fixture *f, const char *user, const char *name,
                    const struct settings_token *parameters, struct secret *secret);

/* The code of a secret at a Unix time. */
void fixture_code(const struct settings_token *parameters, const struct secret *secret,
                  int64_t at_s, char out[OTP_DIGITS_MAX + 1]);

/* One attempt with code due, password then code, at f->now_ms. */
enum reason fixture_attempt(struct fixture *f, const char *user, const char *address,
                            const char *text, struct mfa_outcome *outcome);

/* The first column of the first row of a statement, on a connection of its own; -1 on error. */
int64_t fixture_sql(struct fixture *f, const char *sql);

int64_t fixture_deadline(void); /* far enough */

#endif
