/*
 * Reads otpauth URIs, one a line: otpauth://totp/ISSUER:ACCOUNT?secret=...&issuer=...  The account is
 * the user.
 */
#include "config.h"

#include "mfa/transfer.h"

#include <strings.h>

#include "mfa/otpauth.h"

#define COUNTER_MAX (INT64_MAX - 1)
#define URI_MAX     8192 /* bytes of one line */

/* One URI being read. */
struct uri {
    struct transfer *out;
    struct transfer_token *token;
    bool has_secret, has_counter;
    char issuer[TRANSFER_LABEL_MAX + 1]; /* of the parameter */
};

static int digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Percent-decodes (RFC 3986, section 2.1) into out, which has room for as many bytes. */
static bool decode(struct bytes text, struct secret *out)
{
    size_t n = 0;

    if (!secret_alloc(out, text.len))
        return false;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        if (c == '%') {
            int high = i + 2 < text.len ? digit(text.ptr[i + 1]) : -1;
            int low = high >= 0 ? digit(text.ptr[i + 2]) : -1;
            if (low < 0) {
                secret_free(out);
                return false;
            }
            c = (uint8_t)(high * 16 + low);
            i += 2;
        }
        out->ptr[n++] = c;
    }
    out->len = n;
    return true;
}

static const char *set_secret(struct uri *uri, struct bytes value)
{
    uri->has_secret = true;
    return transfer_base32(value, &uri->token->secret) ? NULL : "the secret is not base32";
}

static const char *set_issuer(struct uri *uri, struct bytes value)
{
    return transfer_label(uri->issuer, sizeof uri->issuer, value) ? NULL : "the issuer is too long";
}

static const char *set_algorithm(struct uri *uri, struct bytes value)
{
    char name[16];

    return transfer_label(name, sizeof name, value) &&
                   otpauth_algorithm_read(name, &uri->token->algorithm)
               ? NULL
               : "the algorithm is none of SHA1, SHA256, SHA512";
}

static const char *set_digits(struct uri *uri, struct bytes value)
{
    int64_t digits;

    if (!transfer_number(value, 1, 99, &digits))
        return "digits is not a number";
    uri->token->digits = (unsigned)digits;
    return NULL;
}

static const char *set_period(struct uri *uri, struct bytes value)
{
    int64_t period;

    if (!transfer_number(value, 1, 86400, &period))
        return "period is not a number of seconds";
    uri->token->period = (unsigned)period;
    return NULL;
}

static const char *set_counter(struct uri *uri, struct bytes value)
{
    uri->has_counter = true;
    return transfer_number(value, 0, COUNTER_MAX, &uri->token->counter) ? NULL
                                                                        : "counter is not a number";
}

static const struct {
    const char *name;
    const char *(*set)(struct uri *uri, struct bytes value); /* NULL, or what is wrong */
} parameters[] = {
    {"secret", set_secret}, {"issuer", set_issuer}, {"algorithm", set_algorithm},
    {"digits", set_digits}, {"period", set_period}, {"counter", set_counter},
};
#define PARAMETERS (sizeof parameters / sizeof parameters[0])

static void read_parameter(struct uri *uri, struct bytes pair, unsigned *seen)
{
    const uint8_t *equals = pair.len > 0 ? memchr(pair.ptr, '=', pair.len) : NULL;
    struct secret value = {0};
    const char *wrong = NULL;
    size_t i = 0;

    if (pair.len == 0)
        return;
    size_t name_len = equals != NULL ? (size_t)(equals - pair.ptr) : pair.len;
    size_t from = equals != NULL ? name_len + 1 : pair.len;
    while (i < PARAMETERS && (strlen(parameters[i].name) != name_len ||
                              memcmp(parameters[i].name, pair.ptr, name_len) != 0))
        i++;
    if (i == PARAMETERS)
        transfer_say(uri->out, TRANSFER_LOST, uri->token->line,
                     "a parameter that is not known does not come along: %.*s",
                     (int)(name_len < 32 ? name_len : 32), (const char *)pair.ptr);
    else if (*seen & (1U << i))
        wrong = "a parameter is given twice";
    else if (!decode(bytes_of(pair.ptr + from, pair.len - from), &value))
        wrong = "a '%' is not followed by two hexadecimal digits";
    else
        wrong = parameters[i].set(uri, secret_bytes(&value));
    if (i < PARAMETERS)
        *seen |= 1U << i;
    if (wrong != NULL)
        transfer_say(uri->out, TRANSFER_FAULT, uri->token->line, "%s", wrong);
    secret_free(&value);
}

/*
 * Where the account begins in a label: after a literal ':', else after an escaped one (the format's
 * description allows both; whoever writes a literal one may have another, escaped, in the account).
 */
