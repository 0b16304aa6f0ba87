/* Files of other programs become tokens or faults, and what does not come along is said by line. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "mfa/csv.h"
#include "mfa/transfer.h"

#define SAMPLES  SOURCE_DIR "/tests/samples/transfer/"
#define RFC_KEY  "12345678901234567890"
#define RFC_HEX  "3132333435363738393031323334353637383930"
#define RFC_BASE "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"

/* Reads a text; what is expected follows by the checks below. */
static struct transfer from_text(enum transfer_format format, const char *text,
                                 const struct transfer_input *more)
{
    struct transfer out = {0};
    struct transfer_input input = more != NULL ? *more : (struct transfer_input){0};

    input.text = bytes_str(text);
    transfer_read(format, &input, &out);
    transfer_finish(&out);
    return out;
}

static struct transfer from_sample(enum transfer_format format, const char *name,
                                   const struct transfer_input *more)
{
    static char text[65536];
    char path[512];

    snprintf(path, sizeof path, "%s%s", SAMPLES, name);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t len = fread(text, 1, sizeof text - 1, file);
    text[len] = '\0';
    fclose(file);
    return from_text(format, text, more);
}

static bool says(const struct transfer *out, enum transfer_weight weight, size_t line,
                 const char *part)
{
    for (size_t i = 0; i < out->n_notes; i++)
        if (out->notes[i].weight == weight && out->notes[i].line == line &&
            strstr(out->notes[i].text, part) != NULL)
            return true;
    for (size_t i = 0; i < out->n_notes; i++)
        print_message("note: %zu %d %s\n", out->notes[i].line, (int)out->notes[i].weight,
                      out->notes[i].text);
    return false;
}

static void is_token(const struct transfer *out, size_t i, const char *user, const char *name,
                     enum token_kind kind, unsigned digits, unsigned period, int64_t counter)
{
    assert_true(i < out->n);
    const struct transfer_token *token = &out->tokens[i];
    assert_true(bytes_equal(bytes_of(token->user, token->user_len), bytes_str(user)));
    assert_string_equal(token->name, name);
    assert_int_equal(token->kind, kind);
    assert_int_equal(token->digits, digits);
    if (kind == TOKEN_TOTP)
        assert_int_equal(token->period, period);
    assert_int_equal(token->counter, counter);
}

static void has_rfc_key(const struct transfer *out, size_t i)
{
    assert_true(bytes_equal(secret_bytes(&out->tokens[i].secret), bytes_str(RFC_KEY)));
}

/* One fault is enough for everything to be refused; it names the line and the reason. */
static void refused(enum transfer_format format, const char *text, size_t line, const char *part)
{
    const struct transfer_input none = {0};
    struct transfer out = from_text(format, text, &none);

    if (out.faults == 0)
        print_message("taken: %s\n", text);
    assert_true(out.faults > 0);
    assert_true(says(&out, TRANSFER_FAULT, line, part));
    transfer_free(&out);
}

/* --- google-authenticator --- */

static void google_files_of_the_real_program_are_read(void **state)
{
    const struct transfer_input bob = {.user = bytes_str("bob")};

    (void)state;
    struct transfer out = from_sample(TRANSFER_GOOGLE, "google-totp", &bob);
    assert_int_equal(out.faults, 0);
    assert_int_equal(out.n, 1);
    is_token(&out, 0, "bob", "default", TOKEN_TOTP, 6, 30, 0);
    assert_int_equal(out.tokens[0].secret.len, 16);
    assert_true(says(&out, TRANSFER_LOST, 2, "RATE_LIMIT"));
    for (size_t line = 6; line <= 10; line++)
        assert_true(says(&out, TRANSFER_LOST, line, "emergency code"));
    assert_int_equal(out.n_notes, 6);
    transfer_free(&out);

    out = from_sample(TRANSFER_GOOGLE, "google-hotp", &bob);
    assert_int_equal(out.faults, 0);
    is_token(&out, 0, "bob", "default", TOKEN_HOTP, 6, 0, 1);
    transfer_free(&out);

    out = from_sample(TRANSFER_GOOGLE, "google-step", &bob);
    assert_int_equal(out.faults, 0);
    is_token(&out, 0, "bob", "default", TOKEN_TOTP, 6, 60, 0);
    assert_true(says(&out, TRANSFER_LOST, 2, "WINDOW_SIZE"));
    transfer_free(&out);
}

