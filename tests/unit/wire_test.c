/* The datagrams between module and daemon: what is refused, and that damage never admits. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/wire.h"

#define LONGEST (WIRE_MAX + 1)

static const uint8_t long_value[LONGEST];

static const struct wire_request full_request = {
    .kind = WIRE_AUTHENTICATE,
    .deadline = 0x0102030405060708,
    .nonce = "0123456789abcde",
    .policy = {(const uint8_t *)"staff",           5 },
    .service = {(const uint8_t *)"postgresql",      10},
    .user = {(const uint8_t *)"a\0\n\xff",       4 },
    .rhost = {(const uint8_t *)"2001:db8::1",     11},
    .secret = {(const uint8_t *)"pass word123456", 15},
};

static const struct wire_reply full_reply = {
    .verdict = VERDICT_DENIED,
    .event = 0xfedcba9876543210,
    .nonce = "0123456789abcde",
    .authtok = {(const uint8_t *)"pass word", 9},
};

static void assert_bytes(struct bytes got, struct bytes expected)
{
    assert_int_equal(got.len, expected.len);
    if (expected.len > 0)
        assert_memory_equal(got.ptr, expected.ptr, expected.len);
}

static void assert_all_zero(const void *ptr, size_t len)
{
    for (size_t i = 0; i < len; i++)
        assert_int_equal(((const uint8_t *)ptr)[i], 0);
}

static void request_comes_back(void **state)
{
    static const enum wire_kind kinds[] = {WIRE_AUTHENTICATE, WIRE_ACCOUNT};
    (void)state;

    for (size_t i = 0; i < 2; i++) {
        struct wire_request in = full_request, out;
        uint8_t buf[WIRE_MAX];
        size_t len;

        in.kind = kinds[i];
        if (in.kind == WIRE_ACCOUNT)
            in.secret = bytes_of(NULL, 0);
        len = wire_encode_request(&in, buf, sizeof buf);
        assert_true(len > WIRE_HEADER);
        assert_int_equal(wire_decode_request(buf, len, &out), WIRE_OK);
        assert_int_equal(out.kind, in.kind);
        assert_true(out.deadline == in.deadline);
        assert_memory_equal(out.nonce, in.nonce, WIRE_NONCE);
        assert_bytes(out.policy, in.policy);
        assert_bytes(out.service, in.service);
        assert_bytes(out.user, in.user);
        assert_bytes(out.rhost, in.rhost);
        assert_bytes(out.secret, in.secret);
    }
}

static void reply_comes_back_with_each_verdict(void **state)
{
    static const enum verdict verdicts[] = {VERDICT_DENIED, VERDICT_GRANTED, VERDICT_CONTINUE,
                                            VERDICT_UNAVAILABLE};
    (void)state;

    for (size_t i = 0; i < 4; i++) {
        struct wire_reply in = full_reply, out;
        uint8_t buf[WIRE_MAX];
        size_t len;

        in.verdict = verdicts[i];
        len = wire_encode_reply(&in, buf, sizeof buf);
        assert_int_equal(len, WIRE_HEADER + 3 + 9);
        assert_int_equal(wire_decode_reply(buf, len, &out), WIRE_OK);
        assert_int_equal(out.verdict, in.verdict);
        assert_true(out.event == in.event);
        assert_memory_equal(out.nonce, in.nonce, WIRE_NONCE);
        assert_bytes(out.authtok, in.authtok);
    }
}

/* Byte by byte, so that a change of the format cannot pass as a round trip. */
static void layout_is_the_written_one(void **state)
{
    static const uint8_t expected[] = {
        1,    0x21, 0,   0,   0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x32, 0x10, '0', '1',
        '2',  '3',  '4', '5', '6',  '7',  '8',  '9',  'a',  'b',  'c',  'd',  'e', 0,
        0x41, 0,    9,   'p', 'a',  's',  's',  ' ',  'w',  'o',  'r',  'd',
    };
    uint8_t buf[WIRE_MAX];
    (void)state;

    assert_int_equal(wire_encode_reply(&full_reply, buf, sizeof buf), sizeof expected);
    assert_memory_equal(buf, expected, sizeof expected);
}

