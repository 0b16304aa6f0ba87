/* DER: what the reader refuses, and that the writer writes what it takes. */
#include "config.h"

#include "pki/der.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define SLICE(...) bytes_of((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))
#define NO_BYTES   bytes_of(NULL, 0)

static void elements_are_taken_one_by_one(void **state)
{
    struct bytes rest = SLICE(0x02, 0x01, 0x07, 0x05, 0x00, 0xa3, 0x81, 0x80);
    struct bytes whole = rest;
    struct der_item item;

    (void)state;
    assert_true(der_is(rest, DER_INTEGER));
    assert_false(der_next_of(&rest, DER_NULL, &item));
    assert_int_equal(rest.len, whole.len);
    assert_true(der_next_of(&rest, DER_INTEGER, &item));
    assert_true(bytes_equal(item.content, SLICE(0x07)));
    assert_true(bytes_equal(item.whole, SLICE(0x02, 0x01, 0x07)));
    assert_true(der_next(&rest, &item));
    assert_int_equal(item.tag, DER_NULL);
    assert_int_equal(item.content.len, 0);
    /* 128 bytes are announced, none is there. */
    assert_false(der_next(&rest, &item));
    assert_int_equal(rest.len, 3);
    rest = NO_BYTES;
    assert_false(der_next(&rest, &item));
    assert_false(der_is(rest, DER_NULL));
}

static void broken_elements_are_refused(void **state)
{
    static const struct {
        const char *what;
        uint8_t text[12];
        size_t len;
    } rows[] = {
        {"nothing", {0}, 0},
        {"a tag alone", {0x30}, 1},
        {"end of contents", {0x00, 0x00}, 2},
        {"a high tag number", {0x1f, 0x81, 0x00, 0x00}, 4},
        {"indefinite length", {0x30, 0x80, 0x00, 0x00}, 4},
        {"length in five octets", {0x04, 0x85, 0, 0, 0, 0, 1, 0}, 8},
        {"long form for a short length", {0x04, 0x81, 0x01, 0x00}, 4},
        {"length with a zero in front", {0x04, 0x82, 0x00, 0x81, 0x00}, 5},
        {"reserved length", {0x04, 0xff, 0x00}, 3},
        {"cut length", {0x04, 0x82, 0x01}, 3},
        {"cut content", {0x04, 0x02, 0x01}, 3},
        {"largest length", {0x04, 0x84, 0xff, 0xff, 0xff, 0xff, 0}, 7},
    };

    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct bytes rest = bytes_of(rows[i].text, rows[i].len);
        struct der_item item;

        if (der_next(&rest, &item) || der_is_whole(bytes_of(rows[i].text, rows[i].len)))
            fail_msg("%s was taken", rows[i].what);
        assert_int_equal(rest.len, rows[i].len);
    }
}

static void what_is_not_der_on_some_level_is_refused(void **state)
{
    static const struct {
        const char *what;
        bool whole;
        uint8_t text[14];
    } rows[] = {
        /* the length is in the second octet */
        {"empty sequence", true, {0x30, 0}},
        {"true", true, {0x30, 3, 0x01, 1, 0xff}},
        {"true as 1", false, {0x30, 3, 0x01, 1, 0x01}},
        {"boolean of two octets", false, {0x30, 4, 0x01, 2, 0xff, 0xff}},
        {"integer 128", true, {0x30, 4, 0x02, 2, 0x00, 0x80}},
        {"integer of no octet", false, {0x30, 2, 0x02, 0}},
        {"integer 1 with a zero in front", false, {0x30, 4, 0x02, 2, 0x00, 0x01}},
        {"integer -1 with ff in front", false, {0x30, 4, 0x02, 2, 0xff, 0xff}},
        {"integer -128 with ff in front", false, {0x30, 4, 0x02, 2, 0xff, 0x80}},
        {"enumerated in two octets", false, {0x30, 4, 0x0a, 2, 0x00, 0x01}},
        {"null with content", false, {0x30, 3, 0x05, 1, 0x00}},
        {"empty bit string", true, {0x30, 3, 0x03, 1, 0x00}},
        {"bit string without its count", false, {0x30, 2, 0x03, 0}},
        {"empty bit string with unused bits", false, {0x30, 3, 0x03, 1, 0x01}},
        {"eight unused bits", false, {0x30, 4, 0x03, 2, 0x08, 0x00}},
        {"unused bits that are set", false, {0x30, 4, 0x03, 2, 0x04, 0x88}},
        {"unused bits that are clear", true, {0x30, 4, 0x03, 2, 0x03, 0x88}},
        {"oid", true, {0x30, 5, 0x06, 3, 0x55, 0x04, 0x03}},
        {"oid of no octet", false, {0x30, 2, 0x06, 0}},
        {"oid with an empty group", false, {0x30, 5, 0x06, 3, 0x55, 0x80, 0x03}},
        {"oid that does not end", false, {0x30, 4, 0x06, 2, 0x55, 0x84}},
        {"set in order", true, {0x31, 6, 0x02, 1, 0x01, 0x02, 1, 0x02}},
        {"set with the same twice", true, {0x31, 6, 0x02, 1, 0x01, 0x02, 1, 0x01}},
        {"set out of order", false, {0x31, 6, 0x02, 1, 0x02, 0x02, 1, 0x01}},
        {"string in pieces", false, {0x30, 5, 0x24, 3, 0x04, 1, 0x61}},
        {"sequence that is primitive", false, {0x30, 2, 0x10, 0}},
        {"set that is primitive", false, {0x30, 2, 0x11, 0}},
        {"context, primitive, any content", true, {0x30, 4, 0x80, 2, 0x00, 0x01}},
        {"context, constructed, broken inside", false, {0x30, 4, 0xa0, 2, 0x04, 0x05}},
        {"octet string with anything in it", true, {0x30, 4, 0x04, 2, 0x30, 0x80}},
    };

    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
        if (der_is_whole(bytes_of(rows[i].text, 2u + rows[i].text[1])) != rows[i].whole)
            fail_msg("%s: %s", rows[i].what, rows[i].whole ? "refused" : "taken");
    assert_false(der_is_whole(SLICE(0x30, 0x00, 0x00)));
    assert_false(der_is_whole(SLICE(0x30, 0x00, 0x30, 0x00)));
}

