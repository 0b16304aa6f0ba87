/* The attributes of a request: extensions that are asked for are judged, and all but names is dropped. */
#include "config.h"

#include "pki/request_parts.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void request_oid_text(struct bytes oid, char text[REQUEST_OID_TEXT])
{
    uint64_t arc = 0;
    size_t used = 0;
    bool first = true;

    text[0] = '\0';
    for (size_t i = 0; i < oid.len && used < REQUEST_OID_TEXT; i++) {
        arc = arc << 7 | (oid.ptr[i] & 0x7fU);
        if (oid.ptr[i] >= 0x80)
            continue;
        if (first) {
            uint64_t root = arc < 80 ? arc / 40 : 2;

            used += (size_t)snprintf(text, REQUEST_OID_TEXT, "%" PRIu64, root);
            arc -= root * 40;
            first = false;
        }
        used += (size_t)snprintf(text + used, REQUEST_OID_TEXT - used, ".%" PRIu64, arc);
        arc = 0;
    }
}

/* RFC 5280 4.2.1.9 */
static bool read_constraints(const struct reading *reading, struct bytes value, struct request *out)
{
    struct der_item sequence, item;

    (void)out;
    if (!der_next_of(&value, DER_SEQUENCE, &sequence) || value.len != 0)
        return request_refuse(reading, "its basicConstraints are malformed (RFC 5280 4.2.1.9)");
    if (der_next_of(&sequence.content, DER_BOOLEAN, &item) && item.content.ptr[0] != 0)
        return request_refuse(reading,
                              "it asks to be a CA (basicConstraints CA:TRUE): requests are "
                              "signed for servers and clients alone");
    /* FALSE is the default, which DER leaves out (X.690 11.5); so common that it is let pass. */
    return sequence.content.len == 0 ||
           request_refuse(reading, "its basicConstraints have a path length, or more, without a CA "
                                   "(RFC 5280 4.2.1.9)");
}

/* X.690 11.2.2: a list of named bits ends in a one. */
static bool ends_in_zero(struct bytes bits)
{
    return (bits.ptr[bits.len - 1] & (1U << bits.ptr[0])) == 0;
}

/* RFC 5280 4.2.1.3: bit 0 is the highest one of the first octet. */
static bool read_key_usage(const struct reading *reading, struct bytes value, struct request *out)
{
    static const char *const ca_bits[9] = {
        [5] = "keyCertSign", [6] = "cRLSign", [7] = "encipherOnly", [8] = "decipherOnly"};
    struct der_item bits;

    (void)out;
    if (!der_next_of(&value, DER_BIT_STRING, &bits) || value.len != 0 || bits.content.len < 2 ||
        bits.content.len > 3 || ends_in_zero(bits.content))
        return request_refuse(reading, "its keyUsage is malformed (RFC 5280 4.2.1.3)");
    for (size_t bit = 0; bit < 8 * (bits.content.len - 1); bit++) {
        if ((bits.content.ptr[1 + bit / 8] & (0x80U >> bit % 8)) == 0)
            continue;
        if (bit >= 9)
            return request_refuse(reading, "its keyUsage has bits without a meaning");
        if (ca_bits[bit] != NULL)
            return request_refuse(reading,
                                  "it asks for the keyUsage %s, which no server or client "
                                  "has",
                                  ca_bits[bit]);
    }
    return true;
}

/* RFC 5280 4.2.1.12 */
static bool read_extended_usage(const struct reading *reading, struct bytes value,
                                struct request *out)
{
    static const struct bytes server = REQUEST_OID("\x2b\x06\x01\x05\x05\x07\x03\x01"),
                              client = REQUEST_OID("\x2b\x06\x01\x05\x05\x07\x03\x02");
    struct der_item sequence, oid;
    bool has_server = false, has_client = false;
    char text[REQUEST_OID_TEXT];