static void each_field_has_its_limit(void **state)
{
    static const struct {
        size_t offset, limit;
        uint8_t tag;
    } rows[] = {
        {offsetof(struct wire_request, policy),  WIRE_POLICY_MAX,  1},
        {offsetof(struct wire_request, service), WIRE_SERVICE_MAX, 2},
        {offsetof(struct wire_request, user),    WIRE_USER_MAX,    3},
        {offsetof(struct wire_request, rhost),   WIRE_RHOST_MAX,   4},
        {offsetof(struct wire_request, secret),  WIRE_SECRET_MAX,  5},
    };
    (void)state;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct wire_request in = full_request, out;
        struct bytes *field = (struct bytes *)(void *)((uint8_t *)&in + rows[i].offset);
        uint8_t buf[WIRE_MAX];
        size_t len;

        *field = bytes_of(long_value, rows[i].limit);
        len = wire_encode_request(&in, buf, sizeof buf);
        assert_true(len > 0);
        assert_int_equal(wire_decode_request(buf, len, &out), WIRE_OK);

        memset(buf, 0xee, sizeof buf);
        *field = bytes_of(long_value, rows[i].limit + 1);
        assert_int_equal(wire_encode_request(&in, buf, sizeof buf), 0);
        assert_all_zero(buf, sizeof buf);

        /* The same length as a hostile peer would write it. */
        *field = bytes_of(NULL, 0);
        in.policy = in.service = in.user = in.rhost = in.secret = bytes_of(NULL, 0);
        len = wire_encode_request(&in, buf, sizeof buf);
        assert_int_equal(len, WIRE_HEADER);
        memset(buf + len, 0, sizeof buf - len);
        buf[len] = rows[i].tag;
        buf[len + 1] = (uint8_t)((rows[i].limit + 1) >> 8);
        buf[len + 2] = (uint8_t)(rows[i].limit + 1);
        assert_int_equal(wire_decode_request(buf, len + 3 + rows[i].limit + 1, &out), WIRE_LONG);
    }
}

static void reply_field_has_its_limit(void **state)
{
    struct wire_reply in = full_reply;
    uint8_t buf[WIRE_MAX];
    (void)state;

    in.authtok = bytes_of(long_value, WIRE_SECRET_MAX);
    assert_int_equal(wire_encode_reply(&in, buf, sizeof buf), WIRE_HEADER + 3 + WIRE_SECRET_MAX);
    in.authtok = bytes_of(long_value, WIRE_SECRET_MAX + 1);
    assert_int_equal(wire_encode_reply(&in, buf, sizeof buf), 0);
}

/* Cut anywhere, a datagram is refused, unless the cut falls between two fields. */
static void truncation_at_every_byte(void **state)
{
    uint8_t buf[WIRE_MAX];
    size_t len = wire_encode_request(&full_request, buf, sizeof buf);
    unsigned whole = 0;
    (void)state;

    for (size_t cut = 0; cut < len; cut++) {
        uint8_t *copy = malloc(cut + 1); /* of its size, so that ASan sees a read beyond */
        struct wire_request out;
        enum wire_fault fault;

        memcpy(copy, buf, cut);
        fault = wire_decode_request(copy, cut, &out);
        if (fault == WIRE_OK) {
            whole++;
            assert_int_equal(out.secret.len, 0); /* the last field is what is gone */
        } else {
            assert_int_equal(fault, WIRE_SHORT);
            assert_all_zero(&out, sizeof out);
        }
        free(copy);
    }
    assert_int_equal(whole, 5); /* the header alone, and after each of the first four fields */

    len = wire_encode_reply(&full_reply, buf, sizeof buf);
    for (size_t cut = 0; cut < len; cut++) {
        struct wire_reply out;

        assert_int_equal(wire_decode_reply(buf, cut, &out),
                         cut == WIRE_HEADER ? WIRE_OK : WIRE_SHORT);
    }
}

