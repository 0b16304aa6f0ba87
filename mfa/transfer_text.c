/* What the readers of text formats share: lines, words, numbers, encodings. */
#include "config.h"

#include "mfa/transfer.h"

#include <stdlib.h>

#include <liboath/oath.h>
#include <openssl/evp.h>

#include "common/number.h"

bool transfer_label(char *out, size_t size, struct bytes text)
{
    out[0] = '\0';
    if (text.len >= size || (text.len > 0 && memchr(text.ptr, 0, text.len) != NULL))
        return false;
    if (text.len > 0)
        memcpy(out, text.ptr, text.len);
    out[text.len] = '\0';
    return true;
}

bool transfer_line(struct transfer_lines *lines, struct bytes *line)
{
    if (lines->at >= lines->text.len)
        return false;
    const uint8_t *start = lines->text.ptr + lines->at;
    size_t left = lines->text.len - lines->at;
    const uint8_t *end = memchr(start, '\n', left);
    size_t len = end != NULL ? (size_t)(end - start) : left;

    lines->at += len + (end != NULL ? 1 : 0);
    lines->line++;
    if (len > 0 && start[len - 1] == '\r')
        len--;
    *line = bytes_of(start, len);
    return true;
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t';
}

struct bytes transfer_word(struct bytes *line)
{
    size_t from = 0, to;

    while (from < line->len && is_blank(line->ptr[from]))
        from++;
    for (to = from; to < line->len && !is_blank(line->ptr[to]);)
        to++;
    struct bytes word = bytes_of(line->len > 0 ? line->ptr + from : NULL, to - from);
    *line = bytes_of(line->len > 0 ? line->ptr + to : NULL, line->len - to);
    return word;
}

bool transfer_number(struct bytes text, int64_t min, int64_t max, int64_t *out)
{
    return text.len > 0 &&
           number_parse((const char *)text.ptr, text.len, min, max, out) == NUMBER_OK;
}

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool transfer_hex(struct bytes text, struct secret *out)
{
    *out = (struct secret){0};
    if (text.len == 0 || text.len % 2 != 0 || !secret_alloc(out, text.len / 2))
        return false;
    for (size_t i = 0; i < text.len; i += 2) {
        int high = hex_digit(text.ptr[i]), low = hex_digit(text.ptr[i + 1]);
        if (high < 0 || low < 0) {
            secret_free(out);
            return false;
        }
        out->ptr[i / 2] = (uint8_t)(high * 16 + low);
    }
    return true;
}

bool transfer_base32(struct bytes text, struct secret *out)
{
    struct secret bare = {0};
    char *raw = NULL;
    size_t raw_len = 0, n = 0;
    bool done = false;

    *out = (struct secret){0};
    while (text.len > 0 && text.ptr[text.len - 1] == '=')
        text.len--;
    if (text.len == 0 || !secret_alloc(&bare, text.len))
        return false;
    for (size_t i = 0; i < text.len; i++)
        if (!is_blank(text.ptr[i]) && text.ptr[i] != '-')
            bare.ptr[n++] = text.ptr[i];
    if (n == 0 || memchr(bare.ptr, '=', n) != NULL ||
        oath_base32_decode((const char *)bare.ptr, n, &raw, &raw_len) != OATH_OK)
        goto out;
    done = raw_len > 0 && secret_copy(out, bytes_of(raw, raw_len));

out:
    if (raw != NULL)
        secret_wipe(raw, raw_len);
    free(raw);
    secret_free(&bare);
    return done;
}

bool transfer_base64(struct bytes text, struct secret *out)
{
    struct secret bare = {0}, raw = {0};
    size_t n = 0, padding = 0;
    bool done = false;

    *out = (struct secret){0};
    if (text.len == 0 || text.len > TRANSFER_FILE_MAX || !secret_alloc(&bare, text.len))
        return false;
    for (size_t i = 0; i < text.len; i++)
        if (!is_blank(text.ptr[i]) && text.ptr[i] != '\n' && text.ptr[i] != '\r')
            bare.ptr[n++] = text.ptr[i];
    while (padding < 2 && padding < n && bare.ptr[n - 1 - padding] == '=')
        padding++;
    if (n == 0 || n % 4 != 0 || memchr(bare.ptr, '=', n - padding) != NULL ||
        !secret_alloc(&raw, n / 4 * 3))
        goto out;
    if (EVP_DecodeBlock(raw.ptr, bare.ptr, (int)n) != (int)raw.len)
        goto out;
    done = secret_copy(out, bytes_of(raw.ptr, raw.len - padding));

out:
    secret_free(&raw);
    secret_free(&bare);
    return done;
}
