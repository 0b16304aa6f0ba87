/* CRLs as text (RFC 7468), in pieces: the text of a long one is the most that this program holds. */
#include "config.h"

#include "pki/crl.h"

#include <stdlib.h>

#define BEGIN       "-----BEGIN X509 CRL-----"
#define END         "-----END X509 CRL-----"
#define OTHER       "-----BEGIN "
#define LINE_OCTETS 48 /* 64 characters */

void crl_pem(struct bytes der, GByteArray *out)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t lines = (der.len + LINE_OCTETS - 1) / LINE_OCTETS, at = out->len;

    /* All at once: growing by doubling would hold twice as much. */
    g_byte_array_set_size(out,
                          (guint)(at + sizeof BEGIN + (der.len + 2) / 3 * 4 + lines + sizeof END));
    uint8_t *to = out->data + at;
    memcpy(to, BEGIN "\n", sizeof BEGIN);
    to += sizeof BEGIN;
    for (size_t i = 0; i < der.len; i += 3) {
        size_t left = der.len - i;
        uint32_t bits = (uint32_t)der.ptr[i] << 16 |
                        (left > 1 ? (uint32_t)der.ptr[i + 1] << 8 : 0) |
                        (left > 2 ? der.ptr[i + 2] : 0);
        *to++ = (uint8_t)letters[bits >> 18];
        *to++ = (uint8_t)letters[bits >> 12 & 63];
        *to++ = left > 1 ? (uint8_t)letters[bits >> 6 & 63] : '=';
        *to++ = left > 2 ? (uint8_t)letters[bits & 63] : '=';
        if (i % LINE_OCTETS == LINE_OCTETS - 3 || left <= 3)
            *to++ = '\n';
    }
    memcpy(to, END "\n", sizeof END);
}

static const uint8_t *find(struct bytes text, const char *word)
{
    return text.len == 0 ? NULL : memmem(text.ptr, text.len, word, strlen(word));
}

static struct bytes from(struct bytes text, const uint8_t *at)
{
    return bytes_of(at, text.len - (size_t)(at - text.ptr));
}

/* Base64 with blanks between, strictly padded. */
static bool decode(struct bytes text, GByteArray *der)
{
    gint state = 0;
    guint save = 0;
    size_t letters = 0, padding = 0;

    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        if (c == '\n' || c == '\r' || c == ' ' || c == '\t')
            continue;
        if (c == '=')
            padding++;
        else if (padding > 0 || !(g_ascii_isalnum(c) || c == '+' || c == '/'))
            return false;
        letters++;
    }
    if (letters == 0 || letters % 4 != 0 || padding > 2)
        return false;
    g_byte_array_set_size(der, (guint)(letters / 4 * 3));
    gsize n = g_base64_decode_step((const gchar *)text.ptr, text.len, der->data, &state, &save);
    g_byte_array_set_size(der, (guint)n);
    return n == letters / 4 * 3 - padding;
}

int crl_pem_next(struct bytes *rest, GByteArray *der, struct bytes *text)
{
    g_byte_array_set_size(der, 0);
    const uint8_t *begin = find(*rest, OTHER);
    if (begin == NULL)
        return 0;
    struct bytes block = from(*rest, begin);
    if (block.len < strlen(BEGIN) || memcmp(block.ptr, BEGIN, strlen(BEGIN)) != 0)
        return -1;
    struct bytes body = from(block, block.ptr + strlen(BEGIN));
    const uint8_t *end = find(body, "-----");
    if (end == NULL || !decode(bytes_of(body.ptr, (size_t)(end - body.ptr)), der))
        return -1;
    struct bytes tail = from(body, end);
    if (tail.len < strlen(END) || memcmp(tail.ptr, END, strlen(END)) != 0)
        return -1;
    const uint8_t *behind = tail.ptr + strlen(END);
    if (text != NULL)
        *text = bytes_of(block.ptr, (size_t)(behind - block.ptr));
    *rest = from(tail, behind);
    struct crl_facts facts;
    return crl_facts(bytes_of(der->data, der->len), &facts) == NULL ? 1 : -1;
}
