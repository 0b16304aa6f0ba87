/*
 * The lint: for each of its rules one certificate or CRL that breaks this rule and no other.
 *
 * They are written in a notation of DER: TAG{...} holds others, TAG[...] octets in hex (b*n: n times b), TAG"..." a
 * text, <...> octets without a tag, $NAME what stands for NAME: in the case, else in the tables below.
 */
#include "config.h"

#include "pki/der.h"
#include "pki/lint.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define NOW INT64_C(1767225600) /* 2026-01-01 00:00:00 */

#define TABLES 4 /* to look into, one after the other; NULL = none */

struct slot {
    const char *name, *value;
};

#define EC_KEY                         "30{30{06[2a8648ce3d0201]06[2a8648ce3d030107]}03[0004a1*64]}"
#define ED_KEY                         "30{30{06[2b6570]}03[00a1*32]}"
#define RSA_KEY                        "30{30{06[2a864886f70d010101]05[]}03{<00>30{02[00c1*256]02[010001]}}}"
#define EC_SHA256                      "30{06[2a8648ce3d040302]}"
#define ED25519                        "30{06[2b6570]}"
#define EC_SIGNED                      "03{<00>30{02[11*32]02[00a1*32]}}"
#define NAME(cn)                       "30{31{30{06[550403]0c\"" cn "\"}}}"
#define EXTENSION(id, critical, value) "30{06[551d" id "]" critical "04{" value "}}"
#define YES                            "01[ff]"
#define NO                             ""
#define OWN_ID                         "b1*20"
#define ISSUER_ID                      "c1*20"

static const struct slot of_all[] = {
    {"VERSION", "a0{02[02]}"},
    {"SERIAL", "02[11*17]"},
    {"INNER", EC_SHA256},
    {"OUTER", EC_SHA256},
    {"SIGNATURE", EC_SIGNED},
    {"ISSUER", NAME("pgsignet CA")},
    {"FROM", "17\"260101000000Z\""},
    {"TO", "17\"270101000000Z\""},
    {"SUBJECT", NAME("app")},
    {"SPKI", EC_KEY},
    {"UNIQUE", ""},
    {"EXTENSIONS", "a3{30{$BC $KU $EKU $SKI $AKI $SAN $MORE}}"},
    {"BC", EXTENSION("13", YES, "30{}")},
    {"KU", EXTENSION("0f", YES, "03[0780]")},
    {"EKU", ""},
    {"SKI", EXTENSION("0e", NO, "04[" OWN_ID "]")},
    {"AKI", EXTENSION("23", NO, "30{80[" ISSUER_ID "]}")},
    {"SAN", ""},
    {"MORE", ""},
    {"TAIL", ""},
    {NULL, NULL},
};
#define SERVER_AUTH "06[2b06010505070301]"
#define CLIENT_AUTH "06[2b06010505070302]"
static const struct slot of_use[LINT_USES][4] = {
    [LINT_CA] =
        {
            {"BC", EXTENSION("13", YES, "30{01[ff]}")},
            {"KU", EXTENSION("0f", YES, "03[0106]")},
        },
    [LINT_SERVER] =
        {
            {"SUBJECT", NAME("db1.example")},
            {"EKU", EXTENSION("25", NO, "30{" SERVER_AUTH CLIENT_AUTH "}")},
            {"SAN", EXTENSION("11", NO, "30{82\"db1.example\" 87[c0000201]}")},
        },
    [LINT_CLIENT] =
        {
            {"EKU", EXTENSION("25", NO, "30{" CLIENT_AUTH "}")},
            {"SAN", EXTENSION("11", NO, "30{86\"urn:pgrole:app\"}")},
        },
};
static const struct slot of_issuer[] = {
    {"SUBJECT", NAME("pgsignet CA")},
    {"FROM", "17\"250101000000Z\""},
    {"TO", "17\"350101000000Z\""},
    {"SKI", EXTENSION("0e", NO, "04[" ISSUER_ID "]")},
    {NULL, NULL},
};
static const char certificate[] =
    "30{30{$VERSION $SERIAL $INNER $ISSUER 30{$FROM $TO} $SUBJECT $SPKI $UNIQUE $EXTENSIONS}"
    "$OUTER $SIGNATURE} $TAIL";

#define ENTRY(serial, rest)     "30{02[" serial "]17\"260101000000Z\"" rest "}"
#define REASON(critical, value) "30{" EXTENSION("15", critical, "0a[" value "]") "}"
static const struct slot of_crl[] = {
    {"VERSION", "02[01]"},
    {"TO", "17\"260110000000Z\""},
    {"ENTRIES", "30{" ENTRY("01", "") ENTRY("7f", REASON(NO, "01")) ENTRY("0080", "") "}"},
    {"EXTENSIONS", "a0{30{$AKI $NUMBER $MORE}}"},
    {"NUMBER", EXTENSION("14", NO, "02[07]")},
    {NULL, NULL},
};
static const char crl[] = "30{30{$VERSION $INNER $ISSUER $FROM $TO $ENTRIES $EXTENSIONS} $OUTER "
                          "$SIGNATURE} $TAIL";

