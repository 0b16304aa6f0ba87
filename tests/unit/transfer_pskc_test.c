/* PSKC, plain and encrypted, of others and our own; nothing that was tampered with is taken. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mfa/transfer.h"
#include "mfa/transfer_write.h"

#define SAMPLES SOURCE_DIR "/tests/samples/transfer/"
#define RFC_KEY "12345678901234567890"

static const struct bytes psk = {(const uint8_t *)"1234567890123456", 16};
static const struct bytes password = {(const uint8_t *)"correct horse", 13};

static char *load(const char *name)
{
    char path[512], *text = calloc(1, 65536);

    assert_non_null(text);
    snprintf(path, sizeof path, "%s%s", SAMPLES, name);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_true(fread(text, 1, 65535, file) > 0);
    fclose(file);
    return text;
}

static struct transfer from_text(const char *text, struct bytes key, struct bytes secret)
{
    struct transfer out = {0};
    const struct transfer_input input = {.text = bytes_str(text), .key = key, .password = secret};

    transfer_read(TRANSFER_PSKC, &input, &out);
    return out;
}

static bool says(const struct transfer *out, enum transfer_weight weight, const char *part)
{
    for (size_t i = 0; i < out->n_notes; i++)
        if (out->notes[i].weight == weight && strstr(out->notes[i].text, part) != NULL)
            return true;
    for (size_t i = 0; i < out->n_notes; i++)
        print_message("note: %zu %d %s\n", out->notes[i].line, (int)out->notes[i].weight,
                      out->notes[i].text);
    return false;
}

static void refused(const char *text, const char *part)
{
    struct transfer out = from_text(text, psk, password);

    assert_true(out.faults > 0);
    assert_true(says(&out, TRANSFER_FAULT, part));
    transfer_free(&out);
}

/* The three keys of each sample. */
static void is_the_batch(struct transfer *out)
{
    if (out->faults > 0)
        says(out, TRANSFER_LOST, "-");
    assert_int_equal(out->faults, 0);
    assert_int_equal(out->n, 3);
    const struct transfer_token *t = out->tokens;
    assert_string_equal(t[0].name, "HW-1");
    assert_true(bytes_equal(bytes_of(t[0].user, t[0].user_len), bytes_str("alice")));
    assert_true(t[0].kind == TOKEN_HOTP && t[0].counter == 42 && t[0].digits == 6);
    assert_true(bytes_equal(secret_bytes(&t[0].secret), bytes_str(RFC_KEY)));
    assert_string_equal(t[0].issuer, "Example");
    assert_true(t[1].kind == TOKEN_TOTP && t[1].period == 30 && t[1].digits == 8);
    assert_true(bytes_equal(secret_bytes(&t[1].secret), bytes_str(RFC_KEY)));
    assert_true(t[2].kind == TOKEN_TOTP && t[2].period == 60 && t[2].user_len == 0);
    assert_int_equal(t[2].secret.len, 32);
    assert_true(t[2].line > t[1].line && t[1].line > t[0].line);
    transfer_map(out, bytes_str("HW-3,carol\n"));
    transfer_finish(out);
    assert_int_equal(out->faults, 0);
    transfer_free(out);
}

static void files_of_others_are_read(void **state)
{
    const struct bytes none = {0};
    char *text = load("plain.pskcxml");
    struct transfer out = from_text(text, none, none);

    (void)state;
    is_the_batch(&out);
    free(text);
    text = load("key.pskcxml");
    out = from_text(text, psk, none);
    is_the_batch(&out);
    out = from_text(text, none, none);
    assert_true(says(&out, TRANSFER_FAULT, "--key-file"));
    assert_int_equal(out.n, 0);
    transfer_free(&out);
    free(text);
    text = load("password.pskcxml");
    out = from_text(text, none, password);
    is_the_batch(&out);
    out = from_text(text, none, none);
    assert_true(says(&out, TRANSFER_FAULT, "--password-file"));
    transfer_free(&out);
    out = from_text(text, none, bytes_str("incorrect horse"));
    assert_true(out.faults > 0);
    assert_int_equal(out.n, 0);
    transfer_free(&out);
    free(text);
}

/* In place, as many bytes for as many. */
static void change(char *text, const char *from, const char *to)
{
    char *at = strstr(text, from);

    assert_non_null(at);
    assert_int_equal(strlen(from), strlen(to));
    memcpy(at, to, strlen(to));
}