static void google_files_that_are_none_are_refused(void **state)
{
    (void)state;
    refused(TRANSFER_GOOGLE, "", 0, "empty");
    refused(TRANSFER_GOOGLE, "not base 32!\n\" TOTP_AUTH\n", 1, "base32");
    refused(TRANSFER_GOOGLE, RFC_BASE "\n", 1, "neither");
    refused(TRANSFER_GOOGLE, RFC_BASE "\n\" TOTP_AUTH\n\" HOTP_COUNTER 1\n", 1, "both");
    refused(TRANSFER_GOOGLE, RFC_BASE "\n\" HOTP_COUNTER x\n", 2, "HOTP_COUNTER");
    refused(TRANSFER_GOOGLE, RFC_BASE "\n\" TOTP_AUTH\nabc\n", 3, "neither an option");
    refused(TRANSFER_GOOGLE, RFC_BASE "\n\" TOTP_AUTH\n\" STEP_SIZE 5\n", 1, "5 seconds");
    refused(TRANSFER_GOOGLE, RFC_BASE "\n\" TOTP_AUTH\n", 1, "whose token");
    refused(TRANSFER_GOOGLE, "AAAA\n\" TOTP_AUTH\n", 1, "bytes");
}

/* --- oath --- */

static void users_files_are_read_as_liboath_keeps_them(void **state)
{
    (void)state;
    struct transfer out = from_sample(TRANSFER_OATH, "users.oath", NULL);
    assert_int_equal(out.faults, 0);
    assert_int_equal(out.n, 2);
    /* code 2 was the last: oath_authenticate_usersfile takes 3 next */
    is_token(&out, 0, "bob", "default", TOKEN_HOTP, 6, 0, 3);
    is_token(&out, 1, "eve", "default", TOKEN_TOTP, 8, 30, 1);
    has_rfc_key(&out, 0);
    transfer_free(&out);

    out = from_text(TRANSFER_OATH,
                    "# a comment\n\nHOTP/E/8\tann\t-\t" RFC_HEX "\r\n"
                    "HOTP ann 1234 " RFC_HEX " 5\nHOTP/T60 cid + " RFC_HEX,
                    NULL);
    assert_int_equal(out.faults, 0);
    assert_int_equal(out.n, 3);
    is_token(&out, 0, "ann", "default", TOKEN_HOTP, 8, 0, 0);
    is_token(&out, 1, "ann", "default-2", TOKEN_HOTP, 6, 0, 5);
    is_token(&out, 2, "cid", "default", TOKEN_TOTP, 6, 60, 0);
    assert_true(says(&out, TRANSFER_LOST, 4, "PIN"));
    assert_true(says(&out, TRANSFER_LOST, 5, "PIN"));
    assert_int_equal(out.n_notes, 2);
    transfer_free(&out);
}

static void users_files_with_faults_are_refused_whole(void **state)
{
    (void)state;
    refused(TRANSFER_OATH, "HOTP a - " RFC_HEX "\nMOTP b - " RFC_HEX "\n", 2, "type");
    refused(TRANSFER_OATH, "HOTP/E/9 a - " RFC_HEX "\n", 1, "type");
    refused(TRANSFER_OATH, "HOTP/ a - " RFC_HEX "\n", 1, "type");
    refused(TRANSFER_OATH, "HOTP a -\n", 1, "due");
    refused(TRANSFER_OATH, "HOTP a - 3132x\n", 1, "hexadecimal");
    refused(TRANSFER_OATH, "HOTP a - " RFC_HEX " -1\n", 1, "counter");
    refused(TRANSFER_OATH, "HOTP a - " RFC_HEX " 99999999999999999999\n", 1, "counter");
    refused(TRANSFER_OATH, "# nothing\n", 0, "no token");
}

/* --- otpauth --- */

static void uris_are_read(void **state)
{
    (void)state;
    struct transfer out =
        from_text(TRANSFER_OTPAUTH,
                  "otpauth://totp/Post%20gres:al%3Aice?secret=" RFC_BASE
                  "&issuer=Other%20One&algorithm=sha256&digits=8&period=60&image=http%3a%2f%2fx\n"
                  "otpauth://hotp/bob?secret=gezd%20gnbv-gy3tqojqgezdgnbvgy3tqojq&counter=9  \r\n"
                  "OTPAUTH://TOTP/Corp%3a%20%C3%A9ve?secret=MZXW6YTBOJTG633CMFZA%3D%3D%3d%3D#x\n",
                  NULL);
    assert_int_equal(out.faults, 0);
    assert_int_equal(out.n, 3);
    is_token(&out, 0, "al:ice", "default", TOKEN_TOTP, 8, 60, 0);
    assert_string_equal(out.tokens[0].issuer, "Other One");
    assert_int_equal(out.tokens[0].algorithm, ALGORITHM_SHA256);
    has_rfc_key(&out, 0);
    is_token(&out, 1, "bob", "default", TOKEN_HOTP, 6, 0, 9);
    has_rfc_key(&out, 1);
    is_token(&out, 2, "\xc3\xa9ve", "default", TOKEN_TOTP, 6, 30, 0);
    assert_string_equal(out.tokens[2].issuer, "Corp");
    assert_true(says(&out, TRANSFER_LOST, 1, "image"));
    assert_true(says(&out, TRANSFER_LOST, 3, "blank"));
    transfer_free(&out);
}

