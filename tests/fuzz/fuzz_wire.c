/* Decodes any bytes as both kinds; what decodes must encode again to the same message. */
#include "config.h"

#include <stdlib.h>

#include "common/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void fuzz_request(const uint8_t *data, size_t size)
{
    struct wire_request first, second;
    uint8_t buf[WIRE_MAX];
    size_t len;

    if (wire_decode_request(data, size, &first) != WIRE_OK) {
        static const struct wire_request zero;

        require(memcmp(&first, &zero, sizeof zero) == 0);
        return;
    }
    len = wire_encode_request(&first, buf, sizeof buf);
    require(len >= WIRE_HEADER && len <= size); /* empty fields are left out */
    require(memcmp(buf, data, WIRE_HEADER) == 0);
    require(wire_decode_request(buf, len, &second) == WIRE_OK);
    require(bytes_equal(first.policy, second.policy));
    require(bytes_equal(first.service, second.service));
    require(bytes_equal(first.user, second.user));
    require(bytes_equal(first.rhost, second.rhost));
    require(bytes_equal(first.secret, second.secret));
}

static void fuzz_reply(const uint8_t *data, size_t size)
{
    struct wire_reply first, second;
    uint8_t buf[WIRE_MAX];
    size_t len;

    if (wire_decode_reply(data, size, &first) != WIRE_OK) {
        static const struct wire_reply zero;

        require(memcmp(&first, &zero, sizeof zero) == 0);
        return;
    }
    len = wire_encode_reply(&first, buf, sizeof buf);
    require(len >= WIRE_HEADER && len <= size);
    require(memcmp(buf, data, WIRE_HEADER) == 0);
    require(wire_decode_reply(buf, len, &second) == WIRE_OK);
    require(bytes_equal(first.authtok, second.authtok));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_request(data, size);
    fuzz_reply(data, size);
    return 0;
}