/* A case: what is made, which rule it breaks (NULL: none), and what is other than in the tables. */
struct craft {
    const char *rule;
    enum { CA, SERVER, CLIENT, CRL } kind;
    struct slot slots[5]; /* the last one is empty */
    bool of_issuer;       /* the slots are the issuer's */
    bool self;            /* it is held against itself */
    int64_t now_s, longest_s;
};

static const char *look_up(const struct slot *slots, const char *name, size_t len)
{
    for (; slots != NULL && slots->name != NULL; slots++)
        if (strlen(slots->name) == len && memcmp(slots->name, name, len) == 0)
            return slots->value;
    return NULL;
}

static unsigned hex_digit(char c)
{
    int value = g_ascii_xdigit_value(c);

    if (value < 0)
        fail_msg("'%c' is no hexadecimal digit", c);
    return (unsigned)value;
}

static const char *put_octets(const char *at, char end, GByteArray *out)
{
    while (*at != end) {
        uint8_t octet = (uint8_t)(hex_digit(at[0]) << 4 | hex_digit(at[1]));
        unsigned long times = 1;

        at += 2;
        if (*at == '*')
            times = strtoul(at + 1, (char **)&at, 10);
        while (times-- > 0)
            g_byte_array_append(out, &octet, 1);
        while (*at == ' ')
            at++;
    }
    return at + 1;
}

/* Writes what the notation says, up to end. */
static const char *put(const char *at, char end, const struct slot *const *tables, GByteArray *out)
{
    while (*at != end) {
        if (*at == ' ') {
            at++;
        } else if (*at == '<') {
            at = put_octets(at + 1, '>', out);
        } else if (*at == '$') {
            size_t len = 0;
            const char *value = NULL;

            at++;
            while (g_ascii_isupper(at[len]))
                len++;
            for (size_t i = 0; value == NULL && i < TABLES; i++)
                value = look_up(tables[i], at, len);
            assert_non_null(value);
            put(value, '\0', tables, out);
            at += len;
        } else {
            size_t mark = der_begin(out, (uint8_t)(hex_digit(at[0]) << 4 | hex_digit(at[1])));
            char kind = at[2];

            at += 3;
            if (kind == '{') {
                at = put(at, '}', tables, out);
            } else if (kind == '[') {
                at = put_octets(at, ']', out);
            } else {
                const char *quote = strchr(at, '"');

                g_byte_array_append(out, (const uint8_t *)at, (guint)(quote - at));
                at = quote + 1;
            }
            der_end(out, mark);
        }
    }
    return at + 1;
}

static GByteArray *make(const struct craft *craft)
{
    GByteArray *out = g_byte_array_new();
    const struct slot *own = craft->of_issuer ? NULL : craft->slots;
    const struct slot *const tables[TABLES] = {
        own, craft->kind == CRL ? of_crl : of_use[craft->kind], of_all};

    put(craft->kind == CRL ? crl : certificate, '\0', tables, out);
    return out;
}

static GByteArray *make_issuer(const struct craft *craft)
{
    GByteArray *out = g_byte_array_new();
    const struct slot *own = craft->of_issuer ? craft->slots : of_issuer;
    const struct slot *const tables[TABLES] = {own, of_issuer, of_use[LINT_CA], of_all};

    put(certificate, '\0', tables, out);
    return out;
}

static size_t judge(const struct craft *craft, struct lint_finding findings[LINT_FINDINGS])
{
    GByteArray *issuer = make_issuer(craft), *der = make(craft);
    struct lint_context context = {
        .use = craft->kind == CRL ? LINT_CA : (enum lint_use)craft->kind,
        .now_s = craft->now_s,
        .longest_s = craft->longest_s,
    };
    struct bytes text = bytes_of(der->data, der->len);
    size_t n;

    if (!craft->self)
        context.issuer = bytes_of(issuer->data, issuer->len);
    n = craft->kind == CRL ? lint_crl(text, &context, findings)
                           : lint_certificate(text, &context, findings);
    g_byte_array_unref(issuer);
    g_byte_array_unref(der);
    return n;
}

static void print(const struct craft *craft, size_t row, const struct lint_finding *findings,
                  size_t n)
{
    print_error("case %zu, %s:\n", row, craft->rule != NULL ? craft->rule : "sound");
    for (size_t i = 0; i < n; i++)
        print_error("    %s: %s\n", findings[i].rule, findings[i].text);
}

#include "pki_lint_cases.h"

static void each_case_breaks_its_rule_and_no_other(void **state)
{
    struct lint_finding findings[LINT_FINDINGS];
    size_t wrong = 0;

    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        size_t n = judge(&cases[i], findings);

        if (cases[i].rule == NULL ? n == 0 : n == 1 && strcmp(findings[0].rule, cases[i].rule) == 0)
            continue;
        print(&cases[i], i, findings, n);
        wrong++;
    }
    assert_int_equal(wrong, 0);
}

