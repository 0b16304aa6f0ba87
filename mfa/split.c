#include "config.h"

#include "mfa/split.h"

bool split_secret(struct bytes secret, enum split_order order, unsigned digits, struct split *out)
{
    *out = (struct split){.password_length = secret.len};
    if (digits == 0 || secret.len < digits || (order == SPLIT_CODE_ONLY && secret.len != digits))
        return false;

    size_t rest = secret.len - digits;
    const uint8_t *code = secret.ptr + (order == SPLIT_PASSWORD_CODE ? rest : 0);
    /* All bytes are looked at: how far the digits reach is no business of a stop-watch. */
    unsigned other = 0;
    for (unsigned i = 0; i < digits; i++)
        other |= (unsigned)(code[i] < '0') | (unsigned)(code[i] > '9');
    if (other)
        return false;
    out->code = bytes_of(code, digits);
    out->password_offset = order == SPLIT_CODE_PASSWORD ? digits : 0;
    out->password_length = rest;
    return true;
}

bool split_recovery(struct bytes secret, enum split_order order, uint8_t letters[SPLIT_RECOVERY],
                    struct split *out)
{
    static const size_t lengths[] = {LETTERS_TEXT(SPLIT_RECOVERY), SPLIT_RECOVERY};

    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        size_t len = lengths[i];
        if (secret.len < len || (order == SPLIT_CODE_ONLY && secret.len != len))
            continue;
        size_t rest = secret.len - len;
        const uint8_t *code = secret.ptr + (order == SPLIT_PASSWORD_CODE ? rest : 0);
        if (!letters_read(bytes_of(code, len), letters, SPLIT_RECOVERY))
            continue;
        *out = (struct split){
            .code = bytes_of(code, len),
            .password_offset = order == SPLIT_CODE_PASSWORD ? len : 0,
            .password_length = rest,
        };
        return true;
    }
    *out = (struct split){.password_length = secret.len};
    return false;
}
