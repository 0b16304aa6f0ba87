/* Files to import, of any text format: what is taken is in range, and notes are fit for a terminal. */
#include "config.h"

#include <stdlib.h>

#include "common/text.h"
#include "mfa/transfer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum transfer_format formats[] = {TRANSFER_GOOGLE, TRANSFER_OATH, TRANSFER_OTPAUTH,
                                                   TRANSFER_CSV};
    struct transfer out = {0};

    if (size < 1)
        return 0;
    /* a printable first byte, so that corpora can be written by hand */
    enum transfer_format format = formats[data[0] % 4];
    const struct transfer_input input = {
        .text = bytes_of(data + 1, size - 1),
        .user = bytes_str(format == TRANSFER_GOOGLE ? "bob" : ""),
    };
    transfer_read(format, &input, &out);
    transfer_map(&out, input.text);
    transfer_finish(&out);
    for (size_t i = 0; i < out.n && out.faults == 0; i++) {
        const struct transfer_token *token = &out.tokens[i];
        if (token->secret.len < TRANSFER_SECRET_MIN || token->secret.len > TRANSFER_SECRET_MAX ||
            token->user_len < 1 || token->user_len > MFA_USER_MAX || token->name[0] == '\0' ||
            token->digits < 6 || token->digits > 8 || token->counter < 0)
            abort();
    }
    for (size_t i = 0; i < out.n_notes; i++)
        if (!text_is_plain(bytes_str(out.notes[i].text), false))
            abort();
    transfer_free(&out);
    return 0;
}