static void each_rule_has_a_case_that_breaks_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < lint_n_rules; i++) {
        bool found = false;

        for (size_t k = 0; k < G_N_ELEMENTS(cases) && !found; k++)
            found = cases[k].rule != NULL && strcmp(cases[k].rule, lint_rules[i].name) == 0 &&
                    (cases[k].kind == CRL) == lint_rules[i].crl;
        if (!found)
            fail_msg("no case breaks %s", lint_rules[i].name);
    }
}

static void rules_have_names_of_their_own_and_say_why(void **state)
{
    (void)state;
    for (size_t i = 0; i < lint_n_rules; i++) {
        assert_non_null(lint_rules[i].name);
        assert_true(strlen(lint_rules[i].source) > 0 && strlen(lint_rules[i].text) > 10);
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(lint_rules[i].name, lint_rules[k].name);
    }
}

/* Changed, cut and doubled octets: anything may be found, nothing may be read that is not there. */
static void damage_is_survived(void **state)
{
    uint32_t seed = 20260101;
    struct lint_finding findings[LINT_FINDINGS];

    (void)state;
    for (size_t row = 0; row < G_N_ELEMENTS(cases); row++) {
        GByteArray *issuer = make_issuer(&cases[row]), *der = make(&cases[row]);
        struct lint_context context = {
            .use = LINT_SERVER, .issuer = bytes_of(issuer->data, issuer->len), .now_s = NOW};

        for (size_t round = 0; round < 200; round++) {
            uint8_t *copy = g_memdup2(der->data, der->len);
            size_t len;

            for (int change = 0; change < 3; change++) {
                seed = seed * 1664525u + 1013904223u;
                copy[(seed >> 8) % der->len] = (uint8_t)(seed >> 24);
            }
            len = round % 4 == 0 ? (seed >> 4) % der->len : der->len;
            copy = g_realloc(copy, len > 0 ? len : 1);
            context.use = (enum lint_use)(round % LINT_USES);
            (void)lint_certificate(bytes_of(copy, len), &context, findings);
            (void)lint_crl(bytes_of(copy, len), &context, findings);
            context.issuer = bytes_of(copy, len); /* a broken issuer, too */
            (void)lint_certificate(bytes_of(der->data, der->len), &context, findings);
            context.issuer = bytes_of(issuer->data, issuer->len);
            g_free(copy);
        }
        g_byte_array_unref(issuer);
        g_byte_array_unref(der);
    }
}

/* A CRL of so many entries; the last one has the serial of the one before it, if told. */
static GByteArray *long_crl(size_t n, bool twice)
{
    GByteArray *out = g_byte_array_new();
    const struct slot *const tables[TABLES] = {of_crl, of_all};
    size_t whole = der_begin(out, DER_SEQUENCE), tbs = der_begin(out, DER_SEQUENCE), list;

    put("$VERSION $INNER $ISSUER $FROM $TO", '\0', tables, out);
    list = der_begin(out, DER_SEQUENCE);
    for (size_t i = 0; i < n; i++) {
        size_t entry = der_begin(out, DER_SEQUENCE);

        der_put_number(out, DER_INTEGER, 1 + (twice && i == n - 1 ? i - 1 : i));
        der_put_time(out, NOW - 5);
        put(REASON(NO, "04"), '\0', tables, out);
        der_end(out, entry);
    }
    der_end(out, list);
    put("$EXTENSIONS", '\0', tables, out);
    der_end(out, tbs);
    put("$OUTER $SIGNATURE", '\0', tables, out);
    der_end(out, whole);
    return out;
}

static void long_lists_are_walked_to_their_end(void **state)
{
    const struct craft sound = {.kind = CRL};
    GByteArray *issuer = make_issuer(&sound);
    GByteArray *good = long_crl(100000, false), *bad = long_crl(100000, true);
    struct lint_context context = {.issuer = bytes_of(issuer->data, issuer->len), .now_s = NOW};
    struct lint_finding findings[LINT_FINDINGS];

    (void)state;
    assert_int_equal(lint_crl(bytes_of(good->data, good->len), &context, findings), 0);
    assert_int_equal(lint_crl(bytes_of(bad->data, bad->len), &context, findings), 1);
    assert_string_equal(findings[0].rule, "crl_serial_twice");
    g_byte_array_unref(good);
    g_byte_array_unref(bad);
    g_byte_array_unref(issuer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_case_breaks_its_rule_and_no_other),
        cmocka_unit_test(each_rule_has_a_case_that_breaks_it),
        cmocka_unit_test(rules_have_names_of_their_own_and_say_why),
        cmocka_unit_test(damage_is_survived),
        cmocka_unit_test(long_lists_are_walked_to_their_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