/* A sequence in a sequence in ..., so many of them. */
static GByteArray *nested(size_t levels)
{
    GByteArray *out = g_byte_array_new();
    size_t marks[200];

    assert_true(levels < G_N_ELEMENTS(marks));
    for (size_t i = 0; i < levels; i++)
        marks[i] = der_begin(out, DER_SEQUENCE);
    for (size_t i = levels; i > 0; i--)
        der_end(out, marks[i - 1]);
    return out;
}

static void depth_has_a_limit(void **state)
{
    GByteArray *fits = nested(DER_DEPTH_MAX), *deep = nested(DER_DEPTH_MAX + 1),
               *deeper = nested(199);

    (void)state;
    assert_true(der_is_whole(bytes_of(fits->data, fits->len)));
    assert_false(der_is_whole(bytes_of(deep->data, deep->len)));
    assert_false(der_is_whole(bytes_of(deeper->data, deeper->len)));
    g_byte_array_unref(fits);
    g_byte_array_unref(deep);
    g_byte_array_unref(deeper);
}

static void serials_are_positive_minimal_and_of_20_octets(void **state)
{
    uint8_t long_one[21] = {0x01};

    (void)state;
    assert_null(der_serial_fault(SLICE(0x01)));
    assert_null(der_serial_fault(SLICE(0x00, 0x80)));
    assert_null(der_serial_fault(bytes_of(long_one, 20)));
    assert_string_equal(der_serial_fault(bytes_of(long_one, 21)), "has more than 20 octets");
    assert_string_equal(der_serial_fault(SLICE(0x00)), "is zero");
    assert_string_equal(der_serial_fault(SLICE(0x80)), "is negative");
    assert_string_equal(der_serial_fault(SLICE(0x00, 0x01)), "has more octets than it needs");
    assert_string_equal(der_serial_fault(NO_BYTES), "is empty");
}

static const char *fault_of_time(uint8_t tag, const char *text, int64_t *unix_s)
{
    struct der_item item = {.tag = tag, .content = bytes_str(text)};

    return der_time_fault(&item, unix_s);
}

static void times_have_one_form(void **state)
{
    static const struct {
        uint8_t tag;
        const char *text;
        int64_t unix_s; /* -1: is none */
    } rows[] = {
        {DER_UTC_TIME, "700101000000Z", 0},
        {DER_UTC_TIME, "000229235959Z", 951868799},
        {DER_UTC_TIME, "491231235959Z", 2524607999},
        {DER_UTC_TIME, "500101000000Z", -631152000},
        {DER_GENERALIZED_TIME, "20500101000000Z", 2524608000},
        {DER_GENERALIZED_TIME, "99991231235959Z", 253402300799},
        {DER_UTC_TIME, "7001010000Z", -1},
        {DER_UTC_TIME, "700101000000+0000", -1},
        {DER_UTC_TIME, "700101000000", -1},
        {DER_UTC_TIME, "20500101000000Z", -1},
        {DER_UTC_TIME, "010229000000Z", -1},
        {DER_UTC_TIME, "001301000000Z", -1},
        {DER_UTC_TIME, "000001000000Z", -1},
        {DER_UTC_TIME, "000100000000Z", -1},
        {DER_UTC_TIME, "000431000000Z", -1},
        {DER_UTC_TIME, "000101240000Z", -1},
        {DER_UTC_TIME, "000101006000Z", -1},
        {DER_UTC_TIME, "000101000060Z", -1},
        {DER_UTC_TIME, "0001010000 0Z", -1},
        {DER_UTC_TIME, "x00101000000Z", -1},
        {DER_UTC_TIME, "700101000000z", -1},
        {DER_UTC_TIME, "", -1},
        {DER_GENERALIZED_TIME, "20500101000000.5Z", -1},
        {DER_GENERALIZED_TIME, "20500229000000Z", -1},
        {DER_INTEGER, "700101000000Z", -1},
    };
    int64_t unix_s;

    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        const char *fault = fault_of_time(rows[i].tag, rows[i].text, &unix_s);

        if ((fault == NULL) != (rows[i].unix_s != -1))
            fail_msg("%s: %s", rows[i].text, fault != NULL ? fault : "was taken");
        if (fault == NULL)
            assert_int_equal(unix_s, rows[i].unix_s);
    }
    /* The time is told all the same. */
    assert_string_equal(fault_of_time(DER_GENERALIZED_TIME, "20491231235959Z", &unix_s),
                        "is a GeneralizedTime before 2050");
    assert_int_equal(unix_s, 2524607999);
    assert_non_null(fault_of_time(DER_GENERALIZED_TIME, "00000101000000Z", &unix_s));
    assert_int_equal(unix_s, INT64_C(-62167219200));
    assert_null(fault_of_time(DER_UTC_TIME, "700101000000Z", NULL));
}

