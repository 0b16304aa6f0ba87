#include "config.h"

#include "mfa/qr_image.h"

#include "mfa/qr.h"

#include <stdio.h>
#include <stdlib.h>

#include <png.h>
#include <qrencode.h>

#define RUN_MAX 24 /* bytes of "M177 177h177v1h-177z" with its NUL */

static QRcode *encode(const char *text)
{
    return QRcode_encodeString8bit(text, 0, QR_ECLEVEL_M);
}

static void release(QRcode *code)
{
    if (code == NULL)
        return;
    secret_wipe(code->data, (size_t)code->width * (size_t)code->width);
    QRcode_free(code);
}

static bool is_dark(const QRcode *code, int x, int y)
{
    return (code->data[y * code->width + x] & 1) != 0;
}

static size_t count_runs(const QRcode *code)
{
    size_t runs = 0;

    for (int y = 0; y < code->width; y++)
        for (int x = 0; x < code->width; x++)
            runs += is_dark(code, x, y) && (x == 0 || !is_dark(code, x - 1, y));
    return runs;
}

bool qr_path(const char *text, struct secret *out, unsigned *side)
{
    QRcode *code = encode(text);
    struct secret draft = {0};
    size_t at = 0;
    bool done = false;

    *out = (struct secret){0};
    if (code == NULL || !secret_alloc(&draft, count_runs(code) * RUN_MAX))
        goto out;
    for (int y = 0; y < code->width; y++) {
        for (int x = 0; x < code->width; x++) {
            int from = x;
            while (x < code->width && is_dark(code, x, y))
                x++;
            if (x == from)
                continue;
            int n = snprintf((char *)draft.ptr + at, draft.len - at, "M%d %dh%dv1h-%dz",
                             from + QR_QUIET, y + QR_QUIET, x - from, x - from);
            if (n < 0 || (size_t)n >= draft.len - at)
                goto out;
            at += (size_t)n;
        }
    }
    *side = (unsigned)code->width + 2 * QR_QUIET;
    done = secret_copy(out, bytes_of(draft.ptr, at));
out:
    secret_free(&draft);
    release(code);
    return done;
}

bool qr_svg(const char *text, struct secret *out)
{
    static const char format[] =
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%u\" height=\"%u\" "
        "viewBox=\"0 0 %u %u\" shape-rendering=\"crispEdges\">\n"
        "<rect width=\"%u\" height=\"%u\" fill=\"#fff\"/>\n"
        "<path fill=\"#000\" d=\"%s\"/>\n"
        "</svg>\n";
    struct secret path = {0};
    unsigned side = 0;
    bool done = false;

    *out = (struct secret){0};
    if (!qr_path(text, &path, &side))
        return false;
    unsigned pixels = side * QR_IMAGE_SCALE;
    int len = snprintf(NULL, 0, format, pixels, pixels, side, side, side, side, path.ptr);
    if (len > 0 && secret_alloc(out, (size_t)len)) {
        /* room for the NUL is behind every secret */
        snprintf((char *)out->ptr, out->len + 1, format, pixels, pixels, side, side, side, side,
                 path.ptr);
        done = true;
    }
    secret_free(&path);
    return done;
}

/* One byte a pixel, the colour's number: 0 white, 1 black. */
static void paint(const QRcode *code, uint8_t *pixels, size_t row)
{
    for (int y = 0; y < code->width; y++)
        for (int x = 0; x < code->width; x++)
            for (size_t k = 0; is_dark(code, x, y) && k < QR_IMAGE_SCALE; k++)
                memset(pixels + (((size_t)y + QR_QUIET) * QR_IMAGE_SCALE + k) * row +
                           ((size_t)x + QR_QUIET) * QR_IMAGE_SCALE,
                       1, QR_IMAGE_SCALE);
}

bool qr_png(const char *text, struct secret *out)
{
    static const png_byte colours[2][3] = {{255, 255, 255}, {0, 0, 0}};
    QRcode *code = encode(text);
    struct secret pixels = {0}, draft = {0};
    png_image image = {.version = PNG_IMAGE_VERSION, .format = PNG_FORMAT_RGB_COLORMAP};
    bool done = false;

    *out = (struct secret){0};
    if (code == NULL)
        goto out;
    size_t row = ((size_t)code->width + 2 * QR_QUIET) * QR_IMAGE_SCALE;
    if (!secret_alloc(&pixels, row * row))
        goto out;
    paint(code, pixels.ptr, row);
    image.width = image.height = (png_uint_32)row;
    image.colormap_entries = 2; /* which makes it one bit a pixel */
    size_t len = PNG_IMAGE_PNG_SIZE_MAX(image);
    if (!secret_alloc(&draft, len) ||
        !png_image_write_to_memory(&image, draft.ptr, &len, 0, pixels.ptr, (png_int_32)row,
                                   colours))
        goto out;
    done = secret_copy(out, bytes_of(draft.ptr, len));
out:
    png_image_free(&image);
    secret_free(&draft);
    secret_free(&pixels);
    release(code);
    return done;
}
