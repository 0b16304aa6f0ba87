/* Proves the split rule: one string into password and code. */
#include "config.h"

#include "mfa/split.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct {
    const char *text;
    size_t len;
    enum split_order order;
    unsigned digits;
    const char *code; /* NULL = there is none */
    size_t offset;
    size_t length;
} rows[] = {
    {"secret123456",               12, SPLIT_PASSWORD_CODE, 6, "123456",   0, 6 },
    {"secret123456",               12, SPLIT_PASSWORD_CODE, 8, NULL,       0, 12},
    {"secret12345678",             14, SPLIT_PASSWORD_CODE, 8, "12345678", 0, 6 },
    {"secret12345678",             14, SPLIT_PASSWORD_CODE, 6, "345678",   0, 8 },
    {"123456",                     6,  SPLIT_PASSWORD_CODE, 6, "123456",   0, 0 },
    {"12345",                      5,  SPLIT_PASSWORD_CODE, 6, NULL,       0, 5 },
    {"",                           0,  SPLIT_PASSWORD_CODE, 6, NULL,       0, 0 },
    {"secret12345 ",               12, SPLIT_PASSWORD_CODE, 6, NULL,       0, 12},
    {"secret123456\n",             13, SPLIT_PASSWORD_CODE, 6, NULL,       0, 13},
    {"secret12345/",               12, SPLIT_PASSWORD_CODE, 6, NULL,       0, 12},
    {"secret12345:",               12, SPLIT_PASSWORD_CODE, 6, NULL,       0, 12},
    {"a\0b123456",                 9,  SPLIT_PASSWORD_CODE, 6, "123456",   0, 3 },
    {"pw\xd9\xa1\xd9\xa2\xd9\xa3", 8,  SPLIT_PASSWORD_CODE, 6, NULL,       0, 8 }, /* Arabic digits */
    {"123456secret",               12, SPLIT_CODE_PASSWORD, 6, "123456",   6, 6 },
    {"123456",                     6,  SPLIT_CODE_PASSWORD, 6, "123456",   6, 0 },
    {"secret123456",               12, SPLIT_CODE_PASSWORD, 6, NULL,       0, 12},
    {"123456",                     6,  SPLIT_CODE_ONLY,     6, "123456",   0, 0 },
    {"1234567",                    7,  SPLIT_CODE_ONLY,     6, NULL,       0, 7 },
    {"a123456",                    7,  SPLIT_CODE_ONLY,     6, NULL,       0, 7 },
    {"12345a",                     6,  SPLIT_CODE_ONLY,     6, NULL,       0, 6 },
    {"123456",                     6,  SPLIT_CODE_ONLY,     0, NULL,       0, 6 },
};

static void every_row_splits_as_written(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct split split;
        struct bytes text = bytes_of(rows[i].text, rows[i].len);
        bool found = split_secret(text, rows[i].order, rows[i].digits, &split);
        if (found != (rows[i].code != NULL) || split.password_offset != rows[i].offset ||
            split.password_length != rows[i].length ||
            !bytes_equal(split.code, bytes_str(rows[i].code)))
            fail_msg("row %zu: \"%s\"", i, rows[i].text);
    }
}

static void nothing_at_all_has_no_code(void **state)
{
    struct split split;

    (void)state;
    assert_false(split_secret(bytes_of(NULL, 0), SPLIT_PASSWORD_CODE, 6, &split));
    assert_false(split_secret(bytes_of(NULL, 0), SPLIT_CODE_ONLY, 0, &split));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_splits_as_written),
        cmocka_unit_test(nothing_at_all_has_no_code),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