static void written_times_are_read_back(void **state)
{
    (void)state;
    /* Each day of four centuries, with a time of day that walks. */
    for (int64_t day = -7305; day < 146097; day++) {
        GByteArray *out = g_byte_array_new();
        int64_t want = day * 86400 + (day & 0x7fff) * 2, got = -1;
        struct bytes rest;
        struct der_item item;

        der_put_time(out, want);
        rest = bytes_of(out->data, out->len);
        assert_true(der_next(&rest, &item) && rest.len == 0);
        assert_int_equal(item.tag, want < 2524608000 ? DER_UTC_TIME : DER_GENERALIZED_TIME);
        assert_null(der_time_fault(&item, &got));
        assert_int_equal(got, want);
        g_byte_array_unref(out);
    }
}

static void written_lengths_are_the_shortest(void **state)
{
    static const size_t lengths[] = {0, 1, 127, 128, 255, 256, 65535, 65536, 1 << 24};
    uint8_t *zeroes = g_malloc0(1 << 24);

    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(lengths); i++) {
        GByteArray *put = g_byte_array_new(), *ended = g_byte_array_new();
        struct bytes content = bytes_of(zeroes, lengths[i]);
        struct bytes rest;
        struct der_item item;
        size_t mark;

        der_put(put, DER_OCTET_STRING, content);
        rest = bytes_of(put->data, put->len);
        assert_true(der_next(&rest, &item) && rest.len == 0);
        assert_true(bytes_equal(item.content, content));
        mark = der_begin(ended, DER_OCTET_STRING);
        der_put_whole(ended, content);
        der_end(ended, mark);
        assert_true(bytes_equal(bytes_of(ended->data, ended->len), bytes_of(put->data, put->len)));
        g_byte_array_unref(put);
        g_byte_array_unref(ended);
    }
    g_free(zeroes);
}

static void numbers_are_minimal_and_positive(void **state)
{
    GByteArray *out = g_byte_array_new();

    (void)state;
    der_put_number(out, DER_INTEGER, 0);
    der_put_number(out, DER_INTEGER, 127);
    der_put_number(out, DER_INTEGER, 128);
    der_put_number(out, DER_ENUMERATED, 9);
    der_put_number(out, DER_INTEGER, UINT64_MAX);
    der_put_unsigned(out, DER_INTEGER, SLICE(0x00, 0x00, 0x80));
    der_put_unsigned(out, DER_INTEGER, NO_BYTES);
    assert_true(bytes_equal(bytes_of(out->data, out->len),
                            SLICE(0x02, 1, 0x00, 0x02, 1, 0x7f, 0x02, 2, 0x00, 0x80, 0x0a, 1, 0x09,
                                  0x02, 9, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                  0x02, 2, 0x00, 0x80, 0x02, 1, 0x00)));
    g_byte_array_unref(out);
}

static void oids_are_written(void **state)
{
    GByteArray *out = g_byte_array_new();

    (void)state;
    der_put_oid(out, "2.5.4.3");
    der_put_oid(out, "1.2.840.10045.4.3.2");
    der_put_oid(out, "2.999.3");
    assert_true(bytes_equal(bytes_of(out->data, out->len),
                            SLICE(0x06, 3, 0x55, 0x04, 0x03, 0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d,
                                  0x04, 0x03, 0x02, 0x06, 3, 0x88, 0x37, 0x03)));
    g_byte_array_unref(out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(elements_are_taken_one_by_one),
        cmocka_unit_test(broken_elements_are_refused),
        cmocka_unit_test(what_is_not_der_on_some_level_is_refused),
        cmocka_unit_test(depth_has_a_limit),
        cmocka_unit_test(serials_are_positive_minimal_and_of_20_octets),
        cmocka_unit_test(times_have_one_form),
        cmocka_unit_test(written_times_are_read_back),
        cmocka_unit_test(written_lengths_are_the_shortest),
        cmocka_unit_test(numbers_are_minimal_and_positive),
        cmocka_unit_test(oids_are_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