static void uris_that_are_none_are_refused(void **state)
{
    static const struct {
        const char *uri, *why;
    } rows[] = {
        {"http://example.org/", "otpauth://"},
        {"otpauth://motp/a?secret=" RFC_BASE, "otpauth://"},
        {"otpauth://totp/a", "no secret"},
        {"otpauth://totp/a?secret=01", "base32"},
        {"otpauth://totp/a?secret=" RFC_BASE "&secret=" RFC_BASE, "twice"},
        {"otpauth://totp/a%0?secret=" RFC_BASE, "label"},
        {"otpauth://totp/a%zz?secret=" RFC_BASE, "label"},
        {"otpauth://totp/a%00b?secret=" RFC_BASE, "NUL"},
        {"otpauth://totp/a?issuer=%4&secret=" RFC_BASE, "'%'"},
        {"otpauth://totp/a?digits=9&secret=" RFC_BASE, "9 digits"},
        {"otpauth://totp/a?digits=&secret=" RFC_BASE, "digits"},
        {"otpauth://totp/a?period=3&secret=" RFC_BASE, "3 seconds"},
        {"otpauth://totp/a?algorithm=MD5&secret=" RFC_BASE, "algorithm"},
        {"otpauth://hotp/a?secret=" RFC_BASE, "counter"},
        {"otpauth://totp/?secret=" RFC_BASE, "whose token"},
        {"otpauth://totp/a?secret=GEZDGNBV", "5 bytes"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        refused(TRANSFER_OTPAUTH, rows[i].uri, 1, rows[i].why);
}

static void a_short_secret_is_taken_with_a_word(void **state)
{
    (void)state;
    struct transfer out =
        from_text(TRANSFER_OTPAUTH, "otpauth://totp/a?secret=GEZDGNBVGY3TQOJQ", NULL);
    assert_int_equal(out.faults, 0);
    assert_true(says(&out, TRANSFER_LOST, 1, "80 bits"));
    transfer_free(&out);
}

/* --- CSV --- */

static void csv_follows_rfc_4180(void **state)
{
    (void)state;
    struct csv csv = {.text = bytes_str("\xef\xbb\xbf"
                                        "a,\"b,\"\"c\"\"\r\nd\",\r\n\r\n\"\",e\nlast")};
    assert_int_equal(csv_next(&csv), CSV_RECORD);
    assert_int_equal(csv.n, 3);
    assert_int_equal(csv.line, 1);
    assert_true(bytes_equal(csv.fields[0], bytes_str("a")));
    assert_true(bytes_equal(csv.fields[1], bytes_str("b,\"c\"\r\nd")));
    assert_int_equal(csv.fields[2].len, 0);
    assert_int_equal(csv_next(&csv), CSV_RECORD);
    assert_int_equal(csv.line, 4);
    assert_int_equal(csv.n, 2);
    assert_int_equal(csv_next(&csv), CSV_RECORD);
    assert_int_equal(csv.n, 1);
    assert_int_equal(csv_next(&csv), CSV_END);
    csv_free(&csv);

    static const char *const bad[] = {"\"a", "\"a\"b", "a\"b", "\"a\"\"",
                                      ",,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        csv = (struct csv){.text = bytes_str(bad[i])};
        assert_int_equal(csv_next(&csv), CSV_FAULT);
        assert_int_equal(csv_next(&csv), CSV_END);
        csv_free(&csv);
    }
}

static void csv_columns_come_in_any_order(void **state)
{
    (void)state;
    struct transfer out = from_text(
        TRANSFER_CSV,
        "Secret,encoding,USER,name,type,counter,shoe size,digits,period,algorithm,issuer\n" RFC_HEX
        ",hex,\"o\"\"neil\",phone,totp,,43,8,60,SHA512,Example\n" RFC_BASE ",,bob,,HOTP,17,,,,,\n",
        NULL);
    assert_int_equal(out.faults, 0);
    assert_int_equal(out.n, 2);
    is_token(&out, 0, "o\"neil", "phone", TOKEN_TOTP, 8, 60, 0);
    assert_int_equal(out.tokens[0].algorithm, ALGORITHM_SHA512);
    assert_string_equal(out.tokens[0].issuer, "Example");
    has_rfc_key(&out, 0);
    is_token(&out, 1, "bob", "default", TOKEN_HOTP, 6, 0, 17);
    has_rfc_key(&out, 1);
    assert_true(says(&out, TRANSFER_LOST, 1, "shoe size"));
    transfer_free(&out);
}

static void csv_rows_with_faults_are_refused(void **state)
{
    (void)state;
    refused(TRANSFER_CSV, "user,name\nbob,x\n", 1, "secret");
    struct transfer headless = from_text(TRANSFER_CSV, "bob," RFC_BASE "\n", NULL);
    for (size_t i = 0; i < headless.n_notes; i++)
        assert_null(strstr(headless.notes[i].text, RFC_BASE));
    transfer_free(&headless);
    refused(TRANSFER_CSV, "secret\n" RFC_BASE "\n", 1, "no column user");
    refused(TRANSFER_CSV, "user,user,secret\n", 1, "twice");
    refused(TRANSFER_CSV, "user,secret\nbob\n", 2, "fields");
    refused(TRANSFER_CSV, "user,secret\nbob,!\n", 2, "encoding");
    refused(TRANSFER_CSV, "user,secret,type\nbob," RFC_BASE ",motp\n", 2, "type");
    refused(TRANSFER_CSV, "user,secret,type\nbob," RFC_BASE ",hotp\n", 2, "counter");
    refused(TRANSFER_CSV, "user,secret,digits\nbob," RFC_BASE ",6x\n", 2, "digits");
    refused(TRANSFER_CSV, "user,secret\nbob,\"" RFC_BASE "\n", 2, "does not end");
    refused(TRANSFER_CSV,
            "user,secret,name\nbob," RFC_BASE ",x\neve," RFC_BASE ",x\nbob," RFC_BASE ",x\n", 4,
            "on line 2 already");
    refused(TRANSFER_CSV,
            "user,secret\nb," RFC_BASE "\nb," RFC_BASE "\nb," RFC_BASE "\nb," RFC_BASE
            "\nb," RFC_BASE "\nb," RFC_BASE "\nb," RFC_BASE "\nb," RFC_BASE "\nb," RFC_BASE "\n",
            10, "9 tokens");
}

/* --- names --- */

static void a_given_name_is_not_given_twice(void **state)
{
    (void)state;
    struct transfer out = from_text(
        TRANSFER_CSV,
        "user,secret,name\nb," RFC_BASE ",\nb," RFC_BASE ",default\nb," RFC_BASE ",\n", NULL);
    assert_int_equal(out.faults, 0);
    assert_string_equal(out.tokens[0].name, "default-2");
    assert_string_equal(out.tokens[1].name, "default");
    assert_string_equal(out.tokens[2].name, "default-3");
    transfer_free(&out);
}

static void a_map_renames_users_and_names_serials(void **state)
{
    struct transfer out = {0};
    const struct transfer_input input = {
        .text = bytes_str("user,secret,name\nuid=b," RFC_BASE ",\n,\"" RFC_BASE "\",HW-7\n")};

    (void)state;
    transfer_read(TRANSFER_CSV, &input, &out);
    transfer_map(&out, bytes_str("HW-7,carol\nuid=b,bob\nnobody,x\n"));
    transfer_finish(&out);
    assert_int_equal(out.faults, 0);
    is_token(&out, 0, "bob", "default", TOKEN_TOTP, 6, 30, 0);
    is_token(&out, 1, "carol", "HW-7", TOKEN_TOTP, 6, 30, 0);
    assert_true(says(&out, TRANSFER_LOST, 0, "line 3 of the map"));
    transfer_map(&out, bytes_str("a,b\na,c\n"));
    assert_true(says(&out, TRANSFER_FAULT, 0, "lines 1 and 2"));
    transfer_map(&out, bytes_str("a\n"));
    assert_true(says(&out, TRANSFER_FAULT, 0, "OLD,NEW"));
    transfer_free(&out);
}

static void notes_do_not_speak_to_the_terminal(void **state)
{
    (void)state;
    struct transfer out =
        from_text(TRANSFER_OTPAUTH, "otpauth://totp/a?\x1b[31m=1&secret=" RFC_BASE, NULL);
    assert_int_equal(out.n_notes, 1);
    assert_null(strchr(out.notes[0].text, '\x1b'));
    transfer_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(google_files_of_the_real_program_are_read),
        cmocka_unit_test(google_files_that_are_none_are_refused),
        cmocka_unit_test(users_files_are_read_as_liboath_keeps_them),
        cmocka_unit_test(users_files_with_faults_are_refused_whole),
        cmocka_unit_test(uris_are_read),
        cmocka_unit_test(uris_that_are_none_are_refused),
        cmocka_unit_test(a_short_secret_is_taken_with_a_word),
        cmocka_unit_test(csv_follows_rfc_4180),
        cmocka_unit_test(csv_columns_come_in_any_order),
        cmocka_unit_test(csv_rows_with_faults_are_refused),
        cmocka_unit_test(a_given_name_is_not_given_twice),
        cmocka_unit_test(a_map_renames_users_and_names_serials),
        cmocka_unit_test(notes_do_not_speak_to_the_terminal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