static size_t account_at(struct bytes label)
{
    const uint8_t *colon = label.len > 0 ? memchr(label.ptr, ':', label.len) : NULL;

    if (colon != NULL)
        return (size_t)(colon - label.ptr) + 1;
    for (size_t i = 0; i + 3 <= label.len; i++)
        if (strncasecmp((const char *)label.ptr + i, "%3A", 3) == 0)
            return i + 3;
    return 0;
}

static void read_label(struct uri *uri, struct bytes label)
{
    size_t from = account_at(label), blanks = 0, colon = 0;
    struct secret account = {0}, issuer = {0};
    struct transfer_token *token = uri->token;

    if (from > 0)
        colon = label.ptr[from - 1] == ':' ? 1 : 3;
    if (!decode(bytes_of(label.ptr + from, label.len - from), &account) ||
        !decode(bytes_of(label.ptr, from - colon), &issuer)) {
        transfer_say(uri->out, TRANSFER_FAULT, token->line,
                     "the label has a '%%' that is not followed by two hexadecimal digits");
        goto out;
    }
    while (from > 0 && blanks < account.len && account.ptr[blanks] == ' ')
        blanks++;
    if (blanks > 0)
        transfer_say(uri->out, TRANSFER_LOST, token->line,
                     "the blank between issuer and account is not taken for a part of the user");
    if (!transfer_user(uri->out, token, bytes_of(account.ptr + blanks, account.len - blanks)))
        goto out;
    /* the parameter wins: that is what apps show */
    if (uri->issuer[0] != '\0')
        memcpy(token->issuer, uri->issuer, sizeof token->issuer);
    else if (!transfer_label(token->issuer, sizeof token->issuer, secret_bytes(&issuer)))
        transfer_say(uri->out, TRANSFER_FAULT, token->line, "the issuer is too long");

out:
    secret_free(&issuer);
    secret_free(&account);
}

static bool starts(struct bytes *text, const char *with)
{
    size_t len = strlen(with);

    if (text->len < len || strncasecmp((const char *)text->ptr, with, len) != 0)
        return false;
    *text = bytes_of(text->ptr + len, text->len - len);
    return true;
}

static void read_uri(struct transfer *out, const struct transfer_input *input, size_t line,
                     struct bytes text)
{
    struct uri uri = {.out = out};
    unsigned seen = 0;
    bool hotp = false;

    if (text.len > URI_MAX || !starts(&text, "otpauth://") ||
        !(starts(&text, "totp/") || (hotp = starts(&text, "hotp/")))) {
        transfer_say(out, TRANSFER_FAULT, line,
                     "this is not otpauth://totp/... or otpauth://hotp/...");
        return;
    }
    uri.token = transfer_add(out, line, bytes_of(NULL, 0));
    if (uri.token == NULL)
        return;
    size_t before = out->faults;
    uri.token->kind = hotp ? TOKEN_HOTP : TOKEN_TOTP;
    const uint8_t *fragment = memchr(text.ptr, '#', text.len);
    if (fragment != NULL)
        text.len = (size_t)(fragment - text.ptr);
    const uint8_t *query = memchr(text.ptr, '?', text.len);
    struct bytes label = bytes_of(text.ptr, query ? (size_t)(query - text.ptr) : text.len);
    struct bytes rest = bytes_of(text.ptr + label.len, text.len - label.len);
    while (rest.len > 0) { /* each round begins at '?' or '&' */
        rest = bytes_of(rest.ptr + 1, rest.len - 1);
        const uint8_t *next = rest.len > 0 ? memchr(rest.ptr, '&', rest.len) : NULL;
        size_t len = next != NULL ? (size_t)(next - rest.ptr) : rest.len;
        read_parameter(&uri, bytes_of(rest.ptr, len), &seen);
        rest = bytes_of(rest.ptr + len, rest.len - len);
    }
    read_label(&uri, label);
    if (input->user.len > 0)
        transfer_user(out, uri.token, input->user);
    if (!uri.has_secret)
        transfer_say(out, TRANSFER_FAULT, line, "there is no secret");
    if (hotp && !uri.has_counter)
        transfer_say(out, TRANSFER_FAULT, line, "there is no counter, which hotp needs");
    if (out->faults > before || !transfer_check(out, uri.token))
        transfer_drop(out);
}

void transfer_read_otpauth(const struct transfer_input *input, struct transfer *out)
{
    struct transfer_lines lines = {.text = input->text};
    struct bytes line;

    while (transfer_line(&lines, &line)) {
        while (line.len > 0 && (line.ptr[line.len - 1] == ' ' || line.ptr[line.len - 1] == '\t'))
            line.len--;
        if (line.len > 0 && line.ptr[0] != '#')
            read_uri(out, input, lines.line, line);
    }
}