    (void)out;
    if (!der_next_of(&value, DER_SEQUENCE, &sequence) || value.len != 0 ||
        sequence.content.len == 0)
        return request_refuse(reading, "its extendedKeyUsage is malformed (RFC 5280 4.2.1.12)");
    while (sequence.content.len > 0) {
        if (!der_next_of(&sequence.content, DER_OID, &oid))
            return request_refuse(reading, "its extendedKeyUsage is malformed (RFC 5280 4.2.1.12)");
        bool is_server = bytes_equal(oid.content, server);
        bool is_client = bytes_equal(oid.content, client);

        if (is_server && reading->use == REQUEST_CLIENT)
            return request_refuse(reading, "it asks for the extendedKeyUsage serverAuth, and is to "
                                           "be a client's");
        if (!is_server && !is_client) {
            request_oid_text(oid.content, text);
            return request_refuse(reading,
                                  "it asks for an extendedKeyUsage that is not given here, "
                                  "%s: only serverAuth and clientAuth are",
                                  text);
        }
        if ((is_server && has_server) || (is_client && has_client))
            return request_refuse(reading, "its extendedKeyUsage names one use twice");
        has_server |= is_server;
        has_client |= is_client;
    }
    return true;
}

/* RFC 5280 4.2.1.2: any octets; ours is made anew. */
static bool read_key_identifier(const struct reading *reading, struct bytes value,
                                struct request *out)
{
    struct der_item item;

    (void)out;
    return (der_next_of(&value, DER_OCTET_STRING, &item) && value.len == 0) ||
           request_refuse(reading, "its subjectKeyIdentifier is malformed (RFC 5280 4.2.1.2)");
}

/* Extensions that are known; without a reader they are for the CA alone to say. */
static const struct rule {
    struct bytes oid;
    const char *name;
    bool (*read)(const struct reading *reading, struct bytes value, struct request *out);
} rules[] = {
    {REQUEST_OID("\x55\x1d\x13"), "basicConstraints", read_constraints},
    {REQUEST_OID("\x55\x1d\x0f"), "keyUsage", read_key_usage},
    {REQUEST_OID("\x55\x1d\x25"), "extendedKeyUsage", read_extended_usage},
    {REQUEST_OID("\x55\x1d\x11"), "subjectAltName", request_names},
    {REQUEST_OID("\x55\x1d\x0e"), "subjectKeyIdentifier", read_key_identifier},
    {REQUEST_OID("\x55\x1d\x09"), "subjectDirectoryAttributes", NULL},
    {REQUEST_OID("\x55\x1d\x10"), "privateKeyUsagePeriod", NULL},
    {REQUEST_OID("\x55\x1d\x12"), "issuerAltName", NULL},
    {REQUEST_OID("\x55\x1d\x1e"), "nameConstraints", NULL},
    {REQUEST_OID("\x55\x1d\x1f"), "cRLDistributionPoints", NULL},
    {REQUEST_OID("\x55\x1d\x20"), "certificatePolicies", NULL},
    {REQUEST_OID("\x55\x1d\x21"), "policyMappings", NULL},
    {REQUEST_OID("\x55\x1d\x23"), "authorityKeyIdentifier", NULL},
    {REQUEST_OID("\x55\x1d\x24"), "policyConstraints", NULL},
    {REQUEST_OID("\x55\x1d\x2e"), "freshestCRL", NULL},
    {REQUEST_OID("\x55\x1d\x36"), "inhibitAnyPolicy", NULL},
    {REQUEST_OID("\x2b\x06\x01\x05\x05\x07\x01\x01"), "authorityInfoAccess", NULL},
    {REQUEST_OID("\x2b\x06\x01\x05\x05\x07\x01\x0b"), "subjectInfoAccess", NULL},
    {REQUEST_OID("\x2b\x06\x01\x05\x05\x07\x01\x0e"), "proxyCertInfo", NULL},
    {REQUEST_OID("\x2b\x06\x01\x05\x05\x07\x30\x01\x05"), "OCSP noCheck", NULL},
    {REQUEST_OID("\x60\x86\x48\x01\x86\xf8\x42\x01\x01"), "netscapeCertType", NULL},
    {REQUEST_OID("\x2b\x06\x01\x04\x01\xd6\x79\x02\x04\x02"), "CT's SCT list", NULL},
    {REQUEST_OID("\x2b\x06\x01\x04\x01\xd6\x79\x02\x04\x03"), "CT's poison", NULL},
};

static bool judge_extension(const struct reading *reading, struct bytes oid, bool critical,
                            struct bytes value, struct request *out)
{
    char text[REQUEST_OID_TEXT];

    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        if (!bytes_equal(rules[i].oid, oid))
            continue;
        if (rules[i].read == NULL)
            return request_refuse(reading,
                                  "it asks for %s, which is for the CA alone to say: leave "
                                  "it out",
                                  rules[i].name);
        return request_values(reading, value) && rules[i].read(reading, value, out);
    }
    if (!critical)
        return true;
    request_oid_text(oid, text);
    return request_refuse(reading,
                          "it has a critical extension that is not known here, %s: leave "
                          "it out, or do not mark it critical",
                          text);
}

