/* A file's text: PEM in its strict form (RFC 7468 3), or the DER itself. */
#include "config.h"

#include "common/text.h"
#include "pki/request_parts.h"

#include <stdlib.h>
#include <string.h>

static const char begin_mark[] = "-----BEGIN ", end_mark[] = "-----END ", dashes[] = "-----";
static const char *const labels[] = {"CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"};

static bool starts(struct bytes text, const char *word)
{
    size_t len = strlen(word);

    return text.len >= len && memcmp(text.ptr, word, len) == 0;
}

static struct bytes from(struct bytes text, size_t n)
{
    return bytes_of(text.ptr + n, text.len - n);
}

/* Takes a line off *text, without its end. */
static struct bytes take_line(struct bytes *text)
{
    const uint8_t *newline = text->len > 0 ? memchr(text->ptr, '\n', text->len) : NULL;
    size_t len = newline ? (size_t)(newline - text->ptr) : text->len;
    struct bytes line = bytes_of(text->ptr, len);

    *text = from(*text, newline ? len + 1 : len);
    while (line.len > 0 && strchr(" \t\r", line.ptr[line.len - 1]) != NULL &&
           line.ptr[line.len - 1] != '\0')
        line.len--;
    return line;
}

static bool is_begin(struct bytes line)
{
    return starts(line, begin_mark);
}

/* The label between the marks of a line; empty when it has none. */
static struct bytes label_of(struct bytes line, const char *mark)
{
    size_t before = strlen(mark), behind = strlen(dashes);

    if (!starts(line, mark) || line.len < before + behind ||
        memcmp(line.ptr + line.len - behind, dashes, behind) != 0)
        return bytes_of(NULL, 0);
    return bytes_of(line.ptr + before, line.len - before - behind);
}

static bool is_ours(struct bytes label)
{
    for (size_t i = 0; i < sizeof labels / sizeof labels[0]; i++)
        if (bytes_equal(label, bytes_str(labels[i])))
            return true;
    return false;
}

static bool refuse_label(const struct reading *reading, struct bytes label)
{
    char text[80];

    text_escape(text, sizeof text, label);
    if (strstr(text, "PRIVATE KEY") != NULL)
        return request_refuse(reading,
                              "it holds a private key (%s), which must not leave its "
                              "owner: give the signing request alone",
                              text);
    return request_refuse(reading, "it holds \"%s\" and no CERTIFICATE REQUEST", text);
}

static int sextet(uint8_t c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Where the base64 of several lines stands. */
struct base64 {
    uint8_t *out;
    size_t len;
    uint32_t bits;
    unsigned n, padding; /* sextets of this quantum, "=" among them */
};

/* RFC 4648 4, and 3.5: bits that are padded with are zero. */
static bool decode_line(struct base64 *state, struct bytes line)
{
    for (size_t i = 0; i < line.len; i++) {
        int value = sextet(line.ptr[i]);

        if (line.ptr[i] == '=' && state->n >= 2) {
            state->padding++;
            value = 0;
        } else if (value < 0 || state->padding > 0) {
            return false;
        }
        state->bits = state->bits << 6 | (uint32_t)value;
        if (++state->n < 4)
            continue;
        for (unsigned k = 0; k < 3; k++) {
            uint8_t octet = (uint8_t)(state->bits >> (16 - 8 * k));

            if (k < 3 - state->padding)
                state->out[state->len++] = octet;
            else if (octet != 0)
                return false;
        }
        state->bits = 0;
        state->n = 0;
        if (state->padding > 0)
            return i + 1 == line.len;
    }
    return true;
}

static bool decode(const struct reading *reading, struct bytes *text, struct bytes label,
                   struct base64 *state)
{
    while (text->len > 0) {
        struct bytes line = take_line(text);

        if (starts(line, end_mark)) {
            if (!bytes_equal(label_of(line, end_mark), label))
                return request_refuse(reading, "its END line does not fit its BEGIN line");
            if (state->n != 0 || state->len == 0)
                return request_refuse(reading, "its base64 is cut short");
            return true;
        }
        if (state->padding > 0 || !decode_line(state, line))
            return request_refuse(reading, "a line between BEGIN and END is not base64 (RFC 7468): "
                                           "no headers, no blanks, nothing behind \"=\"");
    }
    return request_refuse(reading, "its END line is missing: the file was cut");
}

static bool judge_rest(const struct reading *reading, struct bytes rest)
{
    while (rest.len > 0) {
        struct bytes line = take_line(&rest);

        if (is_begin(line))
            return request_refuse(reading, "two requests, or other things, are in one file: give "
                                           "each its own");
        if (line.len > 0)
            return request_refuse(reading, "something stands behind its END line: take it away");
    }
    return true;
}

static bool unwrap_pem(const struct reading *reading, struct bytes text, uint8_t **der, size_t *len)
{
    struct bytes rest = text, line = {NULL, 0}, label;
    struct base64 state = {.out = NULL};

    /* What is in front is for people: "openssl req -text" writes it. */
    while (rest.len > 0 && !is_begin(line))
        line = take_line(&rest);
    if (!is_begin(line))
        return request_refuse(reading, "it is neither PEM nor DER: no line begins with "
                                       "\"-----BEGIN CERTIFICATE REQUEST-----\"");
    label = label_of(line, begin_mark);
    if (!is_ours(label))
        return refuse_label(reading, label);
    state.out = malloc(text.len);
    if (state.out == NULL)
        return request_refuse(reading, "there is no memory to read it");
    if (!decode(reading, &rest, label, &state) || !judge_rest(reading, rest)) {
        free(state.out);
        return false;
    }
    *der = state.out;
    *len = state.len;
    return true;
}

/* DER begins with 0x30, which is also the letter 0: a short one has no mark of PEM in it. */
static bool is_der(struct bytes text)
{
    return text.len >= 2 && text.ptr[0] == DER_SEQUENCE &&
           (text.ptr[1] >= 0x80 ||
            memmem(text.ptr, text.len, begin_mark, sizeof begin_mark - 1) == NULL);
}

bool request_unwrap(const struct reading *reading, struct bytes text, uint8_t **der, size_t *len)
{
    if (text.len == 0)
        return request_refuse(reading, "it is empty");
    if (text.len > REQUEST_MAX)
        return request_refuse(reading, "it has more than 64 KiB, and a request has some 1 KiB");
    if (!is_der(text)) {
        if (memchr(text.ptr, 0, text.len) != NULL)
            return request_refuse(reading, "it is neither DER nor the text of PEM: it holds NUL");
        return unwrap_pem(reading, text, der, len);
    }
    *der = malloc(text.len);
    if (*der == NULL)
        return request_refuse(reading, "there is no memory to read it");
    memcpy(*der, text.ptr, text.len);
    *len = text.len;
    return true;
}
