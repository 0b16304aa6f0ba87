/*
 * attempt_fixture.h - what the two tests of mfa_attempt share; on top of engine_fixture.h, with cmocka.
 */
#ifndef PGSIGNET_ATTEMPT_FIXTURE_H
#define PGSIGNET_ATTEMPT_FIXTURE_H

#include "tests/unit/engine_fixture.h"

#define HOME "192.0.2.1"
#define EVIL "198.51.100.7"

extern const struct settings_token usual; /* SHA1, 6 digits, 30 s */

/* For cmocka_unit_test_setup_teardown: *state is an open struct fixture. */
int attempt_setup(void **state);
int attempt_teardown(void **state);

/* "pw" and the code of the given time; valid until the next call. */
const char *typed(const struct settings_token *parameters, const struct secret *secret,
                  int64_t at_s);

#define ASSERT_REASON(got, want) attempt_expect(got, want, __LINE__)
void attempt_expect(enum reason got, enum reason want, int line);

#endif