static void faults_by_name(void **state)
{
    enum { N = WIRE_HEADER };
    static const struct {
        size_t at;
        uint8_t value;
        enum wire_fault fault;
    } changes[] = {
        {0, 0,    WIRE_BAD_VERSION},
        {0, 2,    WIRE_BAD_VERSION},
        {1, 0,    WIRE_BAD_VALUE  },
        {1, 3,    WIRE_BAD_VALUE  },
        {1, 0x5a, WIRE_BAD_VALUE  }, /* a verdict is not a kind */
        {1, 2,    WIRE_BAD_FIELD  }, /* an account request with a secret */
        {2, 1,    WIRE_BAD_VALUE  },
        {3, 0x80, WIRE_BAD_VALUE  },
        {N, 0,    WIRE_BAD_FIELD  },
        {N, 6,    WIRE_BAD_FIELD  },
        {N, 2,    WIRE_BAD_FIELD  }, /* now service stands there twice */
        {N, 0x41, WIRE_BAD_FIELD  }, /* a reply's field */
    };
    uint8_t buf[WIRE_MAX];
    size_t len = wire_encode_request(&full_request, buf, sizeof buf);
    struct wire_request out;
    struct wire_reply reply;
    (void)state;

    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        uint8_t before = buf[changes[i].at];

        buf[changes[i].at] = changes[i].value;
        assert_int_equal(wire_decode_request(buf, len, &out), changes[i].fault);
        assert_all_zero(&out, sizeof out);
        buf[changes[i].at] = before;
    }
    assert_int_equal(wire_decode_request(buf, len, &out), WIRE_OK);
    assert_int_equal(wire_decode_reply(buf, len, &reply), WIRE_BAD_VALUE);
    assert_int_equal(wire_decode_request(long_value, WIRE_MAX + 1, &out), WIRE_LONG);
    assert_int_equal(wire_decode_reply(long_value, WIRE_MAX + 1, &reply), WIRE_LONG);
    assert_int_equal(wire_decode_reply(long_value, WIRE_MAX, &reply), WIRE_BAD_VERSION);
    assert_int_equal(wire_decode_reply(NULL, 0, &reply), WIRE_SHORT);
}

static void trailing_bytes_are_refused(void **state)
{
    uint8_t buf[WIRE_MAX];
    size_t len = wire_encode_reply(&full_reply, buf, sizeof buf);
    struct wire_reply out;
    (void)state;

    for (unsigned byte = 0; byte < 256; byte++) {
        buf[len] = (uint8_t)byte;
        assert_int_equal(wire_decode_reply(buf, len + 1, &out), WIRE_BAD_FIELD);
    }
}

static void empty_and_absent_are_the_same(void **state)
{
    static const uint8_t empty_field[] = {0x41, 0, 0};
    struct wire_reply in = full_reply, out;
    uint8_t buf[WIRE_MAX];
    size_t len;
    (void)state;

    in.authtok = bytes_of("", 0);
    len = wire_encode_reply(&in, buf, sizeof buf);
    assert_int_equal(len, WIRE_HEADER);
    memcpy(buf + len, empty_field, sizeof empty_field);
    assert_int_equal(wire_decode_reply(buf, len + sizeof empty_field, &out), WIRE_OK);
    assert_int_equal(out.authtok.len, 0);
    /* Empty still counts as given: a second one is a repetition. */
    memcpy(buf + len + 3, empty_field, sizeof empty_field);
    assert_int_equal(wire_decode_reply(buf, len + 6, &out), WIRE_BAD_FIELD);
}

