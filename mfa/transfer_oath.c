/*
 * Reads a usersfile of liboath (users.oath of pam_oath), one token a line:
 *
 *     HOTP|HOTP/E|HOTP/T30|HOTP/T60[/6|/7|/8]  USER  PIN|-|+  HEX  [COUNTER [LAST-CODE [TIME]]]
 */
#include "config.h"

#include "mfa/transfer.h"

#include "mfa/otpauth.h"

#define COUNTER_MAX (INT64_MAX - 1)

/* The next part of a type, up to '/'. */
static struct bytes part(struct bytes *type)
{
    size_t len = 0;

    while (len < type->len && type->ptr[len] != '/')
        len++;
    struct bytes found = bytes_of(type->ptr, len);
    size_t taken = len < type->len ? len + 1 : len;
    *type = bytes_of(type->ptr + taken, type->len - taken);
    return found;
}

static bool read_type(struct bytes type, struct transfer_token *token)
{
    int64_t period, digits;

    token->kind = TOKEN_HOTP;
    if (type.len == 0 || type.ptr[type.len - 1] == '/' ||
        !bytes_equal(part(&type), bytes_str("HOTP")))
        return false;
    if (type.len == 0)
        return true;
    struct bytes moving = part(&type);
    if (moving.len > 1 && moving.ptr[0] == 'T') {
        if (!transfer_number(bytes_of(moving.ptr + 1, moving.len - 1), 1, UINT16_MAX, &period))
            return false;
        token->kind = TOKEN_TOTP;
        token->period = (unsigned)period;
    } else if (!bytes_equal(moving, bytes_str("E"))) {
        return false;
    }
    if (type.len == 0)
        return true;
    if (!transfer_number(type, 6, 8, &digits))
        return false;
    token->digits = (unsigned)digits;
    return true;
}

/*
 * liboath keeps the counter of the last code it accepted, and beside it that code, to refuse it; without
 * a code the counter is that of the next one (seen with oath_authenticate_usersfile of 2.6.7).
 */
static void read_counter(struct transfer *out, struct transfer_token *token, struct bytes line)
{
    struct bytes counter = transfer_word(&line), last = transfer_word(&line);

    if (counter.len == 0 || (token->kind == TOKEN_TOTP && last.len == 0))
        return;
    if (!transfer_number(counter, 0, COUNTER_MAX - 1, &token->counter))
        transfer_say(out, TRANSFER_FAULT, token->line, "the counter is not a number");
    else if (last.len > 0 && !bytes_equal(last, bytes_str("-")))
        token->counter++;
}

static void read_row(struct transfer *out, size_t number, struct bytes line)
{
    struct bytes type = transfer_word(&line), user = transfer_word(&line);
    struct bytes pin = transfer_word(&line), secret = transfer_word(&line);

    if (type.len == 0 || type.ptr[0] == '#')
        return;
    struct transfer_token *token = transfer_add(out, number, user);
    if (token == NULL)
        return;
    size_t before = out->faults;
    if (!read_type(type, token))
        transfer_say(out, TRANSFER_FAULT, number,
                     "the type is none of HOTP, HOTP/E, HOTP/T30, HOTP/T60, with /6, /7 or /8");
    if (secret.len == 0)
        transfer_say(out, TRANSFER_FAULT, number, "type, user, PIN and secret are due");
    else if (!transfer_hex(secret, &token->secret))
        transfer_say(out, TRANSFER_FAULT, number, "the secret is not hexadecimal");
    if (pin.len > 0 && !bytes_equal(pin, bytes_str("-")))
        transfer_say(out, TRANSFER_LOST, number,
                     bytes_equal(pin, bytes_str("+"))
                         ? "the PIN, checked elsewhere, does not come along: the password is the "
                           "second factor here"
                         : "the PIN does not come along: the password is the second factor here");
    read_counter(out, token, line);
    if (out->faults > before || !transfer_check(out, token))
        transfer_drop(out);
}

void transfer_read_oath(const struct transfer_input *input, struct transfer *out)
{
    struct transfer_lines lines = {.text = input->text};
    struct bytes line;

    while (transfer_line(&lines, &line))
        read_row(out, lines.line, line);
}