static void a_changed_file_is_refused(void **state)
{
    char *text = load("key.pskcxml");

    (void)state;
    char *value = strstr(strstr(text, "<pskc:Secret>"), "CipherValue>") + 12;
    *value = *value == 'A' ? 'B' : 'A';
    refused(text, "MAC is wrong");
    free(text);

    text = load("key.pskcxml");
    change(text, "<pskc:ValueMAC>", "<pskc:ValueMAX>");
    change(text, "</pskc:ValueMAC>", "</pskc:ValueMAX>");
    refused(text, "has no MAC");
    free(text);

    text = load("key.pskcxml");
    change(text, "hmac-sha1", "hmac-none");
    refused(text, "MAC algorithm");
    free(text);

    text = load("key.pskcxml");
    change(text, "<pskc:EncryptionKey/>", "<pskc:EncryptionXey/>");
    refused(text, "no EncryptionKey");
    free(text);

    text = load("password.pskcxml");
    change(text, "100000", "-10000");
    refused(text, "PBKDF2");
    change(text, "-10000</", "999999</");
    change(text, ">16</", ">99</");
    refused(text, "PBKDF2");
    free(text);
}

#define HEAD "<KeyContainer Version='1.0' xmlns='urn:ietf:params:xml:ns:keyprov:pskc'><KeyPackage>"
#define KEY                                                                                        \
    "<Key Id='a' Algorithm='urn:ietf:params:xml:ns:keyprov:pskc:totp'><AlgorithmParameters>"       \
    "<ResponseFormat Length='6' Encoding='DECIMAL'/></AlgorithmParameters><Data><Secret>"          \
    "<PlainValue>MTIzNDU2Nzg5MDEyMzQ1Njc4OTA=</PlainValue></Secret>"
#define TAIL "</Data></Key></KeyPackage></KeyContainer>"

static void hostile_xml_is_refused(void **state)
{
    (void)state;
    refused("", "XML");
    refused("{}", "XML");
    refused("<a/>", "KeyContainer");
    refused(HEAD KEY, "XML");
    refused("<!DOCTYPE KeyContainer [<!ENTITY x SYSTEM 'file:///etc/passwd'>]>" HEAD KEY
            "<Counter><PlainValue>&x;</PlainValue></Counter>" TAIL,
            "document type");
    refused("<!DOCTYPE a [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;&a;'>]><a>&b;</a>",
            "document type");
}

static void what_ours_would_do_otherwise_is_refused_or_said(void **state)
{
    struct transfer out = from_text(
        HEAD KEY "<TimeDrift><PlainValue>4</PlainValue></TimeDrift></Data><Policy><KeyUsage>OTP"
                 "</KeyUsage></Policy></Key><Key Id='p' Algorithm='urn:ietf:params:xml:ns:"
                 "keyprov:pskc:pin'><Data>" TAIL,
        psk, password);

    (void)state;
    assert_int_equal(out.faults, 0);
    assert_int_equal(out.n, 1);
    assert_true(says(&out, TRANSFER_LOST, "TimeDrift"));
    assert_true(says(&out, TRANSFER_LOST, "Policy"));
    assert_true(says(&out, TRANSFER_LOST, "neither for HOTP nor for TOTP"));
    transfer_free(&out);

    refused(HEAD KEY "<Time><PlainValue>1000</PlainValue></Time>" TAIL, "1970");
    refused(HEAD KEY "<TimeInterval><PlainValue>1</PlainValue></TimeInterval>" TAIL, "1 seconds");
    refused(HEAD "<Key Algorithm='hotp'><Data><Secret><PlainValue>MTIzNDU2Nzg5MDEyMzQ1Njc4OTA="
                 "</PlainValue></Secret>" TAIL,
            "no Counter");
    refused(HEAD "<Key Algorithm='totp'><AlgorithmParameters><ResponseFormat Length='6' "
                 "Encoding='ALPHANUMERIC'/></AlgorithmParameters><Data><Secret><PlainValue>"
                 "MTIzNDU2Nzg5MDEyMzQ1Njc4OTA=</PlainValue></Secret>" TAIL,
            "decimal");
    refused(HEAD "<Key Algorithm='totp'><AlgorithmParameters><ResponseFormat Length='6' "
                 "CheckDigits='true'/></AlgorithmParameters><Data><Secret><PlainValue>"
                 "MTIzNDU2Nzg5MDEyMzQ1Njc4OTA=</PlainValue></Secret>" TAIL,
            "check digit");
    refused(HEAD "<Key Algorithm='totp'><Data>" TAIL, "no Secret");
}

/* --- our own files --- */

