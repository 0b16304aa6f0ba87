/* The subjectAltName that a request asks for (RFC 5280 4.2.1.6). */
#include "config.h"

#include "common/text.h"
#include "pki/request_parts.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum general_name { /* the tag's number */
                    OTHER_NAME = 0,
                    RFC822_NAME = 1,
                    DNS_NAME = 2,
                    X400_ADDRESS = 3,
                    DIRECTORY_NAME = 4,
                    EDI_PARTY_NAME = 5,
                    URI_NAME = 6,
                    IP_ADDRESS = 7,
                    REGISTERED_ID = 8,
                    GENERAL_NAMES
};
static const char *const kinds[GENERAL_NAMES] = {
    "an otherName",     "an e-mail address", "a host name", "an X.400 address",
    "a directory name", "an ediPartyName",   "a URI",       "an IP address",
    "a registered OID",
};

static bool refuse_value(const struct reading *reading, struct bytes value, const char *fault)
{
    char text[96];

    text_escape(text, sizeof text, value);
    return request_refuse(reading, "its subjectAltName \"%s\" %s", text, fault);
}

static bool add(const struct reading *reading, struct request *out, struct name_san *san)
{
    struct name_san *sans;

    for (size_t i = 0; i < out->n_sans; i++) {
        if (out->sans[i].kind == san->kind && strcmp(out->sans[i].text, san->text) == 0) {
            (void)refuse_value(reading, bytes_str(san->text), "is there twice");
            name_san_clear(san);
            return false;
        }
    }
    sans = out->n_sans < NAME_SANS_MAX ? reallocarray(out->sans, out->n_sans + 1, sizeof *out->sans)
                                       : NULL;
    if (sans == NULL) {
        name_san_clear(san);
        return request_refuse(reading, "it has more than %d names in its subjectAltName",
                              NAME_SANS_MAX);
    }
    out->sans = sans;
    out->sans[out->n_sans++] = *san;
    return true;
}

static bool add_text(const struct reading *reading, struct request *out, const char *prefix,
                     struct bytes value)
{
    GString *text = g_string_new(prefix);
    struct name_san san;
    const char *fault;

    g_string_append_len(text, (const char *)value.ptr, (gssize)value.len);
    fault = name_san_parse(bytes_of(text->str, text->len), &san);
    g_string_free(text, TRUE);
    if (fault != NULL)
        return refuse_value(reading, value, fault);
    return add(reading, out, &san);
}

static bool add_address(const struct reading *reading, struct request *out, struct bytes value)
{
    char text[INET6_ADDRSTRLEN];

    if ((value.len != 4 && value.len != 16) ||
        inet_ntop(value.len == 4 ? AF_INET : AF_INET6, value.ptr, text, sizeof text) == NULL)
        return request_refuse(reading,
                              "an IP address of its subjectAltName has %zu octets, not 4 "
                              "or 16 (RFC 5280 4.2.1.6)",
                              value.len);
    return add_text(reading, out, "IP:", bytes_str(text));
}

/* A client's one URI says who it is, and has to say the same as the CN; it is then made anew. */
static bool judge_client_uri(const struct reading *reading, const struct request *out,
                             struct bytes value)
{
    char *urn = out->common_name != NULL ? name_role_urn(bytes_str(out->common_name)) : NULL;
    bool same = urn != NULL && bytes_equal(value, bytes_str(urn));

    g_free(urn);
    return same || refuse_value(reading, value, "is not the urn:pgrole: of its CN: leave it out");
}

static bool judge_name(const struct reading *reading, const struct der_item *item,
                       struct request *out)
{
    unsigned kind = item->tag & 0x1fU;
    bool client = reading->use == REQUEST_CLIENT;

    if ((item->tag & 0xc0) != DER_CONTEXT || kind >= GENERAL_NAMES)
        return request_refuse(reading, "its subjectAltName is malformed (RFC 5280 4.2.1.6)");
    if (client ? kind != URI_NAME : kind != DNS_NAME && kind != IP_ADDRESS)
        return request_refuse(reading, "its subjectAltName holds %s, and that of a %s %s",
                              kinds[kind], client ? "client" : "server",
                              client ? "is its role's urn:pgrole: alone"
                                     : "holds host names and IP addresses alone");
    if (item->tag != DER_CONTEXT + kind)
        return request_refuse(reading, "its subjectAltName is malformed (RFC 5280 4.2.1.6)");
    for (size_t i = 0; kind != IP_ADDRESS && i < item->content.len; i++)
        if (item->content.ptr[i] <= 0x20 || item->content.ptr[i] > 0x7e)
            return refuse_value(reading, item->content,
                                "has NUL, a blank, a control character or more than ASCII");
    if (kind == URI_NAME)
        return judge_client_uri(reading, out, item->content);
    return kind == DNS_NAME ? add_text(reading, out, "DNS:", item->content)
                            : add_address(reading, out, item->content);
}

bool request_names(const struct reading *reading, struct bytes value, struct request *out)
{
    struct der_item list, item;

    if (!der_next_of(&value, DER_SEQUENCE, &list) || value.len != 0 || list.content.len == 0)
        return request_refuse(reading, "its subjectAltName is malformed (RFC 5280 4.2.1.6)");
    while (list.content.len > 0) {
        if (!der_next(&list.content, &item))
            return request_refuse(reading, "its subjectAltName is not DER (X.690)");
        if (!judge_name(reading, &item, out))
            return false;
    }
    return true;
}