/* What was seen of its kind, to tell what comes twice. */
struct seen {
    struct bytes oid[REQUEST_EXTENSIONS];
    size_t n;
};

static bool saw(struct seen *seen, struct bytes oid)
{
    for (size_t i = 0; i < seen->n; i++)
        if (bytes_equal(seen->oid[i], oid))
            return true;
    seen->oid[seen->n++] = oid;
    return false;
}

/* One Extension (RFC 5280 4.1). */
static bool read_extension(const struct reading *reading, struct bytes *rest, struct seen *seen,
                           struct request *out)
{
    struct der_item extension, oid, flag, value;
    char text[REQUEST_OID_TEXT];
    bool critical = false;

    if (!der_next_of(rest, DER_SEQUENCE, &extension) ||
        !der_next_of(&extension.content, DER_OID, &oid))
        return request_refuse(reading, "an extension is malformed (RFC 5280 4.1)");
    request_oid_text(oid.content, text);
    if (der_next_of(&extension.content, DER_BOOLEAN, &flag)) {
        critical = flag.content.ptr[0] != 0;
        if (!critical)
            return request_refuse(reading,
                                  "it is not DER (X.690 11.5): the extension %s says that "
                                  "it is not critical, which is left out",
                                  text);
    }
    if (!der_next_of(&extension.content, DER_OCTET_STRING, &value) || extension.content.len != 0)
        return request_refuse(reading, "the extension %s is malformed (RFC 5280 4.1)", text);
    if (saw(seen, oid.content))
        return request_refuse(reading, "it has the extension %s twice (RFC 5280 4.2)", text);
    return judge_extension(reading, oid.content, critical, value.content, out);
}

static bool read_extensions(const struct reading *reading, struct bytes values, struct request *out)
{
    struct seen seen = {.n = 0};
    struct der_item list;
    struct bytes rest;

    if (!der_next_of(&values, DER_SEQUENCE, &list) || list.content.len == 0)
        return request_refuse(reading, "its list of extensions is malformed (RFC 2985 5.4.2)");
    if (values.len != 0)
        return request_refuse(reading, "it has two lists of extensions (RFC 2985 5.4.2: one)");
    for (rest = list.content; rest.len > 0;) {
        if (seen.n == REQUEST_EXTENSIONS)
            return request_refuse(reading, "it has more than %d extensions", REQUEST_EXTENSIONS);
        if (!read_extension(reading, &rest, &seen, out))
            return false;
    }
    return true;
}

/* extensionRequest, of PKCS#9 and as Microsoft had it first. */
static bool is_extension_request(struct bytes oid)
{
    static const struct bytes names[] = {
        REQUEST_OID("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x0e"),
        REQUEST_OID("\x2b\x06\x01\x04\x01\x82\x37\x02\x01\x0e"),
    };

    return bytes_equal(oid, names[0]) || bytes_equal(oid, names[1]);
}

bool request_attributes(const struct reading *reading, struct bytes content, struct request *out)
{
    struct seen seen = {.n = 0};
    struct der_item attribute, oid, values;
    char text[REQUEST_OID_TEXT];
    bool extended = false;

    while (content.len > 0) {
        if (seen.n == REQUEST_ATTRIBUTES)
            return request_refuse(reading, "it has more than %d attributes", REQUEST_ATTRIBUTES);
        if (!der_next_of(&content, DER_SEQUENCE, &attribute) ||
            !der_next_of(&attribute.content, DER_OID, &oid) ||
            !der_next_of(&attribute.content, DER_SET, &values) || attribute.content.len != 0 ||
            values.content.len == 0)
            return request_refuse(reading, "an attribute is malformed (RFC 2986 4.1)");
        request_oid_text(oid.content, text);
        if (saw(&seen, oid.content))
            return request_refuse(reading, "it has the attribute %s twice (RFC 2986 4.1)", text);
        if (!is_extension_request(oid.content))
            continue;
        if (extended)
            return request_refuse(reading, "it has two lists of extensions (RFC 2985 5.4.2: one)");
        extended = true;
        if (!read_extensions(reading, values.content, out))
            return false;
    }
    return true;
}