static void encoding_refuses_what_is_no_message(void **state)
{
    struct wire_request request = full_request;
    struct wire_reply reply = full_reply;
    uint8_t buf[WIRE_MAX];
    (void)state;

    request.kind = WIRE_ACCOUNT;
    memset(buf, 0xee, sizeof buf);
    assert_int_equal(wire_encode_request(&request, buf, sizeof buf), 0); /* it carries a secret */
    assert_all_zero(buf, sizeof buf);
    request.kind = 0;
    assert_int_equal(wire_encode_request(&request, buf, sizeof buf), 0);
    request.kind = 0x101;
    assert_int_equal(wire_encode_request(&request, buf, sizeof buf), 0);
    reply.verdict = 0;
    assert_int_equal(wire_encode_reply(&reply, buf, sizeof buf), 0);
    reply.verdict = 0x15a;
    assert_int_equal(wire_encode_reply(&reply, buf, sizeof buf), 0);
}

/* No capacity below the need writes beyond it, or leaves part of the secret behind. */
static void encoding_into_too_little_room(void **state)
{
    uint8_t whole[WIRE_MAX];
    size_t need = wire_encode_request(&full_request, whole, sizeof whole);
    (void)state;

    for (size_t cap = 0; cap < need; cap++) {
        uint8_t *buf = malloc(cap + 1);

        memset(buf, 0xee, cap + 1);
        assert_int_equal(wire_encode_request(&full_request, buf, cap), 0);
        assert_all_zero(buf, cap);
        assert_int_equal(buf[cap], 0xee);
        free(buf);
    }
    assert_int_equal(wire_encode_request(&full_request, whole, need), need);
}

/* Every flip of one or two bits, and every value of every byte but the verdict's. */
static void damage_never_turns_denied_into_granted(void **state)
{
    enum { VERDICT_AT = 1 };
    uint8_t buf[WIRE_MAX];
    size_t len = wire_encode_reply(&full_reply, buf, sizeof buf);
    struct wire_reply out;
    (void)state;

    for (size_t bit = 0; bit < len * 8; bit++) {
        buf[bit / 8] ^= (uint8_t)(1u << bit % 8);
        wire_decode_reply(buf, len, &out);
        assert_int_not_equal(out.verdict, VERDICT_GRANTED);
        for (size_t other = bit + 1; other < len * 8; other++) {
            buf[other / 8] ^= (uint8_t)(1u << other % 8);
            wire_decode_reply(buf, len, &out);
            assert_int_not_equal(out.verdict, VERDICT_GRANTED);
            buf[other / 8] ^= (uint8_t)(1u << other % 8);
        }
        buf[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    for (size_t at = 0; at < len; at++) {
        uint8_t before = buf[at];

        for (unsigned value = 0; value < 256 && at != VERDICT_AT; value++) {
            buf[at] = (uint8_t)value;
            wire_decode_reply(buf, len, &out);
            assert_int_not_equal(out.verdict, VERDICT_GRANTED);
        }
        buf[at] = before;
    }
    buf[VERDICT_AT] = VERDICT_GRANTED;
    assert_int_equal(wire_decode_reply(buf, len, &out), WIRE_OK);
    assert_int_equal(out.verdict, VERDICT_GRANTED);
}

static void every_fault_has_words(void **state)
{
    (void)state;
    for (int fault = WIRE_OK; fault <= WIRE_BAD_FIELD + 1; fault++) {
        const char *text = wire_fault_text((enum wire_fault)fault);

        assert_non_null(text);
        for (int other = WIRE_OK; other < fault; other++)
            assert_string_not_equal(text, wire_fault_text((enum wire_fault)other));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(request_comes_back),
        cmocka_unit_test(reply_comes_back_with_each_verdict),
        cmocka_unit_test(layout_is_the_written_one),
        cmocka_unit_test(each_field_has_its_limit),
        cmocka_unit_test(reply_field_has_its_limit),
        cmocka_unit_test(truncation_at_every_byte),
        cmocka_unit_test(faults_by_name),
        cmocka_unit_test(trailing_bytes_are_refused),
        cmocka_unit_test(empty_and_absent_are_the_same),
        cmocka_unit_test(encoding_refuses_what_is_no_message),
        cmocka_unit_test(encoding_into_too_little_room),
        cmocka_unit_test(damage_never_turns_denied_into_granted),
        cmocka_unit_test(every_fault_has_words),
    };
    return cmocka_run_group_tests_name("wire", tests, NULL, NULL);
}
