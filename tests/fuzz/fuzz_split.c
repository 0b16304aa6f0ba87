/* Any string splits inside its own bounds, and a code is all digits. */
#include "config.h"

#include "mfa/split.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct split split;

    if (size < 2)
        return 0;
    enum split_order order = (enum split_order)(data[0] % 3);
    unsigned digits = data[1] % 10;
    struct bytes secret = bytes_of(data + 2, size - 2);
    bool found = split_secret(secret, order, digits, &split);
    if (split.password_offset > secret.len ||
        split.password_length > secret.len - split.password_offset ||
        split.code.len != (found ? digits : 0) ||
        split.code.len + split.password_length != secret.len)
        abort();
    for (size_t i = 0; i < split.code.len; i++)
        if (split.code.ptr[i] < '0' || split.code.ptr[i] > '9')
            abort();
    return 0;
}
