/* Alternative names of a certificate: host names, addresses, URIs. */
#include "config.h"

#include "pki/name.h"

#include <arpa/inet.h>

#define URI_MAX 1024 /* bytes */

static const char *const prefixes[] = {
    [NAME_DNS] = "DNS:",
    [NAME_IP] = "IP:",
    [NAME_URI] = "URI:",
};

static const char *label_fault(struct bytes label)
{
    if (label.len == 0)
        return "has an empty label (two dots, or a dot at one end)";
    if (label.len > 63)
        return "has a label longer than 63 bytes";
    for (size_t i = 0; i < label.len; i++) {
        uint8_t c = label.ptr[i];

        if (c >= 0x80)
            return "holds a letter beyond ASCII: write it in its xn-- form";
        if (c == '_')
            return "holds \"_\", which no host name has";
        if (c == '*')
            return "holds \"*\" elsewhere than in front, as \"*.\"";
        if (!g_ascii_isalnum(c) && c != '-')
            return "holds a character that no host name has";
    }
    if (label.ptr[0] == '-' || label.ptr[label.len - 1] == '-')
        return "has a label that begins or ends with \"-\"";
    return NULL;
}

static bool is_digits(struct bytes label)
{
    for (size_t i = 0; i < label.len; i++)
        if (!g_ascii_isdigit(label.ptr[i]))
            return false;
    return true;
}

/* RFC 1123 2.1, RFC 5280 4.2.1.6 ("preferred name syntax"). */
static const char *dns_fault(struct bytes text)
{
    struct bytes rest = text, label = text;

    if (text.len == 0)
        return "is empty";
    if (text.len > NAME_DNS_MAX)
        return "is longer than 253 bytes";
    if (text.len >= 2 && memcmp(text.ptr, "*.", 2) == 0)
        rest = bytes_of(text.ptr + 2, text.len - 2);
    for (;;) {
        const uint8_t *dot = rest.len > 0 ? memchr(rest.ptr, '.', rest.len) : NULL;
        const char *fault;

        label = bytes_of(rest.ptr, dot != NULL ? (size_t)(dot - rest.ptr) : rest.len);
        fault = label_fault(label);
        if (fault != NULL)
            return fault;
        if (dot == NULL)
            break;
        rest = bytes_of(dot + 1, rest.len - label.len - 1);
    }
    return is_digits(label) ? "looks like an address, but is none" : NULL;
}

/* RFC 3986, without a comma: lists of names are written with commas between them. */
static const char *uri_fault(struct bytes text)
{
    size_t scheme = 0;

    if (text.len > URI_MAX)
        return "is longer than 1024 bytes";
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];

        if (c <= 0x20 || c >= 0x7f || strchr("<>\"{}|\\^`,", c) != NULL)
            return "holds a character that has to be percent-encoded in a URI";
        if (c == '%' && (text.len - i < 3 || !g_ascii_isxdigit(text.ptr[i + 1]) ||
                         !g_ascii_isxdigit(text.ptr[i + 2])))
            return "holds \"%\" without two hexadecimal digits behind it";
    }
    while (scheme < text.len && (g_ascii_isalnum(text.ptr[scheme]) ||
                                 (scheme > 0 && strchr("+-.", text.ptr[scheme]) != NULL)))
        scheme++;
    if (scheme == 0 || !g_ascii_isalpha(text.ptr[0]) || scheme + 1 >= text.len ||
        text.ptr[scheme] != ':')
        return "is no URI with a scheme and something behind it";
    return NULL;
}

bool name_ip_octets(const char *text, uint8_t octets[16], size_t *len)
{
    if (inet_pton(AF_INET, text, octets) == 1)
        *len = 4;
    else if (inet_pton(AF_INET6, text, octets) == 1)
        *len = 16;
    else
        return false;
    return true;
}

/* An address in its shortest form; NULL when it is none. */
static char *ip_text(struct bytes text)
{
    char in[INET6_ADDRSTRLEN], out[INET6_ADDRSTRLEN];
    uint8_t octets[16];
    size_t len;

    if (text.len == 0 || text.len >= sizeof in || memchr(text.ptr, 0, text.len) != NULL)
        return NULL;
    memcpy(in, text.ptr, text.len);
    in[text.len] = '\0';
    if (!name_ip_octets(in, octets, &len) ||
        inet_ntop(len == 4 ? AF_INET : AF_INET6, octets, out, sizeof out) == NULL)
        return NULL;
    return g_strdup(out);
}

/* Takes a prefix off; false when there is none. */
static bool take_prefix(struct bytes *text, enum name_kind *kind)
{
    for (size_t i = 0; i < G_N_ELEMENTS(prefixes); i++) {
        size_t n = strlen(prefixes[i]);

        if (text->len < n || g_ascii_strncasecmp((const char *)text->ptr, prefixes[i], n) != 0)
            continue;
        *text = bytes_of(text->ptr + n, text->len - n);
        *kind = (enum name_kind)i;
        return true;
    }
    return false;
}

const char *name_san_parse(struct bytes text, struct name_san *san)
{
    enum name_kind kind = NAME_DNS;
    bool told = take_prefix(&text, &kind);
    char *ip = ip_text(text);
    const char *fault = NULL;

    *san = (struct name_san){.kind = kind};
    if (ip != NULL && (kind == NAME_IP || !told)) {
        *san = (struct name_san){.kind = NAME_IP, .text = ip};
        return NULL;
    }
    g_free(ip);
    switch (kind) {
    case NAME_IP:
        return "is no IPv4 or IPv6 address";
    case NAME_URI:
        fault = uri_fault(text);
        break;
    case NAME_DNS:
        fault = dns_fault(text);
        break;
    }
    if (fault != NULL)
        return fault;
    san->text = kind == NAME_DNS ? g_ascii_strdown((const char *)text.ptr, (gssize)text.len)
                                 : g_strndup((const char *)text.ptr, text.len);
    return NULL;
}

void name_san_clear(struct name_san *san)
{
    g_free(san->text);
    san->text = NULL;
}

void name_san_write(const struct name_san *san, GString *out)
{
    g_string_append(out, prefixes[san->kind]);
    g_string_append(out, san->text);
}
