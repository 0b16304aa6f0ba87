#include "config.h"

#include "tests/unit/attempt_fixture.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

const struct settings_token usual = {NULL, ALGORITHM_SHA1, 6, 30, 1, 10};

int attempt_setup(void **state)
{
    static struct fixture f;

    fixture_open(&f);
    *state = &f;
    return 0;
}

int attempt_teardown(void **state)
{
    fixture_end(*state);
    return 0;
}

const char *typed(const struct settings_token *parameters, const struct secret *secret,
                  int64_t at_s)
{
    static char text[16];

    memcpy(text, "pw", 2);
    fixture_code(parameters, secret, at_s, text + 2);
    return text;
}

void attempt_expect(enum reason got, enum reason want, int line)
{
    if (got != want)
        fail_msg("line %d: %s, not %s", line, reason_name(got), reason_name(want));
}
