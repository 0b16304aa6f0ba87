/* PSKC, with a key at hand and without a password (deriving would be all that is measured). */
#include "config.h"

#include <stdlib.h>

#include "mfa/transfer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct transfer out = {0};
    const struct transfer_input input = {
        .text = bytes_of(data, size),
        .key = bytes_str("1234567890123456"),
    };

    transfer_read(TRANSFER_PSKC, &input, &out);
    for (size_t i = 0; i < out.n; i++)
        if (out.tokens[i].secret.len < TRANSFER_SECRET_MIN ||
            out.tokens[i].secret.len > TRANSFER_SECRET_MAX || out.tokens[i].counter < 0)
            abort();
    transfer_finish(&out);
    transfer_free(&out);
    return 0;
}
