/* The lint of a certificate: form, serial, times; the rest is in lint_names.c, lint_key.c, lint_extensions.c. */
#include "config.h"

#include "pki/lint_rules.h"

#define VERSION_3     2
#define BACKDATE_S    300
#define SERIAL_OCTETS 16 /* at least */

static const struct lint_signature_rules signature_rules = {
    .mismatch = LINT_ALGORITHM_MISMATCH,
    .sha1 = LINT_SHA1,
    .unknown = LINT_ALGORITHM_UNKNOWN,
    .parameters = LINT_ALGORITHM_PARAMETERS,
    .not_of_issuer = LINT_ALGORITHM_NOT_OF_ISSUER,
    .malformed = LINT_SIGNATURE_MALFORMED,
};

/* Whether the encoding on every level is to be looked at: not where a rule of its own has said it. */
static bool check_serial(struct lint_run *run, struct bytes serial)
{
    if (serial.len > 1 && serial.ptr[0] == 0 && serial.ptr[1] < 0x80) {
        lint_strike(run, LINT_SERIAL_NOT_MINIMAL);
        return false;
    }
    if (serial.len == 0)
        return true;
    if (serial.ptr[0] >= 0x80 || (serial.len == 1 && serial.ptr[0] == 0))
        lint_strike(run, LINT_SERIAL_NOT_POSITIVE);
    else if (serial.len > 20)
        lint_strike(run, LINT_SERIAL_LONG);
    else if (serial.len < SERIAL_OCTETS)
        lint_strike(run, LINT_SERIAL_LOW_ENTROPY);
    return true;
}

static void check_form(struct lint_run *run, struct bytes der, const struct lint_parts *parts)
{
    bool is_zero = parts->version.len == 1 && parts->version.ptr[0] == 0;
    bool look = check_serial(run, parts->serial);

    if (is_zero)
        lint_strike(run, LINT_DEFAULT_ENCODED);
    else if (!parts->has_version || parts->version.len != 1 || parts->version.ptr[0] != VERSION_3)
        lint_strike(run, LINT_VERSION);
    if (parts->unique_identifier)
        lint_strike(run, LINT_UNIQUE_IDENTIFIER);
    if (look && !der_is_whole(der))
        lint_strike(run, LINT_NOT_DER);
}

/* Both times; false when one of them is none. */
static bool read_times(const struct lint_parts *parts, int64_t times[2], bool *early_form)
{
    const int64_t nothing = INT64_MIN;

    *early_form = false;
    for (size_t i = 0; i < 2; i++) {
        times[i] = nothing;
        *early_form |= der_time_fault(&parts->times[i], &times[i]) != NULL && times[i] != nothing;
    }
    return times[0] != nothing && times[1] != nothing;
}

static void check_validity(struct lint_run *run, const struct lint_parts *parts,
                           const struct lint_issuer *issuer)
{
    const struct lint_context *context = run->context;
    int64_t own[2], of_issuer[2];
    bool early_form, other;

    if (!read_times(parts, own, &early_form)) {
        lint_strike(run, LINT_TIME_MALFORMED);
        return;
    }
    if (early_form)
        lint_strike(run, LINT_TIME_PRE2050);
    if (own[1] < own[0])
        lint_strike(run, LINT_TIME_NOT_POSITIVE);
    if (context->now_s != 0 && own[0] < context->now_s - BACKDATE_S)
        lint_strike(run, LINT_BACKDATED);
    if (context->now_s != 0 && own[0] > context->now_s)
        lint_strike(run, LINT_IN_FUTURE);
    if (context->use != LINT_CA && context->longest_s != 0 &&
        own[1] - own[0] > context->longest_s + BACKDATE_S)
        lint_strike(run, LINT_TOO_LONG);
    if (issuer->self || !issuer->readable || !read_times(&issuer->parts, of_issuer, &other))
        return;
    if (own[0] < of_issuer[0])
        lint_strike(run, LINT_BEFORE_ISSUER);
    if (own[1] > of_issuer[1])
        lint_strike(run, LINT_OUTLIVES_ISSUER);
}

static void check_issuer_name(struct lint_run *run, const struct lint_parts *parts,
                              const struct lint_issuer *issuer)
{
    if (parts->issuer.len == 2 && !(issuer->self && parts->subject.len == 2))
        lint_strike(run, LINT_ISSUER_EMPTY);
    else if (issuer->self || issuer->readable) {
        const struct lint_parts *of = issuer->self ? parts : &issuer->parts;

        if (!bytes_equal(parts->issuer, of->subject))
            lint_strike(run, LINT_ISSUER_MISMATCH);
    }
}

size_t lint_certificate(struct bytes der, const struct lint_context *context,
                        struct lint_finding findings[LINT_FINDINGS])
{
    struct lint_run run = {.context = context, .findings = findings};
    struct lint_issuer issuer = {.self = context->issuer.len == 0};
    struct lint_parts parts;
    struct bytes issuer_spki = {0};

    switch (lint_read(der, &parts)) {
    case SHAPE_TRAILING:
        lint_strike(&run, LINT_TRAILING_OCTETS);
        return run.n;
    case SHAPE_NONE:
        lint_strike(&run, LINT_NOT_DER);
        return run.n;
    case SHAPE_WHOLE:
        break;
    }
    issuer.readable = !issuer.self && lint_read(context->issuer, &issuer.parts) == SHAPE_WHOLE;
    if (issuer.self || issuer.readable)
        issuer_spki = issuer.self ? parts.spki : issuer.parts.spki;
    check_form(&run, der, &parts);
    lint_signature_check(&run, &signature_rules, parts.inner, parts.outer, parts.signature,
                         issuer_spki);
    check_issuer_name(&run, &parts, &issuer);
    check_validity(&run, &parts, &issuer);
    lint_names_check(&run, &parts);
    lint_key_check(&run, parts.spki);
    lint_extensions_check(&run, &parts, &issuer);
    lint_san_check(&run, &parts);
    return run.n;
}