static struct transfer_token sample(enum token_kind kind, const char *user, uint8_t *name)
{
    struct transfer_token token = {.kind = kind,
                                   .digits = 8,
                                   .period = 60,
                                   .counter = 3,
                                   .algorithm = ALGORITHM_SHA256,
                                   .name = "my <phone> ",
                                   .user = name,
                                   .user_len = strlen(user)};

    memcpy(name, user, strlen(user));
    assert_true(secret_copy(&token.secret, bytes_str(RFC_KEY)));
    return token;
}

static char *written(enum transfer_format format, struct bytes key, struct bytes secret,
                     const struct transfer_token *tokens, size_t n)
{
    char *text = NULL;
    size_t len = 0;
    struct transfer_writer writer = {
        .format = format, .issuer = bytes_str("R&D"), .key = key, .password = secret};

    writer.stream = open_memstream(&text, &len);
    assert_non_null(writer.stream);
    assert_null(transfer_write_start(&writer));
    for (size_t i = 0; i < n; i++)
        assert_null(transfer_write_token(&writer, &tokens[i]));
    assert_null(transfer_write_end(&writer));
    transfer_write_free(&writer);
    fclose(writer.stream);
    return text;
}

static void what_is_written_is_read_back(void **state)
{
    static const struct {
        enum transfer_format format;
        bool key, password;
    } ways[] = {
        {TRANSFER_PSKC, false, false},
        {TRANSFER_PSKC, true, false},
        {TRANSFER_PSKC, false, true},
        {TRANSFER_OTPAUTH, false, false},
    };
    uint8_t names[2][64];
    struct transfer_token tokens[2] = {sample(TOKEN_TOTP, " o'neil & \xc3\xa9ve", names[0]),
                                       sample(TOKEN_HOTP, "bob:x", names[1])};

    (void)state;
    for (size_t w = 0; w < sizeof ways / sizeof ways[0]; w++) {
        bool pskc = ways[w].format == TRANSFER_PSKC;
        struct bytes key = ways[w].key ? psk : bytes_of(NULL, 0);
        struct bytes secret = ways[w].password ? password : bytes_of(NULL, 0);
        char *text = written(ways[w].format, key, secret, tokens, 2);
        bool open = strstr(text, "MTIzNDU2Nzg5MDEyMzQ1Njc4OTA") != NULL;
        struct transfer out = {0};
        const struct transfer_input input = {
            .text = bytes_str(text), .key = key, .password = secret};
        transfer_read(ways[w].format, &input, &out);
        assert_int_equal(out.faults, 0);
        assert_int_equal(out.n, 2);
        assert_int_equal(open, pskc && key.len == 0 && secret.len == 0);
        for (size_t i = 0; i < 2; i++) {
            const struct transfer_token *a = &tokens[i], *b = &out.tokens[i];
            assert_true(a->kind == b->kind && a->digits == b->digits &&
                        a->algorithm == b->algorithm);
            assert_true(a->kind == TOKEN_HOTP ? b->counter == 3 : b->period == 60);
            assert_true(bytes_equal(secret_bytes(&a->secret), secret_bytes(&b->secret)));
            assert_string_equal(b->issuer, "R&D");
            assert_string_equal(b->name, pskc ? "my <phone> " : "");
            if (pskc || i == 1)
                assert_true(
                    bytes_equal(bytes_of(a->user, a->user_len), bytes_of(b->user, b->user_len)));
        }
        transfer_free(&out);
        free(text);
    }
    secret_free(&tokens[0].secret);
    secret_free(&tokens[1].secret);
}

static void a_name_that_xml_cannot_say_is_refused(void **state)
{
    uint8_t name[64];
    char *text = NULL;
    size_t len = 0;
    struct transfer_token token = sample(TOKEN_TOTP, "a\x01", name);
    struct transfer_writer writer = {.format = TRANSFER_PSKC, .issuer = bytes_str("x")};

    (void)state;
    writer.stream = open_memstream(&text, &len);
    assert_null(transfer_write_start(&writer));
    assert_non_null(transfer_write_token(&writer, &token));
    name[1] = 0xff;
    assert_non_null(transfer_write_token(&writer, &token));
    fclose(writer.stream);
    free(text);
    secret_free(&token.secret);
    transfer_write_free(&writer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_of_others_are_read),
        cmocka_unit_test(a_changed_file_is_refused),
        cmocka_unit_test(hostile_xml_is_refused),
        cmocka_unit_test(what_ours_would_do_otherwise_is_refused_or_said),
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(a_name_that_xml_cannot_say_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
